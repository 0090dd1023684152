//! When accounts stood still lately: what a late message waited for.

use std::collections::{HashMap, VecDeque};

use hongyan_domain::on_time::overlap;
use hongyan_domain::{AccountId, Timestamp};
use parking_lot::Mutex;

/// Stretches remembered of an account; of more, the oldest is forgotten. A pause a minute is half an hour.
const KEPT: usize = 32;

/// Of all accounts.
#[derive(Default)]
pub(crate) struct Stills(Mutex<HashMap<AccountId, VecDeque<(Timestamp, Timestamp)>>>);

impl Stills {
    /// From now on the account stands still until then, or no more.
    pub(crate) fn note(&self, account: AccountId, until: Option<Timestamp>, now: Timestamp) {
        let mut all = self.0.lock();
        let stretches = all.entry(account).or_default();
        match (stretches.back_mut().filter(|last| last.1 > now), until) {
            (Some(last), until) => last.1 = until.unwrap_or(now),
            (None, Some(until)) => {
                if stretches.len() == KEPT {
                    stretches.pop_front();
                }
                stretches.push_back((now, until));
            }
            (None, None) => {}
        }
    }

    /// How long the account stood still between these, in milliseconds.
    pub(crate) fn during(&self, account: AccountId, from: Timestamp, to: Timestamp) -> u32 {
        let all = self.0.lock();
        let stretches = all.get(&account).into_iter().flatten();
        let ms: u64 = stretches.map(|stretch| overlap(*stretch, (from, to))).sum();
        u32::try_from(ms).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_ms(1_790_000_000_000 + seconds * 1_000)
    }

    #[test]
    fn what_stood_still_is_found_again_and_what_was_ended_early_counts_as_far_as_it_went() {
        let (stills, account) = (Stills::default(), AccountId(1));
        stills.note(account, Some(at(100)), at(0));
        stills.note(account, None, at(10));
        stills.note(account, Some(at(30)), at(20));
        stills.note(account, None, at(40));

        assert_eq!(stills.during(account, at(0), at(50)), 20_000);
        assert_eq!(stills.during(account, at(5), at(25)), 10_000);
        assert_eq!(stills.during(AccountId(2), at(0), at(50)), 0);
    }
}
