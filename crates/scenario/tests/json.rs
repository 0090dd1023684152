//! A scenario is its JSON: what is read is what was written.

use std::collections::BTreeMap;
use std::time::Duration;

use hongyan_domain::{Category, InteractionKind, Lane, OnUnknown};
use hongyan_scenario::{
    Caps, Compiled, Link, Merge, MergeBy, MiniprogramLink, Name, Param, ParamKind, Scenario, Timing, Utm,
    Variant, WhenLate,
};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn any_name() -> impl Strategy<Value = Name> {
    "[a-z][a-z0-9_]{0,63}".prop_map(|name| Name::new(&name).expect("the pattern is that of a name"))
}

fn any_duration() -> impl Strategy<Value = Duration> {
    (0_u64..100_000_000).prop_map(Duration::from_secs)
}

fn any_timing() -> impl Strategy<Value = Timing> {
    prop_oneof![
        Just(Timing::Once),
        any_duration().prop_map(Timing::Within),
        (any::<String>(), any_duration()).prop_map(|(param, by)| Timing::Before { param, by }),
    ]
}

fn any_link() -> impl Strategy<Value = Link> {
    let text = || option::of(any::<String>());
    let miniprogram =
        (any::<String>(), text()).prop_map(|(appid, pagepath)| MiniprogramLink { appid, pagepath });
    let utm = (text(), text(), text(), text()).prop_map(|(source, medium, campaign, content)| Utm {
        source,
        medium,
        campaign,
        content,
    });
    (text(), option::of(miniprogram), option::of(utm)).prop_map(|(url, miniprogram, utm)| Link {
        url,
        miniprogram,
        utm,
    })
}

fn any_param() -> impl Strategy<Value = Param> {
    let kinds = [
        ParamKind::Text,
        ParamKind::Number,
        ParamKind::Money,
        ParamKind::Time,
        ParamKind::Phone,
        ParamKind::Bool,
    ];
    let example = prop_oneof![
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        any::<bool>().prop_map(Into::into)
    ];
    (select(kinds.to_vec()), any::<bool>(), option::of(example)).prop_map(|(kind, required, example)| Param {
        kind,
        required,
        example,
    })
}

fn any_texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4)
}

fn any_variant() -> impl Strategy<Value = Variant> {
    (any_name(), any::<u32>(), any_texts(), option::of(any_link()))
        .prop_map(|(name, weight, fields, link)| Variant { name, weight, fields, link })
}

prop_compose! {
    fn any_wording()(
        template_id in option::of(any::<String>()),
        fields in any_texts(),
        params in proptest::collection::btree_map(any::<String>(), any_param(), 0..4),
        link in option::of(any_link()),
        variants in proptest::collection::vec(any_variant(), 0..3),
    ) -> Scenario {
        let json = r#"{"name":"s","title":"t","category":"service"}"#;
        let least: Scenario = serde_json::from_str(json).expect("that is a scenario");
        Scenario { template_id, fields, params, link, variants, ..least }
    }
}

prop_compose! {
    fn any_scenario()(
        wording in any_wording(),
        (name, title, category) in (any_name(), any::<String>(), select(Category::ALL.to_vec())),
        (timing, tolerance, expires_after, max_age) in (any_timing(), any_duration(), option::of(any_duration()), any_duration()),
        when_late in select(vec![WhenLate::Send, WhenLate::Drop]),
        (lane, on_unknown) in (select(Lane::ALL.to_vec()), select(OnUnknown::ALL.to_vec())),
        basis in option::of(select(InteractionKind::ALL.to_vec())),
        (cancelled_by, subject, occurred_param) in (
            proptest::collection::vec(any_name(), 0..3), option::of(any::<String>()), option::of(any::<String>()),
        ),
        merge in option::of((any_duration(), select(vec![MergeBy::Subject, MergeBy::Recipient]))),
        (per_day, per_week, track_clicks) in (option::of(any::<u32>()), option::of(any::<u32>()), any::<bool>()),
    ) -> Scenario {
        Scenario {
            name, title, category, timing, tolerance, when_late, expires_after, lane, on_unknown, basis, cancelled_by,
            subject, occurred_param, max_age, track_clicks,
            merge: merge.map(|(within, by)| Merge { within, by }),
            caps: Caps { per_day, per_week },
            ..wording
        }
    }
}

proptest! {
    #[test]
    fn a_scenario_survives_its_json(scenario in any_scenario()) {
        let json = serde_json::to_string(&scenario).expect("a scenario can be written");

        prop_assert_eq!(serde_json::from_str::<Scenario>(&json).expect("and read"), scenario);
    }

    #[test]
    fn no_scenario_makes_reading_it_panic(scenario in any_scenario()) {
        if let Err(faults) = Compiled::new(scenario) {
            prop_assert!(!faults.is_empty());
        }
    }
}

#[test]
fn a_scenario_that_was_read_can_be_shared_by_threads() {
    fn is_shared<T: Send + Sync>() {}

    is_shared::<Compiled>();
}
