//! Whether messages were with WeChat when they should be: told in the transaction that learns it, counted with its
//! other counters. Only a late one costs a look at its tries.

use foldhash::HashMap;
use std::ops::Range;

use hongyan_domain::on_time::{Passage, Punctuality, Step, Try, punctuality};
use hongyan_domain::{AccountId, Cause, Lateness, MessageId, State, Timestamp, Transition};
use rusqlite::{Connection, params};

use crate::sqlite::row;
use crate::{Result, Store};

/// Messages of an account, day of acceptance and scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnTimeRow {
    /// Whose.
    pub account: AccountId,
    /// The day, as `Timestamp::day`.
    pub day: i64,
    /// The scenario; empty: of none.
    pub scenario: String,
    /// How many.
    pub counts: OnTimeCounts,
}

/// How many messages were on time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnTimeCounts {
    /// Before their deadline.
    pub on_time: u64,
    /// After it.
    pub late: u64,
    /// Never: their time ran out.
    pub expired: u64,
    /// How late the late ones were, all together.
    pub lateness: Lateness,
}

impl OnTimeCounts {
    /// Counts one message.
    pub fn count(&mut self, one: Punctuality) {
        match one {
            Punctuality::OnTime => self.on_time += 1,
            Punctuality::Expired => self.expired += 1,
            Punctuality::Late(lateness) => {
                self.late += 1;
                self.add_lateness(lateness);
            }
        }
    }

    /// Adds others.
    pub fn add(&mut self, more: Self) {
        self.on_time += more.on_time;
        self.late += more.late;
        self.expired += more.expired;
        self.add_lateness(more.lateness);
    }

    fn add_lateness(&mut self, more: Lateness) {
        self.lateness.late_ms += more.late_ms;
        let steps = self.lateness.by_step.iter_mut().zip(more.by_step);
        steps.for_each(|(sum, ms)| *sum += ms);
    }
}

/// Cells that a transaction adds to.
pub(crate) type Cells = HashMap<(AccountId, i64, Box<str>), OnTimeCounts>;

const ADD: &str = "
INSERT INTO on_time (account, day, scenario, on_time, late, expired, late_ms, hold_ms, pause_ms, pace_ms, claim_ms,
  wechat_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (account, day, scenario)
DO UPDATE SET on_time = on_time.on_time + excluded.on_time,
  late = on_time.late + excluded.late,
  expired = on_time.expired + excluded.expired,
  late_ms = on_time.late_ms + excluded.late_ms,
  hold_ms = on_time.hold_ms + excluded.hold_ms,
  pause_ms = on_time.pause_ms + excluded.pause_ms,
  pace_ms = on_time.pace_ms + excluded.pace_ms,
  claim_ms = on_time.claim_ms + excluded.claim_ms,
  wechat_ms = on_time.wechat_ms + excluded.wechat_ms";

pub(crate) fn add(conn: &Connection, cells: Cells) -> Result<()> {
    let mut add = conn.prepare_cached(ADD)?;
    for ((account, day, scenario), counts) in cells {
        let OnTimeCounts { on_time, late, expired, lateness: Lateness { late_ms, by_step } } = counts;
        let [hold, pause, pace, claim, wechat] = by_step;
        let row = params![
            account.0, day, scenario, on_time, late, expired, late_ms, hold, pause, pace, claim, wechat
        ];
        add.execute(row)?;
    }
    Ok(())
}

/// What a row said before it was moved.
pub(crate) struct Arrival {
    pub(crate) accepted_at: Timestamp,
    pub(crate) due_at: Timestamp,
    pub(crate) deadline_at: Timestamp,
    /// It had reached WeChat before.
    pub(crate) sent_at: Option<Timestamp>,
}

/// What a move says of a message's punctuality; `None`: nothing, or nothing new.
pub(crate) fn told(
    conn: &Connection,
    message: (AccountId, MessageId),
    arrival: &Arrival,
    (to, at): (&Transition, Timestamp),
) -> Result<Option<Punctuality>> {
    if arrival.sent_at.is_some() {
        return Ok(None);
    }
    match (to.to, to.cause) {
        (State::Sent | State::Delivered, _) if at < arrival.deadline_at => Ok(Some(Punctuality::OnTime)),
        (State::Sent | State::Delivered, _) => late(conn, message, arrival, at).map(Some),
        (State::Failed, Some(Cause::Expired)) => Ok(Some(Punctuality::Expired)),
        _ => Ok(None),
    }
}

const TRIES: &str = "
SELECT claimed_at, at, took_ms, outcome, paused_ms
FROM dispatch
WHERE account = ?1
  AND message = ?2
  -- Below zero is one whose token was refused: its time lies within that of the next.
  AND claim >= 0
  AND at <= ?3
UNION ALL
-- A plain try that WeChat took: it waited for no pause.
SELECT claimed_at, sent_at AS at, took_ms, 'sent', NULL
FROM message
WHERE account = ?1
  AND id = ?2
  AND claim IS NOT NULL
  AND sent_at <= ?3
ORDER BY at";

const HOLDS: &str = "
SELECT at, until
FROM verdict
WHERE account = ?1
  AND message = ?2
  AND verdict = 'hold'
  AND NOT observed
  AND until IS NOT NULL
ORDER BY at";

/// How late a message was that reached WeChat at `reached_at`, and in which steps.
pub(crate) fn late(
    conn: &Connection,
    (account, message): (AccountId, MessageId),
    arrival: &Arrival,
    reached_at: Timestamp,
) -> Result<Punctuality> {
    let mut tries = conn.prepare_cached(TRIES)?;
    let rows = tries.query(params![account.0, message.raw(), reached_at.ms()])?;
    let tries = row::all(rows, |row| {
        let paused_ms: Option<u64> = row.get(4)?;
        let then = match row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)? {
            "pause" => Step::Pause,
            _ => Step::WeChat,
        };
        let one = Try { claimed_at: row::at(row, 0)?, at: row::at(row, 1)?, took_ms: row.get(2)?, then };
        Ok((one, paused_ms.unwrap_or(0)))
    })?;
    let mut holds = conn.prepare_cached(HOLDS)?;
    let holds = holds.query([account.0, message.raw()])?;
    let holds = row::all(holds, |row| Ok((row::at(row, 0)?, row::at(row, 1)?)))?;
    let paused_ms = tries.iter().map(|(_, paused_ms)| *paused_ms).max().unwrap_or(0);
    let tries: Vec<_> = tries.into_iter().map(|(one, _)| one).collect();
    // A retry and a hold move the due time on, at most past the deadline.
    let free_at = arrival.accepted_at.max(arrival.due_at.min(arrival.deadline_at));
    let free_at = tries.first().map_or(free_at, |first| free_at.min(first.claimed_at));
    let deadline_at = arrival.deadline_at;
    let passage = Passage { free_at, deadline_at, reached_at, holds: &holds, paused_ms, tries: &tries };
    Ok(punctuality(&passage))
}

pub(crate) const ROWS: &str = "
SELECT account, day, scenario, on_time, late, expired, late_ms, hold_ms, pause_ms, pace_ms, claim_ms, wechat_ms
FROM on_time
WHERE (?1 IS NULL OR account = ?1)
  AND day >= ?2
  AND day < ?3
ORDER BY account, day, scenario";

impl Store {
    /// How many messages accepted on these days (`Timestamp::day`) were on time.
    pub async fn on_time(&self, days: Range<i64>, account: Option<AccountId>) -> Result<Vec<OnTimeRow>> {
        self.read(move |conn| {
            let mut rows = conn.prepare_cached(ROWS)?;
            let rows = rows.query(params![account.map(|account| account.0), days.start, days.end])?;
            row::all(rows, |row| {
                let by_step = [row.get(7)?, row.get(8)?, row.get(9)?, row.get(10)?, row.get(11)?];
                let counts = OnTimeCounts {
                    on_time: row.get(3)?,
                    late: row.get(4)?,
                    expired: row.get(5)?,
                    lateness: Lateness { late_ms: row.get(6)?, by_step },
                };
                let account = AccountId(row.get(0)?);
                Ok(OnTimeRow { account, day: row.get(1)?, scenario: row.get(2)?, counts })
            })
        })
        .await
    }
}
