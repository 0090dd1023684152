//! The mark that the store has stopped for good, and the way to be told of it.

use tokio::sync::watch;

/// Set by whoever saw a write fail in a way that leaves open what is on the disk; never taken back.
#[derive(Clone, Debug)]
pub(crate) struct Broken(watch::Sender<bool>);

impl Broken {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) fn set(&self) {
        self.0.send_replace(true);
    }

    /// Returns once it is set.
    pub(crate) async fn wait(&self) {
        // It cannot be closed before: this is one of its senders.
        let _ = self.0.subscribe().wait_for(|set| *set).await;
    }
}
