//! Step: accept. Rows on disk before anybody is told 202.

use std::sync::Arc;

use hongyan_domain::{AccountId, Cause, InteractionKind, MessageId, State, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::path::{approvals, gather, verdicts, withdraw};
use crate::people::recipients::{Owner, Person};
use crate::seal::keyring::AccountKeys;
use crate::seal::{self, Blind};
use crate::series::Kind;
use crate::sqlite::queue::Turn;
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::store::{KeysOf, check_batch};
use crate::{Acceptance, Joining, NewMessage, Result, Store, StoreError, Ties};

/// Due further ahead than this, a message waits in the schedule and not in the queue.
pub(crate) const SCHEDULED_AFTER_MS: i64 = 60_000;
/// Longest id of a caller's.
const CLIENT_MSG_ID_MAX: usize = 128;

/// A message and what is written of its plain text.
pub(crate) struct Sealed {
    pub(crate) new: Arc<NewMessage>,
    pub(crate) recipient: Blind,
    pub(crate) body_hash: Option<Blind>,
    pub(crate) body: Vec<u8>,
}

impl Store {
    /// Commits new messages, all in one transaction; durable on return. One answer a message, in order.
    ///
    /// The same `client_msg_id` again (in the same batch as well) is `Same` if openid, template, content and what else
    /// was given are the same, whatever was made of it; else `Conflict`.
    pub async fn accept(&self, batch: Vec<NewMessage>) -> Result<Vec<Acceptance>> {
        check_batch(batch.len())?;
        let mut accounts: Vec<_> = batch.iter().map(|new| new.account).collect();
        accounts.dedup();
        let (turn, rows) = (Turn::of(batch.iter().map(|new| new.lane)), batch.len());
        let batch: Vec<_> = batch.into_iter().map(Arc::new).collect();
        let insert = move |keys: KeysOf| {
            let sealed =
                batch.iter().map(|new| seal(keys.of(new.account)?, new)).collect::<Result<Vec<_>>>()?;
            Ok(move |ledger: &mut Ledger<'_>| insert_all(ledger, &keys, &sealed))
        };
        self.write_sealed(&accounts, (turn, rows), insert).await
    }

    /// What `accept` would answer of a message that is there already, under the same `client_msg_id`.
    pub async fn accepted_before(&self, new: &NewMessage) -> Result<Option<Acceptance>> {
        if new.client_msg_id.is_none() {
            return Ok(None);
        }
        let keys = self.keys_of(std::iter::once(new.account)).await?;
        let sealed = seal(keys.of(new.account)?, &Arc::new(new.clone()))?;
        self.read(move |conn| match gather::earlier(conn, &sealed)? {
            Some(before) => Ok(Some(before)),
            None => earlier(conn, &sealed),
        })
        .await
    }
}

fn seal(keys: &AccountKeys, new: &Arc<NewMessage>) -> Result<Sealed> {
    if new.client_msg_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > CLIENT_MSG_ID_MAX) {
        return Err(StoreError::Invalid(format!("client_msg_id has 1 to {CLIENT_MSG_ID_MAX} bytes")));
    }
    let mut body_hash = None;
    let body = keys.current().seal(row::body_place(new.account, new.id.raw()), |text| {
        let start = text.len();
        seal::write_body(&new.openid, &new.content, text);
        if new.client_msg_id.is_some() {
            body_hash = Some(said(keys, new, &text[start..]));
        }
        if let Some(gather) = new.gather() {
            body_hash = body_hash.map(|_| gather::body_hash(keys, new, gather));
            seal::write_items(&gather.items, start, text);
        }
    })?;
    Ok(Sealed { recipient: keys.recipient(&new.openid), body_hash, body, new: new.clone() })
}

/// What a repeat has to say again.
fn said(keys: &AccountKeys, new: &NewMessage, body: &[u8]) -> Blind {
    let given = new.given.as_bytes();
    match &new.scenario {
        Some(name) => seal::blind(
            keys.body(),
            &[b"scenario\0", name.as_bytes(), b"\0", new.openid.expose().as_bytes(), b"\0", given],
        ),
        None => seal::blind(keys.body(), &[new.template_id.as_bytes(), b"\0", given, b"\0", body]),
    }
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
  variant, tracked)
VALUES (?1, ?2, 'pending', 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, FALSE, ?17, ?18, ?19, ?20, ?21)
ON CONFLICT (account, client_msg_id) WHERE client_msg_id IS NOT NULL DO NOTHING";

fn insert_all(ledger: &mut Ledger<'_>, keys: &KeysOf, batch: &[Sealed]) -> Result<Vec<Acceptance>> {
    let mut insert = ledger.conn.prepare_cached(INSERT)?;
    let mut answers = vec![Acceptance::New; batch.len()];
    let (mut checked, mut any_gathered) = (None, false);
    for (nth, sealed) in by_account(batch) {
        let account = sealed.new.account;
        if checked.replace(account) != Some(account) {
            check_key(ledger.conn, account, &sealed.body)?;
            any_gathered = gather::any(ledger.conn, account)?;
        }
        // In the same batch as well, a trigger may be one of a message already.
        let before = if any_gathered { gather::earlier(ledger.conn, sealed)? } else { None };
        if let Some(before) = before {
            answers[nth] = before;
            continue;
        }
        any_gathered |= sealed.new.gather().is_some();
        if let Some(elsewhere) = gathered(ledger, keys.of(account)?, sealed)? {
            answers[nth] = elsewhere;
        } else if insert_one(&mut insert, sealed)? {
            ledger.tally.enter(account, sealed.new.accepted_at, State::Pending, None);
            ledger.tally.used(account, sealed.new.accepted_at, &sealed.new.template_id);
            count(ledger, &sealed.new);
            note(ledger, keys.of(account)?, sealed)?;
            if let Some(ties) = &sealed.new.ties {
                answers[nth] = tie(ledger, keys.of(account)?, sealed, ties)?;
            }
        } else {
            let lost = || StoreError::Corrupt("the index of client_msg_id names no row".to_owned());
            answers[nth] = earlier(ledger.conn, sealed)?.ok_or_else(lost)?;
        }
    }
    Ok(answers)
}

/// What becomes of a trigger that is to join others; `None`: it is a message of its own, so far.
fn gathered(ledger: &Ledger<'_>, keys: &AccountKeys, sealed: &Sealed) -> Result<Option<Acceptance>> {
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

fn proves(ledger: &Ledger<'_>, keys: &AccountKeys, sealed: &Sealed) -> Result<()> {
    let new = &sealed.new;
    let Some(kind) = new.basis else { return Ok(()) };
    let mut person = Person::read(ledger.conn, new.account, sealed.recipient)?;
    person.facts.acted(kind, new.accepted_at);
    person.write(ledger.conn, Owner { keys, openid: &new.openid }, new.accepted_at)
}

fn insert_one(insert: &mut CachedStatement<'_>, sealed: &Sealed) -> Result<bool> {
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
        sealed.body_hash.as_ref().map(|hash| &hash[..]),
        &*new.template_id,
        new.scenario.as_deref(),
        new.category.as_str(),
        new.basis.map(InteractionKind::as_str),
        sealed.body,
        new.asking.as_ref().map(|_| Cause::Content.as_str()),
        new.marks.words,
        new.marks.variant.as_deref(),
        new.marks.tracked,
    ])?;
    Ok(inserted == 1)
}

const EARLIER: &str = "
SELECT id, state, due_at, deadline_at, body_hash
FROM message
WHERE account = ?1
  AND client_msg_id = ?2";

fn earlier(conn: &Connection, sealed: &Sealed) -> Result<Option<Acceptance>> {
    let found = conn
        .prepare_cached(EARLIER)?
        .query_row(params![sealed.new.account.0, sealed.new.client_msg_id], |row| {
            let hash: Option<Vec<u8>> = row.get(4)?;
            let same = hash.as_deref() == sealed.body_hash.as_ref().map(|hash| &hash[..]);
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
