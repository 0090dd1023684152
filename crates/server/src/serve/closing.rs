//! The end of a server, in its order: callers are sent away, what they had begun is answered, and WeChat is listened to
//! until the engine has stopped. What WeChat tells meanwhile is of messages that it has: it tells each thing three times
//! within about ten seconds and never again.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Routes that are answered to the end.
const LAST: [&str; 3] = ["/callback/{appid}", "/healthz", "/metrics"];

/// Whether callers are still let in, and those who are in.
#[derive(Default)]
pub(crate) struct Closing {
    closed: AtomicBool,
    inside: TaskTracker,
}

/// A request may go on; it is waited for while this is held, but for those that are answered to the end.
pub(crate) struct Entry {
    _inside: Option<TaskTrackerToken>,
}

impl Closing {
    /// `None`: it is sent away.
    pub(crate) fn enter(&self, route: Option<&str>) -> Option<Entry> {
        if route.is_some_and(|route| LAST.contains(&route)) {
            return Some(Entry { _inside: None });
        }
        // Counted before it looks: whoever has seen the door open is waited for.
        let inside = self.inside.token();
        (!self.closed.load(Ordering::SeqCst)).then_some(Entry { _inside: Some(inside) })
    }

    /// Lets nobody in any more, and waits until those who are inside are answered.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.inside.close();
        self.inside.wait().await;
    }
}
