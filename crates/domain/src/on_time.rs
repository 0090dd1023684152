//! Was a message with WeChat when it should be, and if not, where did the time go? Pure; times are passed in.

use std::time::Duration;

use crate::Timestamp;
use crate::message::words;

words! {
    /// Where a message can lose time.
    Step {
        /// A rule held it back.
        Hold = "hold",
        /// Its account stood still: paused by a person, by WeChat's quota, by a token that was missing.
        Pause = "pause",
        /// It waited for its turn: the pace, the budget of the day, others before it.
        Pace = "pace",
        /// It was claimed and waited for a slot.
        Claim = "claim",
        /// WeChat took its time, or had to be asked again.
        WeChat = "wechat",
    }
}

/// One try to hand a message to WeChat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// When its claim was committed.
    pub claimed_at: Timestamp,
    /// When it came back.
    pub at: Timestamp,
    /// How long WeChat took, in milliseconds.
    pub took_ms: u64,
    /// What the next try waited for.
    pub then: Step,
}

/// How a message came to WeChat.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// When it might have gone, at the earliest.
    pub free_at: Timestamp,
    /// When it should have been there.
    pub deadline_at: Timestamp,
    /// When it was.
    pub reached_at: Timestamp,
    /// From when to when rules held it.
    pub holds: &'a [(Timestamp, Timestamp)],
    /// How long its account stood still while it waited, in milliseconds.
    pub paused_ms: u64,
    /// All tries, the last of them the one that reached WeChat.
    pub tries: &'a [Try],
}

/// How late a message was, in milliseconds, by step; they add up to the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// In all.
    pub late_ms: u64,
    /// In the order of `Step::ALL`.
    pub by_step: [u64; 5],
}

/// Whether a message was with WeChat when it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Punctuality {
    /// Before its deadline.
    OnTime,
    /// At its deadline or after.
    Late(Lateness),
    /// Its time ran out before it could go.
    Expired,
}

impl Punctuality {
    /// The word used in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::OnTime => "on_time",
            Self::Late(_) => "late",
            Self::Expired => "expired",
        }
    }
}

/// How punctual a message was that reached WeChat.
pub fn punctuality(passage: &Passage<'_>) -> Punctuality {
    if passage.reached_at < passage.deadline_at {
        return Punctuality::OnTime;
    }
    let late_ms = millis(passage.reached_at.since(passage.deadline_at));
    Punctuality::Late(Lateness { late_ms, by_step: shared_out(late_ms, spent(passage)) })
}

/// What each step took, from when the message might have gone.
fn spent(passage: &Passage<'_>) -> [u64; 5] {
    let mut spent = [0; 5];
    let mut add = |step: Step, ms: u64| spent[step as usize] += ms;
    let mut from = passage.free_at;
    let mut waits_for = None;
    for one in passage.tries {
        let wait = millis(one.claimed_at.since(from));
        let held =
            passage.holds.iter().map(|hold| overlap(*hold, (from, one.claimed_at))).sum::<u64>().min(wait);
        add(Step::Hold, held);
        match waits_for {
            Some(step) => add(step, wait - held),
            None => {
                let paused = passage.paused_ms.min(wait - held);
                add(Step::Pause, paused);
                add(Step::Pace, wait - held - paused);
            }
        }
        let under_way = millis(one.at.since(one.claimed_at));
        add(Step::WeChat, one.took_ms.min(under_way));
        add(Step::Claim, under_way.saturating_sub(one.took_ms));
        (from, waits_for) = (one.at, Some(one.then));
    }
    spent
}

/// The lateness in the shares of what was spent; what rounding leaves goes to the largest.
fn shared_out(late_ms: u64, spent: [u64; 5]) -> [u64; 5] {
    let whole: u64 = spent.iter().sum();
    let largest = (0..spent.len()).rev().max_by_key(|step| spent[*step]).unwrap_or(0);
    let share = |ms: u64| u128::from(ms) * u128::from(late_ms) / u128::from(whole.max(1));
    let mut by_step = spent.map(|ms| u64::try_from(share(ms)).unwrap_or(0));
    by_step[largest] += late_ms.saturating_sub(by_step.iter().sum());
    by_step
}

/// How long two stretches of time lie in one another, in milliseconds.
pub fn overlap(one: (Timestamp, Timestamp), other: (Timestamp, Timestamp)) -> u64 {
    millis(one.1.min(other.1).since(one.0.max(other.0)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_ms(1_790_000_000_000 + seconds * 1_000)
    }

    fn tried(claimed: i64, back: i64, took_s: u64, then: Step) -> Try {
        Try { claimed_at: at(claimed), at: at(back), took_ms: took_s * 1_000, then }
    }

    fn late(deadline: i64, paused_s: u64, holds: &[(Timestamp, Timestamp)], tries: &[Try]) -> Punctuality {
        let reached_at = tries.last().map_or(at(0), |last| last.at);
        let (free_at, deadline_at, paused_ms) = (at(0), at(deadline), paused_s * 1_000);
        punctuality(&Passage { free_at, deadline_at, reached_at, holds, paused_ms, tries })
    }

    #[test]
    fn a_message_is_on_time_before_its_deadline_and_late_at_it() {
        assert_eq!(late(10, 0, &[], &[tried(8, 9, 1, Step::WeChat)]), Punctuality::OnTime);
        assert_eq!(
            late(10, 0, &[], &[tried(9, 10, 1, Step::WeChat)]),
            Punctuality::Late(Lateness::default())
        );
    }

    type Holds<'a> = &'a [(Timestamp, Timestamp)];

    #[test]
    fn the_time_is_found_in_the_step_that_took_it() {
        let hold = [(at(0), at(100))];
        let retried = [tried(0, 1, 1, Step::WeChat), tried(99, 100, 1, Step::WeChat)];
        let paused = [tried(0, 0, 0, Step::Pause), tried(100, 100, 0, Step::WeChat)];
        let once = |claimed, back, took| [tried(claimed, back, took, Step::WeChat)];
        let table: [(&str, u64, Holds<'_>, &[Try], Step); 7] = [
            ("it waits for its turn", 0, &[], &once(100, 100, 0), Step::Pace),
            ("its account stands still", 100, &[], &once(100, 100, 0), Step::Pause),
            ("a rule holds it", 0, &hold, &once(100, 100, 0), Step::Hold),
            ("it waits for a slot", 0, &[], &once(0, 100, 0), Step::Claim),
            ("WeChat is slow", 0, &[], &once(0, 100, 100), Step::WeChat),
            ("WeChat has to be asked again", 0, &[], &retried, Step::WeChat),
            ("a try finds that the account has to wait", 0, &[], &paused, Step::Pause),
        ];

        for (name, paused_s, holds, tries, step) in table {
            let Punctuality::Late(lateness) = late(60, paused_s, holds, tries) else {
                panic!("{name}: late")
            };
            assert_eq!(lateness.late_ms, 40_000, "{name}");
            assert_eq!(lateness.by_step[step as usize], 40_000, "{name}: {lateness:?}");
        }
    }

    #[test]
    fn the_steps_add_up_to_the_whole() {
        let tries = [tried(7, 11, 3, Step::Pause), tried(17, 19, 1, Step::WeChat)];
        for deadline in 0..19 {
            let Punctuality::Late(lateness) = late(deadline, 2, &[(at(1), at(3))], &tries) else {
                panic!("late")
            };
            assert_eq!(lateness.by_step.iter().sum::<u64>(), lateness.late_ms, "{lateness:?}");
        }
    }
}
