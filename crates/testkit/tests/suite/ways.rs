//! The ways to WeChat: its second entry, an account's own proxy.

use std::time::Duration;

use hongyan_testkit::World;
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_entry_that_refuses_is_left_for_the_other_and_nothing_waits_or_comes_twice() {
    let world = World::build().two_bases().followers(100).start().await;
    world.send_many(50).await;
    world.drain().await;
    let by_detour = world.detour.answered();

    world.wire.refuse();
    world.send_many(50).await;
    world.drain().await;
    let during = world.counts().await;
    world.detour.refuse();
    world.wire.mend();
    world.send_many(50).await;
    world.drain().await;

    assert_eq!((by_detour, &during), (0, &[("delivered".to_owned(), 100)].into()));
    assert!(world.detour.answered() >= 50);
    assert_eq!(world.stats().repeats, 0);
    world.assert_counts(&[("delivered", 150)]).await;
    world.finish().await;
}

/// What one entry may have taken is in doubt, whichever entry is asked next: it goes again under its id.
#[tokio::test]
async fn an_entry_that_dies_with_answers_on_the_way_costs_a_repeat_and_no_second_delivery() {
    let world = World::build().two_bases().followers(50).start().await;
    world.wire.hold_answers();
    world.send_many(50).await;
    world.wire.held(50).await;

    world.wire.refuse();
    world.pass(5, SECOND).await;

    assert_eq!((world.stats().delivered, world.stats().repeats), (50, 50));
    world.assert_counts(&[("delivered", 50)]).await;
    world.finish().await;
}

#[tokio::test]
async fn an_account_with_a_proxy_goes_through_it_and_the_others_do_not_miss_it() {
    let allow = |settings: &mut hongyan_engine::Settings| {
        settings.outgoing.guard.allowed = vec!["127.0.0.1".parse().unwrap()];
    };
    let world = World::build().accounts(2).followers(20).engine(allow).start().await;
    let (proxied, other) = (&world.officials[0], &world.officials[1]);
    let proxy = json!({ "proxy": world.detour.url() });
    world.api().patch(&format!("/api/v1/accounts/{}", proxied.appid), &proxy).await.expect(200);
    let (direct, by_proxy) = (world.wire.answered(), world.detour.answered());

    world.send_all(&(0..20).map(|number| proxied.body(number)).collect::<Vec<_>>()).await;
    world.drain().await;
    let (direct, by_proxy) = (world.wire.answered() - direct, world.detour.answered() - by_proxy);
    world.detour.refuse();
    let waits = world.send(&proxied.body(0)).await;
    let goes = world.send(&other.body(0)).await;
    world.pass(2, SECOND).await;
    let during = (world.state(&waits).await, world.state(&goes).await);
    world.detour.mend();
    world.pass(40, SECOND).await;

    assert_eq!((direct, by_proxy), (0, 20));
    assert_eq!((&*during.0, &*during.1), ("pending: unreachable", "delivered"));
    world.assert_counts(&[("delivered", 22)]).await;
    world.finish().await;
}
