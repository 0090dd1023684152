//! What is shipped for Prometheus and Grafana names only metrics that there are.

use std::collections::BTreeSet;

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
    world.pass(1, std::time::Duration::from_secs(7_100)).await;
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
