//! What is known of people: read before a message is judged, written when one is taken from them.

use std::sync::Arc;
use std::time::Duration;

use hongyan_domain::{
    AccountId, Asked, Category, InteractionKind, MessageId, Openid, Reason, Recipient, Signal, Suppression,
    Taken, Timestamp,
};
use rusqlite::{Connection, params};
use serde_json::json;

use crate::account::accounts;
use crate::people::hot::{self, InRow, Who};
use crate::people::person::{Owner, Person, facts, in_row, openid_place};
use crate::seal::Blind;
use crate::seal::keyring::{AccountKeys, Keyring};
use crate::sqlite::queue::Turn;
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::store::{KeysOf, Shared, check_batch};
use crate::{Action, Actor, Deed, Page, Result, Store, StoreError, compliance};

/// Something a person did, as WeChat's callback or the API told it.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Whose person.
    pub account: AccountId,
    /// Who.
    pub openid: Openid,
    /// What.
    pub sign: Sign,
    /// When.
    pub at: Timestamp,
}

/// Where a person is found in the store: an index that only an account's key makes of an openid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PersonIndex(pub(crate) Blind);

impl std::fmt::Debug for PersonIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonIndex(…)")
    }
}

/// What a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It opens a reach window.
    Acted(InteractionKind),
    /// It only shows that they follow.
    Seen,
    /// They follow no more.
    Left,
    /// They wrote, and what they wrote is that they want no more of this category (`None`: of anything).
    OptedOut(Option<Category>),
    /// What was answered about them says that they are not to be written to.
    Unreachable(Reason),
}

/// Which suppressions of a person.
#[derive(Clone, Copy, Debug, Default)]
pub struct Which {
    /// Of this reason; `None`: of any.
    pub reason: Option<Reason>,
    /// About this.
    pub about: About,
}

/// Suppressions about what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum About {
    /// Whatever they are about.
    #[default]
    Anything,
    /// Those of no category, which are about all messages.
    AllMessages,
    /// Those of this category.
    Only(Category),
}

impl Which {
    /// Whether this one is meant.
    pub fn means(&self, one: &Suppression) -> bool {
        let about = match self.about {
            About::Anything => true,
            About::AllMessages => one.category.is_none(),
            About::Only(category) => one.category == Some(category),
        };
        about && self.reason.is_none_or(|reason| reason == one.reason)
    }
}

/// A person on the suppression list.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// Who.
    pub openid: Openid,
    /// Why, since when and how long: those that were not lifted.
    pub suppressions: Vec<Suppression>,
}

const COSTS: &str = "
SELECT recipient, category, scenario
FROM message
WHERE account = ?1
  AND id = ?2";

/// What the end of a message tells of its recipient.
pub(crate) struct Learned {
    /// It did not arrive: this is given back.
    pub(crate) given_back: Option<Taken>,
    /// They are not to be written to.
    pub(crate) gone: Option<Reason>,
    pub(crate) at: Timestamp,
}

/// Takes in what the end of a message tells of its recipient.
pub(crate) fn learn(
    ledger: &mut Ledger<'_>,
    (account, message): (AccountId, MessageId),
    learned: &Learned,
) -> Result<()> {
    let mut costs = ledger.conn.prepare_cached(COSTS)?;
    let mut rows = costs.query([account.0, message.raw()])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    // An erased message has nobody's index.
    let Ok(blind) = row.get(0) else { return Ok(()) };
    let mut person = Person::read(ledger, (account, blind))?;
    // Erased meanwhile, or no rule ever asked for them: nothing is kept of them.
    if person.is_new {
        return Ok(());
    }
    if let Some(taken) = learned.given_back {
        let category = row::word(row, 1, Category::parse)?;
        let scenario: Option<String> = row.get(2)?;
        let asked =
            Asked { category, scenario: scenario.as_deref(), basis: None, fingerprint: taken.fingerprint };
        person.facts.give_back(&asked, taken);
    }
    let Some(reason) = learned.gone else {
        ledger.learned(person.who, person.facts, (InRow::Later, learned.at));
        return Ok(());
    };
    person.learn(Sign::Unreachable(reason), learned.at);
    person.update(ledger, learned.at)
}

impl Store {
    /// What is known of these people, in the order given: nothing, of those never heard of.
    pub async fn recipients(&self, people: Vec<(AccountId, Openid)>) -> Result<Vec<Arc<Recipient>>> {
        Ok(self.look_up(people).await?.into_iter().map(|(_, facts)| facts).collect())
    }

    /// The same, with where they are found: a message that carries it need not be asked again whose it is.
    pub async fn look_up(
        &self,
        people: Vec<(AccountId, Openid)>,
    ) -> Result<Vec<(PersonIndex, Arc<Recipient>)>> {
        check_batch(people.len())?;
        let keys = self.keys_of(people.iter().map(|(account, _)| *account)).await?;
        let blind =
            |(account, openid): &(AccountId, Openid)| Ok((*account, keys.of(*account)?.recipient(openid)));
        let people = people.iter().map(blind).collect::<Result<Vec<_>>>()?;
        let looked = self.shared.hot.look(&people);
        let missing = hot::missing(&people, &looked);
        let read = match missing.is_empty() {
            true => Vec::new(),
            false => self.read(move |conn| read_in_order(conn, missing)).await?,
        };
        let with_row = read.iter().filter_map(|(_, who, facts)| Some((*who, facts.clone()?)));
        self.shared.hot.keep(&looked, with_row);
        let mut found = looked.found;
        for (place, _, facts) in read {
            found[place] = facts;
        }
        let index = people.into_iter().map(|(_, blind)| PersonIndex(blind));
        Ok(index.zip(found.into_iter().map(Option::unwrap_or_default)).collect())
    }

    /// Commits what people did. An account about whose people something is told for the first time gets a new
    /// revision: from then on its reach windows mean something.
    pub async fn interact(&self, batch: Vec<Interaction>) -> Result<()> {
        check_batch(batch.len())?;
        let mut accounts: Vec<_> = batch.iter().map(|one| one.account).collect();
        accounts.dedup();
        let (rows, batch) = (batch.len(), Arc::new(batch));
        let interact = |keys: KeysOf| {
            let batch = batch.clone();
            Ok(move |ledger: &mut Ledger<'_>| {
                batch.iter().try_for_each(|one| interact(ledger, keys.of(one.account)?, one))
            })
        };
        self.write_sealed(&accounts, (Turn::InOrder, rows), interact).await
    }

    /// Commits that these people are not to be written to.
    pub async fn suppress(&self, account: AccountId, batch: Vec<(Openid, Suppression)>) -> Result<()> {
        check_batch(batch.len())?;
        let (rows, batch) = (batch.len(), Arc::new((batch, self.actor.clone())));
        let suppress = |keys: KeysOf| {
            let batch = batch.clone();
            Ok(move |ledger: &mut Ledger<'_>| {
                suppress(ledger, keys.of(account)?, (account, &batch.0), &batch.1)
            })
        };
        self.write_sealed(&[account], (Turn::InOrder, rows), suppress).await
    }

    /// Takes suppressions of a person away. How many there were.
    pub async fn lift(
        &self,
        account: AccountId,
        openid: &Openid,
        which: Which,
        now: Timestamp,
    ) -> Result<usize> {
        let given = Arc::new((openid.clone(), self.actor.clone()));
        let lift = |keys: KeysOf| {
            let given = given.clone();
            Ok(move |ledger: &mut Ledger<'_>| {
                let owner = Owner { keys: keys.of(account)?, openid: &given.0 };
                lift(ledger, owner, (account, which), (&given.1, now))
            })
        };
        self.write_sealed(&[account], (Turn::InOrder, 1), lift).await
    }

    /// The suppression list of an account, in no order that means anything.
    pub async fn suppressed(
        &self,
        account: AccountId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Suppressed>> {
        let limit = limit.clamp(1, crate::MAX_BATCH);
        let after = cursor.map_or_else(|| Ok(Vec::new()), parse_cursor)?;
        let shared = self.shared.clone();
        self.read(move |conn| list(conn, &shared.keyring, account, (&after, limit))).await
    }
}

/// Somebody's place, who it is, and what their row says, if they have one.
type Read = (usize, Who, Option<Arc<Recipient>>);

/// People with their places, and what their rows say: read in the order in which they lie in the store, each page once.
fn read_in_order(conn: &Connection, mut people: Vec<(usize, Who)>) -> Result<Vec<Read>> {
    people.sort_unstable_by_key(|(_, who)| *who);
    let read = |(place, who)| Ok((place, who, in_row(conn, &who)?.map(|facts| Arc::new(facts.shrunk()))));
    people.into_iter().map(read).collect()
}

/// What is known of a person, for somebody who only reads.
pub(crate) fn known(shared: &Shared, conn: &Connection, who: &Who) -> Result<Arc<Recipient>> {
    match shared.hot.look(std::slice::from_ref(who)).found.pop().flatten() {
        Some(facts) => Ok(facts),
        None => Ok(in_row(conn, who)?.map(Arc::new).unwrap_or_default()),
    }
}

fn lift(
    ledger: &mut Ledger<'_>,
    owner: Owner<'_>,
    (account, which): (AccountId, Which),
    (actor, now): (&Actor, Timestamp),
) -> Result<usize> {
    let blind = owner.keys.recipient(owner.openid);
    let mut person = Person::read(ledger, (account, blind))?;
    let all = person.facts.suppressions().to_vec();
    let lifted = all
        .iter()
        .filter(|one| which.means(one))
        .filter(|one| person.facts.lift(one.reason, one.category))
        .count();
    if lifted > 0 {
        person.write(ledger, owner, now)?;
        let (action, subject) = (Action::SuppressionLift, short(&blind));
        let category = match which.about {
            About::Anything => None,
            About::AllMessages => Some("none"),
            About::Only(category) => Some(category.as_str()),
        };
        let reason = which.reason.map(Reason::as_str);
        let detail = json!({ "reason": reason, "category": category, "lifted": lifted });
        ledger.audit(actor, &Deed { action, account: Some(account), subject, detail, at: now })?;
    }
    Ok(lifted)
}

fn suppress(
    ledger: &mut Ledger<'_>,
    keys: &AccountKeys,
    (account, batch): (AccountId, &[(Openid, Suppression)]),
    actor: &Actor,
) -> Result<()> {
    let mut people = Vec::with_capacity(batch.len());
    for (openid, suppression) in batch {
        let blind = keys.recipient(openid);
        let mut person = Person::read(ledger, (account, blind))?;
        person.facts.suppress(*suppression);
        if !person.is_new && !person.is_away() {
            // Rare enough to look; they may have come back before this was done for them.
            person.name(ledger.conn, Owner { keys, openid })?;
        }
        person.write(ledger, Owner { keys, openid }, suppression.since)?;
        people.push(short(&blind));
    }
    let Some((_, Suppression { reason, since, .. })) = batch.first() else { return Ok(()) };
    let (action, detail) = (Action::SuppressionAdd, json!({ "people": people, "reason": reason.as_str() }));
    ledger.audit_account(actor, (action, account), detail, *since)
}

/// How far a walk over people has come; `None`: at the end, or it has not begun.
pub type PeopleReached = Option<(AccountId, Vec<u8>)>;

const AFTER: &str = "
SELECT account, recipient, changed_at, suppressed
FROM recipient
WHERE (account, recipient) > (?1, ?2)
ORDER BY account, recipient
LIMIT ?3";

const FORGET: &str = "
DELETE FROM recipient
WHERE account = ?1
  AND recipient = ?2
  AND NOT suppressed
  AND changed_at < ?3";

impl Store {
    /// Looks at the next `limit` people after `from` and forgets those about whom nothing was learned since `unseen_since`
    /// and whom no suppression names. How many went, and where to go on.
    pub async fn purge_people(
        &self,
        from: PeopleReached,
        unseen_since: Timestamp,
        limit: usize,
    ) -> Result<(usize, PeopleReached)> {
        let (account, after) = from.unwrap_or((AccountId(i64::MIN), Vec::new()));
        let found = self
            .read(move |conn| {
                let mut people = conn.prepare_cached(AFTER)?;
                row::all(people.query(params![account.0, after, limit])?, |row| {
                    let is_old = row::at(row, 2)? < unseen_since && !row.get::<_, bool>(3)?;
                    Ok((AccountId(row.get(0)?), row.get::<_, Vec<u8>>(1)?, is_old))
                })
            })
            .await?;
        let last = found.last().filter(|_| found.len() == limit);
        let reached = last.map(|(account, recipient, _)| (*account, recipient.clone()));
        let old: Vec<_> = found.into_iter().filter(|(.., is_old)| *is_old).collect();
        if old.is_empty() {
            return Ok((0, reached));
        }
        let forget = move |ledger: &mut Ledger<'_>| {
            let mut went = 0;
            for (account, recipient, _) in &old {
                let who = Blind::try_from(&recipient[..]).ok().map(|blind| (*account, blind));
                if who.is_some_and(|who| ledger.is_ahead_of_row(&who)) {
                    continue;
                }
                let one = params![account.0, recipient, unseen_since.ms()];
                if ledger.conn.prepare_cached(FORGET)?.execute(one)? == 1 {
                    went += 1;
                    forget_openid(ledger.conn, *account, recipient)?;
                    who.into_iter().for_each(|who| ledger.forget(who));
                }
            }
            Ok(went)
        };
        Ok((self.write(limit, forget).await?, reached))
    }
}

const FORGET_OPENID: &str = "
DELETE FROM recipient_openid
WHERE account = ?1
  AND recipient = ?2";

/// From now on a row of this person, if there is one, names nobody.
pub(crate) fn forget_openid(conn: &Connection, account: AccountId, recipient: &[u8]) -> Result<()> {
    conn.prepare_cached(FORGET_OPENID)?.execute(params![account.0, recipient])?;
    Ok(())
}

/// What names a person in the audit: enough of the blind index to tell people apart, not to find one.
pub(crate) fn short(blind: &Blind) -> String {
    blind[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

const IS_KNOWN: &str = "
INSERT INTO meta (account, name, value)
VALUES (?1, 'interactions_since', ?2)
ON CONFLICT (account, name) DO NOTHING";

/// Something that an account's people did was told, by an interaction or by the basis of a message: from the first on its
/// reach windows mean something.
pub(crate) fn now_known(conn: &Connection, account: AccountId, at: Timestamp) -> Result<()> {
    match conn.prepare_cached(IS_KNOWN)?.execute(params![account.0, at.ms()])? {
        0 => Ok(()),
        _ => accounts::revise(conn),
    }
}

fn interact(ledger: &mut Ledger<'_>, keys: &AccountKeys, one: &Interaction) -> Result<()> {
    let mut person = Person::read(ledger, (one.account, keys.recipient(&one.openid)))?;
    let before = person.facts.clone();
    if let Some((signal, reason)) = one.sign.against()
        && !person.is_suppressed_for(reason)
    {
        blame(ledger, &person, one.at, signal)?;
    }
    person.learn(one.sign, one.at);
    if matches!(one.sign, Sign::Acted(_) | Sign::OptedOut(_)) {
        now_known(ledger.conn, one.account, one.at)?;
    }
    // An event told twice, or one that nothing follows from.
    if person.facts == before {
        return Ok(());
    }
    person.write(ledger, Owner { keys, openid: &one.openid }, one.at)
}

/// People who leave because of a message do so within a day (requirements: 24 h).
const BLAMED_WITHIN: Duration = Duration::from_secs(86_400);

/// Counts this against the template of the last message to that person.
fn blame(ledger: &mut Ledger<'_>, person: &Person, at: Timestamp, signal: Signal) -> Result<()> {
    let (account, blind) = &person.who;
    let last = compliance::last_before(ledger.conn, (*account, blind), at, BLAMED_WITHIN)?;
    if let Some(went) = last {
        ledger.tally.sign(*account, at, &went.template_id.into(), signal);
    }
    Ok(())
}

impl Sign {
    /// What it says against the last message, and the suppression by which it was counted before.
    fn against(self) -> Option<(Signal, Reason)> {
        match self {
            Self::Left => Some((Signal::Unsubscribed, Reason::Unsubscribed)),
            Self::OptedOut(_) => Some((Signal::OptedOut, Reason::OptedOut)),
            Self::Acted(_) | Self::Seen | Self::Unreachable(_) => None,
        }
    }
}

const SUPPRESSED: &str = "
SELECT facts, openid, recipient
FROM recipient
JOIN recipient_openid USING (account, recipient) -- an erased person is on the list and names nobody
WHERE account = ?1
  AND suppressed
  AND recipient > ?2
ORDER BY recipient
LIMIT ?3";

fn list(
    conn: &Connection,
    keyring: &Keyring,
    account: AccountId,
    (after, limit): (&[u8], usize),
) -> Result<Page<Suppressed>> {
    let mut suppressed = conn.prepare_cached(SUPPRESSED)?;
    let mut rows = suppressed.query(params![account.0, after, limit])?;
    let (mut items, mut last) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let openid = open(conn, keyring, account, row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
        items.push(Suppressed { openid, suppressions: facts(row)?.suppressions().to_vec() });
        last = row.get(2)?;
    }
    let next_cursor = (items.len() == limit).then(|| last.iter().map(|byte| format!("{byte:02x}")).collect());
    Ok(Page { items, next_cursor })
}

fn open(conn: &Connection, keyring: &Keyring, account: AccountId, sealed: &[u8]) -> Result<Openid> {
    let plain = keyring.keys_for(conn, account, sealed)?.open(openid_place(account), sealed)?;
    let text = std::str::from_utf8(&plain).ok().and_then(|text| Openid::new(text).ok());
    text.ok_or_else(|| StoreError::Corrupt("recipient.openid is no openid".to_owned()))
}

fn parse_cursor(cursor: &str) -> Result<Vec<u8>> {
    let wrong = || StoreError::Invalid("the cursor is not one of this list: begin without one".to_owned());
    if cursor.len() != 32 || !cursor.is_ascii() {
        return Err(wrong());
    }
    let byte = |at: usize| u8::from_str_radix(&cursor[at..at + 2], 16).map_err(|_| wrong());
    (0..cursor.len()).step_by(2).map(byte).collect()
}
