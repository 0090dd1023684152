//! Pace, quota and turns: how fast an account sends, and what happens when WeChat wants less.

use std::time::Duration;

use hongyan_domain::Cause;
use hongyan_simulator::AccountBody;
use hongyan_testkit::{World, with};
use serde_json::{Value, json};

/// As often as a bucket of a twentieth of a second has to be looked at.
const STEP: Duration = Duration::from_millis(50);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn in_lane(bodies: impl Iterator<Item = Value>, lane: &str) -> Vec<Value> {
    bodies.map(|body| with(body, &json!({ "lane": lane }))).collect()
}

/// The most sends in any span of a second.
fn most_in_a_second(world: &World) -> usize {
    let at: Vec<_> = world.ledger().iter().map(|entry| entry.at_ms).collect();
    let within = |from: &i64| at.iter().filter(|at| (*from..from + 1_000).contains(*at)).count();
    at.iter().map(within).max().unwrap_or(0)
}

#[tokio::test]
async fn no_second_has_more_sends_than_the_peak_and_the_base_rate_is_kept() {
    let world = World::build().pace(50, 100).followers(100).start().await;
    world.advance(HOUR);
    world.drain().await;

    world.send_many(600).await;
    world.pass(240, STEP).await;

    assert!(most_in_a_second(&world) <= 100, "{}", most_in_a_second(&world));
    world.assert_counts(&[("delivered", 600)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_thousand_messages_at_a_hundred_a_second_take_ten_seconds() {
    let world = World::build().pace(100, 100).followers(100).start().await;

    world.send_many(1_000).await;
    world.pass(199, STEP).await;
    let before_the_end = world.stats().sends;
    world.pass(2, STEP).await;

    assert!((990..1_000).contains(&before_the_end), "{before_the_end}");
    world.assert_counts(&[("delivered", 1_000)]).await;
    world.finish().await;
}

/// Trap 6: two runs double the rate.
#[tokio::test]
async fn a_restart_brings_no_second_burst() {
    let mut world = World::build().pace(50, 100).followers(100).start().await;
    world.send_many(300).await;
    world.pass(20, STEP).await;

    world.restart().await;
    world.pass(20, STEP).await;

    assert!(most_in_a_second(&world) <= 100, "{}", most_in_a_second(&world));
    world.finish().await;
}

/// Trap 5: a throttle counted as a failure.
#[tokio::test]
async fn a_full_minute_waits_for_the_next_and_halves_the_pace() {
    let world = World::build().pace(100, 100).start().await;
    world.faults(json!({ "errcodes": [{ "errcode": 45011, "next": 1 }] }));

    let ids = world.send_many(10).await;
    world.advance(Duration::from_secs(1));
    world.drain().await;
    let stopped = world.traffic().await;
    world.pass(2, MINUTE).await;

    assert_eq!(stopped.pause.unwrap().cause, Cause::RateLimited);
    assert!(stopped.rate_per_s <= 50.0, "{}", stopped.rate_per_s);
    world.assert_counts(&[("delivered", 10)]).await;
    assert_eq!(world.message(&ids[0]).await["attempts"], 1);
    world.finish().await;
}

#[tokio::test]
async fn a_wechat_that_is_often_busy_is_asked_more_slowly_and_everything_arrives() {
    let world = World::build().pace(100, 100).start().await;
    world.faults(json!({ "errcodes": [{ "errcode": -1, "next": 5 }] }));

    let ids = world.send_many(10).await;
    world.advance(Duration::from_secs(1));
    world.drain().await;
    let rate_per_s = world.traffic().await.rate_per_s;
    world.pass(30, Duration::from_secs(1)).await;

    assert_eq!(rate_per_s, 50.0);
    world.assert_counts(&[("delivered", 10)]).await;
    assert_eq!(world.message(&ids[0]).await["attempts"], 2);
    world.finish().await;
}

#[tokio::test]
async fn a_busy_answer_now_and_then_slows_nothing() {
    let world = World::build().pace(100, 100).start().await;
    world.faults(json!({ "errcodes": [{ "errcode": -1, "next": 1 }] }));

    world.send_many(10).await;
    world.pass(10, Duration::from_secs(1)).await;

    assert_eq!(world.traffic().await.rate_per_s, 100.0);
    world.assert_counts(&[("delivered", 10)]).await;
    world.finish().await;
}

/// Trap 5: 45009 burns attempts, and messages are lost.
#[tokio::test]
async fn an_hour_without_quota_fails_nothing_and_spends_no_attempt() {
    let world = World::build().followers(100).start().await;
    world.faults(json!({ "quota_used_up": true }));
    let ids = world.send_many(200).await;
    world.drain().await;
    let refusals = world.stats().errcodes[&45009];

    world.pass(60, MINUTE).await;

    world.assert_counts(&[("pending", 200)]).await;
    assert_eq!(world.stats().errcodes[&45009], refusals);
    assert_eq!(world.message(&ids[199]).await["attempts"], 0);
    let pause = world.traffic().await.pause.unwrap();
    assert_eq!((pause.cause, &*pause.until.to_string()), (Cause::DailyQuota, "2026-11-23T16:00:00.000Z"));
    assert!(world.account().await.to_string().contains("daily_quota"));
    world.finish().await;
}

#[tokio::test]
async fn after_midnight_the_new_quota_is_used() {
    let world = World::build().followers(100).start().await;
    world.faults(json!({ "quota_used_up": true }));
    world.send_many(200).await;
    world.pass(1, 11 * HOUR).await;
    let before = world.stats().sends;

    world.advance(HOUR);
    world.faults(json!({}));
    world.pass(2, MINUTE).await;

    assert_eq!(before, 0, "it was still today");
    world.assert_counts(&[("delivered", 200)]).await;
    world.finish().await;
}

/// Our clock is a second ahead of WeChat's: what it says at our midnight is of yesterday. It does not tell the quota.
#[tokio::test]
async fn a_quota_that_is_used_up_at_midnight_stops_nothing_for_a_day() {
    let world = World::start().await;
    world.faults(json!({ "quota_told": 0, "errcodes": [{ "errcode": 45009, "next": 1 }] }));
    world.pass(1, 12 * HOUR).await;
    world.send_many(20).await;
    world.drain().await;
    world.assert_counts(&[("delivered", 19), ("pending", 1)]).await;

    world.pass(2, MINUTE).await;

    world.assert_counts(&[("delivered", 20)]).await;
    world.finish().await;
}

/// One account whose line hangs must not keep WeChat's count of all others from being read.
#[tokio::test]
async fn the_quotas_of_many_accounts_are_read_side_by_side() {
    let world = World::build().accounts(8).timeout(10 * MINUTE).start().await;
    world.pass(1, Duration::from_secs(1)).await;

    world.wire.hold_calls();
    world.advance(11 * MINUTE);
    world.tick().await;
    world.wire.held(8).await;

    world.wire.open();
    world.drain().await;
    world.finish().await;
}

#[tokio::test]
async fn a_quota_that_is_cleared_is_noticed_the_same_day() {
    let world = World::build().start().await;
    world.faults(json!({ "quota_used_up": true }));
    world.send_many(20).await;
    world.drain().await;

    world.faults(json!({}));
    world.read_quota().await;
    world.drain().await;

    world.assert_counts(&[("delivered", 20)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_quota_that_is_cleared_by_the_api_is_used_at_once() {
    let body = AccountBody { daily_quota: Some(20), ..AccountBody::default() };
    let world = World::build().at_wechat(body).start().await;
    world.read_quota().await;
    world.send_many(30).await;
    world.drain().await;
    let before = world.stats().sends;

    let cleared = world.order("quota/clear", &json!({})).await;
    world.drain().await;

    assert!((200..300).contains(&cleared.status), "{}", cleared.text());
    assert_eq!(before, 18, "the last tenth is for urgent messages");
    world.assert_counts(&[("delivered", 30)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_person_who_resumes_an_account_ends_its_wait_for_wechat() {
    let world = World::start().await;
    world.faults(json!({ "errcodes": [{ "errcode": 45009 }] }));
    world.send_many(20).await;
    world.drain().await;

    world.faults(json!({}));
    world.order("resume", &json!({})).await.expect(200);
    world.drain().await;

    world.assert_counts(&[("delivered", 20)]).await;
    world.finish().await;
}

#[tokio::test]
async fn the_last_tenth_of_a_day_is_kept_for_urgent_messages() {
    let body = AccountBody { daily_quota: Some(100), ..AccountBody::default() };
    let world = World::build().at_wechat(body).start().await;
    world.read_quota().await;

    world.send_many(100).await;
    world.drain().await;
    let normal = world.stats().sends;
    let urgent = in_lane((0..10).map(|number| world.body(number)), "urgent");
    let urgent = world.send_all(&urgent).await;
    world.drain().await;

    assert_eq!((normal, world.stats().sends), (90, 100));
    assert_eq!(world.state(&urgent[9]).await, "delivered");
    assert_eq!(world.stats().errcodes.get(&45009), None);
    world.pass(2, 12 * HOUR).await;
    world.assert_counts(&[("delivered", 110)]).await;
    world.finish().await;
}

/// Trap 15: a single message waits behind the campaign.
#[tokio::test]
async fn urgent_goes_before_five_thousand_bulk_messages_and_bulk_still_moves() {
    let world = World::build().pace(100, 100).followers(200).start().await;
    world.send_all(&in_lane((0..5_000).map(|number| world.body(number)), "bulk")).await;
    world.pass(20, STEP).await;
    let bulk = world.stats().sends;

    let urgent = in_lane((0..60).map(|number| world.body(number)), "urgent");
    let urgent = world.send_all(&urgent).await;
    world.pass(20, STEP).await;

    for id in &urgent {
        assert_eq!(world.state(id).await, "delivered");
    }
    assert!(world.stats().sends - bulk >= 60 + 10, "{} went besides", world.stats().sends - bulk - 60);
    world.finish().await;
}

/// One account's work starves the others.
#[tokio::test]
async fn no_account_waits_for_another_ones_backlog() {
    let world = World::build().accounts(200).engine(|engine| engine.max_in_flight = 64).start().await;
    let (big, others) = world.officials.split_first().unwrap();

    world.wire.hold_calls();
    world.send_all(&(0..10_000).map(|number| big.body(number)).collect::<Vec<_>>()).await;
    world.send_all(&others.iter().map(|official| official.body(0)).collect::<Vec<_>>()).await;
    world.wire.open();
    world.drain().await;

    let ledger = world.ledger();
    let last = ledger.iter().rposition(|entry| entry.appid != big.appid).unwrap();
    assert_eq!(ledger.len(), 10_199);
    // What was claimed already, 2,048 and two claims under way, goes first.
    assert!(last < 3_500, "the last of the others went as number {last}");
    world.finish().await;
}

/// Trap 13: a changed setting skips or repeats people.
#[tokio::test]
async fn new_limits_hold_at_once_and_nobody_is_skipped_or_written_twice() {
    let world = World::build().pace(1, 1).followers(100).start().await;
    world.send_many(100).await;
    world.pass(3, Duration::from_secs(1)).await;
    let slow = world.stats().sends;

    let limits = json!({ "limits": { "base_per_s": 0, "peak_per_s": 0, "daily": 1_000_000 } });
    world.api().patch(&format!("/api/v1/accounts/{}", world.official().appid), &limits).await.expect(200);
    world.drain().await;

    assert!(slow <= 3, "{slow}");
    world.assert_counts(&[("delivered", 100)]).await;
    assert_eq!((0..100).filter(|follower| world.phone(*follower).len() == 1).count(), 100);
    world.finish().await;
}

#[tokio::test]
async fn an_operators_own_limit_holds_though_wechat_allows_more() {
    let world = World::build().limits(0, 0, 20).start().await;
    world.read_quota().await;

    world.send_many(30).await;
    world.drain().await;

    assert_eq!(world.stats().sends, 18, "the last tenth is for urgent messages");
    world.finish().await;
}

#[tokio::test]
async fn a_quota_that_wechat_does_not_tell_blocks_nothing() {
    for told in [0, -1] {
        let world = World::start().await;
        world.faults(json!({ "quota_told": told }));
        world.read_quota().await;

        world.send_many(20).await;
        world.drain().await;

        world.assert_counts(&[("delivered", 20)]).await;
        world.finish().await;
    }
}
