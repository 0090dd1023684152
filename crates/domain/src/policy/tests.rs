use serde_json::{Map, Value, json};

use super::*;
use crate::{FieldCode, Lang};

fn at(text: &str) -> Timestamp {
    serde_json::from_value(json!(text)).unwrap()
}

fn change(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[test]
fn quiet_hours_end_in_the_morning_after_they_began() {
    let rule = Policy::house(Category::Marketing).quiet_hours;
    let table = [
        ("2026-11-23T21:59:59.999+08:00", None),
        ("2026-11-23T22:00:00+08:00", Some("2026-11-24T08:00:00+08:00")),
        ("2026-11-23T23:59:59.999+08:00", Some("2026-11-24T08:00:00+08:00")),
        ("2026-11-24T00:00:00+08:00", Some("2026-11-24T08:00:00+08:00")),
        ("2026-11-24T07:59:59.999+08:00", Some("2026-11-24T08:00:00+08:00")),
        ("2026-11-24T08:00:00+08:00", None),
    ];

    for (time, end) in table {
        assert_eq!(rule.end_after(at(time)), end.map(at), "{time}");
    }
}

#[test]
fn quiet_hours_within_a_day_end_on_that_day() {
    let rule = QuietHoursRule { mode: Mode::Enforce, from: TimeOfDay::of(12, 0), to: TimeOfDay::of(14, 30) };

    assert_eq!(rule.end_after(at("2026-11-23T13:00:00+08:00")), Some(at("2026-11-23T14:30:00+08:00")));
    assert_eq!(rule.end_after(at("2026-11-23T14:30:00+08:00")), None);
    assert_eq!(rule.end_after(at("2026-11-23T23:00:00+08:00")), None);
}

#[test]
fn a_change_replaces_what_it_names_and_nothing_else() {
    let house = Policy::house(Category::Service);

    let changed = house.patched(Rule::Frequency, &change(&json!({"mode": "observe"}))).unwrap();

    assert_eq!(changed.frequency.mode, Mode::Observe);
    assert_eq!(changed.frequency.caps, house.frequency.caps);
    assert_eq!(changed.reach, house.reach);
}

#[test]
fn every_fault_of_a_change_is_told_with_its_key() {
    let house = Policy::house(Category::Marketing);
    let table = [
        (Rule::Reach, json!({"windows": [{"kind": "wink"}]}), vec!["windows"]),
        (Rule::Reach, json!({"mode": "maybe", "windows": 3}), vec!["mode", "windows"]),
        (Rule::Frequency, json!({"cap": []}), vec!["cap"]),
        (Rule::Frequency, json!({"caps": [{"per": "day", "over": "all", "limit": -1}]}), vec!["caps"]),
        (Rule::Repeat, json!({"within_s": 86_401}), vec!["within_s"]),
        (Rule::QuietHours, json!({"from": "24:00"}), vec!["from"]),
        (Rule::QuietHours, json!({"from": "08:00"}), vec!["to"]),
        (Rule::Suppression, json!({"mode": null}), vec!["mode"]),
    ];

    for (rule, given, fields) in table {
        let faults = house.patched(rule, &change(&given)).unwrap_err();
        let found: Vec<_> = faults.iter().map(|fault| fault.field.as_ref()).collect();
        assert_eq!(found, fields, "{given}");
    }
}

#[test]
fn a_kind_of_interaction_opens_one_window_and_a_window_is_opened_by_one_at_least() {
    let window = |key: &str, opens: Value| {
        let mut window = json!({"valid_hours": null, "per_day": null, "in_all": null, "notice": "strong"});
        window[key] = opens;
        window
    };
    let payment = window("kind", json!("payment"));
    let table = [
        (json!([payment, payment]), FieldCode::Doubled),
        (json!([payment, window("kinds", json!(["message", "payment"]))]), FieldCode::Doubled),
        (json!([window("kinds", json!(["message", "message"]))]), FieldCode::Doubled),
        (json!([window("kinds", json!([]))]), FieldCode::Missing),
    ];

    for (windows, code) in table {
        let change = change(&json!({"windows": windows}));
        let faults = Policy::house(Category::Service).patched(Rule::Reach, &change).unwrap_err();
        assert_eq!(faults[0].code, code, "{change:?}");
    }
}

#[test]
fn a_window_of_one_kind_may_be_written_by_its_kind() {
    let window =
        json!({"kind": "menu_click", "valid_hours": 1, "per_day": null, "in_all": 2, "notice": "weak"});
    let change = change(&json!({"windows": [window]}));

    let policy = Policy::house(Category::Service).patched(Rule::Reach, &change).unwrap();

    assert_eq!(policy.reach.windows[0].kinds, [InteractionKind::MenuClick]);
}

#[test]
fn a_policy_survives_being_written_and_read() {
    for category in Category::ALL {
        let house = Policy::house(*category);
        let text = serde_json::to_string(&house).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), house);
    }
}

#[test]
fn two_caps_of_the_same_are_refused_and_named_in_both_languages() {
    let caps = |second: Value| change(&json!({"caps": [{"per": "day", "over": "all", "limit": 5}, second]}));
    let house = Policy::house(Category::Service);

    let faults =
        house.patched(Rule::Frequency, &caps(json!({"per": "day", "over": "all", "limit": 2}))).unwrap_err();

    assert_eq!((faults[0].field.as_ref(), faults[0].code), ("caps", FieldCode::Doubled));
    let said = faults[0].message.in_lang(Lang::En);
    assert_eq!(said, "has two caps per day over all: keep one of them");
    assert_eq!(faults[0].message.in_lang(Lang::Zh), "有两个上限都是 per day、over all：请只保留一个");
    for other in [
        json!({"per": "week", "over": "all", "limit": 2}),
        json!({"per": "day", "over": "scenario", "limit": 2}),
    ] {
        house.patched(Rule::Frequency, &caps(other)).unwrap();
    }
}

/// A scenario's cap beside one of its category for each scenario: the narrower holds, whichever it is.
#[test]
fn of_a_scenarios_cap_and_the_same_of_its_category_the_smaller_holds() {
    let cap = |limit| Cap { per: Per::Day, over: Over::Scenario, limit };
    for (general, own, holds) in [(5, 3, 3), (2, 3, 2)] {
        let mut policies = Policies::new(|category| {
            let mut policy = Policy::house(category);
            policy.frequency.caps = vec![cap(general)];
            policy
        });

        policies.cap("paid", Category::Service, &[cap(own), Cap { per: Per::Week, ..cap(7) }]);

        let caps = &policies.of(Category::Service, Some("paid")).frequency.caps;
        assert_eq!(*caps, [cap(holds), Cap { per: Per::Week, ..cap(7) }]);
        assert_eq!(policies.of(Category::Service, None).frequency.caps, [cap(general)]);
    }
}
