use super::*;

const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

fn at(minute: i64) -> Timestamp {
    Timestamp::from_ms(NOW.ms() + minute * 60_000)
}

fn rule(metric: Metric, threshold: f64) -> AlertRule {
    let text = serde_json::json!({ "id": "r", "name": "R", "metric": metric, "threshold": threshold });
    serde_json::from_value(text).unwrap()
}

/// Looks once a minute; each look that tells something, with its minute.
fn told(rule: &AlertRule, values: &[Option<f64>]) -> Vec<(usize, News)> {
    let mut stands = None;
    let mut told = Vec::new();
    for (minute, value) in values.iter().enumerate() {
        let sample = value.map(|value| Sample { value, events: 100 });
        match step(rule, stands.as_ref(), sample, at(minute as i64)) {
            Step::Nothing => {}
            Step::Forget => stands = None,
            Step::Stands(now, news) => {
                stands = Some(now);
                told.extend(news.map(|news| (minute, news)));
            }
        }
    }
    told
}

#[test]
fn ready_rules_are_without_fault_and_have_ids_of_their_own() {
    let ready = ready();

    for rule in &ready {
        assert_eq!(rule.check(), [], "{}", rule.id);
    }
    let ids: std::collections::BTreeSet<_> = ready.iter().map(|rule| &rule.id).collect();
    assert_eq!(ids.len(), ready.len());
    for code in [43002, 45009, 45011, 40001, 40037, 48004] {
        assert!(ready.iter().any(|rule| rule.errcode == Some(code)), "{code}");
    }
}

/// A name, a rule, what is seen minute by minute, and what is told in which of them.
type Case<'a> = (&'a str, Metric, f64, &'a [Option<f64>], &'a [(usize, News)]);

#[test]
fn a_rule_tells_when_it_is_broken_and_when_that_is_over() {
    let cases: [Case<'_>; 6] = [
        (
            "a count",
            Metric::ErrcodeCount,
            1.0,
            &[Some(0.0), Some(1.0), Some(0.0)],
            &[(1, News::Firing), (2, News::Resolved)],
        ),
        ("at the threshold", Metric::BacklogAge, 600.0, &[Some(599.0), Some(600.0)], &[(1, News::Firing)]),
        (
            "a rate below",
            Metric::SuccessRate,
            0.9,
            &[Some(0.9), Some(0.89), Some(1.0)],
            &[(1, News::Firing), (2, News::Resolved)],
        ),
        (
            "hysteresis above",
            Metric::BacklogAge,
            600.0,
            &[Some(700.0), Some(590.0), Some(540.0)],
            &[(0, News::Firing), (2, News::Resolved)],
        ),
        (
            "hysteresis below",
            Metric::SuccessRate,
            0.5,
            &[Some(0.4), Some(0.52), Some(0.55)],
            &[(0, News::Firing), (2, News::Resolved)],
        ),
        (
            "nothing measured",
            Metric::ErrcodeCount,
            1.0,
            &[None, Some(3.0), None, None],
            &[(1, News::Firing), (2, News::Resolved)],
        ),
    ];
    for (name, metric, threshold, values, expected) in cases {
        assert_eq!(told(&rule(metric, threshold), values), expected, "{name}");
    }
}

#[test]
fn what_passes_before_its_time_is_told_to_nobody() {
    let rule = AlertRule { for_minutes: 3, ..rule(Metric::LateShare, 0.1) };

    assert_eq!(told(&rule, &[Some(0.2), Some(0.2), Some(0.0), Some(0.2)]), []);
    assert_eq!(told(&rule, &[Some(0.2), Some(0.2), Some(0.2), Some(0.2)]), [(3, News::Firing)]);
}

#[test]
fn what_lasts_is_told_again_after_its_interval_and_never_with_none() {
    let always = vec![Some(9.0); 12];

    let again = AlertRule { repeat_minutes: 5, ..rule(Metric::ErrcodeCount, 1.0) };
    assert_eq!(told(&again, &always), [(0, News::Firing), (5, News::Again), (10, News::Again)]);

    let once = AlertRule { repeat_minutes: 0, ..again };
    assert_eq!(told(&once, &always), [(0, News::Firing)]);
}

#[test]
fn a_rate_of_few_events_is_no_news() {
    let rule = AlertRule { at_least: 50, ..rule(Metric::SuccessRate, 0.9) };
    let few = Sample { value: 0.0, events: 49 };

    assert_eq!(step(&rule, None, Some(few), NOW), Step::Nothing);
    assert!(matches!(step(&rule, None, Some(Sample { events: 50, ..few }), NOW), Step::Stands(..)));
}

#[test]
fn a_silenced_alert_tells_nothing_until_the_silence_ends() {
    let rule = rule(Metric::ErrcodeCount, 1.0);
    let bad = Some(Sample { value: 2.0, events: 2 });
    let Step::Stands(fired, Some(News::Firing)) = step(&rule, None, bad, at(0)) else { panic!("not told") };
    let silenced = Standing { told_at: None, silenced_until: Some(at(10)), ..fired };

    let Step::Stands(still, None) = step(&rule, Some(&silenced), bad, at(9)) else { panic!("told") };
    assert!(matches!(step(&rule, Some(&still), bad, at(10)), Step::Stands(_, Some(News::Firing))));
    // Over while nobody may be told, and nobody was: nobody hears of its end.
    let none = Some(Sample { value: 0.0, events: 0 });
    assert!(matches!(step(&rule, Some(&still), none, at(11)), Step::Stands(_, None)));
}

#[test]
fn every_fault_of_a_rule_is_named() {
    let bad = AlertRule {
        id: "Not A Slug".to_owned(),
        name: String::new(),
        errcode: Some(1),
        scope: Scope::Template,
        threshold: f64::NAN,
        window_minutes: 0,
        ..rule(Metric::BacklogAge, 1.0)
    };

    let fields: Vec<_> = bad.check().iter().map(|error| error.field.to_string()).collect();

    assert_eq!(fields, ["id", "name", "errcode", "scope", "threshold", "window_minutes"]);
}
