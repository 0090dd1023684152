//! What an operator changed of the house rules.

use hongyan_domain::{AccountId, Category, Rule, Timestamp};
use rusqlite::params;
use serde_json::{Map, Value, json};

use crate::account::accounts;
use crate::sqlite::row;
use crate::{Action, Deed, Result, Store, StoreError};

/// The keys an operator set in a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyChange {
    /// Of this account; `None`: of all.
    pub account: Option<AccountId>,
    /// For messages of this category; `None`: of all.
    pub category: Option<Category>,
    /// In which rule.
    pub rule: Rule,
    /// What was set; what is not in it stays as the more general change or the house has it.
    pub change: Map<String, Value>,
}

const ALL: &str = "
SELECT account, category, rule, change
FROM policy
ORDER BY account, category, rule";

const PUT: &str = "
INSERT INTO policy (account, rule, category, change, changed_at)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (account, rule, category)
DO UPDATE SET change = excluded.change, changed_at = excluded.changed_at";

const DELETE: &str = "
DELETE FROM policy
WHERE account = ?1
  AND rule = ?2
  AND category = ?3";

const KNOWN: &str = "
SELECT account
FROM meta
WHERE name = 'interactions_since'";

impl Store {
    /// All changes, general before particular: those of all accounts first, those of all categories first in each.
    pub async fn policy_changes(&self) -> Result<Vec<PolicyChange>> {
        self.read(|conn| {
            let mut all = conn.prepare_cached(ALL)?;
            row::all(all.query([])?, read)
        })
        .await
    }

    /// Puts a change in the place of the one there; an empty one takes it away.
    pub async fn put_policy(&self, change: PolicyChange, now: Timestamp) -> Result<()> {
        let text =
            serde_json::to_string(&change.change).map_err(|error| StoreError::Invalid(error.to_string()))?;
        let actor = self.actor.clone();
        self.write(1, move |ledger| {
            let account = change.account.map_or(0, |account| account.0);
            let category = change.category.map_or("", Category::as_str);
            if change.change.is_empty() {
                ledger.conn.prepare_cached(DELETE)?.execute(params![
                    account,
                    change.rule.as_str(),
                    category
                ])?;
            } else {
                let values = params![account, change.rule.as_str(), category, text, now.ms()];
                ledger.conn.prepare_cached(PUT)?.execute(values)?;
            }
            let (action, subject) = (Action::PolicyChange, change.rule.as_str().to_owned());
            let detail = json!({ "category": category, "change": change.change });
            ledger.audit(&actor, &Deed { action, account: change.account, subject, detail, at: now })?;
            accounts::revise(ledger.conn)
        })
        .await
    }

    /// The accounts about whose people anything was ever told.
    pub async fn accounts_with_interactions(&self) -> Result<Vec<AccountId>> {
        self.read(|conn| {
            let mut known = conn.prepare_cached(KNOWN)?;
            row::all(known.query([])?, |row| Ok(AccountId(row.get(0)?)))
        })
        .await
    }
}

fn read(row: &rusqlite::Row<'_>) -> Result<PolicyChange> {
    let account: i64 = row.get(0)?;
    let category = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    let text = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
    Ok(PolicyChange {
        account: (account != 0).then_some(AccountId(account)),
        category: if category.is_empty() { None } else { Some(row::word(row, 1, Category::parse)?) },
        rule: row::word(row, 2, Rule::parse)?,
        change: serde_json::from_str(text)
            .map_err(|error| StoreError::Corrupt(format!("policy.change: {error}")))?,
    })
}
