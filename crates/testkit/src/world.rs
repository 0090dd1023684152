//! The world of one test: WeChat, the line to it, and a daemon with accounts, on one clock.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hongyan_engine::EngineError;
use hongyan_engine::content::Words;
use hongyan_simulator::{Simulator, Stats};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::{Api, Reply};
use crate::daemon::{Daemon, Plan};
use crate::official::{Official, TITLE};
use crate::start::Builder;
use crate::wire::Wire;

/// The most messages of one batch call.
const BATCH: usize = 1_000;
/// How long a daemon that is asked to stop lets what is in flight come back.
const GRACE: Duration = Duration::from_secs(10);

/// Everything. End it with [`World::finish`].
pub struct World {
    /// WeChat.
    pub simulator: Simulator,
    /// The line between it and us.
    pub wire: Arc<Wire>,
    /// Another line to the same WeChat, which nobody takes unless a test says so.
    pub detour: Arc<Wire>,
    pub(crate) clock: Arc<AtomicI64>,
    pub(crate) files: TempDir,
    pub(crate) plan: Plan,
    /// Where the daemons listen, one after the other.
    pub(crate) door: TcpListener,
    pub(crate) daemon: Option<Daemon>,
    pub(crate) api: Api,
    pub(crate) key: String,
    /// The accounts.
    pub officials: Vec<Official>,
}

impl World {
    /// One service account with ten followers, no pace, receipts signed and encrypted.
    pub async fn start() -> Self {
        Self::build().start().await
    }

    /// Another world than the usual.
    pub fn build() -> Builder {
        Builder::default()
    }

    /// The first account.
    pub fn official(&self) -> &Official {
        &self.officials[0]
    }

    /// A fresh body to a follower of the first account.
    pub fn body(&self, follower: usize) -> Value {
        self.official().body(follower)
    }

    /// The API, with a key for everything.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The API by a connection of its own, with the same key.
    pub fn another_api(&self) -> Api {
        self.api_with(&self.key)
    }

    /// The API with another key.
    pub fn api_with(&self, key: &str) -> Api {
        Api::new(self.door.local_addr().expect("it is bound"), key)
    }

    /// The API without a key.
    pub fn stranger(&self) -> Api {
        self.api_with("")
    }

    /// The key of [`World::api`].
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The folder with everything that is written down.
    pub fn files(&self) -> &Path {
        self.files.path()
    }

    /// The running daemon.
    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("the daemon runs")
    }

    /// Unix milliseconds, everywhere.
    pub fn now_ms(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// RFC 3339 of so long after now (or, with a minus, before).
    pub fn at(&self, after_s: i64) -> String {
        crate::daemon::timestamp(self.now_ms() + 1_000 * after_s).to_string()
    }

    /// What has happened at WeChat.
    pub fn stats(&self) -> Stats {
        self.simulator.stats()
    }

    /// What goes wrong at WeChat from now on: the body of `POST /_sim/faults`; `{}` for nothing.
    #[track_caller]
    pub fn faults(&self, body: Value) {
        let faults = serde_json::from_value(body).expect("the faults are spelled right");
        self.simulator.control().set_faults(&faults).expect("the faults are possible");
    }

    /// Changes the first account at WeChat: the body of `POST /_sim/accounts` without the appid.
    #[track_caller]
    pub fn change_at_wechat(&self, fields: &Value) {
        let body = crate::with(json!({ "appid": self.official().appid }), fields);
        let body = serde_json::from_value(body).expect("the fields are spelled right");
        self.simulator.control().put_account(&body).expect("the change is possible");
    }

    /// Makes followers of the first account what `status` says: `user_blocked`, `unfollowed` …
    #[track_caller]
    pub fn make_followers(&self, followers: &[usize], status: &str) {
        let openids: Vec<_> = followers.iter().map(|number| &self.official().openids[*number]).collect();
        let body = json!({ "appid": self.official().appid, "openids": openids, "status": status });
        let body = serde_json::from_value(body).expect("the status is spelled right");
        self.simulator.control().put_followers(&body).expect("they are followers");
    }

    /// Gives the first account one more template, at WeChat and by a sync here; its id.
    pub async fn add_template(&self, title: &str, content: &str) -> String {
        let body = json!({ "appid": self.official().appid, "title": title, "content": content });
        let body = serde_json::from_value(body).expect("the fields are spelled right");
        let template_id = self.simulator.control().put_template(&body).expect("the template has fields");
        self.order("templates/sync", &json!({})).await.expect(200);
        template_id
    }

    /// Gives the template of the first account another content, at WeChat and by a sync here.
    pub async fn change_template(&self, content: &str) {
        let Official { appid, template_id, .. } = self.official();
        let body = json!({ "appid": appid, "template_id": template_id, "title": TITLE, "content": content });
        let body = serde_json::from_value(body).expect("the fields are spelled right");
        self.simulator.control().put_template(&body).expect("the template has fields");
        self.order("templates/sync", &json!({})).await.expect(200);
    }

    /// Hands one message in; its id.
    pub async fn send(&self, body: &Value) -> String {
        let answer = self.api.post("/api/v1/messages", body).await.expect(202);
        answer["id"].as_str().expect("an id").to_owned()
    }

    /// Hands messages in, a thousand a call; their ids. All must be accepted.
    pub async fn send_all(&self, bodies: &[Value]) -> Vec<String> {
        let mut ids = Vec::with_capacity(bodies.len());
        for batch in bodies.chunks(BATCH) {
            let answer = self.api.post("/api/v1/messages/batch", &json!({ "messages": batch })).await;
            let answer = answer.expect(200);
            let results = answer["results"].as_array().expect("results");
            ids.extend(results.iter().map(|result| {
                result["id"].as_str().unwrap_or_else(|| panic!("not accepted: {result}")).to_owned()
            }));
        }
        ids
    }

    /// Hands in so many messages of the first account, one follower after the other; their ids.
    pub async fn send_many(&self, count: usize) -> Vec<String> {
        let bodies: Vec<_> = (0..count).map(|number| self.body(number)).collect();
        self.send_all(&bodies).await
    }

    /// One message as the API shows it.
    pub async fn message(&self, id: &str) -> Value {
        self.api.get(&format!("/api/v1/messages/{id}")).await.expect(200)
    }

    /// Where one message stands: `delivered`, or with its cause `failed: user_blocked`.
    pub async fn state(&self, id: &str) -> String {
        let message = self.message(id).await;
        let state = message["state"].as_str().expect("a state");
        match message["cause"].as_str() {
            Some(cause) => format!("{state}: {cause}"),
            None => state.to_owned(),
        }
    }

    /// How many messages stand where, by the counters: `{"delivered": 9, "failed: user_blocked": 1}`.
    pub async fn counts(&self) -> BTreeMap<String, i64> {
        let tally = self.daemon().with(|engine| async move { engine.store().tally(0..i64::MAX, None).await });
        let mut counts = BTreeMap::new();
        for row in tally.await.expect("the store can be read") {
            let cause = row.cause.map_or(String::new(), |cause| format!(": {}", cause.as_str()));
            *counts.entry(format!("{}{cause}", row.state.as_str())).or_default() += row.count;
        }
        counts
    }

    /// Asserts that exactly these messages exist and stand there.
    #[track_caller]
    pub fn assert_counts<'a>(&'a self, expected: &'a [(&'a str, i64)]) -> impl Future<Output = ()> + use<'a> {
        let caller = std::panic::Location::caller();
        async move {
            let counts = self.counts().await;
            let expected: BTreeMap<_, _> =
                expected.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect();
            assert_eq!(counts, expected, "at {caller}");
        }
    }

    /// The first account as the API shows it.
    pub async fn account(&self) -> Value {
        self.api.get(&format!("/api/v1/accounts/{}", self.official().appid)).await.expect(200)
    }

    /// A call under the first account: `POST /api/v1/accounts/{appid}/{verb}`.
    pub async fn order(&self, verb: &str, body: &Value) -> Reply {
        self.api.post(&format!("/api/v1/accounts/{}/{verb}", self.official().appid), body).await
    }

    /// How the first account's traffic stands.
    pub async fn traffic(&self) -> hongyan_engine::Status {
        let appid = self.official().appid.clone();
        let status = move |engine: hongyan_engine::Engine| async move {
            engine.tick().await;
            engine.drain().await;
            let catalog = engine.catalog();
            catalog.account(Some(&appid)).map(|account| engine.status(account.id()))
        };
        self.daemon().with(status).await.expect("the account is there")
    }

    /// The access_token of the first account, as the daemon holds it.
    pub async fn held_token(&self) -> String {
        let appid = self.official().appid.clone();
        let held = move |engine: hongyan_engine::Engine| async move {
            let account = engine.catalog().account(Some(&appid)).cloned();
            let held = account.expect("the account is there").token.held();
            held.map(|held| held.value.expose().to_owned())
        };
        self.daemon().with(held).await.expect("there is a token")
    }

    /// What the daemon's metrics say of a counter: by its labels, how much. `{kind="sent"}` → 3.
    pub async fn counter(&self, name: &str) -> BTreeMap<String, u64> {
        let metrics = self.api.get("/metrics").await.text().to_owned();
        let told = metrics.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
        told.map(|(labels, count)| (labels.to_owned(), count.parse().expect("a count"))).collect()
    }

    /// Gives the first account a new data key; the sweep seals everything anew under it.
    pub async fn rotate_data_key(&self) {
        let (appid, now) = (self.official().appid.clone(), crate::daemon::timestamp(self.now_ms()));
        let rotate = move |engine: hongyan_engine::Engine| async move {
            let account = engine.catalog().account(Some(&appid)).map(|account| account.id());
            engine.store().rotate_data_key(account.expect("the account is there"), now).await
        };
        self.daemon().with(rotate).await.expect("the store takes a key");
    }

    /// The word list in force for the first account.
    pub async fn words(&self) -> Arc<Words> {
        let appid = self.official().appid.clone();
        let words = move |engine: hongyan_engine::Engine| async move {
            engine.catalog().account(Some(&appid)).map(|account| account.words.clone())
        };
        self.daemon().with(words).await.expect("the account is there")
    }

    /// Has WeChat's own count of today's sends of the first account read now.
    pub async fn read_quota(&self) {
        let appid = self.official().appid.clone();
        let read = move |engine: hongyan_engine::Engine| async move {
            let account = engine.catalog().account(Some(&appid)).cloned();
            engine.read_quota(&account.expect("the account is there")).await;
        };
        self.daemon().with(read).await;
    }

    /// What the sends of the first account were, in the order WeChat got them.
    pub fn ledger(&self) -> Vec<hongyan_simulator::LedgerEntry> {
        let query = hongyan_simulator::LedgerQuery { limit: Some(100_000), ..Default::default() };
        self.simulator.control().ledger(&query)
    }

    /// What one follower of the first account has on the phone.
    pub fn phone(&self, follower: usize) -> Vec<hongyan_simulator::PhoneMessage> {
        self.simulator.control().phone(&self.official().openids[follower])
    }

    /// Moves the time on, for WeChat and for us. Nothing happens by it until [`World::drain`].
    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).expect("not so long");
        self.clock.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// Sets the time back.
    pub fn set_back(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).expect("not so long");
        self.clock.fetch_sub(by_ms, Ordering::SeqCst);
    }

    /// Sets back the clock of the machine that the daemon runs on; WeChat's goes on, and so does time.
    pub fn set_our_clock_back(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).expect("not so long");
        self.plan.clock.set_back_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// Lets everything happen that can happen at this time, receipts and all.
    pub async fn drain(&self) {
        loop {
            let before = self.simulator.stats();
            let drain = |engine: hongyan_engine::Engine| async move {
                engine.tick().await;
                engine.drain().await;
            };
            self.daemon().with(drain).await;
            self.simulator.deliver_receipts().await;
            if self.simulator.stats() == before {
                return;
            }
        }
    }

    /// One round of the sweep, waiting for nothing that it sets going.
    pub async fn tick(&self) {
        self.daemon().with(|engine| async move { engine.tick().await }).await;
    }

    /// Moves the time on and drains, `rounds` times.
    pub async fn pass(&self, rounds: usize, step: Duration) {
        for _ in 0..rounds {
            self.advance(step);
            self.drain().await;
        }
    }

    /// Stops the daemon as SIGTERM does.
    pub async fn stop(&mut self) {
        self.daemon.take().expect("the daemon runs").stop(GRACE).await;
    }

    /// Ends the daemon as `kill -9` does.
    pub async fn kill(&mut self) {
        self.daemon.take().expect("the daemon runs").kill().await;
    }

    /// Starts a daemon on what the last one left, a millisecond later at the earliest.
    pub async fn boot(&mut self) {
        self.advance(Duration::from_millis(1));
        let listener = self.door.try_clone().expect("a socket can be shared");
        let daemon = Daemon::start(&self.plan, self.files.path(), listener).await;
        self.daemon = Some(daemon.expect("a daemon starts on what the last one left"));
        self.api = self.another_api();
    }

    /// Kills the daemon and starts another.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.boot().await;
    }

    /// Tries to start a second daemon beside the one that runs.
    pub async fn boot_a_second(&self) -> Result<Daemon, EngineError> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        listener.set_nonblocking(true).expect("a socket can");
        Daemon::start(&self.plan, self.files.path(), listener).await
    }

    /// Ends the world: nobody got anything twice, and the counters equal the ledger.
    pub async fn finish(mut self) {
        let duplicates = self.stats().duplicates;
        assert_eq!(duplicates, 0, "messages came to a phone twice");
        self.finish_allowing_duplicates().await;
    }

    /// Ends the world where a test has asked for something to be sent twice.
    pub async fn finish_allowing_duplicates(&mut self) {
        let check = |engine: hongyan_engine::Engine| async move { engine.store().check_tally().await };
        let differences = self.daemon().with(check).await.expect("the store can be read");
        assert_eq!(differences, [], "the counters do not equal the ledger");
        self.stop().await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.daemon.is_some() && !std::thread::panicking() {
            panic!("a world ends with finish(): nothing was checked");
        }
    }
}
