//! Many accounts side by side: each with its own people, and none in another's way.

use std::time::Duration;

use hongyan_testkit::{World, with};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

/// Trap 28: a filter by account forgotten in a batch, and followers of all accounts were messaged.
#[tokio::test]
async fn a_batch_over_many_accounts_goes_to_each_ones_own_followers() {
    let world = World::build().accounts(5).followers(20).start().await;
    let bodies: Vec<_> = (0..100).map(|number| world.officials[number % 5].body(number / 5)).collect();

    world.send_all(&bodies).await;
    world.drain().await;

    world.assert_counts(&[("delivered", 100)]).await;
    for entry in world.ledger() {
        let official = world.officials.iter().find(|official| official.appid == entry.appid).unwrap();
        assert!(official.openids.contains(&entry.openid.unwrap()));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_message_names_its_account_where_there_are_several() {
    let world = World::build().accounts(2).start().await;
    let mut nameless = world.body(0);
    nameless.as_object_mut().unwrap().remove("appid");
    let unknown = with(world.body(0), &json!({ "appid": "wx_nobody" }));

    let nameless = world.api().post("/api/v1/messages", &nameless).await;
    let unknown = world.api().post("/api/v1/messages", &unknown).await;

    assert_eq!(nameless.expect(400)["code"], "account_needed");
    assert_eq!(unknown.expect(404)["code"], "unknown_account");
    world.finish().await;
}

#[tokio::test]
async fn a_message_need_not_name_the_only_account() {
    let world = World::start().await;
    let mut nameless = world.body(0);
    nameless.as_object_mut().unwrap().remove("appid");

    let id = world.send(&nameless).await;
    world.drain().await;

    assert_eq!(world.state(&id).await, "delivered");
    world.finish().await;
}

#[tokio::test]
async fn one_accounts_trouble_holds_up_no_other() {
    let world = World::build().accounts(4).start().await;
    let troubles = [
        json!({ "appid": world.officials[0].appid, "quota_used_up": true }),
        json!({ "appid": world.officials[1].appid, "drop_before": 1 }),
        json!({ "appid": world.officials[2].appid, "errcodes": [{ "errcode": 40164 }] }),
    ];
    troubles.into_iter().for_each(|trouble| world.faults(trouble));
    let bodies: Vec<_> =
        world.officials.iter().flat_map(|official| (0..50).map(|n| official.body(n))).collect();
    let ids = world.send_all(&bodies).await;

    world.drain().await;

    for id in &ids[150..] {
        assert_eq!(world.state(id).await, "delivered");
    }
    assert_eq!(world.counts().await["delivered"], 50);
    world.finish().await;
}

#[tokio::test]
async fn a_paused_account_sends_nothing_while_the_others_go_on() {
    let world = World::build().accounts(2).start().await;
    world.order("pause", &json!({ "reason": "stocktaking" })).await.expect(200);

    let bodies: Vec<_> =
        world.officials.iter().flat_map(|official| (0..10).map(|n| official.body(n))).collect();
    world.send_all(&bodies).await;
    world.pass(3, SECOND).await;
    world.assert_counts(&[("delivered", 10), ("pending", 10)]).await;
    world.order("resume", &json!({})).await.expect(200);
    world.drain().await;

    world.assert_counts(&[("delivered", 20)]).await;
    world.finish().await;
}

#[tokio::test]
async fn an_account_that_is_deleted_takes_its_waiting_messages_along_and_the_others_go_on() {
    let world = World::build().accounts(2).start().await;
    world.order("pause", &json!({ "reason": "closing" })).await.expect(200);
    let bodies: Vec<_> =
        world.officials.iter().flat_map(|official| (0..10).map(|n| official.body(n))).collect();
    world.send_all(&bodies).await;

    let path = format!("/api/v1/accounts/{}", world.official().appid);
    let deleted = world.api().call(http::Method::DELETE, &path, "", Default::default()).await;
    world.pass(3, SECOND).await;

    assert!((200..300).contains(&deleted.status), "{}", deleted.text());
    assert_eq!(world.api().get(&path).await.status, 404);
    world.assert_counts(&[("delivered", 10)]).await;
    world.finish().await;
}

#[tokio::test]
async fn an_account_deleted_while_its_messages_are_on_their_way_disturbs_nothing() {
    let world = World::build().accounts(2).start().await;
    world.wire.hold_answers();
    let bodies: Vec<_> =
        world.officials.iter().flat_map(|official| (0..10).map(|n| official.body(n))).collect();
    world.send_all(&bodies).await;
    world.wire.held(20).await;

    let path = format!("/api/v1/accounts/{}", world.official().appid);
    world.api().call(http::Method::DELETE, &path, "", Default::default()).await;
    world.wire.open();
    world.pass(3, SECOND).await;

    world.assert_counts(&[("delivered", 10)]).await;
    world.send(&world.officials[1].body(0)).await;
    world.drain().await;
    world.assert_counts(&[("delivered", 11)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_pause_with_an_end_ends_by_itself() {
    let world = World::start().await;
    let until = world.at(600);
    world.order("pause", &json!({ "reason": "lunch", "until": until })).await.expect(200);
    let id = world.send(&world.body(0)).await;

    world.pass(9, Duration::from_secs(60)).await;
    let before = world.state(&id).await;
    world.pass(2, Duration::from_secs(60)).await;

    assert_eq!((&*before, &*world.state(&id).await), ("pending", "delivered"));
    world.finish().await;
}

#[tokio::test]
async fn the_counters_of_the_api_are_those_of_the_ledger() {
    let world = World::start().await;
    world.make_followers(&[1], "user_blocked");
    world.send_many(10).await;
    world.drain().await;

    let stats = world.api().get("/api/v1/stats").await.expect(200);

    assert_eq!((&stats["totals"]["delivered"], &stats["totals"]["failed"]), (&json!(9), &json!(1)));
    let metrics = world.api().get("/metrics").await;
    assert!(
        metrics.text().contains(r#"hongyan_messages_total{state="delivered",cause=""} 9"#),
        "{}",
        metrics.text()
    );
    world.finish().await;
}

/// Trap 34: an API without authentication.
#[tokio::test]
async fn without_a_key_nothing_is_accepted_and_nothing_is_shown() {
    let world = World::start().await;
    let id = world.send(&world.body(0)).await;
    let stranger = world.stranger();

    let refused = [
        stranger.post("/api/v1/messages", &world.body(1)).await,
        stranger.get(&format!("/api/v1/messages/{id}")).await,
        stranger.get("/api/v1/accounts").await,
        stranger.get("/api/v1/keys").await,
    ];
    world.drain().await;

    assert!(refused.iter().all(|reply| reply.status == 401), "{refused:?}");
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_key_for_one_account_opens_no_other() {
    let world = World::build().accounts(2).start().await;
    let wanted = json!({ "name": "shop", "scopes": ["send", "read"], "appids": [world.officials[0].appid] });
    let key = world.api().post("/api/v1/keys", &wanted).await.expect(201)["key"].as_str().unwrap().to_owned();
    let foreign = world.send(&world.officials[1].body(0)).await;
    let shop = world.api_with(&key);

    let own = shop.post("/api/v1/messages", &world.officials[0].body(0)).await;
    let sent = shop.post("/api/v1/messages", &world.officials[1].body(1)).await;
    let read = shop.get(&format!("/api/v1/messages/{foreign}")).await;
    let admin = shop.get("/api/v1/keys").await;

    assert_eq!([own.status, sent.status, read.status, admin.status], [202, 404, 404, 403]);
    world.drain().await;
    world.finish().await;
}
