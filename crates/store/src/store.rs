//! The handle: what all calls share.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use hongyan_domain::{AccountId, MessageId, Timestamp};
use rusqlite::Connection;

use crate::account::secrets;
use crate::message::purge::Reached;
use crate::path::own::{FileId, OwnerLock};
use crate::path::reconcile::Judged;
use crate::people::hot::Hot;
use crate::seal::keyring::{AccountKeys, Keyring};
use crate::seal::rotate::PeopleResealed;
use crate::sqlite::damaged::Damaged;
use crate::sqlite::queue::Turn;
use crate::sqlite::readers::Readers;
use crate::sqlite::writer::{Ledger, Writer};
use crate::{Actor, MasterKey, Result, StoreError, sqlite};

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:PATH`.
    pub url: String,
    /// Opens what is encrypted.
    pub master_key: MasterKey,
    /// Page cache of all connections together, in MiB.
    pub cache_mib: u32,
    /// Read connections.
    pub readers: usize,
}

impl Settings {
    /// The defaults: 64 MiB, two readers.
    pub fn new(url: impl Into<String>, master_key: MasterKey) -> Self {
        Self { url: url.into(), master_key, cache_mib: 64, readers: 2 }
    }
}

/// The store: cheap to clone, usable from any task.
///
/// A call that writes is durable when it returns, and all of it or nothing is written. What it changes is the deed of
/// this handle's actor (`Store::by`): Hongyan itself, unless said.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    pub(crate) actor: Actor,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

pub(crate) struct Shared {
    /// Its real name, whatever links led to it.
    pub(crate) path: PathBuf,
    /// What that name led to when it was opened.
    pub(crate) file: FileId,
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
    pub(crate) keyring: Keyring,
    pub(crate) hot: Arc<Hot>,
    /// The epoch this process owns the database under; 0: it does not.
    pub(crate) epoch: AtomicI64,
    /// What keeps others from owning it meanwhile.
    pub(crate) owner: Mutex<Option<OwnerLock>>,
    /// Where the last purge stopped looking.
    pub(crate) purged_to: Mutex<Reached>,
    pub(crate) people_resealed: Mutex<PeopleResealed>,
    pub(crate) damaged: Damaged,
    /// Where the last look at open receipts stopped.
    pub(crate) judged_to: Mutex<Judged>,
}

/// Of the page cache, the writer has three quarters: it reads before it writes, everywhere.
const WRITER_QUARTERS: u32 = 3;

impl Store {
    /// Opens the database at `settings.url`; makes it, or brings its schema up to date.
    ///
    /// # Errors
    /// `Url`, `OldSqlite`, `Newer`, `WrongKey`: each says what to do. `Unavailable` when the file cannot be opened.
    pub async fn open(settings: Settings, now: Timestamp) -> Result<Self> {
        let opened = tokio::task::spawn_blocking(move || Self::open_blocking(&settings, now));
        opened.await.unwrap_or_else(|_| Err(StoreError::Unavailable("opening did not end".to_owned())))
    }

    fn open_blocking(settings: &Settings, now: Timestamp) -> Result<Self> {
        let path = sqlite::path_of(&settings.url)?;
        let quarter_kib = settings.cache_mib.max(1).saturating_mul(1024) / 4;
        let readers = settings.readers.max(1);
        let mut conn = sqlite::open_writer(&path, quarter_kib.saturating_mul(WRITER_QUARTERS))?;
        let path = sqlite::real_path(&path)?;
        let file = FileId::of(&path)?
            .ok_or_else(|| StoreError::Unavailable(format!("{}: is gone", path.display())))?;
        let begin = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let keyring = Keyring::open(&begin, &settings.master_key)?;
        let moved = secrets::seal_token_urls(&begin, &keyring)?;
        begin.commit()?;
        if moved > 0 {
            sqlite::scrub(&conn)?;
        }
        let reader_kib = quarter_kib / u32::try_from(readers).unwrap_or(u32::MAX);
        let readers = Readers::open(&path, readers, reader_kib)?;
        let hot = Arc::<Hot>::default();
        let keys = (keyring.audit().clone(), hot.clone());
        let writer = Writer::start(conn, sqlite::open_checkpointer(&path)?, keys)?;
        tracing::debug!(path = %path.display(), %now, "store opened");
        let (epoch, owner, purged_to) = (AtomicI64::new(0), Mutex::new(None), Mutex::new(None));
        let (people_resealed, damaged, judged_to) = (Mutex::new(None), Damaged::default(), Mutex::new(None));
        let shared = Shared {
            path,
            file,
            writer,
            readers,
            keyring,
            hot,
            epoch,
            owner,
            purged_to,
            people_resealed,
            damaged,
            judged_to,
        };
        Ok(Self { shared: Arc::new(shared), actor: Actor::System })
    }

    /// Returns once a write has failed in a way that leaves open what is on the disk. Nothing is written any more; the
    /// process has to end, and the next start finds out what is there.
    pub async fn stopped(&self) {
        self.shared.writer.stopped().await;
    }

    /// Rows that were found unreadable since the store was opened; sending passes over them.
    pub fn damaged_rows(&self) -> usize {
        self.shared.damaged.count()
    }

    /// The key that signs the codes of links.
    pub fn link_key(&self) -> &[u8] {
        self.shared.keyring.links()
    }

    /// Runs `work` in the next transaction that takes it.
    pub(crate) async fn write<T, F>(&self, rows: usize, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Ledger<'_>) -> Result<T> + Send + 'static,
    {
        self.write_in(Turn::InOrder, rows, work).await
    }

    /// The same, before or after what came earlier.
    pub(crate) async fn write_in<T, F>(&self, turn: Turn, rows: usize, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Ledger<'_>) -> Result<T> + Send + 'static,
    {
        let done = self.shared.writer.write(turn, rows, work).await;
        if let Err(StoreError::StaleKey(account)) = &done {
            // Another process has made a new key: the next try seals by that one.
            self.reload_key(*account).await?;
        }
        done
    }

    /// Runs the work that `prepare` makes with the keys of these accounts; again with newer ones, where another
    /// process has made some meanwhile.
    pub(crate) async fn write_sealed<T, W>(
        &self,
        accounts: &[AccountId],
        (turn, rows): (Turn, usize),
        prepare: impl Fn(KeysOf) -> Result<W>,
    ) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&mut Ledger<'_>) -> Result<T> + Send + 'static,
    {
        for _ in accounts {
            let work = prepare(self.keys_of(accounts.iter().copied()).await?)?;
            match self.write_in(turn, rows, work).await {
                Err(StoreError::StaleKey(_)) => {}
                done => return done,
            }
        }
        self.write_in(turn, rows, prepare(self.keys_of(accounts.iter().copied()).await?)?).await
    }

    /// Runs `work` in a read transaction on a reader.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.shared.readers.read(work).await
    }

    /// The keys of all these accounts; those that are not in memory are read first.
    pub(crate) async fn keys_of(&self, accounts: impl Iterator<Item = AccountId>) -> Result<KeysOf> {
        let mut keys = KeysOf::default();
        let mut missing = Vec::new();
        let mut last = None;
        for account in accounts {
            if last.replace(account) == Some(account) || keys.0.contains_key(&account) {
                continue;
            }
            match self.shared.keyring.known(account) {
                Some(found) => drop(keys.0.insert(account, found)),
                None => missing.push(account),
            }
        }
        if !missing.is_empty() {
            keys.0.extend(self.load_keys(missing).await?);
        }
        Ok(keys)
    }

    async fn reload_key(&self, account: AccountId) -> Result<()> {
        let shared = self.shared.clone();
        self.read(move |conn| shared.keyring.load(conn, account).map(drop)).await
    }

    async fn load_keys(&self, accounts: Vec<AccountId>) -> Result<HashMap<AccountId, Arc<AccountKeys>>> {
        let shared = self.shared.clone();
        let load = move |conn: &Connection| {
            let keys = accounts.into_iter().map(|account| Ok((account, shared.keyring.keys(conn, account)?)));
            keys.collect()
        };
        self.read(load).await
    }
}

/// The keys of the accounts of one batch.
#[derive(Default)]
pub(crate) struct KeysOf(HashMap<AccountId, Arc<AccountKeys>>);

impl KeysOf {
    pub(crate) fn of(&self, account: AccountId) -> Result<&AccountKeys> {
        self.0.get(&account).map(|keys| &**keys).ok_or(StoreError::NoAccount(account))
    }
}

/// How far a batch may go.
pub(crate) fn check_batch(len: usize) -> Result<()> {
    if len <= crate::MAX_BATCH {
        return Ok(());
    }
    Err(StoreError::Invalid(format!("a batch of {len}: at most {} rows go in one call", crate::MAX_BATCH)))
}

const LAST_ID: &str = "
SELECT id
FROM message
WHERE account = ?1
ORDER BY id DESC
LIMIT 1";

const ACCOUNTS: &str = "
SELECT account
FROM account
ORDER BY account";

impl Store {
    /// The newest message id there is: ids must go on after it.
    pub async fn last_message_id(&self) -> Result<Option<MessageId>> {
        self.read(|conn| {
            let mut newest = None;
            for account in account_ids(conn)? {
                let mut last = conn.prepare_cached(LAST_ID)?;
                let mut rows = last.query([account.0])?;
                if let Some(row) = rows.next()? {
                    newest = newest.max(MessageId::from_raw(row.get(0)?));
                }
            }
            Ok(newest)
        })
        .await
    }
}

pub(crate) fn account_ids(conn: &Connection) -> Result<Vec<AccountId>> {
    let mut rows = conn.prepare_cached(ACCOUNTS)?;
    let ids = rows.query_map([], |row| Ok(AccountId(row.get(0)?)))?;
    Ok(ids.collect::<std::result::Result<_, _>>()?)
}
