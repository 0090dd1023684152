//! One lane of one account: a window on the store, in deadline order. What does not fit stays there and is read
//! again when the window runs low.

use std::collections::BTreeMap;

use hongyan_domain::{MessageId, Timestamp};
use hongyan_store::Ready;

/// A message's place in its lane: earliest deadline first.
pub(crate) type Place = (Timestamp, MessageId);

/// Before every place there is.
const START: Place = (Timestamp::from_ms(i64::MIN), MessageId::ZERO);

/// Messages of one lane held in memory, about 700 bytes each.
pub(crate) const LANE_CAP: usize = 4_096;
/// The same, when the whole process holds enough.
pub(crate) const LANE_CAP_TIGHT: usize = 128;
/// Read on when fewer than this wait in memory, or than a quarter of what may.
const LANE_LOW: usize = 1_024;
/// Rows read at once from the store.
const READ_ROWS: usize = 1_000;

/// A lane's window on the store.
#[derive(Default)]
pub(crate) struct Window {
    pub(super) held: BTreeMap<Place, Ready>,
    /// The store holds more after this place; `None`: everything is here.
    pub(super) beyond: Option<Place>,
    /// The place after which the store is being read right now.
    reading: Option<Place>,
    /// The first place that came into the queue during the read and may be too new to be in it.
    missed: Option<Place>,
    /// What found no room and is in no queue of the store yet.
    put_out: Vec<MessageId>,
}

impl Window {
    /// Takes a message in, unless its place belongs to the part that stays in the store.
    pub(super) fn offer(&mut self, message: Ready, cap: usize) {
        let place = (message.deadline_at, message.id);
        if self.beyond.is_some_and(|beyond| place > beyond) {
            self.miss(place);
            self.put_out(&message);
            return;
        }
        self.held.insert(place, message);
        while self.held.len() > cap {
            if let Some((_, last)) = self.held.pop_last() {
                self.put_out(&last);
            }
            self.beyond = Some(self.held.last_key_value().map_or(START, |(place, _)| *place));
        }
    }

    /// A read that is under way may not bring this place.
    fn miss(&mut self, place: Place) {
        if self.reading.is_some() {
            self.missed = Some(self.missed.map_or(place, |missed| missed.min(place)));
        }
    }

    /// Lets go of a message: where memory alone holds it, the store has to.
    pub(super) fn put_out(&mut self, message: &Ready) {
        if message.in_memory {
            self.put_out.push(message.id);
        }
    }

    /// What is to be put down in the store, since the last time.
    pub(super) fn take_put_out(&mut self) -> Vec<MessageId> {
        std::mem::take(&mut self.put_out)
    }

    /// Whether it takes nothing more that the store does not hold in its queue. Where a queue has begun, what comes later
    /// goes later.
    pub(super) fn is_full(&self, cap: usize) -> bool {
        self.beyond.is_some() || self.held.len() >= cap / 2
    }

    /// The store holds messages of this lane; nobody knows which.
    pub(super) fn more_in_store(&mut self) {
        self.reread_from(START);
    }

    /// The store must be read again from just before `place`: what was here of it was out of date.
    pub(super) fn reread_from(&mut self, place: Place) {
        let before = just_before(place);
        self.miss(place);
        self.beyond = Some(self.beyond.map_or(before, |beyond| beyond.min(before)));
    }

    /// Whether it runs low while the store holds more.
    pub(super) fn is_hungry(&self, cap: usize) -> bool {
        self.beyond.is_some() && self.reading.is_none() && self.held.len() < LANE_LOW.min(cap / 4)
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Where to read on in the store, once there is room, and how many rows find room: what is read and put out
    /// again was opened for nothing. Marks the read as begun.
    pub(super) fn begin_read(&mut self, cap: usize) -> Option<(Place, usize)> {
        let from = self.beyond.filter(|_| self.is_hungry(cap))?;
        self.missed = None;
        self.reading = Some(from);
        Some((from, READ_ROWS.min(cap - self.held.len())))
    }

    /// Notes what a read brought: `whole` when the store had no more.
    pub(super) fn end_read(&mut self, last: Option<Place>, whole: bool) {
        let from = self.reading.take().unwrap_or(START);
        // Something was put out or found stale meanwhile: the store is to be read again from there.
        if self.beyond.is_some_and(|beyond| beyond < from) {
            return;
        }
        self.beyond = if whole { None } else { last.or(Some(from)) };
        if let Some(missed) = self.missed.take() {
            self.reread_from(missed);
        }
    }
}

fn just_before((deadline_at, id): Place) -> Place {
    (deadline_at, MessageId::from_raw(id.raw() - 1).unwrap_or(MessageId::ZERO))
}
