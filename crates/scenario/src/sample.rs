//! Examples that can be tried: what happened on the day the scenario was written is history on any other.

use std::time::Duration;

use hongyan_domain::Timestamp;
use hongyan_domain::request::SEND_AT_MAX_AHEAD;
use serde_json::Value;

use crate::clock::Moment;
use crate::scenario::{ParamKind, Scenario, Timing};

/// A thing of a moment ago is news in any scenario.
const AGO: Duration = Duration::from_secs(60);
/// What a message goes ahead of is that much further off, so that it is not due at once.
const AHEAD: Duration = Duration::from_secs(86_400);

/// The scenario with its examples of times moved, all by as much, to where a trigger with them would be taken now; as
/// they are, where it would be.
pub fn with_fresh_examples(mut scenario: Scenario, now: Timestamp) -> Scenario {
    let Some(move_by_ms) = move_by_ms(&scenario, now) else { return scenario };
    for param in scenario.params.values_mut().filter(|param| param.kind == ParamKind::Time) {
        let Some(Value::String(text)) = &mut param.example else { continue };
        let Some(at) = Moment::read(text).and_then(Moment::instant) else { continue };
        let moved = Moment::at(Timestamp::from_ms(at.ms().saturating_add(move_by_ms)));
        *text = moved.map_or_else(|| text.clone(), |moved| moved.written_as(text));
    }
    scenario
}

/// How far, in milliseconds. The time that it happened tells, else the one that it goes ahead of.
fn move_by_ms(scenario: &Scenario, now: Timestamp) -> Option<i64> {
    let example = |name: &str| match scenario.params.get(name)?.example.as_ref()? {
        Value::String(text) => Moment::read(text)?.instant(),
        _ => None,
    };
    let occurred_at = scenario.occurred_param.as_deref().and_then(example);
    let (at, to) = match (occurred_at, &scenario.timing) {
        (Some(at), _) if at <= now && now.since(at) < scenario.max_age => return None,
        (Some(at), _) => (at, now.minus(AGO)),
        (None, Timing::Before { param, by }) => {
            let at = example(param)?;
            let goes_at = at.minus(*by);
            if goes_at > now && goes_at <= now.plus(SEND_AT_MAX_AHEAD) {
                return None;
            }
            (at, now.plus(*by).plus(AHEAD))
        }
        (None, Timing::Once | Timing::Within(_)) => return None,
    };
    Some(to.ms() - at.ms())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::param::Params;
    use crate::trigger::{Trigger, render};
    use crate::{Compiled, catalogue};

    const YEAR: Duration = Duration::from_secs(366 * 86_400);

    fn now() -> Timestamp {
        "2026-11-23T12:05:00+08:00".parse().unwrap()
    }

    fn tried(scenario: &Scenario, now: Timestamp) -> bool {
        let examples =
            scenario.params.iter().filter_map(|(name, param)| Some((name, param.example.clone()?)));
        let json =
            Value::Object(examples.map(|(name, example)| (name.clone(), example)).collect()).to_string();
        let compiled = Compiled::new(scenario.clone()).unwrap();
        let params = Params::parse(&json).unwrap();
        render(&compiled, &Trigger { params: &params, occurred_at: None, items: &[], variant: None }, now)
            .is_ok()
    }

    #[test]
    fn every_built_in_scenario_can_be_tried_with_its_examples_on_any_day() {
        for entry in catalogue() {
            for now in [now(), now().plus(YEAR), now().minus(YEAR)] {
                let fresh = with_fresh_examples(entry.scenario.clone(), now);

                assert!(tried(&fresh, now), "{} at {now}", entry.scenario.name);
            }
        }
    }

    #[test]
    fn an_example_is_moved_in_its_own_form_with_the_others_and_only_where_it_is_too_old() {
        let json = r#"{"name":"a","title":"t","category":"service","occurred_param":"paid_at","params":{
            "paid_at":{"type":"time","example":"2020-01-01 08:00"},
            "ends_at":{"type":"time","example":"2020-01-03T08:00:00+08:00"},
            "goods":{"type":"text","example":"2020-01-01"}}}"#;
        let scenario: Scenario = serde_json::from_str(json).unwrap();

        let fresh = with_fresh_examples(scenario, now());

        let example = |name: &str| fresh.params[name].example.clone().unwrap();
        assert_eq!(example("paid_at"), "2026-11-23 12:04:00");
        assert_eq!(example("ends_at"), "2026-11-25T12:04:00+08:00");
        assert_eq!(example("goods"), "2020-01-01");
        assert_eq!(with_fresh_examples(fresh.clone(), now().plus(YEAR / 366 / 2)), fresh);
    }
}
