//! Accept, settle, cancel.

use std::time::Duration;

use hongyan_domain::message::Miniprogram;
use hongyan_domain::{
    Category, Cause, Event, InteractionKind, Lane, MessageId, OnUnknown, Outcome, SentAs, State, decide,
};
use hongyan_store::{
    Acceptance, CancelAnswer, Dispatch, Happening, MAX_BATCH, NewMessage, Repeat, Settled, StoreError,
};

use crate::bed::{Bed, NOW, after_s, draft, openid, standing};

pub(crate) async fn an_accepted_message_reads_back_with_all_it_had(bed: &Bed) {
    let mut new = bed.draft_to("oA");
    new.client_msg_id = Some("order-1".to_owned());
    new.content.url = Some("https://example.com/点".to_owned());
    new.content.miniprogram =
        Some(Miniprogram { appid: "wxm".to_owned(), pagepath: Some("p?id=1".to_owned()) });
    new.lane = Lane::Urgent;
    new.scenario = Some("paid".into());
    new.category = Category::Service;
    new.basis = Some(InteractionKind::Payment);
    new.expires_at = Some(after_s(600));
    new.on_unknown = OnUnknown::Resend;

    let answer = bed.store.accept(vec![new.clone()]).await.unwrap();

    let found = bed.store.by_client_msg_id(bed.account, "order-1").await.unwrap().unwrap();
    assert_eq!(answer, [Acceptance::New]);
    assert_eq!((found.id, found.account, found.client_msg_id), (new.id, new.account, new.client_msg_id));
    assert_eq!((found.openid, found.content, found.lane), (Some(new.openid), Some(new.content), new.lane));
    assert_eq!((found.scenario.as_deref(), found.category), (Some("paid"), Category::Service));
    assert_eq!((found.basis, found.template_id), (Some(InteractionKind::Payment), new.template_id));
    assert_eq!((found.due_at, found.deadline_at, found.expires_at), (NOW, after_s(60), Some(after_s(600))));
    assert_eq!((found.standing.state, found.standing.on_unknown), (State::Pending, OnUnknown::Resend));
    assert_eq!(found.timeline.len(), 1);
}

fn named(bed: &Bed, client_msg_id: &str) -> hongyan_store::NewMessage {
    let mut new = bed.draft_to("oA");
    new.client_msg_id = Some(client_msg_id.to_owned());
    new
}

pub(crate) async fn the_same_client_msg_id_answers_the_first_message(bed: &Bed) {
    let first = named(bed, "order-1");
    let mut again = named(bed, "order-1");
    again.due_at = after_s(5);
    again.deadline_at = after_s(99);
    bed.store.accept(vec![first.clone()]).await.unwrap();

    let answer = bed.store.accept(vec![again]).await.unwrap();

    let same =
        Acceptance::Same { id: first.id, state: State::Pending, due_at: NOW, deadline_at: after_s(60) };
    assert_eq!(answer, [same]);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn another_body_under_the_same_client_msg_id_is_a_conflict(bed: &Bed) {
    let first = named(bed, "order-1");
    let (mut person, mut said) = (named(bed, "order-1"), named(bed, "order-1"));
    person.openid = openid("oB");
    said.given = "something else".to_owned();
    bed.store.accept(vec![first.clone()]).await.unwrap();

    let answers = bed.store.accept(vec![person, said]).await.unwrap();

    assert_eq!(answers, vec![Acceptance::Conflict { id: first.id }; 2]);
}

/// The template may have changed since.
pub(crate) async fn what_is_made_of_a_body_makes_no_other_of_it(bed: &Bed) {
    let first = named(bed, "order-1");
    let mut again = named(bed, "order-1");
    again.content.data = "{}".into();
    bed.store.accept(vec![first.clone()]).await.unwrap();

    let answers = bed.store.accept(vec![again]).await.unwrap();

    assert!(matches!(answers[0], Acceptance::Same { id, .. } if id == first.id), "{answers:?}");
}

/// Of what cannot be made into a message any more only what was said is left.
pub(crate) async fn what_was_said_is_enough_to_be_known(bed: &Bed) {
    let first = NewMessage { given: "a".to_owned(), ..named(bed, "order-1") };
    bed.store.accept(vec![first.clone()]).await.unwrap();
    let repeat = first.repeat().unwrap();
    let other = Repeat { given: "b".to_owned(), ..repeat.clone() };
    let never = Repeat { client_msg_id: "order-2".to_owned(), ..repeat.clone() };

    let before = bed.store.accepted_before(vec![repeat, other, never]).await.unwrap();

    assert!(matches!(before[0], Some(Acceptance::Same { id, .. }) if id == first.id), "{before:?}");
    assert_eq!(before[1..], [Some(Acceptance::Conflict { id: first.id }), None]);
}

pub(crate) async fn the_same_client_msg_id_twice_in_one_batch_is_one_message(bed: &Bed) {
    let (first, second) = (named(bed, "order-1"), named(bed, "order-1"));

    let answers = bed.store.accept(vec![first.clone(), second.clone()]).await.unwrap();

    assert_eq!(answers[0], Acceptance::New);
    assert!(matches!(answers[1], Acceptance::Same { id, .. } if id == first.id));
    assert!(bed.store.message(second.id).await.unwrap().is_none());
}

pub(crate) async fn the_same_client_msg_id_in_two_accounts_is_two_messages(bed: &Bed) {
    let other = bed.store.put_account(draft("wx2"), NOW).await.unwrap().id;
    let (first, mut second) = (named(bed, "order-1"), named(bed, "order-1"));
    second.account = other;

    let answers = bed.store.accept(vec![first, second]).await.unwrap();

    assert_eq!(answers, [Acceptance::New, Acceptance::New]);
}

pub(crate) async fn a_batch_with_an_unknown_account_is_refused_whole(bed: &Bed) {
    let (good, mut bad) = (bed.draft_to("oA"), bed.draft_to("oA"));
    let id = good.id;
    bad.account = hongyan_domain::AccountId(99);

    let answer = bed.store.accept(vec![good, bad]).await;

    assert!(matches!(answer, Err(StoreError::NoAccount(account)) if account.0 == 99));
    assert!(bed.store.message(id).await.unwrap().is_none());
}

pub(crate) async fn a_client_msg_id_that_is_too_long_is_refused(bed: &Bed) {
    for client_msg_id in [String::new(), "x".repeat(129)] {
        let answer = bed.store.accept(vec![named(bed, &client_msg_id)]).await;

        assert!(matches!(answer, Err(StoreError::Invalid(_))));
    }
}

pub(crate) async fn a_batch_over_the_bound_is_refused(bed: &Bed) {
    let batch = (0..=MAX_BATCH).map(|_| bed.draft_to("oA")).collect();

    let answer = bed.store.accept(batch).await;

    assert!(matches!(answer, Err(StoreError::Invalid(_))));
}

pub(crate) async fn a_failing_command_takes_nothing_of_its_neighbours_with_it(bed: &Bed) {
    let taken = bed.draft_to("oA");
    let (mut clash, before, after) = (bed.draft_to("oB"), bed.draft_to("oC"), bed.draft_to("oD"));
    clash.id = taken.id;
    let (before_id, after_id) = (before.id, after.id);
    bed.store.accept(vec![taken]).await.unwrap();

    let one = bed.store.accept(vec![before]);
    let two = bed.store.accept(vec![bed.draft_to("oE"), clash]);
    let three = bed.store.accept(vec![after]);
    let (one, two, three) = tokio::join!(one, two, three);

    assert!(one.is_ok() && three.is_ok());
    assert!(matches!(two, Err(StoreError::Database(_))));
    assert_eq!((bed.state(before_id).await, bed.state(after_id).await), (State::Pending, State::Pending));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_try_whose_token_was_refused_is_told_and_counted_before_the_one_that_followed(
    bed: &Bed,
) {
    let id = bed.accepted("oA").await;
    let sent = Outcome::Sent { msgid: Some(7), how: SentAs::Accepted };
    let mut settlement = bed.settlement(id, standing(State::Claimed, 0), &sent, NOW);
    let refused = Dispatch {
        outcome: "pause",
        errcode: Some(40001),
        msgid: None,
        ..settlement.dispatch.clone().unwrap()
    };
    settlement.refused = Some(Box::new(refused));

    // Written twice, as after a commit whose answer was lost.
    for _ in 0..2 {
        bed.store.settle(vec![settlement.clone()], vec![]).await.unwrap();
    }

    let found = bed.record(id).await;
    let codes = found.timeline.iter().filter_map(|moment| match &moment.what {
        Happening::Dispatched { errcode, .. } => *errcode,
        _ => None,
    });
    assert_eq!(codes.collect::<Vec<_>>(), [40001, 0]);
    assert_eq!((found.standing.state, found.standing.attempts), (State::Sent, 1));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_sent_message_tells_its_timeline(bed: &Bed) {
    let id = bed.sent("oA", Some(42)).await;
    bed.receive(bed.receipt("oA", Some(42))).await;

    let found = bed.record(id).await;

    let told: Vec<_> = found.timeline.iter().map(|moment| &moment.what).collect();
    assert!(matches!(
        told[..],
        [
            Happening::Accepted,
            Happening::Dispatched { errcode: Some(0), msgid: Some(42), .. },
            Happening::Reported { .. },
            Happening::Settled { state: State::Delivered, cause: None },
        ]
    ));
    assert_eq!((found.msgid, found.sent_at, found.settled_at), (Some(42), Some(NOW), Some(after_s(2))));
}

pub(crate) async fn a_settlement_from_elsewhere_is_stale_and_still_recorded(bed: &Bed) {
    let id = bed.accepted("oA").await;
    bed.store.cancel(bed.account, id, NOW).await.unwrap();

    let refused = Outcome::Refused { cause: Cause::NotFollowing };
    let settled = bed.answer(id, standing(State::Claimed, 0), refused, NOW).await;

    let found = bed.record(id).await;
    assert_eq!(settled, Settled::Stale { state: State::Cancelled });
    assert!(found.timeline.iter().any(|moment| matches!(moment.what, Happening::Dispatched { .. })));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_settlement_of_a_message_that_is_gone_is_stale(bed: &Bed) {
    let settled = bed.settle_sent(bed.id(), Some(1)).await;

    assert!(matches!(settled, Settled::Stale { .. }));
    assert_eq!(bed.store.check_tally().await.unwrap(), []);
}

pub(crate) async fn a_late_success_beats_unknown(bed: &Bed) {
    let id = bed.accepted("oA").await;
    let claimed = standing(State::Claimed, 0);
    let lost = decide(&claimed, &Event::Lost { claimed_at: NOW }, after_s(3600)).unwrap();
    let mut given_up = bed.settlement(id, claimed, &Outcome::Unknown, NOW);
    (given_up.to, given_up.at) = (lost, after_s(3600));
    bed.store.settle(vec![given_up], vec![]).await.unwrap();
    assert_eq!(bed.state(id).await, State::Unknown);

    let settled = bed.settle_sent(id, Some(5)).await;

    assert!(matches!(settled, Settled::Applied(to) if to.to == State::Sent));
    let found = bed.record(id).await;
    assert_eq!((found.standing.state, found.msgid, found.settled_at), (State::Sent, Some(5), None));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_settlement_repeated_is_recorded_once(bed: &Bed) {
    let id = bed.accepted("oA").await;
    let outcome = Outcome::Sent { msgid: Some(1), how: SentAs::Accepted };
    let settlement = bed.settlement(id, standing(State::Claimed, 0), &outcome, NOW);

    let first = bed.store.settle(vec![settlement.clone()], vec![]).await.unwrap();
    let second = bed.store.settle(vec![settlement], vec![]).await.unwrap();

    assert!(matches!(first.settled[..], [Settled::Applied(_)]));
    assert_eq!(second.settled, [Settled::Stale { state: State::Sent }]);
    assert_eq!(bed.store.sends_today(NOW.day()).await.unwrap()[&bed.account], 1);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_retry_waits_with_its_attempt_counted(bed: &Bed) {
    let id = bed.accepted("oA").await;
    let retry = Outcome::Retry { after: Duration::from_secs(30), cause: Cause::Busy };

    bed.answer(id, standing(State::Claimed, 0), retry, NOW).await;

    let found = bed.record(id).await;
    assert_eq!((found.standing.state, found.standing.attempts), (State::Pending, 1));
    assert_eq!((found.due_at, found.cause), (after_s(30), Some(Cause::Busy)));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_pending_message_is_cancelled(bed: &Bed) {
    let id = bed.accepted("oA").await;

    let answer = bed.store.cancel(bed.account, id, NOW).await.unwrap();

    assert!(matches!(answer, CancelAnswer::Cancelled(to) if to.cause == Some(Cause::ByRequest)));
    let again = bed.store.cancel(bed.account, id, NOW).await.unwrap();
    assert_eq!(again, CancelAnswer::TooLate { state: State::Cancelled });
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_claimed_message_is_too_late_to_cancel(bed: &Bed) {
    let _owner = bed.own().await;
    let id = bed.accepted("oA").await;
    bed.claimed(&[id]).await;

    let answer = bed.store.cancel(bed.account, id, NOW).await.unwrap();

    assert_eq!(answer, CancelAnswer::TooLate { state: State::Claimed });
    assert_eq!(bed.state(id).await, State::Claimed);
}

pub(crate) async fn a_message_that_is_not_there_is_not_found(bed: &Bed) {
    let id = MessageId::from_raw(7).unwrap();

    assert_eq!(bed.store.cancel(bed.account, id, NOW).await.unwrap(), CancelAnswer::NotFound);
    assert!(bed.store.message(id).await.unwrap().is_none());
    assert!(bed.store.by_client_msg_id(bed.account, "nope").await.unwrap().is_none());
}

pub(crate) async fn the_last_message_id_is_the_newest_of_all_accounts(bed: &Bed) {
    assert_eq!(bed.store.last_message_id().await.unwrap(), None);
    let other = bed.store.put_account(draft("wx2"), NOW).await.unwrap().id;
    let (mut newer, older) = (bed.draft_to("oA"), bed.accepted("oA").await);
    newer.account = other;
    newer.id = bed.id();
    let last = newer.id;

    bed.store.accept(vec![newer]).await.unwrap();

    assert!(older < last);
    assert_eq!(bed.store.last_message_id().await.unwrap(), Some(last));
}
