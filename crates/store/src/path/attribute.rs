//! Step: reconcile. Whose receipt is it: by WeChat's number where a message has it; else by recipient and time.
//! What WeChat surely took comes before what is in doubt, and no message at all before the wrong one.

use std::time::Duration;

use hongyan_domain::{AccountId, MessageId, Standing, State, Timestamp};
use rusqlite::{Connection, Params, Row, params};

use crate::Result;
use crate::path::claim::Held;
use crate::sqlite::row;

/// A receipt that names no send belongs to one of at most this long before it.
const REACH: Duration = Duration::from_secs(3600);
/// The same for a send that WeChat took without a number: while it is held for review nothing is reported of it, and
/// nobody has documented how long that takes.
const REACH_UNNAMED: Duration = Duration::from_hours(24);
/// WeChat tells whole seconds, and by another clock.
pub(crate) const CLOCK_SLACK: Duration = Duration::from_secs(2);
/// Hours of acceptance looked through for such a send: a message may have waited for its turn. What waited longer is
/// looked for by itself (`WAITED`).
const HOURS_BACK: i64 = 24;
const HOUR_MS: i64 = 3_600_000;

/// What a receipt tells of its message.
pub(crate) struct Told<'a> {
    pub(crate) account: AccountId,
    pub(crate) msgid: Option<u64>,
    pub(crate) recipient: &'a [u8],
    pub(crate) at: Timestamp,
}

impl Told<'_> {
    /// The latest moment at which its message can have gone.
    fn latest(&self) -> Timestamp {
        self.at.plus(CLOCK_SLACK)
    }

    /// The hours in which its message can have been accepted if it went the same day, the last first.
    fn hours(&self) -> impl Iterator<Item = i64> + use<> {
        let last = self.latest().ms().div_euclid(HOUR_MS);
        (last - HOURS_BACK..=last).rev()
    }

    /// Whether one accepted then is in none of those hours.
    fn is_before_its_hours(&self, accepted_at: Timestamp) -> bool {
        accepted_at.ms().div_euclid(HOUR_MS) < self.latest().ms().div_euclid(HOUR_MS) - HOURS_BACK
    }
}

/// A message that a receipt may belong to.
pub(crate) struct Candidate {
    pub(crate) id: MessageId,
    pub(crate) standing: Standing,
    pub(crate) accepted_at: Timestamp,
    /// When the try began that WeChat took; `None`: it is not known to have taken any.
    taken_at: Option<Timestamp>,
    has_msgid: bool,
    /// Nothing in it names the person any more; nor may its receipt.
    pub(crate) is_erased: bool,
}

impl Candidate {
    /// Reads id, state, attempts, doubt_since, on_unknown, accepted_at, when it was taken, msgid, whether it was erased.
    fn read(found: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row::id(found, 0)?,
            standing: row::standing(found, 1)?,
            accepted_at: row::at(found, 5)?,
            taken_at: row::at_or_never(found, 6)?,
            has_msgid: found.get::<_, Option<i64>>(7)?.is_some(),
            is_erased: found.get(8)?,
        })
    }

    fn is_taken(&self) -> bool {
        self.taken_at.is_some()
    }

    /// Waits for its turn, or is on its way for the first time.
    fn is_queued(&self) -> bool {
        self.standing.state == State::Pending && self.standing.doubt_since.is_none()
    }

    /// The last of its known tries that this receipt can be of.
    fn went_before(&self, told: &Told<'_>) -> Option<Timestamp> {
        let back = if self.is_taken() && !self.has_msgid { REACH_UNNAMED } else { REACH };
        let reach = told.at.minus(back)..=told.latest();
        let tries = [self.taken_at, self.standing.doubt_since].into_iter().flatten();
        tries.filter(|at| reach.contains(at)).max()
    }
}

/// The message that this receipt belongs to, as far as can be known by now.
pub(crate) fn message_of(conn: &Connection, told: &Told<'_>) -> Result<Option<Candidate>> {
    let Some(msgid) = told.msgid else { return nearest(conn, told) };
    let named = all(conn, BY_MSGID, params![told.account.0, msgid.cast_signed(), told.recipient])?;
    match named.into_iter().min_by_key(|found| found.is_erased) {
        Some(found) => Ok(Some(found)),
        None => unnamed(conn, told),
    }
}

fn all(conn: &Connection, sql: &str, which: impl Params) -> Result<Vec<Candidate>> {
    row::all(conn.prepare_cached(sql)?.query(which)?, Candidate::read)
}

// With the person: WeChat's numbers have been seen on two sends of one account. What was erased names nobody any more.
pub(crate) const BY_MSGID: &str = "
SELECT id, state, attempts, doubt_since, on_unknown, accepted_at, sent_at, msgid, LENGTH(recipient) = 0
FROM message
WHERE account = ?1
  AND msgid = ?2
  AND state IN ('sent', 'unknown')
  AND (recipient = ?3 OR LENGTH(recipient) = 0)
LIMIT 10";

// Sent and not reported, given up, or waiting: whatever may have reached WeChat.
pub(crate) const BY_RECIPIENT: &str = "
SELECT id, state, attempts, doubt_since, on_unknown, accepted_at,
  COALESCE(
    claimed_at,
    (SELECT MAX(dispatch.claimed_at)
     FROM dispatch
     WHERE dispatch.account = message.account AND dispatch.message = message.id AND dispatch.outcome = 'sent'),
    sent_at),
  msgid,
  LENGTH(recipient) = 0
FROM message
WHERE account = ?1
  AND accepted_at / 3600000 = ?2
  AND recipient = ?3
  AND state IN ('sent', 'unknown', 'pending')
ORDER BY id DESC
LIMIT 100";

fn of_hour(conn: &Connection, told: &Told<'_>, hour: i64) -> Result<Vec<Candidate>> {
    all(conn, BY_RECIPIENT, params![told.account.0, hour, told.recipient])
}

// What `BY_RECIPIENT` does not find: an hour less than the day that it looks through, since a receipt comes up to an hour
// after its send (`REACH`). The index says the same.
pub(crate) const WAITED: &str = "
SELECT id, state, attempts, doubt_since, on_unknown, accepted_at,
  COALESCE(
    claimed_at,
    (SELECT MAX(dispatch.claimed_at)
     FROM dispatch
     WHERE dispatch.account = message.account AND dispatch.message = message.id AND dispatch.outcome = 'sent'),
    sent_at),
  msgid,
  LENGTH(recipient) = 0
FROM message
WHERE account = ?1
  AND recipient = ?2
  AND (state = 'sent' OR state = 'unknown' OR state = 'pending')
  AND COALESCE(sent_at, doubt_since) - accepted_at > 79200000
ORDER BY id DESC
LIMIT 100";

/// Sends that this receipt can be of, of messages that had waited for longer than a day.
fn waited(conn: &Connection, told: &Told<'_>) -> Result<Vec<Candidate>> {
    let mut found = all(conn, WAITED, params![told.account.0, told.recipient])?;
    // Without a number it may be held for review, and its receipt come a day later.
    found.extend(all(conn, UNNAMED, params![told.account.0, told.recipient])?);
    found.retain(|found| told.is_before_its_hours(found.accepted_at) && found.went_before(told).is_some());
    found.sort_unstable_by_key(|found| found.id);
    found.dedup_by_key(|found| found.id);
    Ok(found)
}

/// Of a receipt without a number: the send nearest before it. A message in doubt only where it is the only one that
/// can have reached WeChat.
fn nearest(conn: &Connection, told: &Told<'_>) -> Result<Option<Candidate>> {
    let (mut taken, mut doubtful): (Vec<_>, Vec<_>) =
        waited(conn, told)?.into_iter().partition(Candidate::is_taken);
    let mut queued = Vec::new();
    for hour in told.hours() {
        let (waiting, went): (Vec<_>, Vec<_>) =
            of_hour(conn, told, hour)?.into_iter().partition(Candidate::is_queued);
        let fits = went.into_iter().filter(|found| found.went_before(told).is_some());
        let (took, unsure): (Vec<_>, Vec<_>) = fits.partition(Candidate::is_taken);
        doubtful.extend(unsure);
        queued.extend(waiting);
        if !took.is_empty() {
            taken.extend(took);
            break;
        }
    }
    if let Some(found) = taken.into_iter().max_by_key(|found| found.went_before(told)) {
        return Ok(Some(found));
    }
    if doubtful.len() != 1 || is_any_in_flight(conn, told, &queued)? {
        return Ok(None);
    }
    Ok(doubtful.pop())
}

/// Whether the answer to one of these is still to come, and it may have gone before the receipt.
fn is_any_in_flight(conn: &Connection, told: &Told<'_>, queued: &[Candidate]) -> Result<bool> {
    if queued.is_empty() {
        return Ok(false);
    }
    let held = Held::read(conn, told.account)?;
    for message in queued {
        if held.at(message.id)?.is_some_and(|claimed_at| claimed_at <= told.latest()) {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(crate) const UNNAMED: &str = "
SELECT id, state, attempts, doubt_since, on_unknown, accepted_at,
  COALESCE(
    claimed_at,
    (SELECT MAX(dispatch.claimed_at)
     FROM dispatch
     WHERE dispatch.account = message.account AND dispatch.message = message.id AND dispatch.outcome = 'sent'),
    sent_at),
  msgid,
  LENGTH(recipient) = 0
FROM message
WHERE account = ?1
  AND recipient = ?2
  AND msgid IS NULL
  AND state IN ('sent', 'unknown')
ORDER BY id DESC
LIMIT 100";

/// Of a receipt whose number no message has: a send of this person whose number WeChat did not tell, because it held
/// it for review, called it a repeat, or its answer never came. As long as an answer is still to come that may name
/// the receipt, that is waited for.
fn unnamed(conn: &Connection, told: &Told<'_>) -> Result<Option<Candidate>> {
    let mut found = all(conn, UNNAMED, params![told.account.0, told.recipient])?;
    found.retain(|found| found.went_before(told).is_some());
    if found.is_empty() || is_answer_awaited(conn, told)? {
        return Ok(None);
    }
    let (taken, mut given_up): (Vec<_>, Vec<_>) = found.into_iter().partition(Candidate::is_taken);
    if taken.is_empty() {
        return Ok(if given_up.len() == 1 { given_up.pop() } else { None });
    }
    Ok(taken.into_iter().max_by_key(|found| found.went_before(told)))
}

fn is_answer_awaited(conn: &Connection, told: &Told<'_>) -> Result<bool> {
    if waited(conn, told)?.iter().any(|found| found.standing.state == State::Pending) {
        return Ok(true);
    }
    let mut queued = Vec::new();
    for hour in told.hours() {
        for found in of_hour(conn, told, hour)? {
            if found.is_queued() {
                queued.push(found);
            } else if found.standing.state == State::Pending && found.went_before(told).is_some() {
                return Ok(true);
            }
        }
    }
    is_any_in_flight(conn, told, &queued)
}

pub(crate) const HAS_UNNAMED: &str = "
SELECT 1
FROM message
WHERE account = ?1
  AND msgid IS NULL
  AND state IN ('sent', 'unknown')
LIMIT 1";

/// Whether the account has any message that a receipt with a number may belong to without being named by it.
pub(crate) fn has_unnamed(conn: &Connection, account: AccountId) -> Result<bool> {
    Ok(conn.prepare_cached(HAS_UNNAMED)?.exists([account.0])?)
}
