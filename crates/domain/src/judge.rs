//! Step judge: may this message go to this person now? Pure: policy, facts and time are passed in.
//!
//! Asked twice: when a message is accepted, for an early, honest answer, and when it is claimed, where the answer
//! counts and is taken from the person in the same transaction.

use std::time::Duration;

use crate::policy::{Cap, ContentRule, Doubtful, Exceeded, Mode, Per, Policy, Rule, Window};
use crate::recipient::{Recipient, Taken, Used};
use crate::{Category, InteractionKind, Timestamp};

/// A message that never expires is asked again after so long: nobody looks for a month at what waits.
const BRAKED_AT_MOST: Duration = Duration::from_secs(30 * 86_400);

/// What has to be known of a message to judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// What kind of word it is.
    pub category: Category,
    /// Its scenario.
    pub scenario: Option<&'a str>,
    /// The interaction that the message itself proves. It opens its window when the message is accepted, as any other
    /// (`Recipient::proving`), and is looked at here only for what the caps exempt.
    pub basis: Option<InteractionKind>,
    /// Template and content, hashed under a secret key.
    pub fingerprint: u64,
}

/// What the word list says of a message's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wording {
    /// Nothing, or nothing that stops it.
    #[default]
    Clean,
    /// A person may allow it, and is waited for until then: until the message expires.
    Doubtful {
        /// Until when.
        until: Timestamp,
    },
    /// Nobody allows it.
    Forbidden,
}

/// What the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go.
    Send,
    /// Not before that time.
    Hold {
        /// When it may be asked again.
        until: Timestamp,
        /// Which rule says so.
        rule: Rule,
    },
    /// It may not go.
    Refuse {
        /// Which rule says so.
        rule: Rule,
        /// From when on the same message would not be refused, if time alone can mend it.
        until: Option<Timestamp>,
    },
}

impl Verdict {
    /// The word used in tables, JSON and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Hold { .. } => "hold",
            Self::Refuse { .. } => "refuse",
        }
    }

    /// The rule that did not say `send`.
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Self::Send => None,
            Self::Hold { rule, .. } | Self::Refuse { rule, .. } => Some(*rule),
        }
    }

    /// Until when it holds, or from when on it would not be refused.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Send => None,
            Self::Hold { until, .. } => Some(*until),
            Self::Refuse { until, .. } => *until,
        }
    }
}

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What counts.
    pub verdict: Verdict,
    /// What a claim takes when the message goes now.
    pub taken: Taken,
    /// What rules that are only observed would have said.
    pub observed: Vec<Verdict>,
}

/// Judges a message to a person at a time. Of several that refuse, the first in the order of `Rule` is told; a
/// refusal goes before a hold, and of several holds the longest.
pub fn judge(policy: &Policy, person: &Recipient, asked: &Asked<'_>, at: Timestamp) -> Judgement {
    judge_worded(policy, person, asked, Wording::Clean, at)
}

/// The same of a message whose words were looked at too. A hold for a person's word goes before every hold by time:
/// what time lets go would else go unread.
pub fn judge_worded(
    policy: &Policy,
    person: &Recipient,
    asked: &Asked<'_>,
    wording: Wording,
    at: Timestamp,
) -> Judgement {
    let way = way(policy, person, at);
    let exempt = asked.basis.is_some_and(|basis| policy.frequency.exempt.contains(&basis));
    let counted = policy.frequency.mode != Mode::Off && !exempt;
    let window = way.kind().filter(|_| policy.reach.mode != Mode::Off);
    let taken = Taken { at, window, counted, fingerprint: asked.fingerprint };
    let mut judgement = Judgement { verdict: Verdict::Send, taken, observed: Vec::new() };
    for rule in Rule::ALL {
        let mode = policy.mode(*rule);
        if mode == Mode::Off {
            continue;
        }
        let verdict = match rule {
            Rule::Suppression => suppressed(person, asked, at),
            Rule::Content => worded(&policy.content, wording),
            // Asked where the template is known (`braked`): what was braked stays so, whatever the mode is now.
            Rule::Brake => Verdict::Send,
            Rule::Reach => way.verdict(),
            Rule::Frequency if counted => over_a_cap(policy, person, asked, at),
            Rule::Frequency => Verdict::Send,
            Rule::Repeat => repeated(policy, person, asked, at),
            Rule::QuietHours => quiet(policy, at),
        };
        judgement.hear(verdict, mode);
    }
    judgement
}

impl Judgement {
    fn hear(&mut self, verdict: Verdict, mode: Mode) {
        match (verdict, self.verdict) {
            (Verdict::Send, _) => {}
            (heard, _) if mode == Mode::Observe => self.observed.push(heard),
            (_, Verdict::Refuse { .. }) => {}
            (Verdict::Hold { .. }, Verdict::Hold { rule: Rule::Content, .. }) => {}
            (Verdict::Hold { until, .. }, Verdict::Hold { until: before, .. }) if until <= before => {}
            (heard, _) => self.verdict = heard,
        }
    }
}

/// What a brake that is on says of a message that would expire then: it waits, and a person lets it go.
pub fn braked(expires_at: Option<Timestamp>, at: Timestamp) -> Verdict {
    let until = expires_at.unwrap_or(at.plus(BRAKED_AT_MOST));
    Verdict::Hold { until, rule: Rule::Brake }
}

fn suppressed(person: &Recipient, asked: &Asked<'_>, at: Timestamp) -> Verdict {
    let holding = person.suppressions().iter().filter(|one| one.holds(asked.category, at));
    // Of several, none may end before the message could go.
    let until = holding.map(|one| one.until.map_or(i64::MAX, Timestamp::ms)).max();
    match until {
        None => Verdict::Send,
        Some(ms) => {
            let until = (ms < i64::MAX).then(|| Timestamp::from_ms(ms));
            Verdict::Refuse { rule: Rule::Suppression, until }
        }
    }
}

fn worded(rule: &ContentRule, wording: Wording) -> Verdict {
    match (wording, rule.doubtful) {
        (Wording::Clean, _) | (Wording::Doubtful { .. }, Doubtful::Allow) => Verdict::Send,
        (Wording::Doubtful { until }, Doubtful::Hold) => Verdict::Hold { until, rule: Rule::Content },
        (Wording::Doubtful { .. }, Doubtful::Refuse) | (Wording::Forbidden, _) => {
            Verdict::Refuse { rule: Rule::Content, until: None }
        }
    }
}

/// How a message may reach its person.
enum Way {
    /// By this window.
    Open(InteractionKind),
    /// By none; by one that is open and used up for now, from then on.
    Closed(Option<Timestamp>),
}

impl Way {
    fn kind(&self) -> Option<InteractionKind> {
        match self {
            Self::Open(kind) => Some(*kind),
            Self::Closed(_) => None,
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Open(_) => Verdict::Send,
            Self::Closed(until) => Verdict::Refuse { rule: Rule::Reach, until: *until },
        }
    }
}

/// The first window of the table that is open and has room: the table is in order of preference.
fn way(policy: &Policy, person: &Recipient, at: Timestamp) -> Way {
    let mut again_at: Option<Timestamp> = None;
    for window in &policy.reach.windows {
        let Some(used) = person.used(window, at) else { continue };
        match room(window, &used, at) {
            Room::Free => return Way::Open(used.kind),
            Room::From(from) => again_at = Some(again_at.map_or(from, |earlier| earlier.min(from))),
            Room::Shut => {}
        }
    }
    Way::Closed(again_at)
}

enum Room {
    Free,
    From(Timestamp),
    Shut,
}

fn room(window: &Window, used: &Used, at: Timestamp) -> Room {
    let closes_at = window.closes_at(used.opened_at);
    let is_open = |when: Timestamp| closes_at.is_none_or(|closes| when < closes);
    if !is_open(at) || window.in_all.is_some_and(|limit| used.in_all >= limit) {
        return Room::Shut;
    }
    match window.per_day {
        Some(0) => Room::Shut,
        Some(limit) if used.that_day >= limit => {
            let tomorrow = at.next_day();
            if is_open(tomorrow) { Room::From(tomorrow) } else { Room::Shut }
        }
        _ => Room::Free,
    }
}

fn over_a_cap(policy: &Policy, person: &Recipient, asked: &Asked<'_>, at: Timestamp) -> Verdict {
    let full = |cap: &&Cap| person.counted(cap, asked, at) >= cap.limit;
    let full: Vec<_> = policy.frequency.caps.iter().filter(full).collect();
    if full.is_empty() {
        return Verdict::Send;
    }
    // A cap of none never has room again.
    let never = full.iter().any(|cap| cap.limit == 0);
    let until = full.iter().map(|cap| ends(cap.per, at)).max().filter(|_| !never);
    match (policy.frequency.exceeded, until) {
        (Exceeded::Hold, Some(until)) => Verdict::Hold { until, rule: Rule::Frequency },
        (_, until) => Verdict::Refuse { rule: Rule::Frequency, until },
    }
}

fn ends(per: Per, at: Timestamp) -> Timestamp {
    match per {
        Per::Day => at.next_day(),
        Per::Week => at.next_week(),
    }
}

fn repeated(policy: &Policy, person: &Recipient, asked: &Asked<'_>, at: Timestamp) -> Verdict {
    let within = Duration::from_secs(u64::from(policy.repeat.within_s));
    match person.repeated_since(asked.fingerprint, at.minus(within)) {
        None => Verdict::Send,
        Some(last) => Verdict::Refuse { rule: Rule::Repeat, until: Some(last.plus(within)) },
    }
}

fn quiet(policy: &Policy, at: Timestamp) -> Verdict {
    match policy.quiet_hours.end_after(at) {
        None => Verdict::Send,
        Some(until) => Verdict::Hold { until, rule: Rule::QuietHours },
    }
}

#[cfg(test)]
mod tests;
