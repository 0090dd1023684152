//! Scenarios of an account, with every text they ever had. What stands in them is the caller's business.

use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Row, params};

use crate::account::accounts;
use crate::sqlite::row;
use crate::{Action, Deed, Result, Store};

/// One text of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredScenario {
    /// Whose.
    pub account: AccountId,
    /// What programs call it.
    pub name: String,
    /// Counts up from 1 with every change.
    pub version: u32,
    /// JSON.
    pub definition: String,
    /// When this text was put in.
    pub since: Timestamp,
    /// When the scenario was removed with this as its last text.
    pub removed_at: Option<Timestamp>,
}

const IN_FORCE: &str = "
SELECT account, name, version, definition, since, removed_at
FROM scenario AS s
WHERE removed_at IS NULL
  AND version = (SELECT MAX(version) FROM scenario WHERE account = s.account AND name = s.name)
ORDER BY account, name";

const VERSIONS: &str = "
SELECT account, name, version, definition, since, removed_at
FROM scenario
WHERE account = ?1
  AND name = ?2
ORDER BY version DESC";

const PUT: &str = "
INSERT INTO scenario (account, name, version, definition, since)
SELECT ?1, ?2, COALESCE(MAX(version), 0) + 1, ?3, ?4
FROM scenario
WHERE account = ?1
  AND name = ?2";

const REMOVE: &str = "
UPDATE scenario
SET removed_at = ?3
WHERE account = ?1
  AND name = ?2
  AND removed_at IS NULL
  AND version = (SELECT MAX(version) FROM scenario WHERE account = ?1 AND name = ?2)";

impl Store {
    /// All scenarios in force.
    pub async fn scenarios(&self) -> Result<Vec<StoredScenario>> {
        self.read(|conn| {
            let mut in_force = conn.prepare_cached(IN_FORCE)?;
            row::all(in_force.query([])?, read)
        })
        .await
    }

    /// Every text of one scenario, newest first; none: there never was one.
    pub async fn scenario_versions(&self, account: AccountId, name: &str) -> Result<Vec<StoredScenario>> {
        let name = name.to_owned();
        self.read(move |conn| {
            let mut versions = conn.prepare_cached(VERSIONS)?;
            row::all(versions.query(params![account.0, name])?, read)
        })
        .await
    }

    /// Puts a text in force; the same as the one in force changes nothing.
    pub async fn put_scenario(
        &self,
        account: AccountId,
        name: &str,
        definition: String,
        now: Timestamp,
    ) -> Result<()> {
        let (name, actor) = (name.to_owned(), self.actor.clone());
        self.write(1, move |ledger| {
            let mut versions = ledger.conn.prepare_cached(VERSIONS)?;
            let newest: Option<StoredScenario> = {
                let mut rows = versions.query(params![account.0, name])?;
                rows.next()?.map(read).transpose()?
            };
            if newest.is_some_and(|newest| newest.removed_at.is_none() && newest.definition == definition) {
                return Ok(());
            }
            ledger.conn.prepare_cached(PUT)?.execute(params![account.0, name, definition, now.ms()])?;
            ledger.audit(&actor, &deed(Action::ScenarioPut, (account, &name), now))?;
            accounts::revise(ledger.conn)
        })
        .await
    }

    /// Takes a scenario out of force; its texts stay. Whether it was in force.
    pub async fn remove_scenario(&self, account: AccountId, name: &str, now: Timestamp) -> Result<bool> {
        let (name, actor) = (name.to_owned(), self.actor.clone());
        self.write(1, move |ledger| {
            let removed = ledger.conn.prepare_cached(REMOVE)?.execute(params![account.0, name, now.ms()])?;
            if removed == 1 {
                ledger.audit(&actor, &deed(Action::ScenarioRemove, (account, &name), now))?;
                accounts::revise(ledger.conn)?;
            }
            Ok(removed == 1)
        })
        .await
    }
}

fn deed(action: Action, (account, name): (AccountId, &str), at: Timestamp) -> Deed {
    Deed { action, account: Some(account), subject: name.to_owned(), detail: serde_json::json!({}), at }
}

fn read(row: &Row<'_>) -> Result<StoredScenario> {
    Ok(StoredScenario {
        account: AccountId(row.get(0)?),
        name: row.get(1)?,
        version: row.get(2)?,
        definition: row.get(3)?,
        since: row::at(row, 4)?,
        removed_at: row::at_or_never(row, 5)?,
    })
}
