//! How much an account may still send today.

use crate::{Lane, Timestamp};

/// The tenth of a day's budget that only urgent messages may use.
const URGENT_SHARE: u32 = 10;

/// How much a day may see by our own settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daily {
    /// Of accounts of this kind, as far as is known: WeChat's own figure for the account takes its place.
    Usual(u32),
    /// The operator wants no more: WeChat's own figure holds as well, and the lower of the two decides.
    Ordered(u32),
}

/// What an account may still send today (Asia/Shanghai).
#[derive(Clone, Debug)]
pub struct Budget {
    ours: Daily,
    /// What WeChat allows, once it has said so.
    told: Option<u32>,
    used: u32,
    day: i64,
}

impl Budget {
    /// A whole budget; 0 allows none.
    pub fn new(ours: Daily, now: Timestamp) -> Self {
        Self { ours, told: None, used: 0, day: now.day() }
    }

    /// Whether `lane` may send one more today. The last tenth is for urgent alone.
    pub fn allows(&self, lane: Lane, now: Timestamp) -> bool {
        allows(lane, (self.used_on(now), self.limit()))
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

    /// WeChat's own figures (`openapi/quota/get`). What it counted takes the place of our count, also when it is
    /// lower: a cleared quota has to count.
    pub fn learned(&mut self, limit: u32, used: u32, now: Timestamp) {
        self.told = Some(limit);
        self.learned_used(used, now);
    }

    /// What is known to have gone today.
    pub fn learned_used(&mut self, used: u32, now: Timestamp) {
        self.turn(now);
        self.used = used;
    }

    /// A new limit of ours; what was used stays used, and what WeChat said stays said.
    pub fn set_limit(&mut self, ours: Daily) {
        self.ours = ours;
    }

    /// Today's limit.
    pub fn limit(&self) -> u32 {
        match (self.ours, self.told) {
            (Daily::Usual(limit) | Daily::Ordered(limit), None) => limit,
            (Daily::Usual(_), Some(told)) => told,
            (Daily::Ordered(limit), Some(told)) => limit.min(told),
        }
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

/// Whether of a day's `(used, limit)` there is one more for `lane`. The last tenth is for urgent alone.
pub fn allows(lane: Lane, (used, limit): (u32, u32)) -> bool {
    let kept = if lane == Lane::Urgent { 0 } else { limit.div_ceil(URGENT_SHARE) };
    used < limit - kept
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
        let mut budget = Budget::new(Daily::Usual(20), NOW);
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
        let mut budget = Budget::new(Daily::Usual(1), NOW);
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
        let mut budget = Budget::new(Daily::Usual(100), NOW);
        budget.spend(NOW);

        budget.learned(1_000, 1_000, NOW);
        assert!(!budget.allows(Lane::Urgent, NOW));

        budget.learned(1_000, 0, NOW);
        assert_eq!((budget.limit(), budget.used_on(NOW)), (1_000, 0));
    }

    #[test]
    fn of_the_operators_limit_and_wechats_the_lower_holds() {
        let mut budget = Budget::new(Daily::Ordered(100), NOW);

        budget.learned(1_000, 3, NOW);
        assert_eq!((budget.limit(), budget.used_on(NOW)), (100, 3));

        budget.learned(50, 3, NOW);
        assert_eq!(budget.limit(), 50);

        budget.set_limit(Daily::Ordered(20));
        assert_eq!(budget.limit(), 20);

        budget.set_limit(Daily::Usual(20));
        assert_eq!(budget.limit(), 50);
    }

    #[test]
    fn a_budget_of_nothing_allows_nothing() {
        assert!(!Budget::new(Daily::Usual(0), NOW).allows(Lane::Urgent, NOW));
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
            let mut budget = Budget::new(Daily::Ordered(limit), NOW);
            for (spent, now) in (1..).zip(times.into_iter().map(Timestamp::from_ms)) {
                budget.spend(now);

                prop_assert!((1..=spent).contains(&budget.used_on(now)));
                prop_assert!(budget.until(now) >= now || now.ms() > i64::MAX - 86_400_000);
                prop_assert!(budget.allows(Lane::Urgent, now) || !budget.allows(Lane::Bulk, now));
            }
        }
    }
}
