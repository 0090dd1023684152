//! Counters over time: equal to the ledger whatever happens, folded or not.

use std::time::Duration;

use hongyan_domain::series::{Answer, Cells, Punctual};
use hongyan_domain::{AccountId, Cause, Lane, Measure, Outcome, Rule, State, Step};
use hongyan_store::{Refusal, SeriesQuery, Whose};

use crate::bed::{Bed, NOW, after_s, draft, standing};

async fn cells(bed: &Bed, whose: Whose, step: Step) -> Cells {
    let query = SeriesQuery { whose, step, since: NOW, until: after_s(1) };
    let mut rows = bed.store.series(query).await.unwrap();
    assert!(rows.len() <= 1, "{rows:?}");
    rows.pop().map(|row| row.cells).unwrap_or_default()
}

async fn own(bed: &Bed, step: Step) -> Cells {
    cells(bed, Whose::Of(vec![bed.account]), step).await
}

fn count(cells: &Cells, measure: Measure) -> i64 {
    cells.iter().filter(|(key, _)| key.measure == measure).map(|(_, cell)| cell.count).sum()
}

async fn fold(bed: &Bed) {
    while bed.store.fold_series().await.unwrap() > 0 {}
}

pub(crate) async fn a_message_is_counted_at_each_of_its_steps(bed: &Bed) {
    bed.sent("oA", Some(1)).await;
    bed.receive(bed.receipt("oA", Some(1))).await;

    let counted = own(bed, Step::Minute).await;

    assert_eq!(count(&counted, Measure::Accepted), 1);
    assert_eq!(count(&counted, Measure::Sent(Punctual::OnTime)), 1);
    assert_eq!(count(&counted, Measure::Tried(Answer::Sent, 0)), 1);
    assert_eq!(count(&counted, Measure::Ended(State::Delivered, None)), 1);
    let delivered = counted.iter().find(|(key, _)| matches!(key.measure, Measure::Ended(..))).unwrap();
    assert_eq!((&*delivered.0.template, delivered.0.lane), ("T1", Some(Lane::Normal)));
    assert_eq!(delivered.1.spread.quantile(0.5), Some(1_920));
}

pub(crate) async fn counters_read_the_same_before_and_after_they_are_folded(bed: &Bed) {
    bed.sent("oA", Some(1)).await;
    bed.accepted("oB").await;
    let before = (own(bed, Step::Hour).await, cells(bed, Whose::All, Step::Day).await);

    fold(bed).await;
    bed.accepted("oC").await;
    bed.sent("oD", Some(2)).await;
    let between = own(bed, Step::Hour).await;
    fold(bed).await;

    assert_eq!(count(&before.0, Measure::Accepted), 2);
    assert_eq!(count(&before.1, Measure::Accepted), 2);
    assert_eq!(count(&between, Measure::Accepted), 4);
    assert_eq!(own(bed, Step::Hour).await, between);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn an_unknown_that_is_delivered_after_all_is_counted_once(bed: &Bed) {
    let id = bed.accepted("oA").await;
    let lost = standing(State::Claimed, 7);
    bed.spoil("UPDATE message SET attempts = 7");
    bed.answer(id, lost, Outcome::Unknown, NOW).await;
    bed.counters_equal_the_ledger().await;

    let late = standing(State::Claimed, 7);
    bed.answer(id, late, Outcome::Sent { msgid: Some(9), how: hongyan_domain::SentAs::Accepted }, NOW).await;
    bed.receive(bed.receipt("oA", Some(9))).await;

    let counted = own(bed, Step::Minute).await;
    assert_eq!(count(&counted, Measure::Ended(State::Unknown, Some(Cause::NoAnswer))), 0);
    assert_eq!(count(&counted, Measure::Ended(State::Delivered, None)), 1);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn an_errcode_is_counted_by_its_template(bed: &Bed) {
    let id = bed.accepted("oA").await;
    let refused = Outcome::Refused { cause: Cause::TemplateInvalid };
    let mut settlement = bed.settlement(id, standing(State::Claimed, 0), &refused, NOW);
    settlement.dispatch.as_mut().unwrap().errcode = Some(40_037);
    bed.store.settle(vec![settlement], vec![]).await.unwrap();

    let counted = own(bed, Step::Day).await;

    let (key, cell) =
        counted.iter().find(|(key, _)| matches!(key.measure, Measure::Tried(_, 40_037))).unwrap();
    assert_eq!((&*key.template, cell.count), ("T1", 1));
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn what_waits_is_counted_by_lane(bed: &Bed) {
    let mut urgent = bed.draft_to("oA");
    urgent.lane = Lane::Urgent;
    bed.store.accept(vec![urgent]).await.unwrap();
    bed.accepted("oB").await;
    bed.sent("oC", Some(1)).await;
    fold(bed).await;

    let waiting = bed.store.waiting().await.unwrap();

    let none = Measure::Waiting(None);
    assert_eq!(waiting, [(bed.account, Lane::Urgent, none, 1), (bed.account, Lane::Normal, none, 1)]);
}

pub(crate) async fn what_the_retention_took_stays_counted(bed: &Bed) {
    bed.sent("oA", Some(1)).await;
    bed.receive(bed.receipt("oA", Some(1))).await;
    fold(bed).await;

    assert_eq!(bed.store.purge(after_s(50), 10, None).await.unwrap(), 1);

    let counted = own(bed, Step::Day).await;
    assert_eq!(count(&counted, Measure::Ended(State::Delivered, None)), 1);
    bed.counters_equal_the_ledger().await;
    fold(bed).await;
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn counters_of_old_minutes_go_and_those_of_days_stay(bed: &Bed) {
    bed.accepted("oA").await;
    fold(bed).await;

    bed.store.purge_series(after_s(60), NOW.minus(Duration::from_secs(86_400))).await.unwrap();

    assert!(own(bed, Step::Minute).await.is_empty());
    assert_eq!(count(&own(bed, Step::Hour).await, Measure::Accepted), 1);
    assert_eq!(count(&own(bed, Step::Day).await, Measure::Accepted), 1);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_deleted_account_takes_its_counters_with_it(bed: &Bed) {
    let other = bed.store.put_account(draft("wx2"), NOW).await.unwrap().id;
    let mut new = bed.draft_to("oA");
    new.account = other;
    bed.store.accept(vec![new]).await.unwrap();

    bed.store.delete_account(other, NOW).await.unwrap();
    fold(bed).await;

    assert!(cells(bed, Whose::Of(vec![other]), Step::Day).await.is_empty());
    assert_eq!(count(&cells(bed, Whose::All, Step::Day).await, Measure::Accepted), 1);
}

pub(crate) async fn a_counter_that_differs_is_named(bed: &Bed) {
    bed.accepted("oA").await;
    fold(bed).await;

    bed.spoil("DELETE FROM series WHERE step = 'day' AND account = 1");

    let differences = bed.store.check_tally().await.unwrap();
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].row.contains("day") && differences[0].row.contains("Accepted"));
    assert_eq!((differences[0].counted, differences[0].found), (0, 1));
}

pub(crate) async fn refusals_at_the_door_are_counted(bed: &Bed) {
    let refusal = Refusal {
        account: bed.account,
        rule: Rule::Frequency,
        template: "T1".into(),
        scenario: "".into(),
        lane: Lane::Normal,
    };

    bed.store.count_refusals(vec![(refusal, 3)], NOW).await.unwrap();

    let counted = cells(bed, Whose::Of(vec![AccountId(1)]), Step::Minute).await;
    assert_eq!(count(&counted, Measure::Refused(Rule::Frequency)), 3);
    bed.counters_equal_the_ledger().await;
}
