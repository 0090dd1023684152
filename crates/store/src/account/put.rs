//! An account put in, or in place of the one that is there; and what there is to audit of it.

use hongyan_domain::setting::check_appid;
use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Connection, params};

use crate::account::accounts::{BY_APPID, number, opened, revise};
use crate::account::secrets::seal_secrets;
use crate::seal::keyring::{self, AccountKeys, INSTALLATION, Keyring, Purpose, Slot};
use crate::{AccountDraft, Action, Deed, Result, StoreError, TokenSource};

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
pub(super) fn put(
    conn: &Connection,
    keyring: &Keyring,
    draft: &AccountDraft,
    now: Timestamp,
) -> Result<Vec<Deed>> {
    let known = number(conn, &draft.appid)?;
    let id = match known {
        Some(id) => id,
        None => {
            check_appid(draft.appid.as_str()).map_err(|fault| StoreError::Fields(vec![fault]))?;
            new_account(conn, keyring)?
        }
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

pub(super) fn deed(action: Action, account: AccountId, appid: impl Into<String>, at: Timestamp) -> Deed {
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
