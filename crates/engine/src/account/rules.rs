//! The rules in force: the house's, with what an operator changed laid over them, general before particular.

use std::collections::HashSet;

use hongyan_domain::policy::{Mode, Policies, Policy, Rule};
use hongyan_domain::{AccountId, Category, FieldError, Timestamp};
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
        for change in self.changes.iter().filter(|change| is_about(change, account, category)) {
            policy = laid_over(policy, change);
        }
        policy
    }
}

/// A change that does not fit what is set already.
#[derive(Clone, Debug)]
pub struct Misfit {
    /// Whose messages it would be about; `None`: of accounts without rules of their own.
    pub account: Option<AccountId>,
    /// Of which category.
    pub category: Category,
    /// What is wrong then.
    pub faults: Vec<FieldError>,
}

impl Rules {
    /// The same with `change` in its place: of the same account, category and rule there is one.
    #[must_use]
    pub fn with(mut self, change: PolicyChange) -> Self {
        let place = |one: &PolicyChange| (one.account, one.category.map(Category::as_str), one.rule.as_str());
        self.changes.retain(|one| place(one) != place(&change));
        let at = self.changes.partition_point(|one| place(one) < place(&change));
        self.changes.insert(at, change);
        self
    }

    /// Lays all changes of `rule` over each other as they will lie: for each category, and for each account that has
    /// changes of its own as for those that have none.
    ///
    /// # Errors
    /// The first place where they do not fit.
    pub fn check(&self, rule: Rule) -> Result<(), Misfit> {
        let of_rule = || self.changes.iter().filter(|change| change.rule == rule);
        let mut accounts: Vec<_> = of_rule().filter_map(|change| change.account).map(Some).collect();
        accounts.dedup();
        for account in std::iter::once(None).chain(accounts) {
            for category in Category::ALL {
                let mut mine = of_rule().filter(|change| is_about(change, account, *category));
                let laid = mine.try_fold(Policy::house(*category), |policy, change| {
                    policy.patched(change.rule, &change.change)
                });
                laid.map_err(|faults| Misfit { account, category: *category, faults })?;
            }
        }
        Ok(())
    }
}

fn is_about(change: &PolicyChange, account: Option<AccountId>, category: Category) -> bool {
    let here = change.account.is_none() || change.account == account;
    here && change.category.is_none_or(|only| only == category)
}

fn laid_over(policy: Policy, change: &PolicyChange) -> Policy {
    policy.patched(change.rule, &change.change).unwrap_or_else(|faults| {
        // It was checked when it was set; an older binary may know less than the one that set it.
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        tracing::error!(rule = change.rule.as_str(), ?faults, "a stored policy does not fit; left out");
        policy
    })
}
