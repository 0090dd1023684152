//! Retention: final messages leave in small batches, oldest first, archived before if that is wanted.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use hongyan_domain::{AccountId, Cause, Lane, MessageId, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::path::withdraw;
use crate::series::{Deltas, Kind, Standpoint, Try};
use crate::sqlite::writer::Ledger;
use crate::sqlite::{OWNER_ONLY, row};
use crate::store::{self, Shared};
use crate::{Result, Store, StoreError};

/// The archive's name where only its folder is given.
const ARCHIVE_FILE: &str = "hongyan-archive.ndjson";
/// Rows looked at for one that may go: live ones stand between, and are passed over.
const LOOKS_PER_ROW: usize = 4;

/// Where the last look stopped; `None`: at the end, or it has not begun.
pub(crate) type Reached = Option<(AccountId, MessageId)>;

impl Store {
    /// Deletes up to `limit` messages that became final before this, with their dispatches and receipts, and up to
    /// `limit` receipts that never found a message. How many messages went; call again until 0.
    ///
    /// With `archive` (a file, or a folder, then it is `hongyan-archive.ndjson` in it), each is appended there as a line of JSON, on the disk before the row is deleted (a crash between
    /// leaves a line twice). The line holds the recipient as blind index only, and no content.
    pub async fn purge(
        &self,
        finished_before: Timestamp,
        limit: usize,
        archive: Option<&Path>,
    ) -> Result<usize> {
        let limit = limit.clamp(1, crate::MAX_BATCH);
        loop {
            let from = *self.shared.purged_to.lock().unwrap_or_else(PoisonError::into_inner);
            let (went, reached) = self.purge_from(from, finished_before, (limit, archive)).await?;
            *self.shared.purged_to.lock().unwrap_or_else(PoisonError::into_inner) = reached;
            // A stretch of live rows gives nothing: look behind it. At the end, all has been looked at.
            if went > 0 || reached.is_none() {
                return Ok(went);
            }
        }
    }

    async fn purge_from(
        &self,
        from: Reached,
        finished_before: Timestamp,
        (limit, archive): (usize, Option<&Path>),
    ) -> Result<(usize, Reached)> {
        let archive: Option<PathBuf> = archive.map(Path::to_path_buf);
        let shared = self.shared.clone();
        let (old, reached) = self
            .read(move |conn| {
                let (old, reached) = find(conn, &shared, (from, finished_before), limit)?;
                if let Some(path) = archive.filter(|_| !old.is_empty()) {
                    write_lines(conn, &path, &old)?;
                }
                Ok((old, reached))
            })
            .await?;
        let went = old.len();
        self.write(went * 4 + 1, move |ledger| delete(ledger, &old, finished_before, limit)).await?;
        Ok((went, reached))
    }
}

/// A final message that is old enough.
struct Old {
    account: AccountId,
    id: MessageId,
    state: State,
    cause: Option<Cause>,
    msgid: Option<i64>,
    recipient: Vec<u8>,
    attempts: u16,
    accepted_at: Timestamp,
    sent_at: Option<Timestamp>,
    settled_at: Timestamp,
    client_msg_id: Option<String>,
    template_id: String,
    scenario: Option<String>,
    lane: Lane,
    deadline_at: Timestamp,
    /// How long the try took that WeChat took, where its row tells of it.
    told_took_ms: Option<u32>,
}

impl Old {
    /// What the counters know of it.
    fn standpoint(&self, series: &mut Deltas) -> Standpoint {
        let (template, scenario) =
            (series.name(&self.template_id), series.name(self.scenario.as_deref().unwrap_or_default()));
        Standpoint {
            kind: Kind { lane: self.lane, template, scenario },
            state: self.state,
            cause: self.cause,
            accepted_at: self.accepted_at,
            deadline_at: self.deadline_at,
            sent_at: self.sent_at,
            settled_at: Some(self.settled_at),
        }
    }
}

const OLDEST: &str = "
SELECT account, id, state, cause, msgid, recipient, attempts, accepted_at, sent_at, settled_at, client_msg_id,
  template_id, scenario, lane, deadline_at, claim IS NOT NULL, took_ms
FROM message
WHERE account = ?1
  AND id > ?2
ORDER BY id
LIMIT ?3";

fn find(
    conn: &Connection,
    shared: &Shared,
    (from, before): (Reached, Timestamp),
    limit: usize,
) -> Result<(Vec<Old>, Reached)> {
    let first = from.map_or(AccountId(i64::MIN), |(account, _)| account);
    let mut old = Vec::new();
    for account in store::account_ids(conn)?.into_iter().filter(|account| *account >= first) {
        let after = from.filter(|(at, _)| *at == account).map_or(-1, |(_, id)| id.raw());
        let mut oldest = conn.prepare_cached(OLDEST)?;
        let looks = limit * LOOKS_PER_ROW;
        let mut rows = oldest.query(params![account.0, after, looks])?;
        let mut looked = 0;
        while let Some(row) = rows.next()? {
            looked += 1;
            // Ids are in order of acceptance: whatever comes after was accepted later, and ended later.
            if row::at(row, 7)? >= before {
                break;
            }
            old.extend(shared.damaged.pass((account, row::id(row, 1)?), finished(row, before))?.flatten());
            if old.len() == limit || looked == looks {
                return Ok((old, Some((account, row::id(row, 1)?))));
            }
        }
    }
    Ok((old, None))
}

fn finished(row: &Row<'_>, before: Timestamp) -> Result<Option<Old>> {
    let state = row::word(row, 2, State::parse)?;
    let Some(settled_at) = row::at_or_never(row, 9)?.filter(|at| state.is_final() && *at < before) else {
        return Ok(None);
    };
    Ok(Some(Old {
        account: AccountId(row.get(0)?),
        id: row::id(row, 1)?,
        state,
        cause: row::cause(row, 3)?,
        msgid: row.get(4)?,
        recipient: row.get(5)?,
        attempts: row.get(6)?,
        accepted_at: row::at(row, 7)?,
        sent_at: row::at_or_never(row, 8)?,
        settled_at,
        client_msg_id: row.get(10)?,
        template_id: row.get(11)?,
        scenario: row.get(12)?,
        lane: row::lane(row, 13)?,
        deadline_at: row::at(row, 14)?,
        told_took_ms: if row.get(15)? { row.get(16)? } else { None },
    }))
}

/// A line of the archive.
#[derive(Serialize)]
struct Line<'a> {
    account: i64,
    appid: &'a str,
    id: MessageId,
    client_msg_id: Option<&'a str>,
    recipient: String,
    template_id: &'a str,
    scenario: Option<&'a str>,
    state: State,
    cause: Option<Cause>,
    attempts: u16,
    msgid: Option<String>,
    accepted_at: Timestamp,
    sent_at: Option<Timestamp>,
    settled_at: Timestamp,
}

const APPID: &str = "
SELECT appid
FROM account
WHERE account = ?1";

fn write_lines(conn: &Connection, path: &Path, old: &[Old]) -> Result<()> {
    let mut lines = Vec::new();
    for one in old {
        let appid: Option<String> =
            conn.prepare_cached(APPID)?.query_row([one.account.0], |row| row.get(0)).optional()?;
        let line = line(one, appid.as_deref().unwrap_or_default());
        serde_json::to_writer(&mut lines, &line).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        lines.push(b'\n');
    }
    append(path, &lines)
        .map_err(|error| StoreError::Unavailable(format!("archive {}: {error}", path.display())))
}

fn line<'a>(old: &'a Old, appid: &'a str) -> Line<'a> {
    Line {
        account: old.account.0,
        appid,
        id: old.id,
        client_msg_id: old.client_msg_id.as_deref(),
        recipient: old.recipient.iter().map(|byte| format!("{byte:02x}")).collect(),
        template_id: &old.template_id,
        scenario: old.scenario.as_deref(),
        state: old.state,
        cause: old.cause,
        attempts: old.attempts,
        msgid: old.msgid.map(|msgid| msgid.cast_unsigned().to_string()),
        accepted_at: old.accepted_at,
        sent_at: old.sent_at,
        settled_at: old.settled_at,
    }
}

/// `path` is the file, or the folder it lies in.
fn append(path: &Path, lines: &[u8]) -> std::io::Result<()> {
    let folder = path.is_dir().then(|| path.join(ARCHIVE_FILE));
    let path = folder.as_deref().unwrap_or(path);
    let mut file = std::fs::File::options().create(true).append(true).mode(OWNER_ONLY).open(path)?;
    file.write_all(lines)?;
    file.sync_all()
}

// Settled again meanwhile (an unknown that a receipt delivered) is another message to archive.
const DELETE: &str = "
DELETE FROM message
WHERE account = ?1
  AND id = ?2
  AND state = ?3
  AND settled_at = ?4";

const DELETE_DISPATCHES: &str = "
DELETE FROM dispatch
WHERE account = ?1
  AND message = ?2
RETURNING at, outcome, errcode, took_ms";

const DELETE_RECEIPTS: &str = "
DELETE FROM receipt
WHERE account = ?1
  AND msgid IN (0, ?2)
  AND recipient = ?3
  AND message = ?4";

const DELETE_VERDICTS: &str = "
DELETE FROM verdict
WHERE account = ?1
  AND message = ?2";

const DELETE_APPROVAL: &str = "
DELETE FROM approval
WHERE account = ?1
  AND id = ?2";

const DELETE_CLICK: &str = "
DELETE FROM click
WHERE account = ?1
  AND message = ?2";

const DELETE_ORPHANS: &str = "
DELETE FROM receipt
WHERE (account, msgid, recipient, told_at) IN (
    SELECT account, msgid, recipient, told_at
    FROM receipt
    WHERE message IS NULL
      AND received_at < ?1
    LIMIT ?2)";

fn delete(ledger: &mut Ledger<'_>, old: &[Old], before: Timestamp, limit: usize) -> Result<()> {
    for one in old {
        delete_one(ledger, one)?;
    }
    if ledger.open.named + ledger.open.unnamed > 0 {
        ledger.conn.prepare_cached(DELETE_ORPHANS)?.execute(params![before.ms(), limit])?;
        ledger.reread_open_receipts()?;
    }
    Ok(())
}

fn delete_one(ledger: &mut Ledger<'_>, old: &Old) -> Result<()> {
    let (account, id) = (old.account, old.id.raw());
    let guard = params![account.0, id, old.state.as_str(), old.settled_at.ms()];
    if ledger.conn.prepare_cached(DELETE)?.execute(guard)? == 0 {
        return Ok(());
    }
    ledger.tally.purge(account, old.accepted_at, old.state, old.cause);
    let counted = old.standpoint(&mut ledger.tally.series);
    ledger.tally.series.purged(account, &counted);
    if let (Some(sent_at), Some(took_ms)) = (old.sent_at, old.told_took_ms) {
        ledger.tally.purge_send(account, sent_at);
        ledger.tally.series.purged_try(account, Try::taken(sent_at, took_ms), None);
    }
    let mut dispatches = ledger.conn.prepare_cached(DELETE_DISPATCHES)?;
    let mut rows = dispatches.query([account.0, id])?;
    while let Some(row) = rows.next()? {
        let outcome = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let tried = Try { at: row::at(row, 0)?, outcome, errcode: row.get(2)?, took_ms: row.get(3)? };
        if outcome == "sent" {
            ledger.tally.purge_send(account, tried.at);
        }
        let kind = tried.is_by_kind().then_some(&counted.kind);
        ledger.tally.series.purged_try(account, tried, kind);
    }
    ledger.conn.prepare_cached(DELETE_VERDICTS)?.execute([account.0, id])?;
    ledger.conn.prepare_cached(DELETE_APPROVAL)?.execute([account.0, id])?;
    ledger.conn.prepare_cached(DELETE_CLICK)?.execute([account.0, id])?;
    withdraw::forget(ledger, account, old.id)?;
    let receipts = params![account.0, old.msgid.unwrap_or(0), old.recipient, id];
    ledger.conn.prepare_cached(DELETE_RECEIPTS)?.execute(receipts)?;
    Ok(())
}
