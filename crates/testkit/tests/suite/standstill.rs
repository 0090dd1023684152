//! An account that stands still says so where somebody looks: in the log and at readiness. A test binary of its own: it
//! reads the log of the whole process.

use std::time::Duration;

use hongyan_testkit::{Logs, World};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn warnings(logs: &Logs, words: &str) -> Vec<String> {
    let text = logs.text();
    text.lines().filter(|line| line.contains(" WARN ") && line.contains(words)).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_stand_still_is_logged_once_with_its_address_and_mend_and_so_is_its_end() {
    let logs = Logs::capture();
    let world = World::start().await;
    world.change_at_wechat(&json!({ "ip_allow_list": [] }));
    world.send_many(3).await;
    world.pass(600, SECOND).await;

    let still = warnings(&logs, "the account stands still");
    assert_eq!(still.len(), 1, "{still:?}");
    assert!(still[0].contains("127.0.0.1") && still[0].contains("ip_not_allowed"), "{still:?}");
    let ready = world.api().get("/readyz").await.expect(200).to_string();
    assert!(ready.contains("1 of 1 stand still"), "{ready}");

    world.change_at_wechat(&json!({ "ip_allow_list": null }));
    world.pass(10, MINUTE).await;
    world.pass(12, SECOND).await;

    assert_eq!(warnings(&logs, "the account sends again").len(), 1);
    world.assert_counts(&[("delivered", 3)]).await;

    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);
    world.pass(2, SECOND).await;
    let ordered = warnings(&logs, "lunch");
    assert!(ordered.len() == 1 && ordered[0].contains("hongyan account resume"), "{ordered:?}");
    world.finish().await;
}
