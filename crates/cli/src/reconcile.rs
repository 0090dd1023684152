//! `reconcile`: counts the ledger again and names every counter that differs.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::{local, print};

/// Differences printed for people; one is enough to act on.
const SHOWN_MAX: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct Reconcile {}

pub(crate) async fn run(context: &Context, _: &Reconcile) -> Result<Code> {
    let store = local::open(context, &context.config()?).await?;
    let differences = store.check_tally().await?;
    if context.is_for_machines() {
        let rows = differences
            .iter()
            .map(|one| json!({ "counter": one.row, "counted": one.counted, "found": one.found }));
        print::json(&json!({ "equal": differences.is_empty(), "differences": rows.collect::<Vec<_>>() }));
    }
    if differences.is_empty() {
        context.say("say.counters_equal", &[]);
        return Ok(Code::Done);
    }
    let row = |one: &hongyan_store::TallyDifference| {
        vec![one.row.clone(), one.counted.to_string(), one.found.to_string()]
    };
    if !context.is_for_machines() {
        context
            .table(&["counter", "counted", "found"], differences.iter().take(SHOWN_MAX).map(row).collect());
    }
    Err(Failure::Failed(context.texts.fill("say.counters_differ", &[("count", &differences.len())])).into())
}
