//! All policies of an account.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Cap, Mode, Policy};
use crate::Category;

/// The policies of one account: one a category, and one for each scenario that has caps of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    by_category: [Arc<Policy>; 3],
    by_scenario: HashMap<Box<str>, Arc<Policy>>,
    /// Templates that a brake stops.
    braked: HashSet<Box<str>>,
}

impl Policies {
    /// The policy that `make` gives each category.
    pub fn new(make: impl Fn(Category) -> Policy) -> Self {
        let all = [Category::Transactional, Category::Service, Category::Marketing];
        let by_category = all.map(|category| Arc::new(make(category)));
        Self { by_category, by_scenario: HashMap::new(), braked: HashSet::new() }
    }

    /// No rule for any.
    pub fn off() -> Self {
        Self::new(|_| Policy::off())
    }

    /// Gives a scenario caps besides those of its category; of two that count the same, the smaller holds.
    pub fn cap(&mut self, scenario: &str, category: Category, caps: &[Cap]) {
        let mut policy = Policy::clone(self.of(category, None));
        for cap in caps {
            match policy.frequency.caps.iter_mut().find(|there| there.counts_with(cap)) {
                Some(there) => there.limit = there.limit.min(cap.limit),
                None => policy.frequency.caps.push(*cap),
            }
        }
        self.by_scenario.insert(scenario.into(), Arc::new(policy));
    }

    /// Whether any message's words are looked at.
    pub fn ask_for_words(&self) -> bool {
        self.by_category.iter().any(|policy| policy.content.mode != Mode::Off)
    }

    /// Stops everything by this template.
    pub fn brake(&mut self, template_id: &str) {
        self.braked.insert(template_id.into());
    }

    /// Whether a brake stops this template. Without any brake it costs one comparison.
    pub fn is_braked(&self, template_id: &str) -> bool {
        !self.braked.is_empty() && self.braked.contains(template_id)
    }

    /// The templates that brakes stop, in order.
    pub fn braked(&self) -> Vec<&str> {
        let mut braked: Vec<_> = self.braked.iter().map(|template| &**template).collect();
        braked.sort_unstable();
        braked
    }

    /// The policy for messages of `category`, of this scenario or of none.
    pub fn of(&self, category: Category, scenario: Option<&str>) -> &Arc<Policy> {
        let own = scenario.and_then(|scenario| self.by_scenario.get(scenario));
        own.unwrap_or(&self.by_category[category as usize])
    }
}
