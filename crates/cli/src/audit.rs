//! `audit`: who did what, when, from where; and whether nobody has changed the record of it.

use anyhow::Result;
use clap::{Args, Subcommand};
use hongyan_domain::Timestamp;
use hongyan_store::{Action, AuditFault, AuditFilter, AuditRow, AuditState, Store};
use serde::Deserialize;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::{local, print};

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    List(List),
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[arg(long)]
    actor: Option<String>,
    #[arg(long)]
    action: Option<String>,
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[arg(long, value_name = "SEQ:HASH")]
    newest: Option<String>,
}

pub(crate) async fn run(context: &Context, audit: Audit) -> Result<Code> {
    let store = local::open(context, &context.config()?).await?;
    match audit {
        Audit::List(asked) => list(context, &store, asked).await,
        Audit::Verify(asked) => verify(context, &store, &asked).await,
    }
}

async fn list(context: &Context, store: &Store, asked: List) -> Result<Code> {
    let limit = usize::from(asked.limit);
    let filter = filter(context, store, asked).await?;
    let (mut rows, mut cursor) = (Vec::new(), None);
    while rows.len() < limit {
        let page = store.audit(&filter, cursor.as_deref(), limit - rows.len()).await?;
        rows.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if context.is_for_machines() {
        print::json(&json!({ "rows": rows.iter().map(shown).collect::<Vec<_>>(), "next_cursor": cursor }));
        return Ok(Code::Done);
    }
    let row = |row: &AuditRow| {
        let cells = [&row.actor, &row.address, &row.action, &row.subject].map(String::clone);
        [vec![row.at.to_string()], cells.to_vec(), vec![row.detail.to_string()]].concat()
    };
    let columns = ["at", "actor", "address", "action", "subject", "detail"];
    context.table(&columns, rows.iter().map(row).collect());
    Ok(Code::Done)
}

async fn filter(context: &Context, store: &Store, asked: List) -> Result<AuditFilter> {
    let accounts = match &asked.appid {
        Some(appid) => vec![local::account(context, store, Some(appid)).await?.id],
        None => Vec::new(),
    };
    let action = |word: String| {
        let words: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
        let words = words.join(", ");
        let unknown = || context.texts.fill("say.bad_action", &[("name", &word), ("words", &words)]);
        Action::parse(&word).ok_or_else(|| Failure::Usage(unknown()))
    };
    Ok(AuditFilter {
        accounts,
        actor: asked.actor,
        action: asked.action.map(action).transpose()?,
        since: asked.since.map(|text| time(context, "--since", &text)).transpose()?,
        until: asked.until.map(|text| time(context, "--until", &text)).transpose()?,
    })
}

fn time(context: &Context, option: &str, text: &str) -> Result<Timestamp, Failure> {
    let wrong = |_| Failure::Usage(context.texts.fill("say.bad_time", &[("option", &option)]));
    Timestamp::deserialize(json!(text)).map_err(wrong)
}

fn shown(row: &AuditRow) -> serde_json::Value {
    json!({
        "seq": row.seq.to_string(),
        "at": row.at,
        "actor": row.actor,
        "address": row.address,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
        "hash": hex(&row.hash),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn verify(context: &Context, store: &Store, asked: &Verify) -> Result<Code> {
    let remembered = asked.newest.as_deref().map(|text| remembered(context, text)).transpose()?;
    let state = store.verify_audit().await?;
    let fault = match state.fault {
        Some(fault) => Some(words(context, fault)),
        None => changed_since(context, store, remembered).await?,
    };
    let newest = state.newest.as_ref().map(|(seq, hash)| format!("{seq}:{}", hex(hash)));
    if context.is_for_machines() {
        let verdict = json!({ "ok": fault.is_none(), "rows": state.rows, "newest": newest,
            "first_broken": first_broken(&state), "fault": fault });
        print::json(&verdict);
    }
    match (fault, newest) {
        (Some(_), _) if context.is_for_machines() => return Ok(Code::Failed),
        (Some(fault), _) => {
            let broken = context.texts.fill("say.audit_broken", &[("fault", &fault)]);
            return Err(Failure::Failed(broken).into());
        }
        (None, Some(newest)) => context.say("say.audit_whole", &[("rows", &state.rows), ("newest", &newest)]),
        (None, None) => context.say("say.audit_empty", &[]),
    }
    Ok(Code::Done)
}

fn remembered(context: &Context, text: &str) -> Result<(i64, String), Failure> {
    let parts = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.to_lowercase())));
    parts.ok_or_else(|| Failure::Usage(context.texts.get("say.bad_newest").to_owned()))
}

/// A whole chain may still be an older one, or another one: what was written down elsewhere tells.
async fn changed_since(
    context: &Context,
    store: &Store,
    remembered: Option<(i64, String)>,
) -> Result<Option<String>> {
    let Some((seq, hash)) = remembered else { return Ok(None) };
    let cursor = seq.saturating_add(1).to_string();
    let found = store.audit(&AuditFilter::default(), Some(&cursor), 1).await?.items.pop();
    let same = found.is_some_and(|row| row.seq == seq && hex(&row.hash) == hash);
    Ok((!same).then(|| context.texts.fill("say.audit_newest_gone", &[("seq", &seq)])))
}

fn words(context: &Context, fault: AuditFault) -> String {
    let (key, seq) = match fault {
        AuditFault::Edited(seq) => ("say.audit_edited", seq),
        AuditFault::Removed(seq) => ("say.audit_removed", seq),
        AuditFault::Unlinked(seq) => ("say.audit_unlinked", seq),
        AuditFault::Cut(seq) => ("say.audit_cut", seq),
        AuditFault::Head => ("say.audit_head", 0),
    };
    context.texts.fill(key, &[("seq", &seq)])
}

fn first_broken(state: &AuditState) -> Option<String> {
    match state.fault? {
        AuditFault::Edited(seq)
        | AuditFault::Removed(seq)
        | AuditFault::Unlinked(seq)
        | AuditFault::Cut(seq) => Some(seq.to_string()),
        AuditFault::Head => None,
    }
}
