//! Word lists, with the last ones there were. What stands in them is the caller's business.

use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{OptionalExtension, Row, params};
use serde_json::json;

use crate::account::accounts;
use crate::sqlite::row;
use crate::{Action, Deed, Result, Store};

/// A word list on its way in.
#[derive(Clone, Debug)]
pub struct NewWordList {
    /// Of this account; `None`: of all that have none of their own.
    pub account: Option<AccountId>,
    /// One word a line; `None`: the account's own list is taken back, and the more general one holds.
    pub list: Option<String>,
    /// Which pinyin is looked for too.
    pub pinyin: &'static str,
    /// How many words it has.
    pub words: usize,
}

/// Which list is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordListVersion {
    /// Of this account; `None`: of all that have none of their own.
    pub account: Option<AccountId>,
    /// Counts up over all lists of all accounts.
    pub version: i64,
    /// Which pinyin is looked for too.
    pub pinyin: String,
    /// How many words it has.
    pub words: usize,
    /// Since when.
    pub since: Timestamp,
}

// The newest of each account; one that was taken back is no list.
const IN_FORCE: &str = "
SELECT account, version, pinyin, words, since
FROM word_list AS w
WHERE list IS NOT NULL
  AND version = (SELECT MAX(version) FROM word_list WHERE account = w.account)
ORDER BY account";

const LIST: &str = "
SELECT list
FROM word_list
WHERE account = ?1
  AND version = ?2
  AND list IS NOT NULL";

const NEXT: &str = "
SELECT COALESCE(MAX(version), 0) + 1
FROM word_list";

const PUT: &str = "
INSERT INTO word_list (account, version, list, pinyin, words, since)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Lists kept of each account, with the one in force: enough to look back at; one has up to 10 MB.
const KEPT: usize = 10;

const FORGET: &str = "
DELETE FROM word_list
WHERE account = ?1
  AND version NOT IN (SELECT version FROM word_list WHERE account = ?1 ORDER BY version DESC LIMIT ?2)";

impl Store {
    /// The lists in force, that of all accounts first.
    pub async fn word_lists(&self) -> Result<Vec<WordListVersion>> {
        self.read(|conn| {
            let mut in_force = conn.prepare_cached(IN_FORCE)?;
            row::all(in_force.query([])?, read)
        })
        .await
    }

    /// The text of a list; `None`: there is none under this number.
    pub async fn word_list(&self, account: Option<AccountId>, version: i64) -> Result<Option<String>> {
        self.read(move |conn| {
            let at = [account.map_or(0, |account| account.0), version];
            Ok(conn.prepare_cached(LIST)?.query_row(at, |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Puts a list in force; of the account's lists the last ten are kept. Its version.
    pub async fn put_words(&self, new: NewWordList, now: Timestamp) -> Result<i64> {
        let actor = self.actor.clone();
        self.write(1, move |ledger| {
            let version: i64 = ledger.conn.prepare_cached(NEXT)?.query_row([], |row| row.get(0))?;
            let account = new.account.map_or(0, |account| account.0);
            let row = params![account, version, new.list, new.pinyin, new.words, now.ms()];
            ledger.conn.prepare_cached(PUT)?.execute(row)?;
            ledger.conn.prepare_cached(FORGET)?.execute(params![account, KEPT])?;
            let detail = json!({
                "version": version, "words": new.words, "pinyin": new.pinyin, "taken_back": new.list.is_none(),
            });
            let (action, subject) = (Action::WordsPut, format!("words {version}"));
            ledger.audit(&actor, &Deed { action, account: new.account, subject, detail, at: now })?;
            accounts::revise(ledger.conn)?;
            Ok(version)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<WordListVersion> {
    let account: i64 = row.get(0)?;
    Ok(WordListVersion {
        account: (account != 0).then_some(AccountId(account)),
        version: row.get(1)?,
        pinyin: row.get(2)?,
        words: row.get(3)?,
        since: row::at(row, 4)?,
    })
}
