//! Whose receipt it is, where no message has its number.

use hongyan_domain::{Cause, Event, MessageId, Outcome, SentAs, Standing, State, decide};
use hongyan_store::{Happening, Received, Settled, Written};

use crate::bed::{Bed, NOW, after_s, standing};

/// A message that WeChat holds for review: it took it and told no number.
async fn held_for_review(bed: &Bed) -> MessageId {
    let id = bed.accepted("oA").await;
    let outcome = Outcome::Sent { msgid: None, how: SentAs::HeldForReview };
    bed.answer(id, standing(State::Claimed, 0), outcome, NOW).await;
    id
}

/// A message whose first try was not answered; it waits for its second.
async fn in_doubt(bed: &Bed) -> MessageId {
    let id = bed.accepted("oA").await;
    bed.answer(id, standing(State::Claimed, 0), Outcome::Unknown, NOW).await;
    assert_eq!(bed.state(id).await, State::Pending);
    id
}

fn doubted() -> Standing {
    Standing { doubt_since: Some(NOW), ..standing(State::Claimed, 1) }
}

/// Its second try was not answered either, and WeChat has forgotten the first.
async fn give_up(bed: &Bed, id: MessageId) -> Written {
    let mut settlement = bed.settlement(id, doubted(), &Outcome::Unknown, after_s(5));
    settlement.at = after_s(600);
    settlement.to = decide(&doubted(), &Event::Lost { claimed_at: after_s(5) }, after_s(600)).unwrap();
    bed.store.settle(vec![settlement], vec![]).await.unwrap()
}

pub(crate) async fn a_receipt_of_a_message_held_for_review_is_found_by_its_recipient(bed: &Bed) {
    let id = held_for_review(bed).await;
    let mut receipt = bed.receipt("oA", Some(42));
    receipt.created_at = after_s(20 * 3600);

    let received = bed.receive(receipt).await;

    assert!(matches!(received, Received::Matched { message, .. } if message == id), "{received:?}");
    assert_eq!(bed.state(id).await, State::Delivered);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_message_found_by_its_recipient_takes_the_number_of_the_receipt(bed: &Bed) {
    let id = held_for_review(bed).await;
    bed.receive(bed.receipt("oA", Some(42))).await;

    let record = bed.record(id).await;

    assert_eq!(record.msgid, Some(42));
    assert!(record.timeline.iter().any(|moment| matches!(moment.what, Happening::Reported { .. })));
    bed.store.purge(after_s(50), 10, None).await.unwrap();
    let nothing_is_left_to_double = bed.receive(bed.receipt("oA", Some(42))).await;
    assert_eq!(nothing_is_left_to_double, Received::Early);
}

pub(crate) async fn a_receipt_with_a_number_is_not_of_a_send_that_has_another(bed: &Bed) {
    let id = bed.sent("oA", Some(41)).await;

    assert_eq!(bed.receive(bed.receipt("oA", Some(42))).await, Received::Early);
    assert_eq!(bed.state(id).await, State::Sent);
}

pub(crate) async fn of_two_sends_without_a_number_the_nearest_takes_the_receipt(bed: &Bed) {
    let older = held_for_review(bed).await;
    let newer = bed.accepted("oA").await;
    let outcome = Outcome::Sent { msgid: None, how: SentAs::HeldForReview };
    bed.answer(newer, standing(State::Claimed, 0), outcome, after_s(60)).await;
    let mut receipt = bed.receipt("oA", Some(42));
    receipt.created_at = after_s(61);

    bed.receive(receipt).await;

    assert_eq!((bed.state(older).await, bed.state(newer).await), (State::Sent, State::Delivered));
}

pub(crate) async fn a_repeat_that_wechat_knew_takes_the_receipt_that_came_before_its_answer(bed: &Bed) {
    let id = in_doubt(bed).await;
    let early = bed.receive(bed.receipt("oA", Some(42))).await;

    let outcome = Outcome::Sent { msgid: None, how: SentAs::Duplicate };
    let settled = bed.answer(id, doubted(), outcome, after_s(5)).await;

    assert_eq!(early, Received::Early);
    assert!(matches!(settled, Settled::Applied(to) if to.to == State::Delivered), "{settled:?}");
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_receipt_that_an_answer_may_still_name_waits_for_it(bed: &Bed) {
    let held = held_for_review(bed).await;
    let in_flight = bed.accepted("oA").await;
    let _owner = bed.own().await;
    bed.claimed(&[in_flight]).await;
    let early = bed.receive(bed.receipt("oA", Some(42))).await;

    bed.settle_sent(in_flight, Some(42)).await;

    assert_eq!(early, Received::Early);
    assert_eq!((bed.state(held).await, bed.state(in_flight).await), (State::Sent, State::Delivered));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_receipt_that_the_answer_did_not_name_settles_the_message_held_for_review(bed: &Bed) {
    let held = held_for_review(bed).await;
    let in_flight = bed.accepted("oA").await;
    let _owner = bed.own().await;
    bed.claimed(&[in_flight]).await;
    bed.receive(bed.receipt("oA", Some(42))).await;

    let settled = bed.settle_sent(in_flight, Some(43)).await;

    assert!(matches!(settled, Settled::Applied(to) if to.to == State::Sent), "{settled:?}");
    assert_eq!((bed.state(held).await, bed.state(in_flight).await), (State::Delivered, State::Sent));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_message_that_waits_for_its_first_turn_keeps_no_receipt_from_another(bed: &Bed) {
    let held = held_for_review(bed).await;
    let queued = bed.accepted("oA").await;

    bed.receive(bed.receipt("oA", Some(42))).await;

    assert_eq!((bed.state(held).await, bed.state(queued).await), (State::Delivered, State::Pending));
}

pub(crate) async fn a_message_given_up_leaves_the_receipt_to_the_one_that_wechat_took(bed: &Bed) {
    let held = held_for_review(bed).await;
    let lost = in_doubt(bed).await;
    bed.receive(bed.receipt("oA", Some(42))).await;

    let written = give_up(bed, lost).await;

    assert!(matches!(written.settled[..], [Settled::Applied(to)] if to.to == State::Unknown), "{written:?}");
    assert!(matches!(written.besides[..], [to] if to.to == State::Delivered), "{written:?}");
    assert_eq!((bed.state(held).await, bed.state(lost).await), (State::Delivered, State::Unknown));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn of_two_messages_given_up_neither_takes_a_receipt_that_waited(bed: &Bed) {
    let (first, second) = (in_doubt(bed).await, in_doubt(bed).await);
    bed.receive(bed.receipt("oA", Some(42))).await;

    give_up(bed, first).await;
    give_up(bed, second).await;

    assert_eq!((bed.state(first).await, bed.state(second).await), (State::Unknown, State::Unknown));
    assert_eq!(bed.receive(bed.receipt("oA", Some(43))).await, Received::Early);
}

pub(crate) async fn a_receipt_without_msgid_goes_to_what_wechat_took_before_what_is_in_doubt(bed: &Bed) {
    let taken = bed.accepted("oA").await;
    let outcome = Outcome::Sent { msgid: Some(1), how: SentAs::Accepted };
    bed.answer(taken, standing(State::Claimed, 0), outcome, after_s(-600)).await;
    let doubtful = in_doubt(bed).await;

    bed.receive(bed.receipt("oA", None)).await;

    assert_eq!((bed.state(taken).await, bed.state(doubtful).await), (State::Delivered, State::Pending));
}

pub(crate) async fn a_receipt_without_msgid_settles_a_message_in_doubt_that_is_alone(bed: &Bed) {
    let doubtful = in_doubt(bed).await;

    bed.receive(bed.receipt("oA", None)).await;

    assert_eq!(bed.state(doubtful).await, State::Delivered);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_receipt_without_msgid_settles_neither_of_two_messages_in_doubt(bed: &Bed) {
    let (first, second) = (in_doubt(bed).await, in_doubt(bed).await);

    assert_eq!(bed.receive(bed.receipt("oA", None)).await, Received::Early);
    assert_eq!((bed.state(first).await, bed.state(second).await), (State::Pending, State::Pending));
}

pub(crate) async fn a_receipt_without_msgid_leaves_a_doubt_alone_while_another_is_on_its_way(bed: &Bed) {
    let doubtful = in_doubt(bed).await;
    let in_flight = bed.accepted("oA").await;
    let _owner = bed.own().await;
    bed.claimed(&[in_flight]).await;
    let early = bed.receive(bed.receipt("oA", None)).await;

    bed.settle_sent(in_flight, Some(1)).await;

    assert_eq!(early, Received::Early);
    assert_eq!((bed.state(doubtful).await, bed.state(in_flight).await), (State::Pending, State::Delivered));
    bed.counters_equal_the_ledger().await;
}

/// What was on its way ended without an answer that looks for receipts: nobody else of that person may come for days.
pub(crate) async fn a_receipt_that_waited_for_another_message_is_judged_again(bed: &Bed) {
    let doubtful = in_doubt(bed).await;
    let in_flight = bed.accepted("oA").await;
    let _owner = bed.own().await;
    let claim = bed.claimed(&[in_flight]).await;
    let early = bed.receive(bed.receipt("oA", None)).await;
    let still = bed.store.judge_open_receipts(100, after_s(5)).await.unwrap();
    let refused = Outcome::Refused { cause: Cause::NotFollowing };
    let refused = bed.settlement(in_flight, standing(State::Claimed, 0), &refused, NOW);
    bed.store.settle(vec![refused], vec![(bed.account, claim)]).await.unwrap();

    let moved = bed.store.judge_open_receipts(100, after_s(5)).await.unwrap();

    assert_eq!((early, still.len(), moved.len()), (Received::Early, 0, 1));
    assert_eq!((bed.state(doubtful).await, bed.state(in_flight).await), (State::Delivered, State::Failed));
    bed.counters_equal_the_ledger().await;
}

const DAYS: i64 = 3 * 86_400;

/// Accepted now and sent days later, under this number.
async fn sent_days_later(bed: &Bed, msgid: u64) -> MessageId {
    let id = bed.accepted("oA").await;
    let outcome = Outcome::Sent { msgid: Some(msgid), how: SentAs::Accepted };
    bed.answer(id, standing(State::Claimed, 0), outcome, after_s(DAYS)).await;
    id
}

pub(crate) async fn a_receipt_without_a_number_finds_a_message_that_had_waited_for_days(bed: &Bed) {
    let (taken, doubtful) = (sent_days_later(bed, 41).await, bed.accepted("oB").await);
    bed.answer(doubtful, standing(State::Claimed, 0), Outcome::Unknown, after_s(DAYS)).await;

    for to in ["oA", "oB", "oC"] {
        let mut receipt = bed.receipt(to, None);
        receipt.created_at = after_s(DAYS + 5);
        bed.receive(receipt).await;
    }

    assert_eq!((bed.state(taken).await, bed.state(doubtful).await), (State::Delivered, State::Delivered));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn of_a_message_that_had_waited_and_one_that_had_not_the_nearest_send_takes_the_receipt(
    bed: &Bed,
) {
    let waited = sent_days_later(bed, 41).await;
    let mut draft = bed.draft_to("oA");
    draft.accepted_at = after_s(DAYS - 60);
    let prompt = draft.id;
    bed.store.accept(vec![draft]).await.unwrap();
    let outcome = Outcome::Sent { msgid: Some(42), how: SentAs::Accepted };
    bed.answer(prompt, standing(State::Claimed, 0), outcome, after_s(DAYS - 60)).await;
    let mut receipt = bed.receipt("oA", None);
    receipt.created_at = after_s(DAYS + 1);

    bed.receive(receipt).await;

    assert_eq!((bed.state(waited).await, bed.state(prompt).await), (State::Delivered, State::Sent));
}

pub(crate) async fn a_number_that_two_people_have_settles_the_message_of_the_one_who_is_named(bed: &Bed) {
    let (first, second) = (bed.sent("oA", Some(41)).await, bed.sent("oB", Some(41)).await);

    let of_second = bed.receive(bed.receipt("oB", Some(41))).await;
    let of_nobody = bed.receive(bed.receipt("oC", Some(41))).await;

    assert!(matches!(of_second, Received::Matched { message, .. } if message == second), "{of_second:?}");
    assert_eq!(of_nobody, Received::Early);
    assert_eq!((bed.state(first).await, bed.state(second).await), (State::Sent, State::Delivered));
}

pub(crate) async fn a_receipt_of_somebody_else_under_the_number_of_an_answer_is_not_of_its_message(
    bed: &Bed,
) {
    let id = bed.accepted("oA").await;
    assert_eq!(bed.receive(bed.receipt("oB", Some(41))).await, Received::Early);

    bed.settle_sent(id, Some(41)).await;
    let before = bed.state(id).await;
    bed.receive(bed.receipt("oA", Some(41))).await;

    assert_eq!((before, bed.state(id).await), (State::Sent, State::Delivered));
    bed.counters_equal_the_ledger().await;
}
