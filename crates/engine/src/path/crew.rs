//! Who sends: tasks that take one message after the other. A task of its own for each message would cost its memory, and
//! the moving of what it begins with, each time anew.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::path::send::{Claimed, Permit, Sender};

/// A send, and all it takes.
pub(crate) struct Job {
    pub(crate) sender: Arc<Sender>,
    pub(crate) claimed: Claimed,
    pub(crate) permit: Permit,
}

/// Where a task finds its next job.
#[derive(Default)]
struct Desk {
    job: Mutex<Option<Job>>,
    called: Notify,
}

/// The tasks without a job, the last one first: what it works with is still at hand.
pub(crate) struct Crew {
    idle: Mutex<Vec<Arc<Desk>>>,
    /// So many may wait; while WeChat is slow there are thousands at work, and they go home when it is over.
    most: usize,
}

impl Crew {
    pub(crate) fn of(most: usize) -> Self {
        Self { idle: Mutex::new(Vec::with_capacity(most)), most }
    }

    /// Gives a job to somebody who waits for one, or to somebody new.
    pub(crate) fn take_on(&self, job: Job) {
        let Some(desk) = self.idle.lock().pop() else {
            tokio::spawn(work(job));
            return;
        };
        *desk.job.lock() = Some(job);
        desk.called.notify_one();
    }

    /// Whether there is a place to wait.
    fn wait_at(&self, desk: &Arc<Desk>) -> bool {
        let mut idle = self.idle.lock();
        let has_room = idle.len() < self.most;
        if has_room {
            idle.push(desk.clone());
        }
        has_room
    }
}

impl Drop for Crew {
    /// Nobody can have a job for them any more.
    fn drop(&mut self) {
        self.idle.get_mut().iter().for_each(|desk| desk.called.notify_one());
    }
}

async fn work(first: Job) {
    let desk = Arc::<Desk>::default();
    let mut next = Some(first);
    // While it waits it does not hold the sender: that ends with the last one at work.
    while let Some(Job { sender, claimed, permit }) = next {
        sender.send(claimed, permit).await;
        if !sender.crew().wait_at(&desk) {
            return;
        }
        drop(sender);
        desk.called.notified().await;
        next = desk.job.lock().take();
    }
}
