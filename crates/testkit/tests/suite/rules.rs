//! The rules that stand between a message and a phone: asked when it is accepted and again when it is claimed.

use std::time::Duration;

use hongyan_testkit::{World, with};
use serde_json::{Value, json};

use crate::compliance::late_in_the_hold;

const HOUR: Duration = Duration::from_secs(3_600);

/// A world with the house rules, in which WeChat has told of the first follower's tap on the menu.
async fn house() -> World {
    let world = World::build().house_rules().start().await;
    act(&world, 0, "menu_click").await;
    world
}

async fn act(world: &World, follower: usize, kind: &str) {
    let touser = &world.official().openids[follower];
    world.api().post("/api/v1/interactions", &json!({ "touser": touser, "kind": kind })).await.expect(202);
}

/// Sends and gives the answer's `code` and `rule`, or `accepted`.
async fn answer(world: &World, body: &Value) -> String {
    let reply = world.api().post("/api/v1/messages", body).await;
    match reply.status {
        202 | 200 => "accepted".to_owned(),
        422 => format!("{} by {}", text(&reply.json()["code"]), text(&reply.json()["rule"])),
        status => panic!("{status}: {}", reply.text()),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

async fn policy(world: &World, rule: &str, change: Value) {
    world.api().patch(&format!("/api/v1/policies/{rule}"), &change).await.expect(200);
}

async fn check(world: &World, follower: usize, asked: Value) -> Value {
    let touser = &world.official().openids[follower];
    let reply = world.api().post(&format!("/api/v1/recipients/{touser}/check"), &asked).await;
    reply.expect(200)
}

#[tokio::test]
async fn as_long_as_nothing_is_known_of_anybody_everybody_is_reached() {
    let world = World::build().house_rules().start().await;

    assert_eq!(answer(&world, &world.body(0)).await, "accepted");
    act(&world, 1, "message").await;

    assert_eq!(answer(&world, &world.body(2)).await, "refused by reach");
    assert_eq!(answer(&world, &world.body(1)).await, "accepted");
    world.finish().await;
}

#[tokio::test]
async fn a_person_gets_three_messages_a_day_and_three_the_next() {
    let world = house().await;

    for _ in 0..3 {
        assert_eq!(answer(&world, &world.body(0)).await, "accepted");
        world.drain().await;
    }
    assert_eq!(answer(&world, &world.body(0)).await, "refused by reach");
    assert_eq!(check(&world, 0, json!({})).await["until"], json!(world.at(12 * 3_600)));
    world.advance(12 * HOUR);

    assert_eq!(answer(&world, &world.body(0)).await, "accepted");
    world.drain().await;
    world.assert_counts(&[("delivered", 4)]).await;
    world.finish().await;
}

/// Trap 26: a cap is read and then written, and two senders pass at once.
#[tokio::test]
async fn of_many_accepted_at_once_no_more_go_than_the_caps_allow() {
    let world = house().await;
    let bodies: Vec<_> = (0..20).map(|_| world.body(0)).collect();

    world.send_all(&bodies).await;
    world.drain().await;

    world.assert_counts(&[("delivered", 3), ("suppressed: reach", 17)]).await;
    world.finish().await;
}

#[tokio::test]
async fn who_paid_may_always_be_reached_and_gets_three_a_day_all_the_same() {
    let world = house().await;
    act(&world, 0, "payment").await;
    let bodies: Vec<_> = (0..20).map(|_| world.body(0)).collect();

    world.send_all(&bodies).await;
    world.drain().await;

    world.assert_counts(&[("delivered", 3), ("suppressed: frequency", 17)]).await;
    assert_eq!(answer(&world, &world.body(0)).await, "refused by frequency");
    world.finish().await;
}

#[tokio::test]
async fn what_a_message_proves_makes_reach_mean_something() {
    let world = World::build().house_rules().start().await;
    assert_eq!(answer(&world, &world.body(1)).await, "accepted");

    let paid = with(world.body(0), &json!({ "basis": "payment" }));
    assert_eq!(answer(&world, &paid).await, "accepted");
    world.tick().await;

    assert_eq!(answer(&world, &world.body(2)).await, "refused by reach");
    world.drain().await;
    world.finish().await;
}

#[tokio::test]
async fn a_basis_does_not_outlive_its_window_however_late_the_message_is_to_go() {
    let world = house().await;
    let clicked = |days: i64| {
        with(world.body(1), &json!({ "basis": "menu_click", "send_at": world.at(days * 86_400) }))
    };
    let (soon, late) = (world.send(&clicked(6)).await, world.send(&clicked(8)).await);

    world.pass(9, 24 * HOUR).await;

    assert_eq!(world.state(&soon).await, "delivered");
    assert_eq!(world.state(&late).await, "suppressed: reach");
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_proves_a_scan_goes_after_the_last_scan_was_used_up() {
    let world = house().await;
    let scanned = || with(world.body(1), &json!({ "basis": "scan_subscribe" }));

    for _ in 0..2 {
        assert_eq!(answer(&world, &scanned()).await, "accepted");
        world.drain().await;
        world.advance(Duration::from_secs(60));
    }

    world.assert_counts(&[("delivered", 2)]).await;
    assert_eq!(answer(&world, &world.body(1)).await, "refused by reach");
    world.finish().await;
}

/// Trap 26: counted before the send, and never given back.
#[tokio::test]
async fn what_a_failed_send_took_is_given_back() {
    let world = house().await;
    world.faults(json!({ "errcodes": [{ "errcode": 47003, "next": 5 }] }));
    for _ in 0..5 {
        assert_eq!(answer(&world, &world.body(0)).await, "accepted");
        world.drain().await;
    }

    for _ in 0..3 {
        assert_eq!(answer(&world, &world.body(0)).await, "accepted");
        world.drain().await;
    }

    assert_eq!(answer(&world, &world.body(0)).await, "refused by reach");
    world.assert_counts(&[("delivered", 3), ("failed: argument_invalid", 5)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_try_in_doubt_keeps_what_it_took_and_its_repetition_takes_no_more() {
    let mut world = house().await;
    world.faults(json!({ "drop_after": 1 }));
    let id = world.send(&world.body(0)).await;
    world.drain().await;
    world.faults(json!({}));
    world.restart().await;
    world.pass(3, Duration::from_secs(2)).await;

    assert_eq!(world.state(&id).await, "delivered");
    for _ in 0..2 {
        assert_eq!(answer(&world, &world.body(0)).await, "accepted");
        world.drain().await;
    }
    assert_eq!(answer(&world, &world.body(0)).await, "refused by reach");
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_proves_a_payment_goes_to_anybody_and_opens_the_window() {
    let world = house().await;
    let paid = with(world.body(1), &json!({ "basis": "payment" }));

    assert_eq!(answer(&world, &world.body(1)).await, "refused by reach");
    assert_eq!(answer(&world, &paid).await, "accepted");
    world.drain().await;

    assert_eq!(check(&world, 1, json!({})).await["by"], json!("payment"));
    assert_eq!(answer(&world, &world.body(1)).await, "accepted");
    world.finish().await;
}

#[tokio::test]
async fn marketing_at_night_waits_for_the_morning() {
    let world = house().await;
    world.advance(11 * HOUR);
    let body = with(world.body(0), &json!({ "category": "marketing" }));

    let reply = world.api().post("/api/v1/messages", &body).await.expect(202);
    assert_eq!(reply["held_by"], json!("quiet_hours"));
    assert_eq!(reply["due_at"], json!(world.at(9 * 3_600)));
    world.drain().await;
    assert_eq!(world.stats().sends, 0);
    world.advance(9 * HOUR);
    world.tick().await;
    world.drain().await;

    let message = world.message(text(&reply["id"])).await;
    assert_eq!(message["state"], json!("delivered"));
    let judged = &message["timeline"][1];
    assert_eq!(
        (&judged["what"], &judged["rule"], &judged["verdict"]),
        (&json!("judged"), &json!("quiet_hours"), &json!("hold"))
    );
    late_in_the_hold(&message, 9 * HOUR);
    world.finish().await;
}

#[tokio::test]
async fn quiet_hours_set_after_a_message_was_accepted_hold_it_all_the_same() {
    let world = World::build().house_rules().start().await;
    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);
    let id = world.send(&world.body(0)).await;
    policy(&world, "quiet_hours", json!({ "mode": "enforce", "from": "11:00", "to": "14:00" })).await;

    world.order("resume", &json!({})).await.expect(200);
    world.drain().await;
    assert_eq!(world.state(&id).await, "pending: quiet_hours");
    world.advance(2 * HOUR);
    world.tick().await;
    world.drain().await;

    assert_eq!(world.state(&id).await, "delivered");
    late_in_the_hold(&world.message(&id).await, 2 * HOUR);
    world.finish().await;
}

#[tokio::test]
async fn who_unsubscribes_is_not_written_to_until_they_come_back() {
    let world = house().await;
    let control = world.simulator.control();
    let appid = &world.official().appid;
    let openid = &world.official().openids[0];
    let event = |kind: &str| {
        serde_json::from_value(json!({ "appid": appid, "openid": openid, "kind": kind })).unwrap()
    };

    control.event(&event("unfollow")).unwrap();
    world.drain().await;
    assert_eq!(answer(&world, &world.body(0)).await, "refused by suppression");
    world.advance(Duration::from_secs(60));
    control.event(&event("follow")).unwrap();
    world.drain().await;

    assert_eq!(answer(&world, &world.body(0)).await, "accepted");
    world.drain().await;
    world.finish().await;
}

#[tokio::test]
async fn who_switched_messages_off_is_found_out_by_one_message_only() {
    let world = house().await;
    world.make_followers(&[0], "user_blocked");
    assert_eq!(answer(&world, &world.body(0)).await, "accepted");
    world.drain().await;

    assert_eq!(answer(&world, &world.body(0)).await, "refused by suppression");
    let list = world.api().get("/api/v1/suppressions").await.expect(200);
    assert_eq!(list["recipients"][0]["suppressions"][0]["reason"], json!("user_blocked"));
    world.finish().await;
}

#[tokio::test]
async fn an_observed_rule_speaks_in_the_timeline_and_lets_the_message_go() {
    let world = house().await;
    policy(&world, "reach", json!({ "mode": "observe" })).await;

    let id = world.send(&world.body(5)).await;
    world.drain().await;

    let message = world.message(&id).await;
    assert_eq!(message["state"], json!("delivered"));
    let judged = &message["timeline"][1];
    assert_eq!(
        (&judged["rule"], &judged["verdict"], &judged["observed"]),
        (&json!("reach"), &json!("refuse"), &json!(true))
    );
    world.finish().await;
}

#[tokio::test]
async fn the_same_message_under_its_client_msg_id_is_answered_the_same_whatever_the_rules_say_now() {
    let world = house().await;
    let body = with(world.body(0), &json!({ "client_msg_id": "order-1" }));
    let first = world.api().post("/api/v1/messages", &body).await.expect(202);
    world.drain().await;
    policy(&world, "frequency", json!({ "caps": [{ "per": "day", "over": "all", "limit": 0 }] })).await;

    let again = world.api().post("/api/v1/messages", &body).await.expect(200);
    let other = with(world.body(0), &json!({ "client_msg_id": "order-1" }));

    assert_eq!(again["id"], first["id"]);
    world.api().post("/api/v1/messages", &other).await.expect(409);
    world.finish().await;
}

#[tokio::test]
async fn counts_survive_a_crash_between_claim_and_answer() {
    let mut world = house().await;
    world.wire.hold_answers();
    let id = world.send(&world.body(0)).await;
    world.wire.held(1).await;
    world.kill().await;
    world.wire.open();
    world.boot().await;
    world.pass(2, Duration::from_secs(2)).await;

    let shown =
        world.api().get(&format!("/api/v1/recipients/{}", world.official().openids[0])).await.expect(200);

    assert_eq!(world.state(&id).await, "delivered");
    assert_eq!(shown["caps"][0]["used"], json!(1));
    assert_eq!(shown["windows"][1]["left_today"], json!(2));
    world.finish().await;
}

#[tokio::test]
async fn wrong_rules_people_and_interactions_are_refused_by_name() {
    let world = house().await;
    let api = world.api();
    let touser = &world.official().openids[0];

    let wrong = api.patch("/api/v1/policies/frequency", &json!({ "caps": 3, "mood": 1 })).await.expect(422);
    assert!(wrong["errors"][0]["field"] == json!("mood"), "{}", wrong);
    api.patch("/api/v1/policies/kindness", &json!({ "mode": "off" })).await.expect(404);
    api.patch("/api/v1/policies/reach", &json!({ "appid": "wxnone", "mode": "off" })).await.expect(404);
    api.post("/api/v1/interactions", &json!({ "touser": touser, "kind": "wink" })).await.expect(422);
    let future = json!({ "touser": touser, "kind": "payment", "occurred_at": "2027-01-01T00:00:00Z" });
    api.post("/api/v1/interactions", &future).await.expect(422);
    api.post("/api/v1/suppressions", &json!({ "tousers": [] })).await.expect(422);
    api.get("/api/v1/suppressions?cursor=zz").await.expect(422);
    world.finish().await;
}

/// Trap 27: a cap that is empty or nonsense silently blocks all, or silently allows all.
#[tokio::test]
async fn a_cap_that_makes_no_sense_is_refused_by_its_name_and_the_old_one_stays() {
    let world = house().await;
    act(&world, 0, "payment").await;
    let cap = |limit: Value| json!([{ "per": "day", "over": "all", "limit": limit }]);
    let limits = [json!(-1), json!(1.5), json!("3"), json!(""), json!(null), json!(1_i64 << 32)];
    let senseless = limits.map(cap).into_iter().chain([json!(3), json!(""), json!({}), json!([{}])]);

    for caps in senseless {
        let wrong =
            world.api().patch("/api/v1/policies/frequency", &json!({ "caps": caps })).await.expect(422);
        assert_eq!(wrong["errors"][0]["field"], "caps", "{caps}: {wrong}");
    }
    for _ in 0..3 {
        assert_eq!(answer(&world, &world.body(0)).await, "accepted");
        world.drain().await;
    }

    assert_eq!(answer(&world, &world.body(0)).await, "refused by frequency");
    world.finish().await;
}

/// Trap 27: 0 is none at all and says so to each caller; no cap is no limit.
#[tokio::test]
async fn a_cap_of_zero_is_told_with_every_refusal_and_no_cap_lets_all_go() {
    let world = house().await;
    act(&world, 0, "payment").await;
    let none = json!({ "per": "day", "over": "all", "limit": 0 });

    policy(&world, "frequency", json!({ "caps": [none] })).await;
    let refused = world.api().post("/api/v1/messages", &world.body(0)).await.expect(422);
    let would = check(&world, 0, json!({})).await;
    policy(&world, "frequency", json!({ "caps": [] })).await;
    for _ in 0..5 {
        assert_eq!(answer(&world, &world.body(0)).await, "accepted");
        world.drain().await;
    }

    assert_eq!((text(&refused["code"]), text(&refused["rule"])), ("refused", "frequency"));
    assert_eq!((text(&would["verdict"]), text(&would["rule"])), ("refuse", "frequency"));
    world.assert_counts(&[("delivered", 5)]).await;
    world.finish().await;
}
