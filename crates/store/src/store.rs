//! The store's handle.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hongyan_domain::{AccountId, Appid, Lane, MessageId, Timestamp};

use crate::*;

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
#[derive(Clone)]
pub struct Store {
    _shared: Arc<()>,
}

/// The right to dispatch from this database; released on drop.
#[derive(Debug)]
pub struct Ownership {
    _epoch: i64,
}

impl Ownership {
    /// The fencing number: grows with every owner, never repeats.
    pub fn epoch(&self) -> i64 {
        self._epoch
    }
}

macro_rules! arriving {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $answer:ty;)+) => {
        #[allow(unused_variables, clippy::unused_async)]
        impl Store {
            $($(#[$meta])* pub async fn $name(&self, $($arg: $type),*) -> Result<$answer> {
                Err(StoreError::Unavailable(concat!(stringify!($name), " is not there yet").to_owned()))
            })+
        }
    };
}

impl Store {
    /// Opens the database, makes or migrates its schema.
    #[allow(clippy::unused_async)]
    pub async fn open(settings: Settings, now: Timestamp) -> Result<Self> {
        let _ = (settings, now);
        Err(StoreError::Unavailable("open is not there yet".to_owned()))
    }
}

arriving! {
    /// Takes the right to dispatch: a lock on `<db>.owner`; a second process is refused (`Owned`).
    fn own(now: Timestamp) -> Ownership;
    /// The newest message id there is.
    fn last_message_id() -> Option<MessageId>;
    /// Commits new messages, all in one transaction; durable on return. One answer a message, in order.
    fn accept(batch: Vec<NewMessage>) -> Vec<Acceptance>;
    /// Commits the intent to send; fenced by the epoch held. Answers the messages that must NOT be sent because
    /// they are not pending any more (cancelled, settled by a receipt, expired): the claim does not hold them.
    fn claim(claims: Vec<Claim>) -> Vec<MessageId>;
    /// Commits outcomes and closes claims. One answer a settlement, in order.
    fn settle(batch: Vec<Settlement>, closed: Vec<(AccountId, ClaimId)>) -> Vec<Settled>;
    /// Commits receipts and what they settle. One answer a receipt, in order.
    fn receive(batch: Vec<Receipt>) -> Vec<Received>;
    /// Takes a message back, if `decide` allows it.
    fn cancel(account: AccountId, id: MessageId, now: Timestamp) -> CancelAnswer;
    /// Pending messages that are neither scheduled nor in an open claim, in (deadline_at, id) order, after `after`.
    fn ready(account: AccountId, lane: Lane, after: Option<(Timestamp, MessageId)>, limit: usize) -> Vec<Ready>;
    /// Scheduled messages with due_at ≤ now leave the schedule; at most `limit`, those are returned.
    fn scheduled_promote(now: Timestamp, limit: usize) -> Vec<Ready>;
    /// When the next scheduled message is due.
    fn next_scheduled_at() -> Option<Timestamp>;
    /// Which account × lane hold pending messages that are not scheduled.
    fn backlog() -> Vec<Backlog>;
    /// The claims that nobody closed.
    fn open_claims() -> Vec<OpenClaim>;
    /// Messages sent before this and not reported, oldest first.
    fn unreported(sent_before: Timestamp, limit: usize) -> Vec<Unreported>;
    /// Pending messages of a lane whose expires_at has passed (scheduled and claimed ones left out).
    fn expired(account: AccountId, lane: Lane, now: Timestamp, limit: usize) -> Vec<Ready>;
    /// Deletes up to `limit` messages that became final before this, with their dispatches and receipts; with
    /// `archive`, after they are on disk there as NDJSON. Call again until 0.
    fn purge(finished_before: Timestamp, limit: usize, archive: Option<&Path>) -> usize;
    /// A message with its timeline.
    fn message(id: MessageId) -> Option<MessageRecord>;
    /// A page of messages; `limit` ≤ 500.
    fn find_messages(filter: &MessageFilter, cursor: Option<&str>, limit: usize) -> Page<MessageRecord>;
    /// The message under the caller's own id.
    fn by_client_msg_id(account: AccountId, client_msg_id: &str) -> Option<MessageRecord>;
    /// Puts an account in, or in place of the one with this appid; makes its keys.
    fn put_account(draft: AccountDraft, now: Timestamp) -> Account;
    /// The account with this appid.
    fn account(appid: &Appid) -> Option<Account>;
    /// All accounts, by number.
    fn accounts() -> Vec<Account>;
    /// Deletes an account with all it has, its keys last. `false`: there was none.
    fn delete_account(account: AccountId) -> bool;
    /// Keeps an account's token.
    fn put_token(account: AccountId, token: StoredToken) -> ();
    /// All tokens kept.
    fn tokens() -> Vec<(AccountId, StoredToken)>;
    /// Makes the kept templates equal to these; old texts stay in their versions.
    fn sync_templates(account: AccountId, templates: Vec<StoredTemplate>, now: Timestamp) -> Changes;
    /// The templates of an account.
    fn templates(account: AccountId) -> Vec<StoredTemplate>;
    /// Keeps a new API key's keyed hash.
    fn put_key(key: NewKey, now: Timestamp) -> ApiKey;
    /// The key that this text is, live or not; compared in constant time.
    fn key(text: &KeyText) -> Option<ApiKey>;
    /// All keys.
    fn keys() -> Vec<ApiKey>;
    /// Takes a key back. `false`: there is none, or it was taken back before.
    fn revoke_key(id: &KeyId, now: Timestamp) -> bool;
    /// Notes when keys were last shown; call it once a minute or so.
    fn touch_keys(used: Vec<(KeyId, Timestamp)>) -> ();
    /// Keeps a one-time set-up secret for 24 hours, in place of any before it.
    fn put_setup_secret(secret: &Secret, now: Timestamp) -> ();
    /// Uses the set-up secret up. `false`: wrong, used or too old.
    fn use_setup_secret(secret: &Secret, now: Timestamp) -> bool;
    /// Grows with every change of accounts, templates and keys, by whatever process.
    fn revision() -> u64;
    /// The counters of these days of acceptance.
    fn tally(days: Range<i64>, account: Option<AccountId>) -> Vec<TallyRow>;
    /// How many sends WeChat accepted on this day, by account.
    fn sends_today(day: i64) -> HashMap<AccountId, u64>;
    /// Counts all rows again; answers the counters that differ. Reads everything: not for a live path.
    fn check_tally() -> Vec<TallyDifference>;
    /// Writes a consistent copy to `path`, which must not exist.
    fn backup(path: &Path) -> ();
    /// Makes a new data key for an account; what is sealed from now on takes it, what was sealed stays readable.
    fn rotate_data_key(account: AccountId) -> u32;
    /// Wraps all data keys under a new master key, which opens the database from now on.
    fn rewrap(new: &MasterKey) -> ();
}
