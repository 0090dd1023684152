//! How long it takes to read and check the data of a message with three fields:
//! `cargo run --release -p hongyan-domain --example fill_speed`

#![expect(clippy::disallowed_types, reason = "a measurement needs a clock")]

use std::hint::black_box;
use std::time::Instant;

use hongyan_domain::{AccountKind, Data, FieldRules, Template, fill};

const ROUNDS: u32 = 200_000;
const CONTENT: &str = "订单编号{{character_string1.DATA}}\n商品名称{{thing2.DATA}}\n下单时间{{time3.DATA}}";
const FORMS: [(&str, &str); 3] = [
    (
        "short",
        r#"{"character_string1":"A20261123000001","thing2":"拿铁咖啡（大杯）","time3":"2026-11-23 12:00"}"#,
    ),
    (
        "WeChat's",
        r#"{"character_string1":{"value":"A20261123000001"},"thing2":{"value":"拿铁咖啡（大杯）"},"time3":{"value":"2026年11月23日 12:00"}}"#,
    ),
    ("escaped", r#"{"character_string1":"A\u002d1","thing2":"\u62ff\u94c1","time3":"12:00"}"#),
];

fn main() {
    let template = Template::parse("T", "下单成功通知", CONTENT);
    for (form, json) in FORMS {
        let mut rounds: Vec<u128> = (0..5).map(|_| nanoseconds(&template, json)).collect();
        rounds.sort_unstable();
        println!("{form}: {} ns a message (median of 5 × {ROUNDS})", rounds[2]);
    }
}

fn nanoseconds(template: &Template, json: &str) -> u128 {
    let rules = FieldRules::of(AccountKind::Service);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let data = Data::parse(black_box(json));
        black_box(data.and_then(|data| fill(template, &data, rules))).ok();
    }
    start.elapsed().as_nanos() / u128::from(ROUNDS)
}
