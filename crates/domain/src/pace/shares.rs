//! Whose turn it is: urgent first, and nobody starves.

use crate::Lane;

/// Out of so many turns, a lane that waits gets at least one.
const TURNS: u8 = 10;

/// Whose turn it is among the lanes of an account.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    /// For how many turns each lane has waited while another went.
    passed: [u8; 3],
}

impl Shares {
    /// The lane that goes next, of those `waiting` (indexed by `Lane::index`); `None` if none waits.
    ///
    /// The most urgent goes, but no lane that waits is passed over ten times in a row.
    pub fn pick(&mut self, waiting: [bool; 3]) -> Option<Lane> {
        for lane in Lane::ALL {
            if !waiting[lane.index()] {
                self.passed[lane.index()] = 0;
            }
        }
        let picked = self.due().or_else(|| Lane::ALL.into_iter().find(|lane| waiting[lane.index()]))?;
        for lane in Lane::ALL {
            let passed = &mut self.passed[lane.index()];
            *passed = if lane == picked || !waiting[lane.index()] { 0 } else { *passed + 1 };
        }
        Some(picked)
    }

    /// The lane that may not be passed over again. When both lower lanes come to their last turn together,
    /// one of them goes a turn early.
    fn due(&self) -> Option<Lane> {
        let [_, normal, bulk] = self.passed;
        let last = TURNS - 1;
        match (normal, bulk) {
            _ if bulk >= last => Some(Lane::Bulk),
            _ if normal >= last => Some(Lane::Normal),
            _ if bulk == last - 1 && normal == last - 1 => Some(Lane::Bulk),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_a_hundred_turns_urgent_gets_all_but_the_tenths() {
        let turns = |waiting: [bool; 3]| {
            let mut shares = Shares::default();
            let mut count = [0; 3];
            for _ in 0..100 {
                if let Some(lane) = shares.pick(waiting) {
                    count[lane.index()] += 1;
                }
            }
            count
        };

        assert_eq!(turns([true, false, false]), [100, 0, 0]);
        assert_eq!(turns([true, false, true]), [90, 0, 10]);
        assert_eq!(turns([false, true, true]), [0, 90, 10]);
        let [urgent, normal, bulk] = turns([true, true, true]);
        assert!(urgent >= 78 && normal >= 10 && bulk >= 10, "{urgent} {normal} {bulk}");
    }

    proptest! {
        #[test]
        fn a_lane_that_waits_gets_every_tenth_turn(turns in prop::collection::vec(any::<[bool; 3]>(), 1..300)) {
            let mut shares = Shares::default();
            let mut passed = [0; 3];

            for waiting in turns {
                let picked = shares.pick(waiting);

                prop_assert_eq!(picked.is_some(), waiting.contains(&true));
                for lane in Lane::ALL.into_iter().filter(|lane| *lane != Lane::Urgent) {
                    let gone = picked == Some(lane) || !waiting[lane.index()];
                    passed[lane.index()] = if gone { 0 } else { passed[lane.index()] + 1 };
                    prop_assert!(passed[lane.index()] < 10);
                }
                prop_assert!(picked.is_none_or(|lane| waiting[lane.index()]));
            }
        }
    }
}
