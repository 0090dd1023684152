//! The daemon dies or is asked to stop, at bad moments; the next one finds everything.

use std::time::Duration;

use hongyan_engine::EngineError;
use hongyan_store::StoreError;
use hongyan_testkit::{Receipts, World};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Trap 9: a crash loses what was in memory.
#[tokio::test]
async fn what_was_accepted_and_not_sent_is_sent_by_the_next_daemon() {
    let mut world = World::build().pace(1, 1).followers(100).start().await;
    world.send_many(1_000).await;

    world.kill().await;
    world.boot().await;
    let limits = json!({ "limits": { "base_per_s": 0, "peak_per_s": 0, "daily": 1_000_000 } });
    world.api().patch(&format!("/api/v1/accounts/{}", world.official().appid), &limits).await.expect(200);
    world.drain().await;

    world.assert_counts(&[("delivered", 1_000)]).await;
    world.finish().await;
}

/// Trap 9: what a dead worker had taken is never reclaimed.
#[tokio::test]
async fn what_wechat_had_when_the_daemon_died_is_not_delivered_again() {
    let mut world = World::build().followers(100).start().await;
    world.wire.hold_answers();
    world.send_many(100).await;
    world.wire.held(100).await;

    world.kill().await;
    world.wire.open();
    world.boot().await;
    world.pass(3, SECOND).await;

    assert_eq!((world.stats().delivered, world.stats().repeats), (100, 100));
    world.assert_counts(&[("delivered", 100)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_try_that_a_kill_cut_off_stands_in_the_timeline_and_in_the_metrics() {
    let mut world = World::start().await;
    world.wire.hold_answers();
    let id = world.send(&world.body(0)).await;
    world.wire.held(1).await;

    world.kill().await;
    world.wire.open();
    world.advance(9 * MINUTE);
    world.boot().await;

    let message = world.message(&id).await;
    let timeline: Vec<_> = message["timeline"].as_array().unwrap().iter().collect();
    let told: Vec<_> = timeline.iter().map(|moment| moment["what"].as_str().unwrap()).collect();
    assert_eq!(told, ["accepted", "dispatched", "settled"], "{message}");
    assert_eq!(timeline[1]["outcome"], "unknown");
    let metrics = world.api().get("/metrics").await.text().to_owned();
    for line in [
        r#"hongyan_messages_total{state="unknown",cause="no_answer"} 1"#,
        r#"hongyan_dispatches_total{kind="unknown"} 1"#,
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    world.finish().await;
}

#[tokio::test]
async fn what_had_not_reached_wechat_when_the_daemon_died_is_sent() {
    let mut world = World::build().followers(100).start().await;
    world.wire.hold_calls();
    world.send_many(100).await;
    world.wire.held(100).await;

    world.kill().await;
    // What is held would go on without its sender.
    world.wire.cut();
    world.wire.open();
    world.boot().await;
    world.pass(3, SECOND).await;

    assert_eq!((world.stats().delivered, world.stats().repeats), (100, 0));
    world.assert_counts(&[("delivered", 100)]).await;
    world.finish().await;
}

#[tokio::test]
async fn what_was_in_flight_when_a_daemon_stayed_dead_too_long_is_unknown_and_not_sent_again() {
    let mut world = World::start().await;
    world.faults(json!({ "receipts": { "late": 1, "late_ms": 1_200_000 } }));
    world.wire.hold_answers();
    world.send_many(10).await;
    world.wire.held(10).await;

    world.kill().await;
    world.wire.open();
    world.advance(9 * MINUTE);
    world.boot().await;
    world.pass(2, MINUTE).await;
    let before_the_receipts = world.counts().await;
    world.pass(10, MINUTE).await;

    assert_eq!(before_the_receipts, [("unknown: no_answer".to_owned(), 10)].into());
    assert_eq!((world.stats().sends, world.stats().repeats), (10, 0));
    world.assert_counts(&[("delivered", 10)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_daemon_that_dies_ten_times_in_a_row_delivers_each_message_once() {
    let mut world = World::build().pace(50, 100).followers(200).start().await;
    world.send_many(200).await;

    for round in 0..10 {
        world.pass(1, SECOND / 4).await;
        world.wire.hold_answers();
        world.advance(SECOND / 4);
        world.tick().await;
        world.wire.held(round + 1).await;
        world.kill().await;
        world.wire.open();
        world.boot().await;
    }
    world.pass(30, SECOND).await;

    world.assert_counts(&[("delivered", 200)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_daemon_that_is_asked_to_stop_lets_what_is_in_flight_come_back() {
    let mut world = World::build().followers(100).start().await;
    world.wire.hold_answers();
    world.send_many(100).await;
    world.wire.held(100).await;

    let wire = world.wire.clone();
    tokio::join!(world.stop(), async move { wire.open() });
    world.boot().await;
    let at_the_start = world.counts().await;
    world.drain().await;

    let awaited: i64 =
        at_the_start.iter().filter(|(state, _)| !state.starts_with("pending")).map(|(_, n)| n).sum();
    assert_eq!(awaited, 100, "{at_the_start:?}");
    assert_eq!(world.stats().repeats, 0);
    world.assert_counts(&[("delivered", 100)]).await;
    world.finish().await;
}

/// What is claimed when a daemon ends counts as a try that may have arrived.
#[tokio::test]
async fn a_daemon_that_is_asked_to_stop_leaves_nothing_in_doubt_of_which_nothing_was_sent() {
    let mut world = World::build()
        .followers(100)
        .receipts(Receipts::Off)
        .timeout(2 * SECOND)
        .engine(|engine| engine.max_in_flight = 8)
        .start()
        .await;
    world.wire.hold_answers();
    world.send_many(500).await;
    world.wire.held(8).await;

    world.stop().await;
    let reached_wechat = world.stats().sends;
    world.wire.open();
    world.advance(9 * MINUTE);
    world.boot().await;
    world.drain().await;

    let counts = world.counts().await;
    assert!(reached_wechat < 100, "they were to wait: {reached_wechat}");
    assert_eq!(counts["unknown: no_answer"], reached_wechat as i64, "{counts:?}");
    assert_eq!(counts["sent"], 500 - reached_wechat as i64, "{counts:?}");
    world.finish().await;
}

#[tokio::test]
async fn a_daemon_whose_clock_was_set_back_gives_no_id_twice() {
    let mut world = World::start().await;
    world.send_many(10).await;
    world.drain().await;

    world.set_back(60 * MINUTE);
    world.restart().await;
    world.send_many(10).await;
    world.drain().await;

    world.assert_counts(&[("delivered", 20)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_second_daemon_on_the_same_store_is_refused_and_the_first_goes_on() {
    let world = World::start().await;

    let second = world.boot_a_second().await;

    assert!(matches!(second.err(), Some(EngineError::Store(StoreError::Owned(_)))));
    world.send(&world.body(0)).await;
    world.drain().await;
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_daemon_that_was_replaced_finds_out_and_ends() {
    let mut world = World::start().await;
    let files = std::fs::read_dir(world.files()).unwrap().map(|file| file.unwrap().path());
    let lock = files.into_iter().find(|path| path.extension().is_some_and(|word| word == "owner")).unwrap();
    std::fs::remove_file(lock).unwrap();

    let second = world.boot_a_second().await.unwrap();
    world.tick().await;
    let ready = world.api().get("/readyz").await;

    assert_eq!(ready.status, 503, "{}", ready.text());
    drop(second);
    world.restart().await;
    world.finish().await;
}

#[tokio::test]
async fn a_receipt_that_came_while_nobody_was_there_is_told_again() {
    let mut world = World::start().await;
    world.faults(json!({ "receipts": { "delay": { "min_ms": 1_000, "max_ms": 1_000 } } }));
    let id = world.send(&world.body(0)).await;
    world.drain().await;

    world.change_at_wechat(&json!({ "callback_url": "http://127.0.0.1:9/" }));
    world.kill().await;
    world.advance(SECOND);
    world.simulator.deliver_receipts().await;
    world.boot().await;
    world.change_at_wechat(&json!({ "callback_url": world.official().callback_url }));
    world.pass(2, 5 * SECOND).await;

    assert_eq!((world.stats().receipts_retried, &*world.state(&id).await), (1, "delivered"));
    world.finish().await;
}
