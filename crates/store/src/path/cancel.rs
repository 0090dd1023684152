//! Taking a message back.

use hongyan_domain::{AccountId, Event, MessageId, State, Timestamp, decide};

use crate::path::claim::Held;
use crate::path::moves::{self, Move};
use crate::sqlite::writer::Ledger;
use crate::{CancelAnswer, Result, Store};

impl Store {
    /// Takes a message back, if `decide` allows it. What is under way to WeChat is `claimed` and too late.
    pub async fn cancel(&self, account: AccountId, id: MessageId, now: Timestamp) -> Result<CancelAnswer> {
        self.write(1, move |ledger| cancel(ledger, account, id, now)).await
    }
}

fn cancel(
    ledger: &mut Ledger<'_>,
    account: AccountId,
    id: MessageId,
    now: Timestamp,
) -> Result<CancelAnswer> {
    let Some(mut from) = moves::standing(ledger, account, id)? else { return Ok(CancelAnswer::NotFound) };
    if Held::read(ledger.conn, account)?.by(id)?.is_some() && from.state == State::Pending {
        from.state = State::Claimed;
    }
    let Some(to) = decide(&from, &Event::Cancelled, now) else {
        return Ok(CancelAnswer::TooLate { state: from.state });
    };
    let step = Move::of((account, id), (&from, &to), now);
    match moves::apply(ledger, &step)? {
        Some(_) => Ok(CancelAnswer::Cancelled(to)),
        None => Err(moves::lost_row(id)),
    }
}
