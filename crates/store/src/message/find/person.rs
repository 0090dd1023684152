//! A search for one person, hour by hour (see the index `message_recipient`).

use hongyan_domain::Timestamp;
use rusqlite::params;

use super::{HOUR_MS, Place, Search};
use crate::Result;
use crate::message::record::record_columns;
use crate::path::claim::Held;
use crate::seal::Blind;
use crate::sqlite::row;

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
    /// Looks through the hours of one account.
    pub(super) fn recipient(
        &mut self,
        recipient: &Blind,
        from: Place,
        held: &Held<'_>,
    ) -> Result<Option<Place>> {
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
