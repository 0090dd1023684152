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

/// What a dry run of this message says the rules say.
async fn foretold(world: &World, body: &Value) -> Value {
    let dry = with(body.clone(), &json!({ "dry_run": true }));
    world.api().post("/api/v1/messages", &dry).await.expect(200)["verdict"].clone()
}

fn told(verdict: &Value) -> (&str, &str, &str) {
    (text(&verdict["verdict"]), text(&verdict["rule"]), text(&verdict["until"]))
}

#[tokio::test]
async fn a_dry_run_tells_what_the_rules_would_say_and_takes_nothing() {
    let world = house().await;
    let paid = with(world.body(1), &json!({ "basis": "payment" }));
    for _ in 0..5 {
        let verdict = foretold(&world, &world.body(0)).await;
        assert_eq!((told(&verdict), &verdict["by"]), (("send", "-", "-"), &json!("menu_click")));
    }
    assert_eq!(told(&foretold(&world, &paid).await), ("send", "-", "-"));

    let verdict = foretold(&world, &world.body(1)).await;

    assert_eq!(told(&verdict), ("refuse", "reach", "-"), "a dry run proves nothing");
    assert!(text(&verdict["why"]["zh"]).contains("没有互动"), "{verdict}");
    let two = [paid, world.body(1)].map(|body| with(body, &json!({ "dry_run": true })));
    let batch = world.api().post("/api/v1/messages/batch", &json!({ "messages": two })).await.expect(200);
    let of = |place: usize| text(&batch["results"][place]["verdict"]["verdict"]).to_owned();
    assert_eq!((of(0), of(1)), ("send".to_owned(), "refuse".to_owned()));
    world.drain().await;
    assert_eq!(world.stats().sends, 0);
    world.finish().await;
}

#[tokio::test]
async fn a_dry_run_asks_the_same_rules_as_the_door() {
    let world = house().await;
    let said = async |body: &Value| {
        let verdict = foretold(&world, body).await;
        let (verdict, rule, _) = told(&verdict);
        format!("{verdict} {rule}")
    };
    let lie = with(world.body(0)["data"].clone(), &json!({ "thing1": { "value": "请加微信领取" } }));
    assert_eq!(said(&with(world.body(0), &json!({ "data": lie }))).await, "refuse content");
    let night = json!({ "category": "marketing", "send_at": world.at(11 * 3_600) });
    let verdict = foretold(&world, &with(world.body(0), &night)).await;
    assert_eq!(told(&verdict), ("hold", "quiet_hours", world.at(20 * 3_600).as_str()));

    let listed = json!({ "tousers": [world.official().openids[0]], "category": "marketing" });
    world.api().post("/api/v1/suppressions", &listed).await.expect(200);
    assert_eq!(said(&with(world.body(0), &json!({ "category": "marketing" }))).await, "refuse suppression");
    policy(&world, "frequency", json!({ "caps": [{ "per": "day", "over": "all", "limit": 0 }] })).await;
    assert_eq!(said(&world.body(0)).await, "refuse frequency");
    world.finish().await;
}

#[tokio::test]
async fn what_stands_still_is_told_to_whoever_asks_beforehand() {
    let world = house().await;
    let both = async || {
        let verdicts = [foretold(&world, &world.body(0)).await, check(&world, 0, json!({})).await];
        verdicts.map(|verdict| {
            let pause = &verdict["pause"];
            assert!(pause.is_null() || !text(&verdict["why"]["zh"]).is_empty(), "{verdict}");
            let reason = text(&pause["reason"]).to_owned();
            (text(&verdict["verdict"]).to_owned(), text(&pause["cause"]).to_owned(), reason)
        })
    };
    let all = |verdict: &str, cause: &str, reason: &str| {
        [0, 1].map(|_| (verdict.to_owned(), cause.to_owned(), reason.to_owned()))
    };
    assert_eq!(both().await, all("send", "-", "-"));

    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);
    assert_eq!(both().await, all("hold", "ordered", "lunch"));
    world.order("resume", &json!({})).await.expect(200);
    let hold = |held: bool| json!({ "held": held, "reason": "restored" });
    world.api().post("/api/v1/hold", &hold(true)).await.expect(200);
    assert_eq!(both().await, all("hold", "held", "-"));
    world.api().post("/api/v1/hold", &hold(false)).await.expect(200);

    world.change_at_wechat(&json!({ "secret": "another0another0another0another0" }));
    let path = format!("/api/v1/accounts/{}", world.official().appid);
    world.api().patch(&path, &json!({ "secret": "wrong" })).await.expect(200);
    world.send(&world.body(0)).await;
    world.drain().await;
    assert_eq!(both().await, all("hold", "account_refused", "-"));
    world.finish().await;
}

#[tokio::test]
async fn a_spent_quota_is_told_beforehand_until_midnight_and_not_to_what_is_urgent() {
    let world = World::build().house_rules().limits(0, 0, 10).start().await;
    world.send_many(9).await;
    world.drain().await;
    world.tick().await;

    let (normal, urgent) = (world.body(0), with(world.body(0), &json!({ "lane": "urgent" })));
    let verdict = foretold(&world, &normal).await;

    assert_eq!((told(&verdict).0, &verdict["pause"]["cause"]), ("hold", &json!("daily_quota")), "{verdict}");
    assert_eq!(verdict["until"], json!(world.at(12 * 3_600)));
    assert_eq!(told(&foretold(&world, &urgent).await).0, "send");
    assert_eq!(check(&world, 0, json!({})).await["pause"]["cause"], json!("daily_quota"));
    world.finish().await;
}

/// A scenario that gathers goes when it has gathered, and a reminder at its own time.
#[tokio::test]
async fn quiet_hours_are_asked_for_the_time_at_which_the_message_is_due() {
    let world = house().await;
    let cart = with(
        crate::scenarios::paid(&world),
        &json!({ "category": "marketing", "basis": null, "link": null, "merge": { "by": "recipient", "within": "2h" } }),
    );
    crate::scenarios::put(&world, "cart", &cart).await;
    world.advance(9 * HOUR);

    let gathered = check(&world, 0, json!({ "scenario": "cart" })).await;
    let marketing = |due: i64| json!({ "category": "marketing", "due_at": world.at(due) });

    assert_eq!(told(&gathered), ("hold", "quiet_hours", world.at(11 * 3_600).as_str()), "{gathered}");
    assert_eq!(told(&check(&world, 0, marketing(1_800)).await).0, "send");
    assert_eq!(told(&check(&world, 0, marketing(3_600)).await).1, "quiet_hours");
    assert_eq!(
        told(&check(&world, 0, json!({ "scenario": "cart", "due_at": world.at(12 * 3_600) })).await).0,
        "send"
    );
    world.finish().await;
}

#[tokio::test]
async fn a_scenario_whose_template_is_gone_goes_nowhere_and_says_so_beforehand() {
    let world = house().await;
    crate::scenarios::put(&world, "paid", &crate::scenarios::paid(&world)).await;
    let asked = json!({ "scenario": "paid" });
    assert_eq!(told(&check(&world, 0, asked.clone()).await).0, "send");
    let (appid, template_id) = (&world.official().appid, &world.official().template_id);
    let path = format!("/api/v1/accounts/{appid}/templates/{template_id}?force=true");
    world.api().call(http::Method::DELETE, &path, "", bytes::Bytes::new()).await.expect(204);

    let verdict = check(&world, 0, asked).await;

    assert_eq!(told(&verdict), ("refuse", "-", "-"));
    assert!(text(&verdict["why"]["en"]).contains("template"), "{verdict}");
    world.finish().await;
}

/// A change is held against everything it will lie on, or lie under.
#[tokio::test]
async fn a_rule_that_does_not_fit_what_is_set_already_is_refused_by_name() {
    let world = house().await;
    let api = world.api();
    let change = async |rule: &str, body: Value| api.patch(&format!("/api/v1/policies/{rule}"), &body).await;
    let appid = &world.official().appid;
    change("quiet_hours", json!({ "mode": "off", "to": "22:00" })).await.expect(200);

    let above =
        change("quiet_hours", json!({ "category": "marketing", "mode": "enforce" })).await.expect(422);
    assert_eq!(above["errors"][0]["field"], json!("to"));
    assert!(text(&above["errors"][0]["message"]).contains("marketing"), "{above}");
    change("quiet_hours", json!({ "category": "service", "from": "07:00", "mode": "enforce" }))
        .await
        .expect(200);
    change("quiet_hours", json!({ "appid": appid, "category": "service", "to": "06:00" })).await.expect(200);
    let below = change("quiet_hours", json!({ "category": "service", "from": "06:00" })).await.expect(422);
    assert!(text(&below["errors"][0]["message"]).contains(appid.as_str()), "{below}");

    let caps =
        json!([{ "per": "day", "over": "all", "limit": 5 }, { "per": "day", "over": "all", "limit": 2 }]);
    let doubled = change("frequency", json!({ "caps": caps })).await.expect(422);
    assert_eq!(doubled["errors"][0]["field"], json!("caps"));
    assert_eq!(doubled["errors"].as_array().unwrap().len(), 1, "told once: {doubled}");
    world.finish().await;
}

#[tokio::test]
async fn a_suppression_is_lifted_by_its_category_and_found_by_person_and_reason() {
    let world = house().await;
    let (api, openids) = (world.api(), &world.official().openids);
    let list = async |more: &str| {
        let list = api.get(&format!("/api/v1/suppressions?limit=50{more}")).await.expect(200);
        let people = list["recipients"].as_array().unwrap().iter();
        people.map(|one| one["suppressions"].as_array().unwrap().len()).collect::<Vec<_>>()
    };
    let lift = async |category: &str| {
        let path = format!("/api/v1/suppressions?touser={}&reason=manual{category}", openids[0]);
        api.call(http::Method::DELETE, &path, "", bytes::Bytes::new()).await
    };
    for (category, reason) in [
        (Value::Null, "manual"),
        (json!("marketing"), "manual"),
        (json!("service"), "manual"),
        (Value::Null, "complained"),
    ] {
        let body = json!({ "tousers": [openids[0]], "category": category, "reason": reason });
        api.post("/api/v1/suppressions", &body).await.expect(200);
    }
    api.post("/api/v1/suppressions", &json!({ "tousers": [openids[1]] })).await.expect(200);

    assert_eq!(list(&format!("&touser={}", openids[1])).await, [1]);
    assert_eq!(list(&format!("&touser={}", openids[2])).await, Vec::<usize>::new());
    assert_eq!(list("&reason=complained").await, [1]);
    assert_eq!(list("&reason=opted_out").await, Vec::<usize>::new());
    assert_eq!(list(&format!("&touser={}&reason=manual", openids[0])).await, [3]);
    api.get("/api/v1/suppressions?reason=boredom").await.expect(422);
    assert_eq!(lift("&category=marketing").await.expect(200)["changed"], json!(1));
    assert_eq!(list(&format!("&touser={}&category=service&reason=manual", openids[0])).await, [1]);
    assert_eq!(lift("&category=none").await.expect(200)["changed"], json!(1));
    assert_eq!(list(&format!("&touser={}&reason=manual", openids[0])).await, [1], "that of service is left");
    assert_eq!(lift("").await.expect(200)["changed"], json!(1), "as before: all of that reason");
    lift("&category=spam").await.expect(422);
    world.finish().await;
}
