//! Counters as bytes: the texts once, then each counter as a few small numbers.
//!
//! Words stand as words, so that a list of causes may grow in the middle. All numbers are LEB128, those that can be
//! negative zig-zag.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use hongyan_domain::series::{Answer, Cell, Cells, Punctual, Spread};
use hongyan_domain::{AccountId, Cause, Lane, Measure, Rule, SeriesKey, State};

use crate::{Result, StoreError};

/// The first byte; another layout takes another. Not 1: so begins what is sealed.
const VERSION: u8 = b'S';

/// Account, minute and key of a counter in a delta.
pub(super) type DeltaKey = (AccountId, i64, SeriesKey);

/// What a commit changed.
pub(super) fn write_delta(cells: &[(DeltaKey, Cell)]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.number(cells.len() as u64);
    let (mut account, mut minute) = (0_i64, 0_i64);
    for ((of, at, key), cell) in cells {
        writer.signed(of.0.wrapping_sub(account));
        writer.signed(at.wrapping_sub(minute));
        (account, minute) = (of.0, *at);
        writer.cell(key, cell);
    }
    writer.finish()
}

/// The counters of one span.
pub(super) fn write_cells(cells: &Cells) -> Vec<u8> {
    let mut writer = Writer::default();
    let kept = cells.iter().filter(|(_, cell)| !cell.is_zero());
    writer.number(kept.clone().count() as u64);
    kept.for_each(|(key, cell)| writer.cell(key, cell));
    writer.finish()
}

pub(super) fn read_delta(
    bytes: &[u8],
    names: &mut Names,
    mut each: impl FnMut(AccountId, i64, SeriesKey, Cell),
) -> Result<()> {
    let mut reader = Reader::new(bytes, names)?;
    let (mut account, mut minute) = (0_i64, 0_i64);
    for _ in 0..reader.number()? {
        account = account.wrapping_add(reader.signed()?);
        minute = minute.wrapping_add(reader.signed()?);
        let (key, cell) = reader.cell()?;
        each(AccountId(account), minute, key, cell);
    }
    Ok(())
}

pub(super) fn read_cells(bytes: &[u8], names: &mut Names) -> Result<Cells> {
    let mut reader = Reader::new(bytes, names)?;
    (0..reader.number()?).map(|_| reader.cell()).collect()
}

#[derive(Default)]
struct Writer<'a> {
    texts: Vec<&'a str>,
    places: HashMap<&'a str, u64>,
    body: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn number(&mut self, number: u64) {
        push(&mut self.body, number);
    }

    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn text(&mut self, text: &'a str) {
        let next = self.texts.len() as u64;
        let place = *self.places.entry(text).or_insert_with(|| {
            self.texts.push(text);
            next
        });
        self.number(place);
    }

    fn cell(&mut self, key: &'a SeriesKey, cell: &Cell) {
        self.measure(key.measure);
        self.number(key.lane.map_or(0, |lane| lane.index() as u64 + 1));
        self.text(&key.template);
        self.text(&key.scenario);
        self.signed(cell.count);
        self.signed(cell.purged);
        self.number(cell.spread.buckets().len() as u64);
        for (bucket, count) in cell.spread.buckets() {
            self.body.push(*bucket);
            self.signed(*count);
        }
    }

    fn measure(&mut self, measure: Measure) {
        let word = |cause: Option<Cause>| cause.map_or("", Cause::as_str);
        let (tag, first, second, errcode) = match measure {
            Measure::Accepted => (0, "", "", 0),
            Measure::Sent(punctual) => (1, punctual.as_str(), "", 0),
            Measure::Ended(state, cause) => (2, state.as_str(), word(cause), 0),
            Measure::Tried(answer, errcode) => (3, answer.as_str(), "", errcode),
            Measure::Refused(rule) => (4, rule.as_str(), "", 0),
            Measure::Waiting(cause) => (5, word(cause), "", 0),
        };
        self.number(tag);
        self.text(first);
        self.text(second);
        self.signed(errcode);
    }

    fn finish(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        push(&mut bytes, self.texts.len() as u64);
        for text in &self.texts {
            push(&mut bytes, text.len() as u64);
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Texts that were read: one allocation for all that are equal.
pub(super) type Names = HashSet<Arc<str>>;

struct Reader<'a> {
    rest: &'a [u8],
    texts: Vec<Arc<str>>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], names: &mut Names) -> Result<Self> {
        let Some((&VERSION, rest)) = bytes.split_first() else { return Err(spoilt()) };
        let mut reader = Self { rest, texts: Vec::new() };
        for _ in 0..reader.number()? {
            let len = usize::try_from(reader.number()?).map_err(|_| spoilt())?;
            let (text, rest) = reader.rest.split_at_checked(len).ok_or_else(spoilt)?;
            reader.rest = rest;
            let text = std::str::from_utf8(text).map_err(|_| spoilt())?;
            reader.texts.push(name(names, text));
        }
        Ok(reader)
    }

    fn byte(&mut self) -> Result<u8> {
        let (byte, rest) = self.rest.split_first().ok_or_else(spoilt)?;
        self.rest = rest;
        Ok(*byte)
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(spoilt())
    }

    fn signed(&mut self) -> Result<i64> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn text(&mut self) -> Result<Arc<str>> {
        let place = usize::try_from(self.number()?).map_err(|_| spoilt())?;
        self.texts.get(place).cloned().ok_or_else(spoilt)
    }

    fn cell(&mut self) -> Result<(SeriesKey, Cell)> {
        let measure = self.measure()?;
        let lane = match self.number()? {
            0 => None,
            index => Some(*Lane::ALL.get(index as usize - 1).ok_or_else(spoilt)?),
        };
        let (template, scenario) = (self.text()?, self.text()?);
        let (count, purged) = (self.signed()?, self.signed()?);
        let buckets: Vec<_> =
            (0..self.number()?).map(|_| Ok((self.byte()?, self.signed()?))).collect::<Result<_>>()?;
        let cell = Cell { count, purged, spread: Spread::from_buckets(buckets) };
        Ok((SeriesKey { measure, lane, template, scenario }, cell))
    }

    fn measure(&mut self) -> Result<Measure> {
        let tag = self.number()?;
        let (first, second, errcode) = (self.text()?, self.text()?, self.signed()?);
        let cause = |word: &str| match word {
            "" => Ok(None),
            word => Cause::parse(word).map(Some).ok_or_else(spoilt),
        };
        Ok(match tag {
            0 => Measure::Accepted,
            1 => Measure::Sent(Punctual::parse(&first).ok_or_else(spoilt)?),
            2 => Measure::Ended(State::parse(&first).ok_or_else(spoilt)?, cause(&second)?),
            3 => Measure::Tried(Answer::parse(&first).ok_or_else(spoilt)?, errcode),
            4 => Measure::Refused(Rule::parse(&first).ok_or_else(spoilt)?),
            5 => Measure::Waiting(cause(&first)?),
            _ => return Err(spoilt()),
        })
    }
}

fn name(names: &mut Names, text: &str) -> Arc<str> {
    if let Some(known) = names.get(text) {
        return known.clone();
    }
    let new: Arc<str> = text.into();
    names.insert(new.clone());
    new
}

fn spoilt() -> StoreError {
    StoreError::Corrupt("counters over time that nobody can read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(measure: Measure, template: &str) -> SeriesKey {
        SeriesKey {
            measure,
            lane: Some(Lane::Bulk),
            template: template.into(),
            scenario: "order_paid".into(),
        }
    }

    fn cell(count: i64) -> Cell {
        let mut cell = Cell { count, purged: 1, ..Cell::default() };
        [0, 3, 250, 86_400_000].into_iter().for_each(|ms| cell.spread.record(ms, count));
        cell
    }

    #[test]
    fn what_is_written_is_read_again() {
        let measures = [
            Measure::Accepted,
            Measure::Sent(Punctual::Late),
            Measure::Ended(State::Failed, Some(Cause::UserBlocked)),
            Measure::Ended(State::Delivered, None),
            Measure::Tried(Answer::Pause, 45_009),
            Measure::Tried(Answer::Retry, -1),
            Measure::Refused(Rule::Frequency),
            Measure::Waiting(Some(Cause::QuietHours)),
        ];
        let cells: Cells = measures.into_iter().zip(-3..).map(|(m, n)| (key(m, "T1"), cell(n))).collect();

        let read = read_cells(&write_cells(&cells), &mut Names::new()).unwrap();

        assert_eq!(read, cells);
    }

    #[test]
    fn a_delta_tells_accounts_and_minutes() {
        let all = [(1, i64::MIN), (1, 60_000), (7, 0), (500, 1_790_000_040_000)];
        let cells: Vec<_> = all
            .map(|(account, minute)| ((AccountId(account), minute, key(Measure::Accepted, "T")), cell(2)))
            .to_vec();

        let mut read = Vec::new();
        let each = |account, minute, key, cell| read.push(((account, minute, key), cell));
        read_delta(&write_delta(&cells), &mut Names::new(), each).unwrap();

        assert_eq!(read, cells);
    }

    #[test]
    fn what_is_cut_or_spoilt_is_an_error_and_no_panic() {
        let cells: Cells = [(key(Measure::Accepted, "T1"), cell(5))].into();
        let whole = write_cells(&cells);

        for end in 0..whole.len() {
            assert!(read_cells(&whole[..end], &mut Names::new()).is_err(), "cut at {end}");
        }
        for place in 0..whole.len() {
            let mut spoilt = whole.clone();
            spoilt[place] = 0xff;
            let _ = read_cells(&spoilt, &mut Names::new());
        }
    }
}
