//! WeChat, a folder, and the real binary in it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use hongyan_domain::Timestamp;
use hongyan_store::{MasterKey, Store};
use hongyan_testkit::process::{Running, run};
use hongyan_testkit::{Api, Wire};
use http::Method;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

pub(crate) const APPID: &str = "wx1234567890abcdef";
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const TOKEN: &str = "callbackToken7";

/// WeChat and a folder with a store in it; daemons come and go.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    _simulator: Running,
    pub(crate) wechat: Api,
    /// From us to WeChat.
    pub(crate) wire: Wire,
    /// From WeChat to us.
    callbacks: Wire,
    pub(crate) template_id: String,
    pub(crate) openids: Vec<String>,
    pub(crate) key: String,
}

impl Site {
    pub(crate) async fn new(followers: usize, latency: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let words = ["simulate", "--listen", "127.0.0.1:0", "--latency", latency];
        let simulator = Running::start(folder.path(), &[], &words).await;
        let (wechat, wire) = (Api::new(simulator.address, ""), Wire::to(simulator.address));
        // It leads nowhere until there is a daemon.
        let callbacks = Wire::to(SocketAddr::from(([127, 0, 0, 1], 9)));
        callbacks.hold_calls();
        let aes_key = "k".repeat(42) + "A";
        let url = format!("{}/callback/{APPID}", callbacks.url());
        let account = json!({ "appid": APPID, "secret": SECRET, "callback_url": url, "token": TOKEN, "aes_key": aes_key });
        wechat.post("/_sim/accounts", &account).await.expect(200);
        let template =
            json!({ "appid": APPID, "title": "支付通知", "content": "订单编号{{character_string1.DATA}}" });
        let template = wechat.post("/_sim/templates", &template).await.expect(200);
        let wanted = json!({ "appid": APPID, "count": followers });
        let made = wechat.post("/_sim/followers", &wanted).await.expect(200)["openids"].clone();
        let openids = made.as_array().unwrap().iter().map(|openid| openid.as_str().unwrap().to_owned());
        let (template_id, openids) =
            (template["template_id"].as_str().unwrap().to_owned(), openids.collect());
        let key = String::new();
        let mut site =
            Self { folder, _simulator: simulator, wechat, wire, callbacks, template_id, openids, key };
        site.put_account(&aes_key).await;
        site
    }

    async fn put_account(&mut self, aes_key: &str) {
        let add =
            ["account", "add", "--appid", APPID, "--secret", SECRET, "--kind", "service", "--token", TOKEN];
        let more = ["--aes-key", aes_key, "--base-rate", "0", "--peak-rate", "0", "--json"];
        run(self.folder(), &self.settings(), &[&add[..], &more].concat()).await.json();
        let sync = ["template", "sync", "--appid", APPID, "--json"];
        run(self.folder(), &self.settings(), &sync).await.json();
        let create = ["key", "create", "--name", "ci", "--scope", "send,read,admin", "--json"];
        let created = run(self.folder(), &self.settings(), &create).await.json();
        self.key = created["key"].as_str().unwrap().to_owned();
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("HONGYAN_STORE__URL", "sqlite:./hongyan.db".to_owned()),
            ("HONGYAN_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
            ("HONGYAN_WECHAT__API_BASE", self.wire.url()),
            ("HONGYAN_SECRETS__MASTER_KEY_FILE", "./master.key".to_owned()),
        ]
    }

    pub(crate) async fn serve(&self) -> (Running, Api) {
        self.serve_with(&[]).await
    }

    pub(crate) async fn serve_with(&self, more: &[(&'static str, String)]) -> (Running, Api) {
        let daemon = Running::start(self.folder(), &[&self.settings(), more].concat(), &["serve"]).await;
        self.callbacks.redirect(daemon.address);
        self.callbacks.open();
        let api = Api::new(daemon.address, &self.key);
        (daemon, api)
    }

    /// WeChat cannot tell us anything, and is not told so.
    pub(crate) fn hold_callbacks(&self) {
        self.callbacks.hold_calls();
    }

    pub(crate) fn open_callbacks(&self) {
        self.callbacks.open();
    }

    /// Asks until a caller is sent away; the status of that answer, or none when nobody listens.
    pub(crate) async fn sent_away(&self, api: &Api) -> Option<u16> {
        loop {
            match api.try_call(Method::GET, "/api/v1/stats", "", Bytes::new()).await {
                Ok(reply) if reply.status == 200 => {}
                Ok(reply) => return Some(reply.status),
                Err(_) => return None,
            }
        }
    }

    /// Asks until WeChat has told so many receipts, or given up telling them.
    pub(crate) async fn all_receipts_told(&self, count: i64) {
        let told = |stats: &Value| {
            ["receipts_answered", "receipts_failed"].map(|name| stats[name].as_i64().unwrap())
        };
        while told(&self.wechat_stats().await).iter().sum::<i64>() < count {}
    }

    /// Sends a second of the account; 0: as many as can be.
    pub(crate) async fn pace(&self, api: &Api, per_s: u32) {
        let limits = json!({ "limits": { "base_per_s": per_s, "peak_per_s": per_s, "daily": 1_000_000 } });
        api.patch(&format!("/api/v1/accounts/{APPID}"), &limits).await.expect(200);
    }

    /// What the daemons have logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).expect("there is a log")
    }

    /// `kill -9`, while WeChat waits with what it has to tell.
    pub(crate) async fn kill(&self, daemon: Running) {
        self.callbacks.hold_calls();
        daemon.kill().await;
    }

    pub(crate) fn message(&self, number: usize) -> Value {
        json!({
            "touser": self.openids[number % self.openids.len()],
            "template_id": self.template_id,
            "data": { "character_string1": format!("NO{number:06}") },
            "client_msg_id": format!("order-{number}"),
            "basis": "payment",
        })
    }

    pub(crate) async fn wechat_stats(&self) -> Value {
        self.wechat.get("/_sim/stats").await.expect(200)
    }

    /// Asks until nothing waits, here or at WeChat; then the counters.
    pub(crate) async fn ended(&self, api: &Api) -> Value {
        loop {
            let totals = api.get("/api/v1/stats").await.expect(200)["totals"].clone();
            let stats = self.wechat_stats().await;
            let told =
                stats["receipts_answered"].as_i64().unwrap() + stats["receipts_failed"].as_i64().unwrap();
            let awaits_receipts =
                stats["receipts_sent"].as_i64().unwrap() > told || stats["pushes_waiting"] != 0;
            if totals["pending"] == 0 && !awaits_receipts {
                return api.get("/api/v1/stats").await.expect(200)["totals"].clone();
            }
        }
    }

    /// Trap 35: what the daemons logged, and what lies in the folder, names nobody and no secret.
    pub(crate) fn assert_nothing_personal_is_written_down(&self) {
        // The log beside the database is gone once its last connection has closed it; while it is there, it is read.
        let wal = self.folder().join("hongyan.db-wal");
        let names = ["log", "hongyan.db"].into_iter().chain(wal.exists().then_some("hongyan.db-wal"));
        for name in names {
            let bytes =
                std::fs::read(self.folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            // A daemon that meets nothing worth a word leaves an empty log.
            assert!(name == "log" || !bytes.is_empty(), "{name} is empty: there is nothing to look through");
            let finds = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
            for needle in [&*self.openids[0], &*self.openids[1], SECRET, TOKEN, &*self.key] {
                assert!(!finds(needle), "{name} holds {needle}");
            }
        }
    }

    /// Counts everything again in the file that the daemon left.
    pub(crate) async fn assert_the_counters_equal_the_ledger(&self) {
        let key = MasterKey::read_or_create(&self.folder().join("master.key"), &mut StdRng::seed_from_u64(1));
        let url = format!("sqlite:{}", self.folder().join("hongyan.db").display());
        let settings = hongyan_store::Settings::new(url, key.unwrap());
        let store = Store::open(settings, Timestamp::from_ms(0)).await.unwrap();
        assert_eq!(store.check_tally().await.unwrap(), []);
    }
}

/// Posts the batches at the head of the queue until it is empty. A batch leaves the queue when it is answered: one that
/// a kill cut off is posted again, and its messages are known by their client_msg_id.
pub(crate) async fn post(api: &Api, waiting: &mut VecDeque<Vec<Value>>, batches: usize) {
    for _ in 0..batches {
        let Some(batch) = waiting.front() else { return };
        let body = Bytes::from(json!({ "messages": batch }).to_string());
        let reply = api.try_call(Method::POST, "/api/v1/messages/batch", "application/json", body).await;
        let answer = reply.expect("the daemon runs").expect(200);
        let accepted = answer["results"].as_array().unwrap().iter().filter(|result| result["id"].is_string());
        assert_eq!(accepted.count(), batch.len());
        waiting.pop_front();
    }
}
