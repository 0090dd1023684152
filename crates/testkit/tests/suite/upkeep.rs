//! What an operator does to a running server from beside it, by the real binary: new keys, backup and restore, audit.

use std::collections::VecDeque;

use hongyan_testkit::Api;
use hongyan_testkit::process::{Ended, run};
use serde_json::{Value, json};

use crate::site::{Site, post};

async fn hongyan(site: &Site, words: &[&str]) -> Ended {
    run(site.folder(), &site.settings(), &[words, &["--json"]].concat()).await
}

fn batch(site: &Site, numbers: std::ops::Range<usize>) -> VecDeque<Vec<Value>> {
    VecDeque::from([numbers.map(|number| site.message(number)).collect()])
}

/// All messages as the API shows them.
async fn messages(api: &Api) -> Vec<Value> {
    let page = api.get("/api/v1/messages?limit=500").await.expect(200);
    assert_eq!(page["next_cursor"], Value::Null);
    page["messages"].as_array().unwrap().clone()
}

async fn all_read_back(api: &Api, count: usize) {
    let messages = messages(api).await;
    assert_eq!(messages.len(), count);
    assert!(messages.iter().all(|message| message["touser"].is_string() && message["data"].is_object()));
}

#[tokio::test]
async fn a_new_data_key_is_in_force_in_a_running_server_and_outlives_kills() {
    let site = Site::new(50, "none").await;
    let (daemon, api) = site.serve().await;
    post(&api, &mut batch(&site, 0..300), 1).await;
    site.ended(&api).await;

    let rotated = hongyan(&site, &["secrets", "rotate"]).await.json();
    post(&api, &mut batch(&site, 300..350), 1).await;
    all_read_back(&api, 350).await;
    site.kill(daemon).await;
    let (mut daemon, mut api) = site.serve().await;
    loop {
        all_read_back(&api, 350).await;
        let status = hongyan(&site, &["secrets", "status"]).await.json()["accounts"][0].clone();
        if status["resealed"].is_null() {
            assert_eq!((&status["version"], &status["older"]), (&json!(2), &json!([])));
            break;
        }
        site.kill(daemon).await;
        // Every start begins with a round of the sweep.
        (daemon, api) = site.serve().await;
    }

    assert_eq!(rotated["rotated"][0]["version"], 2);
    all_read_back(&api, 350).await;
    assert_eq!(hongyan(&site, &["audit", "verify"]).await.json()["ok"], true);
    daemon.terminate().await;
    site.assert_the_counters_equal_the_ledger().await;
}

#[tokio::test]
async fn a_new_master_key_opens_the_store_at_the_next_start_and_the_old_one_does_not() {
    let site = Site::new(5, "none").await;
    let (daemon, api) = site.serve().await;
    post(&api, &mut batch(&site, 0..20), 1).await;
    std::fs::write(site.folder().join("text.key"), "not a key").unwrap();

    let wrong = hongyan(&site, &["secrets", "rewrap", "./text.key"]).await;
    let same = hongyan(&site, &["secrets", "rewrap", "./master.key"]).await;
    post(&api, &mut batch(&site, 20..40), 1).await;
    let changed = hongyan(&site, &["secrets", "rewrap", "./new.key"]).await;
    post(&api, &mut batch(&site, 40..60), 1).await;
    site.ended(&api).await;
    daemon.terminate().await;
    let old = hongyan(&site, &["account", "list"]).await;
    std::fs::rename(site.folder().join("new.key"), site.folder().join("master.key")).unwrap();
    let (daemon, api) = site.serve().await;

    assert_eq!((wrong.status.code(), same.status.code()), (Some(2), Some(2)), "{wrong:?} {same:?}");
    assert_eq!(changed.json()["master_key_file"], "./new.key");
    assert_eq!(old.status.code(), Some(5), "{old:?}");
    all_read_back(&api, 60).await;
    daemon.terminate().await;
}

/// Trap 16: a restored backup on a second host starts sending again.
#[tokio::test]
async fn a_restored_backup_sends_nothing_until_it_is_released() {
    let site = Site::new(30, "none").await;
    let (daemon, api) = site.serve().await;
    post(&api, &mut batch(&site, 0..10), 1).await;
    site.ended(&api).await;
    site.wire.hold_calls();
    post(&api, &mut batch(&site, 10..30), 1).await;
    site.wire.held(1).await;
    hongyan(&site, &["backup", "./backup.db"]).await.json();
    let in_use = hongyan(&site, &["restore", "./backup.db", "--replace"]).await;
    site.kill(daemon).await;
    let refused = hongyan(&site, &["restore", "./backup.db"]).await;
    let restored = hongyan(&site, &["restore", "./backup.db", "--replace"]).await.json();
    site.wire.cut();
    site.wire.open();
    let before = site.wechat_stats().await;

    let (daemon, api) = site.serve().await;
    post(&api, &mut batch(&site, 30..40), 1).await;
    let ready = api.get("/readyz").await.expect(200);
    let (stats, after) = (api.get("/api/v1/stats").await.expect(200), site.wechat_stats().await);
    hongyan(&site, &["resume", "--all"]).await.json();
    let totals = site.ended(&api).await;

    assert_eq!((in_use.status.code(), refused.status.code()), (Some(5), Some(2)), "{in_use:?} {refused:?}");
    assert_eq!((&restored["held"], &ready["status"]), (&json!(true), &json!("held")));
    assert_eq!((&before["sends"], &before["token_fetches"]), (&after["sends"], &after["token_fetches"]));
    assert_eq!(stats["totals"]["pending"], 30, "{stats}");
    assert_eq!(totals["delivered"], 40, "{totals}");
    assert_eq!(site.wechat_stats().await["duplicates"], 0);
    assert_eq!(hongyan(&site, &["audit", "verify"]).await.json()["ok"], true);
    daemon.terminate().await;
    site.assert_the_counters_equal_the_ledger().await;
}

#[tokio::test]
async fn an_edit_of_the_file_is_named_by_audit_verify() {
    let site = Site::new(1, "none").await;
    let whole = hongyan(&site, &["audit", "verify"]).await.json();
    let newest = whole["newest"].as_str().unwrap().to_owned();
    let known = hongyan(&site, &["audit", "verify", "--newest", &newest]).await;
    let unknown = hongyan(&site, &["audit", "verify", "--newest", &format!("1:{}", "0".repeat(64))]).await;
    let path = site.folder().join("hongyan.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(10).position(|window| window == b"key.create").expect("it is in the file");

    bytes[at..at + 10].copy_from_slice(b"key.revoke");
    std::fs::write(&path, bytes).unwrap();
    let edited = hongyan(&site, &["audit", "verify"]).await;
    let told = run(site.folder(), &site.settings(), &["audit", "verify"]).await;

    assert!(whole["ok"] == true && known.status.success(), "{whole} {known:?}");
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    assert_eq!(edited.status.code(), Some(1), "{edited:?}");
    assert!(edited.stdout.contains(r#""first_broken":"3""#), "{edited:?}");
    assert!(told.stderr.contains("row 3 was edited"), "{told:?}");
}

#[tokio::test]
async fn a_person_is_exported_and_erased_from_beside_a_running_server() {
    let site = Site::new(2, "none").await;
    let (daemon, api) = site.serve().await;
    post(&api, &mut batch(&site, 0..10), 1).await;
    site.ended(&api).await;
    let person = site.message(0)["touser"].as_str().unwrap().to_owned();

    let export = hongyan(&site, &["recipient", "export", &person]).await.json();
    let unsure = hongyan(&site, &["recipient", "erase", &person]).await;
    let erased = hongyan(&site, &["recipient", "erase", &person, "--yes"]).await.json();
    let left = hongyan(&site, &["recipient", "export", &person]).await.json();

    assert_eq!(export["messages"].as_array().unwrap().len(), 5);
    assert_eq!(unsure.status.code(), Some(2), "{unsure:?}");
    assert_eq!((&erased["messages"], &erased["in_flight"]), (&json!(5), &json!(0)));
    assert_eq!(left["messages"], json!([]));
    let nameless = messages(&api).await.iter().filter(|message| message["touser"].is_null()).count();
    assert_eq!(nameless, 5);
    daemon.terminate().await;
    site.assert_nothing_personal_is_written_down();
    site.assert_the_counters_equal_the_ledger().await;
}
