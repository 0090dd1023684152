//! How the telling of webhooks went: the last tries of each, and how far it came by them.

use hongyan_domain::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::row;
use crate::watch::json::written;
use crate::watch::webhooks::{Progress, WebhookOpen};
use crate::{Result, Store};

/// Tries remembered of each webhook.
const DELIVERIES_MAX: i64 = 1_000;

/// A try to tell a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When.
    pub at: Timestamp,
    /// The header `webhook-id`.
    pub webhook_id: String,
    /// How many messages.
    pub events: u32,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// What went wrong; `None`: it was told.
    pub error: Option<String>,
    /// How long it took.
    pub took_ms: u32,
}

const GO_ON: &str = "
UPDATE webhook
SET seq = ?4,
    nth = ?5,
    failures = ?6,
    failing_since = ?7,
    next_at = ?8
WHERE account = 0
  AND id = ?1
  AND seq = ?2
  AND nth = ?3";

const SWITCH_OFF: &str = "
UPDATE webhook
SET webhook = ?3
WHERE account = 0
  AND id = ?1
  AND webhook = ?2";

const LAST_DELIVERY: &str = "
SELECT COALESCE(MAX(id), 0)
FROM webhook_delivery
WHERE account = 0
  AND webhook = ?1";

const PUT_DELIVERY: &str = "
INSERT INTO webhook_delivery (account, webhook, id, at, webhook_id, events, status, error, took_ms)
VALUES (0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const PURGE_DELIVERIES: &str = "
DELETE FROM webhook_delivery
WHERE account = 0
  AND webhook = ?1
  AND id <= ?2";

const DELIVERIES: &str = "
SELECT at, webhook_id, events, status, error, took_ms, id
FROM webhook_delivery
WHERE account = 0
  AND webhook = ?1
  AND id < ?2
ORDER BY id DESC
LIMIT ?3";

impl Store {
    /// Moves a webhook on from where it stood, with the try that did. `false`: it was set back or deleted meanwhile, and
    /// only the try is written down.
    pub async fn webhook_told(
        &self,
        id: &str,
        (from, to): (Progress, Progress),
        delivery: Option<Delivery>,
    ) -> Result<bool> {
        let id = id.to_owned();
        self.write(2, move |ledger| {
            let stood = (from.seq, from.nth);
            let since = to.failing_since.map(Timestamp::ms);
            let values = params![id, stood.0, stood.1, to.seq, to.nth, to.failures, since, to.next_at.ms()];
            let moved = ledger.conn.prepare_cached(GO_ON)?.execute(values)? == 1;
            if let Some(delivery) = &delivery {
                log(ledger.conn, &id, delivery)?;
            }
            Ok(moved)
        })
        .await
    }

    /// Writes down a try that told nothing of the log: a test.
    pub async fn log_delivery(&self, id: &str, delivery: Delivery) -> Result<()> {
        let id = id.to_owned();
        self.write(1, move |ledger| log(ledger.conn, &id, &delivery)).await
    }

    /// Switches a webhook off because it failed for too long. `false`: somebody has changed or deleted it since it was
    /// read, and it stays as it is.
    pub async fn switch_webhook_off(
        &self,
        id: &str,
        (was, off): (&WebhookOpen, &WebhookOpen),
    ) -> Result<bool> {
        let values = (id.to_owned(), written(was)?, written(off)?);
        self.write(1, move |ledger| {
            Ok(ledger.conn.prepare_cached(SWITCH_OFF)?.execute(params![values.0, values.1, values.2])? == 1)
        })
        .await
    }

    /// The last tries of a webhook before the one numbered `before`, newest first, with their numbers.
    pub async fn deliveries(
        &self,
        id: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Delivery)>> {
        let id = id.to_owned();
        self.read(move |conn| {
            let mut deliveries = conn.prepare_cached(DELIVERIES)?;
            row::all(deliveries.query(params![id, before.unwrap_or(i64::MAX), limit])?, |row| {
                let delivery = Delivery {
                    at: row::at(row, 0)?,
                    webhook_id: row.get(1)?,
                    events: row.get(2)?,
                    status: row.get(3)?,
                    error: row.get(4)?,
                    took_ms: row.get(5)?,
                };
                Ok((row.get(6)?, delivery))
            })
        })
        .await
    }
}

fn log(conn: &Connection, id: &str, delivery: &Delivery) -> Result<()> {
    // Deleted meanwhile: its log went with it.
    if conn.prepare_cached(IS_THERE)?.query_row([id], |_| Ok(())).optional()?.is_none() {
        return Ok(());
    }
    let last: i64 = conn.prepare_cached(LAST_DELIVERY)?.query_row([id], |row| row.get(0))?;
    let Delivery { at, webhook_id, events, status, error, took_ms } = delivery;
    let values = params![id, last + 1, at.ms(), webhook_id, events, status, error, took_ms];
    conn.prepare_cached(PUT_DELIVERY)?.execute(values)?;
    conn.prepare_cached(PURGE_DELIVERIES)?.execute(params![id, last + 1 - DELIVERIES_MAX])?;
    Ok(())
}

const IS_THERE: &str = "
SELECT 1
FROM webhook
WHERE account = 0
  AND id = ?1";
