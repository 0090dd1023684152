//! The counters of a store whose messages are older than they are: counted from the ledger, once.

use hongyan_domain::{AccountId, Step};
use rusqlite::{Connection, TransactionBehavior};

use super::{STEP_NOW, check, fold};
use crate::{Result, store};

/// Counters by the minute are made for so long before the newest: as long as they are kept.
const MINUTES_MS: i64 = 2 * 86_400_000;

// Whatever was counted once stands by the day for ever: with messages and no counter, nothing was counted yet.
const IS_WANTED: &str = "
SELECT 1
WHERE EXISTS (SELECT 1 FROM message)
  AND NOT EXISTS (SELECT 1 FROM series)
  AND NOT EXISTS (SELECT 1 FROM series_delta)";

/// Counts what was there before the counters were. Nothing where they are.
pub(crate) fn seed(conn: &mut Connection) -> Result<()> {
    if !conn.prepare(IS_WANTED)?.exists([])? {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if transaction.prepare(IS_WANTED)?.exists([])? {
        for account in store::account_ids(&transaction)? {
            count(&transaction, account)?;
        }
    }
    Ok(transaction.commit()?)
}

fn count(conn: &Connection, account: AccountId) -> Result<()> {
    let minutes = check::found(conn, account)?;
    let newest = minutes.keys().next_back().copied().unwrap_or_default();
    let mut changed = fold::Changed::new();
    for (minute, cells) in minutes {
        let cells: Vec<_> = cells.into_iter().collect();
        fold::spread(&mut changed, account, minute, &cells);
    }
    let is_kept =
        |step: &str, at: i64| step != Step::Minute.as_str() || at > newest.saturating_sub(MINUTES_MS);
    changed.retain(|(_, step, at), _| *step == STEP_NOW || is_kept(step, *at));
    let mut spans: Vec<_> = changed.iter().collect();
    spans.sort_unstable_by_key(|(span, _)| **span);
    spans.into_iter().try_for_each(|(span, cells)| fold::put(conn, *span, cells))
}
