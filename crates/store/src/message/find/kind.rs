//! A search for what is of one template, scenario or lane: through the hours in which something of it was accepted.

use super::hours::Hours;
use super::{HOUR_MS, Place, STEP_MS, Search, at_or_before, sql};
use crate::Result;
use crate::path::claim::Held;

/// What going to another hour costs, in rows looked at: some sixty look-ups.
const JUMP: usize = 50;

impl Search<'_> {
    /// Hour by hour, but for those in which nothing of the kind was accepted.
    pub(super) fn of_kind(&mut self, from: Place, held: &Held<'_>) -> Result<Option<Place>> {
        let floor = self.floor;
        let here = (self.conn, from.account);
        let mut hours = Hours::below(self.first_hour(from)?, here, self.filter)?;
        let mut place = from;
        while let (Some(hour), read) = hours.next()? {
            self.left = self.left.saturating_sub(JUMP + read);
            place = Place { hour, ..self.before(place, (hour + 1) * HOUR_MS - 1)? };
            self.floor = floor.max((hour * HOUR_MS).saturating_sub(STEP_MS));
            if let Some(stopped) = self.walk(sql::BY_AGE, None, place, held)? {
                self.floor = floor;
                return Ok(Some(stopped));
            }
            if hour * HOUR_MS < floor {
                break;
            }
        }
        self.floor = floor;
        let uncounted = hours.oldest.saturating_mul(HOUR_MS).saturating_sub(1);
        let place = Place { hour: hours.oldest.saturating_sub(1), ..self.before(place, uncounted)? };
        self.walk(sql::BY_AGE, None, place, held)
    }

    /// The hour after the one to begin with.
    fn first_hour(&self, from: Place) -> Result<i64> {
        if from.hour < i64::MAX {
            return Ok(from.hour.saturating_add(1));
        }
        let newest = at_or_before(self.conn, from.account, from.id)?;
        Ok(newest.map_or(i64::MIN, |(_, at)| (at + STEP_MS).div_euclid(HOUR_MS) + 1))
    }
}
