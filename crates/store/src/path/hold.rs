//! The hold: one word in the database that keeps every process on it from sending, until a person says otherwise.

use hongyan_domain::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::account::accounts::revise;
use crate::sqlite::row;
use crate::{Action, Deed, Result, Store};

const HELD: &str = "
SELECT value
FROM meta
WHERE account = 0
  AND name = 'held'";

const HOLD: &str = "
INSERT INTO meta (account, name, value)
VALUES (0, 'held', ?1)
ON CONFLICT (account, name) DO NOTHING";

const RELEASE: &str = "
DELETE FROM meta
WHERE account = 0
  AND name = 'held'";

/// Sets the hold. `false`: it was set before, and stays as it was.
pub(crate) fn set(conn: &Connection, now: Timestamp) -> Result<bool> {
    let set = conn.prepare_cached(HOLD)?.execute(params![now.ms()])? == 1;
    revise(conn)?;
    Ok(set)
}

impl Store {
    /// Since when nothing may be sent; `None`: it may.
    pub async fn held_since(&self) -> Result<Option<Timestamp>> {
        self.read(|conn| {
            let since: Option<i64> = row::first(conn.prepare_cached(HELD)?.query([])?)?;
            Ok(since.map(Timestamp::from_ms))
        })
        .await
    }

    /// Keeps every process on this database from sending. `false`: it was so before.
    pub async fn hold(&self, reason: &str, now: Timestamp) -> Result<bool> {
        let (actor, detail) = (self.actor.clone(), json!({ "reason": reason }));
        self.write(1, move |ledger| {
            let set = set(ledger.conn, now)?;
            if set {
                ledger.audit(&actor, &deed(Action::Hold, detail.clone(), now))?;
            }
            Ok(set)
        })
        .await
    }

    /// Lets sending go on. `false`: nothing held it.
    pub async fn release(&self, now: Timestamp) -> Result<bool> {
        let actor = self.actor.clone();
        self.write(1, move |ledger| {
            let released = ledger.conn.prepare_cached(RELEASE)?.execute([])? == 1;
            if released {
                ledger.audit(&actor, &deed(Action::Release, json!({}), now))?;
                revise(ledger.conn)?;
            }
            Ok(released)
        })
        .await
    }
}

fn deed(action: Action, detail: Value, at: Timestamp) -> Deed {
    Deed { action, account: None, subject: String::new(), detail, at }
}
