//! One person on the way to be changed, and the row of `recipient` that says what is known of them.

use std::sync::Arc;

use hongyan_domain::{AccountId, InteractionKind, Openid, Reason, Recipient, Source, Suppression, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use crate::path::accept::check_key;
use crate::people::hot::{InRow, Who};
use crate::people::recipients::Sign;
use crate::seal::keyring::AccountKeys;
use crate::seal::{Column, Place};
use crate::sqlite::writer::Ledger;
use crate::{Result, StoreError};

/// A person and what is known of them, on the way to be changed.
pub(crate) struct Person {
    pub(super) who: Who,
    pub(super) is_new: bool,
    /// They had left, or were erased, and then their openid may be gone. Who comes back is named again, or a list that
    /// they get on later could not show them.
    was_away: bool,
    pub(crate) facts: Recipient,
}

/// Who a new row is of, and how that is sealed.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) keys: &'a AccountKeys,
    pub(crate) openid: &'a Openid,
}

const READ: &str = "
SELECT facts
FROM recipient
WHERE account = ?1
  AND recipient = ?2";

const INSERT: &str = "
INSERT INTO recipient (account, recipient, facts, suppressed, changed_at)
VALUES (?1, ?2, ?3, ?4, ?5)";

const NAME: &str = "
INSERT INTO recipient_openid (account, recipient, openid)
VALUES (?1, ?2, ?3)
ON CONFLICT (account, recipient) DO NOTHING";

const UPDATE: &str = "
UPDATE recipient
SET facts = ?3,
    suppressed = ?4,
    changed_at = ?5
WHERE account = ?1
  AND recipient = ?2";

impl Person {
    /// What is known of a person: nothing, of one without a row.
    pub(crate) fn read(ledger: &Ledger<'_>, who: Who) -> Result<Self> {
        let known = match ledger.known(&who) {
            Some(facts) => Some(Arc::unwrap_or_clone(facts)),
            None => in_row(ledger.conn, &who)?,
        };
        let is_new = known.is_none();
        let mut person = Self { who, is_new, was_away: false, facts: known.unwrap_or_default() };
        person.was_away = person.is_away();
        Ok(person)
    }

    /// Writes what is known now, where lists find it.
    pub(crate) fn write(self, ledger: &mut Ledger<'_>, owner: Owner<'_>, at: Timestamp) -> Result<()> {
        if !self.is_new {
            if self.was_away && !self.is_away() {
                self.name(ledger.conn, owner)?;
            }
            return self.update(ledger, at);
        }
        let ((account, blind), facts) = (self.who, packed(&self.facts));
        let row = params![account.0, &blind[..], facts, is_suppressed(&self.facts), at.ms()];
        ledger.conn.prepare_cached(INSERT)?.execute(row)?;
        self.name(ledger.conn, owner)?;
        ledger.learned(self.who, self.facts, (InRow::Now, at));
        Ok(())
    }

    /// Writes what was taken from them: only they themselves are asked for it, and their row follows.
    pub(crate) fn write_counts(self, ledger: &mut Ledger<'_>, owner: Owner<'_>, at: Timestamp) -> Result<()> {
        if self.is_new || self.was_away {
            return self.write(ledger, owner, at);
        }
        ledger.learned(self.who, self.facts, (InRow::Later, at));
        Ok(())
    }

    /// Keeps who they are, where that is not known.
    pub(super) fn name(&self, conn: &Connection, owner: Owner<'_>) -> Result<()> {
        let (account, blind) = self.who;
        let sealed = owner.keys.current().seal(openid_place(account), |text| {
            text.extend_from_slice(owner.openid.expose().as_bytes());
        })?;
        check_key(conn, account, &sealed)?;
        conn.prepare_cached(NAME)?.execute(params![account.0, &blind[..], sealed])?;
        Ok(())
    }

    pub(super) fn is_away(&self) -> bool {
        [Reason::Erased, Reason::Unsubscribed].into_iter().any(|reason| self.is_suppressed_for(reason))
    }

    /// Nothing is known of them yet: they have no row.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Writes what is known now of one who has a row.
    pub(crate) fn update(self, ledger: &mut Ledger<'_>, at: Timestamp) -> Result<()> {
        if !update_row(ledger.conn, &self.who, &self.facts, at)? {
            let reason = "the row of a recipient went inside its own transaction";
            return Err(StoreError::Corrupt(reason.to_owned()));
        }
        ledger.learned(self.who, self.facts, (InRow::Now, at));
        Ok(())
    }

    pub(super) fn is_suppressed_for(&self, reason: Reason) -> bool {
        self.facts.suppressions().iter().any(|one| one.reason == reason)
    }

    /// Takes in what they did.
    pub(super) fn learn(&mut self, sign: Sign, at: Timestamp) {
        let suppression = |reason, until, source| Suppression {
            reason,
            category: None,
            since: at,
            until,
            source: Some(source),
        };
        match sign {
            Sign::Acted(kind) => self.facts.acted(kind, at),
            Sign::Seen => self.facts.seen(at),
            Sign::Left => self.facts.left(suppression(Reason::Unsubscribed, None, Source::Callback)),
            Sign::OptedOut(category) => {
                self.facts.acted(InteractionKind::Message, at);
                let suppression = suppression(Reason::OptedOut, None, Source::Person);
                // Written again, it holds since the first time.
                if !self.is_suppressed_for(Reason::OptedOut) {
                    self.facts.suppress(Suppression { category, ..suppression });
                }
            }
            Sign::Unreachable(reason) => {
                let until = reason.lasts().map(|lasts| at.plus(lasts));
                self.facts.suppress(suppression(reason, until, Source::Receipt));
            }
        }
    }
}

pub(crate) fn packed(facts: &Recipient) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    facts.pack(&mut bytes);
    bytes
}

fn is_suppressed(facts: &Recipient) -> bool {
    !facts.suppressions().is_empty()
}

/// Whether there is such a row.
pub(crate) fn update_row(
    conn: &Connection,
    (account, blind): &Who,
    facts: &Recipient,
    at: Timestamp,
) -> Result<bool> {
    let row = params![account.0, &blind[..], packed(facts), is_suppressed(facts), at.ms()];
    Ok(conn.prepare_cached(UPDATE)?.execute(row)? == 1)
}

const FOLD: &str = "
UPDATE recipient
SET facts = ?3,
    changed_at = ?4
WHERE account = ?1
  AND recipient = ?2";

/// Writes what counts only, so that the lists stay as they are.
pub(crate) fn fold_row(conn: &Connection, (account, blind): &Who, facts: &[u8], at: Timestamp) -> Result<()> {
    conn.prepare_cached(FOLD)?.execute(params![account.0, &blind[..], facts, at.ms()])?;
    Ok(())
}

pub(super) fn in_row(conn: &Connection, (account, blind): &Who) -> Result<Option<Recipient>> {
    let mut read = conn.prepare_cached(READ)?;
    let mut rows = read.query(params![account.0, &blind[..]])?;
    rows.next()?.map(facts).transpose()
}

/// Reads the first column.
pub(super) fn facts(row: &Row<'_>) -> Result<Recipient> {
    match row.get_ref(0)? {
        // As it was written before there was the packed form.
        ValueRef::Text(json) => serde_json::from_slice(json)
            .map_err(|error| StoreError::Corrupt(format!("recipient.facts: {error}"))),
        stored => facts_of(stored.as_blob().map_err(rusqlite::Error::from)?),
    }
}

pub(super) fn facts_of(packed: &[u8]) -> Result<Recipient> {
    Recipient::unpack(packed)
        .ok_or_else(|| StoreError::Corrupt("recipient.facts is no packed person".to_owned()))
}

pub(crate) fn openid_place(account: AccountId) -> Place {
    Place { column: Column::RecipientOpenid, account, row: 0 }
}
