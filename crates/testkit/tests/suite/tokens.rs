//! The access_token: fetched once, renewed in time, mended when WeChat refuses it.

use std::time::Duration;

use hongyan_domain::Cause;
use hongyan_testkit::World;
use serde_json::json;

const MINUTE: Duration = Duration::from_secs(60);

/// Trap 8: a token fetched for each run.
#[tokio::test]
async fn a_thousand_messages_take_one_token() {
    let world = World::build().followers(100).start().await;

    world.send_many(1_000).await;
    world.drain().await;

    assert_eq!(world.stats().token_fetches, 1);
    world.assert_counts(&[("delivered", 1_000)]).await;
    world.finish().await;
}

#[tokio::test]
async fn the_token_is_renewed_before_its_end_and_no_send_meets_an_old_one() {
    let world = World::start().await;

    // The quota is read at that time, too, beside everything else.
    let calls = world.stats().calls + 2;
    world.advance(Duration::from_secs(7_200 - 240));
    world.drain().await;
    world.wire.until(|| world.stats().calls >= calls).await;
    world.advance(Duration::from_secs(600));
    world.send_many(10).await;
    world.drain().await;

    assert_eq!(world.stats().token_fetches, 2);
    assert_eq!(world.stats().errcodes, [].into());
    world.finish().await;
}

/// Trap 8: 40001 treated as permanent.
#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_send_is_played_again() {
    for errcode in [40001, 40014, 42001] {
        let world = World::start().await;
        world.faults(json!({ "errcodes": [{ "errcode": errcode, "next": 1 }] }));

        let id = world.send(&world.body(0)).await;
        world.drain().await;

        assert_eq!(world.state(&id).await, "delivered", "{errcode}");
        assert_eq!(world.message(&id).await["attempts"], 1, "{errcode}");
        world.finish().await;
    }
}

/// Two systems that knock out each other's token deliver everything, at twice the calls: it has to be seen.
#[tokio::test]
async fn a_try_whose_token_was_refused_is_told_counted_and_found_by_its_code() {
    let world = World::start().await;
    world.faults(json!({ "errcodes": [{ "errcode": 40001, "next": 1 }] }));

    let id = world.send(&world.body(0)).await;
    world.drain().await;

    let message = world.message(&id).await;
    let tries =
        message["timeline"].as_array().unwrap().iter().filter(|moment| moment["what"] == "dispatched");
    let codes: Vec<_> = tries.map(|moment| moment["errcode"].as_i64().unwrap()).collect();
    assert_eq!(codes, [40001, 0], "{message}");
    let found = world.api().get("/api/v1/messages?errcode=40001").await.expect(200);
    assert_eq!(found["messages"].as_array().map(Vec::len), Some(1), "{found}");
    let metrics = world.api().get("/metrics").await.text().to_owned();
    for line in
        [r#"hongyan_errcodes_total{errcode="40001"} 1"#, r#"hongyan_dispatches_total{kind="pause"} 1"#]
    {
        assert!(metrics.contains(line), "{metrics}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_token_that_another_system_knocked_out_raises_its_alert_though_everything_arrives() {
    let world = World::start().await;
    world.faults(json!({ "token_revoked": true }));

    world.wire.hold_answers();
    world.send_many(10).await;
    world.wire.held(10).await;
    world.wire.open();
    world.pass(4, MINUTE).await;

    world.assert_counts(&[("delivered", 10)]).await;

    let alerts = world.api().get("/api/v1/alerts").await.expect(200).to_string();
    assert!(alerts.contains("errcode-40001"), "{alerts}");
    world.finish().await;
}

#[tokio::test]
async fn a_token_revoked_under_load_costs_no_message() {
    let world = World::build().pace(100, 100).followers(100).start().await;
    world.send_many(500).await;
    world.pass(20, Duration::from_millis(50)).await;

    world.faults(json!({ "token_revoked": true }));
    world.pass(81, Duration::from_millis(50)).await;

    world.assert_counts(&[("delivered", 500)]).await;
    assert!(world.stats().errcodes[&40001] >= 1);
    world.finish().await;
}

#[tokio::test]
async fn two_causes_renew_the_token_once() {
    let world = World::start().await;
    world.faults(json!({ "token_revoked": true }));

    world.wire.hold_answers();
    world.send_many(50).await;
    world.wire.held(50).await;
    world.wire.open();
    world.drain().await;

    assert_eq!(world.stats().errcodes[&40001], 50);
    assert_eq!(world.stats().token_fetches, 2);
    world.assert_counts(&[("delivered", 50)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_restart_goes_on_with_the_token_it_had() {
    let mut world = World::start().await;

    world.restart().await;
    world.send(&world.body(0)).await;
    world.drain().await;

    assert_eq!(world.stats().token_fetches, 1);
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn an_account_may_use_the_classic_token() {
    let world = World::build().account(&json!({ "token_source": "classic" })).start().await;

    world.advance(Duration::from_secs(7_200));
    world.send_many(10).await;
    world.drain().await;

    world.assert_counts(&[("delivered", 10)]).await;
    assert_eq!(world.stats().token_fetches, 2);
    world.finish().await;
}

#[tokio::test]
async fn an_account_may_take_its_token_from_a_centre_outside() {
    let world = World::start().await;
    let official = world.official();
    let url = format!(
        "{}/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
        world.wire.url(),
        official.appid,
        official.secret
    );
    let change = json!({ "token_source": "outside", "token_url": url });
    world.api().patch(&format!("/api/v1/accounts/{}", official.appid), &change).await.expect(200);
    world.faults(
        json!({ "token_revoked": true, "errcodes": [{ "errcode": -1, "path": "/cgi-bin/stable_token" }] }),
    );

    world.send(&world.body(0)).await;
    world.drain().await;

    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

/// Trap 36: the address to add is hidden in a log.
#[tokio::test]
async fn an_address_that_is_not_allowed_pauses_the_account_and_is_shown() {
    let world = World::start().await;
    world.change_at_wechat(&json!({ "ip_allow_list": [] }));

    let id = world.send(&world.body(0)).await;
    world.drain().await;

    assert_eq!(world.traffic().await.pause.unwrap().cause, Cause::IpNotAllowed);
    assert_eq!(world.state(&id).await, "pending: ip_not_allowed");
    let shown = world.account().await.to_string();
    assert!(shown.contains("127.0.0.1"), "{shown}");
    world.finish().await;
}

#[tokio::test]
async fn a_refused_address_is_tried_slowly_and_all_goes_on_once_it_is_allowed() {
    let world = World::start().await;
    world.change_at_wechat(&json!({ "ip_allow_list": [] }));
    let ids = world.send_many(20).await;
    world.drain().await;
    let refused = world.stats().errcodes[&40164];

    world.pass(60, MINUTE).await;
    let polls = world.stats().errcodes[&40164] - refused;
    world.change_at_wechat(&json!({ "ip_allow_list": ["127.0.0.1"] }));
    world.pass(10, MINUTE).await;

    // After 1, 3, 7 and 15 minutes, then every ten; and the quota is asked for every ten.
    assert!((8..=16).contains(&polls), "{polls} calls in an hour");
    world.assert_counts(&[("delivered", 20)]).await;
    assert_eq!(world.message(&ids[0]).await["attempts"], 1);
    world.finish().await;
}

/// Each call of 89503 sends the administrator a message; 89507 and 89506 block the address for an hour and for a day.
#[tokio::test]
async fn an_address_that_the_administrator_has_to_confirm_is_asked_about_a_few_times_a_day() {
    for (errcode, most) in [(89503, 30), (89507, 24), (89506, 1)] {
        let world = World::start().await;
        let refused = json!([{ "errcode": errcode, "path": "/cgi-bin/stable_token" }]);
        world.faults(json!({ "token_revoked": true, "errcodes": refused }));

        world.send_many(3).await;
        world.pass(144, 10 * MINUTE).await;
        let asked = world.stats().errcodes[&errcode];
        let shown = world.traffic().await.pause.map(|pause| pause.cause);
        world.faults(json!({}));
        world.order("resume", &json!({})).await.expect(200);
        world.drain().await;

        assert!(asked <= most, "{errcode}: {asked} calls in a day");
        assert_eq!(shown, Some(Cause::IpNotAllowed), "{errcode}");
        world.assert_counts(&[("delivered", 3)]).await;
        world.finish().await;
    }
}

#[tokio::test]
async fn a_person_who_asks_after_mending_is_told_how_it_stands_now_and_sending_goes_on() {
    let world = World::start().await;
    let refused = json!([{ "errcode": 89506, "path": "/cgi-bin/stable_token" }]);
    world.faults(json!({ "token_revoked": true, "errcodes": refused }));
    world.send(&world.body(0)).await;
    world.pass(2, MINUTE).await;

    world.faults(json!({}));
    let path = format!("/api/v1/accounts/{}/check", world.official().appid);
    let report = world.api().post(&path, &json!({})).await.expect(200);

    assert_eq!(
        (&report["checks"][1]["status"], &report["checks"][2]["status"]),
        (&json!("ok"), &json!("ok"))
    );
    world.drain().await;
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

/// A cached token hides neither the address that WeChat refuses nor, behind it, anything else.
#[tokio::test]
async fn the_check_lays_a_refused_address_to_the_address_alone() {
    let world = World::start().await;
    world.send(&world.body(0)).await;
    world.drain().await;
    world.change_at_wechat(&json!({ "ip_allow_list": [] }));

    let path = format!("/api/v1/accounts/{}/check", world.official().appid);
    let report = world.api().post(&path, &json!({})).await.expect(200);

    let stand: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|check| check["status"].clone()).collect();
    assert_eq!(stand, ["ok", "ok", "failed", "skipped", "skipped", "skipped", "ok", "ok"]);
    let mend = report["checks"][2]["mend"]["en"].as_str().unwrap();
    assert!(mend.starts_with("add 127.0.0.1 to "), "{mend}");
    world.finish().await;
}

#[tokio::test]
async fn a_changed_appsecret_is_tried_at_once_and_not_hidden_by_the_token_of_the_one_before() {
    let world = World::start().await;
    world.send(&world.body(0)).await;
    world.drain().await;
    let path = format!("/api/v1/accounts/{}", world.official().appid);

    world.api().patch(&path, &json!({ "secret": "wrong" })).await.expect(200);
    let report = world.api().post(&format!("{path}/check"), &json!({})).await.expect(200);

    assert_eq!(report["checks"][1]["status"], "failed", "{report}");
    world.finish().await;
}

#[tokio::test]
async fn a_new_appsecret_mends_the_account() {
    let world = World::start().await;
    let secret = "another0another0another0another0";
    world.change_at_wechat(&json!({ "secret": secret }));
    world.faults(json!({ "token_revoked": true }));
    world.send_many(5).await;
    world.drain().await;

    let path = format!("/api/v1/accounts/{}", world.official().appid);
    world.api().patch(&path, &json!({ "secret": secret })).await.expect(200);
    world.pass(2, MINUTE).await;

    world.assert_counts(&[("delivered", 5)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_wrong_appsecret_pauses_the_account_and_fails_no_message() {
    let world = World::start().await;
    world.change_at_wechat(&json!({ "secret": "another0another0another0another0" }));
    world.faults(json!({ "token_revoked": true }));

    world.send_many(5).await;
    world.pass(10, MINUTE).await;

    assert_eq!(world.traffic().await.pause.unwrap().cause, Cause::AccountRefused);
    let counts = world.counts().await;
    assert_eq!(counts.values().sum::<i64>(), counts["pending"]);
    world.finish().await;
}
