//! A message as people see it, with its timeline.

use hongyan_domain::on_time::Punctuality;
use hongyan_domain::{AccountId, Cause, DeliveryStatus, InteractionKind, MessageId, Rule, State};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::numbers::clicks;
use crate::numbers::on_time::{self, Arrival};
use crate::path::claim::Held;
use crate::path::reconcile::raw_place;
use crate::path::{approvals, gather, resend, withdraw};
use crate::seal::keyring::Keyring;
use crate::sqlite::row::{self, RawReady};
use crate::{Approval, Happening, MessageRecord, Moment, Result, Store, StoreError, compliance};

/// The columns of `read`, in its order.
macro_rules! record_columns {
    () => {
        concat!($crate::sqlite::row::ready_columns!(), ", client_msg_id, cause, msgid, sent_at, settled_at")
    };
}
pub(crate) use record_columns;

/// Where client_msg_id stands among `record_columns!()`.
pub(crate) const CLIENT_MSG_ID: usize = row::READY_COLUMNS;
/// Where the cause stands.
pub(crate) const CAUSE: usize = CLIENT_MSG_ID + 1;
/// Where WeChat's number stands.
pub(crate) const MSGID: usize = CAUSE + 1;

/// Reads `record_columns!()`; the timeline is empty.
pub(crate) fn read(
    conn: &Connection,
    keyring: &Keyring,
    held: &Held<'_>,
    row: &Row<'_>,
) -> Result<MessageRecord> {
    let ready = RawReady::read(row)?;
    let clicks = if ready.marks.tracked { clicks::find(conn, ready.account, ready.id)? } else { None };
    let (openid, content) = ready.body(conn, keyring)?.unzip();
    let mut standing = ready.standing;
    if standing.state == State::Pending && held.by(ready.id)?.is_some() {
        standing.state = State::Claimed;
    }
    Ok(MessageRecord {
        account: ready.account,
        id: ready.id,
        client_msg_id: row.get(CLIENT_MSG_ID)?,
        openid,
        template_id: ready.template_id,
        content,
        lane: ready.lane,
        scenario: ready.scenario,
        category: ready.category,
        basis: ready.basis,
        reached_by: row::word_or_none(row, 17, InteractionKind::parse)?,
        standing,
        cause: row::cause(row, CAUSE)?,
        msgid: row.get::<_, Option<i64>>(MSGID)?.map(i64::cast_unsigned),
        accepted_at: ready.accepted_at,
        due_at: ready.due_at,
        deadline_at: ready.deadline_at,
        expires_at: ready.expires_at,
        sent_at: row::at_or_never(row, 25)?,
        settled_at: row::at_or_never(row, 26)?,
        marks: ready.marks,
        clicks,
        on_time: None,
        timeline: Vec::new(),
    })
}

const BY_ID: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id = ?2"
);

const BY_CLIENT_MSG_ID: &str = "
SELECT id
FROM message
WHERE account = ?1
  AND client_msg_id = ?2";

impl Store {
    /// A message with its timeline, of whatever account.
    pub async fn message(&self, id: MessageId) -> Result<Option<MessageRecord>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            // An id does not tell its account: each is asked, 5 µs apiece.
            for account in crate::store::account_ids(conn)? {
                if let Some(found) = with_timeline(conn, &shared.keyring, account, id)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
        .await
    }

    /// The message under the caller's own id, with its timeline.
    pub async fn by_client_msg_id(
        &self,
        account: AccountId,
        client_msg_id: &str,
    ) -> Result<Option<MessageRecord>> {
        let shared = self.shared.clone();
        let client_msg_id = client_msg_id.to_owned();
        self.read(move |conn| {
            let mut by_client = conn.prepare_cached(BY_CLIENT_MSG_ID)?;
            let id: Option<i64> =
                by_client.query_row(params![account.0, client_msg_id], |row| row.get(0)).optional()?;
            let id = match id {
                Some(id) => Some(id),
                None => gather::message_of(conn, account, &client_msg_id)?,
            };
            match id.and_then(MessageId::from_raw) {
                Some(id) => with_timeline(conn, &shared.keyring, account, id),
                None => Ok(None),
            }
        })
        .await
    }
}

pub(crate) fn with_timeline(
    conn: &Connection,
    keyring: &Keyring,
    account: AccountId,
    id: MessageId,
) -> Result<Option<MessageRecord>> {
    let mut by_id = conn.prepare_cached(BY_ID)?;
    let mut rows = by_id.query([account.0, id.raw()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let held = Held::read(conn, account)?;
    let mut record = read(conn, keyring, &held, row)?;
    record.timeline = timeline(conn, keyring, &record)?;
    record.on_time = on_time(conn, &record)?;
    if let Some(at) = held.at(id)? {
        record.timeline.push(Moment { at, what: Happening::Claimed });
    }
    record.timeline.sort_by_key(|moment| moment.at);
    Ok(Some(record))
}

fn on_time(conn: &Connection, record: &MessageRecord) -> Result<Option<Punctuality>> {
    let arrival = Arrival {
        accepted_at: record.accepted_at,
        due_at: record.due_at,
        deadline_at: record.deadline_at,
        sent_at: None,
    };
    let delivered = record.settled_at.filter(|_| record.standing.state == State::Delivered);
    match record.sent_at.or(delivered) {
        Some(at) if at < record.deadline_at => Ok(Some(Punctuality::OnTime)),
        Some(at) => on_time::late(conn, (record.account, record.id), &arrival, at).map(Some),
        None => Ok((record.cause == Some(Cause::Expired)).then_some(Punctuality::Expired)),
    }
}

fn timeline(conn: &Connection, keyring: &Keyring, record: &MessageRecord) -> Result<Vec<Moment>> {
    let mut timeline = vec![Moment { at: record.accepted_at, what: Happening::Accepted }];
    timeline.extend(gather::moments(conn, keyring, record)?);
    timeline.extend(resend::moments(conn, record.account, record.id)?);
    let withdrawn = withdraw::event_of(conn, record.account, record.id)?;
    timeline.extend(withdrawn.map(|(at, by)| Moment { at, what: Happening::Withdrawn { by } }));
    timeline.extend(verdicts(conn, record)?);
    timeline.extend(asked(conn, record)?);
    timeline.extend(dispatches(conn, record)?);
    timeline.extend(receipts(conn, keyring, record)?);
    timeline
        .extend(record.clicks.map(|clicks| Moment { at: clicks.first_at, what: Happening::Clicked(clicks) }));
    timeline.extend(compliance::blocked_of(conn, record.account, record.id)?);
    timeline.extend(compliance::complained_of(conn, record.account, record.id)?);
    if let Some(at) = record.settled_at {
        let (state, cause) = (record.standing.state, record.cause);
        timeline.push(Moment { at, what: Happening::Settled { state, cause } });
    }
    Ok(timeline)
}

const VERDICTS: &str = "
SELECT at, rule, verdict, until, observed
FROM verdict
WHERE account = ?1
  AND message = ?2
ORDER BY at";

fn verdicts(conn: &Connection, record: &MessageRecord) -> Result<Vec<Moment>> {
    let mut verdicts = conn.prepare_cached(VERDICTS)?;
    row::all(verdicts.query([record.account.0, record.id.raw()])?, |row| {
        let what = Happening::Judged {
            rule: row::word(row, 1, Rule::parse)?,
            verdict: row.get(2)?,
            until: row::at_or_never(row, 3)?,
            observed: row.get(4)?,
        };
        Ok(Moment { at: row::at(row, 0)?, what })
    })
}

/// That it waited for a person, and what they said.
fn asked(conn: &Connection, record: &MessageRecord) -> Result<Vec<Moment>> {
    let Some(Approval { state, asking, asked_at, decided, .. }) =
        approvals::find(conn, record.account, record.id)?
    else {
        return Ok(Vec::new());
    };
    let asked = Moment { at: asked_at, what: Happening::Asked { findings: asking.findings } };
    let decided =
        decided.map(|decided| Moment { at: decided.at, what: Happening::Decided { state, decided } });
    Ok(std::iter::once(asked).chain(decided).collect())
}

const DISPATCHES: &str = "
SELECT at, outcome, errcode, errmsg, rid, msgid, claimed_at, took_ms, claim
FROM dispatch
WHERE account = ?1
  AND message = ?2
UNION ALL
SELECT sent_at, 'sent', 0, NULL, NULL, msgid, claimed_at, took_ms, claim
FROM message
WHERE account = ?1
  AND id = ?2
  AND claim IS NOT NULL
-- Of one moment, that whose token was refused comes first: it is outside of any claim, below zero.
ORDER BY at, claim";

fn dispatches(conn: &Connection, record: &MessageRecord) -> Result<Vec<Moment>> {
    let mut dispatches = conn.prepare_cached(DISPATCHES)?;
    row::all(dispatches.query([record.account.0, record.id.raw()])?, |row| {
        let what = Happening::Dispatched {
            outcome: row.get(1)?,
            errcode: row.get(2)?,
            errmsg: row.get(3)?,
            rid: row.get(4)?,
            msgid: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
            claimed_at: row::at(row, 6)?,
            took_ms: row.get(7)?,
        };
        Ok(Moment { at: row::at(row, 0)?, what })
    })
}

// By what names it, or (0) without a name. The recipient of an erased message is empty, in its receipts as well.
const RECEIPTS: &str = "
SELECT received_at, status, raw
FROM receipt
WHERE account = ?1
  AND msgid IN (0, ?2)
  AND recipient = (SELECT recipient FROM message WHERE account = ?1 AND id = ?3)
  AND message = ?3";

/// The receipts of a message.
fn receipts(conn: &Connection, keyring: &Keyring, record: &MessageRecord) -> Result<Vec<Moment>> {
    let msgid = record.msgid.map_or(0, u64::cast_signed);
    let mut receipts = conn.prepare_cached(RECEIPTS)?;
    let found = params![record.account.0, msgid, record.id.raw()];
    row::all(receipts.query(found)?, |row| {
        let status = row::word(row, 1, DeliveryStatus::parse)?;
        let sealed: Option<Vec<u8>> = row.get(2)?;
        let raw = sealed.map(|sealed| raw_status(conn, keyring, record.account, &sealed)).transpose()?;
        Ok(Moment { at: row::at(row, 0)?, what: Happening::Reported { status, raw } })
    })
}

pub(crate) fn raw_status(
    conn: &Connection,
    keyring: &Keyring,
    account: AccountId,
    sealed: &[u8],
) -> Result<String> {
    let plain = keyring.keys_for(conn, account, sealed)?.open(raw_place(account), sealed)?;
    let text = String::from_utf8(plain.to_vec());
    text.map_err(|_| StoreError::Corrupt("receipt.raw is no text".to_owned()))
}
