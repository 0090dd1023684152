//! Triggers that belong together: several become one message, one takes another back.

use std::time::Duration;

use hongyan_testkit::{World, with};
use serde_json::{Value, json};

use crate::scenarios::{paid, put, trigger};

const MINUTE: Duration = Duration::from_secs(60);

async fn post(world: &World, name: &str, body: &Value, status: u16) -> Value {
    world.api().post(&format!("/api/v1/scenarios/{name}/trigger"), body).await.expect(status)
}

/// Purchases of ten minutes become one message.
async fn merging(world: &World) {
    let scenario = with(
        paid(world),
        &json!({ "link": null, "basis": null, "merge": { "within": "10m", "by": "recipient" }, "fields": {
            "thing1": "{% for item in items %}{{ item.goods }} {% endfor %}",
            "amount2": "{{ items | total(\"amount\") | yuan }}", "character_string3": "{{ count }}",
            "time4": "{{ paid_at | cn_time }}",
        } }),
    );
    put(world, "cart", &scenario).await;
}

fn bought(world: &World, order_no: &str, goods: &str) -> Value {
    let mut body = trigger(world, order_no);
    body["params"]["goods"] = json!(goods);
    body
}

fn whats(message: &Value, what: &str) -> Vec<Value> {
    let timeline = message["timeline"].as_array().unwrap();
    timeline.iter().filter(|moment| moment["what"] == json!(what)).cloned().collect()
}

#[tokio::test]
async fn triggers_of_ten_minutes_become_one_message_at_their_end() {
    let mut world = World::start().await;
    merging(&world).await;

    let first = post(&world, "cart", &bought(&world, "M1", "拿铁"), 202).await;
    world.advance(4 * MINUTE);
    let second = post(&world, "cart", &bought(&world, "M2", "美式"), 202).await;
    world.restart().await;
    let third = post(&world, "cart", &bought(&world, "M3", "摩卡"), 202).await;
    world.drain().await;
    assert_eq!(world.stats().sends, 0);
    world.advance(6 * MINUTE);
    world.drain().await;

    assert_eq!((&second["id"], &third["id"]), (&first["id"], &first["id"]));
    assert_eq!((&first["merged"], &third["merged"]), (&json!(1), &json!(3)));
    assert_eq!(second["due_at"], first["due_at"]);
    let message = world.message(first["id"].as_str().unwrap()).await;
    assert_eq!(message["state"], json!("delivered"));
    assert_eq!(message["data"]["character_string3"]["value"], json!("3"));
    assert_eq!(message["data"]["amount2"]["value"], json!("¥55.50"));
    let merged = whats(&message, "merged");
    assert_eq!((merged.len(), &merged[1]["client_msg_id"]), (3, &json!("M2-paid")));
    assert_eq!(merged[2]["params"]["goods"], json!("摩卡"));
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn each_trigger_given_again_answers_with_the_message_it_went_into() {
    let world = World::start().await;
    merging(&world).await;
    let bodies = [bought(&world, "M1", "拿铁"), bought(&world, "M2", "美式")];
    let first = post(&world, "cart", &bodies[0], 202).await;
    post(&world, "cart", &bodies[1], 202).await;

    for body in &bodies {
        let again = post(&world, "cart", body, 200).await;
        assert_eq!((&again["id"], &again["repeated"]), (&first["id"], &json!(true)));
    }
    let other = with(bought(&world, "M9", "红茶"), &json!({ "client_msg_id": "M2-paid" }));
    post(&world, "cart", &other, 409).await;
    let elsewhere = with(world.body(1), &json!({ "client_msg_id": "M2-paid" }));
    world.api().post("/api/v1/messages", &elsewhere).await.expect(409);

    let found = world.api().get("/api/v1/messages?client_msg_id=M2-paid").await.expect(200);
    assert_eq!(found["messages"][0]["id"], first["id"]);
    world.advance(10 * MINUTE);
    world.drain().await;
    let message = world.message(first["id"].as_str().unwrap()).await;
    assert_eq!(message["data"]["character_string3"]["value"], json!("2"));
    for body in &bodies {
        assert_eq!(post(&world, "cart", body, 200).await["state"], json!("delivered"));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_trigger_under_a_known_id_that_says_another_time_or_urgency_is_another_one() {
    let world = World::start().await;
    merging(&world).await;
    let first = bought(&world, "M1", "拿铁");
    post(&world, "cart", &first, 202).await;

    for other in [json!({ "occurred_at": world.at(-60) }), json!({ "overflow": "shorten" })] {
        post(&world, "cart", &with(first.clone(), &other), 409).await;
    }
    post(&world, "cart", &first, 200).await;
    world.finish().await;
}

#[tokio::test]
async fn what_several_triggers_say_together_is_shortened_where_that_is_asked() {
    let world = World::start().await;
    merging(&world).await;
    let long = "一二三四五六七八九";
    let shorten = |no: &str| with(bought(&world, no, long), &json!({ "overflow": "shorten" }));

    let first = post(&world, "cart", &shorten("L1"), 202).await;
    post(&world, "cart", &shorten("L2"), 202).await;
    let third = post(&world, "cart", &shorten("L3"), 202).await;
    world.advance(10 * MINUTE);
    world.drain().await;

    assert_eq!(third["id"], first["id"]);
    let warning = &third["warnings"][0];
    assert_eq!((&warning["field"], &warning["code"]), (&json!("data.thing1"), &json!("shortened")));
    let message = world.message(first["id"].as_str().unwrap()).await;
    let shown = message["data"]["thing1"]["value"].as_str().unwrap();
    assert!(shown.ends_with('…') && shown.chars().count() == 20, "{shown}");
    world.finish().await;
}

#[tokio::test]
async fn a_window_that_is_over_or_says_too_much_is_followed_by_another() {
    let world = World::start().await;
    merging(&world).await;
    let long = "一二三四五六七八九";

    let first = post(&world, "cart", &bought(&world, "L1", long), 202).await;
    post(&world, "cart", &bought(&world, "L2", long), 202).await;
    let apart = post(&world, "cart", &bought(&world, "L3", long), 202).await;
    world.advance(10 * MINUTE);
    world.drain().await;
    let later = post(&world, "cart", &bought(&world, "L4", long), 202).await;

    assert_ne!(first["id"], apart["id"]);
    assert_ne!(apart["id"], later["id"]);
    world.advance(10 * MINUTE);
    world.drain().await;
    world.assert_counts(&[("delivered", 3)]).await;
    world.finish().await;
}

#[tokio::test]
async fn triggers_that_come_together_are_merged_too_and_those_of_others_are_not() {
    let world = World::start().await;
    merging(&world).await;
    let of = |follower: usize, n: usize| {
        let touser = &world.official().openids[follower];
        with(
            bought(&world, &format!("T{follower}-{n}"), "茶"),
            &json!({ "touser": touser, "scenario": "cart" }),
        )
    };
    let bodies: Vec<_> = (0..6).map(|n| of(n % 2, n)).chain([of(0, 0)]).collect();

    let ids = world.send_all(&bodies).await;
    world.advance(10 * MINUTE);
    world.drain().await;

    assert_eq!((&ids[2], &ids[4], &ids[6]), (&ids[0], &ids[0], &ids[0]));
    assert_ne!(ids[0], ids[1]);
    let message = world.message(&ids[0]).await;
    assert_eq!(message["data"]["character_string3"]["value"], json!("3"));
    world.assert_counts(&[("delivered", 2)]).await;
    world.finish().await;
}

async fn cancellable(world: &World) {
    let reminder = with(
        paid(world),
        &json!({
            "timing": { "before": { "param": "paid_at", "by": "1h" } }, "basis": null, "tolerance": "5m",
            "cancelled_by": ["appointment_cancelled", "moved"],
        }),
    );
    put(world, "reminder", &reminder).await;
}

fn booking(world: &World, no: &str) -> Value {
    let mut booking = trigger(world, no);
    booking["params"]["paid_at"] = json!(world.at(3 * 3_600));
    booking
}

fn cancels(world: &World, no: &str) -> Value {
    json!({ "touser": world.official().openids[0], "params": { "order_no": no } })
}

#[tokio::test]
async fn an_event_takes_back_what_waits_about_the_same_thing_and_the_timeline_says_so() {
    let world = World::start().await;
    cancellable(&world).await;
    let id = post(&world, "reminder", &booking(&world, "B1"), 202).await["id"].clone();
    let other = post(&world, "reminder", &booking(&world, "B2"), 202).await["id"].clone();

    let told = post(&world, "appointment_cancelled", &cancels(&world, "B1"), 200).await;
    let again = post(&world, "appointment_cancelled", &cancels(&world, "B1"), 200).await;

    assert_eq!((&told["cancelled"], &again["cancelled"]), (&json!(1), &json!(0)));
    let message = world.message(id.as_str().unwrap()).await;
    assert_eq!((&message["state"], &message["cause"]), (&json!("cancelled"), &json!("by_event")));
    assert_eq!(whats(&message, "withdrawn")[0]["by"], json!("appointment_cancelled"));
    world.advance(120 * MINUTE);
    world.drain().await;
    assert_eq!(world.state(other.as_str().unwrap()).await, "delivered");
    let late = post(&world, "appointment_cancelled", &cancels(&world, "B2"), 200).await;
    assert_eq!(late["cancelled"], json!(0));
    world.finish().await;
}

#[tokio::test]
async fn an_event_that_overtakes_what_it_takes_back_still_does() {
    let world = World::start().await;
    cancellable(&world).await;
    post(&world, "appointment_cancelled", &cancels(&world, "B1"), 200).await;
    world.advance(MINUTE);

    let late = post(&world, "reminder", &booking(&world, "B1"), 202).await;
    let before =
        with(booking(&world, "B1"), &json!({ "client_msg_id": "before", "occurred_at": world.at(-120) }));
    let before = post(&world, "reminder", &before, 202).await;
    let after =
        with(booking(&world, "B1"), &json!({ "client_msg_id": "after", "occurred_at": world.at(-30) }));
    let after = post(&world, "reminder", &after, 202).await;

    assert_eq!((&late["state"], &before["state"]), (&json!("cancelled"), &json!("cancelled")));
    assert_eq!(after["state"], json!("pending"));
    assert_eq!(world.state(late["id"].as_str().unwrap()).await, "cancelled: by_event");
    world.advance(61 * MINUTE);
    let new = with(booking(&world, "B1"), &json!({ "client_msg_id": "new" }));
    assert_eq!(post(&world, "reminder", &new, 202).await["state"], json!("pending"));
    world.finish().await;
}

#[tokio::test]
async fn a_scenario_that_takes_back_another_sends_its_own_message() {
    let world = World::start().await;
    cancellable(&world).await;
    put(&world, "moved", &paid(&world)).await;
    post(&world, "reminder", &booking(&world, "B1"), 202).await;

    let moved = with(trigger(&world, "B1"), &json!({ "client_msg_id": "moved-1" }));
    let told = post(&world, "moved", &moved, 202).await;
    world.drain().await;

    assert_eq!(told["cancelled"], json!(1));
    world.assert_counts(&[("delivered", 1), ("cancelled: by_event", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn an_event_that_does_not_say_of_what_is_refused() {
    let world = World::start().await;
    cancellable(&world).await;
    let mut nameless = cancels(&world, "B1");
    nameless["params"] = json!({});

    let told = post(&world, "appointment_cancelled", &nameless, 422).await;

    assert_eq!(told["errors"][0]["field"], json!("params.order_no"));
    post(&world, "nothing_goes_by_this", &cancels(&world, "B1"), 422).await;
    world.finish().await;
}

/// By what each of the first five followers came onto the suppression list.
async fn sources(world: &World) -> Vec<Value> {
    let mut sources = Vec::new();
    for openid in &world.official().openids[..5] {
        let person = world.api().get(&format!("/api/v1/recipients/{openid}")).await.expect(200);
        sources.push(person["suppressions"][0]["source"].clone());
    }
    sources
}

#[tokio::test]
async fn a_suppression_tells_by_what_it_is_known_and_a_file_keeps_that() {
    let world = World::start().await;
    let official = world.official();
    let event = |follower: usize, more: Value| {
        let event = with(json!({ "appid": official.appid, "openid": official.openids[follower] }), &more);
        world.simulator.control().event(&serde_json::from_value(event).unwrap()).unwrap();
    };
    event(0, json!({ "kind": "unfollow" }));
    world.make_followers(&[1], "user_blocked");
    // Who is not known at all gets no row by a receipt.
    event(1, json!({ "kind": "click" }));
    world.drain().await;
    world.send(&world.body(1)).await;
    world.drain().await;
    let by_hand = json!({ "tousers": [official.openids[2]] });
    world.api().post("/api/v1/suppressions", &by_hand).await.expect(200);
    let file = format!("touser\n{}\n", official.openids[3]);
    upload(&world, "/api/v1/suppressions/import", "text/csv", file.as_bytes()).await;
    event(4, json!({ "kind": "text", "text": "退订" }));
    world.drain().await;

    let expected = ["callback", "receipt", "api", "import", "person"];
    assert_eq!(sources(&world).await, expected);
    let out = world.api().get("/api/v1/suppressions/export").await;
    upload(&world, "/api/v1/suppressions/import", "text/csv", &out.body).await;
    assert_eq!(sources(&world).await, expected);
    world.finish().await;
}

async fn upload(world: &World, path: &str, content_type: &str, body: &[u8]) -> Vec<Value> {
    let body = bytes::Bytes::copy_from_slice(body);
    let reply = world.api().call(http::Method::POST, path, content_type, body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const BATCH: &str = "/api/v1/scenarios/paid/trigger/batch";

#[tokio::test]
async fn a_table_of_triggers_is_answered_row_by_row_in_utf8_and_gbk() {
    let world = World::start().await;
    put(&world, "paid", &paid(&world)).await;
    let (a, b) = (&world.official().openids[0], &world.official().openids[1]);
    let at = world.at(-5);
    let table = format!(
        "touser,client_msg_id,goods,amount,order_no,paid_at\n{a},c1,\"coffee, big\",18.50,N1,{at}\n{b},c2,tea,much,N2,{at}\n\n{b},c3,tea,3,N3,{at}\n"
    );
    let marked = [b"\xef\xbb\xbf", table.as_bytes()].concat();
    let gbk = [
        b"touser,client_msg_id,goods,amount,order_no,paid_at\n".as_slice(),
        a.as_bytes(),
        b",c4,\xc4\xc3\xcc\xfa,5,N4,",
        at.as_bytes(),
    ]
    .concat();

    let rows = upload(&world, BATCH, "text/csv", &marked).await;
    let again = upload(&world, BATCH, "text/csv; charset=utf-8", table.as_bytes()).await;
    let chinese = upload(&world, BATCH, "text/csv; charset=gbk", &gbk).await;
    world.drain().await;

    assert_eq!((rows.len(), &rows[1]["error"]["errors"][0]["field"]), (3, &json!("params.amount")));
    assert_eq!((&again[0]["id"], &again[0]["repeated"]), (&rows[0]["id"], &json!(true)));
    let message = world.message(chinese[0]["id"].as_str().unwrap()).await;
    assert_eq!(message["data"]["thing1"]["value"], json!("拿铁"));
    let message = world.message(rows[0]["id"].as_str().unwrap()).await;
    assert_eq!(message["data"]["thing1"]["value"], json!("coffee, big"));
    world.assert_counts(&[("delivered", 3)]).await;
    world.finish().await;
}

#[tokio::test]
async fn triggers_come_in_an_array_or_line_by_line_too() {
    let world = World::start().await;
    put(&world, "paid", &paid(&world)).await;
    let old = with(trigger(&world, "O1"), &json!({ "occurred_at": world.at(-3 * 86_400) }));
    let all = json!([trigger(&world, "A1"), old, { "touser": 7 }]);
    let lines = format!("{}\n\nnonsense\n{}\n", trigger(&world, "A1"), trigger(&world, "A2"));

    let array = world.api().post(BATCH, &all).await.expect(200);
    let rows = upload(&world, BATCH, "application/x-ndjson", lines.as_bytes()).await;

    let results = array["results"].as_array().unwrap();
    assert_eq!((results.len(), &results[1]["error"]["errors"][0]["field"]), (3, &json!("occurred_at")));
    assert_eq!((&rows[0]["id"], &rows[1]["error"]["code"]), (&results[0]["id"], &json!("malformed_json")));
    assert!(rows[2]["id"].is_string(), "{rows:?}");
    world.api().post(BATCH, &json!([])).await.expect(422);
    let reply = world.api().call(http::Method::POST, BATCH, "text/csv", "order_no\nN1\n".into()).await;
    assert_eq!(reply.expect(422)["errors"][0]["code"], json!("missing"));
    world.drain().await;
    world.assert_counts(&[("delivered", 2)]).await;
    world.finish().await;
}

async fn on_time(world: &World, name: &str) -> Value {
    let shown = world.api().get("/api/v1/stats/on_time?by=scenario").await.expect(200);
    shown["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["key"] == json!(name))
        .cloned()
        .unwrap_or_default()
}

#[tokio::test]
async fn a_payment_is_told_of_within_a_minute_and_a_pause_is_found_in_its_lateness() {
    let world = World::start().await;
    put(&world, "paid", &paid(&world)).await;
    let first = post(&world, "paid", &trigger(&world, "P1"), 202).await;
    world.drain().await;
    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);
    world.drain().await;
    let second = post(&world, "paid", &trigger(&world, "P2"), 202).await;
    world.advance(3 * MINUTE);
    world.drain().await;
    world.order("resume", &json!({})).await.expect(200);
    world.drain().await;

    assert_eq!(
        world.message(first["id"].as_str().unwrap()).await["on_time"],
        json!({ "verdict": "on_time" })
    );
    let late = world.message(second["id"].as_str().unwrap()).await["on_time"].clone();
    assert_eq!((&late["verdict"], &late["late_ms"]), (&json!("late"), &json!(120_000)), "{late}");
    assert_eq!(late["steps"]["pause_ms"], json!(120_000), "{late}");
    let row = on_time(&world, "paid").await;
    assert_eq!((&row["on_time"], &row["late"], &row["share"]), (&json!(1), &json!(1), &json!(0.5)));
    assert_eq!(row["steps"], late["steps"]);
    let of = async |scenario: &str| {
        world.api().get(&format!("/api/v1/stats/on_time?by=day&scenario={scenario}")).await.expect(200)
    };
    assert_eq!((&of("paid").await["rows"][0]["late"], &of("other").await["rows"]), (&json!(1), &json!([])));
    assert_eq!(world.api().get("/api/v1/stats").await.expect(200)["on_time"]["late"], json!(1));
    world.api().get("/api/v1/stats/on_time?by=weather").await.expect(422);
    world.finish().await;
}

#[tokio::test]
async fn logistics_go_within_ten_minutes_and_are_late_after_forty() {
    let world = World::start().await;
    let logistics = with(
        paid(&world),
        &json!({ "timing": { "within": "10m" }, "tolerance": "30m", "basis": null, "lane": "normal" }),
    );
    put(&world, "logistics", &logistics).await;
    let body = |no: &str, ago: i64| with(trigger(&world, no), &json!({ "occurred_at": world.at(-ago * 60) }));

    let punctual = post(&world, "logistics", &body("L1", 39), 202).await;
    let late = post(&world, "logistics", &body("L2", 41), 202).await;
    world.drain().await;

    assert_eq!(world.message(punctual["id"].as_str().unwrap()).await["on_time"]["verdict"], json!("on_time"));
    assert_eq!(world.message(late["id"].as_str().unwrap()).await["on_time"]["late_ms"], json!(60_000));
    let row = on_time(&world, "logistics").await;
    assert_eq!((&row["on_time"], &row["late"], &row["late_ms_mean"]), (&json!(1), &json!(1), &json!(60_000)));
    world.finish().await;
}

#[tokio::test]
async fn an_appointment_is_told_of_an_hour_ahead_within_five_minutes_or_not_at_all() {
    let world = World::start().await;
    cancellable(&world).await;
    let drop = with(
        paid(&world),
        &json!({
            "timing": { "before": { "param": "paid_at", "by": "1h" } }, "basis": null, "tolerance": "5m",
            "when_late": "drop",
        }),
    );
    put(&world, "reminder", &drop).await;
    post(&world, "reminder", &booking(&world, "B1"), 202).await;
    world.advance(120 * MINUTE);
    world.drain().await;
    world.advance(60 * MINUTE);
    let late = post(&world, "reminder", &booking(&world, "B2"), 202).await;
    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);
    world.advance(126 * MINUTE);
    world.drain().await;

    assert_eq!(world.state(late["id"].as_str().unwrap()).await, "failed: expired");
    let row = on_time(&world, "reminder").await;
    assert_eq!((&row["on_time"], &row["late"], &row["expired"]), (&json!(1), &json!(0), &json!(1)));
    world.finish().await;
}

#[tokio::test]
async fn what_waits_for_a_person_who_unsubscribes_does_not_go() {
    let world = World::build().house_rules().start().await;
    let later = with(world.body(0), &json!({ "send_at": world.at(3_600) }));
    let id = world.send(&later).await;
    let event = json!({
        "appid": world.official().appid, "openid": world.official().openids[0], "kind": "unfollow",
    });

    world.simulator.control().event(&serde_json::from_value(event).unwrap()).unwrap();
    world.drain().await;

    assert_eq!(world.state(&id).await, "suppressed: suppression");
    let person =
        world.api().get(&format!("/api/v1/recipients/{}", world.official().openids[0])).await.expect(200);
    assert_eq!(
        (&person["recent"][0]["id"], &person["suppressions"][0]["reason"]),
        (&json!(id), &json!("unsubscribed"))
    );
    world.finish().await;
}

#[tokio::test]
async fn the_suppression_list_goes_out_as_a_table_and_in_again() {
    let world = World::build().house_rules().start().await;
    let (a, b) = (&world.official().openids[0], &world.official().openids[1]);
    let table = format!(
        "touser,reason,category,until\n{a},opted_out,marketing,{}\n{b},,,\nbad id,,,\n{b},wink,,\n",
        world.at(86_400)
    );

    let told = upload(&world, "/api/v1/suppressions/import", "text/csv", table.as_bytes()).await.remove(0);
    let out = world.api().get("/api/v1/suppressions/export").await;
    let again = upload(&world, "/api/v1/suppressions/import", "text/csv", &out.body).await.remove(0);
    let lines = format!("{{\"touser\":\"{a}\",\"reason\":\"complained\"}}\n");
    upload(&world, "/api/v1/suppressions/import", "application/x-ndjson", lines.as_bytes()).await;

    assert_eq!(
        (&told["changed"], &told["refused"], &told["errors"][1]["index"]),
        (&json!(2), &json!(2), &json!(3))
    );
    assert_eq!((&again["changed"], &again["refused"]), (&json!(2), &json!(0)));
    assert!(out.text().contains(&format!("{a},opted_out,marketing,")), "{}", out.text());
    let person = world.api().get(&format!("/api/v1/recipients/{a}")).await.expect(200);
    assert_eq!(person["suppressions"].as_array().unwrap().len(), 2);
    world.api().post("/api/v1/suppressions/import", &json!([])).await.expect(415);
    world.finish().await;
}
