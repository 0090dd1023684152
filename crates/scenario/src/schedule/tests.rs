//! Lateness as tables, around each edge.

use proptest::prelude::*;

use super::*;
use crate::scenario::{Merge, MergeBy};

const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const MS: Duration = Duration::from_millis(1);

fn scenario(timing: Timing, tolerance: Duration, when_late: WhenLate) -> Scenario {
    let json = r#"{"name":"s","title":"t","category":"service"}"#;
    let scenario = serde_json::from_str(json).unwrap();
    Scenario { timing, tolerance, when_late, ..scenario }
}

fn payment(when_late: WhenLate) -> Scenario {
    scenario(Timing::Once, MINUTE, when_late)
}

fn logistics() -> Scenario {
    scenario(Timing::Within(10 * MINUTE), 30 * MINUTE, WhenLate::Send)
}

fn appointment(when_late: WhenLate) -> Scenario {
    let timing = Timing::Before { param: "at".to_owned(), by: HOUR };
    scenario(timing, 5 * MINUTE, when_late)
}

/// Due, deadline and end in milliseconds from now.
fn planned(
    scenario: &Scenario,
    occurred_at: Timestamp,
    ahead_of: Option<Timestamp>,
) -> Result<(i64, i64, Option<i64>), FieldCode> {
    let happened = Happened { occurred_at: Some(occurred_at), told_by: None, ahead_of };
    let from_now = |at: Timestamp| at.ms() - NOW.ms();
    match plan(scenario, happened, NOW) {
        Ok(plan) => Ok((from_now(plan.due_at), from_now(plan.deadline_at), plan.expires_at.map(from_now))),
        Err(faults) => Err(faults[0].code),
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}

#[test]
fn at_once_is_late_a_tolerance_after_it_happened() {
    let minute = ms(MINUTE);
    let cases = [
        (WhenLate::Send, NOW, Ok((0, minute, None))),
        (WhenLate::Drop, NOW, Ok((0, minute, Some(minute)))),
        (WhenLate::Send, NOW.minus(2 * MINUTE), Ok((0, -minute, None))),
        (WhenLate::Drop, NOW.minus(MINUTE - MS), Ok((0, 1, Some(1)))),
        (WhenLate::Drop, NOW.minus(MINUTE), Err(FieldCode::TooEarly)),
        (WhenLate::Send, NOW.plus(MINUTE), Ok((0, minute, None))),
    ];

    for (when_late, occurred_at, expected) in cases {
        assert_eq!(planned(&payment(when_late), occurred_at, None), expected, "{when_late:?} {occurred_at}");
    }
}

#[test]
fn within_may_go_at_once_and_is_late_a_tolerance_after_its_end() {
    let minute = ms(MINUTE);

    assert_eq!(planned(&logistics(), NOW, None), Ok((0, 40 * minute, None)));
    assert_eq!(planned(&logistics(), NOW.minus(HOUR), None), Ok((0, -20 * minute, None)));
}

#[test]
fn ahead_of_a_time_waits_for_it_and_never_comes_after_it() {
    let (minute, hour) = (ms(MINUTE), ms(HOUR));
    let cases = [
        // Booked yesterday for three hours from now.
        (
            WhenLate::Send,
            NOW.minus(20 * HOUR),
            NOW.plus(3 * HOUR),
            Ok((2 * hour, 2 * hour + 5 * minute, Some(3 * hour))),
        ),
        (
            WhenLate::Drop,
            NOW.minus(20 * HOUR),
            NOW.plus(3 * HOUR),
            Ok((2 * hour, 2 * hour + 5 * minute, Some(2 * hour + 5 * minute))),
        ),
        // Booked half an hour ahead: the reminder is due with the booking.
        (WhenLate::Drop, NOW, NOW.plus(HOUR / 2), Ok((0, 5 * minute, Some(5 * minute)))),
        // Told of it half an hour ahead though it was booked yesterday.
        (WhenLate::Send, NOW.minus(20 * HOUR), NOW.plus(HOUR / 2), Ok((0, -25 * minute, Some(30 * minute)))),
        (WhenLate::Drop, NOW.minus(20 * HOUR), NOW.plus(HOUR / 2), Err(FieldCode::TooEarly)),
        (WhenLate::Send, NOW, NOW.plus(MS), Ok((0, 5 * minute, Some(1)))),
        (WhenLate::Send, NOW, NOW, Err(FieldCode::TooEarly)),
        (WhenLate::Send, NOW, NOW.minus(HOUR), Err(FieldCode::TooEarly)),
        (WhenLate::Send, NOW, NOW.plus(SEND_AT_MAX_AHEAD).plus(HOUR).plus(MS), Err(FieldCode::TooLate)),
    ];

    for (when_late, occurred_at, at, expected) in cases {
        let appointment = appointment(when_late);
        assert_eq!(
            planned(&appointment, occurred_at, Some(at)),
            expected,
            "{when_late:?} {occurred_at} {at}"
        );
    }
}

#[test]
fn what_is_older_than_max_age_is_no_news() {
    let day = 24 * HOUR;
    let cases = [
        (NOW.minus(day), None),
        (NOW.minus(day).minus(MS), Some(FieldCode::TooEarly)),
        (NOW.plus(5 * MINUTE), None),
        (NOW.plus(5 * MINUTE).plus(MS), Some(FieldCode::TooLate)),
        (Timestamp::from_ms(i64::MIN), Some(FieldCode::TooEarly)),
        (Timestamp::from_ms(i64::MAX), Some(FieldCode::TooLate)),
    ];

    for (occurred_at, code) in cases {
        assert_eq!(planned(&payment(WhenLate::Send), occurred_at, None).err(), code, "{}", occurred_at.ms());
    }
}

#[test]
fn the_first_end_counts() {
    let mut scenario = payment(WhenLate::Send);
    scenario.expires_after = Some(HOUR);

    assert_eq!(planned(&scenario, NOW, None), Ok((0, ms(MINUTE), Some(ms(HOUR)))));
    assert_eq!(planned(&scenario, NOW.minus(HOUR), None), Err(FieldCode::TooEarly));
    scenario.when_late = WhenLate::Drop;
    assert_eq!(planned(&scenario, NOW, None), Ok((0, ms(MINUTE), Some(ms(MINUTE)))));
}

#[test]
fn a_message_that_gathers_waits_for_the_others() {
    let merge = Some(Merge { within: 5 * MINUTE, by: MergeBy::Recipient });
    let minute = ms(MINUTE);

    let once = Scenario { merge, ..payment(WhenLate::Drop) };
    let within = Scenario { merge, ..logistics() };

    assert_eq!(planned(&once, NOW, None), Ok((5 * minute, 6 * minute, Some(6 * minute))));
    assert_eq!(planned(&once, NOW.minus(2 * MINUTE), None), Ok((3 * minute, 4 * minute, Some(4 * minute))));
    assert_eq!(planned(&within, NOW, None), Ok((5 * minute, 40 * minute, None)));
}

fn any_duration() -> impl Strategy<Value = Duration> {
    (1_u64..3 * 86_400).prop_map(Duration::from_secs)
}

fn any_timing() -> impl Strategy<Value = Timing> {
    prop_oneof![
        Just(Timing::Once),
        any_duration().prop_map(Timing::Within),
        any_duration().prop_map(|by| Timing::Before { param: "at".to_owned(), by }),
    ]
}

fn any_scenario() -> impl Strategy<Value = Scenario> {
    let when_late = prop_oneof![Just(WhenLate::Send), Just(WhenLate::Drop)];
    let merge =
        proptest::option::of(any_duration().prop_map(|within| Merge { within, by: MergeBy::Recipient }));
    let ends = proptest::option::of(any_duration());
    (any_timing(), any_duration(), when_late, merge, ends).prop_map(
        |(timing, tolerance, when_late, merge, ends)| {
            let merge = merge.filter(|_| !matches!(timing, Timing::Before { .. }));
            Scenario {
                merge,
                expires_after: ends.map(|end| end + tolerance),
                ..scenario(timing, tolerance, when_late)
            }
        },
    )
}

proptest! {
    #[test]
    fn times_stand_in_their_order(
        scenario in any_scenario(),
        age in -400_000_000_i64..400_000_000,
        ahead in -1_000_000_000_i64..9_000_000_000,
    ) {
        let occurred_at = Timestamp::from_ms(NOW.ms() - age);
        let ahead_of = Timestamp::from_ms(NOW.ms() + ahead);
        let happened = Happened { occurred_at: Some(occurred_at), told_by: None, ahead_of: Some(ahead_of) };
        let Ok(schedule) = plan(&scenario, happened, NOW) else { return Ok(()) };

        prop_assert!(schedule.due_at >= NOW);
        prop_assert!(schedule.deadline_at >= occurred_at.min(NOW).plus(scenario.tolerance));
        if let Some(expires_at) = schedule.expires_at {
            prop_assert!(expires_at > schedule.due_at);
            prop_assert!(scenario.when_late == WhenLate::Send || expires_at <= schedule.deadline_at);
        }
        if let Timing::Before { .. } = scenario.timing {
            prop_assert!(schedule.due_at < ahead_of);
            prop_assert!(schedule.expires_at.is_some_and(|expires_at| expires_at <= ahead_of));
        }
    }

    #[test]
    fn extreme_times_do_not_panic(occurred_at in any::<i64>(), ahead in any::<i64>(), now in any::<i64>(), scenario in any_scenario()) {
        let happened =
            Happened { occurred_at: Some(Timestamp::from_ms(occurred_at)), told_by: None, ahead_of: Some(Timestamp::from_ms(ahead)) };
        if let Err(faults) = plan(&scenario, happened, Timestamp::from_ms(now)) {
            prop_assert!(!faults.is_empty());
        }
    }
}
