//! What was learned of people lately, in memory beside the table: a claim takes from each of its recipients, and their rows
//! lie far from one another.
//!
//! A commit writes what it changed of people as one row of `recipient_delta`, and so into memory; their own rows follow in
//! the order in which they lie (`fold`), a page once for all that are on it. What only counts goes so. What lists look for
//! (a suppression, a new person) is written into its row at once, and stands in the delta as well: what is read from the
//! deltas after a crash is the newest.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use foldhash::HashMap;
use hongyan_domain::{AccountId, Recipient, Timestamp};
use rusqlite::Connection;

use crate::people::delta::{self, Delta, Due};
use crate::people::person::{facts_of, fold_row, update_row};
use crate::seal::Blind;
use crate::sqlite::writer::Ledger;
use crate::{Result, Store};

/// A person of an account.
pub(crate) type Who = (AccountId, Blind);

/// People read lately are kept, 250 to 450 bytes each: so many and as many again of those before.
const READ_MAX: usize = 65_536;
/// Rows written in one transaction: about 10 ms.
const FOLD_ROWS: usize = 2_048;

/// What is in memory, shared by the writer and all readers.
#[derive(Default)]
pub(crate) struct Hot {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Their rows are out of date; the deltas hold them.
    changed: HashMap<Who, Known>,
    /// As their rows say.
    read: HashMap<Who, Arc<Recipient>>,
    read_before: HashMap<Who, Arc<Recipient>>,
    /// Grows when somebody leaves memory: what was read from the table before may be older than what memory held.
    departures: u64,
    /// Of the newest delta.
    seq: i64,
    /// About how many people the deltas hold.
    logged: usize,
}

#[derive(Clone)]
struct Known {
    facts: Arc<Recipient>,
    at: Timestamp,
    /// Of its delta; 0: not committed yet.
    seq: i64,
}

impl Inner {
    fn find(&self, who: &Who) -> Option<&Arc<Recipient>> {
        let changed = self.changed.get(who).map(|known| &known.facts);
        changed.or_else(|| self.read.get(who)).or_else(|| self.read_before.get(who))
    }

    fn keep(&mut self, who: Who, facts: Arc<Recipient>) {
        if self.read.len() >= READ_MAX {
            self.read_before = std::mem::take(&mut self.read);
            self.departures += 1;
        }
        self.read.insert(who, facts);
    }

    fn forget(&mut self, who: &Who) {
        self.changed.remove(who);
        self.read.remove(who);
        self.read_before.remove(who);
        self.departures += 1;
    }
}

/// What memory has of people who are asked for.
pub(crate) struct Looked {
    pub(crate) found: Vec<Option<Arc<Recipient>>>,
    departures: u64,
}

impl Hot {
    fn inner(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn inner_mut(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be asked before the table: what is not in memory is in the table as it is from now on.
    pub(crate) fn look(&self, people: &[Who]) -> Looked {
        let inner = self.inner();
        let found = people.iter().map(|who| inner.find(who).cloned()).collect();
        Looked { found, departures: inner.departures }
    }

    /// Keeps what the table said of people who were not in memory at that look.
    pub(crate) fn keep(&self, looked: &Looked, read: impl IntoIterator<Item = (Who, Arc<Recipient>)>) {
        let mut inner = self.inner_mut();
        for (who, facts) in read {
            if inner.departures == looked.departures && inner.find(&who).is_none() {
                inner.keep(who, facts);
            }
        }
    }

    /// Reads the deltas anew: at the start, and where another process wrote.
    pub(crate) fn reload(&self, conn: &Connection) -> Result<()> {
        let (mut changed, mut logged, mut last) = (HashMap::default(), 0, 0);
        delta::all(conn, |seq, (who, at, packed)| {
            (logged, last) = (logged + 1, seq);
            if packed.is_empty() {
                changed.remove(&who);
                return Ok(());
            }
            let facts = Arc::new(facts_of(packed)?.shrunk());
            changed.insert(who, Known { facts, at, seq });
            Ok(())
        })?;
        let mut inner = self.inner_mut();
        let (departures, seq) = (inner.departures + 1, inner.seq.max(last));
        *inner = Inner { changed, departures, seq, logged, ..Inner::default() };
        Ok(())
    }

    /// There are no deltas up to `last` any more.
    fn folded(&self, last: i64) {
        let mut inner = self.inner_mut();
        if inner.seq == last {
            inner.logged = 0;
        } else {
            // What was logged meanwhile is at least what is still ahead of its rows.
            inner.logged = inner.changed.len();
        }
    }

    /// An account is gone with all its people.
    pub(crate) fn forget_account(&self, account: AccountId) {
        let mut inner = self.inner_mut();
        inner.departures += 1;
        inner.changed.retain(|(of, _), _| *of != account);
        let Inner { read, read_before, .. } = &mut *inner;
        [read, read_before].into_iter().for_each(|read| read.retain(|(of, _), _| *of != account));
    }

    fn publish(&self, changes: Changes) {
        if changes.is_empty() {
            return;
        }
        let mut inner = self.inner_mut();
        if changes.all_folded {
            for (who, known) in std::mem::take(&mut inner.changed) {
                inner.keep(who, known.facts);
            }
        }
        for who in changes.folded {
            if let Some(known) = inner.changed.remove(&who) {
                inner.keep(who, known.facts);
            }
        }
        inner.logged = if changes.all_folded { 0 } else { inner.logged + changes.log.len() };
        for (place, Change { who, known, row }) in changes.log.into_iter().enumerate() {
            match known {
                Some(known) if row == InRow::Later && place >= changes.in_rows => {
                    inner.changed.insert(who, Known { seq: changes.seq, ..known });
                }
                Some(known) => {
                    inner.changed.remove(&who);
                    inner.keep(who, known.facts);
                }
                None => inner.forget(&who),
            }
        }
        inner.seq = inner.seq.max(changes.seq);
    }
}

/// Whether the row of a person is written with the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InRow {
    Now,
    Later,
}

struct Change {
    who: Who,
    /// `None`: nothing is known any more but what the row says, if there is one.
    known: Option<Known>,
    row: InRow,
}

/// What a transaction changes of people.
#[derive(Default)]
pub(crate) struct Changes {
    log: Vec<Change>,
    /// The newest of each.
    places: HashMap<Who, usize>,
    /// Their rows are up to date.
    folded: Vec<Who>,
    /// All rows are, and there is no delta before this transaction's.
    all_folded: bool,
    /// What stands in the log before this place is in its row by now.
    in_rows: usize,
    seq: i64,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.log.is_empty() && self.folded.is_empty() && !self.all_folded
    }

    /// Where a command begins.
    pub(crate) fn mark(&self) -> Mark {
        let Self { log, folded, all_folded, in_rows, .. } = self;
        Mark { log: log.len(), folded: folded.len(), all_folded: *all_folded, in_rows: *in_rows }
    }

    /// Takes back what a command changed.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.log.truncate(mark.log);
        self.folded.truncate(mark.folded);
        (self.all_folded, self.in_rows) = (mark.all_folded, mark.in_rows);
        self.places = self.log.iter().enumerate().map(|(place, change)| (change.who, place)).collect();
    }

    fn push(&mut self, change: Change) {
        self.places.insert(change.who, self.log.len());
        self.log.push(change);
    }

    /// Appends the delta of a transaction that is about to be committed.
    pub(crate) fn write(&mut self, conn: &Connection, hot: &Hot) -> Result<()> {
        let mut delta = Delta::default();
        for (place, Change { who, known, .. }) in self.log.iter().enumerate().skip(self.in_rows) {
            if self.places.get(who) == Some(&place) {
                delta.push(*who, known.as_ref().map(|known| (&*known.facts, known.at)));
            }
        }
        if delta.is_empty() {
            return Ok(());
        }
        self.seq = hot.inner().seq + 1;
        delta.append(conn, self.seq)
    }

    /// It is committed.
    pub(crate) fn committed(self, hot: &Hot) {
        hot.publish(self);
    }
}

/// How far a transaction had come.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    log: usize,
    folded: usize,
    all_folded: bool,
    in_rows: usize,
}

impl Ledger<'_> {
    /// What is known of a person in this transaction; `None`: what their row says.
    pub(crate) fn known(&self, who: &Who) -> Option<Arc<Recipient>> {
        match self.people.places.get(who) {
            Some(place) => self.people.log[*place].known.as_ref().map(|known| known.facts.clone()),
            None => self.hot.inner().find(who).cloned(),
        }
    }

    /// Something new is known of a person.
    pub(crate) fn learned(&mut self, who: Who, facts: Recipient, (row, at): (InRow, Timestamp)) {
        let facts = Arc::new(facts.shrunk());
        self.people.push(Change { who, known: Some(Known { facts, at, seq: 0 }), row });
    }

    /// Whether a person's row is out of date.
    pub(crate) fn is_ahead_of_row(&self, who: &Who) -> bool {
        self.people.places.contains_key(who) || self.hot.inner().changed.contains_key(who)
    }

    /// Nothing is known of these people but what their rows say, or will say at the end of this: no delta tells otherwise.
    pub(crate) fn leave_to_rows(&mut self, people: &[Who]) -> Result<()> {
        self.write_rows()?;
        people.iter().for_each(|who| self.forget(*who));
        (self.people.all_folded, self.people.in_rows) = (true, self.people.log.len());
        delta::drop_up_to(self.conn, i64::MAX)
    }

    /// Of this person only their row tells, if there is one.
    pub(crate) fn forget(&mut self, who: Who) {
        self.people.push(Change { who, known: None, row: InRow::Now });
    }

    /// Writes what deltas up to `seq` tell of these people into their rows. Not of one of whom something newer is known:
    /// then that is in their row, or in a later delta.
    fn fold(&mut self, due: &[Due], seq: i64) -> Result<usize> {
        let newest: Vec<_> = {
            let inner = self.hot.inner();
            let is_newest = |who| inner.changed.get(who).is_some_and(|known| known.seq <= seq);
            let places = &self.people.places;
            due.iter().filter(|(who, ..)| is_newest(who) && !places.contains_key(who)).collect()
        };
        for (who, at, packed) in &newest {
            fold_row(self.conn, who, packed, *at)?;
        }
        self.people.folded.extend(newest.iter().map(|(who, ..)| *who));
        Ok(newest.len())
    }

    /// Brings all rows up to date that are not, in the order in which they lie. One without a row is gone.
    fn write_rows(&self) -> Result<()> {
        let Changes { log, places, all_folded, in_rows, .. } = &*self.people;
        let mut ahead: Vec<(Who, Known)> = match all_folded {
            // What memory says was written before in this transaction, and may be over since.
            true => Vec::new(),
            false => {
                let inner = self.hot.inner();
                let theirs = inner.changed.iter().filter(|(who, _)| !places.contains_key(*who));
                theirs.map(|(who, known)| (*who, known.clone())).collect()
            }
        };
        let own = places.iter().filter(|(_, place)| **place >= *in_rows);
        ahead.extend(own.filter_map(|(who, place)| Some((*who, log[*place].known.clone()?))));
        ahead.sort_unstable_by_key(|(who, _)| *who);
        // No lock is held meanwhile: whoever asks for a person would wait for the disk.
        ahead.iter().try_for_each(|(who, known)| update_row(self.conn, who, &known.facts, known.at).map(drop))
    }
}

impl Store {
    /// About how many changes of people are in deltas still, and so what a fold would do.
    pub fn people_ahead(&self) -> usize {
        self.shared.hot.inner().logged
    }

    /// Brings the rows of people up to date with what was learned of them lately. Returns how many rows that was.
    pub async fn fold_people(&self) -> Result<usize> {
        let (last, mut folded) = (self.shared.hot.inner().seq, 0);
        while let (mut due, Some(seq)) = self.read(move |conn| delta::due(conn, last)).await? {
            while !due.is_empty() {
                let slice = due.split_off(due.len().saturating_sub(FOLD_ROWS));
                let fold = move |ledger: &mut Ledger<'_>| ledger.fold(&slice, seq);
                folded += self.write(FOLD_ROWS, fold).await?;
            }
            // What was learned meanwhile stands in later ones.
            self.write(1, move |ledger| delta::drop_up_to(ledger.conn, seq)).await?;
        }
        self.shared.hot.folded(last);
        Ok(folded)
    }
}

/// The people of `people` who were not in memory, with their places.
pub(crate) fn missing(people: &[Who], looked: &Looked) -> Vec<(usize, Who)> {
    let missing = people.iter().copied().enumerate().zip(&looked.found);
    missing.filter(|(_, found)| found.is_none()).map(|(one, _)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(number: u8) -> Who {
        (AccountId(1), [number; 16])
    }

    fn facts(at: i64) -> Arc<Recipient> {
        let mut facts = Recipient::default();
        facts.seen(Timestamp::from_ms(at));
        Arc::new(facts)
    }

    fn change(number: u8, at: i64, row: InRow) -> Change {
        Change {
            who: who(number),
            known: Some(Known { facts: facts(at), at: Timestamp::from_ms(at), seq: 0 }),
            row,
        }
    }

    fn found(hot: &Hot, number: u8) -> Option<Arc<Recipient>> {
        hot.look(&[who(number)]).found.remove(0)
    }

    #[test]
    fn what_a_command_changed_is_taken_back_with_it() {
        let mut changes = Changes::default();
        changes.push(change(1, 10, InRow::Later));
        let mark = changes.mark();
        changes.push(change(1, 20, InRow::Later));
        changes.push(change(2, 20, InRow::Later));
        (changes.all_folded, changes.in_rows) = (true, 3);

        changes.back_to(mark);
        let hot = Hot::default();
        changes.committed(&hot);

        assert_eq!((found(&hot, 1), found(&hot, 2)), (Some(facts(10)), None));
        assert_eq!(hot.inner().changed.len(), 1);
    }

    #[test]
    fn what_was_read_before_somebody_left_memory_is_not_kept() {
        let hot = Hot::default();
        let before = hot.look(&[who(1), who(2)]);
        let mut changes = Changes::default();
        changes.push(Change { who: who(1), known: None, row: InRow::Now });
        changes.committed(&hot);

        hot.keep(&before, [(who(1), facts(1))]);
        let after = hot.look(&[who(2)]);
        hot.keep(&after, [(who(2), facts(2))]);

        assert_eq!((found(&hot, 1), found(&hot, 2)), (None, Some(facts(2))));
    }

    #[test]
    fn what_was_read_late_does_not_replace_what_was_learned_meanwhile() {
        let hot = Hot::default();
        let looked = hot.look(&[who(1), who(2)]);
        let mut changes = Changes::default();
        changes.push(change(1, 10, InRow::Later));
        changes.push(change(2, 10, InRow::Now));
        changes.committed(&hot);

        hot.keep(&looked, [(who(1), facts(1)), (who(2), facts(1))]);

        assert_eq!((found(&hot, 1), found(&hot, 2)), (Some(facts(10)), Some(facts(10))));
    }

    #[test]
    fn those_read_last_stay_in_memory() {
        let hot = Hot::default();
        let all = (0..READ_MAX as i64 * 3).map(|number| {
            let mut blind = [0; 16];
            blind[..8].copy_from_slice(&number.to_le_bytes());
            (AccountId(1), blind)
        });
        let all: Vec<_> = all.collect();
        for who in &all {
            let looked = hot.look(&[*who]);
            hot.keep(&looked, [(*who, facts(1))]);
        }

        let kept = hot.look(&all).found.iter().map(Option::is_some).collect::<Vec<_>>();
        assert!(kept[READ_MAX * 2..].iter().all(|kept| *kept));
        assert!(kept.iter().filter(|kept| **kept).count() <= READ_MAX * 2);
    }
}
