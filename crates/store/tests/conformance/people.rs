//! People who leave or are not heard of again, and whether what was sent to them came in time.

use hongyan_domain::on_time::{Punctuality, Step};
use hongyan_domain::{Cause, InteractionKind, Outcome, Reason, SentAs, State, Suppression};
use hongyan_store::{Interaction, NewMessage, Parting, Sign};

use crate::bed::{Bed, NOW, after_s, openid, standing};

async fn later(bed: &Bed, to: &str) -> hongyan_domain::MessageId {
    let new = NewMessage { due_at: after_s(3_600), ..bed.draft_to(to) };
    let id = new.id;
    bed.store.accept(vec![new]).await.unwrap();
    id
}

pub(crate) async fn what_waits_for_one_who_left_does_not_go(bed: &Bed) {
    let _ownership = bed.own().await;
    let (waiting, other) = (later(bed, "oA").await, later(bed, "oB").await);
    let under_way = bed.accepted("oA").await;
    bed.claimed(&[under_way]).await;

    let went = bed.store.part(bed.account, &openid("oA"), Parting::Left, NOW).await.unwrap();
    let again = bed.store.part(bed.account, &openid("oA"), Parting::Left, NOW).await.unwrap();

    assert_eq!((went.len(), again.len()), (1, 0));
    let record = bed.record(waiting).await;
    assert_eq!((record.standing.state, record.cause), (State::Suppressed, Some(Cause::Suppression)));
    assert_eq!(bed.record(other).await.standing.state, State::Pending);
    assert_eq!(bed.record(under_way).await.standing.state, State::Claimed);
    assert_eq!(bed.store.check_tally().await.unwrap(), []);
}

pub(crate) async fn what_is_over_names_nobody_when_it_is_revoked(bed: &Bed) {
    let (waiting, over) = (later(bed, "oA").await, later(bed, "oA").await);
    bed.store.cancel(bed.account, over, NOW).await.unwrap();

    bed.store.part(bed.account, &openid("oA"), Parting::Revoked, NOW).await.unwrap();

    assert!(bed.record(over).await.openid.is_none());
    assert!(bed.record(waiting).await.openid.is_some());
}

pub(crate) async fn one_who_left_and_was_erased_may_come_back(bed: &Bed) {
    bed.accepted("oA").await;
    bed.store.erase_departed(bed.account, &openid("oA"), NOW).await.unwrap();
    let facts = bed.store.recipients(vec![(bed.account, openid("oA"))]).await.unwrap().remove(0);
    assert_eq!(facts.suppressions()[0].reason, Reason::Unsubscribed);

    let sign = Sign::Acted(InteractionKind::ScanSubscribe);
    let back = Interaction { account: bed.account, openid: openid("oA"), sign, at: after_s(60) };
    bed.store.interact(vec![back]).await.unwrap();

    let facts = bed.store.recipients(vec![(bed.account, openid("oA"))]).await.unwrap().remove(0);
    assert!(facts.suppressions().is_empty());
    assert_eq!(listed_after_suppressing(bed, "oA").await, ["oA"], "they are named again");
}

pub(crate) async fn one_who_was_erased_for_good_is_named_by_no_list(bed: &Bed) {
    bed.accepted("oA").await;
    bed.store.erase_recipient(bed.account, &openid("oA"), NOW).await.unwrap();
    let sign = Sign::Acted(InteractionKind::Message);
    let wrote = Interaction { account: bed.account, openid: openid("oA"), sign, at: after_s(60) };
    bed.store.interact(vec![wrote]).await.unwrap();

    assert_eq!(listed_after_suppressing(bed, "oA").await, [""; 0]);
}

async fn listed_after_suppressing(bed: &Bed, who: &str) -> Vec<String> {
    let manual =
        Suppression { reason: Reason::Manual, category: None, since: NOW, until: None, source: None };
    bed.store.suppress(bed.account, vec![(openid(who), manual)]).await.unwrap();
    let listed = bed.store.suppressed(bed.account, None, 10).await.unwrap().items;
    listed.into_iter().map(|one| one.openid.expose().to_owned()).collect()
}

pub(crate) async fn one_who_came_back_is_named_where_they_are_suppressed_again(bed: &Bed) {
    let told =
        |sign, at_s| Interaction { account: bed.account, openid: openid("oA"), sign, at: after_s(at_s) };
    let listed = || async { bed.store.suppressed(bed.account, None, 10).await.unwrap().items };
    bed.store.erase_departed(bed.account, &openid("oA"), NOW).await.unwrap();
    assert!(listed().await.is_empty(), "an erased person is named nowhere");

    bed.store
        .interact(vec![told(Sign::Seen, 60), told(Sign::Unreachable(Reason::UserBlocked), 120)])
        .await
        .unwrap();

    assert_eq!(listed().await[0].openid, openid("oA"));
}

pub(crate) async fn people_not_heard_of_are_forgotten_but_not_that_they_must_not_be_written_to(bed: &Bed) {
    let sign = Sign::Acted(InteractionKind::MenuClick);
    for (who, at) in [("oA", NOW), ("oB", NOW), ("oC", after_s(100))] {
        let one = Interaction { account: bed.account, openid: openid(who), sign, at };
        bed.store.interact(vec![one]).await.unwrap();
    }
    let suppression =
        Suppression { reason: Reason::Manual, category: None, since: NOW, until: None, source: None };
    bed.store.suppress(bed.account, vec![(openid("oB"), suppression)]).await.unwrap();

    let (mut went, mut from) = (0, None);
    loop {
        let (more, reached) = bed.store.purge_people(from, after_s(50), 1).await.unwrap();
        went += more;
        from = reached;
        if from.is_none() {
            break;
        }
    }

    assert_eq!(went, 1);
    let known = ["oA", "oB", "oC"].map(|who| (bed.account, openid(who))).to_vec();
    let known = bed.store.recipients(known).await.unwrap();
    let is_known: Vec<_> = known.iter().map(|facts| !facts.opened().is_empty()).collect();
    assert_eq!(is_known, [false, true, true]);
}

pub(crate) async fn a_message_counts_as_on_time_or_late_once(bed: &Bed) {
    let (early, late) = (bed.accepted("oA").await, bed.accepted("oB").await);
    let sent = |msgid| Outcome::Sent { msgid: Some(msgid), how: SentAs::Accepted };
    let claimed = standing(State::Claimed, 0);
    bed.answer(early, claimed, sent(1), after_s(59)).await;
    bed.answer(late, claimed, sent(2), after_s(70)).await;
    bed.answer(late, claimed, sent(2), after_s(80)).await;

    let rows = bed.store.on_time(0..i64::MAX, Some(bed.account)).await.unwrap();

    let counts = rows[0].counts;
    assert_eq!((rows.len(), counts.on_time, counts.late, counts.expired), (1, 1, 1, 0));
    assert_eq!(counts.lateness.late_ms, 10_000);
    let Some(Punctuality::Late(lateness)) = bed.record(late).await.on_time else { panic!("late") };
    assert_eq!((lateness, lateness.by_step[Step::Pace as usize] > 0), (counts.lateness, true));
    assert_eq!(bed.record(early).await.on_time, Some(Punctuality::OnTime));
}
