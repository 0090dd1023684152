//! The rules in force: the house's, with what an operator changed laid over them, general before particular.

use std::collections::HashSet;

use hongyan_domain::policy::{Mode, Policies, Policy, Rule};
use hongyan_domain::{AccountId, Category, Timestamp};
use hongyan_store::{PolicyChange, Store};

use crate::EngineError;

/// Turns every rule off for all accounts: for tests and benchmarks of everything else.
pub async fn turn_off(store: &Store, now: Timestamp) -> Result<(), EngineError> {
    for rule in Rule::ALL {
        let off = serde_json::Map::from_iter([("mode".to_owned(), Mode::Off.as_str().into())]);
        store
            .put_policy(PolicyChange { account: None, category: None, rule: *rule, change: off }, now)
            .await?;
    }
    Ok(())
}

/// Everything that makes an account's policies.
#[derive(Default)]
pub struct Rules {
    /// Those of all accounts first, those of all categories first in each.
    changes: Vec<PolicyChange>,
    /// Accounts about whose people anything was ever told.
    known: HashSet<AccountId>,
}

impl Rules {
    /// Reads them.
    pub async fn read(store: &Store) -> Result<Self, EngineError> {
        let known = store.accounts_with_interactions().await?.into_iter().collect();
        Ok(Self { changes: store.policy_changes().await?, known })
    }

    /// The policies of an account.
    pub fn of(&self, account: AccountId) -> Policies {
        Policies::new(|category| self.policy(Some(account), category))
    }

    /// The policy for messages of `category` of `account`; `None`: of an account that has nothing of its own.
    ///
    /// As long as nothing was ever told of an account's people (no callback, no interaction by API), nobody can know
    /// their windows: reach is off then, unless somebody set its mode.
    pub fn policy(&self, account: Option<AccountId>, category: Category) -> Policy {
        let mut policy = Policy::house(category);
        if account.is_some_and(|account| !self.known.contains(&account)) {
            policy.set_mode(Rule::Reach, Mode::Off);
        }
        for change in &self.changes {
            let here = change.account.is_none() || change.account == account;
            if here && change.category.is_none_or(|only| only == category) {
                policy = laid_over(policy, change);
            }
        }
        policy
    }
}

fn laid_over(policy: Policy, change: &PolicyChange) -> Policy {
    policy.patched(change.rule, &change.change).unwrap_or_else(|faults| {
        // It was checked when it was set; an older binary may know less than the one that set it.
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        tracing::error!(rule = change.rule.as_str(), ?faults, "a stored policy does not fit; left out");
        policy
    })
}
