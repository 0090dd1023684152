//! Step: accept. Rows on disk before anybody is told 202.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hongyan_domain::{AccountId, Cause, InteractionKind, MessageId, Openid, State, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::path::{approvals, gather, own, resend, verdicts, withdraw};
use crate::people::person::{Owner, Person};
use crate::people::recipients;
use crate::seal::keyring::AccountKeys;
use crate::seal::{self, Blind};
use crate::series::Kind;
use crate::sqlite::queue::Turn;
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::store::{KeysOf, check_batch};
use crate::{Acceptance, Joining, NewMessage, Repeat, Result, Store, StoreError, Ties};

/// Due further ahead than this, a message waits in the schedule and not in the queue.
pub(crate) const SCHEDULED_AFTER_MS: i64 = 60_000;
/// Longest id of a caller's.
const CLIENT_MSG_ID_MAX: usize = 128;

/// A message and what is written of its plain text.
pub(crate) struct Sealed {
    pub(crate) new: Arc<NewMessage>,
    pub(crate) recipient: Blind,
    /// Of what its caller said, where there is a client_msg_id.
    pub(crate) said: Option<Blind>,
    pub(crate) body: Vec<u8>,
}

impl Sealed {
    /// `None`: it has no client_msg_id, so there is nothing to be a repeat of.
    pub(crate) fn named(&self) -> Option<Named<'_>> {
        let client_msg_id = self.new.client_msg_id.as_deref()?;
        Some(Named { account: self.new.account, client_msg_id, said: self.said.as_ref()? })
    }
}

/// What a repeat is known by.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) account: AccountId,
    pub(crate) client_msg_id: &'a str,
    said: &'a Blind,
}

impl Named<'_> {
    /// Whether the caller of what lies there said the same.
    pub(crate) fn repeats(&self, said: Option<&[u8]>) -> bool {
        said == Some(&self.said[..])
    }
}

impl Store {
    /// Commits new messages, all in one transaction; durable on return. One answer a message, in order.
    ///
    /// The same `client_msg_id` again (in the same batch as well) is `Same` if openid and what was said are the same,
    /// whatever was made of it; else `Conflict`.
    pub async fn accept(&self, batch: Vec<NewMessage>) -> Result<Vec<Acceptance>> {
        check_batch(batch.len())?;
        let mut accounts: Vec<_> = batch.iter().map(|new| new.account).collect();
        accounts.dedup();
        let (turn, rows) = (Turn::of(batch.iter().map(|new| new.lane)), batch.len());
        let batch: Vec<_> = batch.into_iter().map(Arc::new).collect();
        let held = self.shared.epoch.load(Ordering::Acquire);
        let insert = move |keys: KeysOf| {
            let sealed =
                batch.iter().map(|new| seal(keys.of(new.account)?, new)).collect::<Result<Vec<_>>>()?;
            Ok(move |ledger: &mut Ledger<'_>| insert_all(ledger, &keys, held, &sealed))
        };
        self.write_sealed(&accounts, (turn, rows), insert).await
    }

    /// What `accept` would answer of these if they are there already, in the order given: `Same`, `Conflict` or nothing.
    /// It needs only what was said: nothing can be made of it any more where its template is gone or its time is over.
    pub async fn accepted_before(&self, batch: Vec<Repeat>) -> Result<Vec<Option<Acceptance>>> {
        check_batch(batch.len())?;
        let keys = self.keys_of(batch.iter().map(|one| one.account)).await?;
        let hash = |one: Repeat| Ok((said_hash(keys.of(one.account)?, &one.openid, &one.given), one));
        let batch = batch.into_iter().map(hash).collect::<Result<Vec<_>>>()?;
        self.read(move |conn| {
            let before = |(said, one): &(Blind, Repeat)| {
                let named = Named { account: one.account, client_msg_id: &one.client_msg_id, said };
                Ok(gather::earlier(conn, named)?.or(earlier(conn, named)?))
            };
            batch.iter().map(before).collect()
        })
        .await
    }
}

fn seal(keys: &AccountKeys, new: &Arc<NewMessage>) -> Result<Sealed> {
    if new.client_msg_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > CLIENT_MSG_ID_MAX) {
        return Err(StoreError::Invalid(format!("client_msg_id has 1 to {CLIENT_MSG_ID_MAX} bytes")));
    }
    let body = keys.current().seal(row::body_place(new.account, new.id.raw()), |text| {
        let start = text.len();
        seal::write_body(&new.openid, &new.content, text);
        if let Some(gather) = new.gather() {
            seal::write_items(&gather.items, start, text);
        }
    })?;
    let said = new.client_msg_id.as_ref().map(|_| said_hash(keys, &new.openid, &new.given));
    let recipient = new.recipient.map_or_else(|| keys.recipient(&new.openid), |index| index.0);
    Ok(Sealed { recipient, said, body, new: new.clone() })
}

/// What a repeat has to say again: what its caller said, and nothing of what was made of it. The template may have
/// changed since, and what several triggers end up in may be the same.
fn said_hash(keys: &AccountKeys, openid: &Openid, given: &str) -> Blind {
    seal::blind(keys.body(), &[b"said\0", openid.expose().as_bytes(), b"\0", given.as_bytes()])
}

pub(crate) const NEWEST_KEY: &str = "
SELECT MAX(version)
FROM data_key
WHERE account = ?1
  AND purpose = 'data'";

/// Refuses what an older data key sealed, so that once there is a newer one nothing more is written under the old:
/// only then can that be dropped. An account that another process has deleted has no key at all.
pub(crate) fn check_key(conn: &Connection, account: AccountId, sealed: &[u8]) -> Result<()> {
    let newest: Option<u32> = conn.prepare_cached(NEWEST_KEY)?.query_row([account.0], |row| row.get(0))?;
    match newest {
        Some(newest) if newest == seal::key_id(sealed)? => Ok(()),
        Some(_) => Err(StoreError::StaleKey(account)),
        None => Err(StoreError::NoAccount(account)),
    }
}

const INSERT: &str = "
INSERT INTO message (account, id, state, attempts, scheduled, lane, accepted_at, due_at, deadline_at, expires_at,
  on_unknown, recipient, client_msg_id, body_hash, template_id, scenario, category, basis, counted, body, cause, words,
  variant, tracked, in_memory)
VALUES (?1, ?2, 'pending', 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, FALSE, ?17, ?18, ?19, ?20, ?21,
  ?22)
ON CONFLICT (account, client_msg_id) WHERE client_msg_id IS NOT NULL DO NOTHING";

fn insert_all(
    ledger: &mut Ledger<'_>,
    keys: &KeysOf,
    held: i64,
    batch: &[Sealed],
) -> Result<Vec<Acceptance>> {
    // The next owner does not know what the one before holds in memory.
    let owns = held != 0 && held == own::current_epoch(ledger.conn)?;
    let mut insert = ledger.conn.prepare_cached(INSERT)?;
    let mut answers = vec![Acceptance::New; batch.len()];
    let (mut checked, mut any_gathered, mut known) = (None, false, None);
    for (nth, sealed) in by_account(batch) {
        let account = sealed.new.account;
        if checked.replace(account) != Some(account) {
            check_key(ledger.conn, account, &sealed.body)?;
            any_gathered = gather::any(ledger.conn, account)?;
        }
        // In the same batch as well, a trigger may be one of a message already.
        let named = sealed.named().filter(|_| any_gathered);
        let before = named.map_or(Ok(None), |named| gather::earlier(ledger.conn, named))?;
        if let Some(before) = before {
            answers[nth] = before;
            continue;
        }
        any_gathered |= sealed.new.gather().is_some();
        if let Some(elsewhere) = gathered(ledger, keys.of(account)?, sealed)? {
            answers[nth] = elsewhere;
        } else if insert_one(&mut insert, sealed, owns)? {
            ledger.tally.enter(account, sealed.new.accepted_at, State::Pending, None);
            ledger.tally.used(account, sealed.new.accepted_at, &sealed.new.template_id);
            count(ledger, &sealed.new);
            note(ledger, keys.of(account)?, sealed)?;
            if let Some(ties) = &sealed.new.ties {
                answers[nth] = tie(ledger, keys.of(account)?, sealed, ties)?;
            }
        } else {
            let lost = || StoreError::Corrupt("the index of client_msg_id names no row".to_owned());
            let before = sealed.named().map_or(Ok(None), |named| earlier(ledger.conn, named))?;
            answers[nth] = before.ok_or_else(lost)?;
        }
        if sealed.new.basis.is_some() && known.replace(account) != Some(account) {
            recipients::now_known(ledger.conn, account, sealed.new.accepted_at)?;
        }
    }
    Ok(answers)
}

/// What becomes of a trigger that is to join others; `None`: it is a message of its own, so far.
fn gathered(ledger: &mut Ledger<'_>, keys: &AccountKeys, sealed: &Sealed) -> Result<Option<Acceptance>> {
    let Some(gather) = sealed.new.gather() else { return Ok(None) };
    if !gather::still_holds(ledger.conn, keys, sealed, gather)? {
        return Ok(Some(Acceptance::Moved));
    }
    let Joining::Joins { had } = gather.joining else { return Ok(None) };
    let joined = gather::join(ledger, sealed, had)?;
    proves(ledger, keys, sealed)?;
    Ok(Some(joined))
}

fn tie(ledger: &mut Ledger<'_>, keys: &AccountKeys, sealed: &Sealed, ties: &Ties) -> Result<Acceptance> {
    if let Some(gather) = &ties.gather {
        gather::begin(ledger, keys, sealed, gather)?;
    }
    if let Some(message) = ties.resends {
        resend::note(ledger, sealed.new.account, (message, sealed.new.id), sealed.new.accepted_at)?;
    }
    let Some(about) = &ties.subject else { return Ok(Acceptance::New) };
    let taken_back = withdraw::tie(ledger, keys, sealed, about)?;
    Ok(taken_back.map_or(Acceptance::New, Acceptance::Withdrawn))
}

fn count(ledger: &mut Ledger<'_>, new: &NewMessage) {
    let series = &mut ledger.tally.series;
    let scenario = new.scenario.clone().unwrap_or_else(|| series.name(""));
    let kind = Kind { lane: new.lane, template: new.template_id.clone(), scenario };
    let cause = new.asking.as_ref().map(|_| Cause::Content);
    series.accepted((new.account, cause), new.accepted_at, &kind);
}

/// With their places in the batch, as the accounts lie in the store: a page is looked up once for all its rows.
fn by_account(batch: &[Sealed]) -> Vec<(usize, &Sealed)> {
    let mut sorted: Vec<_> = batch.iter().enumerate().collect();
    sorted.sort_by_key(|(_, sealed)| sealed.new.account);
    sorted
}

/// What comes with a new message: what the rules said of it, and what it proves its recipient did.
fn note(ledger: &mut Ledger<'_>, keys: &AccountKeys, sealed: &Sealed) -> Result<()> {
    let new = &sealed.new;
    for heard in &new.verdicts {
        verdicts::note(ledger, (new.account, new.id), new.accepted_at, *heard)?;
        // What is observed is asked again by the claim, and counted there: then it went.
        if !heard.observed {
            let of = (&new.template_id, new.scenario.as_ref());
            ledger.tally.judged((new.account, new.accepted_at), *heard, of);
        }
    }
    if let Some(asking) = &new.asking {
        approvals::open(ledger.conn, (new.account, new.id), asking, new.accepted_at)?;
    }
    proves(ledger, keys, sealed)
}

fn proves(ledger: &mut Ledger<'_>, keys: &AccountKeys, sealed: &Sealed) -> Result<()> {
    let new = &sealed.new;
    let Some(kind) = new.basis else { return Ok(()) };
    let mut person = Person::read(ledger, (new.account, sealed.recipient))?;
    person.facts.acted(kind, new.accepted_at);
    person.write(ledger, Owner { keys, openid: &new.openid }, new.accepted_at)
}

fn insert_one(insert: &mut CachedStatement<'_>, sealed: &Sealed, owns: bool) -> Result<bool> {
    let new = &sealed.new;
    let inserted = insert.execute(params![
        new.account.0,
        new.id.raw(),
        // What gathers or waits for a person waits in the schedule, however soon it expires: nothing may offer it before.
        new.gathers()
            || new.asking.is_some()
            || new.due_at.ms().saturating_sub(new.accepted_at.ms()) > SCHEDULED_AFTER_MS,
        new.lane.index(),
        new.accepted_at.ms(),
        new.due_at.ms(),
        new.deadline_at.ms(),
        new.expires_at.map(Timestamp::ms),
        new.on_unknown.as_str(),
        &sealed.recipient[..],
        new.client_msg_id,
        sealed.said.as_ref().map(|hash| &hash[..]),
        &*new.template_id,
        new.scenario.as_deref(),
        new.category.as_str(),
        new.basis.map(InteractionKind::as_str),
        sealed.body,
        new.asking.as_ref().map(|_| Cause::Content.as_str()),
        new.marks.words,
        new.marks.variant.as_deref(),
        new.marks.tracked,
        new.in_memory && owns,
    ])?;
    Ok(inserted == 1)
}

const EARLIER: &str = "
SELECT id, state, due_at, deadline_at, body_hash
FROM message
WHERE account = ?1
  AND client_msg_id = ?2";

fn earlier(conn: &Connection, named: Named<'_>) -> Result<Option<Acceptance>> {
    let found = conn
        .prepare_cached(EARLIER)?
        .query_row(params![named.account.0, named.client_msg_id], |row| {
            let said: Option<Vec<u8>> = row.get(4)?;
            let same = named.repeats(said.as_deref());
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?, same))
        })
        .optional()?;
    let Some((id, state, due_at, deadline_at, same)) = found else { return Ok(None) };
    let id =
        MessageId::from_raw(id).ok_or_else(|| StoreError::Corrupt("a message id below zero".to_owned()))?;
    if !same {
        return Ok(Some(Acceptance::Conflict { id }));
    }
    let state =
        State::parse(&state).ok_or_else(|| StoreError::Corrupt(format!("message.state `{state}`")))?;
    let (due_at, deadline_at) = (Timestamp::from_ms(due_at), Timestamp::from_ms(deadline_at));
    Ok(Some(Acceptance::Same { id, state, due_at, deadline_at }))
}
