//! What is known of a person as bytes, a quarter of the JSON: there is a row of this for every person, and each message
//! to them writes it anew.
//!
//! Words stand as words, so that a list of reasons may grow in the middle. Numbers are LEB128, those that can be negative
//! zig-zag.

use super::{Count, Of, Opened, Reason, Recent, Recipient, Source, Suppression};
use crate::policy::Per;
use crate::{Category, InteractionKind, Timestamp};

/// The first byte; another layout takes another. Not `{`: so began what was written as JSON.
const VERSION: u8 = b'R';

impl Recipient {
    /// Appends it to `bytes`.
    pub fn pack(&self, bytes: &mut Vec<u8>) {
        bytes.push(VERSION);
        number(bytes, self.opened.len() as u64);
        for Opened { kind, at, day, that_day, in_all } in &self.opened {
            text(bytes, kind.as_str());
            signed(bytes, at.ms());
            signed(bytes, *day);
            number(bytes, (*that_day).into());
            number(bytes, (*in_all).into());
        }
        number(bytes, self.counts.len() as u64);
        for Count { per, of, stretch, count } in &self.counts {
            text(bytes, per.as_str());
            let (tag, name) = match of {
                Of::All => (0, ""),
                Of::Category(category) => (1, category.as_str()),
                Of::Scenario(name) => (2, name.as_str()),
            };
            bytes.push(tag);
            text(bytes, name);
            signed(bytes, *stretch);
            number(bytes, (*count).into());
        }
        number(bytes, self.recent.len() as u64);
        for Recent { fingerprint, at } in &self.recent {
            number(bytes, *fingerprint);
            signed(bytes, at.ms());
        }
        number(bytes, self.suppressions.len() as u64);
        for Suppression { reason, category, since, until, source } in &self.suppressions {
            text(bytes, reason.as_str());
            text(bytes, category.map_or("", Category::as_str));
            signed(bytes, since.ms());
            time_or_none(bytes, *until);
            text(bytes, source.map_or("", Source::as_str));
        }
        time_or_none(bytes, self.seen_at);
    }

    /// Reads all of `bytes`, as `pack` wrote them. `None`: it did not.
    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes.strip_prefix(&[VERSION])?);
        let mut person = Self::default();
        for _ in 0..rest.count()? {
            let (kind, at) = (InteractionKind::parse(rest.text()?)?, rest.time()?);
            let (day, that_day, in_all) = (rest.signed()?, rest.small()?, rest.small()?);
            person.opened.push(Opened { kind, at, day, that_day, in_all });
        }
        for _ in 0..rest.count()? {
            let per = Per::parse(rest.text()?)?;
            let of = match (rest.byte()?, rest.text()?) {
                (0, "") => Of::All,
                (1, word) => Of::Category(Category::parse(word)?),
                (2, name) => Of::Scenario(name.to_owned()),
                _ => return None,
            };
            person.counts.push(Count { per, of, stretch: rest.signed()?, count: rest.small()? });
        }
        for _ in 0..rest.count()? {
            person.recent.push(Recent { fingerprint: rest.number()?, at: rest.time()? });
        }
        for _ in 0..rest.count()? {
            person.suppressions.push(Suppression {
                reason: Reason::parse(rest.text()?)?,
                category: word_or_none(rest.text()?, Category::parse)?,
                since: rest.time()?,
                until: rest.time_or_none()?,
                source: word_or_none(rest.text()?, Source::parse)?,
            });
        }
        person.seen_at = rest.time_or_none()?;
        rest.0.is_empty().then_some(person)
    }
}

fn number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn signed(bytes: &mut Vec<u8>, value: i64) {
    number(bytes, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    number(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

fn time_or_none(bytes: &mut Vec<u8>, at: Option<Timestamp>) {
    bytes.push(at.is_some().into());
    if let Some(at) = at {
        signed(bytes, at.ms());
    }
}

/// An empty word is none.
fn word_or_none<T>(word: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if word.is_empty() { Some(None) } else { parse(word).map(Some) }
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// How many follow: each takes a byte at least, so more than there are bytes is spoilt.
    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= self.0.len())
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.signed().map(Timestamp::from_ms)
    }

    fn time_or_none(&mut self) -> Option<Option<Timestamp>> {
        match self.byte()? {
            0 => Some(None),
            1 => self.time().map(Some),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn time() -> impl Strategy<Value = Timestamp> {
        any::<i64>().prop_map(Timestamp::from_ms)
    }

    fn of() -> impl Strategy<Value = Of> {
        prop_oneof![
            Just(Of::All),
            select(Category::ALL).prop_map(Of::Category),
            "[a-z_]{0,20}".prop_map(Of::Scenario),
        ]
    }

    prop_compose! {
        fn opened()(kind in select(InteractionKind::ALL), at in time(), day: i64, that_day: u32, in_all: u32)
            -> Opened {
            Opened { kind, at, day, that_day, in_all }
        }
    }

    prop_compose! {
        fn count()(per in select(Per::ALL), of in of(), stretch: i64, count: u32) -> Count {
            Count { per, of, stretch, count }
        }
    }

    prop_compose! {
        fn suppression()(
            reason in select(Reason::ALL),
            category in option::of(select(Category::ALL)),
            since in time(),
            until in option::of(time()),
            source in option::of(select(Source::ALL)),
        ) -> Suppression {
            Suppression { reason, category, since, until, source }
        }
    }

    prop_compose! {
        fn person()(
            opened in vec(opened(), 0..4),
            counts in vec(count(), 0..4),
            recent in vec((any::<u64>(), time()).prop_map(|(fingerprint, at)| Recent { fingerprint, at }), 0..4),
            suppressions in vec(suppression(), 0..4),
            seen_at in option::of(time()),
        ) -> Recipient {
            Recipient { opened, counts, recent, suppressions, seen_at }
        }
    }

    proptest! {
        #[test]
        fn a_person_reads_back_and_nothing_less_or_more_does(person in person(), more: u8) {
            let mut bytes = Vec::new();
            person.pack(&mut bytes);

            prop_assert_eq!(Recipient::unpack(&bytes), Some(person));
            for cut in 0..bytes.len() {
                prop_assert_eq!(Recipient::unpack(&bytes[..cut]), None);
            }
            bytes.push(more);
            prop_assert_eq!(Recipient::unpack(&bytes), None);
        }

        #[test]
        fn noise_is_no_person_or_one_that_reads_back(noise in vec(any::<u8>(), 0..64)) {
            let mut bytes = vec![VERSION];
            bytes.extend(noise);
            if let Some(person) = Recipient::unpack(&bytes) {
                let mut again = Vec::new();
                person.pack(&mut again);
                prop_assert_eq!(Recipient::unpack(&again), Some(person));
            }
        }
    }

    #[test]
    fn one_who_got_a_message_takes_less_than_a_hundred_bytes() {
        let now = Timestamp::from_ms(1_795_406_400_000);
        let count = |per| Count { per, of: Of::All, stretch: 20_780, count: 1 };
        let person = Recipient {
            opened: vec![Opened {
                kind: InteractionKind::MenuClick,
                at: now,
                day: 20_780,
                that_day: 1,
                in_all: 1,
            }],
            counts: vec![count(Per::Day), count(Per::Week)],
            recent: vec![Recent { fingerprint: u64::MAX >> 11, at: now }],
            ..Recipient::default()
        };

        let mut bytes = Vec::new();
        person.pack(&mut bytes);

        assert!(bytes.len() < 100, "{}", bytes.len());
    }
}
