//! What is bounded stays bounded, and what is old leaves.

use std::time::Duration;

use hongyan_testkit::{World, with};
use serde_json::json;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Trap 7: a task for each recipient, without bound.
#[tokio::test]
async fn no_more_calls_wait_for_wechat_than_are_allowed() {
    let world = World::build().followers(100).engine(|engine| engine.max_in_flight = 8).start().await;
    world.wire.hold_answers();
    world.send_many(100).await;
    world.wire.held(8).await;

    world.tick().await;
    world.send_many(1).await;
    let at_once = world.stats().sends;
    world.wire.open();
    world.drain().await;

    assert_eq!(at_once, 8);
    world.assert_counts(&[("delivered", 101)]).await;
    world.finish().await;
}

/// Trap 11: an "asynchronous" send that is called so that it runs in line.
#[tokio::test]
async fn sends_do_not_wait_for_one_another() {
    let world = World::build().followers(500).start().await;

    world.wire.hold_answers();
    world.send_many(500).await;
    world.wire.held(500).await;
    world.wire.open();
    world.drain().await;

    world.assert_counts(&[("delivered", 500)]).await;
    world.finish().await;
}

#[tokio::test]
async fn the_simulators_ledger_forgets_nothing_that_is_younger_than_ten_minutes() {
    let world = World::start().await;
    for pause in [5 * MINUTE, 6 * MINUTE, MINUTE] {
        world.send(&world.body(0)).await;
        world.drain().await;
        world.advance(pause);
    }

    assert_eq!(world.ledger().len(), 2, "of a message 12, of one 7 and of one 1 minute ago");
    world.finish().await;
}

/// Everything is kept for ever, and pages grow slow with it (trap 29; what the pages read: `store::tests`).
#[tokio::test]
async fn what_ended_thirty_days_ago_leaves_for_the_archive_without_a_name_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive.ndjson");
    let world =
        World::build().engine(|engine| engine.retention.archive = Some(archive.clone())).start().await;
    let ids = world.send_many(10).await;
    world.drain().await;

    world.pass(1, 29 * DAY).await;
    let kept = world.api().get(&format!("/api/v1/messages/{}", ids[0])).await.status;
    world.pass(2, DAY + MINUTE).await;
    let gone = world.api().get(&format!("/api/v1/messages/{}", ids[0])).await.status;

    let lines = std::fs::read_to_string(archive).unwrap();
    assert_eq!((kept, gone, lines.lines().count()), (200, 404, 10));
    assert!(world.official().openids.iter().all(|openid| !lines.contains(&**openid)));
    world.assert_counts(&[("delivered", 10)]).await;
    world.finish().await;
}

#[tokio::test]
async fn of_more_messages_than_memory_holds_the_oldest_go_first() {
    let world = World::build().pace(1, 100).followers(100).start().await;
    let ids = world.send_many(6_000).await;

    world.advance(MINUTE);
    world.drain().await;

    let first: Vec<_> = world.ledger().into_iter().filter_map(|entry| entry.client_msg_id).collect();
    let expected: Vec<_> =
        ids.iter().take(first.len()).map(|id| id.trim_start_matches("msg_").to_owned()).collect();
    assert!(first.len() > 50, "{}", first.len());
    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>(), expected.iter().collect());
    world.finish().await;
}

/// Trap 30: work in the background starves the sending.
#[tokio::test]
async fn what_is_urgent_goes_while_old_rows_leave_keys_change_and_a_list_is_read_in() {
    let world = World::build().followers(100).start().await;
    let old = world.send_many(6_000).await;
    world.drain().await;
    world.advance(31 * DAY);
    let newest = format!("/api/v1/messages/{}", old[old.len() - 1]);
    let list: Vec<_> = (0..10_000).map(|number| format!("stranger{number:012}")).collect();
    let importer = world.another_api();
    let import = importer.call(
        http::Method::POST,
        "/api/v1/suppressions/import",
        "text/csv",
        format!("touser\n{}\n", list.join("\n")).into(),
    );

    world.rotate_data_key().await;
    world.tick().await;
    let sends = world.stats().sends;
    let urgent = with(world.body(0), &json!({ "lane": "urgent" }));
    let send = async {
        world.send(&urgent).await;
        world.wire.until(|| world.stats().sends > sends).await;
    };
    tokio::pin!(import);
    let went_first = tokio::select! {
        biased;
        reply = &mut import => panic!("the list was read in first: {}", reply.text()),
        () = send => world.api().get(&newest).await.status,
    };
    let imported = import.await;
    world.drain().await;

    assert_eq!(went_first, 200, "the old rows had left first");
    assert_eq!((imported.status, world.api().get(&newest).await.status), (200, 404), "{}", imported.text());
    world.assert_counts(&[("delivered", 6_001)]).await;
    world.finish().await;
}
