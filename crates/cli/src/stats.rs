//! `stats`: how many messages of each day stand where, as the running server counts them.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::context::Context;
use crate::door::{Reach, understood};
use crate::exit::Code;
use crate::message::{escaped, text, worded};
use crate::print;

#[derive(Debug, Args)]
pub(crate) struct Stats {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(context: &Context, args: &Stats) -> Result<Code> {
    let given = [("appid", &args.appid), ("since", &args.since), ("until", &args.until)];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let asked: Vec<_> = given.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let mut connection = args.reach.door(context)?.connect().await?;
    let reply = connection.get_reply(&format!("/api/v1/stats?{}", asked.join("&"))).await?;
    let stats = understood(context, &reply)?;
    if context.is_for_machines() {
        print::json(&stats);
        return Ok(Code::Done);
    }
    let rows = stats["rows"].as_array().into_iter().flatten();
    context.table_or(
        "say.no_stats",
        &["day", "appid", "state", "cause", "count"],
        rows.map(|counter| row(context, counter)).collect(),
    );
    Ok(Code::Done)
}

fn row(context: &Context, counter: &Value) -> Vec<String> {
    vec![
        text(&counter["day"]),
        text(&counter["appid"]),
        worded(context, "state", &counter["state"]),
        worded(context, "cause", &counter["cause"]),
        text(&counter["count"]),
    ]
}
