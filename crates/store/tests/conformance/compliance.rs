//! What compliance is told by: counts, signs, blocked messages, complaints, brakes, reports.

use std::sync::Arc;

use hongyan_domain::policy::Policies;
use hongyan_domain::{ComplaintKind, Outcome, Reason, Rule, SentAs, Signals, State, Verdict};
use hongyan_store::{
    About, BlockedDraft, BlockedFilter, BrakeDraft, Braked, Brakes, Claimed, Complained, ComplianceBefore,
    Counts, Happening, Heard, Interaction, NewComplaint, NewMessage, Sign,
};

use crate::bed::{Bed, NOW, after_s, openid, standing};

const DAY_S: i64 = 86_400;

const REASON: &str = "looked at it";

fn draft(bed: &Bed) -> BrakeDraft {
    let signals = Signals { sent: 10, complained: 3, ..Signals::default() };
    let braked = Braked::Template("T1".to_owned());
    BrakeDraft { account: bed.account, braked, observed: false, score: 700, signals }
}

fn blocked(id: u64, to: &str, at: i64) -> BlockedDraft {
    BlockedDraft { id, openid: openid(to), title: "通知".to_owned(), blocked_at: after_s(at) }
}

fn complaint(about: About, reference: Option<&str>) -> NewComplaint {
    let reference = reference.map(str::to_owned);
    NewComplaint { about, kind: ComplaintKind::Unwanted, reference, occurred_at: after_s(60) }
}

async fn today(bed: &Bed) -> Signals {
    let rows = bed.store.risk(Some(bed.account), NOW.day()..NOW.day() + 1).await.unwrap();
    rows.iter().find(|row| row.template_id == "T1").map(|row| row.signals).unwrap_or_default()
}

pub(crate) async fn counts_add_up_and_judged_lines_are_counted_with_them(bed: &Bed) {
    let template: Arc<str> = "T1".into();
    let mut counts = Counts::default();
    for _ in 0..3 {
        counts.sent(bed.account, NOW.day(), &template);
    }
    counts.refused((bed.account, NOW.day()), Rule::Reach, (&template, None));
    bed.store.count(counts).await.unwrap();
    let mut held = bed.draft_to("oA");
    let verdict = Verdict::Hold { until: after_s(60), rule: Rule::QuietHours };
    held.verdicts.push(Heard { verdict, observed: false });
    bed.store.accept(vec![held]).await.unwrap();

    let mut judged = bed.store.judged(bed.account, NOW.day()).await.unwrap();

    judged.sort_by_key(|row| row.rule);
    let rows: Vec<_> = judged.iter().map(|row| (row.rule, row.verdict.as_str(), row.count)).collect();
    assert_eq!(rows, [(Rule::Reach, "refuse", 1), (Rule::QuietHours, "hold", 1)]);
    assert_eq!(today(bed).await.sent, 3);
    assert!(bed.store.judged(bed.account, NOW.day() + 1).await.unwrap().is_empty());
}

pub(crate) async fn a_blocked_message_joins_the_nearest_send_once(bed: &Bed) {
    let id = bed.sent("oA", Some(1)).await;
    let page = vec![blocked(5, "oA", 2), blocked(6, "oA", 2), blocked(7, "oB", 2)];

    let first = bed.store.put_blocked((bed.account, "T1"), page.clone(), NOW).await.unwrap();
    let again = bed.store.put_blocked((bed.account, "T1"), page, after_s(9)).await.unwrap();

    assert_eq!((first.new, first.joined, again.new), (3, 1, 0));
    assert_eq!(today(bed).await.blocked, 3);
    let line = |moment: &hongyan_store::Moment| matches!(moment.what, Happening::Blocked { .. });
    assert_eq!(bed.record(id).await.timeline.iter().filter(|moment| line(moment)).count(), 1);
    let read = &bed.store.blocked_reads().await.unwrap()[0];
    assert_eq!((read.largest_id, read.read_at), (7, after_s(9)));
}

pub(crate) async fn blocked_messages_are_paged_and_filtered(bed: &Bed) {
    let page = (1..=5).map(|id| blocked(id, "oA", 0)).collect();
    bed.store.put_blocked((bed.account, "T1"), page, NOW).await.unwrap();
    let filter = BlockedFilter { accounts: vec![bed.account], template_id: Some("T1".to_owned()) };
    let none = BlockedFilter { template_id: Some("T2".to_owned()), ..filter.clone() };

    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = bed.store.blocked(&filter, cursor.as_deref(), 2).await.unwrap();
        seen.extend(page.items.iter().map(|one| one.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }

    assert_eq!(seen, [5, 4, 3, 2, 1]);
    assert!(bed.store.blocked(&none, None, 2).await.unwrap().items.is_empty());
    assert!(bed.store.blocked(&filter, Some("x"), 2).await.is_err());
}

pub(crate) async fn a_complaint_finds_its_message_counts_once_and_is_heeded(bed: &Bed) {
    let id = bed.sent("oA", Some(1)).await;
    let of_person = complaint(About::Person(openid("oA")), Some("t-1"));
    let missing = hongyan_domain::MessageId::ZERO;
    let batch = vec![of_person.clone(), of_person, complaint(About::Message(missing), None)];

    let answers = bed.store.complain(bed.account, batch, None, after_s(61)).await.unwrap();

    let (message, template_id) = (Some(id), Some("T1".to_owned()));
    assert_eq!(answers[0], Complained::New { id: 1, message, template_id });
    assert_eq!(answers[1..], [Complained::Same { id: 1 }, Complained::UnknownMessage]);
    assert_eq!(today(bed).await.complained, 1);
    let known = bed.store.recipients(vec![(bed.account, openid("oA"))]).await.unwrap().pop().unwrap();
    assert_eq!(known.suppressions()[0].reason, Reason::Complained);
    let kept = bed.store.complaints(bed.account, None, 10).await.unwrap().items;
    assert_eq!((kept.len(), kept[0].message, kept[0].reference.as_deref()), (1, Some(id), Some("t-1")));
}

pub(crate) async fn who_leaves_or_opts_out_counts_against_the_last_message_of_a_day(bed: &Bed) {
    bed.sent("oA", Some(1)).await;
    bed.sent("oB", Some(2)).await;
    let told =
        |to: &str, sign, at| Interaction { account: bed.account, openid: openid(to), sign, at: after_s(at) };

    bed.store.interact(vec![told("oA", Sign::Left, 60), told("oA", Sign::Left, 61)]).await.unwrap();
    bed.store.interact(vec![told("oB", Sign::OptedOut(None), 62), told("oC", Sign::Left, 63)]).await.unwrap();
    bed.store.interact(vec![told("oB", Sign::OptedOut(None), 64)]).await.unwrap();

    let signals = today(bed).await;
    assert_eq!((signals.unsubscribed, signals.opted_out), (1, 1));
    let known = bed.store.recipients(vec![(bed.account, openid("oB"))]).await.unwrap().pop().unwrap();
    assert_eq!(
        (known.suppressions()[0].reason, known.suppressions()[0].since),
        (Reason::OptedOut, after_s(62))
    );
}

/// Accepted now, sent on the fifth day after.
async fn planned_ahead(bed: &Bed, to: &str) -> hongyan_domain::MessageId {
    let id = bed.accepted(to).await;
    let outcome = Outcome::Sent { msgid: Some(1), how: SentAs::Accepted };
    bed.answer(id, standing(State::Claimed, 0), outcome, after_s(5 * DAY_S)).await;
    id
}

pub(crate) async fn what_was_planned_far_ahead_is_blamed_blocked_and_looked_at_too(bed: &Bed) {
    let id = planned_ahead(bed, "oA").await;
    let day = after_s(5 * DAY_S).day();

    let left = Interaction {
        account: bed.account,
        openid: openid("oA"),
        sign: Sign::Left,
        at: after_s(5 * DAY_S + 60),
    };
    bed.store.interact(vec![left]).await.unwrap();
    let page = vec![blocked(1, "oA", 5 * DAY_S)];
    let written = bed.store.put_blocked((bed.account, "T1"), page, after_s(5 * DAY_S + 90)).await.unwrap();
    let (rows, _) = bed.store.sent_on(bed.account, day, None, 10).await.unwrap();

    let risk = bed.store.risk(Some(bed.account), day..day + 1).await.unwrap();
    assert_eq!((risk[0].signals.unsubscribed, written.joined), (1, 1));
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
}

pub(crate) async fn a_day_is_paged_from_what_was_planned_to_what_was_not(bed: &Bed) {
    let mut ids = vec![planned_ahead(bed, "oA").await, planned_ahead(bed, "oB").await];
    let at = after_s(5 * DAY_S);
    let recent = NewMessage { id: bed.id_at(at), accepted_at: at, due_at: at, ..bed.draft_to("oC") };
    ids.push(recent.id);
    bed.store.accept(vec![recent]).await.unwrap();
    let outcome = Outcome::Sent { msgid: Some(9), how: SentAs::Accepted };
    bed.answer(ids[2], standing(State::Claimed, 0), outcome, at).await;

    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (rows, last) = bed.store.sent_on(bed.account, at.day(), after, 1).await.unwrap();
        seen.extend(rows.iter().map(|row| row.id));
        after = last;
        if after.is_none() {
            break;
        }
    }

    assert_eq!(seen, ids);
}

pub(crate) async fn a_brake_is_pulled_once_released_once_and_both_change_the_revision(bed: &Bed) {
    let before = bed.store.revision().await.unwrap();

    let id = bed.store.pull_brake(draft(bed), NOW).await.unwrap().unwrap();
    let twice = bed.store.pull_brake(draft(bed), NOW).await.unwrap();
    let pulled = bed.store.revision().await.unwrap();
    let released = bed.store.release_brake(id, REASON, Signals::default(), after_s(9)).await.unwrap();
    let again = bed.store.release_brake(id, REASON, Signals::default(), after_s(9)).await.unwrap();

    assert_eq!((twice, released, again), (None, true, false));
    assert!(before < pulled && pulled < bed.store.revision().await.unwrap());
    assert!(bed.store.brakes(Brakes::On).await.unwrap().is_empty());
    let kept = bed.store.brake(id).await.unwrap().unwrap();
    assert_eq!(bed.store.brakes(Brakes::All).await.unwrap(), std::slice::from_ref(&kept));
    assert_eq!((kept.reason.as_deref(), kept.released_at), (Some(REASON), Some(after_s(9))));
    assert!(bed.store.pull_brake(draft(bed), after_s(10)).await.unwrap().is_some());
}

pub(crate) async fn what_a_brake_holds_waits_and_is_woken(bed: &Bed) {
    let _own = bed.own().await;
    let mut policies = Policies::off();
    policies.brake("T1");
    let mut new = bed.draft_to("oA");
    new.expires_at = Some(after_s(86_400));
    let (id, ready) = (new.id, [new.ready()]);
    bed.store.accept(vec![new]).await.unwrap();
    let brake = bed.store.pull_brake(draft(bed), NOW).await.unwrap().unwrap();

    let answers = bed.store.claim(&[bed.claim_of(bed.claim_id(), &ready, &policies)]).await.unwrap();
    bed.store.release_brake(brake, REASON, Signals::default(), after_s(9)).await.unwrap();
    let releasing = bed.store.brakes(Brakes::Releasing).await.unwrap();

    assert!(matches!(answers[0], Claimed::Moved(to) if to.due_at == Some(after_s(86_400))));
    assert_eq!(bed.state(id).await, State::Pending);
    assert_eq!(bed.store.wake_braked(&releasing[0], 10, after_s(10)).await.unwrap(), 1);
    let woken = bed.store.scheduled_promote(after_s(10), 10).await.unwrap();
    assert_eq!((woken.len(), woken[0].deadline_at), (1, after_s(60)));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn what_is_held_after_the_first_waking_is_woken_too(bed: &Bed) {
    let brake = bed.store.pull_brake(draft(bed), NOW).await.unwrap().unwrap();
    bed.store.release_brake(brake, REASON, Signals::default(), after_s(9)).await.unwrap();
    let releasing = bed.store.brakes(Brakes::Releasing).await.unwrap().remove(0);
    assert_eq!(bed.store.wake_braked(&releasing, 10, after_s(10)).await.unwrap(), 0);
    // Judged before the release, committed after the first waking.
    let until = after_s(86_400);
    let mut late = NewMessage { due_at: until, expires_at: Some(until), ..bed.draft_to("oA") };
    late.verdicts.push(Heard { verdict: Verdict::Hold { until, rule: Rule::Brake }, observed: false });
    bed.store.accept(vec![late]).await.unwrap();

    assert_eq!(bed.store.brakes(Brakes::Releasing).await.unwrap().len(), 1);
    assert_eq!(bed.store.wake_braked(&releasing, 10, after_s(20)).await.unwrap(), 1);
    let woken = bed.store.scheduled_promote(after_s(20), 10).await.unwrap();
    assert_eq!((woken.len(), woken[0].deadline_at), (1, after_s(60)));
    assert_eq!(bed.store.wake_braked(&releasing, 10, after_s(9 + 60)).await.unwrap(), 0);
    assert!(bed.store.brakes(Brakes::Releasing).await.unwrap().is_empty());
}

pub(crate) async fn a_brake_pulled_again_keeps_what_the_one_before_held(bed: &Bed) {
    let brake = bed.store.pull_brake(draft(bed), NOW).await.unwrap().unwrap();
    let until = after_s(86_400);
    let mut held = NewMessage { due_at: until, expires_at: Some(until), ..bed.draft_to("oA") };
    held.verdicts.push(Heard { verdict: Verdict::Hold { until, rule: Rule::Brake }, observed: false });
    bed.store.accept(vec![held]).await.unwrap();
    bed.store.release_brake(brake, REASON, Signals::default(), after_s(9)).await.unwrap();
    let releasing = bed.store.brakes(Brakes::Releasing).await.unwrap().remove(0);

    bed.store.pull_brake(draft(bed), after_s(10)).await.unwrap();

    assert_eq!(bed.store.wake_braked(&releasing, 10, after_s(11)).await.unwrap(), 0);
    assert!(bed.store.brakes(Brakes::Releasing).await.unwrap().is_empty());
}

pub(crate) async fn a_day_is_looked_at_page_by_page_and_its_report_is_kept(bed: &Bed) {
    for number in 0..5 {
        bed.sent("oA", Some(number + 1)).await;
    }
    bed.accepted("oB").await;

    let (first, last) = bed.store.sent_on(bed.account, NOW.day(), None, 3).await.unwrap();
    let (second, end) = bed.store.sent_on(bed.account, NOW.day(), last, 4).await.unwrap();
    let (other, _) = bed.store.sent_on(bed.account, NOW.day() + 1, None, 10).await.unwrap();
    bed.store.put_report(bed.account, NOW.day(), "{}".to_owned(), NOW).await.unwrap();

    assert_eq!((first.len(), second.len(), end, other.len()), (3, 2, None, 0));
    assert!(first.iter().all(|row| row.content.is_some() && row.person == first[0].person));
    assert_eq!(bed.store.reported(NOW.day()).await.unwrap(), [bed.account]);
    assert_eq!(bed.store.report(bed.account, NOW.day()).await.unwrap().unwrap().body, "{}");
}

pub(crate) async fn compliance_is_purged_by_age_and_erased_by_person(bed: &Bed) {
    bed.sent("oA", Some(1)).await;
    bed.store.put_blocked((bed.account, "T1"), vec![blocked(1, "oA", 1)], after_s(2)).await.unwrap();
    let by_person = complaint(About::Person(openid("oA")), Some("of oA"));
    bed.store.complain(bed.account, vec![by_person], None, after_s(61)).await.unwrap();

    let held = bed.store.export_recipient((bed.account, &openid("oA")), None, 10, NOW).await.unwrap();
    bed.store.erase_recipient(bed.account, &openid("oA"), after_s(70)).await.unwrap();
    let erased = bed.store.export_recipient((bed.account, &openid("oA")), None, 10, NOW).await.unwrap();

    assert_eq!((held.complaints.len(), erased.complaints.len()), (1, 0));
    let kept = bed.store.complaints(bed.account, None, 10).await.unwrap().items;
    assert_eq!((kept.len(), kept[0].reference.as_deref()), (1, None));
    let all = after_s(100 * 86_400);
    let before = ComplianceBefore { blocked: all, complaints: all, counts: all };
    assert_eq!(bed.store.purge_compliance(before, 10).await.unwrap(), 4);
    assert_eq!(bed.store.purge_compliance(before, 10).await.unwrap(), 0);
    assert_eq!(today(bed).await, Signals::default());
}
