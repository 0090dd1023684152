//! Who did what, when, from where: a row in the transaction of the change itself.
//!
//! The rows are a chain: each carries an HMAC of itself and of the row before, under a key that the master key opens.
//! Whoever edits the file without the master key cannot make it whole again (`Store::verify_audit`). `log` reads the rows.

pub(crate) mod log;

use std::borrow::Cow;
use std::net::IpAddr;

use aws_lc_rs::{constant_time, hmac};
use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use crate::account::accounts;
use crate::seal::keyring::INSTALLATION;
use crate::sqlite::writer::Ledger;
use crate::{KeyId, Result, Store, StoreError};

/// HMAC-SHA-256.
pub(crate) type Hash = [u8; 32];
/// What the first row follows, and a row whose forerunner cannot be trusted.
const NOTHING: Hash = [0; 32];
/// Longest subject and detail: a thousand template ids fit.
const TEXT_MAX: usize = 64 << 10;

/// Who changes something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Actor {
    /// A caller of the API.
    Key {
        /// The key that was shown.
        id: KeyId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A user of the console.
    User {
        /// What they log in by.
        name: String,
        /// From where.
        address: Option<IpAddr>,
    },
    /// Whoever opened the one-time set-up link.
    Setup {
        /// From where.
        address: Option<IpAddr>,
    },
    /// The command line on this machine.
    Cli {
        /// The user it ran as, as far as the environment tells.
        user: String,
    },
    /// Hongyan itself.
    #[default]
    System,
}

impl Actor {
    /// What stands in the column `actor`: a key's id, `user:` and a user's name, or a word.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Key { id, .. } => Cow::Borrowed(&id.0),
            Self::User { name, .. } => Cow::Owned(format!("user:{name}")),
            Self::Setup { .. } => Cow::Borrowed("setup"),
            Self::Cli { .. } => Cow::Borrowed("cli"),
            Self::System => Cow::Borrowed("system"),
        }
    }

    /// From where, or empty.
    pub fn address(&self) -> String {
        match self {
            Self::Key { address, .. } | Self::User { address, .. } | Self::Setup { address } => {
                address.map_or_else(String::new, |address| address.to_string())
            }
            Self::Cli { user } => user.clone(),
            Self::System => String::new(),
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)+) => {
        /// The closed set of things that are audited.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $name,)+ }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word in tables, JSON and queries.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }
    };
}

actions! {
    /// An account was put in.
    AccountCreate = "account.create";
    /// Settings of an account were changed.
    AccountChange = "account.change";
    /// An account was told to stand still.
    AccountPause = "account.pause";
    /// An account was told to go on.
    AccountResume = "account.resume";
    /// An account was deleted with all it had.
    AccountDelete = "account.delete";
    /// WeChat's count of an account's calls was set back.
    QuotaClear = "quota.clear";
    /// An account's industries were set.
    IndustrySet = "industry.set";
    /// A template of WeChat's library was added.
    TemplateAdd = "template.add";
    /// A template was deleted.
    TemplateDelete = "template.delete";
    /// Our list of templates was made equal to WeChat's, and changed by it.
    TemplateSync = "template.sync";
    /// A field of a template may be longer, since WeChat granted it.
    TemplateGrant = "template.grant";
    /// An application for a template was drafted.
    ApplicationCreate = "application.create";
    /// An application for a template went on.
    ApplicationMove = "application.move";
    /// A scenario was put in force.
    ScenarioPut = "scenario.put";
    /// A scenario was taken out of force.
    ScenarioRemove = "scenario.remove";
    /// A house rule was changed.
    PolicyChange = "policy.change";
    /// A word list was put in force, or taken back.
    WordsPut = "words.put";
    /// Messages that a rule held were let go.
    ApprovalApprove = "approval.approve";
    /// Messages that a rule held were refused.
    ApprovalReject = "approval.reject";
    /// An alert rule was changed or taken back.
    AlertRuleChange = "alert_rule.change";
    /// An alert was silenced.
    AlertSilence = "alert.silence";
    /// A channel for alerts was added, changed or deleted.
    ChannelChange = "alert_channel.change";
    /// An outgoing webhook was added or changed.
    WebhookChange = "webhook.change";
    /// An outgoing webhook was deleted.
    WebhookDelete = "webhook.delete";
    /// An outgoing webhook was set back in time.
    WebhookReplay = "webhook.replay";
    /// People are not to be written to.
    SuppressionAdd = "suppression.add";
    /// A person may be written to again.
    SuppressionLift = "suppression.lift";
    /// A template was stopped because of its risk.
    BrakePull = "brake.pull";
    /// A person let it go again.
    BrakeRelease = "brake.release";
    /// Complaints were put in.
    ComplaintAdd = "complaint.add";
    /// An API key was made.
    KeyCreate = "key.create";
    /// An API key was taken back.
    KeyRevoke = "key.revoke";
    /// A user was made.
    UserCreate = "user.create";
    /// A user was changed: password, role, accounts, second factor, disabled.
    UserChange = "user.change";
    /// A user was deleted.
    UserDelete = "user.delete";
    /// A user logged in.
    UserLogin = "user.login";
    /// A user logged out, or was logged out.
    UserLogout = "user.logout";
    /// A set-up link was made.
    SetupLink = "setup.link";
    /// All that is held of a person was read.
    RecipientExport = "recipient.export";
    /// What is held of a person was removed.
    RecipientErase = "recipient.erase";
    /// An account seals with a new data key.
    SecretsRotate = "secrets.rotate";
    /// All data keys are wrapped by a new master key.
    SecretsRewrap = "secrets.rewrap";
    /// All sending was stopped.
    Hold = "hold.set";
    /// Sending was let go on.
    Release = "hold.release";
    /// The database was put back from a backup.
    Restore = "store.restore";
    /// The oldest audit rows were removed, their time being over.
    AuditPurge = "audit.purge";
}

impl Action {
    /// The action that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == word)
    }
}

/// What is to be written down. Neither subject nor detail may hold a secret or an openid.
#[derive(Clone, Debug)]
pub struct Deed {
    /// What was done.
    pub action: Action,
    /// Whom it is about; `None`: the installation.
    pub account: Option<AccountId>,
    /// What it was done to: an appid, a key's id, a template's id.
    pub subject: String,
    /// A JSON object with more.
    pub detail: Value,
    /// When: now.
    pub at: Timestamp,
}

impl Store {
    /// Another handle on this store, whose changes are this actor's.
    #[must_use]
    pub fn by(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// Writes down what was done outside the store: at WeChat.
    pub async fn note(&self, deed: Deed) -> Result<()> {
        let actor = self.actor.clone();
        self.write(1, move |ledger| ledger.audit(&actor, &deed)).await
    }
}

impl Ledger<'_> {
    /// Appends to the audit, in this transaction.
    pub(crate) fn audit(&mut self, actor: &Actor, deed: &Deed) -> Result<()> {
        append(self.conn, self.audit, actor, deed)
    }

    /// The same about an account, named by its appid.
    pub(crate) fn audit_account(
        &mut self,
        actor: &Actor,
        (action, account): (Action, AccountId),
        detail: Value,
        at: Timestamp,
    ) -> Result<()> {
        let subject = accounts::appid(self.conn, account)?.unwrap_or_default();
        self.audit(actor, &Deed { action, account: Some(account), subject, detail, at })
    }
}

/// One row, as it is hashed.
pub(crate) struct Entry {
    pub(crate) account: i64,
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) actor: String,
    pub(crate) address: String,
    pub(crate) action: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
    pub(crate) prev: Vec<u8>,
}

/// The columns of `Entry`, in its order, and `hash`.
macro_rules! entry_columns {
    () => {
        "account, seq, at, actor, address, action, subject, detail, prev, hash"
    };
}
pub(crate) use entry_columns;

impl Entry {
    /// Reads `entry_columns!()`, without the hash.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            account: row.get(0)?,
            seq: row.get(1)?,
            at: row.get(2)?,
            actor: row.get(3)?,
            address: row.get(4)?,
            action: row.get(5)?,
            subject: row.get(6)?,
            detail: row.get(7)?,
            prev: row.get(8)?,
        })
    }

    /// Every part with its length in front, so that no two rows are hashed alike.
    pub(crate) fn hash(&self, key: &hmac::Key) -> Hash {
        let mut context = hmac::Context::with_key(key);
        context.update(b"row");
        for number in [self.account, self.seq, self.at] {
            context.update(&number.to_be_bytes());
        }
        let texts = [&self.actor, &self.address, &self.action, &self.subject, &self.detail];
        for part in texts.map(String::as_bytes).into_iter().chain([&self.prev[..]]) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        whole(&context.sign())
    }
}

fn whole(tag: &hmac::Tag) -> Hash {
    tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
}

/// The two ends of the chain.
#[derive(Clone)]
pub(crate) struct Head {
    /// The oldest row kept.
    pub(crate) first: i64,
    /// The hash of the row before it.
    pub(crate) anchor: Vec<u8>,
    /// The newest row; 0: none.
    pub(crate) seq: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) mac: Vec<u8>,
}

const HEAD: &str = "
SELECT first, anchor, seq, hash, mac
FROM audit_head
WHERE account = 0";

const PUT_HEAD: &str = "
INSERT INTO audit_head (account, first, anchor, seq, hash, mac)
VALUES (0, ?1, ?2, ?3, ?4, ?5)
ON CONFLICT (account)
DO UPDATE SET first = excluded.first, anchor = excluded.anchor, seq = excluded.seq, hash = excluded.hash,
  mac = excluded.mac";

const LAST_SEQ: &str = "
SELECT seq
FROM audit
ORDER BY seq DESC
LIMIT 1";

impl Head {
    /// `None`: there is none, as in a new database.
    pub(crate) fn read(conn: &Connection) -> Result<Option<Self>> {
        let read = |row: &Row<'_>| {
            Ok(Self {
                first: row.get(0)?,
                anchor: row.get(1)?,
                seq: row.get(2)?,
                hash: row.get(3)?,
                mac: row.get(4)?,
            })
        };
        Ok(conn.prepare_cached(HEAD)?.query_row([], read).optional()?)
    }

    /// The head of a chain without rows.
    fn of_nothing() -> Self {
        Self { first: 1, anchor: NOTHING.to_vec(), seq: 0, hash: NOTHING.to_vec(), mac: Vec::new() }
    }

    pub(crate) fn write(&self, conn: &Connection, key: &hmac::Key) -> Result<()> {
        let mac = self.signed(key);
        conn.prepare_cached(PUT_HEAD)?.execute(params![
            self.first,
            self.anchor,
            self.seq,
            self.hash,
            &mac[..]
        ])?;
        Ok(())
    }

    /// Whether it is as it was written here.
    pub(crate) fn is_sound(&self, key: &hmac::Key) -> bool {
        constant_time::verify_slices_are_equal(&self.mac, &self.signed(key)).is_ok()
    }

    fn signed(&self, key: &hmac::Key) -> Hash {
        let mut context = hmac::Context::with_key(key);
        context.update(b"head");
        for part in [&self.first.to_be_bytes()[..], &self.anchor, &self.seq.to_be_bytes(), &self.hash] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        whole(&context.sign())
    }
}

const INSERT: &str = "
INSERT INTO audit (account, seq, at, actor, address, action, subject, detail, prev, hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// Appends one row and moves the head on.
pub(crate) fn append(conn: &Connection, key: &hmac::Key, actor: &Actor, deed: &Deed) -> Result<()> {
    let last: Option<i64> = conn.prepare_cached(LAST_SEQ)?.query_row([], |row| row.get(0)).optional()?;
    let head = Head::read(conn)?;
    let is_sound = match &head {
        Some(head) => head.is_sound(key) && last.unwrap_or(head.first - 1) == head.seq,
        None => last.is_none(),
    };
    let head = head.unwrap_or_else(Head::of_nothing);
    let entry = Entry {
        account: deed.account.unwrap_or(INSTALLATION).0,
        seq: last.unwrap_or(0).max(head.seq) + 1,
        at: deed.at.ms(),
        actor: actor.name().into_owned(),
        address: actor.address(),
        action: deed.action.as_str().to_owned(),
        subject: deed.subject.clone(),
        detail: deed.detail.to_string(),
        // Work goes on after somebody has cut the end off, and the break stays to be seen.
        prev: if is_sound { head.hash.clone() } else { NOTHING.to_vec() },
    };
    if entry.subject.len() + entry.detail.len() > TEXT_MAX {
        return Err(StoreError::Invalid(format!("an audit row has at most {TEXT_MAX} bytes of words")));
    }
    let hash = entry.hash(key);
    insert(conn, &entry, &hash)?;
    Head { seq: entry.seq, hash: hash.to_vec(), ..head }.write(conn, key)
}

fn insert(conn: &Connection, entry: &Entry, hash: &Hash) -> Result<()> {
    conn.prepare_cached(INSERT)?.execute(params![
        entry.account,
        entry.seq,
        entry.at,
        entry.actor,
        entry.address,
        entry.action,
        entry.subject,
        entry.detail,
        entry.prev,
        &hash[..],
    ])?;
    Ok(())
}
