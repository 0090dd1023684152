//! The self-check of each day: what it reads, and how long everything of compliance is kept.

use hongyan_domain::{AccountId, Category, Content, InteractionKind, MessageId, State, Timestamp};
use rusqlite::{OptionalExtension, Row, Rows, params};

use crate::path::approvals::APPROVED;
use crate::sqlite::row::{self, READY_COLUMNS, RawReady, ready_columns};
use crate::{Result, Store};

/// The self-check of an account and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// JSON, without openids.
    pub body: String,
    /// When it was made.
    pub made_at: Timestamp,
}

/// A message that went, as the self-check looks at it.
#[derive(Clone, Debug)]
pub struct SentRow {
    /// Which.
    pub id: MessageId,
    /// By which template.
    pub template_id: std::sync::Arc<str>,
    /// Of which scenario.
    pub scenario: Option<std::sync::Arc<str>>,
    /// What kind of word it is.
    pub category: Category,
    /// The interaction that the message itself proves.
    pub basis: Option<InteractionKind>,
    /// The window by which it went; `None`: nobody asked for one, or none was open and the rule was observed only.
    pub reached_by: Option<InteractionKind>,
    /// Tells people apart within this account: the beginning of the blind index.
    pub person: u64,
    /// A person looked at its words and let them go.
    pub approved: bool,
    /// What was in it; `None`: erased.
    pub content: Option<Content>,
}

/// What is removed of compliance: everything that came before these times.
#[derive(Clone, Copy, Debug)]
pub struct ComplianceBefore {
    /// Blocked messages.
    pub blocked: Timestamp,
    /// Complaints.
    pub complaints: Timestamp,
    /// Counters, released brakes and reports.
    pub counts: Timestamp,
}

const SENT: &str = concat!(
    "SELECT ",
    ready_columns!(),
    ", sent_at, settled_at, recipient
FROM message
WHERE account = ?1
  AND id > ?2
  AND id < ?3
ORDER BY id
LIMIT ?4"
);

// The day as `Timestamp::day` counts it.
pub(crate) const SENT_LATER: &str = concat!(
    "SELECT ",
    ready_columns!(),
    ", sent_at, settled_at, recipient
FROM message
WHERE account = ?1
  AND id > ?2
  AND id < ?3
  AND (COALESCE(sent_at, settled_at) + 28800000) / 86400000 = ?5
  AND COALESCE(sent_at, settled_at) - accepted_at > 86400000 -- as the index says
ORDER BY id
LIMIT ?4"
);

const PUT: &str = "
INSERT INTO self_check (account, day, body, made_at)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (account, day)
DO UPDATE SET body = excluded.body, made_at = excluded.made_at";

const FIND: &str = "
SELECT body, made_at
FROM self_check
WHERE account = ?1
  AND day = ?2";

const MADE: &str = "
SELECT account
FROM self_check
WHERE day = ?1";

impl Store {
    /// Messages that WeChat took on a day, among the next `limit` rows after `after`; and the last row looked at, `None`
    /// where that was all. First what was accepted before the day before, by the index of what went later, then
    /// everything accepted since: so the numbers only rise.
    pub async fn sent_on(
        &self,
        account: AccountId,
        day: i64,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<(Vec<SentRow>, Option<MessageId>)> {
        let shared = self.shared.clone();
        let limit = limit.clamp(1, crate::MAX_BATCH);
        let (after, recent) = (after.map_or(0, MessageId::raw), first_id(day - 1));
        self.read(move |conn| {
            let mut page = Page { found: Vec::new(), looked: 0, last: None };
            let row = |row: &Row<'_>| sent_row(row, |raw| Ok(raw.body(conn, &shared.keyring)?.unzip().1));
            let mut later = conn.prepare_cached(SENT_LATER)?;
            page.read(later.query(params![account.0, after, recent, limit, day])?, day, row)?;
            let mut sent = conn.prepare_cached(SENT)?;
            let (from, left) = (after.max(recent.saturating_sub(1)), limit - page.looked);
            page.read(sent.query(params![account.0, from, first_id(day + 1), left])?, day, row)?;
            Ok((page.found, page.last.filter(|_| page.looked == limit)))
        })
        .await
    }

    /// Keeps the self-check of a day; it replaces the one there.
    pub async fn put_report(&self, account: AccountId, day: i64, body: String, now: Timestamp) -> Result<()> {
        self.write(1, move |ledger| {
            ledger.conn.prepare_cached(PUT)?.execute(params![account.0, day, body, now.ms()])?;
            Ok(())
        })
        .await
    }

    /// The self-check of a day.
    pub async fn report(&self, account: AccountId, day: i64) -> Result<Option<Report>> {
        self.read(move |conn| {
            let mut find = conn.prepare_cached(FIND)?;
            let found = find.query_row([account.0, day], |row| {
                Ok(Report { body: row.get(0)?, made_at: Timestamp::from_ms(row.get(1)?) })
            });
            Ok(found.optional()?)
        })
        .await
    }

    /// The accounts whose self-check of that day is made.
    pub async fn reported(&self, day: i64) -> Result<Vec<AccountId>> {
        self.read(move |conn| {
            let mut made = conn.prepare_cached(MADE)?;
            row::all(made.query([day])?, |row| Ok(AccountId(row.get(0)?)))
        })
        .await
    }

    /// Removes what is too old, up to `limit` rows of each table. How many; call again until 0.
    pub async fn purge_compliance(&self, before: ComplianceBefore, limit: usize) -> Result<usize> {
        let limit = limit.clamp(1, crate::MAX_BATCH);
        self.write(limit, move |ledger| {
            let mut went = 0;
            for (sql, bound) in purges(before) {
                went += ledger.conn.prepare_cached(sql)?.execute(params![bound, limit])?;
            }
            Ok(went)
        })
        .await
    }
}

const PURGE_BLOCKED: &str = "
DELETE FROM blocked
WHERE (account, template_id, id) IN (
  SELECT account, template_id, id FROM blocked WHERE found_at < ?1 LIMIT ?2)";

const PURGE_COMPLAINTS: &str = "
DELETE FROM complaint
WHERE (account, id) IN (SELECT account, id FROM complaint WHERE received_at < ?1 LIMIT ?2)";

const PURGE_BRAKES: &str = "
DELETE FROM brake
WHERE (account, id) IN (SELECT account, id FROM brake WHERE released_at < ?1 LIMIT ?2)";

const PURGE_JUDGED: &str = "
DELETE FROM judged
WHERE (account, day, rule, verdict, observed, template_id, scenario) IN (
  SELECT account, day, rule, verdict, observed, template_id, scenario FROM judged WHERE day < ?1 LIMIT ?2)";

const PURGE_SENT: &str = "
DELETE FROM template_sent
WHERE (account, day, template_id) IN (
  SELECT account, day, template_id FROM template_sent WHERE day < ?1 LIMIT ?2)";

const PURGE_RISK: &str = "
DELETE FROM risk
WHERE (account, day, template_id, signal) IN (
  SELECT account, day, template_id, signal FROM risk WHERE day < ?1 LIMIT ?2)";

const PURGE_REPORTS: &str = "
DELETE FROM self_check
WHERE (account, day) IN (SELECT account, day FROM self_check WHERE day < ?1 LIMIT ?2)";

fn purges(before: ComplianceBefore) -> [(&'static str, i64); 7] {
    let day = before.counts.day();
    [
        (PURGE_BLOCKED, before.blocked.ms()),
        (PURGE_COMPLAINTS, before.complaints.ms()),
        (PURGE_BRAKES, before.counts.ms()),
        (PURGE_JUDGED, day),
        (PURGE_SENT, day),
        (PURGE_RISK, day),
        (PURGE_REPORTS, day),
    ]
}

/// The id before which nothing was accepted on that day: ids begin with the time (see `MessageId`).
fn first_id(day: i64) -> i64 {
    MessageId::first_at(Timestamp::of_day(day)).raw()
}

/// What was found among the rows looked at.
struct Page {
    found: Vec<SentRow>,
    looked: usize,
    last: Option<MessageId>,
}

impl Page {
    fn read(
        &mut self,
        mut rows: Rows<'_>,
        day: i64,
        sent_row: impl Fn(&Row<'_>) -> Result<SentRow>,
    ) -> Result<()> {
        while let Some(row) = rows.next()? {
            (self.looked, self.last) = (self.looked + 1, Some(row::id(row, 1)?));
            if went_at(row)?.is_some_and(|at| at.day() == day) {
                self.found.push(sent_row(row)?);
            }
        }
        Ok(())
    }
}

fn went_at(row: &Row<'_>) -> Result<Option<Timestamp>> {
    let state = row::word(row, 2, State::parse)?;
    let sent_at = row::at_or_never(row, READY_COLUMNS)?;
    match (sent_at, state) {
        (Some(at), _) => Ok(Some(at)),
        // Its receipt came before its answer.
        (None, State::Delivered) => row::at_or_never(row, READY_COLUMNS + 1),
        (None, _) => Ok(None),
    }
}

fn sent_row(row: &Row<'_>, content: impl FnOnce(&RawReady) -> Result<Option<Content>>) -> Result<SentRow> {
    let raw = RawReady::read(row)?;
    let recipient = row.get_ref(READY_COLUMNS + 2)?.as_blob().map_err(rusqlite::Error::from)?;
    let person = recipient.first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first));
    Ok(SentRow {
        id: raw.id,
        reached_by: row::word_or_none(row, 17, InteractionKind::parse)?,
        person,
        approved: raw.marks.words == Some(APPROVED),
        content: content(&raw)?,
        template_id: raw.template_id,
        scenario: raw.scenario,
        category: raw.category,
        basis: raw.basis,
    })
}
