//! Step: settle. Outcomes are appended, rows moved on, claims closed.

use hongyan_domain::{
    AccountId, Cause, Event, MessageId, Outcome, SentAs, Standing, State, Transition, decide,
};
use rusqlite::params;

use crate::path::moves::{self, Move};
use crate::path::{claim, reconcile, shelve};
use crate::series::{Kind, Try};
use crate::sqlite::writer::Ledger;
use crate::store::check_batch;
use crate::{ClaimId, Dispatch, Result, Settled, Settlement, Store, Written};

/// Longest errmsg kept: WeChat's are a line and a rid.
const ERRMSG_MAX: usize = 512;

impl Store {
    /// Commits outcomes and closes claims.
    ///
    /// A fact is never fenced and never lost: the dispatch is recorded even where the message stands elsewhere, and a
    /// `sent` that comes late is decided again on what the row says.
    pub async fn settle(&self, batch: Vec<Settlement>, closed: Vec<(AccountId, ClaimId)>) -> Result<Written> {
        check_batch(batch.len())?;
        self.write(batch.len() + closed.len(), move |ledger| {
            let mut written = Written::default();
            for settlement in &batch {
                let settled = settle(ledger, settlement, &mut written.besides)?;
                written.settled.push(settled);
            }
            close(ledger, &closed)?;
            Ok(written)
        })
        .await
    }
}

const CLOSE: &str = "
DELETE FROM claim
WHERE account = ?1
  AND id = ?2";

fn close(ledger: &Ledger<'_>, closed: &[(AccountId, ClaimId)]) -> Result<()> {
    let mut close = ledger.conn.prepare_cached(CLOSE)?;
    for (account, claim) in closed {
        close.execute([account.0, claim.0])?;
    }
    Ok(())
}

fn settle(
    ledger: &mut Ledger<'_>,
    settlement: &Settlement,
    besides: &mut Vec<Transition>,
) -> Result<Settled> {
    if let Some(refused) = &settlement.refused {
        // A claim answers once, by the try that counts: this one is outside of it, and before it.
        record(ledger, settlement, (-settlement.at.ms(), refused))?;
    }
    let in_row = told_in_row(settlement);
    if in_row.is_none() {
        // Before the move, which asks the tries why a message is late.
        record_try(ledger, settlement)?;
    }
    if moved(ledger, settlement, (&settlement.from, &settlement.to), in_row)? {
        if let Some(told) = in_row {
            count_told(ledger, settlement, told);
        }
        return after(ledger, settlement, (&settlement.from, settlement.to), besides);
    }
    if in_row.is_some() && !is_told(ledger, settlement)? {
        record_try(ledger, settlement)?;
    }
    let Some(stands) = moves::standing(ledger, settlement.account, settlement.message)? else {
        // Purged, or deleted with its account: as final as can be.
        return Ok(Settled::Stale { state: settlement.from.state });
    };
    let Some(to) = sent_after_all(settlement, &stands) else {
        shelve::let_go(ledger.conn, settlement.account, settlement.message)?;
        return Ok(Settled::Stale { state: stands.state });
    };
    if moved(ledger, settlement, (&stands, &to), None)? {
        return after(ledger, settlement, (&stands, to), besides);
    }
    Err(moves::lost_row(settlement.message))
}

/// The try, where the message's own row is to tell of it: WeChat took it, gave it a number and said nothing else.
fn told_in_row(settlement: &Settlement) -> Option<moves::Try> {
    let dispatch = settlement.dispatch.as_ref().filter(|_| settlement.to.to == State::Sent)?;
    let Dispatch { claimed_at, outcome, errcode, errmsg, rid, msgid, took_ms, paused_ms } = dispatch;
    let is_plain = *outcome == "sent"
        && *errcode == Some(0)
        && errmsg.is_none()
        && rid.is_none()
        && paused_ms.is_none_or(|paused_ms| paused_ms == 0);
    let claim = claim_of(settlement);
    (is_plain && msgid.is_some()).then_some(moves::Try { claim, claimed_at: *claimed_at, took_ms: *took_ms })
}

/// Whether this very settlement was written before.
fn is_told(ledger: &Ledger<'_>, settlement: &Settlement) -> Result<bool> {
    let claim = ClaimId(claim_of(settlement));
    claim::is_answered(ledger.conn, settlement.account, settlement.message, claim)
}

/// A try outside any claim is told apart by its time; claims are numbered upwards from zero.
fn claim_of(settlement: &Settlement) -> i64 {
    settlement.claim.map_or(-settlement.at.ms(), |claim| claim.0)
}

fn moved(
    ledger: &mut Ledger<'_>,
    settlement: &Settlement,
    (from, to): (&Standing, &Transition),
    taken_by: Option<moves::Try>,
) -> Result<bool> {
    let msgid = settlement.dispatch.as_ref().and_then(|dispatch| dispatch.msgid);
    let Settlement { account, message, at, taken, .. } = *settlement;
    let step = Move { account, message, from, to, msgid, taken_by, at, taken, is_heard: true };
    Ok(moves::apply(ledger, &step)?.is_some())
}

/// What a success makes of a row that stands elsewhere than its sender believed.
fn sent_after_all(settlement: &Settlement, stands: &Standing) -> Option<Transition> {
    let dispatch = settlement.dispatch.as_ref().filter(|_| settlement.to.to == State::Sent)?;
    let how = match settlement.to.cause {
        Some(Cause::HeldForReview) => SentAs::HeldForReview,
        Some(Cause::Duplicate) => SentAs::Duplicate,
        _ => SentAs::Accepted,
    };
    let outcome = Outcome::Sent { msgid: dispatch.msgid, how };
    decide(stands, &Event::Answered { claimed_at: dispatch.claimed_at, outcome }, settlement.at)
}

/// A receipt may have come before the answer that names its message, or before the message was given up.
fn after(
    ledger: &mut Ledger<'_>,
    settlement: &Settlement,
    (from, to): (&Standing, Transition),
    besides: &mut Vec<Transition>,
) -> Result<Settled> {
    let waits_for_receipt = matches!(to.to, State::Sent | State::Unknown);
    if !waits_for_receipt || (ledger.open.named == 0 && ledger.open.unnamed == 0) {
        return Ok(Settled::Applied(to));
    }
    let standing = Standing { state: to.to, attempts: to.attempts, doubt_since: to.doubt_since, ..*from };
    let reported = reconcile::early(ledger, settlement, &standing, besides)?;
    Ok(Settled::Applied(reported.unwrap_or(to)))
}

const RECORD: &str = "
INSERT INTO dispatch (account, message, claim, claimed_at, at, outcome, errcode, errmsg, rid, msgid, took_ms,
  paused_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (account, message, claim) DO NOTHING";

fn record_try(ledger: &mut Ledger<'_>, settlement: &Settlement) -> Result<()> {
    let Some(dispatch) = &settlement.dispatch else { return Ok(()) };
    record(ledger, settlement, (claim_of(settlement), dispatch))
}

fn record(
    ledger: &mut Ledger<'_>,
    settlement: &Settlement,
    (claim, dispatch): (i64, &Dispatch),
) -> Result<()> {
    let recorded = ledger.conn.prepare_cached(RECORD)?.execute(params![
        settlement.account.0,
        settlement.message.raw(),
        claim,
        dispatch.claimed_at.ms(),
        settlement.at.ms(),
        dispatch.outcome,
        dispatch.errcode,
        dispatch.errmsg.as_deref().map(|text| cut(text, ERRMSG_MAX)),
        dispatch.rid,
        dispatch.msgid.map(u64::cast_signed),
        dispatch.took_ms,
        dispatch.paused_ms,
    ])?;
    if recorded == 1 {
        count(ledger, settlement, dispatch)?;
    }
    Ok(())
}

fn count(ledger: &mut Ledger<'_>, settlement: &Settlement, dispatch: &Dispatch) -> Result<()> {
    let Settlement { account, message, at, .. } = *settlement;
    let Dispatch { outcome, errcode, took_ms, .. } = *dispatch;
    if outcome == "sent" {
        ledger.tally.sent(account, at);
    }
    let tried = Try { at, outcome, errcode, took_ms };
    let kind = if tried.is_by_kind() { kind_of(ledger, account, message)? } else { None };
    ledger.tally.series.tried(account, tried, kind.as_ref());
    Ok(())
}

/// Counts a try that its message's row tells of.
fn count_told(ledger: &mut Ledger<'_>, settlement: &Settlement, told: moves::Try) {
    let Settlement { account, at, .. } = *settlement;
    ledger.tally.sent(account, at);
    ledger.tally.series.tried(account, Try::taken(at, told.took_ms), None);
}

const KIND: &str = "
SELECT lane, template_id, scenario
FROM message
WHERE account = ?1
  AND id = ?2";

fn kind_of(ledger: &mut Ledger<'_>, account: AccountId, message: MessageId) -> Result<Option<Kind>> {
    let mut kind = ledger.conn.prepare_cached(KIND)?;
    let mut rows = kind.query([account.0, message.raw()])?;
    rows.next()?.map(|row| moves::kind(row, 0, &mut ledger.tally.series)).transpose()
}

/// The longest beginning of `text` of at most `max` bytes that ends between characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
