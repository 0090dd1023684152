//! `clicks`: how often links were followed, as the running server counts it.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::context::Context;
use crate::door::Reach;
use crate::exit::Code;
use crate::message::{escaped, text};
use crate::print;
use crate::remote::get;

#[derive(Debug, Args)]
pub(crate) struct Clicks {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, value_parser = ["template", "scenario", "industry", "variant"], default_value = "template")]
    by: String,
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(context: &Context, args: &Clicks) -> Result<Code> {
    let given = [
        ("appid", &args.appid),
        ("scenario", &args.scenario),
        ("since", &args.since),
        ("until", &args.until),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let asked = given.map(|(name, value)| format!("&{name}={}", escaped(value))).collect::<String>();
    let stats = get(context, &args.reach, &format!("/api/v1/stats/clicks?by={}{asked}", args.by)).await?;
    if context.is_for_machines() {
        print::json(&stats);
        return Ok(Code::Done);
    }
    let rows = stats["rows"].as_array().into_iter().flatten().map(row).collect();
    context.table(&["name", "sent", "clicked", "clicks", "click_rate", "interval", "reference"], rows);
    for one in stats["comparisons"].as_array().into_iter().flatten() {
        let (zh, en) = (text(&one["text"]["zh"]), text(&one["text"]["en"]));
        print::line(context.texts.pick(&zh, &en));
    }
    Ok(Code::Done)
}

fn row(row: &Value) -> Vec<String> {
    let counts = ["name", "sent", "clicked", "clicks"].map(|cell| text(&row[cell]));
    let ends = ["low", "high"].map(|end| percent(&row["interval"][end])).join(" – ");
    [counts.to_vec(), vec![percent(&row["rate"]), ends, percent(&row["reference"])]].concat()
}

/// A share as people read it; nothing, where there is none.
fn percent(share: &Value) -> String {
    share.as_f64().map_or_else(String::new, |share| format!("{:.1} %", share * 100.0))
}
