//! Accounts: what is secret of them is sealed.

use hongyan_domain::{AccountId, AccountKind, Appid, Limits, Timestamp};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::seal::keyring::{self, AccountKeys, INSTALLATION, Keyring, Purpose, Slot};
use crate::seal::{Column, Place};
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::{
    Account, AccountDraft, Action, CallbackKeys, Deed, Paused, Result, Secret, Store, StoreError, TokenSource,
};

/// Longest JSON of an account's secrets: the longest of each fit.
const SECRETS_MAX: usize = 4096;

/// All that is secret of an account, as it is sealed: one JSON object. `&str` where it is written, `Secret` where it
/// is read: a text may come with escapes, and is wiped.
#[derive(Serialize, Deserialize)]
struct Secrets<T> {
    secret: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback: Option<Callback<T>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_url: Option<T>,
}

#[derive(Serialize, Deserialize)]
struct Callback<T> {
    token: T,
    aes_key: Option<T>,
    previous_aes_key: Option<T>,
}

pub(crate) fn secrets_place(account: AccountId) -> Place {
    Place { column: Column::AccountSecrets, account, row: 0 }
}

fn seal_secrets(keys: &AccountKeys, account: AccountId, draft: &AccountDraft) -> Result<Vec<u8>> {
    let callback = draft.callback.as_ref().map(|keys| Callback {
        token: keys.token.expose(),
        aes_key: keys.aes_key.as_ref().map(Secret::expose),
        previous_aes_key: keys.previous_aes_key.as_ref().map(Secret::expose),
    });
    let token_url =
        if let TokenSource::Outside(url) = &draft.token_source { Some(url.as_str()) } else { None };
    let proxy = draft.proxy.as_ref().map(Secret::expose);
    let secrets = Secrets { secret: draft.secret.expose(), callback, proxy, token_url };
    let json =
        Zeroizing::new(serde_json::to_vec(&secrets).map_err(|_| StoreError::Invalid("account".to_owned()))?);
    if json.len() > SECRETS_MAX {
        return Err(StoreError::Invalid(format!(
            "an account's secrets have at most {SECRETS_MAX} bytes together"
        )));
    }
    keys.current().seal(secrets_place(account), |text| text.extend_from_slice(&json))
}

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
            let deeds = put(ledger.conn, &shared.keyring, &draft, now)?;
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
                for sql in DELETES {
                    ledger.conn.execute(sql, [account.0])?;
                }
                let deleted = ledger.conn.execute(DELETE_ACCOUNT, [account.0])? == 1;
                ledger.reread_open_receipts()?;
                ledger.audit(&actor, &deed(Action::AccountDelete, account, appid, now))?;
                revise(ledger.conn)?;
                Ok(deleted)
            })
            .await?;
        self.shared.keyring.forget(account);
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

const BY_APPID: &str = "
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

fn number(conn: &Connection, appid: &Appid) -> Result<Option<AccountId>> {
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

fn read(conn: &Connection, keyring: &Keyring, row: &Row<'_>) -> Result<Account> {
    let id = AccountId(row.get(0)?);
    let sealed: Vec<u8> = row.get(5)?;
    opened(&*keyring.keys_for(conn, id, &sealed)?, row)
}

fn opened(keys: &AccountKeys, row: &Row<'_>) -> Result<Account> {
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

const NEXT_ACCOUNT: &str = "
UPDATE meta
SET value = value + 1
WHERE account = 0
  AND name = 'next_account'
RETURNING value - 1";

const UPSERT: &str = "
INSERT INTO account (account, appid, name, kind, verified, secrets, base_per_s, peak_per_s, daily, token_source,
  token_url, paused, paused_until, paused_reason, created_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL, ?11, ?12, ?13, ?14, ?14)
ON CONFLICT (account)
DO UPDATE SET name = excluded.name, kind = excluded.kind, verified = excluded.verified,
  secrets = excluded.secrets, base_per_s = excluded.base_per_s, peak_per_s = excluded.peak_per_s,
  daily = excluded.daily, token_source = excluded.token_source, token_url = excluded.token_url,
  paused = excluded.paused, paused_until = excluded.paused_until, paused_reason = excluded.paused_reason,
  updated_at = excluded.updated_at";

const DROP_TOKEN: &str = "
DELETE FROM token
WHERE account = ?1";

/// A token that was fetched with another secret, or elsewhere, would hide that the new ones do not work.
fn drop_outdated_token(
    conn: &Connection,
    id: AccountId,
    before: &AccountDraft,
    draft: &AccountDraft,
) -> Result<()> {
    if before.secret != draft.secret || before.token_source != draft.token_source {
        conn.prepare_cached(DROP_TOKEN)?.execute([id.0])?;
    }
    Ok(())
}

/// Writes the account; what there is to audit of it.
fn put(conn: &Connection, keyring: &Keyring, draft: &AccountDraft, now: Timestamp) -> Result<Vec<Deed>> {
    let known = number(conn, &draft.appid)?;
    let id = match known {
        Some(id) => id,
        None => new_account(conn, keyring)?,
    };
    let keys = keyring.read(conn, id)?;
    let mut by_appid = conn.prepare_cached(BY_APPID)?;
    let mut rows = by_appid.query([draft.appid.as_str()])?;
    let before = rows.next()?.map(|row| opened(&keys, row).map(|account| account.draft()));
    drop(rows);
    if let Some(Ok(before)) = &before {
        drop_outdated_token(conn, id, before, draft)?;
    }
    upsert(conn, &keys, (id, draft), now)?;
    revise(conn)?;
    Ok(match before {
        None => vec![created((id, draft), now)],
        Some(Ok(before)) => deeds(&before, (id, draft), now),
        // A row that cannot be read any more is put right by being put again.
        Some(Err(_)) => vec![deed(Action::AccountChange, id, draft.appid.as_str(), now)],
    })
}

fn deed(action: Action, account: AccountId, appid: impl Into<String>, at: Timestamp) -> Deed {
    Deed { action, account: Some(account), subject: appid.into(), detail: serde_json::json!({}), at }
}

fn created((id, draft): (AccountId, &AccountDraft), now: Timestamp) -> Deed {
    let detail = serde_json::json!({ "kind": draft.kind.as_str(), "paused": draft.paused.is_some() });
    Deed { detail, ..deed(Action::AccountCreate, id, draft.appid.as_str(), now) }
}

/// What a put comes to: of secrets only that they are others now.
fn deeds(before: &AccountDraft, (id, draft): (AccountId, &AccountDraft), now: Timestamp) -> Vec<Deed> {
    let of = |action| deed(action, id, draft.appid.as_str(), now);
    let mut deeds = Vec::new();
    let changed = changed(before, draft);
    if !changed.is_empty() {
        deeds.push(Deed { detail: serde_json::json!({ "changed": changed }), ..of(Action::AccountChange) });
    }
    match &draft.paused {
        paused if *paused == before.paused => {}
        Some(paused) => {
            let detail = serde_json::json!({ "reason": paused.reason, "until": paused.until });
            deeds.push(Deed { detail, ..of(Action::AccountPause) });
        }
        None => deeds.push(of(Action::AccountResume)),
    }
    deeds
}

/// The names of the settings that differ; the pause is told apart.
fn changed(before: &AccountDraft, after: &AccountDraft) -> Vec<&'static str> {
    let differs = [
        ("name", before.name != after.name),
        ("kind", before.kind != after.kind),
        ("verified", before.verified != after.verified),
        ("secret", before.secret != after.secret),
        ("callback", before.callback != after.callback),
        ("limits", before.limits != after.limits),
        ("proxy", before.proxy != after.proxy),
        ("token_source", before.token_source != after.token_source),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

fn upsert(
    conn: &Connection,
    keys: &AccountKeys,
    (id, draft): (AccountId, &AccountDraft),
    now: Timestamp,
) -> Result<()> {
    let secrets = seal_secrets(keys, id, draft)?;
    let source = match &draft.token_source {
        TokenSource::Stable => "stable",
        TokenSource::Classic => "classic",
        TokenSource::Outside(_) => "outside",
    };
    conn.prepare_cached(UPSERT)?.execute(params![
        id.0,
        draft.appid.as_str(),
        draft.name,
        draft.kind.as_str(),
        draft.verified,
        secrets,
        draft.limits.map(|limits| limits.base_per_s),
        draft.limits.map(|limits| limits.peak_per_s),
        draft.limits.map(|limits| limits.daily),
        source,
        draft.paused.is_some(),
        draft.paused.as_ref().and_then(|paused| paused.until).map(Timestamp::ms),
        draft.paused.as_ref().map(|paused| paused.reason.as_str()),
        now.ms(),
    ])?;
    Ok(())
}

const IN_PLAIN: &str = "
SELECT account, appid, name, kind, verified, secrets, base_per_s, peak_per_s, daily, token_source, token_url,
  paused, paused_until, paused_reason, created_at, updated_at
FROM account
WHERE token_url IS NOT NULL
ORDER BY account";

const SEAL: &str = "
UPDATE account
SET secrets = ?2,
    token_url = NULL
WHERE account = ?1
  AND token_url IS NOT NULL";

/// Moves the addresses of token centres that an older version wrote in plain into what is sealed; how many.
pub(crate) fn seal_token_urls(conn: &Connection, keyring: &Keyring) -> Result<usize> {
    let mut in_plain = conn.prepare(IN_PLAIN)?;
    let accounts = row::all(in_plain.query([])?, |row| readable(row, read(conn, keyring, row)))?;
    let mut moved = 0;
    for account in accounts.into_iter().flatten() {
        let secrets = seal_secrets(&keyring.read(conn, account.id)?, account.id, &account.draft())?;
        moved += conn.execute(SEAL, params![account.id.0, secrets])?;
    }
    Ok(moved)
}

fn new_account(conn: &Connection, keyring: &Keyring) -> Result<AccountId> {
    keyring.check_master(conn)?;
    // Numbers are never used again: what an archive or a backup says of one stays true.
    let id = AccountId(conn.prepare_cached(NEXT_ACCOUNT)?.query_row([], |row| row.get(0))?);
    debug_assert!(id != INSTALLATION, "numbers begin at 1");
    let master = keyring.master();
    for purpose in [Purpose::Data, Purpose::Index] {
        keyring::insert_key(conn, &master, Slot { account: id, purpose, version: 1 })?;
    }
    Ok(id)
}
