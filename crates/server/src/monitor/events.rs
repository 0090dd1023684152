//! What open pages show live: once a second one snapshot, made once for all of them. Nobody there: nothing is made.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use hongyan_domain::{AccountId, Cause, State as MessageState, Timestamp};
use hongyan_store::TallyRow;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::access::auth::{self, MayRead};
use crate::account::{Standing, advice};
use crate::answer::problem::{Code, Problem};
use crate::answer::text::Text;
use crate::answer::{self, Answer};
use crate::app::App;

/// Open streams; each is a connection. 500 pages and as many programs.
const STREAMS_MAX: usize = 1_000;
const EVERY: Duration = Duration::from_secs(1);
/// Every so many snapshots a stream looks whether its caller still may see them.
const CHECK_EVERY: u32 = 10;
/// Every so many snapshots the backlog of old days is counted: it is a hundred days' counters.
const BACKLOG_EVERY: u32 = 10;
/// Longest wait of a message: see `check::waiting`.
const BACKLOG_DAYS: i64 = 100;
/// Causes in one snapshot.
const CAUSES_MAX: usize = 8;

/// What all streams share.
pub(crate) struct Live {
    places: Arc<Semaphore>,
    newest: watch::Sender<Option<Arc<Snapshot>>>,
    /// Held by whoever makes snapshots.
    making: Arc<tokio::sync::Mutex<()>>,
    /// Grows when somebody's session or rights may have ended.
    changes: AtomicU64,
    closing: CancellationToken,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
            newest: watch::Sender::new(None),
            making: Arc::default(),
            changes: AtomicU64::new(0),
            closing: CancellationToken::new(),
        }
    }
}

impl Live {
    /// Ends all streams: the server stops.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    /// Lets every stream look again whether its caller may see it.
    pub(crate) fn recheck(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }
}

/// One second, for all.
struct Snapshot {
    at: Timestamp,
    accounts: Vec<(AccountId, AccountNow)>,
    /// As it is sent, by the accounts that may be seen; empty: all.
    sent: Mutex<HashMap<Vec<AccountId>, Bytes>>,
}

/// What one caller sees of a second.
#[derive(Serialize, ToSchema)]
#[schema(as = LiveSnapshot)]
struct Seen<'a> {
    #[schema(value_type = String)]
    at: Timestamp,
    /// Messages accepted today (Asia/Shanghai), by state.
    totals: BTreeMap<&'static str, i64>,
    /// Sends in the last second.
    rate_per_s: f64,
    /// What wait.
    queue: i64,
    /// What went wrong with messages of today, the most frequent first.
    causes: Vec<CauseNow>,
    accounts: Vec<&'a AccountNow>,
}

/// An account now.
#[derive(Serialize, ToSchema)]
struct AccountNow {
    appid: String,
    name: String,
    /// Token, pause and pace.
    live: Standing,
    /// Sends WeChat accepted today.
    sent_today: u64,
    /// What it may send a day.
    daily: u32,
    /// Sends in the last second.
    rate_per_s: f64,
    /// What wait.
    queue: i64,
    /// When WeChat last called; null: never.
    #[schema(value_type = Option<String>)]
    last_callback_at: Option<Timestamp>,
    /// Whether it has a callback at all.
    callback: bool,
    /// Messages accepted today, by state.
    totals: BTreeMap<&'static str, i64>,
    #[serde(skip)]
    causes: Vec<(MessageState, Cause, i64)>,
}

/// How often a cause came today.
#[derive(Serialize, ToSchema)]
struct CauseNow {
    state: &'static str,
    #[schema(value_type = String)]
    cause: Cause,
    count: i64,
    advice: Option<Text>,
}

/// Tells once a second how everything stands: totals, rates and each account, as server-sent events `snapshot`; an
/// event `end` says that the caller may see no more.
#[utoipa::path(get, path = "/api/v1/events", tag = "operation",
    responses((status = 200, description = "A stream without end", body = Seen<'_>, content_type = "text/event-stream")))]
pub(crate) async fn stream(MayRead(caller): MayRead, State(app): State<App>, parts: Parts) -> Answer {
    let place = app.live().places.clone().try_acquire_owned().map_err(|_| {
        Problem::new(Code::Throttled, "too many pages are open: ask GET /api/v1/stats instead")
            .retry_after(30)
    })?;
    let newest = app.live().newest.subscribe();
    begin(&app).await?;
    let changes = app.live().changes.load(Ordering::Relaxed);
    let accounts = caller.accounts().to_vec();
    let reader = Reader { app, parts, accounts, newest, changes, seen: 0, ended: false, _place: place };
    let body = Body::from_stream(stream::unfold(reader, next));
    let mut response = answer::bytes(StatusCode::OK, "text/event-stream", body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(unbuffered(response))
}

/// Proxies that gather answers (nginx) pass this one on as it comes.
fn unbuffered(mut response: Response) -> Response {
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct Reader {
    app: App,
    parts: Parts,
    accounts: Vec<AccountId>,
    newest: watch::Receiver<Option<Arc<Snapshot>>>,
    changes: u64,
    seen: u32,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

async fn next(mut reader: Reader) -> Option<(Result<Bytes, Infallible>, Reader)> {
    if reader.ended {
        return None;
    }
    let closing = reader.app.live().closing.clone();
    // The first one is there already, or comes with the next second.
    let is_first = reader.seen == 0;
    if !is_first || reader.newest.borrow().is_none() {
        closing.run_until_cancelled(reader.newest.changed()).await?.ok()?;
    }
    let snapshot = reader.newest.borrow_and_update().clone()?;
    reader.seen = reader.seen.wrapping_add(1);
    if !reader.may_still_see().await {
        reader.ended = true;
        return Some((Ok(Bytes::from_static(b"event: end\ndata: {}\n\n")), reader));
    }
    let bytes = snapshot.for_accounts(&reader.accounts);
    Some((Ok(bytes), reader))
}

impl Reader {
    async fn may_still_see(&mut self) -> bool {
        let changes = self.app.live().changes.load(Ordering::Relaxed);
        if changes == self.changes && !self.seen.is_multiple_of(CHECK_EVERY) {
            return true;
        }
        self.changes = changes;
        match auth::caller(&self.app, &self.parts).await {
            Ok(caller) => caller.accounts() == self.accounts,
            Err(problem) => !matches!(problem.code(), Code::Unauthorized),
        }
    }
}

/// Makes a first snapshot where nobody makes any, and goes on as long as somebody looks.
async fn begin(app: &App) -> Result<(), Problem> {
    let Ok(making) = app.live().making.clone().try_lock_owned() else { return Ok(()) };
    let mut maker = Maker::default();
    let first = maker.snapshot(app).await?;
    app.live().newest.send_replace(Some(Arc::new(first)));
    let app = app.clone();
    tokio::spawn(async move {
        let _making = making;
        let mut seconds = tokio::time::interval(EVERY);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        seconds.tick().await;
        while app.live().newest.receiver_count() > 0 && !app.live().closing.is_cancelled() {
            seconds.tick().await;
            match maker.snapshot(&app).await {
                Ok(snapshot) => _ = app.live().newest.send_replace(Some(Arc::new(snapshot))),
                // Told once by whoever mends stores; the pages see that nothing comes.
                Err(error) => tracing::debug!(code = error.code().as_str(), "no snapshot"),
            }
        }
        app.live().newest.send_replace(None);
    });
    Ok(())
}

/// What is remembered from one snapshot to the next.
#[derive(Default)]
struct Maker {
    made: u32,
    at: Option<Timestamp>,
    sent: HashMap<AccountId, u64>,
    backlog: HashMap<AccountId, i64>,
}

impl Maker {
    async fn snapshot(&mut self, app: &App) -> Result<Snapshot, Problem> {
        let (now, today) = (app.now(), app.now().day());
        if self.made.is_multiple_of(BACKLOG_EVERY) {
            let old = app.store().tally(today - BACKLOG_DAYS..today, None).await?;
            self.backlog = pending(&old);
        }
        let rows = app.store().tally(today..today + 1, None).await?;
        let sent = app.store().sends_today(today).await?;
        let (queued, mut of_account) = (pending(&rows), HashMap::<AccountId, Vec<&TallyRow>>::new());
        for row in &rows {
            of_account.entry(row.account).or_default().push(row);
        }
        let catalog = app.engine().catalog();
        let seconds = self.at.map_or(0.0, |at| now.since(at).as_secs_f64());
        let mut accounts: Vec<_> = catalog
            .accounts()
            .map(|account| {
                let id = account.id();
                let rows = of_account.get(&id).map_or(&[][..], |rows| rows);
                let sent_today = sent.get(&id).copied().unwrap_or(0);
                let before = self.sent.get(&id).copied().unwrap_or(sent_today);
                let rate =
                    if seconds > 0.0 { sent_today.saturating_sub(before) as f64 / seconds } else { 0.0 };
                let now = AccountNow {
                    appid: account.appid().to_string(),
                    name: account.record.name.clone(),
                    live: Standing::of(app, account),
                    sent_today,
                    daily: account.record.effective_limits().daily,
                    rate_per_s: (rate * 10.0).round() / 10.0,
                    queue: queued.get(&id).unwrap_or(&0) + self.backlog.get(&id).unwrap_or(&0),
                    last_callback_at: app.engine().heard_at(id),
                    callback: account.record.callback.is_some(),
                    totals: totals(rows),
                    causes: rows.iter().filter_map(|row| Some((row.state, row.cause?, row.count))).collect(),
                };
                (id, now)
            })
            .collect();
        accounts.sort_unstable_by(|(_, a), (_, b)| a.appid.cmp(&b.appid));
        (self.made, self.at, self.sent) = (self.made.wrapping_add(1), Some(now), sent);
        Ok(Snapshot { at: now, accounts, sent: Mutex::default() })
    }
}

fn pending(rows: &[TallyRow]) -> HashMap<AccountId, i64> {
    let mut pending = HashMap::new();
    for row in rows.iter().filter(|row| row.state == MessageState::Pending) {
        *pending.entry(row.account).or_default() += row.count;
    }
    pending
}

fn totals(rows: &[&TallyRow]) -> BTreeMap<&'static str, i64> {
    let mut totals = BTreeMap::new();
    for row in rows {
        *totals.entry(row.state.as_str()).or_default() += row.count;
    }
    totals
}

impl Snapshot {
    /// The event for whoever may see these accounts: written once, shared by all of them.
    fn for_accounts(&self, accounts: &[AccountId]) -> Bytes {
        let mut sent = self.sent.lock();
        if let Some(bytes) = sent.get(accounts) {
            return bytes.clone();
        }
        let data = serde_json::to_string(&self.seen_by(accounts)).expect("texts and finite numbers");
        let bytes = Bytes::from(format!("event: snapshot\ndata: {data}\n\n"));
        sent.insert(accounts.to_vec(), bytes.clone());
        bytes
    }

    fn seen_by(&self, seen: &[AccountId]) -> Seen<'_> {
        let may_see = |id: &AccountId| seen.is_empty() || seen.contains(id);
        let accounts: Vec<_> =
            self.accounts.iter().filter(|(id, _)| may_see(id)).map(|(_, account)| account).collect();
        let (mut totals, mut causes) = (BTreeMap::new(), HashMap::<_, i64>::new());
        for account in &accounts {
            for (state, count) in &account.totals {
                *totals.entry(*state).or_default() += count;
            }
            for (state, cause, count) in &account.causes {
                *causes.entry((state.as_str(), *cause)).or_default() += count;
            }
        }
        let mut causes: Vec<_> = causes
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|((state, cause), count)| CauseNow { state, cause, count, advice: advice(cause) })
            .collect();
        causes.sort_unstable_by(|a, b| b.count.cmp(&a.count).then(a.cause.as_str().cmp(b.cause.as_str())));
        causes.truncate(CAUSES_MAX);
        let rate_per_s = accounts.iter().map(|account| account.rate_per_s).sum();
        let queue = accounts.iter().map(|account| account.queue).sum();
        Seen { at: self.at, totals, rate_per_s, queue, causes, accounts }
    }
}
