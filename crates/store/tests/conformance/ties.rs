//! What ties messages together: windows in which triggers become one, events that take back.

use hongyan_domain::{Cause, State, Timestamp};
use hongyan_store::{
    Acceptance, GATHERED_MAX, Gather, Happening, Joining, Moment, NewMessage, OpenWindow, Subject, Ties,
    WindowAsked, Withdrawal,
};

use crate::bed::{Bed, NOW, after_s, openid};

fn asked(bed: &Bed) -> WindowAsked {
    let (scenario, by) = ("cart".to_owned(), String::new());
    WindowAsked { account: bed.account, openid: openid("oA"), scenario, by }
}

async fn window(bed: &Bed, at: Timestamp) -> Option<OpenWindow> {
    bed.store.windows(vec![asked(bed)], at).await.unwrap().remove(0)
}

fn trigger(bed: &Bed, nth: usize, joining: Joining) -> NewMessage {
    let params = format!("{{\"n\":{nth}}}");
    let all: Vec<_> = (0..=nth).map(|n| format!("{{\"n\":{n}}}")).collect();
    let items = format!("[{}]", all.join(","));
    let gather = Gather { by: String::new(), until: after_s(30), joining, params, items };
    NewMessage {
        client_msg_id: Some(format!("t-{nth}")),
        scenario: Some("cart".into()),
        due_at: after_s(30),
        ties: Some(Box::new(Ties { gather: Some(gather), ..Ties::default() })),
        ..bed.draft_to("oA")
    }
}

async fn accept(bed: &Bed, message: NewMessage) -> Acceptance {
    bed.store.accept(vec![message]).await.unwrap().remove(0)
}

async fn join(bed: &Bed, nth: usize) -> Acceptance {
    let open = window(bed, NOW).await.unwrap();
    let message = NewMessage { id: open.message, ..trigger(bed, nth, Joining::Joins { had: open.had }) };
    accept(bed, message).await
}

pub(crate) async fn a_trigger_joins_the_message_of_its_window(bed: &Bed) {
    assert!(window(bed, NOW).await.is_none());
    let first = trigger(bed, 0, Joining::Opens);
    assert_eq!(accept(bed, first.clone()).await, Acceptance::New);

    let joined = join(bed, 1).await;

    assert!(
        matches!(joined, Acceptance::Joined { count: 2, due_at, .. } if due_at == after_s(30)),
        "{joined:?}"
    );
    let open = window(bed, NOW).await.unwrap();
    assert_eq!((open.message, open.had, open.items.as_str()), (first.id, 2, r#"[{"n":0},{"n":1}]"#));
    let again = accept(bed, trigger(bed, 1, Joining::Opens)).await;
    assert!(matches!(again, Acceptance::Same { id, .. } if id == first.id), "{again:?}");
    let other = NewMessage { client_msg_id: Some("t-1".into()), ..bed.draft_to("oB") };
    assert_eq!(accept(bed, other).await, Acceptance::Conflict { id: first.id });
    let found = bed.store.by_client_msg_id(bed.account, "t-1").await.unwrap().unwrap();
    let merged = found.timeline.iter().filter(|moment| matches!(moment.what, Happening::Merged { .. }));
    assert_eq!((found.id, merged.count()), (first.id, 2));
    assert!(window(bed, after_s(30)).await.is_none());
    assert_eq!(bed.store.check_tally().await.unwrap(), []);
}

pub(crate) async fn a_trigger_that_read_an_older_window_is_told_so(bed: &Bed) {
    let first = trigger(bed, 0, Joining::Opens);
    accept(bed, first.clone()).await;
    join(bed, 1).await;

    let late = NewMessage { id: first.id, ..trigger(bed, 2, Joining::Joins { had: 1 }) };
    assert_eq!(accept(bed, late).await, Acceptance::Moved);
    assert_eq!(accept(bed, trigger(bed, 2, Joining::Opens)).await, Acceptance::Moved);
    assert_eq!(accept(bed, trigger(bed, 2, Joining::Apart)).await, Acceptance::New);
}

pub(crate) async fn a_window_takes_so_many_triggers_and_no_more(bed: &Bed) {
    accept(bed, trigger(bed, 0, Joining::Opens)).await;
    for nth in 1..GATHERED_MAX {
        assert!(matches!(join(bed, nth).await, Acceptance::Joined { .. }));
    }

    assert!(window(bed, NOW).await.is_none());
    assert_eq!(accept(bed, trigger(bed, 500, Joining::Opens)).await, Acceptance::New);
}

pub(crate) async fn what_left_the_schedule_is_not_written_anew(bed: &Bed) {
    let first = trigger(bed, 0, Joining::Opens);
    accept(bed, first.clone()).await;
    assert_eq!(bed.store.scheduled_promote(after_s(30), 10).await.unwrap().len(), 1);

    let late = NewMessage { id: first.id, ..trigger(bed, 1, Joining::Joins { had: 1 }) };
    assert_eq!(accept(bed, late).await, Acceptance::Moved);
    assert!(window(bed, NOW).await.is_none());
}

fn about(bed: &Bed, occurred_at: Option<Timestamp>) -> NewMessage {
    let cancelled_by = vec!["refunded".to_owned()];
    let subject = Subject { name: "order-1".into(), cancelled_by, occurred_at };
    NewMessage {
        scenario: Some("paid".into()),
        ties: Some(Box::new(Ties { subject: Some(subject), ..Ties::default() })),
        ..bed.draft_to("oA")
    }
}

fn refund(bed: &Bed, to: &str, order: &str) -> Withdrawal {
    let takes_back = vec![("paid".to_owned(), order.to_owned())];
    Withdrawal {
        account: bed.account,
        openid: openid(to),
        event: "refunded".into(),
        takes_back,
        occurred_at: NOW,
    }
}

pub(crate) async fn an_event_takes_back_what_waits_of_its_subject_once(bed: &Bed) {
    let waiting = about(bed, None);
    accept(bed, waiting.clone()).await;
    let events =
        vec![refund(bed, "oA", "order-2"), refund(bed, "oB", "order-1"), refund(bed, "oA", "order-1")];

    let went = bed.store.withdraw(events.clone(), NOW).await.unwrap();
    let again = bed.store.withdraw(events, NOW).await.unwrap();

    assert_eq!(went.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(again.iter().map(Vec::len).sum::<usize>(), 0);
    let record = bed.store.message(waiting.id).await.unwrap().unwrap();
    assert_eq!((record.standing.state, record.cause), (State::Cancelled, Some(Cause::ByEvent)));
    let by = |moment: &Moment| matches!(&moment.what, Happening::Withdrawn { by } if by == "refunded");
    assert!(record.timeline.iter().any(by));
    assert_eq!(bed.store.check_tally().await.unwrap(), []);
}

pub(crate) async fn an_event_that_came_first_takes_back_what_comes_after(bed: &Bed) {
    bed.store.withdraw(vec![refund(bed, "oA", "order-1")], NOW).await.unwrap();

    let older = accept(bed, about(bed, Some(after_s(-1)))).await;
    let unsaid = accept(bed, about(bed, None)).await;
    let newer = accept(bed, about(bed, Some(after_s(1)))).await;

    assert!(matches!(older, Acceptance::Withdrawn(to) if to.to == State::Cancelled), "{older:?}");
    assert!(matches!(unsaid, Acceptance::Withdrawn(_)), "{unsaid:?}");
    assert_eq!(newer, Acceptance::New);
    assert_eq!(bed.store.purge_ties(after_s(86_400), 10).await.unwrap(), 0);
    assert_eq!(bed.store.purge_ties(after_s(3 * 86_400), 10).await.unwrap(), 1);
    assert_eq!(accept(bed, about(bed, Some(after_s(-1)))).await, Acceptance::New);
}

pub(crate) async fn what_ties_messages_goes_with_them(bed: &Bed) {
    accept(bed, trigger(bed, 0, Joining::Opens)).await;
    accept(bed, about(bed, None)).await;
    bed.store.withdraw(vec![refund(bed, "oA", "order-1")], NOW).await.unwrap();

    bed.store.erase_recipient(bed.account, &openid("oA"), NOW).await.unwrap();

    assert!(window(bed, NOW).await.is_none());
    assert_eq!(accept(bed, about(bed, Some(NOW))).await, Acceptance::New);
    bed.store.delete_account(bed.account, NOW).await.unwrap();
}

fn resends(moment: &Moment) -> bool {
    matches!(moment.what, Happening::Resends { .. } | Happening::Resent { .. })
}

pub(crate) async fn two_messages_of_one_content_name_each_other_until_the_later_one_goes(bed: &Bed) {
    let first = bed.accepted("oA").await;
    bed.store.cancel(bed.account, first, NOW).await.unwrap();
    let ties = Ties { resends: Some(first), ..Ties::default() };
    let again = NewMessage { ties: Some(Box::new(ties)), accepted_at: after_s(100), ..bed.draft_to("oA") };
    accept(bed, again.clone()).await;
    let told = async |id| {
        let timeline = bed.store.message(id).await.unwrap().unwrap().timeline;
        timeline.into_iter().filter(resends).collect::<Vec<_>>()
    };
    let at = after_s(100);

    let (of_first, of_again) = (told(first).await, told(again.id).await);
    bed.store.purge(after_s(50), 10, None).await.unwrap();
    let left = told(again.id).await;
    bed.store.cancel(bed.account, again.id, at).await.unwrap();
    bed.store.purge(after_s(200), 10, None).await.unwrap();

    assert_eq!(of_first, [Moment { at, what: Happening::Resent { again: again.id } }]);
    assert_eq!(of_again, [Moment { at, what: Happening::Resends { message: first } }]);
    assert_eq!(left, of_again, "a link to what is gone is a fact still");
    assert!(bed.store.message(again.id).await.unwrap().is_none());
}
