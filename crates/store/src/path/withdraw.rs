//! Events that take back what waits: an order is refunded, an appointment cancelled. Whichever comes first, the event
//! or what it takes back, the message does not go.

use std::time::Duration;

use hongyan_domain::{AccountId, Event, MessageId, Openid, State, Timestamp, Transition, decide};
use rusqlite::{Connection, params};

use crate::message::Subject;
use crate::path::accept::Sealed;
use crate::path::claim::Held;
use crate::path::gather::{Key, subject};
use crate::path::moves::{self, Move};
use crate::seal::keyring::AccountKeys;
use crate::sqlite::queue::Turn;
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::store::{KeysOf, check_batch};
use crate::{Result, Store};

/// An event is remembered for so long: what is older than a day is no news by default (`max_age`), and a queue that was
/// down for a day more is heard all the same.
const KEPT: Duration = Duration::from_secs(2 * 86_400);
/// A trigger that does not say when it happened is taken for one that was overtaken on its way for so long after the
/// event; later, for something new about the same thing.
const OVERTAKEN: Duration = Duration::from_secs(3_600);

/// An event that takes back what waits.
#[derive(Clone)]
pub struct Withdrawal {
    /// Whose.
    pub account: AccountId,
    /// Of whom.
    pub openid: Openid,
    /// The event's name.
    pub event: String,
    /// Which scenarios it takes back, and what each of them is about.
    pub takes_back: Vec<(String, String)>,
    /// When it happened.
    pub occurred_at: Timestamp,
}

impl Store {
    /// Takes back what waits of these scenarios about these subjects, and remembers the events for what comes late.
    /// What was taken back now, by event; again, nothing more happens.
    pub async fn withdraw(&self, batch: Vec<Withdrawal>, now: Timestamp) -> Result<Vec<Vec<Transition>>> {
        check_batch(batch.len())?;
        let accounts: Vec<_> = batch.iter().map(|one| one.account).collect();
        let keys = self.keys_of(accounts.into_iter()).await?;
        let rows = batch.iter().map(|one| one.takes_back.len() + 1).sum();
        self.write_in(Turn::Ahead, rows, move |ledger| {
            batch.iter().map(|one| withdraw(ledger, &keys, one, now)).collect()
        })
        .await
    }
}

const REMEMBER: &str = "
INSERT INTO withdrawal (account, recipient, subject, event, occurred_at, at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (account, recipient, subject, event)
DO UPDATE SET occurred_at = MAX(withdrawal.occurred_at, excluded.occurred_at)";

const WAITING: &str = "
SELECT message
FROM subject
WHERE account = ?1
  AND recipient = ?2
  AND subject = ?3
  AND scenario = ?4
  AND cancelled_by IS NULL";

fn withdraw(
    ledger: &mut Ledger<'_>,
    keys: &KeysOf,
    one: &Withdrawal,
    now: Timestamp,
) -> Result<Vec<Transition>> {
    let own = keys.of(one.account)?;
    let recipient = own.recipient(&one.openid);
    let mut went = Vec::new();
    for (scenario, name) in &one.takes_back {
        let subject = subject(own, name);
        let (account, occurred_at) = (one.account.0, one.occurred_at.ms());
        let event = params![account, &recipient[..], &subject[..], one.event, occurred_at, now.ms()];
        ledger.conn.prepare_cached(REMEMBER)?.execute(event)?;
        let mut waiting = ledger.conn.prepare_cached(WAITING)?;
        let rows = waiting.query(params![account, &recipient[..], &subject[..], scenario])?;
        for message in row::all(rows, |row| row::id(row, 0))? {
            went.extend(take_back(ledger, (one.account, message), &one.event, now)?);
        }
    }
    Ok(went)
}

const MARK: &str = "
UPDATE subject
SET cancelled_by = ?3,
    cancelled_at = ?4
WHERE account = ?1
  AND message = ?2";

/// `None`: it is on its way, or it has gone.
fn take_back(
    ledger: &mut Ledger<'_>,
    (account, message): (AccountId, MessageId),
    event: &str,
    now: Timestamp,
) -> Result<Option<Transition>> {
    let Some(mut from) = moves::standing(ledger, account, message)? else { return Ok(None) };
    if from.state == State::Pending && Held::read(ledger.conn, account)?.by(message)?.is_some() {
        from.state = State::Claimed;
    }
    let Some(to) = decide(&from, &Event::Withdrawn, now) else { return Ok(None) };
    let step = Move::of((account, message), (&from, &to), now);
    moves::apply(ledger, &step)?.ok_or_else(|| moves::lost_row(message))?;
    ledger.conn.prepare_cached(MARK)?.execute(params![account.0, message.raw(), event, now.ms()])?;
    Ok(Some(to))
}

const TIE: &str = "
INSERT INTO subject (account, recipient, subject, scenario, message)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (account, recipient, subject, scenario, message) DO NOTHING";

const BEFORE: &str = "
SELECT event, occurred_at, at
FROM withdrawal
WHERE account = ?1
  AND recipient = ?2
  AND subject = ?3";

/// Ties a new message to what it is about. The event that had taken it back already, and what became of it.
pub(crate) fn tie(
    ledger: &mut Ledger<'_>,
    keys: &AccountKeys,
    sealed: &Sealed,
    about: &Subject,
) -> Result<Option<Transition>> {
    let new = &sealed.new;
    let key = Key { account: new.account, recipient: sealed.recipient, subject: subject(keys, &about.name) };
    let scenario = new.scenario.as_deref().unwrap_or_default();
    let place = params![key.account.0, &key.recipient[..], &key.subject[..], scenario, new.id.raw()];
    ledger.conn.prepare_cached(TIE)?.execute(place)?;
    let Some(event) = before(ledger.conn, &key, about, new.accepted_at)? else { return Ok(None) };
    take_back(ledger, (new.account, new.id), &event, new.accepted_at)
}

fn before(conn: &Connection, key: &Key, about: &Subject, now: Timestamp) -> Result<Option<String>> {
    let mut before = conn.prepare_cached(BEFORE)?;
    let mut rows = before.query(params![key.account.0, &key.recipient[..], &key.subject[..]])?;
    while let Some(row) = rows.next()? {
        let (event, occurred_at, at): (String, _, _) = (row.get(0)?, row::at(row, 1)?, row::at(row, 2)?);
        let overtaken = match about.occurred_at {
            Some(happened) => happened <= occurred_at,
            None => now.since(at) <= OVERTAKEN,
        };
        if overtaken && about.cancelled_by.contains(&event) {
            return Ok(Some(event));
        }
    }
    Ok(None)
}

const BY: &str = "
SELECT cancelled_by, cancelled_at
FROM subject
WHERE account = ?1
  AND message = ?2
  AND cancelled_by IS NOT NULL";

/// The event that took a message back, and when.
pub(crate) fn event_of(
    conn: &Connection,
    account: AccountId,
    message: MessageId,
) -> Result<Option<(Timestamp, String)>> {
    let mut by = conn.prepare_cached(BY)?;
    let mut rows = by.query([account.0, message.raw()])?;
    rows.next()?.map(|row| Ok((row::at(row, 1)?, row.get(0)?))).transpose()
}

const TIDY: [&str; 2] = [
    "
DELETE FROM withdrawal
WHERE (account, recipient, subject, event) IN (
    SELECT account, recipient, subject, event
    FROM withdrawal
    WHERE at < ?1
    ORDER BY at
    LIMIT ?2)",
    "
DELETE FROM gathering
WHERE (account, recipient, scenario, subject) IN (
    SELECT account, recipient, scenario, subject
    FROM gathering
    WHERE until < ?1
    ORDER BY until
    LIMIT ?2)",
];

impl Store {
    /// Forgets events that can take nothing back any more and windows that are over; up to `limit` of each.
    pub async fn purge_ties(&self, now: Timestamp, limit: usize) -> Result<usize> {
        let before = now.minus(KEPT).ms();
        self.write(limit, move |ledger| {
            let mut went = 0;
            for sql in TIDY {
                went += ledger.conn.prepare_cached(sql)?.execute(params![before, limit])?;
            }
            Ok(went)
        })
        .await
    }
}

const OF_MESSAGE: [&str; 3] = [
    "
DELETE FROM gathered
WHERE account = ?1
  AND message = ?2",
    "
DELETE FROM subject
WHERE account = ?1
  AND message = ?2",
    // With the later of the two: that the earlier one is gone is no reason to forget whose content it was.
    "
DELETE FROM resend
WHERE account = ?1
  AND again = ?2",
];

/// Removes what tied a message that is removed.
pub(crate) fn forget(ledger: &Ledger<'_>, account: AccountId, message: MessageId) -> Result<()> {
    for sql in OF_MESSAGE {
        ledger.conn.prepare_cached(sql)?.execute([account.0, message.raw()])?;
    }
    Ok(())
}

const OF_PERSON: [&str; 3] = [
    "
DELETE FROM gathering
WHERE account = ?1
  AND recipient = ?2",
    "
DELETE FROM subject
WHERE account = ?1
  AND recipient = ?2",
    "
DELETE FROM withdrawal
WHERE account = ?1
  AND recipient = ?2",
];

/// Removes what ties the messages of a person, for good.
pub(crate) fn erase(ledger: &Ledger<'_>, account: AccountId, recipient: &[u8]) -> Result<()> {
    for sql in OF_PERSON {
        ledger.conn.prepare_cached(sql)?.execute(params![account.0, recipient])?;
    }
    Ok(())
}
