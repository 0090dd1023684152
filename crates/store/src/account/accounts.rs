//! Accounts: written, read, deleted. What is secret of them is sealed.

use hongyan_domain::{AccountId, AccountKind, Appid, Limits, Timestamp};
use rusqlite::{Connection, Row};

use crate::account::put;
use crate::account::secrets::{Callback, Secrets, secrets_place};
use crate::seal::keyring::{AccountKeys, Keyring};
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::{
    Account, AccountDraft, Action, CallbackKeys, Paused, Result, Secret, Store, StoreError, TokenSource,
};

impl Store {
    /// Puts an account in, or in place of the one with this appid; makes its keys when it is new. The token kept goes
    /// when its secret or source is another now.
    ///
    /// # Errors
    /// `Fields`: what [`AccountDraft::check`] finds; nothing was written.
    pub async fn put_account(&self, draft: AccountDraft, now: Timestamp) -> Result<Account> {
        draft.check().map_err(StoreError::Fields)?;
        let (shared, actor) = (self.shared.clone(), self.actor.clone());
        let appid = draft.appid.clone();
        let work = move |ledger: &mut Ledger<'_>| {
            let deeds = put::put(ledger.conn, &shared.keyring, &draft, now)?;
            deeds.iter().try_for_each(|deed| ledger.audit(&actor, deed))
        };
        self.write(4, work).await?;
        let put = self.account(&appid).await?;
        put.ok_or_else(|| StoreError::Unavailable("the account was deleted at the same moment".to_owned()))
    }

    /// The account with this appid.
    pub async fn account(&self, appid: &Appid) -> Result<Option<Account>> {
        let shared = self.shared.clone();
        let appid = appid.clone();
        self.read(move |conn| find(conn, &shared.keyring, &appid)).await
    }

    /// The number of the account with this appid, though nothing else of it can be read.
    pub async fn account_id(&self, appid: &Appid) -> Result<Option<AccountId>> {
        let appid = appid.clone();
        self.read(move |conn| number(conn, &appid)).await
    }

    /// All accounts, by number. One that cannot be read is logged and left out: the others go on.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut accounts = conn.prepare_cached(ALL)?;
            let all = row::all(accounts.query([])?, |row| readable(row, read(conn, &shared.keyring, row)))?;
            Ok(all.into_iter().flatten().collect())
        })
        .await
    }

    /// Deletes an account with all it has, its keys with it: what a backup still holds of it cannot be opened by
    /// this database any more. `false`: there was none. One transaction: refuse it where millions of rows are live.
    pub async fn delete_account(&self, account: AccountId, now: Timestamp) -> Result<bool> {
        let actor = self.actor.clone();
        let deleted = self
            .write(crate::MAX_BATCH, move |ledger| {
                let Some(appid) = appid(ledger.conn, account)? else { return Ok(false) };
                ledger.leave_to_rows(&[])?;
                for sql in DELETES {
                    ledger.conn.execute(sql, [account.0])?;
                }
                let deleted = ledger.conn.execute(DELETE_ACCOUNT, [account.0])? == 1;
                ledger.reread_open_receipts()?;
                ledger.audit(&actor, &put::deed(Action::AccountDelete, account, appid, now))?;
                revise(ledger.conn)?;
                Ok(deleted)
            })
            .await?;
        self.shared.keyring.forget(account);
        self.shared.hot.forget_account(account);
        Ok(deleted)
    }

    /// Grows with every change of accounts, templates and keys, by whatever process.
    pub async fn revision(&self) -> Result<u64> {
        self.read(|conn| Ok(conn.prepare_cached(REVISION)?.query_row([], |row| row.get(0))?)).await
    }
}

const REVISION: &str = "
SELECT value
FROM meta
WHERE account = 0
  AND name = 'revision'";

const REVISE: &str = "
UPDATE meta
SET value = value + 1
WHERE account = 0
  AND name = 'revision'";

/// Tells every process that something they keep in memory has changed.
pub(crate) fn revise(conn: &Connection) -> Result<()> {
    match conn.prepare_cached(REVISE)?.execute([])? {
        1 => Ok(()),
        _ => Err(StoreError::Corrupt("meta.revision is missing".to_owned())),
    }
}

const DELETES: &[&str] = &[
    "DELETE FROM claim WHERE account = ?1",
    "DELETE FROM dispatch WHERE account = ?1",
    "DELETE FROM receipt WHERE account = ?1",
    "DELETE FROM message WHERE account = ?1",
    "DELETE FROM tally WHERE account = ?1",
    "DELETE FROM sends WHERE account = ?1",
    "DELETE FROM on_time WHERE account = ?1",
    "DELETE FROM series WHERE account = ?1",
    "DELETE FROM alert WHERE account = ?1",
    "DELETE FROM alert_note WHERE account = ?1",
    "DELETE FROM token WHERE account = ?1",
    "DELETE FROM recipient WHERE account = ?1",
    "DELETE FROM recipient_openid WHERE account = ?1",
    "DELETE FROM scenario WHERE account = ?1",
    "DELETE FROM policy WHERE account = ?1",
    "DELETE FROM verdict WHERE account = ?1",
    "DELETE FROM word_list WHERE account = ?1",
    "DELETE FROM approval WHERE account = ?1",
    "DELETE FROM click WHERE account = ?1",
    "DELETE FROM click_tally WHERE account = ?1",
    "DELETE FROM gathering WHERE account = ?1",
    "DELETE FROM gathered WHERE account = ?1",
    "DELETE FROM subject WHERE account = ?1",
    "DELETE FROM withdrawal WHERE account = ?1",
    "DELETE FROM resend WHERE account = ?1",
    "DELETE FROM meta WHERE account = ?1",
    "DELETE FROM template WHERE account = ?1",
    "DELETE FROM template_version WHERE account = ?1",
    "DELETE FROM template_notice WHERE account = ?1",
    "DELETE FROM template_grant WHERE account = ?1",
    "DELETE FROM template_use WHERE account = ?1",
    "DELETE FROM application WHERE account = ?1",
    "DELETE FROM application_step WHERE account = ?1",
    "DELETE FROM industry_change WHERE account = ?1",
    "DELETE FROM judged WHERE account = ?1",
    "DELETE FROM template_sent WHERE account = ?1",
    "DELETE FROM risk WHERE account = ?1",
    "DELETE FROM blocked WHERE account = ?1",
    "DELETE FROM blocked_read WHERE account = ?1",
    "DELETE FROM complaint WHERE account = ?1",
    "DELETE FROM brake WHERE account = ?1",
    "DELETE FROM self_check WHERE account = ?1",
    "DELETE FROM meta WHERE account = ?1",
    "DELETE FROM data_key WHERE account = ?1 AND purpose = 'data'",
    "DELETE FROM data_key WHERE account = ?1 AND purpose = 'index'",
    // An API key or a user for this account alone must not turn into one for all.
    "UPDATE api_key SET accounts = '-' WHERE accounts = CAST(?1 AS TEXT)",
    "UPDATE user SET accounts = '-' WHERE accounts = CAST(?1 AS TEXT)",
];

const DELETE_ACCOUNT: &str = "
DELETE FROM account
WHERE account = ?1";

pub(super) const BY_APPID: &str = "
SELECT account, appid, name, kind, verified, secrets, base_per_s, peak_per_s, daily, token_source, token_url,
  paused, paused_until, paused_reason, created_at, updated_at
FROM account
WHERE appid = ?1";

const ALL: &str = "
SELECT account, appid, name, kind, verified, secrets, base_per_s, peak_per_s, daily, token_source, token_url,
  paused, paused_until, paused_reason, created_at, updated_at
FROM account
ORDER BY account";

const APPID: &str = "
SELECT appid
FROM account
WHERE account = ?1";

pub(crate) fn appid(conn: &Connection, account: AccountId) -> Result<Option<String>> {
    row::first(conn.prepare_cached(APPID)?.query([account.0])?)
}

fn find(conn: &Connection, keyring: &Keyring, appid: &Appid) -> Result<Option<Account>> {
    let mut by_appid = conn.prepare_cached(BY_APPID)?;
    let mut rows = by_appid.query([appid.as_str()])?;
    rows.next()?.map(|row| read(conn, keyring, row)).transpose()
}

pub(super) fn number(conn: &Connection, appid: &Appid) -> Result<Option<AccountId>> {
    let id = row::first::<i64>(conn.prepare_cached(BY_APPID)?.query([appid.as_str()])?)?;
    Ok(id.map(AccountId))
}

/// What was read of a row that begins with its account; nothing, and a word in the log, where the row is damaged.
pub(crate) fn readable<T>(row: &Row<'_>, read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(error @ StoreError::Corrupt(_)) => {
            let account: i64 = row.get(0)?;
            tracing::error!(account, %error, "left out: a row of this account cannot be read");
            Ok(None)
        }
        read => read.map(Some),
    }
}

pub(super) fn read(conn: &Connection, keyring: &Keyring, row: &Row<'_>) -> Result<Account> {
    let id = AccountId(row.get(0)?);
    let sealed: Vec<u8> = row.get(5)?;
    opened(&*keyring.keys_for(conn, id, &sealed)?, row)
}

pub(super) fn opened(keys: &AccountKeys, row: &Row<'_>) -> Result<Account> {
    let id = AccountId(row.get(0)?);
    let sealed: Vec<u8> = row.get(5)?;
    let json = keys.open(secrets_place(id), &sealed)?;
    let Secrets { secret, callback, proxy, token_url }: Secrets<Secret> = serde_json::from_slice(&json)
        .map_err(|_| StoreError::Corrupt("account.secrets has another form".to_owned()))?;
    Ok(Account {
        id,
        appid: Appid::new(row.get::<_, String>(1)?)
            .map_err(|error| StoreError::Corrupt(error.to_string()))?,
        name: row.get(2)?,
        kind: row::word(row, 3, AccountKind::parse)?,
        verified: row.get(4)?,
        secret,
        callback: callback.map(|Callback { token, aes_key, previous_aes_key }| CallbackKeys {
            token,
            aes_key,
            previous_aes_key,
        }),
        limits: limits(row)?,
        proxy,
        token_source: token_source(row, token_url)?,
        paused: paused(row)?,
        created_at: row::at(row, 14)?,
        updated_at: row::at(row, 15)?,
    })
}

fn limits(row: &Row<'_>) -> Result<Option<Limits>> {
    let (base, peak, daily) = (row.get(6)?, row.get(7)?, row.get(8)?);
    let (Some(base_per_s), Some(peak_per_s), Some(daily)) = (base, peak, daily) else { return Ok(None) };
    Ok(Some(Limits { base_per_s, peak_per_s, daily }))
}

/// The address is in the column still where the account was written by an older version.
fn token_source(row: &Row<'_>, sealed: Option<Secret>) -> Result<TokenSource> {
    let url = match sealed {
        Some(url) => Some(url.expose().to_owned()),
        None => row.get(10)?,
    };
    row::word(row, 9, |word| match (word, url) {
        ("stable", _) => Some(TokenSource::Stable),
        ("classic", _) => Some(TokenSource::Classic),
        ("outside", Some(url)) => Some(TokenSource::Outside(url)),
        _ => None,
    })
}

fn paused(row: &Row<'_>) -> Result<Option<Paused>> {
    if !row.get::<_, bool>(11)? {
        return Ok(None);
    }
    let reason: Option<String> = row.get(13)?;
    Ok(Some(Paused { until: row::at_or_never(row, 12)?, reason: reason.unwrap_or_default() }))
}
