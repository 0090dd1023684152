//! Carries out what the outbox holds: pushes over kept connections, a bounded number to each host at once.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::line::Line;
use crate::outbox::{Push, Task};
use crate::push_request;
use crate::push_text::Subject;
use crate::receipts;
use crate::world::World;

/// WeChat drops a push that is not answered by then (official message-push page).
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// And tries it again after so long,
const TRY_AGAIN_MS: i64 = 5_000;
/// three times in all.
const TRIES: u8 = 3;
/// Tasks taken at a time: short enough not to hold up those that queue new ones.
const BATCH: usize = 1_024;
/// How long the pump gathers tasks before it looks again: one wake-up for many.
const LINGER: Duration = Duration::from_millis(2);
/// Pushes handed to hosts and not yet tried. What is beyond waits in the outbox, which is bounded itself.
const BACKLOG_AT_MOST: usize = 50_000;
/// How long the pump sleeps when nothing waits; a new task wakes it.
const IDLE: Duration = Duration::from_secs(3_600);

/// The callback hosts, by `host:port`.
#[derive(Default)]
pub(crate) struct Hosts(Mutex<HashMap<Box<str>, Arc<Host>>>);

/// One callback host: what waits for it, how many workers it has, and the connections kept open.
struct Host {
    authority: Box<str>,
    lane: Mutex<Lane>,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Box<Push>>,
    workers: usize,
    lines: Vec<Line>,
}

impl Hosts {
    fn host(&self, authority: &str) -> Arc<Host> {
        let mut hosts = self.0.lock();
        if let Some(host) = hosts.get(authority) {
            return Arc::clone(host);
        }
        let host = Arc::new(Host { authority: authority.into(), lane: Mutex::default() });
        hosts.insert(authority.into(), Arc::clone(&host));
        host
    }

    /// Pushes that no worker has taken yet.
    pub(crate) fn backlog(&self) -> usize {
        self.0.lock().values().map(|host| host.lane.lock().waiting.len()).sum()
    }
}

impl Host {
    /// The next push, or `None`: then the worker that asked is gone, and its line kept.
    fn next(&self, line: &mut Line) -> Option<Box<Push>> {
        let mut lane = self.lane.lock();
        let next = lane.waiting.pop_front();
        if next.is_none() {
            lane.workers -= 1;
            lane.lines.push(std::mem::take(line));
        }
        next
    }

    fn spare_line(&self) -> Line {
        self.lane.lock().lines.pop().unwrap_or_default()
    }

    /// Keeps a line for the next worker, unless enough are kept.
    fn keep(&self, line: Line, lines_at_most: usize) {
        let mut lane = self.lane.lock();
        if lane.lines.len() < lines_at_most {
            lane.lines.push(line);
        }
    }

    /// Takes the push in; a line for a new worker, if there is room for one.
    fn put(&self, push: Box<Push>, workers_at_most: usize) -> Option<Line> {
        let mut lane = self.lane.lock();
        lane.waiting.push_back(push);
        if lane.workers >= workers_at_most {
            return None;
        }
        lane.workers += 1;
        Some(lane.lines.pop().unwrap_or_default())
    }
}

/// Runs until stopped: takes what is due, gathers for a moment, sleeps when nothing is.
pub(crate) async fn pump(world: Arc<World>, stop: CancellationToken) {
    let mut workers = JoinSet::new();
    while !stop.is_cancelled() {
        while workers.try_join_next().is_some() {}
        let room = BACKLOG_AT_MOST.saturating_sub(world.hosts.backlog());
        let due = world.outbox.take_due(world.now_ms(), BATCH.min(room));
        if due.len() == BATCH {
            begin(&world, due, &mut workers);
            tokio::task::yield_now().await;
            continue;
        }
        if due.is_empty() && room > 0 {
            tokio::select! {
                () = stop.cancelled() => break,
                () = rest(&world) => {}
            }
        }
        begin(&world, due, &mut workers);
        sleep(LINGER).await;
    }
}

/// Sleeps until something is due or something new is queued.
async fn rest(world: &World) {
    world.outbox.fall_asleep();
    let until_due = world.outbox.next_at_ms().map(|at_ms| at_ms - world.now_ms());
    let wait = until_due.map_or(IDLE, |ms| Duration::from_millis(ms.max(0).unsigned_abs()));
    tokio::select! {
        () = world.outbox.woken() => {}
        () = sleep(wait) => {}
    }
}

/// Carries out everything that is due now, and what falls due by it, and waits for the answers.
pub(crate) async fn drain(world: &Arc<World>) {
    let mut workers = JoinSet::new();
    loop {
        let due = world.outbox.take_due(world.now_ms(), BATCH);
        if due.is_empty() {
            return;
        }
        begin(world, due, &mut workers);
        while workers.join_next().await.is_some() {}
    }
}

fn begin(world: &Arc<World>, tasks: Vec<Task>, workers: &mut JoinSet<()>) {
    for task in tasks {
        let push = match task {
            Task::Release(held) => {
                receipts::release(world, *held, world.now_ms());
                continue;
            }
            Task::Push(push) => push,
        };
        let Some(callback) = push.account.profile().callback.clone() else { continue };
        let host = world.hosts.host(&callback.authority);
        if let Some(line) = host.put(push, world.settings.callback_connections.max(1)) {
            workers.spawn(work(Arc::clone(world), host, line));
        }
    }
}

async fn work(world: Arc<World>, host: Arc<Host>, mut line: Line) {
    while let Some(push) = host.next(&mut line) {
        deliver(&world, &host.authority, &mut line, push).await;
    }
}

/// Pushes once, ahead of the queue: for receipts that come before their send's answer.
pub(crate) async fn push_now(world: &World, push: Box<Push>) {
    let Some(callback) = push.account.profile().callback.clone() else { return };
    let host = world.hosts.host(&callback.authority);
    let mut line = host.spare_line();
    deliver(world, &host.authority, &mut line, push).await;
    host.keep(line, world.settings.callback_connections);
}

/// The outcome of an exchange, or an error when it takes longer than WeChat waits.
pub(crate) async fn within_patience<T>(exchange: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match timeout(ANSWER_WITHIN, exchange).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer within 5 s")),
    }
}

/// One try, and what follows from its answer.
async fn deliver(world: &World, authority: &str, line: &mut Line, mut push: Box<Push>) {
    let Some(callback) = push.account.profile().callback.clone() else { return };
    count_try(world, &push);
    let request = push_request::written(world, &callback, &push);
    let answer = within_patience(line.exchange(authority, request)).await;
    if let Ok((StatusCode::OK, body)) = &answer
        && is_answer_to(&push.subject, body)
    {
        let counters = &world.counters;
        let is_receipt = matches!(push.subject, Subject::Receipt { .. });
        if is_receipt { &counters.receipts_answered } else { &counters.events_answered }.add_one();
        return;
    }
    if answer.is_err() {
        *line = Line::default();
    }
    push.tries += 1;
    if push.tries < TRIES {
        receipts::queue(world, world.now_ms() + TRY_AGAIN_MS, *push);
    } else if matches!(push.subject, Subject::Receipt { .. }) {
        world.counters.receipts_failed.add_one();
    }
}

fn count_try(world: &World, push: &Push) {
    let counters = &world.counters;
    match (&push.subject, push.tries) {
        (Subject::Receipt { .. }, 0) => counters.receipts_sent.add_one(),
        (Subject::Receipt { .. }, _) => counters.receipts_retried.add_one(),
        (_, 0) => counters.events_sent.add_one(),
        _ => {}
    }
}

/// `success` or nothing ends the tries; to events and messages a reply in XML or JSON does, too.
fn is_answer_to(subject: &Subject, body: &Bytes) -> bool {
    let body = body.trim_ascii();
    let is_reply = body.starts_with(b"<xml>") || body.starts_with(b"{");
    body.is_empty() || body == b"success" || is_reply && !matches!(subject, Subject::Receipt { .. })
}
