//! What the owner of a store holds in memory is in no queue of it, until the owner lets go of it or is gone.

use std::time::Duration;

use hongyan_domain::{Cause, Lane, MessageId, Outcome, State};
use hongyan_store::{Backlog, Claimed, Settled, Shelf};

use crate::bed::{Bed, after_s, standing};
use crate::queue::{claim, ready};

/// Accepts a message that memory holds from then on.
async fn held(bed: &Bed) -> MessageId {
    let mut new = bed.draft_to("oA");
    new.in_memory = true;
    let id = new.id;
    bed.store.accept(vec![new]).await.unwrap();
    id
}

pub(crate) async fn what_memory_holds_is_in_no_queue_until_it_is_put_down(bed: &Bed) {
    let _owner = bed.own().await;
    let id = held(bed).await;
    let before = (ready(bed).await, bed.store.backlog().await.unwrap());

    let put_down = bed.store.put_down(vec![(bed.account, id, Shelf::Queue)]).await.unwrap();
    let again = bed.store.put_down(vec![(bed.account, id, Shelf::Queue)]).await.unwrap();

    assert_eq!(before, (vec![], vec![]));
    assert_eq!((put_down, again), (1, 0));
    assert_eq!(ready(bed).await, [id]);
}

pub(crate) async fn what_memory_holds_is_claimed_and_settled_like_any_other(bed: &Bed) {
    let _owner = bed.own().await;
    let id = held(bed).await;

    let claimed = claim(bed, &[id]).await.unwrap();
    let settled = bed.settle_sent(id, Some(7)).await;

    assert_eq!(claimed, [Claimed::Go(None)]);
    assert!(matches!(settled, Settled::Applied(to) if to.to == State::Sent));
    assert_eq!(bed.store.put_down(vec![(bed.account, id, Shelf::Queue)]).await.unwrap(), 0);
}

pub(crate) async fn who_does_not_own_the_store_holds_nothing_in_memory(bed: &Bed) {
    let id = held(bed).await;

    assert_eq!(ready(bed).await, [id]);
}

pub(crate) async fn the_next_owner_finds_in_the_queue_what_the_last_held_in_memory(bed: &Bed) {
    let owner = bed.own().await;
    let id = held(bed).await;
    drop(owner);

    let _next = bed.own().await;

    assert_eq!(ready(bed).await, [id]);
}

pub(crate) async fn what_is_shelved_until_it_is_due_leaves_memory(bed: &Bed) {
    let _owner = bed.own().await;
    let mut new = bed.draft_to("oA");
    (new.in_memory, new.due_at) = (true, after_s(30));
    let id = new.id;
    bed.store.accept(vec![new]).await.unwrap();

    let shelved = bed.store.put_down(vec![(bed.account, id, Shelf::Schedule)]).await.unwrap();

    assert_eq!((shelved, ready(bed).await), (1, vec![]));
    assert_eq!(bed.store.scheduled_promote(after_s(30), 10).await.unwrap().len(), 1);
    assert_eq!(ready(bed).await, [id]);
}

pub(crate) async fn a_retry_goes_on_in_memory_and_one_that_waits_long_in_the_schedule(bed: &Bed) {
    let _owner = bed.own().await;
    let (soon, late) = (held(bed).await, held(bed).await);
    let soon_again = Outcome::Retry { after: Duration::from_secs(1), cause: Cause::Busy };
    let later = Outcome::Retry { after: Duration::from_secs(3_600), cause: Cause::UserLimited };

    bed.answer(soon, standing(State::Claimed, 0), soon_again, after_s(0)).await;
    bed.answer(late, standing(State::Claimed, 0), later, after_s(0)).await;

    assert_eq!(ready(bed).await, []);
    let promoted = bed.store.scheduled_promote(after_s(3_600), 10).await.unwrap();
    assert_eq!(promoted.iter().map(|one| one.id).collect::<Vec<_>>(), [late]);
    assert_eq!(ready(bed).await, [late]);
}

pub(crate) async fn what_memory_is_wrong_about_is_found_in_the_queue(bed: &Bed) {
    let _owner = bed.own().await;
    let (claimed, settled) = (held(bed).await, held(bed).await);
    let busy = || Outcome::Retry { after: Duration::ZERO, cause: Cause::Busy };
    for id in [claimed, settled] {
        bed.answer(id, standing(State::Claimed, 0), busy(), after_s(0)).await;
    }

    let stale = claim(bed, &[claimed]).await.unwrap();
    let elsewhere = bed.answer(settled, standing(State::Claimed, 0), busy(), after_s(0)).await;

    assert_eq!(stale, [Claimed::Stale]);
    assert_eq!(elsewhere, Settled::Stale { state: State::Pending });
    assert_eq!(ready(bed).await, [claimed, settled]);
}

pub(crate) async fn a_lane_begins_with_the_first_of_memory_and_queue(bed: &Bed) {
    let _owner = bed.own().await;
    let lane = Backlog { account: bed.account, lane: Lane::Normal };
    for (seconds, in_memory) in [(30, true), (20, true), (25, false)] {
        let mut new = bed.draft_to("oA");
        (new.in_memory, new.deadline_at) = (in_memory, after_s(seconds));
        bed.store.accept(vec![new]).await.unwrap();
    }

    let heads = bed.store.lane_heads(vec![lane]).await.unwrap();

    assert_eq!(
        heads.iter().map(|head| (head.of, head.deadline_at)).collect::<Vec<_>>(),
        [(lane, after_s(20))]
    );
}
