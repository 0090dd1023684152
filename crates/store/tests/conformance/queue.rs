//! Claim, ready, schedule, sweep, ownership.

use std::time::Duration;

use hongyan_domain::policy::Policies;
use hongyan_domain::{Cause, Lane, MessageId, Outcome, State};
use hongyan_store::{Backlog, Claimed, Ready, Shelf, StoreError};

use crate::bed::{Bed, NOW, after_s, draft, standing};

/// Claims these, without rules.
pub(crate) async fn claim(bed: &Bed, messages: &[MessageId]) -> hongyan_store::Result<Vec<Claimed>> {
    let messages: Vec<_> = messages.iter().map(|id| bed.ready(*id)).collect();
    bed.store.claim(&[bed.claim_of(bed.claim_id(), &messages, &Policies::off())]).await
}

pub(crate) async fn ready(bed: &Bed) -> Vec<MessageId> {
    ids(&bed.store.ready(bed.account, Lane::Normal, None, 100).await.unwrap())
}

fn ids(ready: &[Ready]) -> Vec<MessageId> {
    ready.iter().map(|message| message.id).collect()
}

pub(crate) async fn claims_without_ownership_are_fenced(bed: &Bed) {
    let id = bed.accepted("oA").await;

    let never = claim(bed, &[id]).await;
    drop(bed.own().await);
    let not_any_more = claim(bed, &[id]).await;

    assert!(matches!(never, Err(StoreError::Fenced { held: 0, .. })));
    assert!(matches!(not_any_more, Err(StoreError::Fenced { held: 0, .. })));
    assert_eq!(bed.state(id).await, State::Pending);
}

pub(crate) async fn a_claim_under_a_newer_epoch_is_fenced(bed: &Bed) {
    let owner = bed.own().await;
    let id = bed.accepted("oA").await;
    // As if the lock file had been deleted under the owner, and another process had taken over.
    std::fs::remove_file(bed.path("test.db.owner")).unwrap();
    let newer = bed.another_by("test.db").await.unwrap().own(NOW).await.unwrap();

    let fenced = claim(bed, &[id]).await;

    assert!(newer.epoch() > owner.epoch());
    assert!(matches!(fenced, Err(StoreError::Fenced { held, current })
        if held == owner.epoch() && current == newer.epoch()));
}

pub(crate) async fn an_owner_that_was_replaced_finds_out(bed: &Bed) {
    let _owner = bed.own().await;
    std::fs::remove_file(bed.path("test.db.owner")).unwrap();
    let other = bed.another_by("test.db").await.unwrap();
    let newer = other.own(NOW).await.unwrap();

    let replaced = bed.store.check_ownership().await;

    assert!(matches!(replaced, Err(StoreError::Fenced { current, .. }) if current == newer.epoch()));
    other.check_ownership().await.unwrap();
}

pub(crate) async fn a_lock_file_that_was_deleted_is_made_anew(bed: &Bed) {
    let owner = bed.own().await;
    std::fs::remove_file(bed.path("test.db.owner")).unwrap();

    bed.store.check_ownership().await.unwrap();

    let other = bed.another_by("test.db").await.unwrap();
    assert!(matches!(other.own(NOW).await, Err(StoreError::Owned(_))));
    drop(owner);
    bed.store.check_ownership().await.unwrap();
    assert!(other.own(NOW).await.is_ok());
}

pub(crate) async fn an_owner_keeps_out_whoever_comes_by_another_name(bed: &Bed) {
    let _owner = bed.own().await;
    std::os::unix::fs::symlink(bed.path("test.db"), bed.path("soft.db")).unwrap();
    let soft = bed.another_by("soft.db").await.unwrap();
    std::fs::hard_link(bed.path("test.db"), bed.path("hard.db")).unwrap();

    let by_soft_link = soft.own(NOW).await;
    let by_hard_link = bed.another_by("hard.db").await;

    assert!(matches!(by_soft_link, Err(StoreError::Owned(_))));
    assert!(matches!(by_hard_link, Err(StoreError::Linked(_))));
}

pub(crate) async fn a_second_owner_is_refused_until_the_first_is_gone(bed: &Bed) {
    let first = bed.own().await;

    let second = bed.store.own(NOW).await;

    assert!(matches!(second, Err(StoreError::Owned(_))));
    drop(first);
    assert!(bed.store.own(NOW).await.is_ok());
}

pub(crate) async fn every_owner_has_a_later_epoch_even_when_the_clock_steps_back(bed: &Bed) {
    let first = bed.own().await.epoch();
    let second = bed.store.own(after_s(-3600)).await.unwrap().epoch();
    let third = bed.store.own(after_s(3600)).await.unwrap().epoch();

    assert!(first < second && second < third);
}

pub(crate) async fn a_claim_leaves_out_what_was_cancelled(bed: &Bed) {
    let _owner = bed.own().await;
    let (kept, cancelled) = (bed.accepted("oA").await, bed.accepted("oB").await);
    bed.store.cancel(bed.account, cancelled, NOW).await.unwrap();

    let answers = claim(bed, &[kept, cancelled]).await.unwrap();

    assert_eq!(answers, [Claimed::Go(None), Claimed::Stale]);
    let open = bed.store.open_claims().await.unwrap();
    assert_eq!(ids(&open[0].messages), [kept]);
}

pub(crate) async fn a_claim_that_would_hold_nothing_is_not_kept(bed: &Bed) {
    let _owner = bed.own().await;
    let cancelled = bed.accepted("oA").await;
    bed.store.cancel(bed.account, cancelled, NOW).await.unwrap();

    let answers = claim(bed, &[cancelled]).await.unwrap();

    assert_eq!(answers, [Claimed::Stale]);
    assert!(bed.store.open_claims().await.unwrap().is_empty());
}

pub(crate) async fn ready_messages_come_by_deadline_and_then_by_id(bed: &Bed) {
    let (mut late, soon, also_soon, mut urgent) =
        (bed.draft_to("oA"), bed.draft_to("oB"), bed.draft_to("oC"), bed.draft_to("oD"));
    late.deadline_at = after_s(900);
    urgent.lane = Lane::Urgent;
    let expected = [soon.id, also_soon.id, late.id];

    bed.store.accept(vec![late, also_soon, soon, urgent]).await.unwrap();

    assert_eq!(ready(bed).await, expected);
}

pub(crate) async fn ready_pages_go_on_where_the_last_ended(bed: &Bed) {
    let batch: Vec<_> = (0..10).map(|_| bed.draft_to("oA")).collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    bed.store.accept(batch).await.unwrap();

    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = bed.store.ready(bed.account, Lane::Normal, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.deadline_at, last.id));
        seen.extend(ids(&page));
    }

    assert_eq!(seen, all);
}

pub(crate) async fn claimed_messages_are_not_ready(bed: &Bed) {
    let _owner = bed.own().await;
    let (held, free) = (bed.accepted("oA").await, bed.accepted("oB").await);

    bed.claimed(&[held]).await;

    assert_eq!(ready(bed).await, [free]);
}

pub(crate) async fn a_message_answered_with_retry_is_ready_while_its_batch_is_still_claimed(bed: &Bed) {
    let _owner = bed.own().await;
    let (again, in_flight) = (bed.accepted("oA").await, bed.accepted("oB").await);
    let claim = bed.claimed(&[again, in_flight]).await;
    let retry = Outcome::Retry { after: Duration::from_secs(1), cause: Cause::Busy };
    let mut settlement = bed.settlement(again, standing(State::Claimed, 0), &retry, NOW);
    settlement.claim = Some(claim);

    bed.store.settle(vec![settlement], vec![]).await.unwrap();

    assert_eq!(ready(bed).await, [again]);
}

pub(crate) async fn scheduled_messages_are_not_ready_until_promoted(bed: &Bed) {
    let mut scheduled = bed.draft_to("oA");
    scheduled.due_at = after_s(61);
    let mut soon = bed.draft_to("oB");
    soon.due_at = after_s(60);
    let (scheduled_id, soon_id) = (scheduled.id, soon.id);
    bed.store.accept(vec![scheduled, soon]).await.unwrap();
    assert_eq!(ready(bed).await, [soon_id]);
    assert_eq!(bed.store.next_scheduled_at().await.unwrap(), Some(after_s(61)));

    let early = bed.store.scheduled_promote(after_s(60), 10).await.unwrap();
    let due = bed.store.scheduled_promote(after_s(61), 10).await.unwrap();

    assert_eq!((ids(&early), ids(&due)), (vec![], vec![scheduled_id]));
    assert_eq!(ready(bed).await.len(), 2);
    assert_eq!(bed.store.next_scheduled_at().await.unwrap(), None);
}

pub(crate) async fn what_is_shelved_waits_in_the_schedule(bed: &Bed) {
    let mut soon = bed.draft_to("oA");
    soon.due_at = after_s(30);
    let id = soon.id;
    bed.store.accept(vec![soon]).await.unwrap();
    let sent = bed.sent("oB", None).await;

    let shelved = bed
        .store
        .put_down(vec![(bed.account, id, Shelf::Schedule), (bed.account, sent, Shelf::Schedule)])
        .await
        .unwrap();
    let again = bed.store.put_down(vec![(bed.account, id, Shelf::Schedule)]).await.unwrap();

    assert_eq!((shelved, again), (1, 0));
    assert_eq!(ready(bed).await, []);
    assert_eq!(bed.store.next_scheduled_at().await.unwrap(), Some(after_s(30)));
    assert_eq!(ids(&bed.store.scheduled_promote(after_s(30), 10).await.unwrap()), [id]);
    assert_eq!(ready(bed).await, [id]);
}

pub(crate) async fn promotion_is_bounded_and_in_order(bed: &Bed) {
    let at = |seconds| {
        let mut new = bed.draft_to("oA");
        new.due_at = after_s(seconds);
        new
    };
    let (last, first, middle) = (at(300), at(100), at(200));
    let expected = [first.id, middle.id];
    bed.store.accept(vec![last, first, middle]).await.unwrap();

    let promoted = bed.store.scheduled_promote(after_s(1000), 2).await.unwrap();

    assert_eq!(ids(&promoted), expected);
    assert_eq!(bed.store.next_scheduled_at().await.unwrap(), Some(after_s(300)));
}

pub(crate) async fn the_backlog_names_account_and_lane_once(bed: &Bed) {
    let other = bed.store.put_account(draft("wx2"), NOW).await.unwrap().id;
    let mut urgent = bed.draft_to("oA");
    urgent.lane = Lane::Urgent;
    let mut elsewhere = bed.draft_to("oA");
    elsewhere.account = other;
    elsewhere.lane = Lane::Bulk;
    bed.store.accept(vec![bed.draft_to("oA"), bed.draft_to("oB"), urgent, elsewhere]).await.unwrap();
    bed.sent("oC", None).await;

    let backlog = bed.store.backlog().await.unwrap();

    let at = |account, lane| Backlog { account, lane };
    assert_eq!(
        backlog,
        [at(bed.account, Lane::Urgent), at(bed.account, Lane::Normal), at(other, Lane::Bulk)]
    );
}

pub(crate) async fn an_open_claim_gives_back_what_was_not_answered(bed: &Bed) {
    let _owner = bed.own().await;
    let (answered, lost) = (bed.accepted("oA").await, bed.accepted("oB").await);
    let claim = bed.claimed(&[answered, lost]).await;
    let retry = Outcome::Retry { after: Duration::from_secs(1), cause: Cause::Busy };
    let mut settlement = bed.settlement(answered, standing(State::Claimed, 0), &retry, NOW);
    settlement.claim = Some(claim);
    bed.store.settle(vec![settlement], vec![]).await.unwrap();

    let open = bed.store.open_claims().await.unwrap();

    assert_eq!(open.len(), 1);
    assert_eq!((open[0].account, open[0].claim, open[0].at), (bed.account, claim, NOW));
    assert_eq!(ids(&open[0].messages), [lost]);
    assert_eq!(open[0].messages[0].standing.state, State::Claimed);
}

pub(crate) async fn a_closed_claim_is_gone(bed: &Bed) {
    let _owner = bed.own().await;
    let id = bed.accepted("oA").await;
    let claim = bed.claimed(&[id]).await;

    bed.store.settle(vec![], vec![(bed.account, claim)]).await.unwrap();

    assert!(bed.store.open_claims().await.unwrap().is_empty());
    assert_eq!(bed.state(id).await, State::Pending);
}

pub(crate) async fn expired_messages_are_found_and_others_are_not(bed: &Bed) {
    let until = |seconds| {
        let mut new = bed.draft_to("oA");
        new.expires_at = Some(after_s(seconds));
        new
    };
    let (over, not_yet, never) = (until(100), until(200), bed.draft_to("oB"));
    let expected = [over.id];
    bed.store.accept(vec![over, not_yet, never]).await.unwrap();

    let expired = bed.store.expired(bed.account, Lane::Normal, after_s(150), 10).await.unwrap();

    assert_eq!(ids(&expired), expected);
}

pub(crate) async fn sent_messages_without_a_receipt_are_unreported(bed: &Bed) {
    let waiting = bed.sent("oA", Some(1)).await;
    bed.sent("oB", Some(2)).await;
    bed.receive(bed.receipt("oB", Some(2))).await;

    let before = bed.store.unreported(NOW, 10).await.unwrap();
    let after = bed.store.unreported(after_s(1), 10).await.unwrap();

    assert!(before.is_empty());
    assert_eq!(after.len(), 1);
    assert_eq!((after[0].message, after[0].standing.state, after[0].sent_at), (waiting, State::Sent, NOW));
}

/// Spoils three of seven: the seal, a word, a number.
async fn with_damaged(bed: &Bed) -> Vec<MessageId> {
    let mut all = Vec::new();
    for _ in 0..7 {
        all.push(bed.accepted("oA").await);
    }
    let spoils = ["body = x'0102'", "category = 'PLAIN-openid'", "attempts = 'many'"];
    for (id, spoil) in all.iter().skip(1).step_by(2).zip(spoils) {
        bed.spoil(&format!("UPDATE message SET {spoil} WHERE id = {}", id.raw()));
    }
    all.into_iter().step_by(2).collect()
}

pub(crate) async fn damaged_rows_are_passed_over_and_counted_once(bed: &Bed) {
    let whole = with_damaged(bed).await;

    let all = bed.store.ready(bed.account, Lane::Normal, None, 10).await.unwrap();
    let page = bed.store.ready(bed.account, Lane::Normal, None, 3).await.unwrap();

    assert_eq!(ids(&all), whole);
    assert_eq!(ids(&page), whole[..3], "a page is full as long as there is more");
    assert_eq!(bed.store.damaged_rows(), 3);
}

pub(crate) async fn a_damaged_row_leaves_the_schedule_and_holds_up_nobody(bed: &Bed) {
    let (mut first, mut second) = (bed.draft_to("oA"), bed.draft_to("oB"));
    (first.due_at, second.due_at) = (after_s(3600), after_s(3601));
    let (damaged, whole) = (first.id, second.id);
    bed.store.accept(vec![first, second]).await.unwrap();
    bed.spoil(&format!("UPDATE message SET body = x'00' WHERE id = {}", damaged.raw()));

    let promoted = bed.store.scheduled_promote(after_s(7200), 10).await.unwrap();

    assert_eq!(ids(&promoted), [whole]);
    assert!(bed.store.scheduled_promote(after_s(7200), 10).await.unwrap().is_empty());
    assert_eq!(bed.store.damaged_rows(), 1);
}

pub(crate) async fn a_damaged_row_in_an_open_claim_keeps_no_owner_from_starting(bed: &Bed) {
    let _owner = bed.own().await;
    let (damaged, whole) = (bed.accepted("oA").await, bed.accepted("oB").await);
    bed.claimed(&[damaged, whole]).await;
    bed.spoil(&format!("UPDATE message SET body = x'00' WHERE id = {}", damaged.raw()));

    let open = bed.store.open_claims().await.unwrap();

    assert_eq!(ids(&open[0].messages), [whole]);
}

pub(crate) async fn a_claim_leaves_out_a_copy_from_before_a_try(bed: &Bed) {
    let _owner = bed.own().await;
    let id = bed.accepted("oA").await;
    let busy = Outcome::Retry { after: Duration::ZERO, cause: Cause::Busy };
    bed.answer(id, standing(State::Claimed, 0), busy, NOW).await;

    let old = claim(bed, &[id]).await.unwrap();

    assert_eq!(old, [Claimed::Stale]);
}

pub(crate) async fn the_last_time_seen_is_kept_and_never_an_earlier_one(bed: &Bed) {
    let none = bed.store.seen_at().await.unwrap();
    bed.store.note_seen(after_s(10)).await.unwrap();
    bed.store.note_seen(after_s(5)).await.unwrap();

    assert_eq!((none, bed.store.seen_at().await.unwrap()), (None, Some(after_s(10))));
}
