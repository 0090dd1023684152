//! Between claim and send: claimed messages wait here for a slot, urgent ones before all that were claimed earlier.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hongyan_domain::Lane;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::path::send::{Claimed, Sender};

/// Messages claimed and not yet on their way: what a crash leaves in doubt, besides what is in flight. More would
/// let one account that came first hold up all others for longer; less, and the sends wait for the store's commits.
const QUEUE_MAX: usize = 4_096;
/// And so many that were claimed past the turns.
const URGENT_MAX: usize = 256;
/// After so many urgent ones in a row another one goes, so that nobody starves: a tenth, as in the lanes.
const URGENT_ROW: usize = 9;

/// How a claim came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In the accounts' turns.
    InTurn,
    /// Past them, for something urgent.
    Urgent,
}

impl Way {
    fn most(self) -> usize {
        match self {
            Self::InTurn => QUEUE_MAX,
            Self::Urgent => URGENT_MAX,
        }
    }
}

/// Messages taken from the lanes and not yet on their way, by the way they were claimed.
#[derive(Default)]
struct Queued([AtomicUsize; 2]);

impl Queued {
    fn of(&self, way: Way) -> &AtomicUsize {
        &self.0[way as usize]
    }
}

/// The queue before the senders.
#[derive(Clone)]
pub(crate) struct Launcher {
    claimed: mpsc::UnboundedSender<(Way, Vec<Claimed>)>,
    queued: Arc<Queued>,
}

impl Launcher {
    /// Starts the task that feeds the sender. It ends with the last `Launcher`. After `stop` nothing more starts: what
    /// waits is given back.
    pub(crate) fn start(sender: Arc<Sender>, stop: CancellationToken) -> Self {
        // Unbounded in form only: `queued` bounds what is in it.
        let (claimed, launched) = mpsc::unbounded_channel();
        let queued = Arc::<Queued>::default();
        tokio::spawn(launch((sender, stop), launched, queued.clone()));
        Self { claimed, queued }
    }

    /// How many messages more may be claimed; none while the queue is more than half full, so that a claim is worth
    /// its commit.
    pub(crate) fn room(&self, way: Way) -> usize {
        let queued = self.queued.of(way).load(Ordering::Acquire);
        if queued > way.most() / 2 { 0 } else { way.most() - queued }
    }

    /// So many are being claimed.
    pub(crate) fn expect(&self, way: Way, messages: usize) {
        self.queued.of(way).fetch_add(messages, Ordering::AcqRel);
    }

    /// So many of those do not come.
    pub(crate) fn forget(&self, way: Way, messages: usize) {
        self.queued.of(way).fetch_sub(messages, Ordering::AcqRel);
    }

    /// These are claimed.
    pub(crate) fn launch(&self, way: Way, claimed: Vec<Claimed>) {
        // Only a process that is ending has no task any more that takes them; the claim stays open then.
        let _ = self.claimed.send((way, claimed));
    }
}

/// What waits for a slot.
struct Line<T> {
    urgent: VecDeque<T>,
    others: VecDeque<T>,
    /// Urgent ones that went while others waited.
    in_a_row: usize,
}

impl<T> Line<T> {
    fn new() -> Self {
        Self { urgent: VecDeque::new(), others: VecDeque::new(), in_a_row: 0 }
    }

    fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.others.is_empty()
    }

    fn join(&mut self, lane: Lane, waiting: T) {
        let line = if lane == Lane::Urgent { &mut self.urgent } else { &mut self.others };
        line.push_back(waiting);
    }

    fn next(&mut self) -> Option<T> {
        if self.urgent.is_empty() || (self.in_a_row >= URGENT_ROW && !self.others.is_empty()) {
            self.in_a_row = 0;
            return self.others.pop_front();
        }
        self.in_a_row += 1;
        self.urgent.pop_front()
    }
}

/// Starts claimed messages, and tells the dispatcher when few are left.
async fn launch(
    (sender, stop): (Arc<Sender>, CancellationToken),
    mut launched: mpsc::UnboundedReceiver<(Way, Vec<Claimed>)>,
    queued: Arc<Queued>,
) {
    let mut line = Line::new();
    loop {
        let came_in = if line.is_empty() {
            let Some(came_in) = launched.recv().await else { return };
            Some(came_in)
        } else {
            launched.try_recv().ok()
        };
        for (way, claimed) in
            came_in.into_iter().flat_map(|(way, all)| all.into_iter().map(move |one| (way, one)))
        {
            line.join(claimed.message.lane, (way, claimed));
        }
        let Some((way, next)) = line.next() else { continue };
        // Whatever is claimed and not settled when the process ends counts as a try that may have arrived.
        match stop.run_until_cancelled(sender.permit()).await {
            Some(permit) => sender.launch(next, permit),
            None => sender.release(next).await,
        }
        if queued.of(way).fetch_sub(1, Ordering::AcqRel) == way.most() / 2 + 1 {
            sender.wants_more.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(urgent: usize, others: usize) -> Line<Lane> {
        let mut line = Line::new();
        (0..others).for_each(|_| line.join(Lane::Bulk, Lane::Bulk));
        (0..urgent).for_each(|_| line.join(Lane::Urgent, Lane::Urgent));
        line
    }

    #[test]
    fn urgent_ones_go_before_all_that_stood_there() {
        let mut line = line(2, 2);

        let order: Vec<_> = std::iter::from_fn(|| line.next()).collect();

        assert_eq!(order, [Lane::Urgent, Lane::Urgent, Lane::Bulk, Lane::Bulk]);
    }

    #[test]
    fn of_ten_that_go_one_is_not_urgent_where_such_wait() {
        let mut line = line(100, 100);

        let others = (0..100).filter(|_| line.next() == Some(Lane::Bulk)).count();

        assert_eq!(others, 10);
    }
}
