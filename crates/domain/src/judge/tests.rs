use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::policy::{Notice, Over, QuietHoursRule, TimeOfDay};
use crate::recipient::{Reason, Suppression};

/// A Monday noon in Shanghai.
const NOON: Timestamp = Timestamp::from_ms(1_795_406_400_000);

fn hours(hours: i64) -> Timestamp {
    Timestamp::from_ms(NOON.ms() + hours * 3_600_000)
}

fn asked(category: Category) -> Asked<'static> {
    Asked { category, scenario: None, basis: None, fingerprint: 1 }
}

fn service() -> (Policy, Asked<'static>) {
    (Policy::house(Category::Service), asked(Category::Service))
}

/// Judges, and takes when it may go.
fn send(policy: &Policy, person: &mut Recipient, asked: &Asked<'_>, at: Timestamp) -> Verdict {
    let judgement = judge(policy, person, asked, at);
    if judgement.verdict == Verdict::Send {
        person.take(policy, asked, judgement.taken);
    }
    judgement.verdict
}

/// Sends different contents one after the other until one may not go.
fn sends(policy: &Policy, person: &mut Recipient, asked: &Asked<'_>, at: Timestamp) -> u64 {
    let fits = |fingerprint: &u64| {
        let asked = Asked { fingerprint: *fingerprint, ..*asked };
        send(policy, person, &asked, at) == Verdict::Send
    };
    (1000..1010).take_while(fits).count() as u64
}

#[test]
fn each_window_lets_through_what_the_table_says() {
    use InteractionKind::{MenuClick, Message, Payment, ScanSubscribe};
    let mut policy = Policy::house(Category::Service);
    policy.set_mode(Rule::Frequency, Mode::Off);
    let table = [
        (Payment, 0, 10),
        (Payment, 24 * 3_650, 10),
        (MenuClick, 0, 3),
        (MenuClick, 7 * 24 - 1, 3),
        (MenuClick, 7 * 24, 0),
        (Message, 7 * 24 - 1, 3),
        (Message, 7 * 24, 0),
        (ScanSubscribe, 0, 1),
        (ScanSubscribe, 47, 1),
        (ScanSubscribe, 48, 0),
    ];

    for (kind, hours_ago, count) in table {
        let mut person = Recipient::default();
        person.acted(kind, hours(-hours_ago));
        assert_eq!(
            sends(&policy, &mut person, &asked(Category::Service), NOON),
            count,
            "{kind:?}, {hours_ago} h"
        );
    }
}

#[test]
fn who_never_acted_is_not_reached() {
    let (policy, asked) = service();

    let judgement = judge(&policy, &Recipient::default(), &asked, NOON);

    assert_eq!(judgement.verdict, Verdict::Refuse { rule: Rule::Reach, until: None });
}

#[test]
fn a_message_that_proves_a_payment_goes_and_is_not_counted() {
    let (mut policy, asked) = service();
    policy.set_mode(Rule::Repeat, Mode::Off);
    let mut person = Recipient::default();
    let paid = Asked { basis: Some(InteractionKind::Payment), ..asked };
    person = person.proving(InteractionKind::Payment, NOON);

    assert_eq!(sends(&policy, &mut person, &paid, NOON), 10);
    assert_eq!(sends(&policy, &mut person, &asked, NOON), 3);
}

#[test]
fn a_window_used_up_for_the_day_tells_when_it_has_room_again() {
    let (mut policy, asked) = service();
    policy.set_mode(Rule::Frequency, Mode::Off);
    let mut person = Recipient::default();
    person.acted(InteractionKind::MenuClick, hours(-1));
    assert_eq!(sends(&policy, &mut person, &asked, NOON), 3);

    let verdict = judge(&policy, &person, &asked, NOON).verdict;

    assert_eq!(verdict, Verdict::Refuse { rule: Rule::Reach, until: Some(NOON.next_day()) });
    assert_eq!(sends(&policy, &mut person, &asked, NOON.next_day()), 3);
}

#[test]
fn the_next_scan_opens_a_used_up_window_anew() {
    let (mut policy, asked) = service();
    policy.set_mode(Rule::Frequency, Mode::Off);
    policy.set_mode(Rule::Repeat, Mode::Off);
    let mut person = Recipient::default();
    person.acted(InteractionKind::ScanSubscribe, hours(-2));
    assert_eq!(sends(&policy, &mut person, &asked, NOON), 1);

    person.acted(InteractionKind::ScanSubscribe, NOON);

    assert_eq!(sends(&policy, &mut person, &asked, NOON), 1);
}

#[test]
fn caps_count_what_they_name_over_the_stretch_they_name() {
    let day = |over, limit| Cap { per: Per::Day, over, limit };
    let week = |over, limit| Cap { per: Per::Week, over, limit };
    let table: [(&[Cap], u64, Option<Timestamp>); 6] = [
        (&[], 10, None),
        (&[day(Over::All, 0)], 0, None),
        (&[day(Over::All, 3)], 3, Some(NOON.next_day())),
        (&[week(Over::All, 5)], 5, Some(NOON.next_week())),
        (&[day(Over::All, 3), day(Over::Category, 1)], 1, Some(NOON.next_day())),
        (&[day(Over::Scenario, 2), week(Over::All, 2)], 2, Some(NOON.next_week())),
    ];

    for (caps, count, until) in table {
        let (mut policy, asked) = service();
        policy.set_mode(Rule::Reach, Mode::Off);
        policy.frequency.caps = caps.to_vec();
        let mut person = Recipient::default();
        assert_eq!(sends(&policy, &mut person, &asked, NOON), count, "{caps:?}");
        if count < 10 {
            let verdict = judge(&policy, &person, &asked, NOON).verdict;
            assert_eq!(verdict.until(), until, "{caps:?}");
        }
    }
}

#[test]
fn a_cap_that_holds_lets_go_when_its_stretch_is_over() {
    let (mut policy, asked) = service();
    policy.set_mode(Rule::Reach, Mode::Off);
    policy.frequency.exceeded = Exceeded::Hold;
    let mut person = Recipient::default();
    assert_eq!(sends(&policy, &mut person, &asked, NOON), 3);

    let verdict = judge(&policy, &person, &asked, NOON).verdict;

    assert_eq!(verdict, Verdict::Hold { until: NOON.next_day(), rule: Rule::Frequency });
    assert_eq!(send(&policy, &mut person, &asked, NOON.next_day()), Verdict::Send);
}

#[test]
fn scenarios_and_categories_are_counted_apart() {
    let mut policy = Policy::off();
    policy.frequency.mode = Mode::Enforce;
    policy.frequency.caps = vec![
        Cap { per: Per::Day, over: Over::Scenario, limit: 1 },
        Cap { per: Per::Day, over: Over::Category, limit: 2 },
    ];
    let mut person = Recipient::default();
    let of = |scenario, category| Asked { scenario: Some(scenario), ..asked(category) };

    assert_eq!(send(&policy, &mut person, &of("paid", Category::Service), NOON), Verdict::Send);
    assert_ne!(send(&policy, &mut person, &of("paid", Category::Service), NOON), Verdict::Send);
    assert_eq!(send(&policy, &mut person, &of("shipped", Category::Service), NOON), Verdict::Send);
    assert_ne!(send(&policy, &mut person, &of("signed", Category::Service), NOON), Verdict::Send);
    assert_eq!(send(&policy, &mut person, &of("coupon", Category::Marketing), NOON), Verdict::Send);
}

#[test]
fn the_same_content_goes_again_only_after_a_minute() {
    let (policy, asked) = service();
    let mut person = Recipient::default();
    person.acted(InteractionKind::MenuClick, NOON);
    let second = |seconds: u64| NOON.plus(Duration::from_secs(seconds));

    assert_eq!(send(&policy, &mut person, &asked, NOON), Verdict::Send);
    let refused = Verdict::Refuse { rule: Rule::Repeat, until: Some(second(60)) };
    assert_eq!(send(&policy, &mut person, &asked, second(59)), refused);
    assert_eq!(send(&policy, &mut person, &asked, second(60)), Verdict::Send);
}

#[test]
fn a_suppression_holds_for_its_category_and_its_time() {
    let (policy, asked) = service();
    let suppressed = |category, until| {
        let mut person = Recipient::default();
        person.acted(InteractionKind::Payment, NOON);
        person.suppress(Suppression { reason: Reason::Manual, category, since: NOON, until, source: None });
        judge(&policy, &person, &asked, NOON).verdict
    };
    let refused = |until| Verdict::Refuse { rule: Rule::Suppression, until };

    assert_eq!(suppressed(None, None), refused(None));
    assert_eq!(suppressed(None, Some(hours(1))), refused(Some(hours(1))));
    assert_eq!(suppressed(None, Some(NOON)), Verdict::Send);
    assert_eq!(suppressed(Some(Category::Service), None), refused(None));
    assert_eq!(suppressed(Some(Category::Marketing), None), Verdict::Send);
}

#[test]
fn a_refusal_goes_before_a_hold_and_observed_rules_only_speak() {
    let mut policy = Policy::house(Category::Marketing);
    let asked = asked(Category::Marketing);
    let night: Timestamp = serde_json::from_value(json!("2026-11-23T23:00:00+08:00")).unwrap();
    let nobody = Recipient::default();

    assert_eq!(judge(&policy, &nobody, &asked, night).verdict.rule(), Some(Rule::Reach));
    policy.set_mode(Rule::Reach, Mode::Observe);
    let judgement = judge(&policy, &nobody, &asked, night);
    assert_eq!(judgement.verdict.rule(), Some(Rule::QuietHours));
    assert_eq!(judgement.observed, [Verdict::Refuse { rule: Rule::Reach, until: None }]);
    policy.set_mode(Rule::QuietHours, Mode::Off);
    assert_eq!(judge(&policy, &nobody, &asked, night).verdict, Verdict::Send);
}

fn at(text: &str) -> Timestamp {
    serde_json::from_value(json!(text)).unwrap()
}

#[test]
fn days_and_weeks_begin_in_shanghai() {
    let day = |limit| vec![Cap { per: Per::Day, over: Over::All, limit }];
    let week = |limit| vec![Cap { per: Per::Week, over: Over::All, limit }];
    let table = [
        (
            "one a day, a second before midnight and after it",
            day(1),
            "2026-11-24T23:59:59+08:00",
            "2026-11-25T00:00:00+08:00",
            true,
        ),
        (
            "one a day, both on one day of Shanghai and on two of UTC",
            day(1),
            "2026-11-24T07:59:59+08:00",
            "2026-11-24T08:00:01+08:00",
            false,
        ),
        (
            "one a week, Sunday night and Monday morning",
            week(1),
            "2026-11-29T23:59:59+08:00",
            "2026-11-30T00:00:00+08:00",
            true,
        ),
        (
            "one a week, Monday and Sunday",
            week(1),
            "2026-11-23T00:00:00+08:00",
            "2026-11-29T23:59:59+08:00",
            false,
        ),
        (
            "one a week, over the end of a year",
            week(1),
            "2026-12-31T12:00:00+08:00",
            "2027-01-03T12:00:00+08:00",
            false,
        ),
    ];

    for (name, caps, first, second, may) in table {
        let (mut policy, asked) = service();
        policy.set_mode(Rule::Reach, Mode::Off);
        policy.frequency.caps = caps;
        let mut person = Recipient::default();
        assert_eq!(send(&policy, &mut person, &asked, at(first)), Verdict::Send, "{name}");
        let second = send(&policy, &mut person, &Asked { fingerprint: 2, ..asked }, at(second));
        assert_eq!(second == Verdict::Send, may, "{name}: {second:?}");
    }
}

#[test]
fn no_limit_and_a_limit_of_none_are_two_things() {
    let window = |valid_hours, per_day, in_all| Window {
        kinds: vec![InteractionKind::MenuClick],
        valid_hours,
        per_day,
        in_all,
        notice: Notice::Normal,
    };
    let table = [
        (window(None, None, None), 10),
        (window(None, Some(0), None), 0),
        (window(None, None, Some(0)), 0),
        (window(None, Some(2), Some(1)), 1),
        (window(None, Some(1), Some(2)), 1),
        (window(Some(0), None, None), 0),
        (window(Some(1), Some(2), None), 2),
    ];

    for (window, count) in table {
        let (mut policy, asked) = service();
        policy.set_mode(Rule::Frequency, Mode::Off);
        policy.reach.windows = vec![window.clone()];
        let mut person = Recipient::default();
        person.acted(InteractionKind::MenuClick, NOON);
        assert_eq!(sends(&policy, &mut person, &asked, NOON), count, "{window:?}");
    }
}

/// A message that proves a scan tells of a new one, as the event would: the window that the last one used up opens anew.
#[test]
fn a_basis_opens_a_window_that_is_closed_and_one_that_is_used_up() {
    let (mut policy, asked) = service();
    [Rule::Frequency, Rule::Repeat].iter().for_each(|rule| policy.set_mode(*rule, Mode::Off));
    let (mut long_ago, mut just_now) = (Recipient::default(), Recipient::default());
    long_ago.acted(InteractionKind::MenuClick, hours(-8 * 24));
    just_now.acted(InteractionKind::ScanSubscribe, hours(-1));
    assert_eq!(sends(&policy, &mut just_now, &asked, NOON), 1);

    let mut clicked = long_ago.proving(InteractionKind::MenuClick, NOON);
    let mut scanned = just_now.proving(InteractionKind::ScanSubscribe, NOON);

    assert_eq!(sends(&policy, &mut clicked, &asked, NOON), 3);
    assert_eq!(sends(&policy, &mut scanned, &asked, NOON), 1);
}

#[test]
fn a_basis_alone_does_not_bring_back_who_left() {
    let (policy, asked) = service();
    let mut person = Recipient::default();
    let left = Suppression {
        reason: Reason::Unsubscribed,
        category: None,
        since: hours(-1),
        until: None,
        source: None,
    };
    person.suppress(left);

    let judgement = judge(&policy, &person.proving(InteractionKind::Payment, NOON), &asked, NOON);

    assert_eq!(judgement.verdict.rule(), Some(Rule::Suppression));
}

#[test]
fn a_basis_does_not_outlive_the_window_that_it_opened() {
    let (mut policy, asked) = service();
    policy.set_mode(Rule::Frequency, Mode::Off);
    let clicked = Asked { basis: Some(InteractionKind::MenuClick), ..asked };
    let mut person = Recipient::default();
    person.acted(InteractionKind::MenuClick, NOON);

    assert_eq!(judge(&policy, &person, &clicked, hours(7 * 24 - 1)).verdict, Verdict::Send);
    let refused = Verdict::Refuse { rule: Rule::Reach, until: None };
    assert_eq!(judge(&policy, &person, &clicked, hours(7 * 24)).verdict, refused);
    assert_eq!(judge(&policy, &Recipient::default(), &clicked, NOON).verdict, refused);
}

#[test]
fn who_clicked_and_wrote_has_one_window_of_three_a_day() {
    let (mut policy, asked) = service();
    policy.set_mode(Rule::Frequency, Mode::Off);
    let mut person = Recipient::default();
    person.acted(InteractionKind::MenuClick, hours(-2));
    assert_eq!(send(&policy, &mut person, &asked, hours(-1)), Verdict::Send);

    person.acted(InteractionKind::Message, NOON);

    assert_eq!(sends(&policy, &mut person, &asked, NOON), 2);
    let full = Verdict::Refuse { rule: Rule::Reach, until: Some(NOON.next_day()) };
    assert_eq!(judge(&policy, &person, &asked, NOON).verdict, full);
}

#[test]
fn marketing_is_capped_whatever_the_message_proves() {
    let policy = Policy::house(Category::Marketing);
    let paid = Asked { basis: Some(InteractionKind::Payment), ..asked(Category::Marketing) };
    let mut person = Recipient::default();
    person.acted(InteractionKind::Payment, NOON);

    assert_eq!(sends(&policy, &mut person, &paid, NOON), 1);
}

#[test]
fn quiet_hours_end_when_the_table_says() {
    let mut policy = Policy::off();
    policy.quiet_hours = Policy::house(Category::Marketing).quiet_hours;
    let table = [
        ("2026-11-23T21:59:59+08:00", None),
        ("2026-11-23T22:00:00+08:00", Some("2026-11-24T08:00:00+08:00")),
        ("2026-11-23T23:59:59+08:00", Some("2026-11-24T08:00:00+08:00")),
        ("2026-11-24T00:00:00+08:00", Some("2026-11-24T08:00:00+08:00")),
        ("2026-11-24T07:59:59+08:00", Some("2026-11-24T08:00:00+08:00")),
        ("2026-11-24T08:00:00+08:00", None),
        ("2026-12-31T23:00:00+08:00", Some("2027-01-01T08:00:00+08:00")),
    ];

    for (now, until) in table {
        let verdict = judge(&policy, &Recipient::default(), &asked(Category::Marketing), at(now)).verdict;
        assert_eq!(verdict.until(), until.map(at), "{now}: {verdict:?}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send { marketing: bool, fingerprint: u64 },
    Fail(prop::sample::Index),
    Act(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (any::<bool>(), 0..6_u64).prop_map(|(marketing, fingerprint)| Step::Send { marketing, fingerprint }),
        2 => any::<prop::sample::Index>().prop_map(Step::Fail),
        1 => (0..4_usize).prop_map(Step::Act),
        2 => (0..40_000_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn never_more_reach_a_person_in_a_day_than_the_caps_allow(steps in steps()) {
        let mut person = Recipient::default();
        let mut now = NOON;
        let mut reached: Vec<(Category, u64, Taken)> = Vec::new();
        for step in steps {
            match step {
                Step::Send { marketing, fingerprint } => {
                    let category = if marketing { Category::Marketing } else { Category::Service };
                    let (policy, asked) = (Policy::house(category), Asked { fingerprint, ..asked(category) });
                    let judgement = judge(&policy, &person, &asked, now);
                    if judgement.verdict == Verdict::Send {
                        person.take(&policy, &asked, judgement.taken);
                        reached.push((category, fingerprint, judgement.taken));
                    }
                }
                Step::Fail(which) if !reached.is_empty() => {
                    let (category, fingerprint, taken) = reached.swap_remove(which.index(reached.len()));
                    person.give_back(&Asked { fingerprint, ..asked(category) }, taken);
                }
                Step::Fail(_) => {}
                Step::Act(kind) => person.acted(InteractionKind::ALL[kind], now),
                Step::Wait(seconds) => now = now.plus(Duration::from_secs(seconds)),
            }
            let today = reached.iter().filter(|(_, _, taken)| taken.at.day() == now.day());
            let marketing = today.clone().filter(|(category, ..)| *category == Category::Marketing);
            prop_assert!(today.count() <= 3);
            prop_assert!(marketing.count() <= 1);
        }
    }

    #[test]
    fn what_is_given_back_leaves_room_for_as_much(kinds in prop::collection::vec(0..4_usize, 1..4), fails in 1..5_u64) {
        let (policy, asked) = service();
        let mut person = Recipient::default();
        kinds.iter().for_each(|kind| person.acted(InteractionKind::ALL[*kind], hours(-1)));
        let before = person.clone();
        let room = sends(&policy, &mut before.clone(), &asked, NOON);
        for fingerprint in 0..fails.min(room) {
            let asked = Asked { fingerprint, ..asked };
            let taken = judge(&policy, &person, &asked, NOON).taken;
            person.take(&policy, &asked, taken);
            person.give_back(&asked, taken);
        }
        prop_assert_eq!(sends(&policy, &mut person, &asked, NOON), room);
    }

    #[test]
    fn a_held_or_refused_message_may_go_when_it_is_told(steps in steps(), hour in 0..24_i64) {
        let policy = Policy::house(Category::Marketing);
        let asked = Asked { fingerprint: 77, ..asked(Category::Marketing) };
        let mut person = Recipient::default();
        person.acted(InteractionKind::Payment, NOON);
        for step in steps {
            if let Step::Send { fingerprint, .. } = step {
                send(&policy, &mut person, &Asked { fingerprint, ..asked }, hours(hour));
            }
        }
        let mut at = hours(hour);
        for _ in 0..4 {
            match judge(&policy, &person, &asked, at).verdict.until() {
                Some(until) => { prop_assert!(until > at); at = until }
                None => break,
            }
        }
        prop_assert_eq!(judge(&policy, &person, &asked, at).verdict, Verdict::Send);
    }
}

#[test]
fn an_edited_table_of_windows_is_obeyed() {
    let (mut policy, asked) = service();
    policy.set_mode(Rule::Frequency, Mode::Off);
    policy.reach.windows = vec![Window {
        kinds: vec![InteractionKind::MenuClick],
        valid_hours: Some(1),
        per_day: None,
        in_all: Some(2),
        notice: Notice::Weak,
    }];
    let mut person = Recipient::default();
    person.acted(InteractionKind::Payment, NOON);
    assert_eq!(sends(&policy, &mut person, &asked, NOON), 0);

    person.acted(InteractionKind::MenuClick, NOON);

    assert_eq!(sends(&policy, &mut person, &asked, NOON), 2);
    assert_eq!(judge(&policy, &person, &asked, hours(1)).verdict.rule(), Some(Rule::Reach));
}

#[test]
fn what_is_said_of_the_words_counts_as_the_rule_says() {
    let until = hours(48);
    let hold = Verdict::Hold { until, rule: Rule::Content };
    let refuse = Verdict::Refuse { rule: Rule::Content, until: None };
    let cases = [
        (Wording::Clean, Doubtful::Refuse, Verdict::Send),
        (Wording::Doubtful { until }, Doubtful::Allow, Verdict::Send),
        (Wording::Doubtful { until }, Doubtful::Hold, hold),
        (Wording::Doubtful { until }, Doubtful::Refuse, refuse),
        (Wording::Forbidden, Doubtful::Allow, refuse),
    ];
    for (wording, doubtful, expected) in cases {
        let mut policy = Policy::off();
        policy.content = ContentRule { mode: Mode::Enforce, doubtful };
        let ask = |policy: &Policy| {
            judge_worded(policy, &Recipient::default(), &asked(Category::Service), wording, NOON)
        };

        assert_eq!(ask(&policy).verdict, expected, "{wording:?} {doubtful:?}");
        policy.content.mode = Mode::Observe;
        let heard: Vec<_> = [expected].into_iter().filter(|verdict| *verdict != Verdict::Send).collect();
        assert_eq!((ask(&policy).verdict, ask(&policy).observed), (Verdict::Send, heard));
        policy.content.mode = Mode::Off;
        assert_eq!((ask(&policy).verdict, ask(&policy).observed), (Verdict::Send, vec![]));
    }
}

#[test]
fn a_persons_word_is_waited_for_however_long_time_holds() {
    let mut policy = Policy::off();
    policy.content = ContentRule { mode: Mode::Enforce, doubtful: Doubtful::Hold };
    policy.quiet_hours =
        QuietHoursRule { mode: Mode::Enforce, from: TimeOfDay::of(11, 0), to: TimeOfDay::of(10, 0) };
    let wording = Wording::Doubtful { until: hours(1) };

    let verdict =
        judge_worded(&policy, &Recipient::default(), &asked(Category::Service), wording, NOON).verdict;

    assert_eq!(verdict, Verdict::Hold { until: hours(1), rule: Rule::Content });
}
