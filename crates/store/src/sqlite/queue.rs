//! What waits for the writer, and how much of it goes into one commit.
//!
//! A large commit is cheap: where many accounts write at once, a page is written once for all its rows. A small one
//! is soon over. So commits are large, except while somebody waits for something urgent.

use std::collections::VecDeque;

use hongyan_domain::Lane;
use tokio::sync::mpsc;

use crate::sqlite::writer::Command;

/// Commands that may wait; a caller beyond that waits for room.
pub(crate) const QUEUE: usize = 1024;
/// Rows after which a transaction takes no further command: about 100 ms of work.
const ROWS_PER_COMMIT: usize = 8192;
/// The same while urgent messages come in: about 10 ms.
const ROWS_WHILE_URGENT: usize = 512;
/// So many commits after the last urgent one they may be large again.
const SMALL_COMMITS: u32 = 32;

/// More messages in one command go before no other.
const URGENT_ROWS: usize = 64;

/// Where a command stands in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Somebody looks at the phone: before all others, and the commits around it are small.
    Urgent,
    /// Before all that came earlier: it is short, and all sending waits for it.
    Ahead,
    /// After what came earlier.
    InOrder,
}

impl Turn {
    /// Of what accepts messages of these lanes. Many at once are a campaign, whatever its lane: nobody waits for it.
    pub(crate) fn of(mut lanes: impl ExactSizeIterator<Item = Lane>) -> Self {
        let few = lanes.len() <= URGENT_ROWS;
        if few && lanes.any(|lane| lane == Lane::Urgent) { Self::Urgent } else { Self::InOrder }
    }

    /// Of what claims messages of these lanes: a few with an urgent one among them wait for no other's rows.
    pub(crate) fn of_claims(lanes: impl Iterator<Item = Lane>) -> Self {
        let lanes: Vec<_> = lanes.take(URGENT_ROWS + 1).collect();
        if Self::of(lanes.into_iter()) == Self::Urgent { Self::Urgent } else { Self::Ahead }
    }
}

/// The writer's side of the queue.
pub(crate) struct Queue {
    incoming: mpsc::Receiver<Box<dyn Command>>,
    ahead: VecDeque<Box<dyn Command>>,
    in_order: VecDeque<Box<dyn Command>>,
    /// Commits that are still to be small.
    small: u32,
    /// The last commit left out what stands in order.
    passed: bool,
}

impl Queue {
    pub(crate) fn new(incoming: mpsc::Receiver<Box<dyn Command>>) -> Self {
        Self { incoming, ahead: VecDeque::new(), in_order: VecDeque::new(), small: 0, passed: false }
    }

    /// Waits for commands; those of the next commit. `None`: no more can come.
    pub(crate) fn next(&mut self, batch: &mut Vec<Box<dyn Command>>) -> Option<()> {
        if self.ahead.is_empty() && self.in_order.is_empty() {
            let first = self.incoming.blocking_recv()?;
            self.join(first);
        }
        while self.ahead.len() + self.in_order.len() < QUEUE {
            let Ok(next) = self.incoming.try_recv() else { break };
            self.join(next);
        }
        self.small = self.small.saturating_sub(1);
        let rows = take(&mut self.ahead, batch, ROWS_PER_COMMIT);
        let urgent = batch.iter().any(|command| command.turn() == Turn::Urgent);
        if urgent {
            self.small = SMALL_COMMITS;
        }
        // An urgent one waits for no other, but what it passed has the next turn.
        self.passed = urgent && !self.passed;
        if !self.passed {
            let most = if self.small > 0 { ROWS_WHILE_URGENT } else { ROWS_PER_COMMIT };
            take(&mut self.in_order, batch, most.saturating_sub(rows).max(1));
        }
        Some(())
    }

    fn join(&mut self, command: Box<dyn Command>) {
        let line = if command.turn() == Turn::InOrder { &mut self.in_order } else { &mut self.ahead };
        line.push_back(command);
    }
}

/// Moves commands until they have `most` rows or more; how many they have.
fn take(line: &mut VecDeque<Box<dyn Command>>, batch: &mut Vec<Box<dyn Command>>, most: usize) -> usize {
    let mut rows = 0;
    while rows < most {
        let Some(command) = line.pop_front() else { break };
        rows += command.rows();
        batch.push(command);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreError;
    use crate::sqlite::writer::Ledger;

    struct Waiting(Turn, usize);

    impl Command for Waiting {
        fn turn(&self) -> Turn {
            self.0
        }

        fn rows(&self) -> usize {
            self.1
        }

        fn run(&mut self, _: &mut Ledger<'_>) -> bool {
            true
        }

        fn answer(self: Box<Self>, _: Result<(), &StoreError>) {}
    }

    /// The rows of each command, commit by commit.
    fn commits(commands: &[(Turn, usize)]) -> Vec<Vec<usize>> {
        let (sender, incoming) = mpsc::channel(QUEUE);
        for (turn, rows) in commands {
            let command: Box<dyn Command> = Box::new(Waiting(*turn, *rows));
            assert!(sender.try_send(command).is_ok());
        }
        drop(sender);
        let (mut queue, mut commits, mut batch) = (Queue::new(incoming), Vec::new(), Vec::new());
        while queue.next(&mut batch).is_some() {
            commits.push(batch.drain(..).map(|command| command.rows()).collect());
        }
        commits
    }

    const BULK: (Turn, usize) = (Turn::InOrder, 1_000);

    #[test]
    fn what_waits_is_committed_together_up_to_a_bound() {
        assert_eq!(commits(&[BULK; 3]), [[1_000; 3].to_vec()]);
        assert_eq!(commits(&[BULK; 11]), [[1_000; 9].to_vec(), [1_000; 2].to_vec()]);
    }

    #[test]
    fn what_goes_ahead_is_in_the_first_commit_however_much_came_before() {
        let mut commands = vec![BULK; 20];
        commands.push((Turn::Ahead, 3));

        assert_eq!(commits(&commands)[0][..2], [3, 1_000]);
    }

    #[test]
    fn something_urgent_is_committed_alone_and_then_commits_are_small() {
        let mut commands = vec![BULK; 4];
        commands.push((Turn::Urgent, 1));

        assert_eq!(commits(&commands), [[1], [1_000], [1_000], [1_000], [1_000]]);
    }

    #[test]
    fn a_claim_is_urgent_where_few_are_claimed_and_one_of_them_is() {
        let claim = |urgent: usize, others: usize| {
            let lanes = std::iter::repeat_n(Lane::Urgent, urgent);
            Turn::of_claims(lanes.chain(std::iter::repeat_n(Lane::Bulk, others)))
        };

        assert_eq!((claim(1, 0), claim(1, 63)), (Turn::Urgent, Turn::Urgent));
        assert_eq!((claim(0, 1), claim(1, 64)), (Turn::Ahead, Turn::Ahead));
    }

    #[test]
    fn commits_grow_again_when_nothing_urgent_came_for_a_while() {
        let mut commands = vec![BULK; 40];
        commands.push((Turn::Urgent, 1));

        let sizes: Vec<usize> = commits(&commands).iter().map(Vec::len).collect();

        assert_eq!(sizes[..SMALL_COMMITS as usize], [1; SMALL_COMMITS as usize]);
        assert_eq!(sizes[SMALL_COMMITS as usize..], [9]);
    }

    #[test]
    fn a_flood_of_urgent_ones_leaves_every_other_commit_to_the_rest() {
        let mut commands = vec![(Turn::Urgent, ROWS_PER_COMMIT); 4];
        commands.extend([BULK, BULK]);

        let first: Vec<_> = commits(&commands).into_iter().take(4).collect();

        let urgent = ROWS_PER_COMMIT;
        assert_eq!(first, [vec![urgent], vec![urgent, 1_000], vec![urgent], vec![urgent, 1_000]]);
    }
}
