//! What becomes of a person who leaves: what waits for them does not go, and what is held of them may go with them.

use hongyan_domain::{AccountId, Event, MessageId, Openid, Rule, State, Timestamp, Transition, decide};

use crate::message::Heard;
use crate::path::claim::Held;
use crate::path::moves::{self, Move};
use crate::path::verdicts;
use crate::people::erase::{erase_message_of, scrubbed};
use crate::people::personal::{BATCH, Reached, Subject, messages_of};
use crate::sqlite::writer::Ledger;
use crate::{Result, Store};

/// How a person parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// They follow no more: what waits does not go.
    Left,
    /// They took back what they had allowed: the contents of what is over go. They still follow.
    Revoked,
}

impl Store {
    /// Does what follows from a parting. Where the messages went that had waited; again, there is nothing left to do.
    pub async fn part(
        &self,
        account: AccountId,
        openid: &Openid,
        parting: Parting,
        now: Timestamp,
    ) -> Result<Vec<Transition>> {
        let person = self.subject_of(account, openid).await?;
        let (mut from, mut went) = (Reached::BEGIN, Vec::new());
        loop {
            let found = self.read(move |conn| messages_of(conn, person, from)).await?;
            let (ids, openid) = (found.ids, openid.clone());
            if !ids.is_empty() {
                let work = move |ledger: &mut Ledger<'_>| match parting {
                    Parting::Left => drop_waiting(ledger, account, &ids, now),
                    Parting::Revoked => {
                        scrubbed(ledger, |ledger| forget_past(ledger, (person, &openid), &ids, now))
                    }
                };
                went.extend(self.write(BATCH, work).await?);
            }
            match found.reached {
                Some(reached) => from = reached,
                None => return Ok(went),
            }
        }
    }
}

/// What is on its way, or may have gone, is not touched: nobody can take it back.
fn drop_waiting(
    ledger: &mut Ledger<'_>,
    account: AccountId,
    ids: &[MessageId],
    now: Timestamp,
) -> Result<Vec<Transition>> {
    let mut went = Vec::new();
    for message in ids {
        let Some(from) = moves::standing(ledger, account, *message)? else { continue };
        let waits = from.state == State::Pending && from.doubt_since.is_none();
        if !waits || Held::read(ledger.conn, account)?.by(*message)?.is_some() {
            continue;
        }
        let Some(to) = decide(&from, &Event::Forbidden(Rule::Suppression), now) else { continue };
        let (account, id) = (account, *message);
        let step = Move::of((account, id), (&from, &to), now);
        moves::apply(ledger, &step)?.ok_or_else(|| moves::lost_row(id))?;
        let verdict = hongyan_domain::Verdict::Refuse { rule: Rule::Suppression, until: None };
        verdicts::note(ledger, (account, id), now, Heard { verdict, observed: false })?;
        went.push(to);
    }
    Ok(went)
}

fn forget_past(
    ledger: &mut Ledger<'_>,
    (person, openid): (Subject, &Openid),
    ids: &[MessageId],
    now: Timestamp,
) -> Result<Vec<Transition>> {
    for message in ids {
        let standing = moves::standing(ledger, person.account(), *message)?;
        if standing.is_some_and(|standing| standing.state.is_final()) {
            erase_message_of(ledger, (person, openid), *message, now)?;
        }
    }
    Ok(Vec::new())
}
