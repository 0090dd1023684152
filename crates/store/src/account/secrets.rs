//! What is secret of an account, as one sealed text.

use hongyan_domain::AccountId;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::account::accounts::{read, readable};
use crate::seal::keyring::{AccountKeys, Keyring};
use crate::seal::{Column, Place};
use crate::sqlite::row;
use crate::{AccountDraft, Result, Secret, StoreError, TokenSource};

/// Longest JSON of an account's secrets: the longest of each fit.
const SECRETS_MAX: usize = 4096;

/// All that is secret of an account, as it is sealed: one JSON object. `&str` where it is written, `Secret` where it
/// is read: a text may come with escapes, and is wiped.
#[derive(Serialize, Deserialize)]
pub(super) struct Secrets<T> {
    pub(super) secret: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callback: Option<Callback<T>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) proxy: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_url: Option<T>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Callback<T> {
    pub(super) token: T,
    pub(super) aes_key: Option<T>,
    pub(super) previous_aes_key: Option<T>,
}

pub(crate) fn secrets_place(account: AccountId) -> Place {
    Place { column: Column::AccountSecrets, account, row: 0 }
}

pub(super) fn seal_secrets(keys: &AccountKeys, account: AccountId, draft: &AccountDraft) -> Result<Vec<u8>> {
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
