//! Looking messages up. A call looks at a bounded number of rows, whatever is asked; the cursor goes on.

use hongyan_domain::{AccountId, MessageId, State, Timestamp};
use rusqlite::{Connection, Row, ToSql, params};

use crate::message::record::{self, record_columns};
use crate::path::claim::Held;
use crate::seal::Blind;
use crate::seal::keyring::Keyring;
use crate::sqlite::row;
use crate::{MessageFilter, MessageRecord, Page, Result, Store, StoreError, store};

/// Rows, hours and accounts looked at in one call: about 30 ms.
const BUDGET: usize = 10_000;
/// Longest page.
const LIMIT_MAX: usize = 500;
/// Ids are in order of acceptance but for clocks that step: searched this much further.
const STEP_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
/// Where the lane stands among `record_columns!()`.
const LANE: usize = 8;

impl Store {
    /// A page of messages, newest first within an account; `limit` ≤ 500.
    ///
    /// # Errors
    /// `Invalid`: the cursor is none of ours, or the limit is too high.
    pub async fn find_messages(
        &self,
        filter: &MessageFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<MessageRecord>> {
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(StoreError::Invalid(format!("limit is 1 to {LIMIT_MAX}")));
        }
        let cursor = cursor.map(Place::parse).transpose()?;
        let (filter, shared) = (filter.clone(), self.shared.clone());
        self.read(move |conn| find(conn, &shared.keyring, &filter, cursor, limit)).await
    }
}

/// Where a search stands: the last row looked at, or the hour.
#[derive(Clone, Copy)]
struct Place {
    account: AccountId,
    id: i64,
    hour: i64,
}

impl Place {
    fn of(account: AccountId) -> Self {
        Self { account, id: i64::MAX, hour: i64::MAX }
    }

    fn parse(text: &str) -> Result<Self> {
        let mut parts = text.splitn(3, '.').map(str::parse);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Ok(account)), Some(Ok(id)), Some(Ok(hour))) => {
                Ok(Self { account: AccountId(account), id, hour })
            }
            _ => Err(StoreError::Invalid("the cursor is none of ours".to_owned())),
        }
    }

    fn text(self) -> String {
        format!("{}.{}.{}", self.account.0, self.id, self.hour)
    }
}

fn find(
    conn: &Connection,
    keyring: &Keyring,
    filter: &MessageFilter,
    cursor: Option<Place>,
    limit: usize,
) -> Result<Page<MessageRecord>> {
    let first = cursor.map_or(AccountId(i64::MIN), |place| place.account);
    let accounts = match filter.account {
        Some(account) => vec![account],
        None => store::account_ids(conn)?.into_iter().filter(|account| *account >= first).collect(),
    };
    let mut search = Search { conn, keyring, filter, limit, left: BUDGET, items: Vec::new() };
    for account in accounts {
        let from = cursor.filter(|place| place.account == account).unwrap_or(Place::of(account));
        if let Some(stopped) = search.account(from)? {
            return Ok(Page { items: search.items, next_cursor: Some(stopped.text()) });
        }
    }
    Ok(Page { items: search.items, next_cursor: None })
}

struct Search<'a> {
    conn: &'a Connection,
    keyring: &'a Keyring,
    filter: &'a MessageFilter,
    limit: usize,
    left: usize,
    items: Vec<MessageRecord>,
}

pub(crate) const BY_CLIENT: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id < ?2
  AND id IN (
    SELECT id FROM message WHERE account = ?1 AND client_msg_id = ?3
    UNION
    SELECT message FROM gathered WHERE account = ?1 AND client_msg_id = ?3)
ORDER BY id DESC"
);

pub(crate) const BY_TROUBLE: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id < ?2
  AND state = ?3
  AND (state = 'failed' OR state = 'suppressed' OR state = 'unknown' OR state = 'cancelled')
ORDER BY id DESC"
);

// CROSS keeps the order: from the few tries with this errcode to their messages. A message that was answered so
// twice comes twice, one after the other.
pub(crate) const BY_ERRCODE: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM (SELECT message AS tried FROM dispatch WHERE account = ?1 AND errcode = ?3 AND errcode <> 0 AND message < ?2)
CROSS JOIN message
WHERE account = ?1
  AND id = tried
ORDER BY tried DESC"
);

pub(crate) const BY_AGE: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id < ?2
ORDER BY id DESC"
);

impl Search<'_> {
    /// Looks through one account, from `from` on. Where it stopped, if it did not come to the end.
    fn account(&mut self, from: Place) -> Result<Option<Place>> {
        if self.left == 0 || self.items.len() == self.limit {
            return Ok(Some(from));
        }
        self.left -= 1;
        let held = Held::read(self.conn, from.account)?;
        if let Some(client) = &self.filter.client_msg_id {
            return self.walk(BY_CLIENT, Some(client), from, &held);
        }
        if let Some(openid) = &self.filter.openid {
            let recipient = self.keyring.keys(self.conn, from.account)?.recipient(openid);
            return self.recipient(&recipient, from, &held);
        }
        match (self.filter.errcode, self.filter.state) {
            (Some(errcode), _) if errcode != 0 => self.walk(BY_ERRCODE, Some(&errcode), from, &held),
            (_, Some(State::Claimed)) => self.claimed(from, &held),
            (_, Some(state)) if is_trouble(state) => {
                self.walk(BY_TROUBLE, Some(&state.as_str()), from, &held)
            }
            _ => self.walk(BY_AGE, None, self.before_until(from)?, &held),
        }
    }

    fn walk(
        &mut self,
        sql: &str,
        by: Option<&dyn ToSql>,
        from: Place,
        held: &Held<'_>,
    ) -> Result<Option<Place>> {
        let mut rows = self.conn.prepare_cached(sql)?;
        let mut given: Vec<&dyn ToSql> = vec![&from.account.0, &from.id];
        given.extend(by);
        let mut rows = rows.query(&*given)?;
        let mut place = from;
        while let Some(row) = rows.next()? {
            if self.left == 0 || self.items.len() == self.limit {
                return Ok(Some(place));
            }
            self.left -= 1;
            let id = row.get(1)?;
            if place.id == id {
                continue;
            }
            if self.is_too_old(row)? {
                break;
            }
            self.look_at(row, held)?;
            place.id = id;
        }
        Ok(None)
    }

    fn look_at(&mut self, row: &Row<'_>, held: &Held<'_>) -> Result<()> {
        if self.fits(row, held)? {
            self.items.push(record::read(self.conn, self.keyring, held, row)?);
        }
        Ok(())
    }

    fn is_too_old(&self, row: &Row<'_>) -> Result<bool> {
        let accepted_at = row::at(row, 12)?.ms();
        Ok(self.filter.since.is_some_and(|since| accepted_at < since.ms().saturating_sub(STEP_MS)))
    }

    fn fits(&self, row: &Row<'_>, held: &Held<'_>) -> Result<bool> {
        let filter = self.filter;
        let accepted_at = row::at(row, 12)?;
        if filter.since.is_some_and(|since| accepted_at < since)
            || filter.until.is_some_and(|until| accepted_at >= until)
            || !is_or_any(filter.template_id.as_deref(), row, 6)?
            || !is_or_any(filter.scenario.as_deref(), row, row::SCENARIO)?
            || (filter.lane.is_some() && Some(row::lane(row, LANE)?) != filter.lane)
            || (filter.cause.is_some() && row::cause(row, record::CAUSE)? != filter.cause)
        {
            return Ok(false);
        }
        Ok(self.stands_so(row, held)? && self.was_answered_so(row)? && self.goes_to(row)?)
    }

    fn stands_so(&self, row: &Row<'_>, held: &Held<'_>) -> Result<bool> {
        let Some(wanted) = self.filter.state else { return Ok(true) };
        let state = row::word(row, 2, State::parse)?;
        if state != State::Pending {
            return Ok(state == wanted);
        }
        let claimed = held.by(row::id(row, 1)?)?.is_some();
        Ok(wanted == if claimed { State::Claimed } else { State::Pending })
    }

    fn was_answered_so(&self, row: &Row<'_>) -> Result<bool> {
        let Some(errcode) = self.filter.errcode else { return Ok(true) };
        let answered = [row.get::<_, i64>(0)?, row.get(1)?, errcode];
        Ok(self.conn.prepare_cached(ANSWERED)?.exists(answered)?)
    }

    fn goes_to(&self, row: &Row<'_>) -> Result<bool> {
        let Some(openid) = &self.filter.openid else { return Ok(true) };
        let account = AccountId(row.get(0)?);
        let recipient = self.keyring.keys(self.conn, account)?.recipient(openid);
        let here = params![account.0, row.get::<_, i64>(1)?, &recipient[..]];
        Ok(self.conn.prepare_cached(GOES_TO)?.exists(here)?)
    }

    fn claimed(&mut self, from: Place, held: &Held<'_>) -> Result<Option<Place>> {
        let mut ids: Vec<_> = held.all().map(MessageId::raw).filter(|id| *id < from.id).collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        let mut place = from;
        for id in ids {
            if self.left == 0 || self.items.len() == self.limit {
                return Ok(Some(place));
            }
            self.left -= 1;
            let mut by_id = self.conn.prepare_cached(BY_ID)?;
            let mut rows = by_id.query([from.account.0, id])?;
            if let Some(row) = rows.next()? {
                self.look_at(row, held)?;
            }
            place.id = id;
        }
        Ok(None)
    }
}

const ANSWERED: &str = "
SELECT 1
FROM dispatch
WHERE account = ?1
  AND message = ?2
  AND errcode = ?3
UNION ALL
SELECT 1
FROM message
WHERE account = ?1
  AND id = ?2
  AND claim IS NOT NULL
  AND ?3 = 0";

const GOES_TO: &str = "
SELECT 1
FROM message
WHERE account = ?1
  AND id = ?2
  AND recipient = ?3";

const BY_ID: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id = ?2"
);

fn is_or_any(wanted: Option<&str>, row: &Row<'_>, column: usize) -> Result<bool> {
    let Some(wanted) = wanted else { return Ok(true) };
    let text = row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    Ok(text == Some(wanted))
}

fn is_trouble(state: State) -> bool {
    matches!(state, State::Failed | State::Suppressed | State::Unknown | State::Cancelled)
}

const OF_RECIPIENT: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND accepted_at / 3600000 = ?2
  AND recipient = ?3
  AND id < ?4
ORDER BY id DESC"
);

// The newest hour at or before one that has any message, of whatever account: hours without are passed over.
pub(crate) const HOUR_BEFORE: &str = "
SELECT accepted_at / 3600000
FROM message
WHERE accepted_at / 3600000 <= ?1
ORDER BY accepted_at / 3600000 DESC
LIMIT 1";

impl Search<'_> {
    /// Looks for one person, hour by hour (see the index `message_recipient`).
    fn recipient(&mut self, recipient: &Blind, from: Place, held: &Held<'_>) -> Result<Option<Place>> {
        let hour_of = |at: Timestamp| at.ms().div_euclid(HOUR_MS);
        let oldest = self.filter.since.map_or(i64::MIN, hour_of);
        let newest = self.filter.until.map_or(i64::MAX, hour_of);
        let mut place = Place { hour: from.hour.min(newest), ..from };
        while let Some(hour) = self.hour_before(place)?.filter(|hour| *hour >= oldest) {
            if hour != place.hour {
                place = Place { hour, ..Place::of(from.account) };
            }
            if self.left == 0 || self.items.len() == self.limit {
                return Ok(Some(place));
            }
            self.left -= 1;
            if let Some(id) = self.hour(recipient, place, held)? {
                return Ok(Some(Place { id, ..place }));
            }
            place = Place { hour: hour - 1, ..Place::of(from.account) };
        }
        Ok(None)
    }

    fn hour_before(&self, place: Place) -> Result<Option<i64>> {
        row::first(self.conn.prepare_cached(HOUR_BEFORE)?.query([place.hour])?)
    }

    /// Where it stopped, if it did.
    fn hour(&mut self, recipient: &Blind, place: Place, held: &Held<'_>) -> Result<Option<i64>> {
        let mut of_recipient = self.conn.prepare_cached(OF_RECIPIENT)?;
        let mut rows = of_recipient.query(params![place.account.0, place.hour, &recipient[..], place.id])?;
        let mut last = place.id;
        while let Some(row) = rows.next()? {
            if self.left == 0 || self.items.len() == self.limit {
                return Ok(Some(last));
            }
            self.left -= 1;
            self.look_at(row, held)?;
            last = row.get(1)?;
        }
        Ok(None)
    }
}

const AT_OR_BEFORE: &str = "
SELECT id, accepted_at
FROM message
WHERE account = ?1
  AND id <= ?2
ORDER BY id DESC
LIMIT 1";

impl Search<'_> {
    /// Passes over what was accepted after `until`, by halving: ids are in order of acceptance.
    fn before_until(&self, from: Place) -> Result<Place> {
        let Some(until) = self.filter.until else { return Ok(from) };
        let last = until.ms().saturating_add(STEP_MS);
        // What is at `high` or after is too new; what is at `low` or before is not.
        let (mut low, mut high) = (0, from.id);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match at_or_before(self.conn, from.account, middle)? {
                Some((id, accepted_at)) if accepted_at > last => high = id,
                _ => low = middle,
            }
        }
        Ok(Place { id: high, ..from })
    }
}

fn at_or_before(conn: &Connection, account: AccountId, id: i64) -> Result<Option<(i64, i64)>> {
    let mut before = conn.prepare_cached(AT_OR_BEFORE)?;
    let mut rows = before.query([account.0, id])?;
    Ok(rows.next()?.map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?))).transpose()?)
}
