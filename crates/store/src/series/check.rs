//! Proves the counters: counts the ledger again and names every key that differs. Reads everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hongyan_domain::series::Cells;
use hongyan_domain::{AccountId, Cause, Measure, State, Step, Timestamp};
use rusqlite::{Connection, Row};

use super::codec::Names;
use super::{Counted, Kind, NOW, STEP_NOW, Standpoint, Try, read};
use crate::sqlite::row;
use crate::{Result, StoreError, TallyDifference, store};

/// Counters by begin of the span.
pub(super) type Spans = BTreeMap<i64, Cells>;

/// The counters of all accounts that differ from the ledger.
pub(crate) fn differences(conn: &Connection) -> Result<Vec<TallyDifference>> {
    let mut differing = Vec::new();
    for account in store::account_ids(conn)? {
        let mut minutes = found(conn, account)?;
        let waiting: Spans = minutes.remove(&NOW).map(|cells| (0, cells)).into_iter().collect();
        compare(conn, (account, STEP_NOW), &waiting, &mut differing)?;
        for step in Step::ALL {
            compare(conn, (account, step.as_str()), &wider(&minutes, *step), &mut differing)?;
        }
    }
    Ok(differing)
}

/// What the ledger counts of an account, by the minute.
pub(super) fn found(conn: &Connection, account: AccountId) -> Result<Spans> {
    let mut minutes = messages(conn, account)?;
    tries(conn, account, &mut minutes)?;
    Ok(minutes)
}

const MESSAGES: &str = "
SELECT state, cause, lane, accepted_at, deadline_at, sent_at, settled_at, template_id, scenario
FROM message
WHERE account = ?1";

fn messages(conn: &Connection, account: AccountId) -> Result<Spans> {
    let mut names = Names::new();
    let mut minutes = Spans::new();
    let mut stored = conn.prepare_cached(MESSAGES)?;
    let mut rows = stored.query([account.0])?;
    while let Some(row) = rows.next()? {
        let message = match standpoint(row, &mut names) {
            // A damaged row: it is told where it is met, and its counters differ.
            Err(StoreError::Corrupt(_)) => continue,
            message => message?,
        };
        message.counted().for_each(|counted| count(&mut minutes, counted));
        if super::waits(message.state) {
            let measure = Measure::Waiting(message.cause);
            let kind = Kind { template: "".into(), scenario: "".into(), ..message.kind };
            minutes.entry(NOW).or_default().entry(kind.key(measure)).or_default().count += 1;
        }
    }
    Ok(minutes)
}

fn standpoint(row: &Row<'_>, names: &mut Names) -> Result<Standpoint> {
    Ok(Standpoint {
        state: row::word(row, 0, State::parse)?,
        cause: row::word_or_none(row, 1, Cause::parse)?,
        kind: kind(row, (2, 7, 8), names)?,
        accepted_at: row::at(row, 3)?,
        deadline_at: row::at(row, 4)?,
        sent_at: row::at_or_never(row, 5)?,
        settled_at: row::at_or_never(row, 6)?,
    })
}

fn kind(row: &Row<'_>, (lane, template, scenario): (usize, usize, usize), names: &mut Names) -> Result<Kind> {
    let scenario: Option<Arc<str>> = row.get::<_, Option<String>>(scenario)?.map(Into::into);
    let mut known = |text: Arc<str>| match names.get(&text) {
        Some(known) => known.clone(),
        None => {
            names.insert(text.clone());
            text
        }
    };
    let template = known(row.get::<_, String>(template)?.into());
    Ok(Kind { lane: row::lane(row, lane)?, template, scenario: known(scenario.unwrap_or_default()) })
}

const TRIES: &str = "
SELECT dispatch.at, dispatch.outcome, dispatch.errcode, dispatch.took_ms, message.lane, message.template_id,
  message.scenario
FROM dispatch
LEFT JOIN message ON message.account = dispatch.account AND message.id = dispatch.message
WHERE dispatch.account = ?1
UNION ALL
SELECT sent_at, 'sent', 0, took_ms, lane, template_id, scenario
FROM message
WHERE account = ?1
  AND claim IS NOT NULL";

fn tries(conn: &Connection, account: AccountId, minutes: &mut Spans) -> Result<()> {
    let mut names = Names::new();
    let mut stored = conn.prepare_cached(TRIES)?;
    let mut rows = stored.query([account.0])?;
    while let Some(row) = rows.next()? {
        let outcome: String = row.get(1)?;
        let (at, errcode, took_ms) = (row::at(row, 0)?, row.get(2)?, row.get(3)?);
        let tried = Try { at, outcome: &outcome, errcode, took_ms };
        let by_kind = tried.is_by_kind() && row.get::<_, Option<i64>>(4)?.is_some();
        let kind = if by_kind { Some(kind(row, (4, 5, 6), &mut names)?) } else { None };
        count(minutes, tried.counted(kind.as_ref()));
    }
    Ok(())
}

fn count(minutes: &mut Spans, (at, key, took_ms): Counted) {
    let minute = minutes.entry(Step::Minute.begin_of(at).ms()).or_default();
    let cell = minute.entry(key).or_default();
    cell.count += 1;
    took_ms.into_iter().for_each(|ms| cell.spread.record(ms, 1));
}

fn wider(minutes: &Spans, step: Step) -> Spans {
    let mut spans = Spans::new();
    for (minute, cells) in minutes {
        let span = spans.entry(step.begin_of(Timestamp::from_ms(*minute)).ms()).or_default();
        cells.iter().for_each(|(key, cell)| span.entry(key.clone()).or_default().add(cell));
    }
    spans
}

/// The retention of messages comes later than that of minutes and hours: it leaves a span that was removed already with
/// nothing but what it took. Such a span goes again with the next round.
fn forget_remains(counted: &mut Spans) {
    counted.values_mut().for_each(|cells| cells.retain(|_, cell| cell.count != 0));
    counted.retain(|_, cells| !cells.is_empty());
}

/// Of minutes and hours only those are compared that are kept still; of days, all.
fn compare(
    conn: &Connection,
    (account, step): (AccountId, &'static str),
    found: &Spans,
    differing: &mut Vec<TallyDifference>,
) -> Result<()> {
    let counted = read::spans(conn, &[account], step, (i64::MIN, i64::MAX))?;
    let mut counted: Spans = counted.into_iter().map(|row| (row.at.ms(), row.cells)).collect();
    if !matches!(step, "day" | "now") {
        forget_remains(&mut counted);
    }
    let oldest = counted.keys().next().copied().unwrap_or(i64::MAX);
    let is_kept = |at: &&i64| **at >= oldest || matches!(step, "day" | "now");
    let spans: BTreeSet<_> = counted.keys().chain(found.keys().filter(is_kept)).collect();
    let nothing = Cells::new();
    for at in spans {
        let (counted, found) = (counted.get(at).unwrap_or(&nothing), found.get(at).unwrap_or(&nothing));
        let keys: BTreeSet<_> = counted.keys().chain(found.keys()).collect();
        for key in keys.into_iter().filter(|key| !matches!(key.measure, Measure::Refused(_))) {
            let kept = counted.get(key).map_or(0, |cell| cell.count - cell.purged);
            let there = found.get(key).map_or(0, |cell| cell.count);
            if kept != there {
                let row = format!("series {}/{step}/{} {key:?}", account.0, Timestamp::from_ms(*at));
                differing.push(TallyDifference { row, counted: kept, found: there });
            }
        }
    }
    Ok(())
}
