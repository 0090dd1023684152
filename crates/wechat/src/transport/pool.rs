//! Idle connections to one place, last in first out: the warmest is used again and the rest age out.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;

pub(super) struct Pool {
    idle: Mutex<VecDeque<Connection>>,
    max_idle: usize,
    idle_timeout: Duration,
}

impl Pool {
    pub(super) fn new(max_idle: usize, idle_timeout: Duration) -> Self {
        Self { idle: Mutex::new(VecDeque::new()), max_idle, idle_timeout }
    }

    /// The connection used last that is still open; those found closed or too old are dropped.
    pub(super) fn take(&self) -> Option<Connection> {
        loop {
            let mut newest = self.locked().pop_back()?;
            if newest.idle_since.elapsed() < self.idle_timeout && newest.is_open() {
                return Some(newest);
            }
        }
    }

    /// Keeps a connection that has answered in full. What is too many or too old is closed.
    pub(super) fn put(&self, mut connection: Connection) {
        if self.max_idle == 0 || !connection.is_reusable() {
            return;
        }
        let now = Instant::now();
        connection.idle_since = now;
        let mut idle = self.locked();
        idle.push_back(connection);
        let surplus = idle.len() > self.max_idle;
        let aged = idle.front().is_some_and(|oldest| now - oldest.idle_since >= self.idle_timeout);
        let dropped = if surplus || aged { idle.pop_front() } else { None };
        drop(idle);
        drop(dropped);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.locked().len()
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
