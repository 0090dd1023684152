//! A few read-only connections, used on blocking threads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{Result, StoreError, sqlite};

/// The pool.
#[derive(Clone)]
pub(crate) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn open(path: &Path, count: usize, cache_kib: u32) -> Result<Self> {
        let connections: Vec<_> =
            (0..count.max(1)).map(|_| sqlite::open_reader(path, cache_kib)).collect::<Result<_>>()?;
        let permits = Arc::new(Semaphore::new(connections.len()));
        Ok(Self { free: Arc::new(Mutex::new(connections)), permits })
    }

    /// Runs `work` in one read transaction: all it reads is of one moment.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| stopped())?;
        let free = self.free.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let lent = free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut lent = Lent { conn: lent, home: &free };
            let conn = lent.conn.as_mut().ok_or_else(stopped)?;
            let moment = conn.transaction()?;
            work(&moment)
        });
        task.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("no reader is left".to_owned())
}

/// Goes home even when the work panics, or the pool would shrink.
struct Lent<'a> {
    conn: Option<Connection>,
    home: &'a Mutex<Vec<Connection>>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.home.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
    }
}
