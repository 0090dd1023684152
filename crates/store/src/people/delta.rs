//! `recipient_delta`: what commits changed of what is known of people, a row a commit, until their own rows say it.

use foldhash::HashMap;
use hongyan_domain::{AccountId, Recipient, Timestamp};
use rusqlite::{Connection, params};

use crate::people::erase::overwriting;
use crate::people::hot::Who;
use crate::{Result, StoreError};

/// Account, blind index, time, length: then so many bytes of what is known, packed; none of somebody who was forgotten.
const HEAD_LEN: usize = 8 + 16 + 8 + 4;
/// People read at once to bring their rows up to date: some 10 MB, and as many on a page as can be had for that.
const AT_ONCE: usize = 32_768;

/// A delta in the making.
#[derive(Default)]
pub(super) struct Delta {
    people: Vec<u8>,
}

impl Delta {
    /// What is known of a person since when; `None`: nothing any more.
    pub(super) fn push(&mut self, (account, blind): Who, known: Option<(&Recipient, Timestamp)>) {
        let people = &mut self.people;
        people.extend_from_slice(&account.0.to_le_bytes());
        people.extend_from_slice(&blind);
        people.extend_from_slice(&known.map_or(0, |(_, at)| at.ms()).to_le_bytes());
        let begin = people.len() + 4;
        people.extend_from_slice(&[0; 4]);
        let Some((facts, _)) = known else { return };
        facts.pack(people);
        let len = u32::try_from(people.len() - begin).unwrap_or(u32::MAX);
        people[begin - 4..begin].copy_from_slice(&len.to_le_bytes());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    pub(super) fn append(self, conn: &Connection, seq: i64) -> Result<()> {
        conn.prepare_cached(APPEND)?.execute(params![seq, self.people])?;
        Ok(())
    }
}

const APPEND: &str = "
INSERT INTO recipient_delta (account, seq, people)
VALUES (0, ?1, ?2)";

/// A person in a delta: who, since when, and what is known, packed; nothing of somebody who was forgotten.
pub(super) type Packed<'a> = (Who, Timestamp, &'a [u8]);

fn unpack<'a>(mut people: &'a [u8], mut each: impl FnMut(Packed<'a>) -> Result<()>) -> Result<()> {
    let cut = || StoreError::Corrupt("a delta of people ends within one".to_owned());
    while !people.is_empty() {
        let (head, rest) = people.split_first_chunk::<HEAD_LEN>().ok_or_else(cut)?;
        let number = |from: usize| i64::from_le_bytes(std::array::from_fn(|at| head[from + at]));
        let len = u32::from_le_bytes(std::array::from_fn(|at| head[HEAD_LEN - 4 + at])) as usize;
        let (facts, rest) = rest.split_at_checked(len).ok_or_else(cut)?;
        let who = (AccountId(number(0)), std::array::from_fn(|at| head[8 + at]));
        each((who, Timestamp::from_ms(number(24)), facts))?;
        people = rest;
    }
    Ok(())
}

const READ: &str = "
SELECT seq, people
FROM recipient_delta
WHERE account = 0
ORDER BY seq";

/// All people of all deltas, with the number of theirs, the oldest first.
pub(super) fn all(conn: &Connection, mut each: impl FnMut(i64, Packed<'_>) -> Result<()>) -> Result<()> {
    let mut deltas = conn.prepare_cached(READ)?;
    let mut rows = deltas.query([])?;
    while let Some(row) = rows.next()? {
        let seq = row.get(0)?;
        unpack(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?, |packed| each(seq, packed))?;
    }
    Ok(())
}

/// What is to be written into a person's row, as it stands in the newest delta up to one.
pub(super) type Due = (Who, Timestamp, Box<[u8]>);

/// What the oldest deltas tell, and the last of them: as many deltas as hold `AT_ONCE` people, none after `last`. In the
/// order in which the rows lie.
pub(super) fn due(conn: &Connection, last: i64) -> Result<(Vec<Due>, Option<i64>)> {
    let mut deltas = conn.prepare_cached(READ)?;
    let mut rows = deltas.query([])?;
    let (mut due, mut reached) = (HashMap::<Who, (Timestamp, Box<[u8]>)>::default(), None);
    while let Some(row) = rows.next()? {
        let seq = row.get(0)?;
        if seq > last || due.len() >= AT_ONCE {
            break;
        }
        reached = Some(seq);
        unpack(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?, |(who, at, packed)| {
            due.insert(who, (at, packed.into()));
            Ok(())
        })?;
    }
    due.retain(|_, (_, packed)| !packed.is_empty());
    let mut due: Vec<_> = due.into_iter().map(|(who, (at, packed))| (who, at, packed)).collect();
    due.sort_unstable_by_key(|(who, ..)| *who);
    Ok((due, reached))
}

const DROP: &str = "
DELETE FROM recipient_delta
WHERE account = 0
  AND seq <= ?1";

/// Their pages become free, where an erasure finds nothing any more: they are overwritten.
pub(super) fn drop_up_to(conn: &Connection, seq: i64) -> Result<()> {
    overwriting(conn, || Ok(conn.prepare_cached(DROP)?.execute([seq]).map(drop)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::person::facts_of;

    #[test]
    fn people_read_back_as_they_were_packed() {
        let seen = |at| {
            let mut facts = Recipient::default();
            facts.seen(Timestamp::from_ms(at));
            facts
        };
        let who = |number| (AccountId(1), [number; 16]);
        let mut delta = Delta::default();
        for (number, at) in [(1, 10), (2, 20)] {
            delta.push(who(number), Some((&seen(at), Timestamp::from_ms(at))));
        }

        let mut read = Vec::new();
        let mut keep = |(who, at, packed): Packed<'_>| {
            read.push((who, at, facts_of(packed)?));
            Ok(())
        };
        unpack(&delta.people, &mut keep).unwrap();

        let one = |number, at| (who(number), Timestamp::from_ms(at), seen(at));
        assert_eq!(read, [one(1, 10), one(2, 20)]);
        for cut in 1..delta.people.len() {
            let told = unpack(&delta.people[..cut], |_| Ok(()));
            assert_eq!(told.is_ok(), cut == delta.people.len() / 2, "{cut}");
        }
    }
}
