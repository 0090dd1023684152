//! Looking messages up.

use hongyan_domain::{Cause, Lane, MessageId, Outcome, State};
use hongyan_store::{MessageFilter, StoreError};

use crate::bed::{Bed, NOW, after_s, draft, openid, standing};

async fn found(bed: &Bed, filter: MessageFilter) -> Vec<MessageId> {
    let page = bed.store.find_messages(&filter, None, 100).await.unwrap();
    assert_eq!(page.next_cursor, None);
    page.items.iter().map(|item| item.id).collect()
}

async fn refused(bed: &Bed) -> MessageId {
    let id = bed.accepted("oRefused").await;
    let outcome = Outcome::Refused { cause: Cause::NotFollowing };
    let mut settlement = bed.settlement(id, standing(State::Claimed, 0), &outcome, NOW);
    settlement.dispatch.as_mut().unwrap().errcode = Some(43004);
    bed.store.settle(vec![settlement], vec![]).await.unwrap();
    id
}

pub(crate) async fn each_filter_finds_its_own(bed: &Bed) {
    let mut special = bed.draft_to("oSpecial");
    (special.client_msg_id, special.scenario) = (Some("c1".to_owned()), Some("paid".into()));
    (special.template_id, special.accepted_at, special.lane) = ("T9".into(), after_s(30), Lane::Urgent);
    let special_id = special.id;
    let plain = bed.accepted("oPlain").await;
    bed.store.accept(vec![special]).await.unwrap();
    let refused = refused(bed).await;
    let sent = bed.sent("oSent", Some(1)).await;
    let any = MessageFilter::default;

    assert_eq!(found(bed, any()).await, [sent, refused, plain, special_id]);
    assert_eq!(found(bed, MessageFilter { openid: Some(openid("oSpecial")), ..any() }).await, [special_id]);
    assert_eq!(found(bed, MessageFilter { client_msg_id: Some("c1".into()), ..any() }).await, [special_id]);
    assert_eq!(found(bed, MessageFilter { msgid: Some(1), ..any() }).await, [sent]);
    assert!(found(bed, MessageFilter { msgid: Some(2), ..any() }).await.is_empty());
    assert_eq!(found(bed, MessageFilter { scenario: Some("paid".into()), ..any() }).await, [special_id]);
    assert_eq!(found(bed, MessageFilter { lane: Some(Lane::Urgent), ..any() }).await, [special_id]);
    assert_eq!(found(bed, MessageFilter { template_id: Some("T9".into()), ..any() }).await, [special_id]);
    assert_eq!(found(bed, MessageFilter { since: Some(after_s(30)), ..any() }).await, [special_id]);
    assert_eq!(found(bed, MessageFilter { until: Some(after_s(30)), ..any() }).await, [sent, refused, plain]);
    assert_eq!(found(bed, MessageFilter { state: Some(State::Sent), ..any() }).await, [sent]);
    assert_eq!(found(bed, MessageFilter { state: Some(State::Failed), ..any() }).await, [refused]);
    assert_eq!(found(bed, MessageFilter { cause: Some(Cause::NotFollowing), ..any() }).await, [refused]);
    assert_eq!(found(bed, MessageFilter { errcode: Some(43004), ..any() }).await, [refused]);
    assert_eq!(found(bed, MessageFilter { errcode: Some(0), ..any() }).await, [sent]);
    let both = MessageFilter { openid: Some(openid("oSent")), state: Some(State::Failed), ..any() };
    assert!(found(bed, both).await.is_empty());
}

async fn pages(bed: &Bed, filter: &MessageFilter, limit: usize) -> Vec<MessageId> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = bed.store.find_messages(filter, cursor.as_deref(), limit).await.unwrap();
        assert!(page.items.len() <= limit);
        all.extend(page.items.iter().map(|item| item.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

pub(crate) async fn pages_go_through_everything_once(bed: &Bed) {
    let batch: Vec<_> = (0..25).map(|_| bed.draft_to("oA")).collect();
    let expected: Vec<_> = batch.iter().rev().map(|new| new.id).collect();
    bed.store.accept(batch).await.unwrap();
    let person = MessageFilter { openid: Some(openid("oA")), ..MessageFilter::default() };

    assert_eq!(pages(bed, &MessageFilter::default(), 7).await, expected);
    assert_eq!(pages(bed, &person, 7).await, expected);
}

pub(crate) async fn a_search_through_all_accounts_goes_on_in_the_next(bed: &Bed) {
    let other = bed.store.put_account(draft("wx2"), NOW).await.unwrap().id;
    let (first, mut second) = (bed.accepted("oA").await, bed.draft_to("oA"));
    second.account = other;
    let second_id = second.id;
    bed.store.accept(vec![second]).await.unwrap();

    let all = pages(bed, &MessageFilter::default(), 1).await;
    let one = pages(bed, &MessageFilter { account: Some(other), ..MessageFilter::default() }, 1).await;

    assert_eq!((all, one), (vec![first, second_id], vec![second_id]));
}

pub(crate) async fn a_claimed_message_is_found_as_claimed_and_not_as_pending(bed: &Bed) {
    let _owner = bed.own().await;
    let (claimed, pending) = (bed.accepted("oA").await, bed.accepted("oB").await);
    bed.claimed(&[claimed]).await;
    let of = |state| MessageFilter { state: Some(state), ..MessageFilter::default() };

    assert_eq!(found(bed, of(State::Claimed)).await, [claimed]);
    assert_eq!(found(bed, of(State::Pending)).await, [pending]);
}

pub(crate) async fn until_passes_over_what_is_newer(bed: &Bed) {
    let at = |hours: i64| {
        let mut new = bed.draft_to("oA");
        new.accepted_at = after_s(hours * 3600);
        new
    };
    let batch: Vec<_> = (0..20).map(at).collect();
    let expected: Vec<_> = batch[..5].iter().rev().map(|new| new.id).collect();
    bed.store.accept(batch).await.unwrap();

    let old = MessageFilter { until: Some(after_s(5 * 3600)), ..MessageFilter::default() };

    assert_eq!(found(bed, old).await, expected);
}

pub(crate) async fn a_message_is_found_by_wechats_number_after_its_receipt_as_well(bed: &Bed) {
    let id = bed.sent("oA", Some(u64::MAX)).await;
    bed.store.receive(vec![bed.receipt("oA", Some(u64::MAX))]).await.unwrap();

    assert_eq!(found(bed, MessageFilter { msgid: Some(u64::MAX), ..MessageFilter::default() }).await, [id]);
}

/// Hours in between hold more messages than one call looks at: it ends in one call only if they are passed over.
pub(crate) async fn hours_without_anything_of_the_kind_are_passed_over(bed: &Bed) {
    let at = |minutes: i64, template: &str| {
        let mut new = bed.draft_to("oA");
        new.accepted_at = after_s(minutes * 60);
        new.template_id = template.into();
        new
    };
    let rare: Vec<_> = [0, 30, 59].map(|minutes| at(minutes, "RARE")).into();
    let expected: Vec<_> = rare.iter().rev().map(|new| new.id).collect();
    bed.store.accept(rare).await.unwrap();
    while bed.store.fold_series().await.unwrap() > 0 {}
    for batch in 0..4 {
        bed.store
            .accept((0..3_000).map(|nth| at(120 + 60 * batch + nth / 100, "T1")).collect())
            .await
            .unwrap();
    }
    let filter = MessageFilter { template_id: Some("RARE".into()), ..MessageFilter::default() };

    assert_eq!(found(bed, filter.clone()).await, expected, "counted, not yet folded");
    while bed.store.fold_series().await.unwrap() > 0 {}
    assert_eq!(found(bed, filter.clone()).await, expected, "folded");
    assert_eq!(pages(bed, &filter, 1).await, expected);
    let lately = MessageFilter { since: Some(after_s(1_000)), ..filter };
    assert_eq!(found(bed, lately).await, expected[..2]);
}

pub(crate) async fn few_that_wait_are_found_behind_many_that_do_not(bed: &Bed) {
    let first = bed.accepted("oFirst").await;
    let mut later = bed.draft_to("oLater");
    (later.due_at, later.deadline_at) = (after_s(7_200), after_s(7_200));
    let later_id = later.id;
    bed.store.accept(vec![later]).await.unwrap();
    for _ in 0..4 {
        let batch: Vec<_> = (0..3_000).map(|_| bed.draft_to("oA")).collect();
        let outcome = Outcome::Refused { cause: Cause::NotFollowing };
        let end = |new: &hongyan_store::NewMessage| {
            bed.settlement(new.id, standing(State::Claimed, 0), &outcome, NOW)
        };
        let ended = batch.iter().map(end).collect();
        bed.store.accept(batch).await.unwrap();
        bed.store.settle(ended, vec![]).await.unwrap();
    }
    let of = |state| MessageFilter { state: Some(state), ..MessageFilter::default() };

    assert_eq!(found(bed, of(State::Pending)).await, [later_id, first]);
    assert!(found(bed, of(State::Sent)).await.is_empty());
    assert_eq!(pages(bed, &of(State::Pending), 1).await, [later_id, first]);
}

pub(crate) async fn a_search_for_a_person_goes_through_the_hours(bed: &Bed) {
    let mut expected = Vec::new();
    for hour in [0, 3, 70] {
        let (mut theirs, mut other) = (bed.draft_to("oA"), bed.draft_to("oB"));
        (theirs.accepted_at, other.accepted_at) = (after_s(hour * 3600), after_s(hour * 3600));
        expected.insert(0, theirs.id);
        bed.store.accept(vec![theirs, other]).await.unwrap();
    }
    let person = MessageFilter { openid: Some(openid("oA")), ..MessageFilter::default() };
    let lately = MessageFilter { since: Some(after_s(3 * 3600)), ..person.clone() };

    assert_eq!(found(bed, person).await, expected);
    assert_eq!(found(bed, lately).await, expected[..2]);
}

pub(crate) async fn a_foreign_cursor_is_refused(bed: &Bed) {
    let page = bed.store.find_messages(&MessageFilter::default(), Some("x"), 10).await;

    assert!(matches!(page, Err(StoreError::Invalid(_))));
}

pub(crate) async fn a_limit_over_the_bound_is_refused(bed: &Bed) {
    for limit in [0, 501] {
        let page = bed.store.find_messages(&MessageFilter::default(), None, limit).await;

        assert!(matches!(page, Err(StoreError::Invalid(_))));
    }
}
