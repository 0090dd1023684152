//! Messages for later, messages that expire, and messages that are taken back.

use std::time::Duration;

use hongyan_testkit::{World, with};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn later(world: &World, after_s: i64) -> Value {
    with(world.body(0), &json!({ "send_at": world.at(after_s) }))
}

async fn cancel(world: &World, id: &str) -> hongyan_testkit::Reply {
    world.api().post(&format!("/api/v1/messages/{id}/cancel"), &json!({})).await
}

#[tokio::test]
async fn a_message_for_later_goes_then_and_not_a_second_before() {
    for after_s in [30, 600, 86_400] {
        let world = World::start().await;
        let id = world.send(&later(&world, after_s)).await;

        world.pass(1, Duration::from_secs(after_s.unsigned_abs() - 1)).await;
        let before = world.state(&id).await;
        world.pass(1, SECOND).await;

        assert_eq!((&*before, &*world.state(&id).await), ("pending", "delivered"), "{after_s} s");
        world.finish().await;
    }
}

#[tokio::test]
async fn more_messages_for_soon_than_memory_holds_wait_in_the_store_and_all_go_in_time() {
    const MANY: usize = 4_500;
    let world = World::build().followers(100).engine(|engine| engine.max_in_flight = 64).start().await;
    let soon = json!({ "send_at": world.at(58) });
    let bodies: Vec<_> = (0..MANY).map(|number| with(world.body(number), &soon)).collect();
    for some in bodies.chunks(1_000) {
        world.api().post("/api/v1/messages/batch", &json!({ "messages": some })).await.expect(200);
    }
    let held = world.traffic().await.held;

    world.pass(1, 57 * SECOND).await;
    let before = world.stats().sends;
    world.pass(1, SECOND).await;

    assert!(held <= 4_096, "{held} in memory");
    assert_eq!(before, 0);
    world.assert_counts(&[("delivered", MANY as i64)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_message_for_later_outlives_a_crash() {
    let mut world = World::start().await;
    let id = world.send(&later(&world, 3_600)).await;

    world.restart().await;
    world.pass(1, 59 * MINUTE).await;
    let before = world.state(&id).await;
    world.pass(1, MINUTE).await;

    assert_eq!((&*before, &*world.state(&id).await), ("pending", "delivered"));
    world.finish().await;
}

/// Trap 14: a schedule that passed while the server was down is sent late without a word.
#[tokio::test]
async fn what_fell_due_while_the_daemon_was_down_goes_late_or_expires_as_it_said() {
    let mut world = World::start().await;
    let patient = world.send(&later(&world, 3_600)).await;
    let hasty = with(later(&world, 3_600), &json!({ "expires_at": world.at(5_400) }));
    let hasty = world.send(&hasty).await;

    world.kill().await;
    world.advance(2 * HOUR);
    world.boot().await;
    world.drain().await;

    let late = world.message(&patient).await;
    assert_eq!(world.state(&patient).await, "delivered");
    assert!(late["sent_at"].as_str() > late["deadline"].as_str(), "it shows that it was late: {late}");
    assert_eq!(world.state(&hasty).await, "failed: expired");
    world.finish().await;
}

#[tokio::test]
async fn a_message_expires_while_its_account_is_paused() {
    let world = World::start().await;
    world.order("pause", &json!({ "reason": "stocktaking" })).await.expect(200);
    let body = with(world.body(0), &json!({ "expires_at": world.at(60) }));
    let id = world.send(&body).await;
    world.pass(1, 59 * SECOND).await;
    let before = world.state(&id).await;

    world.pass(2, SECOND).await;
    let after = world.state(&id).await;
    world.order("resume", &json!({})).await.expect(200);
    world.drain().await;

    assert_eq!((&*before, &*after), ("pending", "failed: expired"));
    assert_eq!(world.stats().sends, 0);
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_says_nothing_expires_after_three_days() {
    let world = World::start().await;
    world.faults(json!({ "quota_used_up": true }));
    let id = world.send(&world.body(0)).await;

    world.pass(73, HOUR).await;

    assert_eq!(world.state(&id).await, "failed: expired");
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_is_taken_back_before_it_went_never_goes() {
    let world = World::start().await;
    let id = world.send(&later(&world, 600)).await;

    let cancelled = cancel(&world, &id).await.expect(200);
    world.pass(20, MINUTE).await;

    assert_eq!(cancelled["state"], "cancelled");
    assert_eq!(world.state(&id).await, "cancelled: by_request");
    assert_eq!(world.stats().sends, 0);
    world.finish().await;
}

#[tokio::test]
async fn a_message_in_a_lane_is_taken_back_before_its_turn() {
    let world = World::build().pace(1, 1).start().await;
    let ids = world.send_many(10).await;

    cancel(&world, &ids[9]).await.expect(200);
    world.pass(15, SECOND).await;

    world.assert_counts(&[("cancelled: by_request", 1), ("delivered", 9)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_is_on_its_way_or_there_cannot_be_taken_back() {
    let world = World::start().await;
    world.wire.hold_answers();
    let id = world.send(&world.body(0)).await;
    world.wire.held(1).await;

    let during = cancel(&world, &id).await;
    world.wire.open();
    world.drain().await;
    let after = cancel(&world, &id).await;

    assert_eq!(
        (&during.expect(409)["code"], &after.expect(409)["code"]),
        (&json!("too_late"), &json!("too_late"))
    );
    assert_eq!(world.state(&id).await, "delivered");
    world.finish().await;
}

/// Trap 13: pause, resume and restart skip or repeat people.
#[tokio::test]
async fn pause_resume_and_restart_skip_nobody_and_repeat_nobody() {
    let mut world = World::build().pace(10, 20).followers(100).start().await;
    world.send_many(100).await;
    world.pass(3, SECOND).await;

    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);
    world.drain().await;
    let sends = world.stats().sends;
    world.pass(10, SECOND).await;
    let paused = world.stats().sends - sends;
    world.restart().await;
    world.order("resume", &json!({})).await.expect(200);
    world.pass(30, SECOND).await;

    assert_eq!(paused, 0);
    world.assert_counts(&[("delivered", 100)]).await;
    assert_eq!((0..100).filter(|follower| world.phone(*follower).len() == 1).count(), 100);
    world.finish().await;
}
