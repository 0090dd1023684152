//! Compliance: what WeChat blocks, what people say, the brake, the daily self-check.

use std::time::Duration;

use bytes::Bytes;
use hongyan_testkit::{Reply, World, with};
use http::Method;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

async fn policy(world: &World, rule: &str, change: Value) {
    world.api().patch(&format!("/api/v1/policies/{rule}"), &change).await.expect(200);
}

async fn get(world: &World, path: &str) -> Value {
    world.api().get(&format!("/api/v1/{path}")).await.expect(200)
}

/// A person of the first account does something at WeChat.
async fn event(world: &World, follower: usize, fields: Value) {
    let official = world.official();
    let body = with(json!({ "appid": official.appid, "openid": official.openids[follower] }), &fields);
    world.simulator.control().event(&serde_json::from_value(body).unwrap()).unwrap();
    world.drain().await;
}

async fn complain(world: &World, body: Value) -> Value {
    world.api().post("/api/v1/complaints", &body).await.expect(200)
}

async fn sheet(world: &World, text: &str) -> Reply {
    world.api().call(Method::POST, "/api/v1/complaints", "text/csv", Bytes::from(text.to_owned())).await
}

/// A brake that is pulled by the first complaint.
async fn a_touchy_brake(world: &World, mode: &str) {
    policy(world, "brake", json!({ "mode": mode, "score": 10, "sample": 1 })).await;
}

/// One message goes, is complained of, and the sweep looks at the brakes.
async fn pull(world: &World) {
    let id = world.send(&world.body(0)).await;
    world.drain().await;
    complain(world, json!({ "message": id })).await;
    world.pass(1, 11 * Duration::from_secs(1)).await;
}

async fn brakes(world: &World, state: &str) -> Vec<Value> {
    get(world, &format!("compliance/brakes?state={state}")).await["brakes"].as_array().unwrap().clone()
}

async fn release(world: &World, id: &Value) -> Reply {
    let path = format!("/api/v1/compliance/brakes/{}/release", id.as_str().unwrap());
    world.api().post(&path, &json!({ "reason": "文案已修改" })).await
}

/// All but an hour of that it lost to a rule.
pub(crate) fn late_in_the_hold(message: &Value, held: Duration) {
    let on_time = &message["on_time"];
    assert_eq!(on_time["verdict"], json!("late"), "{on_time}");
    let held_ms = u64::try_from(held.as_millis()).unwrap();
    let step = on_time["steps"]["hold_ms"].as_u64().unwrap_or_default();
    assert!(step > held_ms - 3_600_000 && step <= held_ms, "{on_time}");
}

async fn signals(world: &World) -> Value {
    world.tick().await;
    get(world, "compliance/risk").await["templates"][0]["days"][0].clone()
}

#[tokio::test]
async fn a_template_in_trouble_is_braked_and_its_messages_wait_for_a_person() {
    let mut world = World::start().await;
    a_touchy_brake(&world, "enforce").await;
    pull(&world).await;
    let brake = brakes(&world, "on").await[0].clone();

    let reply = world.api().post("/api/v1/messages", &world.body(1)).await.expect(202);
    world.drain().await;
    world.restart().await;
    world.drain().await;

    assert_eq!((&brake["subject"], &brake["score"]), (&json!(world.official().template_id), &json!(1_000)));
    assert_eq!(reply["held_by"], json!("brake"));
    let id = reply["id"].as_str().unwrap();
    let message = world.message(id).await;
    assert_eq!(message["state"], json!("pending"));
    assert_eq!(message["timeline"][1]["rule"], json!("brake"));
    assert_eq!(world.stats().sends, 1);

    let released = release(&world, &brake["id"]).await.expect(200);
    release(&world, &brake["id"]).await.expect(409);
    world.pass(1, 11 * Duration::from_secs(1)).await;

    assert_eq!(released["reason"], json!("文案已修改"));
    assert_eq!(world.state(id).await, "delivered");
    assert_eq!((brakes(&world, "on").await.len(), brakes(&world, "all").await.len()), (0, 1));
    let audit = get(&world, "audit?action=brake.release").await;
    assert_eq!(audit["rows"][0]["detail"]["reason"], json!("文案已修改"));
    world.finish().await;
}

#[tokio::test]
async fn a_brake_does_not_swallow_what_may_not_be_said() {
    let world = World::start().await;
    policy(&world, "content", json!({ "mode": "enforce" })).await;
    a_touchy_brake(&world, "enforce").await;
    pull(&world).await;
    let lie = with(world.body(1)["data"].clone(), &json!({ "thing1": { "value": "请加微信领取" } }));
    let id = world.send(&with(world.body(1), &json!({ "data": lie }))).await;
    assert_eq!(world.message(&id).await["state"], json!("pending"));

    release(&world, &brakes(&world, "on").await[0]["id"]).await.expect(200);
    world.pass(1, 11 * Duration::from_secs(1)).await;

    assert_eq!(world.state(&id).await, "suppressed: content");
    world.finish().await;
}

#[tokio::test]
async fn words_that_are_only_observed_are_counted_when_they_go() {
    let world = World::start().await;
    policy(&world, "content", json!({ "mode": "observe" })).await;
    let lie = with(world.body(1)["data"].clone(), &json!({ "thing1": { "value": "请加微信领取" } }));

    let id = world.send(&with(world.body(1), &json!({ "data": lie }))).await;
    world.drain().await;

    assert_eq!(world.state(&id).await, "delivered");
    let report = get(&world, "compliance/report?day=2026-11-23").await;
    assert_eq!(report["checks"][0]["did"]["observed"], json!(1));
    world.finish().await;
}

#[tokio::test]
async fn what_a_brake_held_is_late_in_the_hold_by_its_own_deadline() {
    let world = World::start().await;
    a_touchy_brake(&world, "enforce").await;
    pull(&world).await;
    let reply = world.api().post("/api/v1/messages", &world.body(1)).await.expect(202);

    world.advance(10 * HOUR);
    release(&world, &brakes(&world, "on").await[0]["id"]).await.expect(200);
    world.pass(1, 11 * Duration::from_secs(1)).await;

    let id = reply["id"].as_str().unwrap();
    assert_eq!(world.state(id).await, "delivered");
    late_in_the_hold(&world.message(id).await, 10 * HOUR);
    world.finish().await;
}

#[tokio::test]
async fn asked_about_a_braked_template_nobody_knows_when_it_goes() {
    let world = World::start().await;
    a_touchy_brake(&world, "enforce").await;
    pull(&world).await;
    let official = world.official();
    let path = format!("/api/v1/recipients/{}/check", official.openids[1]);

    let said = world.api().post(&path, &json!({ "template_id": official.template_id })).await.expect(200);

    assert_eq!(
        (&said["verdict"], &said["rule"], &said["until"]),
        (&json!("hold"), &json!("brake"), &json!(null))
    );
    world.finish().await;
}

#[tokio::test]
async fn what_waited_for_its_turn_when_the_brake_was_pulled_waits_and_is_not_lost() {
    let world = World::start().await;
    a_touchy_brake(&world, "enforce").await;
    let first = world.send(&world.body(0)).await;
    world.drain().await;
    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);
    let waiting = world.send_all(&[world.body(1), world.body(2)]).await;
    complain(&world, json!({ "message": first })).await;
    world.pass(1, 11 * Duration::from_secs(1)).await;
    world.order("resume", &json!({})).await.expect(200);
    world.drain().await;

    for id in &waiting {
        assert_eq!(world.state(id).await, "pending: brake");
    }
    let brake = brakes(&world, "on").await[0].clone();
    release(&world, &brake["id"]).await.expect(200);
    world.pass(1, Duration::from_secs(1)).await;

    for id in &waiting {
        assert_eq!(world.state(id).await, "delivered");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_brake_that_nobody_releases_lets_its_messages_expire() {
    let world = World::start().await;
    a_touchy_brake(&world, "enforce").await;
    pull(&world).await;
    let soon = with(world.body(1), &json!({ "expires_at": world.at(3_600) }));
    let id = world.send(&soon).await;
    world.drain().await;

    world.pass(2, HOUR).await;

    assert_eq!(world.state(&id).await, "failed: expired");
    world.finish().await;
}

#[tokio::test]
async fn an_observed_brake_gives_the_alarm_and_stops_nothing() {
    let world = World::start().await;
    a_touchy_brake(&world, "observe").await;
    pull(&world).await;

    let id = world.send(&world.body(1)).await;
    world.drain().await;

    assert_eq!(brakes(&world, "on").await[0]["observed"], json!(true));
    assert_eq!(world.state(&id).await, "delivered");
    world.finish().await;
}

#[tokio::test]
async fn a_brake_does_not_stop_other_templates_and_a_released_one_needs_new_trouble() {
    let world = World::start().await;
    a_touchy_brake(&world, "enforce").await;
    let other = world.add_template("订单发货通知", "商品{{thing1.DATA}}").await;
    pull(&world).await;
    let brake = brakes(&world, "on").await[0].clone();
    let data = json!({ "thing1": "书" });
    let id = world.send(&with(world.body(1), &json!({ "template_id": other, "data": data }))).await;
    world.drain().await;

    assert_eq!(world.state(&id).await, "delivered");
    release(&world, &brake["id"]).await.expect(200);
    world.pass(3, 11 * Duration::from_secs(1)).await;
    assert_eq!(brakes(&world, "on").await, Vec::<Value>::new());
    pull(&world).await;
    assert_eq!(brakes(&world, "on").await.len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn what_the_platform_blocks_is_found_by_asking_and_joins_its_message() {
    let world = World::start().await;
    world.faults(json!({ "blocked": { "next": 2 } }));
    let ids = world.send_all(&[world.body(0), world.body(1), world.body(2)]).await;
    world.drain().await;

    world.pass(2, 11 * MINUTE).await;

    let blocked = get(&world, "compliance/blocked").await;
    let found: Vec<_> = blocked["blocked"].as_array().unwrap().iter().map(|one| &one["message"]).collect();
    assert_eq!(found.len(), 2, "{blocked}");
    let with_line = |message: &Value| {
        message["timeline"].as_array().unwrap().iter().any(|moment| moment["what"] == json!("blocked"))
    };
    let mut lines = 0;
    for id in &ids {
        let message = world.message(id).await;
        lines += usize::from(with_line(&message));
        assert_eq!(with_line(&message), found.contains(&&json!(id)));
    }
    assert_eq!((lines, &signals(&world).await["blocked"]), (2, &json!(2)));
    world.finish().await;
}

#[tokio::test]
async fn the_list_of_blocked_messages_is_read_on_where_it_ended_even_after_a_restart() {
    let mut world = World::start().await;
    world.faults(json!({ "blocked": { "next": 1 } }));
    world.send_all(&[world.body(0)]).await;
    world.drain().await;
    world.pass(2, 11 * MINUTE).await;
    world.restart().await;
    world.faults(json!({ "blocked": { "next": 1 } }));
    world.send_all(&[world.body(1)]).await;
    world.drain().await;
    world.pass(2, 11 * MINUTE).await;

    let blocked = get(&world, "compliance/blocked?limit=1").await;
    let cursor = blocked["next_cursor"].as_str().unwrap();
    let rest = get(&world, &format!("compliance/blocked?limit=1&cursor={cursor}")).await;

    assert_eq!((&blocked["blocked"][0]["id"], &rest["blocked"][0]["id"]), (&json!("2"), &json!("1")));
    assert_eq!(signals(&world).await["blocked"], json!(2));
    world.finish().await;
}

#[tokio::test]
async fn blocks_people_who_leave_and_opt_outs_within_a_day_count_against_the_template() {
    let world = World::start().await;
    world.make_followers(&[0], "user_blocked");
    world.send_all(&[world.body(0), world.body(1), world.body(2), world.body(3)]).await;
    world.drain().await;

    event(&world, 1, json!({ "kind": "unfollow" })).await;
    event(&world, 1, json!({ "kind": "unfollow" })).await;
    event(&world, 2, json!({ "kind": "text", "text": "退订" })).await;
    event(&world, 4, json!({ "kind": "text", "text": "TD" })).await;
    world.advance(25 * HOUR);
    event(&world, 3, json!({ "kind": "unfollow" })).await;

    world.tick().await;
    let days = get(&world, "compliance/risk?days=30").await["templates"][0]["days"].clone();
    let expected = json!([{ "day": "2026-11-23", "sent": 4, "blocked": 0, "user_blocked": 1, "unsubscribed": 1,
        "opted_out": 1, "complained": 0 }]);
    assert_eq!(days, expected);
    world.finish().await;
}

#[tokio::test]
async fn who_opts_out_gets_no_more_marketing_or_nothing_more_by_setting() {
    let world = World::start().await;
    policy(&world, "suppression", json!({ "mode": "enforce" })).await;
    event(&world, 0, json!({ "kind": "text", "text": "td" })).await;
    event(&world, 1, json!({ "kind": "text", "text": "怎么退订？" })).await;

    let marketing = json!({ "category": "marketing" });
    let refused = world.api().post("/api/v1/messages", &with(world.body(0), &marketing)).await;
    assert_eq!(refused.expect(422)["rule"], json!("suppression"));
    world.api().post("/api/v1/messages", &world.body(0)).await.expect(202);
    world.api().post("/api/v1/messages", &with(world.body(1), &marketing)).await.expect(202);

    policy(&world, "suppression", json!({ "opt_out_of": "all", "opt_out_words": ["不要了"] })).await;
    event(&world, 2, json!({ "kind": "text", "text": "不要了" })).await;
    event(&world, 3, json!({ "kind": "text", "text": "退订" })).await;
    world.api().post("/api/v1/messages", &world.body(2)).await.expect(422);
    world.api().post("/api/v1/messages", &with(world.body(3), &marketing)).await.expect(202);
    world.drain().await;
    assert_eq!(world.stats().receipts_answered, world.stats().receipts_sent, "all was answered `success`");
    world.finish().await;
}

#[tokio::test]
async fn complaints_come_as_json_or_as_a_sheet_and_count_once() {
    let world = World::start().await;
    policy(&world, "suppression", json!({ "mode": "enforce" })).await;
    let ids = world.send_all(&[world.body(0), world.body(1)]).await;
    world.drain().await;
    let openids = &world.official().openids;

    let one =
        complain(&world, json!({ "touser": openids[0], "kind": "misleading", "reference": "t-1" })).await;
    let again =
        complain(&world, json!({ "complaints": [{ "touser": openids[0], "reference": "t-1" }] })).await;
    let rows = format!("touser,kind,reference,occurred_at\r\n{},fraud,\"t,2\",\r\n,,,\r\n", openids[1]);
    let imported = sheet(&world, &rows).await.expect(200);

    assert_eq!(
        (&one["results"][0]["message"], &one["results"][0]["result"]),
        (&json!(ids[0]), &json!("new"))
    );
    assert_eq!(again["results"][0]["result"], json!("same"));
    assert_eq!(imported["results"][0]["message"], json!(ids[1]));
    assert_eq!(signals(&world).await["complained"], json!(2));
    let list = get(&world, "complaints").await;
    assert_eq!(
        (&list["complaints"][0]["reference"], &list["complaints"][0]["kind"]),
        (&json!("t,2"), &json!("fraud"))
    );
    let timeline = world.message(&ids[0]).await["timeline"].clone();
    assert!(timeline.as_array().unwrap().iter().any(|moment| moment["what"] == json!("complained")));
    let marketing = with(world.body(0), &json!({ "category": "marketing" }));
    world.api().post("/api/v1/messages", &marketing).await.expect(422);
    world.finish().await;
}

#[tokio::test]
async fn bad_complaints_brakes_and_questions_are_refused_by_name() {
    let world = World::start().await;
    let api = world.api();
    let wrong = json!({ "complaints": [{ "touser": "a b" }, { "message": "x" }, { "kind": "sad" },
        { "touser": "oA", "message": "msg_0000000000000" }, { "touser": "oA", "occurred_at": "2027-01-01T00:00:00Z" }] });

    let reply = api.post("/api/v1/complaints", &wrong).await.expect(422);
    let fields: Vec<_> =
        reply["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert_eq!(
        fields,
        ["0].touser", "1].message", "2].message", "2].kind", "3].message", "4].occurred_at"]
            .map(|field| json!(format!("complaints[{field}")))
    );
    assert!(!reply.to_string().contains("a b"), "a wrong openid is not repeated");
    api.post("/api/v1/complaints", &json!({ "complaints": [] })).await.expect(422);
    sheet(&world, "openid\nx\n").await.expect(422);
    let gone = complain(&world, json!({ "message": "msg_0000000000000" })).await;
    assert_eq!(gone["results"][0]["result"], json!("unknown_message"));
    api.post("/api/v1/compliance/brakes/7/release", &json!({ "reason": "x" })).await.expect(404);
    api.patch("/api/v1/policies/brake", &json!({ "score": 0, "days": 31 })).await.expect(422);
    api.patch("/api/v1/policies/brake", &json!({ "category": "service", "score": 7 })).await.expect(422);
    for path in [
        "report?day=tomorrow",
        "report?day=2027-01-01",
        "report?format=pdf",
        "risk?days=0",
        "brakes?state=half",
        "blocked?limit=0",
        "blocked?cursor=x",
    ] {
        api.get(&format!("/api/v1/compliance/{path}")).await.expect(422);
    }
    world.finish().await;
}

/// A day on which every standard is broken once, by rules that are only observed.
async fn a_bad_day() -> World {
    let world = World::build().house_rules().start().await;
    for rule in ["reach", "frequency"] {
        policy(&world, rule, json!({ "mode": "observe" })).await;
    }
    policy(&world, "content", json!({ "mode": "off" })).await;
    let act = json!({ "touser": world.official().openids[0], "kind": "message" });
    world.api().post("/api/v1/interactions", &act).await.expect(202);
    for _ in 0..4 {
        world.send(&world.body(0)).await;
        world.drain().await;
    }
    let lie = with(world.body(1)["data"].clone(), &json!({ "thing1": { "value": "包治百病" } }));
    world.send(&with(world.body(1), &json!({ "data": lie }))).await;
    world.drain().await;
    world
}

#[tokio::test]
async fn the_self_check_tells_what_really_went_against_each_standard() {
    let world = a_bad_day().await;
    let today = get(&world, "compliance/report?day=2026-11-23").await;
    world.advance(12 * HOUR + 11 * MINUTE);
    world.tick().await;

    let report = get(&world, "compliance/report").await;

    assert_eq!((&today["complete"], &today["checks"][0]["state"]), (&json!(false), &json!("pending")));
    assert_eq!(
        (&report["complete"], &report["day"], &report["sent"]),
        (&json!(true), &json!("2026-11-23"), &json!(5))
    );
    let found =
        |check: usize| (report["checks"][check]["found"].clone(), report["checks"][check]["state"].clone());
    // Of four messages by a window of three a day, one had none; the liar's had none either.
    let expected = [(1, "found"), (1, "found"), (2, "found")];
    for (check, (count, state)) in expected.into_iter().enumerate() {
        assert_eq!(found(check), (json!(count), json!(state)), "{}", report["checks"][check]);
    }
    assert_eq!(report["checks"][0]["offenders"][0]["detail"], json!("包治百病"));
    assert_eq!(report["checks"][0]["offenders"][0]["touser"], json!(world.official().openids[1]));
    assert_eq!(report["checks"][1]["did"]["observed"], json!(1));
    assert_eq!(report["checks"][2]["did"]["observed"], json!(2));
    assert_eq!(report["checks"][1]["share"], json!(0.2));
    world.finish().await;
}

#[tokio::test]
async fn a_day_that_nobody_looked_at_because_the_process_was_down_is_looked_at_later() {
    let mut world = a_bad_day().await;
    world.kill().await;
    world.advance(3 * DAY);
    world.boot().await;
    for _ in 0..4 {
        world.tick().await;
    }

    for day in ["2026-11-23", "2026-11-24", "2026-11-25"] {
        let report = get(&world, &format!("compliance/report?day={day}")).await;
        assert_eq!(report["complete"], json!(true), "{day}");
    }
    let report = get(&world, "compliance/report?day=2026-11-23").await;
    assert_eq!(report["checks"][1]["found"], json!(1));
    let before = get(&world, "compliance/report?day=2026-11-22").await;
    assert_eq!(before["complete"], json!(false), "there was no account yet");
    world.finish().await;
}

#[tokio::test]
async fn the_self_check_counts_by_the_accounts_own_rule() {
    let world = a_bad_day().await;
    policy(&world, "frequency", json!({ "caps": [{ "per": "day", "over": "all", "limit": 4 }] })).await;
    world.advance(DAY);
    world.tick().await;

    let report = get(&world, "compliance/report?day=2026-11-23").await;

    let check = &report["checks"][1];
    assert_eq!((&check["found"], &check["state"]), (&json!(0), &json!("passed")));
    assert!(check["standard"]["en"].as_str().unwrap().contains("at most 4"), "{check}");
    world.finish().await;
}

#[tokio::test]
async fn the_report_is_a_sheet_too_and_names_nobody_to_whom_may_only_read() {
    let world = a_bad_day().await;
    world.advance(DAY);
    world.tick().await;
    let key = json!({ "name": "reader", "scopes": ["read"] });
    let key = world.api().post("/api/v1/keys", &key).await.expect(201);
    let reader = world.api_with(key["key"].as_str().unwrap());
    let path = "/api/v1/compliance/report?day=2026-11-23&format=csv";

    let (all, some) = (world.api().get(path).await, reader.get(path).await);

    assert_eq!(all.text().lines().count(), 1 + 3 + 4, "{}", all.text());
    assert!(all.text().starts_with("\u{feff}row,day,appid,check,standard"));
    assert!(all.text().contains(&world.official().openids[1]));
    assert!(!some.text().contains(&world.official().openids[1]) && some.text().contains("包治百病"));
    world.finish().await;
}

#[tokio::test]
async fn what_is_refused_at_the_door_is_counted_in_the_report() {
    let world = World::build().house_rules().start().await;
    let act = json!({ "touser": world.official().openids[0], "kind": "message" });
    world.api().post("/api/v1/interactions", &act).await.expect(202);
    for _ in 0..2 {
        world.api().post("/api/v1/messages", &world.body(1)).await.expect(422);
    }

    let report = get(&world, "compliance/report?day=2026-11-23").await;

    assert_eq!(report["checks"][2]["did"]["refused"], json!(2));
    assert_eq!(report["checks"][2]["found"], json!(0));
    world.finish().await;
}

#[tokio::test]
async fn what_a_person_approved_is_no_offence_of_the_day() {
    let world = World::start().await;
    policy(&world, "content", json!({ "mode": "enforce" })).await;
    let template_id = world.add_template("订单通知", "内容：{{keyword1.DATA}}").await;
    let coupon = json!({ "template_id": template_id, "data": { "keyword1": "送您优惠券" } });
    let approved = world.send(&with(world.body(0), &coupon)).await;
    let waiting = get(&world, "approvals?state=waiting").await;
    let path = format!("/api/v1/approvals/{}/approve", waiting["approvals"][0]["id"].as_str().unwrap());
    world.api().post(&path, &json!({ "reason": "looked at it" })).await.expect(200);
    policy(&world, "content", json!({ "mode": "off" })).await;
    let slipped = world.send(&with(world.body(1), &coupon)).await;
    world.drain().await;
    assert_eq!(
        (world.state(&approved).await, world.state(&slipped).await),
        ("delivered".into(), "delivered".into())
    );
    world.advance(DAY);
    world.tick().await;

    let report = get(&world, "compliance/report?day=2026-11-23").await;

    let check = &report["checks"][0];
    assert_eq!((&check["checked"], &check["found"]), (&json!(2), &json!(1)), "{check}");
    assert_eq!(check["offenders"][0]["message"], json!(slipped));
    world.finish().await;
}
