//! Removes what is held of a person: bodies, indexes, WeChat's words, receipts, traces; overwritten in the file and in the
//! WAL. What is counted stays counted, and names nobody.

use hongyan_domain::{
    AccountId, Event, MessageId, Openid, Reason, Recipient, Source, State, Suppression, Timestamp, decide,
};
use rusqlite::{Connection, params};

use crate::path::attribute::Told;
use crate::path::claim::Held;
use crate::path::moves::{self, Move};
use crate::path::withdraw;
use crate::people::person::packed;
use crate::people::personal::{Erased, Subject};
use crate::people::recipients;
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::{Action, Actor, Result};

/// Runs `work` so that what it deletes is overwritten: in the file as it is deleted, in the WAL after the commit.
pub(crate) fn scrubbed<T>(
    ledger: &mut Ledger<'_>,
    work: impl FnOnce(&mut Ledger<'_>) -> Result<T>,
) -> Result<T> {
    let done = overwriting(ledger.conn, || work(ledger));
    *ledger.scrub = true;
    done
}

/// Runs `work` so that what it deletes is overwritten in the file, pages that become free as well.
pub(crate) fn overwriting<T>(conn: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let is_on = conn.query_row("PRAGMA secure_delete", [], |row| Ok(row.get::<_, i64>(0)? == 1))?;
    if is_on {
        return work();
    }
    let secure_delete = |on: &str| conn.query_row(&format!("PRAGMA secure_delete = {on}"), [], |_| Ok(()));
    secure_delete("ON")?;
    let done = work();
    secure_delete("FAST")?;
    done
}

/// What one transaction erases.
pub(super) struct Batch<'a> {
    pub(super) person: Subject,
    pub(super) openid: &'a Openid,
    pub(super) ids: &'a [MessageId],
    /// Why they are not written to from now on.
    pub(super) reason: Reason,
    pub(super) now: Timestamp,
}

pub(super) fn erase(ledger: &mut Ledger<'_>, actor: &Actor, batch: &Batch<'_>) -> Result<Erased> {
    let mut erased = Erased::default();
    let account = batch.person.account;
    for id in batch.ids {
        if is_in_flight(ledger, (account, *id), batch.now, &mut erased)? {
            erased.in_flight += 1;
        } else {
            erase_message(ledger, batch, *id, &mut erased)?;
        }
    }
    erased.receipts += erase_receipts(ledger, batch.person)?;
    withdraw::erase(ledger, account, &batch.person.recipient)?;
    erase_traces(ledger, batch)?;
    ledger.leave_to_rows(&[(account, batch.person.recipient)])?;
    erase_facts(ledger, batch.person, (batch.reason, batch.now))?;
    ledger.audit(actor, &batch.person.deed(Action::RecipientErase, erased.told(), batch.now))?;
    Ok(erased)
}

/// Cancels what waits. What is on its way, or may have gone and goes again, has to be settled first.
fn is_in_flight(
    ledger: &mut Ledger<'_>,
    (account, message): (AccountId, MessageId),
    at: Timestamp,
    erased: &mut Erased,
) -> Result<bool> {
    let Some(mut from) = moves::standing(ledger, account, message)? else { return Ok(false) };
    if from.state.is_final() || from.state == State::Sent {
        return Ok(false);
    }
    if Held::read(ledger.conn, account)?.by(message)?.is_some() {
        from.state = State::Claimed;
    }
    let Some(to) = decide(&from, &Event::Cancelled, at) else { return Ok(true) };
    let step = Move::of((account, message), (&from, &to), at);
    moves::apply(ledger, &step)?.ok_or_else(|| moves::lost_row(message))?;
    erased.cancelled.push(to);
    Ok(false)
}

// The caller's own id stays, so that the same call again still sends nothing; but not one that names the person.
const ERASE: &str = "
UPDATE message
SET body = x'',
    recipient = x'',
    body_hash = NULL,
    client_msg_id = CASE WHEN INSTR(client_msg_id, ?3) > 0 THEN NULL ELSE client_msg_id END
WHERE account = ?1
  AND id = ?2
  AND state <> 'pending'
RETURNING msgid";

// As the message's own.
const ERASE_TRIGGERS: &str = "
UPDATE gathered
SET body_hash = NULL,
    client_msg_id = CASE WHEN INSTR(client_msg_id, ?3) > 0 THEN NULL ELSE client_msg_id END
WHERE account = ?1
  AND message = ?2";

const ERASE_DISPATCHES: &str = "
UPDATE dispatch
SET errmsg = NULL,
    rid = NULL
WHERE account = ?1
  AND message = ?2
  AND (errmsg IS NOT NULL OR rid IS NOT NULL)";

// How many followed a link stays counted; who did not.
const ERASE_CLICKS: &str = "
DELETE FROM click
WHERE account = ?1
  AND message = ?2";

// WeChat's number keeps the row, so that the same receipt again is known; a row without one was known by the person.
const ERASE_RECEIPT: &str = "
UPDATE receipt
SET recipient = x'',
    raw = NULL
WHERE account = ?1
  AND msgid = ?2
  AND recipient = ?3
  AND message = ?4";

fn erase_message(
    ledger: &mut Ledger<'_>,
    batch: &Batch<'_>,
    id: MessageId,
    erased: &mut Erased,
) -> Result<()> {
    let Subject { account, recipient } = batch.person;
    let message = params![account.0, id.raw(), batch.openid.expose()];
    let msgid = row::first::<Option<i64>>(ledger.conn.prepare_cached(ERASE)?.query(message)?)?;
    // Purged meanwhile.
    let Some(msgid) = msgid else { return Ok(()) };
    erased.messages += 1;
    ledger.conn.prepare_cached(ERASE_DISPATCHES)?.execute([account.0, id.raw()])?;
    ledger.conn.prepare_cached(ERASE_CLICKS)?.execute([account.0, id.raw()])?;
    ledger.conn.prepare_cached(ERASE_TRIGGERS)?.execute(message)?;
    if let Some(msgid) = msgid {
        let receipt = params![account.0, msgid, &recipient[..], id.raw()];
        erased.receipts += ledger.conn.prepare_cached(ERASE_RECEIPT)?.execute(receipt)?;
    }
    Ok(())
}

/// Removes what one message holds of its person.
pub(crate) fn erase_message_of(
    ledger: &mut Ledger<'_>,
    (person, openid): (Subject, &Openid),
    id: MessageId,
    now: Timestamp,
) -> Result<()> {
    let batch = Batch { person, openid, ids: &[], reason: Reason::Erased, now };
    erase_message(ledger, &batch, id, &mut Erased::default())
}

const DELETE_UNNAMED: &str = "
DELETE FROM receipt
WHERE account = ?1
  AND msgid = 0
  AND recipient = ?2";

const DELETE_OPEN: &str = "
DELETE FROM receipt
WHERE account = ?1
  AND recipient = ?2
  AND message IS NULL";

/// Removes the person's receipts that have no number of WeChat's or no message.
fn erase_receipts(ledger: &mut Ledger<'_>, person: Subject) -> Result<usize> {
    let who = params![person.account.0, &person.recipient[..]];
    let mut went = 0;
    for sql in [DELETE_UNNAMED, DELETE_OPEN] {
        went += ledger.conn.prepare_cached(sql)?.execute(who)?;
    }
    if went > 0 {
        ledger.reread_open_receipts()?;
    }
    Ok(went)
}

const ERASE_BLOCKED: &str = "
UPDATE blocked
SET recipient = x''
WHERE account = ?1
  AND recipient = ?2";

// The caller's own id stays, as that of a message, so that the same complaint again is the same.
const ERASE_COMPLAINTS: &str = "
UPDATE complaint
SET recipient = NULL,
    reference = CASE WHEN INSTR(reference, ?3) > 0 THEN NULL ELSE reference END
WHERE account = ?1
  AND recipient = ?2";

/// What WeChat blocked and what was complained of stays counted, and names nobody.
fn erase_traces(ledger: &Ledger<'_>, batch: &Batch<'_>) -> Result<()> {
    let Subject { account, recipient } = batch.person;
    ledger.conn.prepare_cached(ERASE_BLOCKED)?.execute(params![account.0, &recipient[..]])?;
    let who = params![account.0, &recipient[..], batch.openid.expose()];
    ledger.conn.prepare_cached(ERASE_COMPLAINTS)?.execute(who)?;
    Ok(())
}

const ERASE_PERSON: &str = "
INSERT INTO recipient (account, recipient, facts, suppressed, changed_at)
VALUES (?1, ?2, ?3, TRUE, ?4)
ON CONFLICT (account, recipient)
DO UPDATE SET facts = excluded.facts, suppressed = excluded.suppressed, changed_at = excluded.changed_at";

/// What is left of a person is that they are not to be written to: a blind index, and no openid.
fn erase_facts(ledger: &Ledger<'_>, subject: Subject, (reason, now): (Reason, Timestamp)) -> Result<()> {
    let mut facts = Recipient::default();
    // Who erased them otherwise is in the audit.
    let source = (reason == Reason::Unsubscribed).then_some(Source::Callback);
    facts.suppress(Suppression { reason, category: None, since: now, until: None, source });
    let row = params![subject.account.0, &subject.recipient[..], packed(&facts), now.ms()];
    ledger.conn.prepare_cached(ERASE_PERSON)?.execute(row)?;
    recipients::forget_openid(ledger.conn, subject.account, &subject.recipient)
}

const HAD_RECEIPT: &str = "
SELECT 1
FROM receipt
WHERE account = ?1
  AND msgid = ?2
  AND recipient = x''";

/// Whether this is, once more, a receipt of a message that was erased: it must not bring the person back.
pub(crate) fn had_receipt(conn: &Connection, told: &Told<'_>) -> Result<bool> {
    match told.msgid {
        Some(msgid) => Ok(conn.prepare_cached(HAD_RECEIPT)?.exists([told.account.0, msgid.cast_signed()])?),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use hongyan_domain::InteractionKind;

    use super::*;
    use crate::people::hot::InRow;
    use crate::people::person::Person;
    use crate::tests::{NOW, store};
    use crate::{Interaction, Sign};

    const ACCOUNT: AccountId = AccountId(1);

    fn wrote(openid: &Openid) -> Interaction {
        let sign = Sign::Acted(InteractionKind::Message);
        Interaction { account: ACCOUNT, openid: openid.clone(), sign, at: NOW }
    }

    /// That two come in one commit cannot be brought about from outside.
    #[tokio::test]
    async fn of_two_who_are_erased_in_one_commit_neither_comes_back() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = store(&dir).await;
        let people = ["oA", "oB"].map(|openid| Openid::new(openid).unwrap());
        store.interact(people.iter().map(wrote).collect()).await.unwrap();
        let of = people.clone().map(|openid| (ACCOUNT, openid)).to_vec();
        let found = store.look_up(of.clone()).await.unwrap();
        let who: Vec<_> = found.iter().map(|(index, _)| (ACCOUNT, index.0)).collect();
        let ahead = who.clone();
        let take = move |ledger: &mut Ledger<'_>| {
            for who in &ahead {
                let facts = Person::read(ledger, *who)?.facts;
                ledger.learned(*who, facts, (InRow::Later, NOW));
            }
            Ok(())
        };
        store.write(2, take).await.unwrap();

        let erase_both = move |ledger: &mut Ledger<'_>| {
            for ((account, recipient), openid) in who.iter().copied().zip(&people) {
                let person = Subject { account, recipient };
                let batch = Batch { person, openid, ids: &[], reason: Reason::Erased, now: NOW };
                scrubbed(ledger, |ledger| erase(ledger, &Actor::System, &batch))?;
            }
            Ok(())
        };
        store.write(2, erase_both).await.unwrap();

        for facts in store.recipients(of).await.unwrap() {
            assert_eq!((facts.opened(), facts.suppressions().len()), (&[][..], 1));
        }
    }
}
