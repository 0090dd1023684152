//! Messages that the platform stopped: read from WeChat page by page, joined to our rows by person and time.

use std::sync::Arc;
use std::time::Duration;

use hongyan_domain::{AccountId, MessageId, Openid, Signal, Timestamp};
use rusqlite::{Connection, params};

use super::near::{self, Went};
use crate::seal::Blind;
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::store::check_batch;
use crate::{Happening, Moment, Page, Result, Store, StoreError};

/// WeChat tells whole seconds of its own clock, and of the send, not of the block.
const APART: Duration = Duration::from_secs(300);
/// Longest title kept: WeChat's have 20 characters.
const TITLE_MAX: usize = 128;

/// A blocked message as WeChat tells it.
#[derive(Clone, Debug)]
pub struct BlockedDraft {
    /// WeChat's number in its list.
    pub id: u64,
    /// To whom.
    pub openid: Openid,
    /// The template's title.
    pub title: String,
    /// When it was sent, by WeChat's clock.
    pub blocked_at: Timestamp,
}

/// What a page of blocked messages came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockedWritten {
    /// Those not known before.
    pub new: usize,
    /// Of these, those that belong to a message of ours.
    pub joined: usize,
}

/// How far the list of a template was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedRead {
    /// Whose.
    pub account: AccountId,
    /// Which template.
    pub template_id: String,
    /// The largest number seen.
    pub largest_id: u64,
    /// When it was last asked.
    pub read_at: Timestamp,
}

/// Which blocked messages are wanted.
#[derive(Clone, Debug, Default)]
pub struct BlockedFilter {
    /// Of these accounts, one after the other.
    pub accounts: Vec<AccountId>,
    /// By this template.
    pub template_id: Option<String>,
}

/// A blocked message as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedMessage {
    /// Whose.
    pub account: AccountId,
    /// By which template.
    pub template_id: String,
    /// WeChat's number in its list.
    pub id: u64,
    /// Our message; `None`: none is known by it.
    pub message: Option<MessageId>,
    /// The template's title.
    pub title: String,
    /// When it was sent, by WeChat's clock.
    pub blocked_at: Timestamp,
    /// When we learned of it.
    pub found_at: Timestamp,
    found: i64,
}

const INSERT: &str = "
INSERT INTO blocked (account, template_id, id, found, recipient, message, title, blocked_at, found_at)
SELECT ?1, ?2, ?3, COALESCE(MAX(found), 0) + 1, ?4, ?5, ?6, ?7, ?8
FROM blocked
WHERE account = ?1
ON CONFLICT (account, template_id, id) DO NOTHING";

const IS_TAKEN: &str = "
SELECT 1
FROM blocked
WHERE account = ?1
  AND message = ?2";

const READ_TO: &str = "
INSERT INTO blocked_read (account, template_id, largest_id, read_at)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (account, template_id)
DO UPDATE SET largest_id = MAX(blocked_read.largest_id, excluded.largest_id), read_at = excluded.read_at";

const READS: &str = "
SELECT account, template_id, largest_id, read_at
FROM blocked_read";

impl Store {
    /// Commits a page of what WeChat blocked of a template, and how far it was read. The same again changes nothing.
    pub async fn put_blocked(
        &self,
        (account, template_id): (AccountId, &str),
        batch: Vec<BlockedDraft>,
        now: Timestamp,
    ) -> Result<BlockedWritten> {
        check_batch(batch.len())?;
        let keys = self.keys_of(std::iter::once(account)).await?;
        let of = |draft: BlockedDraft| Ok((keys.of(account)?.recipient(&draft.openid), draft));
        let batch = batch.into_iter().map(of).collect::<Result<Vec<_>>>()?;
        let template: Arc<str> = template_id.into();
        self.write(batch.len() + 1, move |ledger| {
            let mut written = BlockedWritten::default();
            for (recipient, draft) in &batch {
                put(ledger, (account, &template), (recipient, draft, now), &mut written)?;
            }
            let largest = batch.iter().map(|(_, draft)| draft.id).max().unwrap_or(0).cast_signed();
            ledger.conn.prepare_cached(READ_TO)?.execute(params![
                account.0,
                &*template,
                largest,
                now.ms()
            ])?;
            Ok(written)
        })
        .await
    }

    /// How far each template's list was read.
    pub async fn blocked_reads(&self) -> Result<Vec<BlockedRead>> {
        self.read(|conn| {
            let mut reads = conn.prepare_cached(READS)?;
            row::all(reads.query([])?, |row| {
                Ok(BlockedRead {
                    account: AccountId(row.get(0)?),
                    template_id: row.get(1)?,
                    largest_id: row.get::<_, i64>(2)?.cast_unsigned(),
                    read_at: row::at(row, 3)?,
                })
            })
        })
        .await
    }

    /// A page of blocked messages, the last found first within an account.
    ///
    /// # Errors
    /// `Invalid`: the cursor is none of ours.
    pub async fn blocked(
        &self,
        filter: &BlockedFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<BlockedMessage>> {
        let from = cursor.map(parse_cursor).transpose()?.unwrap_or((AccountId(i64::MIN), i64::MAX));
        let (mut filter, limit) = (filter.clone(), limit.clamp(1, crate::MAX_BATCH));
        filter.accounts.sort_unstable();
        self.read(move |conn| list(conn, &filter, from, limit)).await
    }
}

fn put(
    ledger: &mut Ledger<'_>,
    (account, template): (AccountId, &Arc<str>),
    (recipient, draft, now): (&Blind, &BlockedDraft, Timestamp),
    written: &mut BlockedWritten,
) -> Result<()> {
    let went = joined(ledger.conn, (account, recipient), (template, draft.blocked_at))?;
    let inserted = ledger.conn.prepare_cached(INSERT)?.execute(params![
        account.0,
        &**template,
        draft.id.cast_signed(),
        &recipient[..],
        went.as_ref().map(|went| went.id.raw()),
        crate::path::settle::cut(&draft.title, TITLE_MAX),
        draft.blocked_at.ms(),
        now.ms(),
    ])?;
    if inserted == 0 {
        return Ok(());
    }
    written.new += 1;
    written.joined += usize::from(went.is_some());
    // What WeChat refused to our face was counted then.
    if !went.is_some_and(|went| went.refused) {
        ledger.tally.sign(account, now, template, Signal::Blocked);
    }
    Ok(())
}

/// The nearest message to that person by that template which no other block has taken.
fn joined(
    conn: &Connection,
    person: (AccountId, &Blind),
    (template, at): (&Arc<str>, Timestamp),
) -> Result<Option<Went>> {
    let mut near = near::went(conn, person, at.minus(APART), at.plus(APART))?;
    near.retain(|went| *went.template_id == **template);
    near.sort_by_key(|went| went.at.ms().abs_diff(at.ms()));
    let mut is_taken = conn.prepare_cached(IS_TAKEN)?;
    for went in near {
        if !is_taken.exists([person.0.0, went.id.raw()])? {
            return Ok(Some(went));
        }
    }
    Ok(None)
}

const LIST: &str = "
SELECT account, template_id, id, message, title, blocked_at, found_at, found
FROM blocked
WHERE account = ?1
  AND found < ?2
  AND (?3 IS NULL OR template_id = ?3)
ORDER BY found DESC
LIMIT ?4";

fn list(
    conn: &Connection,
    filter: &BlockedFilter,
    (first, below): (AccountId, i64),
    limit: usize,
) -> Result<Page<BlockedMessage>> {
    let mut items: Vec<BlockedMessage> = Vec::new();
    let mut list = conn.prepare_cached(LIST)?;
    for account in filter.accounts.iter().filter(|account| **account >= first) {
        let below = if *account == first { below } else { i64::MAX };
        let rows = list.query(params![account.0, below, filter.template_id, limit - items.len()])?;
        items.extend(row::all(rows, shown)?);
        if items.len() == limit {
            break;
        }
    }
    let last = items.last().filter(|_| items.len() == limit);
    let next_cursor = last.map(|last| format!("{}.{}", last.account.0, last.found));
    Ok(Page { items, next_cursor })
}

fn shown(row: &rusqlite::Row<'_>) -> Result<BlockedMessage> {
    Ok(BlockedMessage {
        account: AccountId(row.get(0)?),
        template_id: row.get(1)?,
        id: row.get::<_, i64>(2)?.cast_unsigned(),
        message: row.get::<_, Option<i64>>(3)?.and_then(MessageId::from_raw),
        title: row.get(4)?,
        blocked_at: row::at(row, 5)?,
        found_at: row::at(row, 6)?,
        found: row.get(7)?,
    })
}

fn parse_cursor(cursor: &str) -> Result<(AccountId, i64)> {
    let parts = cursor
        .split_once('.')
        .and_then(|(account, found)| Some((AccountId(account.parse().ok()?), found.parse().ok()?)));
    parts.ok_or_else(|| {
        StoreError::Invalid("the cursor is not one of this list: begin without one".to_owned())
    })
}

const OF_MESSAGE: &str = "
SELECT found_at, blocked_at
FROM blocked
WHERE account = ?1
  AND message = ?2";

/// What WeChat told of a message's block: a line of its timeline.
pub(crate) fn blocked_of(conn: &Connection, account: AccountId, message: MessageId) -> Result<Vec<Moment>> {
    let mut blocked = conn.prepare_cached(OF_MESSAGE)?;
    row::all(blocked.query([account.0, message.raw()])?, |row| {
        let what = Happening::Blocked { blocked_at: row::at(row, 1)? };
        Ok(Moment { at: row::at(row, 0)?, what })
    })
}
