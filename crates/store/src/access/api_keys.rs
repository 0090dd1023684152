//! API keys and the set-up secret: only keyed hashes are stored.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{OptionalExtension, Row, params};

use crate::account::accounts::revise;
use crate::sqlite::row;
use crate::{Action, ApiKey, Deed, KeyId, KeyText, NewKey, Result, Scope, Secret, Store, StoreError};

/// How long a set-up secret opens the set-up.
const SETUP_LASTS: Duration = Duration::from_secs(24 * 3600);

const INSERT: &str = "
INSERT INTO api_key (account, id, hash, name, scopes, accounts, created_at, expires_at)
VALUES (0, ?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const IN_FORCE: &str = "
SELECT id, name, scopes, accounts, created_at, expires_at, revoked_at, last_used_at, hash
FROM api_key
WHERE account = 0
  AND revoked_at IS NULL";

const ALL: &str = "
SELECT id, name, scopes, accounts, created_at, expires_at, revoked_at, last_used_at
FROM api_key
WHERE account = 0
ORDER BY created_at, id";

impl Store {
    /// Keeps a new API key's keyed hash.
    ///
    /// # Errors
    /// `Fields`: what [`NewKey::check`] finds.
    pub async fn put_key(&self, key: NewKey, now: Timestamp) -> Result<ApiKey> {
        key.check(now).map_err(StoreError::Fields)?;
        let hash = self.hash(key.text.expose());
        let kept = ApiKey {
            id: key.text.id(),
            name: key.name,
            scopes: key.scopes,
            accounts: key.accounts,
            created_at: now,
            expires_at: key.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let (key, actor) = (kept.clone(), self.actor.clone());
        self.write(1, move |ledger| {
            ledger.conn.prepare_cached(INSERT)?.execute(params![
                key.id.0,
                hash.as_ref(),
                key.name,
                joined(key.scopes.iter().map(|scope| scope.as_str().to_owned())),
                joined(key.accounts.iter().map(|account| account.0.to_string())),
                now.ms(),
                key.expires_at.map(Timestamp::ms),
            ])?;
            ledger.audit(&actor, &made(&key))?;
            revise(ledger.conn)
        })
        .await?;
        Ok(kept)
    }

    /// All keys that were not taken back, to be asked as often as somebody shows one. Read it again when the revision
    /// has grown.
    pub async fn key_ring(&self) -> Result<KeyRing> {
        let pepper = self.shared.keyring.pepper().clone();
        let keys = self.read(|conn| row::all(conn.prepare_cached(IN_FORCE)?.query([])?, hashed)).await?;
        Ok(KeyRing { pepper, keys: keys.into_iter().collect() })
    }

    /// All keys, oldest first.
    pub async fn keys(&self) -> Result<Vec<ApiKey>> {
        self.read(|conn| row::all(conn.prepare_cached(ALL)?.query([])?, read)).await
    }

    fn hash(&self, text: &str) -> hmac::Tag {
        hmac::sign(self.shared.keyring.pepper(), text.as_bytes())
    }
}

/// What is audited of a new key.
fn made(key: &ApiKey) -> Deed {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let accounts: Vec<_> = key.accounts.iter().map(|account| account.0).collect();
    let detail = serde_json::json!({
        "name": key.name, "scopes": scopes, "accounts": accounts, "expires_at": key.expires_at });
    Deed { action: Action::KeyCreate, account: None, subject: key.id.0.clone(), detail, at: key.created_at }
}

/// A key and the hash of its text.
type Hashed = (Vec<u8>, Arc<ApiKey>);

fn hashed(row: &Row<'_>) -> Result<(KeyId, Hashed)> {
    let key = read(row)?;
    Ok((key.id.clone(), (row.get(8)?, Arc::new(key))))
}

/// The keys in force at one revision, in memory: a look-up costs one hash and no question to the database, so that
/// nobody who tries keys holds up those who have one.
pub struct KeyRing {
    pepper: hmac::Key,
    keys: HashMap<KeyId, Hashed>,
}

impl KeyRing {
    /// The key that this text is, if it was not taken back; it may be over (`ApiKey::is_live`). Compared in constant time.
    pub fn find(&self, text: &KeyText) -> Option<&Arc<ApiKey>> {
        let (kept, key) = self.keys.get(&text.id())?;
        let hash = hmac::sign(&self.pepper, text.expose().as_bytes());
        constant_time::verify_slices_are_equal(kept, hash.as_ref()).ok().map(|()| key)
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(",")
}

fn read(row: &Row<'_>) -> Result<ApiKey> {
    let scopes: String = row.get(2)?;
    let accounts: String = row.get(3)?;
    let parts =
        |text: &str| text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    Ok(ApiKey {
        id: KeyId(row.get(0)?),
        name: row.get(1)?,
        scopes: parts(&scopes).iter().filter_map(|word| Scope::parse(word)).collect(),
        // What is no number (its account was deleted) opens nothing: accounts are numbered from 1.
        accounts: parts(&accounts).iter().map(|number| AccountId(number.parse().unwrap_or(0))).collect(),
        created_at: row::at(row, 4)?,
        expires_at: row::at_or_never(row, 5)?,
        revoked_at: row::at_or_never(row, 6)?,
        last_used_at: row::at_or_never(row, 7)?,
    })
}

const REVOKE: &str = "
UPDATE api_key
SET revoked_at = ?2
WHERE account = 0
  AND id = ?1
  AND revoked_at IS NULL";

const TOUCH: &str = "
UPDATE api_key
SET last_used_at = ?2
WHERE account = 0
  AND id = ?1
  AND (last_used_at IS NULL OR last_used_at < ?2)";

impl Store {
    /// Takes a key back. `false`: there is none, or it was taken back before.
    pub async fn revoke_key(&self, id: &KeyId, now: Timestamp) -> Result<bool> {
        let (id, actor) = (id.clone(), self.actor.clone());
        self.write(1, move |ledger| {
            let revoked = ledger.conn.prepare_cached(REVOKE)?.execute(params![id.0, now.ms()])? == 1;
            if revoked {
                let (subject, detail) = (id.0.clone(), serde_json::json!({}));
                let deed = Deed { action: Action::KeyRevoke, account: None, subject, detail, at: now };
                ledger.audit(&actor, &deed)?;
                revise(ledger.conn)?;
            }
            Ok(revoked)
        })
        .await
    }

    /// Notes when keys were last shown; call it once a minute or so. It does not change the revision.
    pub async fn touch_keys(&self, used: Vec<(KeyId, Timestamp)>) -> Result<()> {
        self.write(used.len(), move |ledger| {
            let mut touch = ledger.conn.prepare_cached(TOUCH)?;
            for (id, at) in &used {
                touch.execute(params![id.0, at.ms()])?;
            }
            Ok(())
        })
        .await
    }
}

const PUT_SETUP: &str = "
INSERT INTO setup_secret (account, hash, expires_at)
VALUES (0, ?1, ?2)
ON CONFLICT (account)
DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at";

const SETUP: &str = "
SELECT hash
FROM setup_secret
WHERE account = 0
  AND expires_at > ?1";

const DROP_SETUP: &str = "
DELETE FROM setup_secret
WHERE account = 0";

impl Store {
    /// Keeps a one-time set-up secret for 24 hours, in place of any before it.
    pub async fn put_setup_secret(&self, secret: &Secret, now: Timestamp) -> Result<()> {
        let (hash, actor) = (self.hash(secret.expose()), self.actor.clone());
        self.write(1, move |ledger| {
            let put = params![hash.as_ref(), now.plus(SETUP_LASTS).ms()];
            ledger.conn.prepare_cached(PUT_SETUP)?.execute(put)?;
            let detail = serde_json::json!({ "lasts_s": SETUP_LASTS.as_secs() });
            let subject = String::new();
            ledger.audit(&actor, &Deed { action: Action::SetupLink, account: None, subject, detail, at: now })
        })
        .await
    }

    /// Uses the set-up secret up. `false`: wrong, used or too old.
    pub async fn use_setup_secret(&self, secret: &Secret, now: Timestamp) -> Result<bool> {
        let hash = self.hash(secret.expose());
        self.write(1, move |ledger| {
            let mut setup = ledger.conn.prepare_cached(SETUP)?;
            let kept: Option<Vec<u8>> = setup.query_row([now.ms()], |row| row.get(0)).optional()?;
            let fits =
                kept.is_some_and(|kept| constant_time::verify_slices_are_equal(&kept, hash.as_ref()).is_ok());
            if fits {
                ledger.conn.prepare_cached(DROP_SETUP)?.execute([])?;
            }
            Ok(fits)
        })
        .await
    }
}
