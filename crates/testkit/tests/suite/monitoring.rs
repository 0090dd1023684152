//! What is shipped for Prometheus and Grafana names only metrics that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hongyan_testkit::World;
use serde_json::json;

const RULES: &str = include_str!("../../../../deploy/prometheus-rules.yml");
const DASHBOARD: &str = include_str!("../../../../deploy/grafana-dashboard.json");

/// Every word that begins like a metric of ours.
fn named(text: &str) -> BTreeSet<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_word(c)).filter(|word| word.starts_with("hongyan_")).collect()
}

/// The metrics that /metrics tells, with the endings their kinds have.
fn told(metrics: &str) -> BTreeSet<String> {
    let kinds = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let series = |(name, kind): (&str, &str)| match kind {
        "counter" => vec![format!("{name}_total")],
        "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).to_vec(),
        _ => vec![name.to_owned()],
    };
    kinds.flat_map(series).collect()
}

#[tokio::test]
async fn every_metric_of_the_rules_and_the_dashboard_is_told() {
    let world = World::start().await;
    world.send_many(3).await;
    world.drain().await;
    // What never happened is not told: here everything has.
    world.faults(json!({ "errcodes": [{ "errcode": 43004, "rate": 1.0 }] }));
    world.send(&world.body(4)).await;
    world.drain().await;

    // A token that ends is fetched anew.
    world.pass(1, Duration::from_secs(7_100)).await;
    let told = told(world.api().get("/metrics").await.text());

    for (file, text) in [("prometheus-rules.yml", RULES), ("grafana-dashboard.json", DASHBOARD)] {
        let named = named(text);
        assert!(named.len() > 5, "{file} names {named:?}");
        for metric in named {
            assert!(told.contains(metric), "{file} names {metric}, which is not among {told:?}");
        }
    }
    world.finish().await;
}

#[test]
fn the_dashboard_is_json_and_its_panels_have_places_of_their_own() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();

    let panels = dashboard["panels"].as_array().unwrap();
    let places: BTreeSet<_> =
        panels.iter().map(|panel| (panel["gridPos"]["x"].as_i64(), panel["gridPos"]["y"].as_i64())).collect();
    assert_eq!(places.len(), panels.len());
}

/// Counters that were right only as long as nothing goes wrong would be worth nothing.
#[tokio::test]
async fn the_metrics_say_what_the_ledger_says_after_everything_went_wrong() {
    let world = World::build().followers(100).start().await;
    world.make_followers(&[1, 2], "user_blocked");
    world.faults(json!({
        "drop_before": 0.1, "drop_after": 0.1, "bad_gateway": 0.1, "garbage": 0.1,
        "errcodes": [{ "errcode": 43004, "rate": 0.1 }, { "errcode": 45011, "next": 2 }],
        "receipts": { "early": 0.3, "doubled": 0.3 },
    }));
    let ids = world.send_many(200).await;
    world.pass(60, Duration::from_secs(4)).await;
    world.faults(json!({}));
    world.pass(20, Duration::from_secs(60)).await;

    let entered = world.counter("hongyan_messages_total").await;
    // Not `unknown`: a receipt that comes late settles it once more.
    let is_final = |state: &str| ["delivered", "failed"].iter().any(|word| state.starts_with(word));
    let counts = world.counts().await;
    for (stands, count) in counts.iter().filter(|(state, _)| is_final(state)) {
        let (state, cause) = stands.split_once(": ").unwrap_or((stands, ""));
        let labels = format!(r#"{{state="{state}",cause="{cause}"}}"#);
        assert_eq!(entered.get(&labels), Some(&(*count as u64)), "{stands}: {entered:?} and {counts:?}");
    }
    let mut tries = BTreeMap::<String, u64>::new();
    for id in &ids {
        let message = world.message(id).await;
        let moments = message["timeline"].as_array().unwrap().iter();
        for outcome in moments.filter_map(|moment| moment["outcome"].as_str()) {
            *tries.entry(format!(r#"{{kind="{outcome}"}}"#)).or_default() += 1;
        }
    }
    assert!(tries.len() >= 4, "nothing went wrong: {tries:?}");
    assert_eq!(world.counter("hongyan_dispatches_total").await, tries);
    world.finish().await;
}
