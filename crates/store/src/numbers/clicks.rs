//! Taps on links: what a link leads to, and how often it was followed. Written in batches; what a crash takes of a batch
//! is a count, never a redirect.

use std::ops::Range;
use std::sync::Arc;

use hongyan_domain::{AccountId, MessageId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::numbers::tally::LinkCell;
use crate::sqlite::row::{self, RawReady, ready_columns};
use crate::sqlite::writer::Ledger;
use crate::{Result, Store};

/// Taps on the link of one message, several at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clicked {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub message: MessageId,
    /// The first of these.
    pub first_at: Timestamp,
    /// The last of these.
    pub last_at: Timestamp,
    /// How many.
    pub count: u32,
}

/// All taps on the link of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clicks {
    /// The first.
    pub first_at: Timestamp,
    /// The last.
    pub last_at: Timestamp,
    /// How many.
    pub count: u32,
}

/// Messages with a link that is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickRow {
    /// Whose.
    pub account: AccountId,
    /// By which template.
    pub template_id: String,
    /// Of which scenario.
    pub scenario: Option<String>,
    /// Which wording of it.
    pub variant: Option<String>,
    /// How many WeChat took.
    pub sent: u64,
    /// How many of them were tapped.
    pub clicked: u64,
    /// How often, all together.
    pub clicks: u64,
}

const MESSAGE: &str = concat!(
    "SELECT ",
    ready_columns!(),
    "
FROM message
WHERE account = ?1
  AND id = ?2
  AND tracked"
);

const CLICKS: &str = "
SELECT first_at, last_at, count
FROM click
WHERE account = ?1
  AND message = ?2";

const ADD: &str = "
INSERT INTO click (account, message, first_at, last_at, count)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (account, message)
DO UPDATE SET first_at = MIN(click.first_at, excluded.first_at), last_at = MAX(click.last_at, excluded.last_at),
  count = click.count + excluded.count";

pub(crate) const ROWS: &str = "
SELECT account, template_id, scenario, variant, SUM(sent), SUM(clicked), SUM(clicks)
FROM click_tally
WHERE account = ?1
  AND day >= ?2
  AND day < ?3
GROUP BY account, template_id, scenario, variant
ORDER BY template_id, scenario, variant";

pub(crate) const CLICKED: &str = "
SELECT COALESCE(SUM(clicked), 0)
FROM click_tally
WHERE account = ?1
  AND day = ?2";

impl Store {
    /// Where the link of a message leads; `None`: there is none that is counted, or it was erased.
    pub async fn link_of(&self, account: AccountId, message: MessageId) -> Result<Option<String>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut found = conn.prepare_cached(MESSAGE)?;
            let mut rows = found.query([account.0, message.raw()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let body = RawReady::read(row)?.body(conn, &shared.keyring)?;
            Ok(body.and_then(|(_, content)| content.url))
        })
        .await
    }

    /// Commits taps. Those on what was erased or purged meanwhile are nobody's.
    pub async fn record_clicks(&self, batch: Vec<Clicked>) -> Result<()> {
        crate::store::check_batch(batch.len())?;
        self.write(batch.len(), move |ledger| batch.iter().try_for_each(|one| record(ledger, one))).await
    }

    /// How many messages accepted on this day had their link followed, of these accounts together.
    pub async fn clicked_of(&self, day: i64, accounts: Vec<AccountId>) -> Result<i64> {
        self.read(move |conn| {
            let mut clicked = conn.prepare_cached(CLICKED)?;
            let mut sum = 0;
            for account in &accounts {
                sum += clicked.query_row([account.0, day], |row| row.get::<_, i64>(0))?;
            }
            Ok(sum)
        })
        .await
    }

    /// How often links were followed, of messages accepted on these days.
    pub async fn click_rows(&self, days: Range<i64>, account: AccountId) -> Result<Vec<ClickRow>> {
        self.read(move |conn| {
            let mut rows = conn.prepare_cached(ROWS)?;
            let rows = rows.query([account.0, days.start, days.end])?;
            row::all(rows, |row| {
                let named = |text: String| Some(text).filter(|text| !text.is_empty());
                Ok(ClickRow {
                    account: AccountId(row.get(0)?),
                    template_id: row.get(1)?,
                    scenario: named(row.get(2)?),
                    variant: named(row.get(3)?),
                    sent: row.get(4)?,
                    clicked: row.get(5)?,
                    clicks: row.get(6)?,
                })
            })
        })
        .await
    }
}

fn record(ledger: &mut Ledger<'_>, one: &Clicked) -> Result<()> {
    let Some(cell) = cell_of(ledger.conn, one.account, one.message)? else { return Ok(()) };
    let is_first = find(ledger.conn, one.account, one.message)?.is_none();
    let Clicked { account, message, first_at, last_at, count } = *one;
    let row = params![account.0, message.raw(), first_at.ms(), last_at.ms(), count];
    ledger.conn.prepare_cached(ADD)?.execute(row)?;
    ledger.tally.clicked(cell, i64::from(is_first), i64::from(count));
    Ok(())
}

const CELL: &str = "
SELECT accepted_at, template_id, scenario, variant
FROM message
WHERE account = ?1
  AND id = ?2
  AND tracked
  AND LENGTH(body) > 0";

/// Where a message with a link is counted; `None`: its link is not, or it is nobody's any more.
pub(crate) fn cell_of(conn: &Connection, account: AccountId, message: MessageId) -> Result<Option<LinkCell>> {
    let mut cell = conn.prepare_cached(CELL)?;
    let mut rows = cell.query([account.0, message.raw()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let named = |name: Option<String>| Arc::from(name.unwrap_or_default());
    Ok(Some(LinkCell {
        account,
        day: row::at(row, 0)?.day(),
        template_id: row.get::<_, String>(1)?.into(),
        scenario: named(row.get(2)?),
        variant: named(row.get(3)?),
    }))
}

/// The taps on the link of a message.
pub(crate) fn find(conn: &Connection, account: AccountId, message: MessageId) -> Result<Option<Clicks>> {
    let mut clicks = conn.prepare_cached(CLICKS)?;
    let found = clicks.query_row([account.0, message.raw()], |row| {
        let at = |column| row.get(column).map(Timestamp::from_ms);
        Ok(Clicks { first_at: at(0)?, last_at: at(1)?, count: row.get(2)? })
    });
    Ok(found.optional()?)
}
