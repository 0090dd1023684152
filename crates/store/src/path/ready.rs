//! Steps: due, claim, sweep. What the queue holds. Every read here touches live rows only.

use hongyan_domain::{AccountId, Lane, MessageId, State, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::path::claim::{self, Held};
use crate::seal::keyring::Keyring;
use crate::sqlite::row::{self, RawReady, ready_columns};
use crate::sqlite::writer::Ledger;
use crate::store::Shared;
use crate::{Backlog, ClaimId, OpenClaim, Ready, Result, Store, Unreported};

// The comparison of pairs goes straight to its place in the index; the walk ends when enough are found.
pub(crate) const READY: &str = concat!(
    "SELECT ",
    ready_columns!(),
    "
FROM message
WHERE account = ?1
  AND lane = ?2
  AND state = 'pending'
  AND NOT scheduled
  AND NOT in_memory
  AND (deadline_at, id) > (?3, ?4)
ORDER BY deadline_at, id"
);

pub(crate) const EXPIRED: &str = concat!(
    "SELECT ",
    ready_columns!(),
    "
FROM message
WHERE account = ?1
  AND lane = ?2
  AND state = 'pending'
  AND NOT scheduled
  AND NOT in_memory
  AND deadline_at <= ?3
  AND expires_at <= ?3
ORDER BY deadline_at, id"
);

impl Store {
    /// Pending messages that are neither scheduled nor in memory nor in an open claim, in (deadline_at, id) order, after
    /// `after`.
    /// Those whose due_at is still ahead (retries) are among them. Fewer than `limit`: there are no more. Rows that
    /// cannot be read are passed over.
    pub async fn ready(
        &self,
        account: AccountId,
        lane: Lane,
        after: Option<(Timestamp, MessageId)>,
        limit: usize,
    ) -> Result<Vec<Ready>> {
        let shared = self.shared.clone();
        let (deadline, id) = after.map_or((i64::MIN, -1), |(deadline, id)| (deadline.ms(), id.raw()));
        self.read(move |conn| {
            let mut ready = conn.prepare_cached(READY)?;
            let rows = ready.query(params![account.0, lane.index(), deadline, id])?;
            free(conn, &shared, (account, rows), limit)
        })
        .await
    }

    /// Pending messages of a lane whose deadline and expires_at have passed; what is scheduled, in memory or claimed is
    /// left out.
    pub async fn expired(
        &self,
        account: AccountId,
        lane: Lane,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Ready>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut expired = conn.prepare_cached(EXPIRED)?;
            let rows = expired.query(params![account.0, lane.index(), now.ms()])?;
            free(conn, &shared, (account, rows), limit)
        })
        .await
    }
}

/// The first `limit` of `rows` that no open claim holds and that can be read.
fn free(
    conn: &Connection,
    shared: &Shared,
    (account, mut rows): (AccountId, rusqlite::Rows<'_>),
    limit: usize,
) -> Result<Vec<Ready>> {
    let held = Held::read(conn, account)?;
    let mut found = Vec::with_capacity(limit.min(crate::MAX_BATCH));
    while found.len() < limit {
        let Some(row) = rows.next()? else { break };
        let id = row::id(row, 1)?;
        if held.by(id)?.is_none() {
            let ready = RawReady::read(row).and_then(|raw| raw.open(conn, &shared.keyring));
            found.extend(shared.damaged.pass((account, id), ready)?);
        }
    }
    Ok(found)
}

pub(crate) const DUE: &str = concat!(
    "SELECT ",
    ready_columns!(),
    "
FROM message
WHERE state = 'pending'
  AND scheduled
  AND due_at <= ?1
ORDER BY due_at
LIMIT ?2"
);

const PROMOTE: &str = "
UPDATE message
SET scheduled = FALSE
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'
  AND scheduled";

const NEXT_DUE: &str = "
SELECT due_at
FROM message
WHERE state = 'pending'
  AND scheduled
ORDER BY due_at
LIMIT 1";

impl Store {
    /// Scheduled messages with due_at ≤ now leave the schedule for the queue; at most `limit`, those are returned that can
    /// be read.
    pub async fn scheduled_promote(&self, now: Timestamp, limit: usize) -> Result<Vec<Ready>> {
        let limit = limit.min(crate::MAX_BATCH);
        let shared = self.shared.clone();
        let raw = self.write(limit, move |ledger| promote(ledger, &shared, now, limit)).await?;
        if raw.is_empty() {
            return Ok(Vec::new());
        }
        let shared = self.shared.clone();
        let open = move |conn: &Connection| {
            let mut ready = Vec::with_capacity(raw.len());
            for raw in raw {
                let place = (raw.account, raw.id);
                ready.extend(shared.damaged.pass(place, raw.open(conn, &shared.keyring))?);
            }
            Ok(ready)
        };
        self.read(open).await
    }

    /// When the next scheduled message is due.
    pub async fn next_scheduled_at(&self) -> Result<Option<Timestamp>> {
        self.read(|conn| {
            let next: Option<i64> = row::first(conn.prepare_cached(NEXT_DUE)?.query([])?)?;
            Ok(next.map(Timestamp::from_ms))
        })
        .await
    }
}

/// One that cannot be read leaves the schedule as well: it would stand at its head for ever.
fn promote(ledger: &mut Ledger<'_>, shared: &Shared, now: Timestamp, limit: usize) -> Result<Vec<RawReady>> {
    let mut due = ledger.conn.prepare_cached(DUE)?;
    let due = row::all(due.query(params![now.ms(), limit])?, |row| {
        let place = (AccountId(row.get(0)?), row::id(row, 1)?);
        Ok((place, shared.damaged.pass(place, RawReady::read(row))?))
    })?;
    let mut promote = ledger.conn.prepare_cached(PROMOTE)?;
    for ((account, id), _) in &due {
        if promote.execute([account.0, id.raw()])? != 1 {
            return Err(crate::path::moves::lost_row(*id));
        }
    }
    Ok(due.into_iter().filter_map(|(_, ready)| ready).collect())
}

// The first entry after a place: the index is asked once a lane, not once a row.
pub(crate) const NEXT_LANE: &str = "
SELECT account, lane
FROM message
WHERE state = 'pending'
  AND NOT scheduled
  AND NOT in_memory
  AND (account, lane) > (?1, ?2)
ORDER BY account, lane
LIMIT 1";

impl Store {
    /// Which account × lane hold pending messages that are neither scheduled nor in memory (claimed ones included).
    pub async fn backlog(&self) -> Result<Vec<Backlog>> {
        self.read(|conn| {
            let mut next = conn.prepare_cached(NEXT_LANE)?;
            let (mut found, mut last) = (Vec::new(), (i64::MIN, 0_i64));
            loop {
                let mut rows = next.query([last.0, last.1])?;
                let Some(row) = rows.next()? else { break };
                last = (row.get(0)?, row.get(1)?);
                // One of no lane is a damaged row: it is not read, and must not keep the others from it.
                if let Ok(lane) = row::lane(row, 1) {
                    found.push(Backlog { account: AccountId(last.0), lane });
                }
            }
            Ok(found)
        })
        .await
    }
}

const OPEN_CLAIMS: &str = "
SELECT account, id, at, messages
FROM claim
ORDER BY account, id";

const BY_ID: &str = concat!(
    "SELECT ",
    ready_columns!(),
    "
FROM message
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'"
);

impl Store {
    /// The claims that nobody closed: at start, those of the process before.
    pub async fn open_claims(&self) -> Result<Vec<OpenClaim>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut claims = conn.prepare_cached(OPEN_CLAIMS)?;
            let claims = row::all(claims.query([])?, |row| {
                let messages = row.get::<_, Vec<u8>>(3)?;
                Ok((AccountId(row.get(0)?), ClaimId(row.get(1)?), row::at(row, 2)?, messages))
            })?;
            let open = |(account, claim, at, packed): (AccountId, ClaimId, Timestamp, Vec<u8>)| {
                let mut messages = Vec::new();
                for packed in claim::unpack(&packed) {
                    let held = still_claimed(conn, &shared.keyring, (account, claim), packed.id);
                    let held = shared.damaged.pass((account, packed.id), held)?.flatten();
                    messages.extend(held.map(|ready| Ready { taken: packed.taken(at), ..ready }));
                }
                Ok(OpenClaim { account, claim, at, messages })
            };
            claims.into_iter().map(open).collect()
        })
        .await
    }
}

fn still_claimed(
    conn: &Connection,
    keyring: &Keyring,
    (account, claim): (AccountId, ClaimId),
    id: MessageId,
) -> Result<Option<Ready>> {
    if claim::is_answered(conn, account, id, claim)? {
        return Ok(None);
    }
    let mut by_id = conn.prepare_cached(BY_ID)?;
    let mut rows = by_id.query([account.0, id.raw()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut ready = RawReady::read(row)?.open(conn, keyring)?;
    ready.standing.state = State::Claimed;
    Ok(Some(ready))
}

pub(crate) const UNREPORTED: &str = "
SELECT account, id, state, attempts, doubt_since, on_unknown, sent_at
FROM message
WHERE state = 'sent'
  AND sent_at < ?1
ORDER BY sent_at";

impl Store {
    /// Messages sent before this and not reported, oldest first.
    pub async fn unreported(&self, sent_before: Timestamp, limit: usize) -> Result<Vec<Unreported>> {
        let (shared, limit) = (self.shared.clone(), limit.min(crate::MAX_BATCH));
        self.read(move |conn| {
            let mut unreported = conn.prepare_cached(UNREPORTED)?;
            let mut rows = unreported.query([sent_before.ms()])?;
            let mut found = Vec::new();
            while found.len() < limit {
                let Some(row) = rows.next()? else { break };
                let place = (AccountId(row.get(0)?), row::id(row, 1)?);
                found.extend(shared.damaged.pass(place, silent(place, row))?);
            }
            Ok(found)
        })
        .await
    }
}

fn silent((account, message): (AccountId, MessageId), row: &Row<'_>) -> Result<Unreported> {
    Ok(Unreported { account, message, standing: row::standing(row, 2)?, sent_at: row::at(row, 6)? })
}
