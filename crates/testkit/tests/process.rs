//! The real binary in processes of its own: killed, stopped, misconfigured, out of disk. What these tests wait for
//! is an answer, a line or an end of a process; the processes run by the machine's clock.

#![expect(clippy::unwrap_used, reason = "what these tests share fails them by a panic")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use hongyan_domain::Timestamp;
use hongyan_store::{MasterKey, Store};
use hongyan_testkit::process::{Running, run};
use hongyan_testkit::{Api, Wire};
use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

const APPID: &str = "wx1234567890abcdef";
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const TOKEN: &str = "callbackToken7";

/// WeChat and a folder with a store in it; daemons come and go.
struct Site {
    folder: tempfile::TempDir,
    _simulator: Running,
    wechat: Api,
    /// From us to WeChat.
    wire: Wire,
    /// From WeChat to us.
    callbacks: Wire,
    template_id: String,
    openids: Vec<String>,
    key: String,
}

impl Site {
    async fn new(followers: usize, latency: &str) -> Self {
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

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("HONGYAN_STORE__URL", "sqlite:./hongyan.db".to_owned()),
            ("HONGYAN_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
            ("HONGYAN_WECHAT__API_BASE", self.wire.url()),
            ("HONGYAN_SECRETS__MASTER_KEY_FILE", "./master.key".to_owned()),
        ]
    }

    async fn serve(&self) -> (Running, Api) {
        self.serve_with(&[]).await
    }

    async fn serve_with(&self, more: &[(&'static str, String)]) -> (Running, Api) {
        let daemon = Running::start(self.folder(), &[&self.settings(), more].concat(), &["serve"]).await;
        self.callbacks.redirect(daemon.address);
        self.callbacks.open();
        let api = Api::new(daemon.address, &self.key);
        (daemon, api)
    }

    /// `kill -9`, while WeChat waits with what it has to tell.
    async fn kill(&self, daemon: Running) {
        self.callbacks.hold_calls();
        daemon.kill().await;
    }

    fn message(&self, number: usize) -> Value {
        json!({
            "touser": self.openids[number % self.openids.len()],
            "template_id": self.template_id,
            "data": { "character_string1": format!("NO{number:06}") },
            "client_msg_id": format!("order-{number}"),
            "basis": "payment",
        })
    }

    async fn wechat_stats(&self) -> Value {
        self.wechat.get("/_sim/stats").await.expect(200)
    }

    /// Asks until nothing waits, here or at WeChat; then the counters.
    async fn ended(&self, api: &Api) -> Value {
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
    fn assert_nothing_personal_is_written_down(&self) {
        for name in ["log", "hongyan.db", "hongyan.db-wal"] {
            let bytes = std::fs::read(self.folder().join(name)).unwrap_or_default();
            let finds = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
            for needle in [&*self.openids[0], &*self.openids[1], SECRET, TOKEN, &*self.key] {
                assert!(!finds(needle), "{name} holds {needle}");
            }
        }
    }

    /// Counts everything again in the file that the daemon left.
    async fn assert_the_counters_equal_the_ledger(&self) {
        let key = MasterKey::read_or_create(&self.folder().join("master.key"), &mut StdRng::seed_from_u64(1));
        let url = format!("sqlite:{}", self.folder().join("hongyan.db").display());
        let settings = hongyan_store::Settings::new(url, key.unwrap());
        let store = Store::open(settings, Timestamp::from_ms(0)).await.unwrap();
        assert_eq!(store.check_tally().await.unwrap(), []);
    }
}

/// Posts the batches at the head of the queue until it is empty. A batch leaves the queue when it is answered: one that
/// a kill cut off is posted again, and its messages are known by their client_msg_id.
async fn post(api: &Api, waiting: &mut VecDeque<Vec<Value>>, batches: usize) {
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

/// When a daemon is killed.
#[derive(Debug)]
enum Moment {
    /// When so many batches were accepted.
    Accepted(usize),
    /// When WeChat has answered so many calls, whatever is being accepted then.
    Answered(usize),
}

fn draw(rng: &mut StdRng) -> Moment {
    if rng.random_bool(0.5) {
        return Moment::Accepted(rng.random_range(1..=8));
    }
    Moment::Answered(rng.random_range(1..=300))
}

/// One daemon's life: it takes batches in and sends, until the moment comes.
async fn live_until(site: &Site, moment: Moment, waiting: &mut VecDeque<Vec<Value>>) {
    let (daemon, api) = site.serve().await;
    let before = site.wire.answered();
    match moment {
        Moment::Accepted(batches) => post(&api, waiting, batches).await,
        Moment::Answered(calls) => tokio::select! {
            () = site.wire.until(|| site.wire.answered() >= before + calls) => {}
            () = async { post(&api, waiting, 12).await; std::future::pending().await } => {}
        },
    }
    site.kill(daemon).await;
}

const KILLS: usize = 55;
const MESSAGES: usize = 20_000;
const BATCH: usize = 50;

/// Traps 9 and 10: a crash loses what was in memory, or strands it between two systems.
#[tokio::test]
async fn twenty_thousand_messages_outlive_fifty_five_kills_and_each_comes_once() {
    let site = Site::new(MESSAGES, "none").await;
    let mut rng = StdRng::seed_from_u64(20_261_123);
    let messages: Vec<_> = (0..MESSAGES).map(|number| site.message(number)).collect();
    let mut waiting: VecDeque<_> = messages.chunks(BATCH).map(<[Value]>::to_vec).collect();

    for _ in 0..KILLS {
        live_until(&site, draw(&mut rng), &mut waiting).await;
    }
    let (daemon, api) = site.serve().await;
    post(&api, &mut waiting, usize::MAX).await;
    let totals = site.ended(&api).await;
    assert!(daemon.terminate().await.success());

    let stats = site.wechat_stats().await;
    let count = |state: &str| totals[state].as_i64().unwrap();
    assert_eq!(stats["duplicates"], 0, "{stats}");
    assert!(stats["repeats"].as_i64().unwrap() > 0, "no kill came while a send was on its way: {stats}");
    assert_eq!(count("delivered") + count("sent") + count("unknown"), MESSAGES as i64, "{totals}");
    // What WeChat tried to report three times, in vain, is known to be sent and nothing more.
    assert!(
        count("sent") + count("unknown") <= stats["receipts_failed"].as_i64().unwrap(),
        "{totals} {stats}"
    );
    site.assert_nothing_personal_is_written_down();
    site.assert_the_counters_equal_the_ledger().await;
}

#[tokio::test]
async fn a_daemon_that_gets_sigterm_ends_what_is_in_flight_and_leaves_the_rest_to_the_next() {
    let site = Site::new(500, "100..300").await;
    let (daemon, api) = site.serve().await;
    let mut waiting = VecDeque::from([(0..500).map(|number| site.message(number)).collect()]);
    post(&api, &mut waiting, 1).await;
    site.wire.until(|| site.wire.answered() >= 30).await;

    let ended = daemon.terminate().await;
    let (daemon, api) = site.serve().await;
    let totals = site.ended(&api).await;

    assert!(ended.success(), "{ended:?}");
    assert_eq!((&totals["delivered"], &site.wechat_stats().await["repeats"]), (&json!(500), &json!(0)));
    daemon.terminate().await;
    site.assert_the_counters_equal_the_ledger().await;
}

#[tokio::test]
async fn a_second_daemon_on_the_same_store_ends_at_once_and_says_why() {
    let site = Site::new(1, "none").await;
    let (daemon, api) = site.serve().await;

    let second = run(site.folder(), &site.settings(), &["serve"]).await;

    assert_eq!(second.status.code(), Some(5), "{second:?}");
    assert!(second.stderr.contains("another process"), "{second:?}");
    api.post("/api/v1/messages", &site.message(0)).await.expect(202);
    assert_eq!(site.ended(&api).await["delivered"], 1);
    daemon.terminate().await;
}

/// A script that takes "failed" for "not sent" sends it again: the person gets it twice.
#[tokio::test]
async fn a_send_that_runs_out_of_time_says_that_the_message_is_accepted_and_why_it_waits() {
    let site = Site::new(1, "none").await;
    let pause = ["account", "pause", "--reason", "lunch", "--json"];
    run(site.folder(), &site.settings(), &[&pause[..], &["--lasts", "0s"]].concat()).await.json();
    let over = run(site.folder(), &site.settings(), &["account", "list"]).await;
    assert!(over.stdout.contains("not paused"), "{over:?}");
    run(site.folder(), &site.settings(), &pause).await.json();
    let send = ["send", "--touser", &site.openids[0], "--template-id", &site.template_id];
    let send =
        [&send[..], &["--data", r#"{"character_string1":"A1"}"#, "--wait", "--timeout", "300ms"]].concat();

    let alone = run(site.folder(), &site.settings(), &send).await;
    let (daemon, api) = site.serve().await;
    let through = [("HONGYAN_HTTP__LISTEN", daemon.address.to_string()), ("HONGYAN_KEY", site.key.clone())];
    let settings = [&site.settings(), &through[..]].concat();
    let through = run(site.folder(), &settings, &send).await;
    let machine = run(site.folder(), &settings, &[&send[..], &["--json"]].concat()).await;

    for ended in [&alone, &through] {
        assert_eq!(ended.status.code(), Some(6), "{ended:?}");
        let said = &ended.stdout;
        assert!(
            said.contains("msg_") && said.contains("do not send it again") && said.contains("lunch"),
            "{said}"
        );
    }
    let told: Value = serde_json::from_str(&machine.stdout).unwrap();
    assert_eq!((machine.status.code(), &told["state"]), (Some(6), &json!("pending")));
    assert_eq!(api.get("/api/v1/stats").await.expect(200)["totals"]["pending"], 3);
    daemon.terminate().await;
}

#[tokio::test]
async fn the_command_line_shows_what_the_running_server_knows() {
    let site = Site::new(2, "none").await;
    let (daemon, api) = site.serve().await;
    let through = [("HONGYAN_HTTP__LISTEN", daemon.address.to_string()), ("HONGYAN_KEY", site.key.clone())];
    let settings = [&site.settings(), &through[..]].concat();
    let hongyan = async |words: &str| {
        let words: Vec<_> = words.split(' ').collect();
        run(site.folder(), &settings, &words).await
    };
    api.post("/api/v1/messages", &site.message(0)).await.expect(202);
    site.ended(&api).await;

    let shown = hongyan("message show order-0").await;
    let listed = hongyan("message list --state delivered --json").await.json();
    let late = hongyan("message cancel order-0").await;
    let stats = hongyan("stats --json").await.json();
    let chinese = hongyan("--lang zh message show msg_nothing").await;
    let none = hongyan("message show order-9").await;

    assert!(shown.stdout.contains("delivered") && shown.stdout.contains("reported"), "{shown:?}");
    assert_eq!(listed["messages"][0]["client_msg_id"], "order-0");
    assert_eq!((late.status.code(), none.status.code()), (Some(2), Some(4)), "{late:?} {none:?}");
    assert_eq!(stats["totals"]["delivered"], 1);
    assert!(chinese.stderr.starts_with("错误：没有这条消息："), "{chinese:?}");
    site.wechat.post("/_sim/accounts", &json!({ "appid": APPID, "ip_allow_list": [] })).await.expect(200);
    let answered = site.wire.answered();
    api.post("/api/v1/messages", &site.message(1)).await.expect(202);
    site.wire.until(|| site.wire.answered() > answered).await;
    // The dispatcher tells how things stand once a second.
    let state = loop {
        let accounts = hongyan("account list").await.stdout;
        if !accounts.contains("sending") {
            break accounts;
        }
    };
    assert!(state.contains("127.0.0.1"), "{state}");
    daemon.terminate().await;
}

#[tokio::test]
async fn usage_errors_are_json_where_json_is_asked_for_and_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let fault = async |words: &str| {
        let words: Vec<_> = words.split(' ').collect();
        let ended = run(folder.path(), &[], &words).await;
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        let told: Value = serde_json::from_str(&ended.stderr).unwrap();
        told["error"]["message"].as_str().unwrap().to_owned()
    };

    assert!(fault("serve --nonsense --json").await.contains("--nonsense"));
    assert!(fault("backup /no/such/folder/copy.db --json").await.contains("/no/such/folder"));
    assert!(fault("account add --appid wx1 --json").await.contains("--secret"));
    assert!(fault("message list --json").await.contains("HONGYAN_KEY"));
    assert!(fault("send --touser o --template-id t --data {x --json").await.contains("column 2"));
}

#[tokio::test]
async fn a_wrong_setting_ends_the_start_with_its_name_its_value_and_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("HONGYAN_HTTP__LISTEN", "everywhere", "http.listen"),
        ("HONGYAN_WECHAT__TIMEOUT_MS", "soon", "wechat.timeout_ms"),
        ("HONGYAN_STORE__URL", "oracle:x", "store.url"),
        ("HONGYAN_ENGINE__MAX_IN_FLIGTH", "5", "max_in_flight"),
    ];

    for (name, value, told) in cases {
        let ended = run(folder.path(), &[(name, value.to_owned())], &["serve"]).await;
        assert_eq!(ended.status.code(), Some(2), "{name}: {ended:?}");
        assert!(ended.stderr.contains(told), "{name}: {ended:?}");
        assert!(name.contains("FLIGTH") || ended.stderr.contains(value), "{name}: {ended:?}");
    }
    assert!(!folder.path().join("hongyan.db").exists(), "nothing was begun");
}

#[tokio::test]
async fn the_wrong_master_key_opens_nothing_and_breaks_nothing() {
    let site = Site::new(1, "none").await;
    let another = [("HONGYAN_SECRETS__MASTER_KEY_FILE", "./another.key".to_owned())];
    let key = MasterKey::generate(&mut StdRng::seed_from_u64(5)).to_text();
    let settings =
        [&site.settings(), &[("HONGYAN_SECRETS__MASTER_KEY", key.expose().to_owned())][..]].concat();

    let wrong = run(site.folder(), &settings, &["serve"]).await;
    let missing = run(site.folder(), &[&site.settings(), &another[..]].concat(), &["serve"]).await;
    let (daemon, api) = site.serve().await;

    assert!(!wrong.status.success() && !missing.status.success(), "{wrong:?} {missing:?}");
    assert!(!format!("{wrong:?}").contains(key.expose()));
    assert_eq!(api.get("/readyz").await.status, 200);
    daemon.terminate().await;
}

#[tokio::test]
async fn the_command_line_puts_nothing_in_that_the_api_would_refuse() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("two_lines"), "AAAA\nBBBB\n").unwrap();
    let good = ["account", "add", "--appid", "wx1", "--secret", r#"a"\b"#];
    run(folder.path(), &[], &[&good[..], &["--json"]].concat()).await.json();
    let more: &[&[&str]] = &[
        &["--secret-file", "two_lines"],
        &["--secret", ""],
        &["--secret", "s", "--token", "a\nb"],
        &["--secret", "s", "--base-rate", "100", "--peak-rate", "1"],
        &["--secret", "s", "--proxy", "socks5://x"],
        &["--secret", "s", "--token-source", "http://"],
        &["--secret", "s", "--name", "\u{1b}[31m"],
    ];
    let key: &[&[&str]] = &[
        &["key", "create", "--name", "\n\u{1b}[31m"],
        &["key", "create", "--name", "ci", "--expires-after", "99999999999d"],
    ];
    let accounts = more.iter().map(|more| [&["account", "add", "--appid", "wx2"], *more].concat());

    for words in accounts.chain(key.iter().map(|words| words.to_vec())) {
        let ended = run(folder.path(), &[], &words).await;
        assert_eq!(ended.status.code(), Some(2), "{words:?}: {ended:?}");
    }

    let listed = run(folder.path(), &[], &["account", "list", "--json"]).await.json();
    assert_eq!(listed["accounts"].as_array().unwrap().len(), 1, "{listed}");
    run(folder.path(), &[], &["account", "remove", "--appid", "wx1", "--yes", "--json"]).await.json();
}

/// Compiles the stand-in for a disk that can be filled and emptied.
fn disk(folder: &Path) -> String {
    let library = folder.join("disk_full.so");
    let mut compile = std::process::Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library);
    compile.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk_full.c")).arg("-ldl");
    assert!(compile.status().expect("there is a C compiler").success());
    library.display().to_string()
}

/// Trap 32: disk full. Sending must stop, the API must answer 503, nothing may be lost.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_full_disk_is_answered_503_and_everything_goes_on_once_there_is_room() {
    let site = Site::new(400, "none").await;
    let full = site.folder().join("full");
    let preload = [("LD_PRELOAD", disk(site.folder())), ("DISK_IS_FULL", full.display().to_string())];
    let (daemon, api) = site.serve_with(&preload).await;
    let mut waiting: VecDeque<Vec<Value>> = (0..4)
        .map(|part| (part * 100..part * 100 + 100).map(|number| site.message(number)).collect())
        .collect();
    post(&api, &mut waiting, 2).await;

    std::fs::write(&full, "").unwrap();
    let refused = api.post("/api/v1/messages", &site.message(399)).await;
    let not_ready = api.get("/readyz").await.status;
    let sends = site.wechat_stats().await["sends"].clone();
    std::fs::remove_file(&full).unwrap();
    let ready = api.get("/readyz").await.status;
    post(&api, &mut waiting, 2).await;
    let totals = site.ended(&api).await;

    assert_eq!((refused.status, not_ready, ready), (503, 503, 200), "{}", refused.text());
    assert!(sends.as_i64().unwrap() <= 200);
    assert_eq!((&totals["delivered"], &site.wechat_stats().await["duplicates"]), (&json!(400), &json!(0)));
    assert!(daemon.terminate().await.success());
    site.assert_the_counters_equal_the_ledger().await;
}
