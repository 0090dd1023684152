//! How fast triggers become messages: read the params, fill 4 fields and a link, plan the times. One core.
//!
//! `cargo run --release -p hongyan-scenario --example render_speed`

use std::hint::black_box;
use std::time::Instant;

use hongyan_domain::Timestamp;
use hongyan_scenario::{Compiled, Params, Scenario, Trigger, render};

const ROUNDS: usize = 21;
const TRIGGERS: usize = 20_000;
const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

const SCENARIO: &str = r#"{
    "name": "payment_success", "title": "支付成功", "category": "transactional",
    "fields": {
        "character_string1": "{{ order_no }}", "amount2": "{{ amount | yuan }}",
        "time3": "{{ paid_at | cn_time }}", "thing4": "{{ goods | shorten(20) }}"
    },
    "params": {
        "order_no": {"type": "text", "required": true}, "amount": {"type": "money", "required": true},
        "paid_at": {"type": "time", "required": true}, "goods": {"type": "text", "required": true}
    },
    "link": {"url": "https://shop.example/orders/{{ order_no }}"},
    "subject": "order_no"
}"#;

/// Median and best microseconds of one call.
fn timed(mut call: impl FnMut()) -> (f64, f64) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..TRIGGERS).for_each(|_| call());
            start.elapsed().as_secs_f64() * 1e6 / TRIGGERS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    (rounds[ROUNDS / 2], rounds[0])
}

fn main() {
    let scenario: Scenario = serde_json::from_str(SCENARIO).expect("the scenario is JSON");
    let mut without_link = scenario.clone();
    without_link.link = None;
    let json = r#"{"order_no":"20261123-0001","amount":"88.00","paid_at":"2026-11-23T12:00:05+08:00","goods":"大杯拿铁加燕麦奶，少冰，半糖，外带一份可颂"}"#;
    for (name, scenario) in [("4 fields and a link", scenario), ("4 fields", without_link)] {
        let compiled = Compiled::new(scenario).expect("the scenario is sound");
        let (median, best) = timed(|| {
            let params = Params::parse(black_box(json)).expect("the params are JSON");
            let trigger = Trigger { params: &params, occurred_at: None, items: &[], variant: None };
            black_box(render(&compiled, &trigger, NOW).expect("the trigger is sound"));
        });
        println!("{name:<20} {:.0} renders/s ({median:.2} µs median, {best:.2} best)", 1e6 / median);
    }
}
