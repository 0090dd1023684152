//! What commands print for the scripts that call them.

use hongyan_testkit::process::run;
use serde_json::json;

use crate::site::Site;

/// Scripts read these eight.
#[tokio::test]
async fn the_demo_tells_machines_one_object_of_figures_that_add_up_and_ends() {
    let folder = tempfile::tempdir().unwrap();

    let told = run(folder.path(), &[], &["demo", "--messages", "20", "--exit", "--json"]).await.json();

    let count = |name: &str| told[name].as_u64().unwrap_or_else(|| panic!("{name} in {told}"));
    let ends = ["delivered", "failed", "suppressed", "unknown"];
    assert_eq!((count("messages"), ends.map(count).iter().sum()), (20, 20), "{told}");
    assert!(count("delivered") > 0 && (1..=20).contains(&count("on_time")), "{told}");
    let (seconds, rate) = (told["seconds"].as_f64().unwrap(), told["rate_per_sec"].as_f64().unwrap());
    assert!(seconds > 0.0 && (rate * seconds / 20.0 - 1.0).abs() < 0.1, "{told}");
}

#[tokio::test]
async fn wechat_is_asked_about_the_rid_of_a_refusal_and_nothing_of_its_person_is_printed() {
    let site = Site::new(1, "none").await;
    let (daemon, api) = site.serve().await;
    let refuse =
        json!({ "errcodes": [{ "errcode": 47003, "next": 1, "path": "/cgi-bin/message/template/send" }] });
    site.wechat.post("/_sim/faults", &refuse).await.expect(200);
    let accepted = api.post("/api/v1/messages", &site.message(0)).await.expect(202);
    site.ended(&api).await;
    let shown = api.get(&format!("/api/v1/messages/{}", accepted["id"].as_str().unwrap())).await;
    let timeline = shown.expect(200)["timeline"].clone();
    let rid = timeline.as_array().unwrap().iter().find_map(|moment| moment["rid"].as_str()).unwrap();

    let told = run(site.folder(), &site.settings(), &["rid", rid, "--json"]).await;
    let people = run(site.folder(), &site.settings(), &["rid", rid]).await;
    let unknown = run(site.folder(), &site.settings(), &["rid", "61725984-6126f6f9-040f19c4"]).await;

    assert_eq!((&told.json()["errcode"], &told.json()["client_ip"]), (&json!(47003), &json!("127.0.0.1")));
    assert!(people.stdout.contains("47003") && people.stdout.contains("What to do"), "{people:?}");
    for secret in [&*site.openids[0], "access_token"] {
        assert!(!told.stdout.contains(secret) && !people.stdout.contains(secret), "{told:?} {people:?}");
    }
    assert_eq!(unknown.status.code(), Some(3), "{unknown:?}");
    daemon.terminate().await;
}
