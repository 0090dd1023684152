//! Receive and reconcile.

use hongyan_domain::{Cause, DeliveryStatus, Event, Outcome, State, decide};
use hongyan_store::{Happening, Received, Settled, Settlement, StoreError};

use crate::bed::{Bed, NOW, after_s, standing};

pub(crate) async fn a_receipt_by_msgid_delivers(bed: &Bed) {
    let id = bed.sent("oA", Some(42)).await;

    let received = bed.receive(bed.receipt("oA", Some(42))).await;

    assert!(matches!(received, Received::Matched { message, accepted_at, to }
        if message == id && accepted_at == NOW && to.to == State::Delivered));
    assert_eq!(bed.state(id).await, State::Delivered);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_receipt_of_a_block_fails_the_message(bed: &Bed) {
    let id = bed.sent("oA", Some(42)).await;
    let mut receipt = bed.receipt("oA", Some(42));
    receipt.status = DeliveryStatus::UserBlocked;

    bed.receive(receipt).await;

    let found = bed.record(id).await;
    assert_eq!((found.standing.state, found.cause), (State::Failed, Some(Cause::UserBlocked)));
}

pub(crate) async fn a_receipt_before_the_answer_closes_the_message_with_it(bed: &Bed) {
    let id = bed.accepted("oA").await;
    let early = bed.receive(bed.receipt("oA", Some(42))).await;

    let settled = bed.settle_sent(id, Some(42)).await;

    assert_eq!(early, Received::Early);
    assert!(matches!(settled, Settled::Applied(to) if to.to == State::Delivered));
    assert_eq!(bed.state(id).await, State::Delivered);
    assert_eq!(bed.receive(bed.receipt("oA", Some(42))).await, Received::Doubled);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_doubled_receipt_changes_nothing(bed: &Bed) {
    let id = bed.sent("oA", Some(42)).await;
    let mut doubled = bed.receipt("oA", Some(42));
    doubled.status = DeliveryStatus::UserBlocked;
    bed.receive(bed.receipt("oA", Some(42))).await;

    let received = bed.receive(doubled).await;

    assert_eq!(received, Received::Doubled);
    assert_eq!(bed.state(id).await, State::Delivered);
}

pub(crate) async fn a_receipt_of_an_unknown_message_stays_open(bed: &Bed) {
    assert_eq!(bed.receive(bed.receipt("oA", Some(1))).await, Received::Early);
    assert_eq!(bed.receive(bed.receipt("oA", Some(1))).await, Received::Doubled);
}

pub(crate) async fn a_receipt_without_msgid_takes_the_nearest_send(bed: &Bed) {
    let older = bed.accepted("oA").await;
    let outcome = Outcome::Sent { msgid: Some(1), how: hongyan_domain::SentAs::Accepted };
    bed.answer(older, standing(State::Claimed, 0), outcome, after_s(-600)).await;
    let newer = bed.sent("oA", Some(2)).await;

    let first = bed.receive(bed.receipt("oA", None)).await;
    let doubled = bed.receive(bed.receipt("oA", None)).await;
    let mut another = bed.receipt("oA", None);
    another.created_at = after_s(2);
    let second = bed.receive(another).await;

    assert!(matches!(first, Received::Matched { message, .. } if message == newer));
    assert_eq!(doubled, Received::Doubled);
    assert!(matches!(second, Received::Matched { message, .. } if message == older));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_receipt_without_msgid_does_not_reach_back_beyond_an_hour(bed: &Bed) {
    bed.sent("oA", Some(1)).await;
    let mut receipt = bed.receipt("oA", None);
    receipt.created_at = after_s(3601);

    assert_eq!(bed.receive(receipt).await, Received::Early);
}

pub(crate) async fn a_receipt_without_msgid_before_the_answer_closes_the_message_with_it(bed: &Bed) {
    let id = bed.accepted("oA").await;
    assert_eq!(bed.receive(bed.receipt("oA", None)).await, Received::Early);

    let settled = bed.settle_sent(id, Some(42)).await;

    assert!(matches!(settled, Settled::Applied(to) if to.to == State::Delivered));
    assert_eq!(bed.record(id).await.timeline.len(), 4);
}

pub(crate) async fn a_receipt_of_another_person_does_not_match(bed: &Bed) {
    let id = bed.sent("oA", Some(1)).await;

    assert_eq!(bed.receive(bed.receipt("oB", None)).await, Received::Early);
    assert_eq!(bed.state(id).await, State::Sent);
}

fn unreported(bed: &Bed, id: hongyan_domain::MessageId) -> Settlement {
    let from = standing(State::Sent, 1);
    let to = decide(&from, &Event::Unreported, after_s(100)).unwrap();
    Settlement {
        account: bed.account,
        message: id,
        from,
        to,
        claim: None,
        at: after_s(100),
        dispatch: None,
        refused: None,
        taken: None,
    }
}

pub(crate) async fn a_receipt_after_no_receipt_delivers_after_all(bed: &Bed) {
    let id = bed.sent("oA", Some(42)).await;
    bed.store.settle(vec![unreported(bed, id)], vec![]).await.unwrap();
    assert_eq!(bed.state(id).await, State::Unknown);

    bed.receive(bed.receipt("oA", Some(42))).await;

    assert_eq!(bed.state(id).await, State::Delivered);
    bed.counters_equal_the_ledger().await;
}

/// A try whose answer never came, given up after the time in which it could be repeated.
fn given_up(bed: &Bed, id: hongyan_domain::MessageId) -> Settlement {
    let from = standing(State::Claimed, 0);
    let mut settlement = bed.settlement(id, from, &Outcome::Unknown, NOW);
    settlement.at = after_s(600);
    settlement.to = decide(&from, &Event::Lost { claimed_at: NOW }, after_s(600)).unwrap();
    settlement
}

pub(crate) async fn a_receipt_of_a_given_up_message_is_found_by_its_recipient(bed: &Bed) {
    let id = bed.accepted("oA").await;
    bed.store.settle(vec![given_up(bed, id)], vec![]).await.unwrap();
    assert_eq!(bed.state(id).await, State::Unknown);

    let received = bed.receive(bed.receipt("oA", Some(42))).await;

    assert!(matches!(received, Received::Matched { message, .. } if message == id));
    assert_eq!(bed.state(id).await, State::Delivered);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_message_given_up_finds_the_receipt_that_waited(bed: &Bed) {
    let id = bed.accepted("oA").await;
    assert_eq!(bed.receive(bed.receipt("oA", Some(42))).await, Received::Early);

    let settled = bed.store.settle(vec![given_up(bed, id)], vec![]).await.unwrap();

    assert!(matches!(settled.settled[0], Settled::Applied(to) if to.to == State::Delivered));
    assert_eq!(settled.besides, [], "it is told once");
    assert_eq!(bed.state(id).await, State::Delivered);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn an_undocumented_status_is_kept_as_it_was_spelled(bed: &Bed) {
    let id = bed.sent("oA", Some(42)).await;
    let mut receipt = bed.receipt("oA", Some(42));
    receipt.status = DeliveryStatus::Other;
    receipt.raw = "failed:moon phase".to_owned();

    bed.receive(receipt).await;

    let told = bed.record(id).await.timeline;
    let spelled =
        Happening::Reported { status: DeliveryStatus::Other, raw: Some("failed:moon phase".to_owned()) };
    assert!(told.iter().any(|moment| moment.what == spelled));
}

pub(crate) async fn a_msgid_of_64_bits_survives(bed: &Bed) {
    let id = bed.sent("oA", Some(u64::MAX)).await;

    bed.receive(bed.receipt("oA", Some(u64::MAX))).await;

    let found = bed.record(id).await;
    assert_eq!((found.standing.state, found.msgid), (State::Delivered, Some(u64::MAX)));
}

pub(crate) async fn a_receipt_of_an_unknown_account_is_refused(bed: &Bed) {
    let mut receipt = bed.receipt("oA", Some(1));
    receipt.account = hongyan_domain::AccountId(99);

    let received = bed.store.receive(vec![receipt]).await;

    assert!(matches!(received, Err(StoreError::NoAccount(_))));
}
