//! How much an account may still send today.

use crate::{Lane, Timestamp};

/// The tenth of a day's budget that only urgent messages may use.
const URGENT_SHARE: u32 = 10;

/// What an account may still send today (Asia/Shanghai).
#[derive(Clone, Debug)]
pub struct Budget {
    limit: u32,
    used: u32,
    day: i64,
}

impl Budget {
    /// A whole budget of `limit` sends a day; 0 allows none.
    pub fn new(limit: u32, now: Timestamp) -> Self {
        Self { limit, used: 0, day: now.day() }
    }

    /// Whether `lane` may send one more today. The last tenth is for urgent alone.
    pub fn allows(&self, lane: Lane, now: Timestamp) -> bool {
        let kept = if lane == Lane::Urgent { 0 } else { self.limit.div_ceil(URGENT_SHARE) };
        self.used_on(now) < self.limit - kept
    }

    /// Counts one send.
    pub fn spend(&mut self, now: Timestamp) {
        self.turn(now);
        self.used = self.used.saturating_add(1);
    }

    /// Takes back a send counted at `spent_at` that never went out; one of another day is gone.
    pub fn give_back(&mut self, spent_at: Timestamp) {
        if spent_at.day() == self.day {
            self.used = self.used.saturating_sub(1);
        }
    }

    /// When the next budget begins: midnight in Shanghai.
    pub fn until(&self, now: Timestamp) -> Timestamp {
        now.next_day()
    }

    /// WeChat's own figures (`openapi/quota/get`) take the place of ours, also when they are lower: a
    /// cleared quota has to count.
    pub fn learned(&mut self, limit: u32, used: u32, now: Timestamp) {
        self.turn(now);
        (self.limit, self.used) = (limit, used);
    }

    /// A new limit; what was used stays used.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// Today's limit.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// What went today.
    pub fn used_on(&self, now: Timestamp) -> u32 {
        if self.is_today(now) { self.used } else { 0 }
    }

    fn turn(&mut self, now: Timestamp) {
        if !self.is_today(now) {
            (self.day, self.used) = (now.day(), 0);
        }
    }

    /// A reading from before midnight that comes out of order still belongs to the new day.
    fn is_today(&self, now: Timestamp) -> bool {
        let day = now.day();
        day == self.day || day.saturating_add(1) == self.day
    }
}

/// When what is left of a day's budget is used up at this rate; `None`: not before the next day begins.
pub fn runs_out_at((used, limit): (u32, u32), per_s: f64, now: Timestamp) -> Option<Timestamp> {
    let left = f64::from(limit.saturating_sub(used));
    if limit == 0 || per_s <= 0.0 {
        return None;
    }
    let until_midnight = now.next_day().since(now).as_secs_f64();
    let lasts = left / per_s;
    (lasts < until_midnight).then(|| now.plus(std::time::Duration::from_secs_f64(lasts)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

    #[test]
    fn the_last_tenth_of_a_day_is_for_urgent() {
        let mut budget = Budget::new(20, NOW);
        for _ in 0..18 {
            assert!(budget.allows(Lane::Bulk, NOW));
            budget.spend(NOW);
        }

        assert!(!budget.allows(Lane::Bulk, NOW) && !budget.allows(Lane::Normal, NOW));
        assert!(budget.allows(Lane::Urgent, NOW));
        budget.spend(NOW);
        budget.spend(NOW);
        assert!(!budget.allows(Lane::Urgent, NOW));

        budget.give_back(NOW);
        assert!(budget.allows(Lane::Urgent, NOW));
    }

    #[test]
    fn a_new_day_is_a_new_budget() {
        let mut budget = Budget::new(1, NOW);
        budget.spend(NOW);
        let tomorrow = budget.until(NOW);

        assert!(!budget.allows(Lane::Urgent, Timestamp::from_ms(tomorrow.ms() - 1)));
        assert!(budget.allows(Lane::Urgent, tomorrow));

        budget.spend(tomorrow);
        budget.give_back(NOW);
        assert!(!budget.allows(Lane::Urgent, tomorrow));
    }

    #[test]
    fn wechats_own_figures_replace_ours() {
        let mut budget = Budget::new(100, NOW);
        budget.spend(NOW);

        budget.learned(1_000, 1_000, NOW);
        assert!(!budget.allows(Lane::Urgent, NOW));

        budget.learned(1_000, 0, NOW);
        assert_eq!((budget.limit(), budget.used_on(NOW)), (1_000, 0));
    }

    #[test]
    fn a_budget_of_nothing_allows_nothing() {
        assert!(!Budget::new(0, NOW).allows(Lane::Urgent, NOW));
    }

    #[test]
    fn a_budget_runs_out_at_its_rate_or_not_today() {
        let hour = Timestamp::from_ms(NOW.day_begins_at().ms() + 3_600_000);

        assert_eq!(
            runs_out_at((900, 1_000), 1.0, hour),
            Some(hour.plus(std::time::Duration::from_secs(100)))
        );
        assert_eq!(runs_out_at((0, 1_000_000), 1.0, hour), None);
        assert_eq!(runs_out_at((1_000, 1_000), 1.0, hour), Some(hour));
        assert_eq!(runs_out_at((0, 1_000), 0.0, hour), None);
    }

    proptest! {
        #[test]
        fn any_times_are_survived_and_no_more_is_used_than_was_spent(
            limit in any::<u32>(), times in prop::collection::vec(any::<i64>(), 1..20),
        ) {
            let mut budget = Budget::new(limit, NOW);
            for (spent, now) in (1..).zip(times.into_iter().map(Timestamp::from_ms)) {
                budget.spend(now);

                prop_assert!((1..=spent).contains(&budget.used_on(now)));
                prop_assert!(budget.until(now) >= now || now.ms() > i64::MAX - 86_400_000);
                prop_assert!(budget.allows(Lane::Urgent, now) || !budget.allows(Lane::Bulk, now));
            }
        }
    }
}
