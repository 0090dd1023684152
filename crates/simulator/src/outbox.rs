//! What is to happen later: pushes and releases from review, in the order of their time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicBool};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::account::Account;
use crate::bodies::Forgery;
use crate::journal::Entry;
use crate::push_text::{Status, Subject};

/// A push to an account's callback.
pub(crate) struct Push {
    pub(crate) account: Arc<Account>,
    pub(crate) openid: Box<str>,
    pub(crate) subject: Subject,
    /// When it happened, Unix seconds: the same on every try.
    pub(crate) at_seconds: i64,
    /// How often it was tried before.
    pub(crate) tries: u8,
    /// What is wrong with it on purpose.
    pub(crate) forged: Option<Forgery>,
}

/// A send that is held for review.
pub(crate) struct Held {
    pub(crate) entry: Entry,
    pub(crate) openid: Box<str>,
    pub(crate) status: Status,
    pub(crate) arrival: Arrival,
}

/// Whether the same message reached the same phone before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    First,
    Second,
}

/// What happens when its time comes.
pub(crate) enum Task {
    Push(Box<Push>),
    Release(Box<Held>),
}

struct Due {
    at_ms: i64,
    order: u64,
    task: Task,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> Ordering {
        (self.at_ms, self.order).cmp(&(other.at_ms, other.order))
    }
}

#[derive(Default)]
struct Queue {
    heap: BinaryHeap<Reverse<Due>>,
    put: u64,
}

/// All tasks that wait for their time.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    asleep: AtomicBool,
    wake: Notify,
}

/// About 200 bytes each: a callback that is down for long must not eat the machine's memory.
const WAITING_AT_MOST: usize = 2_000_000;

/// Too much waits already.
pub(crate) struct Full;

impl Outbox {
    /// Queues a task. A pump that sleeps is woken once for the whole batch that follows.
    pub(crate) fn put(&self, at_ms: i64, task: Task) -> Result<(), Full> {
        let mut queue = self.queue.lock();
        if queue.heap.len() >= WAITING_AT_MOST {
            return Err(Full);
        }
        queue.put += 1;
        let order = queue.put;
        queue.heap.push(Reverse(Due { at_ms, order, task }));
        drop(queue);
        if self.asleep.load(atomic::Ordering::Relaxed) && self.asleep.swap(false, atomic::Ordering::AcqRel) {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// At most `limit` tasks whose time has come, the earliest first.
    pub(crate) fn take_due(&self, now_ms: i64, limit: usize) -> Vec<Task> {
        let mut queue = self.queue.lock();
        let mut due = Vec::new();
        while due.len() < limit && queue.heap.peek().is_some_and(|Reverse(first)| first.at_ms <= now_ms) {
            due.extend(queue.heap.pop().map(|Reverse(due)| due.task));
        }
        due
    }

    /// When the next task is due, if any waits.
    pub(crate) fn next_at_ms(&self) -> Option<i64> {
        self.queue.lock().heap.peek().map(|Reverse(first)| first.at_ms)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.lock().heap.len()
    }

    /// From now on [`Outbox::put`] wakes [`Outbox::woken`]. To be called before the last look at the queue.
    pub(crate) fn fall_asleep(&self) {
        self.asleep.store(true, atomic::Ordering::Release);
    }

    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}
