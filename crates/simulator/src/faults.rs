//! What goes wrong on purpose: shares and counts, for one account or for all.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::bodies::{FaultsBody, ReviewFault};
use crate::chance::Chance;
use crate::quota::Api;
use crate::settings::{Latency, ReceiptPlan, Share};

/// A [`Share`] at work: it remembers how many cases are left.
pub(crate) struct Dice {
    /// Draws below this hit; `None` is always.
    below: Option<u64>,
    left: Option<AtomicU64>,
}

impl Dice {
    pub(crate) fn new(share: Share) -> Dice {
        let below = (share.rate < 1.0).then_some((share.rate * u64::MAX as f64) as u64);
        Dice { below, left: share.next.map(AtomicU64::new) }
    }

    pub(crate) fn hits(&self, chance: &Chance) -> bool {
        match self.below {
            Some(0) => return false,
            Some(below) if chance.draw() >= below => return false,
            _ => {}
        }
        let Some(left) = &self.left else { return true };
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// Which calls a fault is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    One(Api),
}

impl Scope {
    fn holds(self, api: Api) -> bool {
        self == Scope::All || self == Scope::One(api)
    }

    fn read(path: Option<&str>) -> Result<Scope, String> {
        match path {
            None => Ok(Scope::One(Api::Send)),
            Some("*") => Ok(Scope::All),
            Some(path) => Api::from_path(path).map(Scope::One).ok_or_else(|| {
                format!("path: `{path}` is no call of WeChat's that the simulator knows; `*` is all")
            }),
        }
    }
}

/// What strikes a call in place of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    Errcode(i32),
    DropBefore,
    BadGateway,
}

/// What strikes a call after it took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aftermath {
    Drop,
    Garbage,
    Errcode(i32),
}

/// A code, and the calls that are answered with it.
type Answered = (Scope, i32, Dice);

/// The faults of one scope, at work.
pub(crate) struct Faults {
    scope: Scope,
    errcodes: Vec<Answered>,
    errcodes_after: Vec<Answered>,
    drop_before: Dice,
    drop_after: Dice,
    bad_gateway: Dice,
    garbage: Dice,
    review: Option<(Dice, u32)>,
    blocked: Dice,
    pub(crate) latency: Option<Latency>,
    pub(crate) receipts: Option<PlanAtWork>,
    pub(crate) quota_used_up: bool,
    pub(crate) quota_told: Option<i64>,
}

impl Faults {
    /// # Errors
    /// A sentence about what is wrong with the body.
    pub(crate) fn new(body: &FaultsBody) -> Result<Faults, String> {
        let scope = Scope::read(body.path.as_deref())?;
        let (mut errcodes, mut errcodes_after) = (Vec::new(), Vec::new());
        for fault in &body.errcodes {
            let scope = if fault.path.is_some() { Scope::read(fault.path.as_deref())? } else { scope };
            let share = checked(fault.rate, fault.next)?;
            let when = if fault.after { &mut errcodes_after } else { &mut errcodes };
            when.push((scope, fault.errcode, Dice::new(share)));
        }
        Ok(Faults {
            scope,
            errcodes,
            errcodes_after,
            drop_before: Dice::new(body.drop_before),
            drop_after: Dice::new(body.drop_after),
            bad_gateway: Dice::new(body.bad_gateway),
            garbage: Dice::new(body.garbage),
            review: body.review.map(review).transpose()?,
            blocked: Dice::new(body.blocked),
            latency: body.latency,
            receipts: body.receipts.as_ref().map(PlanAtWork::new),
            quota_used_up: body.quota_used_up,
            quota_told: body.quota_told,
        })
    }

    pub(crate) fn strike(&self, api: Api, chance: &Chance) -> Option<Strike> {
        if self.scope.holds(api) {
            if self.drop_before.hits(chance) {
                return Some(Strike::DropBefore);
            }
            if self.bad_gateway.hits(chance) {
                return Some(Strike::BadGateway);
            }
        }
        errcode(&self.errcodes, api, chance).map(Strike::Errcode)
    }

    pub(crate) fn aftermath(&self, api: Api, chance: &Chance) -> Option<Aftermath> {
        if self.scope.holds(api) {
            if self.drop_after.hits(chance) {
                return Some(Aftermath::Drop);
            }
            if self.garbage.hits(chance) {
                return Some(Aftermath::Garbage);
            }
        }
        errcode(&self.errcodes_after, api, chance).map(Aftermath::Errcode)
    }

    /// Whether the platform stops the send it has accepted.
    pub(crate) fn blocks(&self, chance: &Chance) -> bool {
        self.blocked.hits(chance)
    }

    /// How long the send is held for review, if it is.
    pub(crate) fn review_ms(&self, chance: &Chance) -> Option<u32> {
        self.review
            .as_ref()
            .filter(|(dice, _)| dice.hits(chance))
            .map(|(_, release_after_ms)| *release_after_ms)
    }
}

/// The first code whose turn it is.
fn errcode(errcodes: &[Answered], api: Api, chance: &Chance) -> Option<i32> {
    let mut errcodes = errcodes.iter();
    let hit = errcodes.find(|(scope, _, dice)| scope.holds(api) && dice.hits(chance));
    hit.map(|(_, errcode, _)| *errcode)
}

fn review(review: ReviewFault) -> Result<(Dice, u32), String> {
    Ok((Dice::new(checked(review.rate, review.next)?), review.release_after_ms))
}

fn checked(rate: f64, next: Option<u64>) -> Result<Share, String> {
    if (0.0..=1.0).contains(&rate) {
        return Ok(Share { rate, next });
    }
    Err(format!("a rate must be from 0 to 1, not {rate}"))
}

/// A [`ReceiptPlan`] at work.
pub(crate) struct PlanAtWork {
    pub(crate) delay: Latency,
    pub(crate) late: Dice,
    pub(crate) late_ms: u32,
    pub(crate) lost: Dice,
    pub(crate) doubled: Dice,
    pub(crate) early: Dice,
    pub(crate) zero_msgid: Dice,
    pub(crate) user_block: Dice,
    pub(crate) system_failed: Dice,
    pub(crate) freq_limit: Dice,
}

impl PlanAtWork {
    pub(crate) fn new(plan: &ReceiptPlan) -> PlanAtWork {
        PlanAtWork {
            delay: plan.delay,
            late: Dice::new(plan.late),
            late_ms: plan.late_ms,
            lost: Dice::new(plan.lost),
            doubled: Dice::new(plan.doubled),
            early: Dice::new(plan.early),
            zero_msgid: Dice::new(plan.zero_msgid),
            user_block: Dice::new(plan.user_block),
            system_failed: Dice::new(plan.system_failed),
            freq_limit: Dice::new(plan.freq_limit),
        }
    }
}

/// Milliseconds that follow from the latency and chance.
pub(crate) fn drawn_ms(latency: Latency, chance: &Chance) -> u32 {
    match latency {
        Latency::None => 0,
        Latency::Uniform { min_ms, max_ms } => chance.between(min_ms, max_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(share: Share, cases: usize) -> usize {
        let (dice, chance) = (Dice::new(share), Chance::new(3));
        (0..cases).filter(|_| dice.hits(&chance)).count()
    }

    #[test]
    fn a_share_hits_about_that_many_and_a_count_exactly_that_many() {
        assert_eq!(hits(Share::NEVER, 1000), 0);
        assert_eq!(hits(Share::ALWAYS, 1000), 1000);
        assert!((200..300).contains(&hits(Share::rate(0.25), 1000)));
        assert_eq!(hits(Share::next(3), 1000), 3);
        assert_eq!(hits(Share { rate: 0.5, next: Some(3) }, 1000), 3);
    }

    #[test]
    fn a_fault_without_a_path_strikes_sends_only() {
        let body: FaultsBody = serde_json::from_str(r#"{"errcodes":[{"errcode":-1}]}"#).unwrap();
        let (faults, chance) = (Faults::new(&body).unwrap(), Chance::new(1));

        assert_eq!(faults.strike(Api::Send, &chance), Some(Strike::Errcode(-1)));
        assert_eq!(faults.strike(Api::Token, &chance), None);
    }

    #[test]
    fn a_code_after_the_call_strikes_no_call_before_it() {
        let body: FaultsBody = serde_json::from_str(r#"{"errcodes":[{"errcode":-1,"after":true}]}"#).unwrap();
        let (faults, chance) = (Faults::new(&body).unwrap(), Chance::new(1));

        assert_eq!(faults.strike(Api::Send, &chance), None);
        assert_eq!(faults.aftermath(Api::Send, &chance), Some(Aftermath::Errcode(-1)));
        assert_eq!(faults.aftermath(Api::Token, &chance), None);
    }

    #[test]
    fn an_unknown_path_and_a_rate_over_one_are_refused_with_the_reason() {
        let error = |json: &str| Faults::new(&serde_json::from_str(json).unwrap()).err().unwrap();

        assert!(error(r#"{"path":"/x"}"#).contains("`/x` is no call"));
        assert!(error(r#"{"errcodes":[{"errcode":1,"rate":2}]}"#).contains("from 0 to 1, not 2"));
    }
}
