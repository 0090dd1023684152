//! The real binary in processes of its own: killed, stopped, misconfigured, out of disk. What these tests wait for
//! is an answer, a line or an end of a process; the processes run by the machine's clock.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;

use hongyan_store::MasterKey;
use hongyan_testkit::Api;
use hongyan_testkit::process::{binary, run};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::site::{APPID, Site, post};

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
    assert_eq!(stats["delivered"], MESSAGES, "WeChat has to say so too: {stats}");
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

/// WeChat tells a receipt three times within ten seconds, and never again.
#[tokio::test]
async fn a_daemon_that_gets_sigterm_listens_to_wechat_until_its_sends_have_ended() {
    let site = Site::new(10, "none").await;
    let (daemon, api) = site.serve_with(&[("HONGYAN_WECHAT__TIMEOUT_MS", "60000".to_owned())]).await;
    site.hold_callbacks();
    site.wire.hold_answers();
    post(&api, &mut VecDeque::from([(0..10).map(|number| site.message(number)).collect()]), 1).await;
    site.wire.held(10).await;

    let (ended, refused) = tokio::join!(daemon.terminate(), async {
        let refused = site.sent_away(&api).await;
        site.open_callbacks();
        site.all_receipts_told(10).await;
        site.wire.open();
        refused
    });
    let told = site.wechat_stats().await;
    let (daemon, api) = site.serve().await;
    let totals = site.ended(&api).await;

    assert!(ended.success(), "{ended:?}");
    assert_eq!(refused, Some(503));
    assert_eq!((&told["receipts_answered"], &told["receipts_failed"]), (&json!(10), &json!(0)));
    assert_eq!(totals["delivered"], 10, "{totals}");
    daemon.terminate().await;
    site.assert_the_counters_equal_the_ledger().await;
}

/// What WeChat took and answered too late goes again under its id.
#[tokio::test]
async fn a_wechat_that_is_slower_than_the_time_out_delivers_each_message_once() {
    let site = Site::new(40, "none").await;
    let (daemon, api) = site.serve_with(&[("HONGYAN_WECHAT__TIMEOUT_MS", "300".to_owned())]).await;
    // The token is here before everything is slow.
    post(&api, &mut VecDeque::from([vec![site.message(0)]]), 1).await;
    site.ended(&api).await;
    let slow = json!({ "latency": { "min_ms": 1_500, "max_ms": 1_500 } });
    site.wechat.post("/_sim/faults", &slow).await.expect(200);
    post(&api, &mut VecDeque::from([(1..40).map(|number| site.message(number)).collect()]), 1).await;
    while site.wechat_stats().await["sends"].as_i64().unwrap() < 40 {}

    site.wechat.post("/_sim/faults", &json!({})).await.expect(200);
    let totals = site.ended(&api).await;

    let stats = site.wechat_stats().await;
    assert_eq!(
        (&totals["delivered"], &stats["delivered"], &stats["duplicates"]),
        (&json!(40), &json!(40), &json!(0))
    );
    assert!(stats["repeats"].as_i64().unwrap() > 0, "nothing was too slow: {stats}");
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
    let nonsense = [vec!["account", "add", "--appid", "nonsense", "--secret", "s"]];
    let key: &[&[&str]] = &[
        &["key", "create", "--name", "\n\u{1b}[31m"],
        &["key", "create", "--name", "ci", "--expires-after", "99999999999d"],
    ];
    let accounts = more.iter().map(|more| [&["account", "add", "--appid", "wx2"], *more].concat());

    for words in accounts.chain(nonsense).chain(key.iter().map(|words| words.to_vec())) {
        let ended = run(folder.path(), &[], &words).await;
        assert_eq!(ended.status.code(), Some(2), "{words:?}: {ended:?}");
    }

    let listed = run(folder.path(), &[], &["account", "list", "--json"]).await.json();
    assert_eq!(listed["accounts"].as_array().unwrap().len(), 1, "{listed}");
    run(folder.path(), &[], &["account", "remove", "--appid", "wx1", "--yes", "--json"]).await.json();
}

#[tokio::test]
async fn the_demo_ends_with_a_way_into_its_console() {
    let mut demo = tokio::process::Command::new(binary());
    demo.args(["demo", "--messages", "20"])
        .env("HONGYAN_LANG", "en")
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut demo = demo.spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let line = loop {
        let line = lines.next_line().await.unwrap().expect("it tells of the console before it ends");
        if line.trim_start().starts_with("console ") {
            break line;
        }
    };

    let words: Vec<_> = line.split_whitespace().map(|word| word.trim_end_matches(',')).collect();
    let ["console", url, "as", name, "password", password] = words[..] else { panic!("{line}") };
    let address = url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let login = json!({ "name": name, "password": password });

    let me = Api::new(address, "none").post("/api/v1/login", &login).await.expect(200);
    assert_eq!(me["role"], "admin", "{me}");
}

/// Compiles the stand-in for a disk that can be filled and emptied.
fn disk(folder: &Path) -> String {
    let library = folder.join("disk_full.so");
    let mut compile = std::process::Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library);
    compile.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/disk_full.c")).arg("-ldl");
    assert!(compile.status().expect("there is a C compiler").success());
    library.display().to_string()
}

/// Trap 32. Sending must stop, the API must answer 503, nothing may be lost.
#[cfg(target_os = "linux")]
async fn takes_nothing_for_a_while(fault: &'static str) {
    let site = Site::new(400, "none").await;
    let mark = site.folder().join("mark");
    let preload = [("LD_PRELOAD", disk(site.folder())), (fault, mark.display().to_string())];
    let (daemon, api) = site.serve_with(&preload).await;
    let mut waiting: VecDeque<Vec<Value>> = (0..4)
        .map(|part| (part * 100..part * 100 + 100).map(|number| site.message(number)).collect())
        .collect();
    // One a second: a hundred wait when the disk takes nothing more.
    site.pace(&api, 1).await;
    post(&api, &mut waiting, 1).await;

    std::fs::write(&mark, "").unwrap();
    let refused = api.post("/api/v1/messages", &site.message(399)).await;
    let not_ready = api.get("/readyz").await.status;
    let before = site.wechat_stats().await["sends"].as_i64().unwrap();
    // Claims, outcomes and the sweep fail, each again and again; between two claims lies a second.
    let failures = async || {
        let metrics = api.get("/metrics").await.text().to_owned();
        let mut lines = metrics.lines();
        let line = lines.find_map(|line| line.strip_prefix("hongyan_store_failures_total "));
        line.and_then(|count| count.parse::<u64>().ok()).expect("it is counted")
    };
    while failures().await < 20 {}
    assert!(site.log().contains("could not claim"), "{}", site.log());
    let after = site.wechat_stats().await["sends"].as_i64().unwrap();
    std::fs::remove_file(&mark).unwrap();
    let ready = api.get("/readyz").await.status;
    site.pace(&api, 0).await;
    post(&api, &mut waiting, 3).await;
    let totals = site.ended(&api).await;

    assert_eq!((refused.status, not_ready, ready), (503, 503, 200), "{}", refused.text());
    // One may have been claimed just before; since then the pace would have allowed more.
    assert!(before < 100 && after - before <= 1, "{before} and then {after} sends");
    assert_eq!((&totals["delivered"], &site.wechat_stats().await["duplicates"]), (&json!(400), &json!(0)));
    assert!(daemon.terminate().await.success());
    site.assert_the_counters_equal_the_ledger().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_full_disk_stops_the_sending_is_answered_503_and_loses_nothing() {
    takes_nothing_for_a_while("DISK_IS_FULL").await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_disk_that_has_become_read_only_stops_the_sending_is_answered_503_and_loses_nothing() {
    takes_nothing_for_a_while("DISK_IS_READ_ONLY").await;
}

/// After an fsync that failed nobody knows what is on the disk: the process must not live on, and must not say that
/// nothing was done.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_disk_that_fails_ends_the_process_and_the_answer_says_that_nobody_knows() {
    let site = Site::new(100, "none").await;
    let fails = site.folder().join("fails");
    let preload = [("LD_PRELOAD", disk(site.folder())), ("DISK_FAILS", fails.display().to_string())];
    let (daemon, api) = site.serve_with(&preload).await;
    let batch =
        |from: usize| VecDeque::from([(from..from + 50).map(|number| site.message(number)).collect()]);
    post(&api, &mut batch(0), 1).await;
    site.ended(&api).await;

    std::fs::write(&fails, "").unwrap();
    let doubtful = api.post("/api/v1/messages", &site.message(99)).await;
    let ended = daemon.end().await;
    std::fs::remove_file(&fails).unwrap();
    let (daemon, api) = site.serve().await;
    let again = api.post("/api/v1/messages", &site.message(99)).await;
    post(&api, &mut batch(50), 1).await;
    let totals = site.ended(&api).await;

    assert_eq!(doubtful.status, 503, "{}", doubtful.text());
    assert!(doubtful.text().contains("store_stopped"), "{}", doubtful.text());
    assert!(doubtful.text().contains("same client_msg_id"), "{}", doubtful.text());
    assert_eq!(ended.code(), Some(5));
    assert!(matches!(again.status, 200 | 202), "{}", again.text());
    assert_eq!((&totals["delivered"], &site.wechat_stats().await["duplicates"]), (&json!(100), &json!(0)));
    assert!(daemon.terminate().await.success());
    site.assert_the_counters_equal_the_ledger().await;
}
