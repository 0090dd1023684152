//! The keys of the accounts, opened by the master key and kept in memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::{hmac, rand};
use hongyan_domain::AccountId;
use rusqlite::{Connection, params};
use zeroize::Zeroizing;

use crate::seal::{self, Column, KEY_LEN, Place, SealKey};
use crate::{MasterKey, Result, StoreError};

/// The account that stands for the installation.
pub(crate) const INSTALLATION: AccountId = AccountId(0);

/// What a row of `data_key` is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Seals; a new version with every rotation.
    Data,
    /// Blind index and body hash; never another, or nothing would be found again.
    Index,
    /// Hashes API keys; of the installation.
    Pepper,
}

impl Purpose {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Index => "index",
            Self::Pepper => "pepper",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Data, Self::Index, Self::Pepper].into_iter().find(|purpose| purpose.as_str() == word)
    }

    fn column(self) -> Column {
        match self {
            Self::Data => Column::DataKey,
            Self::Index => Column::IndexKey,
            Self::Pepper => Column::Pepper,
        }
    }
}

/// The keys of one account.
pub(crate) struct AccountKeys {
    /// By version; the last seals.
    data: Vec<SealKey>,
    recipient: hmac::Key,
    body: hmac::Key,
}

impl AccountKeys {
    /// The key that seals now.
    pub(crate) fn current(&self) -> &SealKey {
        self.data.last().expect("an account's keys are only made with at least one data key")
    }

    /// Opens what any version sealed.
    pub(crate) fn open(&self, place: Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let id = seal::key_id(sealed)?;
        let key = self.data.iter().rev().find(|key| key.id() == id);
        key.ok_or_else(|| missing(place.account, id))?.open(place, sealed)
    }

    fn has(&self, id: u32) -> bool {
        self.data.iter().any(|key| key.id() == id)
    }

    /// The blind index of a recipient.
    pub(crate) fn recipient(&self, openid: &hongyan_domain::Openid) -> seal::Blind {
        seal::blind(&self.recipient, &[openid.expose().as_bytes()])
    }

    /// Under which key bodies are compared.
    pub(crate) fn body(&self) -> &hmac::Key {
        &self.body
    }
}

fn missing(account: AccountId, id: u32) -> StoreError {
    StoreError::Corrupt(format!("data key {id} of account {} is missing", account.0))
}

/// All keys.
pub(crate) struct Keyring {
    master: RwLock<Arc<SealKey>>,
    accounts: RwLock<HashMap<AccountId, Arc<AccountKeys>>>,
    pepper: hmac::Key,
    audit: hmac::Key,
    users: SealKey,
    links: Zeroizing<[u8; KEY_LEN]>,
    addresses: SealKey,
}

/// A master key, ready to wrap.
pub(crate) fn wrapping(master: &MasterKey) -> Result<SealKey> {
    SealKey::new(0, &seal::derive(master.bytes(), "wrap"))
}

impl Keyring {
    /// Opens the keyring of this database; makes it in a new one. `WrongKey` if the master key does not fit.
    pub(crate) fn open(conn: &Connection, master: &MasterKey) -> Result<Self> {
        let master = wrapping(master)?;
        if wrapped_keys(conn, INSTALLATION, Purpose::Pepper)?.is_empty() {
            insert_key(conn, &master, Slot { account: INSTALLATION, purpose: Purpose::Pepper, version: 1 })?;
        }
        let pepper =
            unwrap_all(conn, &master, INSTALLATION, Purpose::Pepper).map_err(|error| match error {
                StoreError::Corrupt(_) => StoreError::WrongKey,
                other => other,
            })?;
        let pepper = pepper.first().ok_or(StoreError::WrongKey)?;
        // Never another: with it the keys' hashes and the chain of the audit would be lost.
        let audit = hmac::Key::new(hmac::HMAC_SHA256, &*seal::derive(&pepper.1, "audit"));
        let users = SealKey::new(0, &seal::derive(&pepper.1, "users"))?;
        let links = seal::derive(&pepper.1, "links");
        let addresses = SealKey::new(0, &seal::derive(&pepper.1, "addresses"))?;
        let pepper = hmac::Key::new(hmac::HMAC_SHA256, &*pepper.1);
        let (master, accounts) = (RwLock::new(Arc::new(master)), RwLock::default());
        Ok(Self { master, accounts, pepper, audit, users, links, addresses })
    }

    /// The key that wraps now.
    pub(crate) fn master(&self) -> Arc<SealKey> {
        self.master.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another one wraps from now on.
    pub(crate) fn set_master(&self, master: Arc<SealKey>) {
        *self.master.write().unwrap_or_else(PoisonError::into_inner) = master;
    }

    /// Whether the master key in memory still is that of the database: another process may have changed it.
    pub(crate) fn check_master(&self, conn: &Connection) -> Result<()> {
        unwrap_all(conn, &self.master(), INSTALLATION, Purpose::Pepper)
            .map(|_| ())
            .map_err(|_| StoreError::WrongKey)
    }

    /// Hashes API keys.
    pub(crate) fn pepper(&self) -> &hmac::Key {
        &self.pepper
    }

    /// Seals what is kept of users.
    pub(crate) fn users(&self) -> &SealKey {
        &self.users
    }

    /// Seals the addresses and secrets of those who are told things: they are of the installation.
    pub(crate) fn addresses(&self) -> &SealKey {
        &self.addresses
    }

    /// Chains the audit's rows.
    pub(crate) fn audit(&self) -> &hmac::Key {
        &self.audit
    }

    /// Signs the codes of links. Never another: links that went out lead somewhere for as long as their messages are kept.
    pub(crate) fn links(&self) -> &[u8; KEY_LEN] {
        &self.links
    }

    /// The account's keys, if they are in memory.
    pub(crate) fn known(&self, account: AccountId) -> Option<Arc<AccountKeys>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&account).cloned()
    }

    /// Forgets them: they were deleted, or there are more now.
    pub(crate) fn forget(&self, account: AccountId) {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner).remove(&account);
    }

    /// The account's keys, read from `conn` if need be.
    pub(crate) fn keys(&self, conn: &Connection, account: AccountId) -> Result<Arc<AccountKeys>> {
        match self.known(account) {
            Some(keys) => Ok(keys),
            None => self.load(conn, account),
        }
    }

    /// The account's keys with the one that `sealed` names: another process may have rotated.
    pub(crate) fn keys_for(
        &self,
        conn: &Connection,
        account: AccountId,
        sealed: &[u8],
    ) -> Result<Arc<AccountKeys>> {
        let keys = self.keys(conn, account)?;
        if keys.has(seal::key_id(sealed)?) { Ok(keys) } else { self.load(conn, account) }
    }

    /// Reads them again. Where that fails, those in memory stay: they still open what they opened.
    pub(crate) fn load(&self, conn: &Connection, account: AccountId) -> Result<Arc<AccountKeys>> {
        let keys = Arc::new(self.read(conn, account)?);
        self.accounts.write().unwrap_or_else(PoisonError::into_inner).insert(account, keys.clone());
        Ok(keys)
    }

    /// The account's keys as `conn` sees them, not kept: inside a transaction they may still be taken back.
    pub(crate) fn read(&self, conn: &Connection, account: AccountId) -> Result<AccountKeys> {
        let master = self.master();
        let mut data = Vec::new();
        for (version, bytes) in unwrap_all(conn, &master, account, Purpose::Data)? {
            data.push(SealKey::new(version, &bytes)?);
        }
        let index = unwrap_all(conn, &master, account, Purpose::Index)?;
        let (Some((_, index)), false) = (index.first(), data.is_empty()) else {
            return Err(StoreError::NoAccount(account));
        };
        let mac = |purpose| hmac::Key::new(hmac::HMAC_SHA256, &*seal::derive(index, purpose));
        Ok(AccountKeys { data, recipient: mac("recipient"), body: mac("body") })
    }
}

/// The row of one key.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) account: AccountId,
    pub(crate) purpose: Purpose,
    pub(crate) version: u32,
}

impl Slot {
    pub(crate) fn place(self) -> Place {
        Place { column: self.purpose.column(), account: self.account, row: i64::from(self.version) }
    }
}

const INSERT_KEY: &str = "
INSERT INTO data_key (account, purpose, version, wrapped)
VALUES (?1, ?2, ?3, ?4)";

/// Draws a key and keeps it wrapped. Its chance comes from the cipher library: nobody may choose it.
pub(crate) fn insert_key(conn: &Connection, master: &SealKey, slot: Slot) -> Result<()> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    rand::fill(&mut *bytes)
        .map_err(|_| StoreError::Unavailable("the system gives no random bytes".to_owned()))?;
    let wrapped = master.seal(slot.place(), |text| text.extend_from_slice(&*bytes))?;
    conn.prepare_cached(INSERT_KEY)?.execute(params![
        slot.account.0,
        slot.purpose.as_str(),
        slot.version,
        wrapped
    ])?;
    Ok(())
}

const KEYS: &str = "
SELECT version, wrapped
FROM data_key
WHERE account = ?1
  AND purpose = ?2
ORDER BY version";

fn wrapped_keys(conn: &Connection, account: AccountId, purpose: Purpose) -> Result<Vec<(u32, Vec<u8>)>> {
    let mut rows = conn.prepare_cached(KEYS)?;
    let keys = rows.query_map(params![account.0, purpose.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(keys.collect::<std::result::Result<_, _>>()?)
}

type Unwrapped = (u32, Zeroizing<[u8; KEY_LEN]>);

fn unwrap_all(
    conn: &Connection,
    master: &SealKey,
    account: AccountId,
    purpose: Purpose,
) -> Result<Vec<Unwrapped>> {
    let wrapped = wrapped_keys(conn, account, purpose)?;
    wrapped
        .into_iter()
        .map(|(version, sealed)| unwrap(master, Slot { account, purpose, version }, &sealed))
        .collect()
}

fn unwrap(master: &SealKey, slot: Slot, sealed: &[u8]) -> Result<Unwrapped> {
    let text = master.open(slot.place(), sealed)?;
    let bytes = text
        .as_slice()
        .try_into()
        .map_err(|_| StoreError::Corrupt("a data key has another length".to_owned()));
    Ok((slot.version, Zeroizing::new(bytes?)))
}
