//! What is held of a person: given out, and removed.

use hongyan_domain::{DeliveryStatus, InteractionKind, MessageId, Outcome, Reason, Recipient, State};
use hongyan_store::{
    Acceptance, AuditFilter, Erased, Happening, Interaction, MessageFilter, NewMessage, Personal, Received,
    Settled, Sign, StoreError,
};

use crate::bed::{Bed, NOW, after_s, draft, openid, standing};

async fn export(bed: &Bed, to: &str) -> Personal {
    bed.store.export_recipient((bed.account, &openid(to)), None, 100, NOW).await.unwrap()
}

async fn erase(bed: &Bed, to: &str) -> Erased {
    bed.store.erase_recipient(bed.account, &openid(to), after_s(10)).await.unwrap()
}

async fn found(bed: &Bed, to: &str) -> Vec<MessageId> {
    let filter = MessageFilter { openid: Some(openid(to)), ..MessageFilter::default() };
    let page = bed.store.find_messages(&filter, None, 100).await.unwrap();
    page.items.iter().map(|message| message.id).collect()
}

async fn delivered(bed: &Bed, to: &str, msgid: u64) -> MessageId {
    let id = bed.sent(to, Some(msgid)).await;
    bed.receive(bed.receipt(to, Some(msgid))).await;
    id
}

pub(crate) async fn an_export_holds_messages_with_their_timelines_and_receipts_without_a_message(bed: &Bed) {
    let (first, second) = (delivered(bed, "oA", 1).await, bed.accepted("oA").await);
    delivered(bed, "oB", 2).await;
    let mut strange = bed.receipt("oA", Some(9));
    (strange.status, strange.raw) = (DeliveryStatus::Other, "failed: strange".to_owned());
    bed.receive(strange).await;

    let held = export(bed, "oA").await;

    let ids: Vec<_> = held.messages.items.iter().map(|message| message.id).collect();
    assert_eq!(ids, [second, first]);
    let timeline = &held.messages.items[1].timeline;
    assert!(timeline.iter().any(|moment| matches!(moment.what, Happening::Reported { .. })), "{timeline:?}");
    assert_eq!(held.receipts.len(), 1);
    assert_eq!((held.receipts[0].msgid, held.receipts[0].raw.as_deref()), (Some(9), Some("failed: strange")));
}

fn paid(bed: &Bed, to: &str) -> Interaction {
    let sign = Sign::Acted(InteractionKind::Payment);
    Interaction { account: bed.account, openid: openid(to), sign, at: NOW }
}

async fn facts(bed: &Bed, to: &str) -> Recipient {
    (*bed.store.recipients(vec![(bed.account, openid(to))]).await.unwrap().remove(0)).clone()
}

pub(crate) async fn an_export_tells_what_is_known_of_the_person(bed: &Bed) {
    assert_eq!(export(bed, "oA").await.facts, None);

    bed.store.interact(vec![paid(bed, "oA")]).await.unwrap();

    assert_eq!(export(bed, "oA").await.facts, Some(facts(bed, "oA").await));
}

pub(crate) async fn an_erased_person_is_not_written_to_again(bed: &Bed) {
    bed.store.interact(vec![paid(bed, "oA"), paid(bed, "oB")]).await.unwrap();

    erase(bed, "oA").await;
    bed.store.interact(vec![paid(bed, "oA")]).await.unwrap();

    let reasons = |facts: &Recipient| facts.suppressions().iter().map(|one| one.reason).collect::<Vec<_>>();
    assert_eq!(reasons(&facts(bed, "oA").await), [Reason::Erased]);
    assert_eq!(reasons(&facts(bed, "oB").await), []);
    let listed = bed.store.suppressed(bed.account, None, 10).await.unwrap();
    assert!(listed.items.is_empty(), "the list names people: {listed:?}");
}

pub(crate) async fn a_block_told_after_the_erasure_is_nobodys(bed: &Bed) {
    let id = bed.sent("oA", Some(1)).await;
    erase(bed, "oA").await;
    let mut receipt = bed.receipt("oA", Some(1));
    receipt.status = DeliveryStatus::UserBlocked;

    let told = bed.receive(receipt).await;

    assert!(matches!(told, Received::Matched { message, .. } if message == id), "{told:?}");
    assert_eq!(bed.state(id).await, State::Failed);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn an_export_goes_on_page_by_page(bed: &Bed) {
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.insert(0, bed.accepted("oA").await);
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let who = openid("oA");
        let page = bed.store.export_recipient((bed.account, &who), cursor.as_deref(), 2, NOW).await.unwrap();
        seen.extend(page.messages.items.iter().map(|message| message.id));
        let Some(next) = page.messages.next_cursor else { break };
        cursor = Some(next);
    }

    assert_eq!(seen, expected);
    let foreign = bed.store.export_recipient((bed.account, &openid("oA")), Some("x"), 2, NOW).await;
    assert!(matches!(foreign, Err(StoreError::Invalid(_))));
}

pub(crate) async fn export_and_erasure_are_audited_without_the_openid(bed: &Bed) {
    bed.accepted("oPersonInPlain").await;
    export(bed, "oPersonInPlain").await;
    erase(bed, "oPersonInPlain").await;

    let rows = bed.store.audit(&AuditFilter::default(), None, 10).await.unwrap().items;

    let told: Vec<_> = rows.iter().map(|row| &*row.action).collect();
    assert_eq!(told, ["recipient.erase", "recipient.export", "account.create"]);
    assert_eq!((rows[0].subject.len(), &rows[0].subject), (8, &rows[1].subject));
    assert_eq!(rows[0].detail["cancelled"], 1);
    assert!(!format!("{rows:?}").contains("oPersonInPlain"));
}

pub(crate) async fn an_erased_message_is_a_row_that_names_nobody_and_still_counts(bed: &Bed) {
    let id = delivered(bed, "oA", 1).await;
    let before = bed.store.tally(0..i64::MAX, None).await.unwrap();

    let erased = erase(bed, "oA").await;

    assert_eq!((erased.messages, erased.receipts, erased.in_flight), (1, 1, 0));
    let record = bed.record(id).await;
    assert_eq!((record.openid, record.content, record.standing.state), (None, None, State::Delivered));
    assert!(record.timeline.iter().any(|moment| matches!(moment.what, Happening::Reported { .. })));
    assert_eq!(found(bed, "oA").await, []);
    assert_eq!(bed.store.tally(0..i64::MAX, None).await.unwrap(), before);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn what_wechat_said_of_an_erased_message_is_gone(bed: &Bed) {
    let id = bed.accepted("oA").await;
    let mut settlement = bed.settlement(id, standing(State::Claimed, 0), &Outcome::Unknown, after_s(1));
    let dispatch = settlement.dispatch.as_mut().unwrap();
    (dispatch.errmsg, dispatch.rid) = (Some("about oA".to_owned()), Some("rid-1".to_owned()));
    settlement.to.to = State::Unknown;
    bed.store.settle(vec![settlement], vec![]).await.unwrap();

    erase(bed, "oA").await;

    let timeline = bed.record(id).await.timeline;
    let told = timeline.iter().find_map(|moment| match &moment.what {
        Happening::Dispatched { errmsg, rid, .. } => Some((errmsg.clone(), rid.clone())),
        _ => None,
    });
    assert_eq!(told, Some((None, None)));
}

pub(crate) async fn an_erasure_cancels_what_waits(bed: &Bed) {
    let waiting = bed.accepted("oA").await;
    let later = NewMessage { due_at: after_s(3600), ..bed.draft_to("oA") };
    let scheduled = later.id;
    bed.store.accept(vec![later]).await.unwrap();

    let erased = erase(bed, "oA").await;

    assert_eq!((erased.messages, erased.cancelled.len()), (2, 2));
    assert_eq!((bed.state(waiting).await, bed.state(scheduled).await), (State::Cancelled, State::Cancelled));
    assert!(bed.store.ready(bed.account, hongyan_domain::Lane::Normal, None, 10).await.unwrap().is_empty());
    assert!(bed.store.scheduled_promote(after_s(7200), 10).await.unwrap().is_empty());
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn what_is_on_its_way_is_erased_once_it_is_settled(bed: &Bed) {
    let _owner = bed.own().await;
    let id = bed.accepted("oA").await;
    bed.claimed(&[id]).await;

    let early = erase(bed, "oA").await;
    assert_eq!((early.messages, early.in_flight), (0, 1));
    assert_eq!(bed.record(id).await.openid, Some(openid("oA")));

    assert!(matches!(bed.settle_sent(id, Some(1)).await, Settled::Applied(_)));
    let late = erase(bed, "oA").await;
    assert_eq!((late.messages, late.in_flight), (1, 0));
    assert_eq!(bed.record(id).await.openid, None);
}

pub(crate) async fn what_may_have_gone_and_goes_again_is_not_cut_off(bed: &Bed) {
    let id = bed.accepted("oA").await;
    bed.answer(id, standing(State::Claimed, 0), Outcome::Unknown, NOW).await;

    let erased = erase(bed, "oA").await;

    assert_eq!((erased.messages, erased.in_flight), (0, 1));
    assert_eq!(bed.state(id).await, State::Pending);
}

pub(crate) async fn nobody_else_is_erased(bed: &Bed) {
    let other = bed.store.put_account(draft("wx2"), NOW).await.unwrap().id;
    let elsewhere = NewMessage { account: other, ..bed.draft_to("oA") };
    let kept = [bed.accepted("oB").await, elsewhere.id];
    bed.store.accept(vec![elsewhere]).await.unwrap();
    bed.receive(bed.receipt("oB", Some(7))).await;
    bed.accepted("oA").await;

    erase(bed, "oA").await;

    for id in kept {
        assert_eq!(bed.state(id).await, State::Pending);
        assert!(bed.record(id).await.openid.is_some());
    }
    assert_eq!(export(bed, "oB").await.receipts.len(), 1);
}

pub(crate) async fn an_erasure_goes_through_hours_and_batches(bed: &Bed) {
    for hour in 0..3 {
        let batch: Vec<_> = (0..400)
            .map(|_| NewMessage { accepted_at: after_s(hour * 3600), ..bed.draft_to("oA") })
            .collect();
        bed.store.accept(batch).await.unwrap();
    }

    let erased = erase(bed, "oA").await;

    assert_eq!((erased.messages, erased.cancelled.len()), (1_200, 1_200));
    assert_eq!(erase(bed, "oA").await, Erased::default());
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_receipt_after_the_erasure_settles_the_message_and_brings_nobody_back(bed: &Bed) {
    let id = bed.sent("oA", Some(1)).await;
    erase(bed, "oA").await;
    let mut receipt = bed.receipt("oA", Some(1));
    (receipt.status, receipt.raw) = (DeliveryStatus::Other, "about oA".to_owned());

    let first = bed.receive(receipt.clone()).await;
    let again = bed.receive(receipt).await;

    assert!(matches!(first, Received::Matched { message, .. } if message == id), "{first:?}");
    assert_eq!(again, Received::Doubled);
    assert_eq!(bed.state(id).await, State::Failed);
    let held = export(bed, "oA").await;
    assert!(held.messages.items.is_empty() && held.receipts.is_empty(), "{held:?}");
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn the_same_call_after_an_erasure_still_sends_nothing(bed: &Bed) {
    let order = |id: &str| NewMessage { client_msg_id: Some(id.to_owned()), ..bed.draft_to("oA") };
    bed.store.accept(vec![order("order-1"), order("to-oA-1")]).await.unwrap();

    erase(bed, "oA").await;

    let again = bed.store.accept(vec![order("order-1"), order("to-oA-1")]).await.unwrap();
    assert!(matches!(again[0], Acceptance::Conflict { .. }), "{again:?}");
    assert_eq!(again[1], Acceptance::New, "an id that names the person is gone with the person");
}

pub(crate) async fn an_erased_message_is_purged_like_any_other(bed: &Bed) {
    let id = delivered(bed, "oA", 1).await;
    erase(bed, "oA").await;

    assert_eq!(bed.store.purge(after_s(50), 10, None).await.unwrap(), 1);

    assert!(bed.store.message(id).await.unwrap().is_none());
    assert_eq!(bed.receive(bed.receipt("oB", Some(1))).await, Received::Early, "its receipt went with it");
    bed.counters_equal_the_ledger().await;
}
