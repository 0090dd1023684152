//! Counters over time, the overview and the queue: what an operator looks at.

use std::time::Duration;

use hongyan_testkit::{World, with};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

/// The total of a line of `GET /api/v1/stats/series`.
fn total(series: &Value, name: &str, measure: &str) -> i64 {
    let lines = series["lines"].as_array().unwrap().iter();
    let line = lines.filter(|line| line["name"] == name && line["measure"] == measure);
    line.map(|line| line["total"].as_i64().unwrap()).sum()
}

#[tokio::test]
async fn what_happened_is_counted_minute_by_minute() {
    let world = World::start().await;
    world.send_many(3).await;
    world.drain().await;
    world.advance(2 * MINUTE);
    world.send_many(2).await;
    world.drain().await;

    let series = world.api().get("/api/v1/stats/series").await.expect(200);

    let accepted =
        series["lines"].as_array().unwrap().iter().find(|line| line["name"] == "accepted").unwrap();
    let counts = accepted["counts"].as_array().unwrap();
    assert_eq!(counts.len(), series["at"].as_array().unwrap().len());
    assert_eq!(counts[counts.len() - 3..], [json!(3), json!(0), json!(2)]);
    assert_eq!(total(&series, "delivered", "delivered"), 5);
    assert!(series["latency"]["answer_ms"]["overall"]["p99"].is_i64(), "{}", series["latency"]);
    world.finish().await;
}

#[tokio::test]
async fn counters_are_told_by_template_scenario_account_and_errcode() {
    let world = World::build().accounts(2).start().await;
    world.faults(json!({ "errcodes": [{ "errcode": 40037, "rate": 1.0 }] }));
    world.send(&world.body(0)).await;
    world.drain().await;
    world.faults(json!({}));
    world.send(&world.officials[1].body(0)).await;
    world.drain().await;
    let (first, second) = (&world.officials[0], &world.officials[1]);
    let ask = async |query: String| {
        world.api().get(&format!("/api/v1/stats/series?step=hour&{query}")).await.expect(200)
    };

    let by_errcode = ask("by=errcode".to_owned()).await;
    let by_account = ask("by=account".to_owned()).await;
    let by_template = ask("by=template".to_owned()).await;
    let of_first = ask(format!("appid={}", first.appid)).await;

    assert_eq!(total(&by_errcode, "40037", "tried"), 1);
    assert_eq!(total(&by_account, &first.appid, "failed"), 1);
    assert_eq!(total(&by_account, &second.appid, "delivered"), 1);
    assert_eq!(total(&by_template, &second.template_id, "delivered"), 1);
    assert_eq!((total(&of_first, "failed", "failed"), total(&of_first, "delivered", "delivered")), (1, 0));
    world.finish().await;
}

#[tokio::test]
async fn counters_are_right_after_a_crash() {
    let mut world = World::start().await;
    world.send_many(20).await;
    world.restart().await;
    world.send_many(5).await;
    // What the crash left in doubt goes again a little later.
    world.pass(3, MINUTE).await;

    let series = world.api().get("/api/v1/stats/series?step=day").await.expect(200);

    assert_eq!(total(&series, "accepted", "accepted"), 25);
    assert_eq!(total(&series, "delivered", "delivered"), 25);
    // The end compares every counter with the rows.
    world.finish().await;
}

#[tokio::test]
async fn a_question_for_too_much_says_what_to_ask_instead() {
    let world = World::start().await;

    let errors =
        world.api().get("/api/v1/stats/series?since=2020-01-01T00:00:00Z&by=x&lane=y").await.expect(422);

    let fields: Vec<_> = errors["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["lane", "by", "since"]);
    world.finish().await;
}

#[tokio::test]
async fn the_overview_tells_accounts_funnel_and_errcodes_with_what_to_do() {
    let world = World::start().await;
    world.send_many(3).await;
    world.drain().await;
    world.faults(json!({ "errcodes": [{ "errcode": 43004, "rate": 1.0 }] }));
    world.send(&world.body(4)).await;
    world.drain().await;

    let overview = world.api().get("/api/v1/overview").await.expect(200);

    let funnel = &overview["funnel"];
    assert_eq!(
        (&funnel["requested"], &funnel["accepted"], &funnel["delivered"]),
        (&json!(4), &json!(3), &json!(3))
    );
    assert_eq!(overview["success_rate"], json!(0.75));
    let errcode = &overview["errcodes"][0];
    assert_eq!((&errcode["errcode"], &errcode["count"]), (&json!(43004), &json!(1)));
    for text in ["meaning", "done", "advice"] {
        assert!(errcode[text]["zh"].is_string() && errcode[text]["en"].is_string(), "{text}: {errcode}");
    }
    let account = &overview["accounts"][0];
    assert_eq!((&account["sent_today"], &account["quota"]["used"]), (&json!(3), &json!(4)));
    assert!(
        account["last_callback_at"].is_string() && account["live"]["token"]["age_s"].is_u64(),
        "{account}"
    );
    world.finish().await;
}

#[tokio::test]
async fn the_queue_tells_what_waits_and_since_when() {
    let world = World::start().await;
    world.order("pause", &json!({ "reason": "stocktaking" })).await.expect(200);
    world.send(&with(world.body(0), &json!({ "lane": "urgent" }))).await;
    world.send_many(2).await;
    world.send(&with(world.body(3), &json!({ "send_at": world.at(7_200) }))).await;
    world.advance(5 * MINUTE);
    world.drain().await;

    let queue = world.api().get("/api/v1/queue").await.expect(200);

    assert_eq!(queue["waiting"], 4);
    let account = &queue["accounts"][0];
    assert_eq!((&account["stands_still"], &account["next_scheduled_at"].is_string()), (&json!(true), &true));
    let lanes: Vec<_> =
        account["lanes"].as_array().unwrap().iter().map(|lane| (&lane["lane"], &lane["waiting"])).collect();
    assert_eq!(lanes, [(&json!("urgent"), &json!(1)), (&json!("normal"), &json!(3))]);
    assert_eq!(account["lanes"][0]["oldest_age_s"], 300);
    world.finish().await;
}
