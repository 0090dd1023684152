//! When WeChat last called each account's callback.

use hongyan_domain::{AccountId, Timestamp};
use rusqlite::params;

use crate::sqlite::row;
use crate::{Result, Store};

const HEARD: &str = "
SELECT account, value
FROM meta
WHERE name = 'heard_at'";

// Of an account that was deleted meanwhile nothing comes back; a clock that was set back takes nothing back.
const NOTE_HEARD: &str = "
INSERT INTO meta (account, name, value)
SELECT account, 'heard_at', ?2
FROM account
WHERE account = ?1
ON CONFLICT (account, name)
DO UPDATE SET value = MAX(meta.value, excluded.value)";

impl Store {
    /// When each account was last called back; those that never were are not among them.
    pub async fn heard(&self) -> Result<Vec<(AccountId, Timestamp)>> {
        self.read(|conn| {
            let mut heard = conn.prepare_cached(HEARD)?;
            row::all(heard.query([])?, |row| Ok((AccountId(row.get(0)?), row::at(row, 1)?)))
        })
        .await
    }

    /// Keeps when accounts were last called back.
    pub async fn note_heard(&self, heard: Vec<(AccountId, Timestamp)>) -> Result<()> {
        self.write(heard.len(), move |ledger| {
            let mut note = ledger.conn.prepare_cached(NOTE_HEARD)?;
            for (account, at) in &heard {
                note.execute(params![account.0, at.ms()])?;
            }
            Ok(())
        })
        .await
    }
}
