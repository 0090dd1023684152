//! Word lists, and what waits for a person's word.

use hongyan_domain::approval::{ApprovalState, Decision};
use hongyan_domain::policy::{ContentRule, Doubtful, Mode, Policies};
use hongyan_domain::{Cause, Event, MessageId, Policy, State, Wording, decide};
use hongyan_store::{
    APPROVED, Asking, Claimed, Clicked, DecisionAnswer, NewWordList, Ready, Settlement, Worded,
};

use crate::bed::{Bed, NOW, after_s};

fn list(account: Option<hongyan_domain::AccountId>, text: Option<&str>) -> NewWordList {
    NewWordList { account, list: text.map(str::to_owned), pinyin: "off", words: 1 }
}

/// A message that waits for a person until ten minutes from now, and was to go in a minute.
async fn asked(bed: &Bed, alike: &str) -> MessageId {
    let mut new = bed.draft_to("oA");
    let (due_at, deadline_at, expires_at) = (after_s(60), after_s(120), after_s(600));
    let findings = "[]".to_owned();
    new.asking =
        Some(Box::new(Asking { alike: alike.to_owned(), findings, due_at, deadline_at, expires_at }));
    (new.due_at, new.expires_at, new.marks.words) = (expires_at, Some(expires_at), Some(3));
    let id = new.id;
    bed.store.accept(vec![new]).await.unwrap();
    id
}

async fn say(bed: &Bed, id: MessageId, decision: Decision, at_s: i64) -> DecisionAnswer {
    let done = bed.store.decide_approvals(bed.account, vec![id], (decision, "why"), after_s(at_s)).await;
    done.unwrap().answers[0]
}

async fn state(bed: &Bed, id: MessageId) -> ApprovalState {
    bed.store.approval(id).await.unwrap().unwrap().state
}

pub(crate) async fn word_lists_are_kept_and_the_newest_of_an_account_is_in_force(bed: &Bed) {
    let own = Some(bed.account);
    assert_eq!(bed.store.put_words(list(None, Some("a,custom")), NOW).await.unwrap(), 1);
    assert_eq!(bed.store.put_words(list(own, Some("b,custom")), NOW).await.unwrap(), 2);
    assert_eq!(bed.store.put_words(list(None, Some("c,custom")), NOW).await.unwrap(), 3);

    let in_force: Vec<_> =
        bed.store.word_lists().await.unwrap().into_iter().map(|list| (list.account, list.version)).collect();

    assert_eq!(in_force, [(None, 3), (own, 2)]);
    assert_eq!(bed.store.word_list(None, 1).await.unwrap().as_deref(), Some("a,custom"));
    bed.store.put_words(list(own, None), NOW).await.unwrap();
    assert_eq!(bed.store.word_lists().await.unwrap().len(), 1);
    assert_eq!(bed.store.word_list(own, 4).await.unwrap(), None);
}

pub(crate) async fn the_last_ten_lists_of_an_account_are_kept(bed: &Bed) {
    let own = Some(bed.account);
    bed.store.put_words(list(None, Some("a,custom")), NOW).await.unwrap();
    for _ in 0..11 {
        bed.store.put_words(list(own, Some("b,custom")), NOW).await.unwrap();
    }

    let kept = [(None, 1), (own, 2), (own, 3), (own, 12)];
    let mut is_kept = Vec::new();
    for (account, version) in kept {
        is_kept.push(bed.store.word_list(account, version).await.unwrap().is_some());
    }

    assert_eq!(is_kept, [true, false, true, true]);
    assert_eq!(bed.store.put_words(list(own, None), NOW).await.unwrap(), 13, "numbers go on");
}

pub(crate) async fn what_is_approved_is_due_when_it_was_and_its_words_are_not_asked_again(bed: &Bed) {
    let id = asked(bed, "x").await;
    assert_eq!(bed.record(id).await.cause, Some(Cause::Content));
    let waits = async || bed.store.approvals_wait_since().await.unwrap().contains_key(&bed.account);
    assert!(waits().await);

    assert!(matches!(say(bed, id, Decision::Approve, 30).await, DecisionAnswer::Done(_)));
    assert!(!waits().await);

    let message = bed.record(id).await;
    assert_eq!((message.standing.state, message.cause), (State::Pending, None));
    assert_eq!((message.due_at, message.deadline_at), (after_s(60), after_s(120)));
    assert_eq!((message.marks.words, state(bed, id).await), (Some(APPROVED), ApprovalState::Approved));
    let again = say(bed, id, Decision::Reject, 31).await;
    assert_eq!(again, DecisionAnswer::TooLate(ApprovalState::Approved));
}

pub(crate) async fn what_is_approved_late_is_ready_at_once(bed: &Bed) {
    let id = asked(bed, "x").await;

    let done =
        bed.store.decide_approvals(bed.account, vec![id], (Decision::Approve, "why"), after_s(300)).await;

    let ready = done.unwrap().ready;
    // It is late by what a person took: the deadline stays.
    assert_eq!((ready[0].id, ready[0].due_at, ready[0].deadline_at), (id, after_s(300), after_s(120)));
}

pub(crate) async fn what_is_rejected_is_suppressed_and_what_ends_otherwise_lapses(bed: &Bed) {
    let (rejected, cancelled, expired) =
        (asked(bed, "x").await, asked(bed, "x").await, asked(bed, "x").await);

    say(bed, rejected, Decision::Reject, 1).await;
    bed.store.cancel(bed.account, cancelled, NOW).await.unwrap();
    let late = say(bed, expired, Decision::Approve, 600).await;

    let message = bed.record(rejected).await;
    assert_eq!((message.standing.state, message.cause), (State::Suppressed, Some(Cause::Content)));
    assert_eq!(state(bed, cancelled).await, ApprovalState::Lapsed);
    assert_eq!(late, DecisionAnswer::TooLate(ApprovalState::Lapsed));
    assert_eq!(say(bed, bed.id(), Decision::Approve, 1).await, DecisionAnswer::NotFound);
}

pub(crate) async fn approvals_are_listed_by_state_and_page_and_found_alike(bed: &Bed) {
    let ids = [asked(bed, "x").await, asked(bed, "y").await, asked(bed, "x").await];
    say(bed, ids[1], Decision::Reject, 1).await;

    let first = bed.store.approvals(bed.account, None, None, 2).await.unwrap();
    let rest = bed.store.approvals(bed.account, None, first.next_cursor.as_deref(), 2).await.unwrap();
    let waiting = bed.store.approvals(bed.account, Some(ApprovalState::Waiting), None, 9).await.unwrap();

    let of = |items: &[hongyan_store::Approval]| items.iter().map(|one| one.message).collect::<Vec<_>>();
    assert_eq!((of(&first.items), of(&rest.items)), (vec![ids[2], ids[1]], vec![ids[0]]));
    assert_eq!(of(&waiting.items), [ids[2], ids[0]]);
    assert_eq!(bed.store.approvals_alike(bed.account, "x", 9).await.unwrap(), [ids[0], ids[2]]);
}

pub(crate) async fn a_claim_holds_words_for_a_person_and_refuses_them(bed: &Bed) {
    let _owner = bed.own().await;
    let mut policy = Policy::off();
    policy.content = ContentRule { mode: Mode::Enforce, doubtful: Doubtful::Hold };
    let policies = Policies::new(|_| policy.clone());
    let (held, refused) = (bed.accepted("oA").await, bed.accepted("oA").await);
    let until = after_s(600);
    let worded = |id, wording| Ready {
        worded: Some(Box::new(Worded { wording, alike: "x".to_owned(), findings: "[]".to_owned() })),
        ..bed.ready(id)
    };
    let messages = [worded(held, Wording::Doubtful { until }), worded(refused, Wording::Forbidden)];

    let answers = bed.store.claim(&[bed.claim_of(bed.claim_id(), &messages, &policies)]).await.unwrap();

    assert!(answers.iter().all(|answer| matches!(answer, Claimed::Moved(_))), "{answers:?}");
    assert_eq!((bed.record(held).await.due_at, state(bed, held).await), (until, ApprovalState::Waiting));
    assert_eq!(bed.record(refused).await.standing.state, State::Suppressed);
}

/// A message whose link is counted, sent.
async fn tracked(bed: &Bed, to: &str) -> MessageId {
    let mut new = bed.draft_to(to);
    new.content.url = Some("https://shop.example.com/o".to_owned());
    (new.marks.tracked, new.marks.variant) = (true, Some("a".into()));
    let id = new.id;
    bed.store.accept(vec![new]).await.unwrap();
    bed.claimed(&[id]).await;
    bed.settle_sent(id, None).await;
    id
}

fn tap(bed: &Bed, message: MessageId, at_s: i64, count: u32) -> Clicked {
    Clicked { account: bed.account, message, first_at: after_s(at_s), last_at: after_s(at_s), count }
}

pub(crate) async fn taps_are_counted_by_message_and_in_all(bed: &Bed) {
    let _owner = bed.own().await;
    let (one, other) = (tracked(bed, "oA").await, tracked(bed, "oB").await);
    let untracked = bed.accepted("oC").await;

    bed.store.record_clicks(vec![tap(bed, one, 10, 2), tap(bed, untracked, 10, 1)]).await.unwrap();
    bed.store.record_clicks(vec![tap(bed, one, 5, 1)]).await.unwrap();

    let clicks = bed.record(one).await.clicks.unwrap();
    assert_eq!((clicks.first_at, clicks.last_at, clicks.count), (after_s(5), after_s(10), 3));
    let rows = bed.store.click_rows(NOW.day()..NOW.day() + 1, bed.account).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].sent, rows[0].clicked, rows[0].clicks), (2, 1, 3));
    assert_eq!(bed.store.clicked_of(NOW.day(), vec![bed.account]).await.unwrap(), 1);
    assert_eq!((rows[0].variant.as_deref(), rows[0].scenario.as_deref()), (Some("a"), None));
    assert!(bed.store.link_of(bed.account, other).await.unwrap().is_some());
    assert_eq!(bed.store.link_of(bed.account, untracked).await.unwrap(), None);
}

pub(crate) async fn a_link_whose_message_was_given_up_and_then_reported_is_sent_once(bed: &Bed) {
    let _owner = bed.own().await;
    let id = tracked(bed, "oA").await;
    let silent = bed.record(id).await.standing;
    let to = decide(&silent, &Event::Unreported, after_s(3 * 86_400)).unwrap();
    let gave_up = Settlement {
        account: bed.account,
        message: id,
        from: silent,
        to,
        claim: None,
        at: after_s(3 * 86_400),
        dispatch: None,
        refused: None,
        taken: None,
    };
    bed.store.settle(vec![gave_up], vec![]).await.unwrap();
    assert_eq!(bed.state(id).await, State::Unknown);

    bed.receive(bed.receipt("oA", Some(5))).await;

    assert_eq!(bed.state(id).await, State::Delivered);
    let rows = bed.store.click_rows(NOW.day()..NOW.day() + 1, bed.account).await.unwrap();
    assert_eq!(rows[0].sent, 1);
}

pub(crate) async fn an_erased_persons_taps_are_gone_and_stay_counted(bed: &Bed) {
    let _owner = bed.own().await;
    let id = tracked(bed, "oA").await;
    bed.store.record_clicks(vec![tap(bed, id, 1, 1)]).await.unwrap();

    bed.store.erase_recipient(bed.account, &crate::bed::openid("oA"), NOW).await.unwrap();
    bed.store.record_clicks(vec![tap(bed, id, 2, 1)]).await.unwrap();

    assert_eq!(bed.record(id).await.clicks, None);
    assert_eq!(bed.store.link_of(bed.account, id).await.unwrap(), None);
    let rows = bed.store.click_rows(NOW.day()..NOW.day() + 1, bed.account).await.unwrap();
    assert_eq!((rows[0].clicked, rows[0].clicks), (1, 1));
}
