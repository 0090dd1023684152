//! Looking messages up. A call looks at a bounded number of rows, whatever is asked; the cursor goes on.

mod hours;
mod kind;
mod person;
pub(crate) mod sql;

#[cfg(test)]
pub(crate) use hours::OLDEST;
pub(crate) use person::HOUR_BEFORE;

use hongyan_domain::{AccountId, MessageId, State, Timestamp};
use rusqlite::{Connection, Row, ToSql, params};

use crate::message::record::{self, record_columns};
use crate::path::claim::Held;
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
    let floor = floor(filter);
    let mut search = Search { conn, keyring, filter, limit, left: BUDGET, floor, items: Vec::new() };
    for account in accounts {
        let from = cursor.filter(|place| place.account == account).unwrap_or(Place::of(account));
        if let Some(stopped) = search.account(from)? {
            return Ok(Page { items: search.items, next_cursor: Some(stopped.text()) });
        }
    }
    Ok(Page { items: search.items, next_cursor: None })
}

/// Ids are in order of acceptance but for clocks that step.
fn floor(filter: &MessageFilter) -> i64 {
    filter.since.map_or(i64::MIN, |since| since.ms().saturating_sub(STEP_MS))
}

struct Search<'a> {
    conn: &'a Connection,
    keyring: &'a Keyring,
    filter: &'a MessageFilter,
    limit: usize,
    left: usize,
    /// Accepted earlier than this: not looked at.
    floor: i64,
    items: Vec<MessageRecord>,
}

impl Search<'_> {
    /// Looks through one account, from `from` on. Where it stopped, if it did not come to the end.
    fn account(&mut self, from: Place) -> Result<Option<Place>> {
        if self.left == 0 || self.items.len() == self.limit {
            return Ok(Some(from));
        }
        self.left -= 1;
        let held = Held::read(self.conn, from.account)?;
        if let Some(client) = &self.filter.client_msg_id {
            return self.walk(sql::BY_CLIENT, Some(client), from, &held);
        }
        if let Some(openid) = &self.filter.openid {
            let recipient = self.keyring.keys(self.conn, from.account)?.recipient(openid);
            return self.recipient(&recipient, from, &held);
        }
        if let Some(msgid) = self.filter.msgid {
            return self.walk(sql::BY_MSGID, Some(&msgid.cast_signed()), from, &held);
        }
        match (self.filter.errcode, self.filter.state) {
            (Some(errcode), _) if errcode != 0 => self.walk(sql::BY_ERRCODE, Some(&errcode), from, &held),
            (_, Some(State::Claimed)) => self.claimed(from, &held),
            (_, Some(state)) if is_trouble(state) => {
                self.walk(sql::BY_TROUBLE, Some(&state.as_str()), from, &held)
            }
            (_, Some(State::Pending)) => self.few(&[sql::READY, sql::SCHEDULED], from, &held),
            (_, Some(State::Sent)) => self.few(&[sql::SENT], from, &held),
            _ => self.by_age(from, &held),
        }
    }

    fn by_age(&mut self, from: Place, held: &Held<'_>) -> Result<Option<Place>> {
        let until = self.filter.until.map_or(i64::MAX, Timestamp::ms);
        let from = self.before(from, until)?;
        let MessageFilter { template_id, scenario, lane, .. } = self.filter;
        if template_id.is_some() || scenario.is_some() || lane.is_some() {
            return self.of_kind(from, held);
        }
        self.walk(sql::BY_AGE, None, from, held)
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
        Ok(row::at(row, 12)?.ms() < self.floor)
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
            || !self.has_msgid(row)?
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

    /// Asked of what was looked up by something else: by the number itself an earlier one is found as well, of a message
    /// that was sent again.
    fn has_msgid(&self, row: &Row<'_>) -> Result<bool> {
        let filter = self.filter;
        if filter.msgid.is_none() || (filter.client_msg_id.is_none() && filter.openid.is_none()) {
            return Ok(true);
        }
        let msgid: Option<i64> = row.get(record::MSGID)?;
        Ok(msgid.map(i64::cast_unsigned) == filter.msgid)
    }

    fn goes_to(&self, row: &Row<'_>) -> Result<bool> {
        let Some(openid) = &self.filter.openid else { return Ok(true) };
        let account = AccountId(row.get(0)?);
        let recipient = self.keyring.keys(self.conn, account)?.recipient(openid);
        let here = params![account.0, row.get::<_, i64>(1)?, &recipient[..]];
        Ok(self.conn.prepare_cached(GOES_TO)?.exists(here)?)
    }

    fn claimed(&mut self, from: Place, held: &Held<'_>) -> Result<Option<Place>> {
        self.each(held.all().map(MessageId::raw).filter(|id| *id < from.id).collect(), from, held)
    }

    /// Those of a partial index, where they are few; where they are not, the newest messages are of them.
    fn few(&mut self, indexes: &[&str], from: Place, held: &Held<'_>) -> Result<Option<Place>> {
        let mut ids = Vec::new();
        for sql in indexes {
            let mut rows = self.conn.prepare_cached(sql)?;
            let mut rows = rows.query(params![from.account.0, from.id, BUDGET + 1 - ids.len()])?;
            while let Some(row) = rows.next()? {
                ids.push(row.get(0)?);
            }
            if ids.len() > BUDGET {
                return self.by_age(from, held);
            }
        }
        self.each(ids, from, held)
    }

    fn each(&mut self, mut ids: Vec<i64>, from: Place, held: &Held<'_>) -> Result<Option<Place>> {
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

const AT_OR_BEFORE: &str = "
SELECT id, accepted_at
FROM message
WHERE account = ?1
  AND id <= ?2
ORDER BY id DESC
LIMIT 1";

impl Search<'_> {
    /// Passes over what was accepted after `until`, by halving: ids are in order of acceptance.
    fn before(&self, from: Place, until: i64) -> Result<Place> {
        if until == i64::MAX {
            return Ok(from);
        }
        let last = until.saturating_add(STEP_MS);
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
