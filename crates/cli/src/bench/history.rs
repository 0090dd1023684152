//! `bench history`: the same sending with no finished messages in the store and with millions.

use anyhow::Result;
use clap::Args;
use hongyan_domain::id::MessageIds;
use hongyan_domain::{
    AccountId, Category, Content, DeliveryStatus, Event, Lane, MessageId, OnUnknown, Openid, Outcome, SentAs,
    Standing, State, Timestamp, decide,
};
use hongyan_simulator::Latency;
use hongyan_store::{Dispatch, MAX_BATCH, NewMessage, Settlement, Store};

use crate::bench::cast::{self, Cast};
use crate::bench::figures::{Figures, Report};
use crate::bench::send::{self, Send};
use crate::bench::stage::{Plan, Reports, Rules, Stage};
use crate::bench::{Pace, baseline, repeat};
use crate::local;

/// A finished message was accepted so long ago: before the days that counters show, within what retention keeps.
const AGE: std::time::Duration = std::time::Duration::from_secs(10 * 86_400);

#[derive(Clone, Debug, Args)]
pub(crate) struct History {
    #[arg(long, default_value_t = 10_000_000)]
    pub(super) rows: usize,
    #[arg(long, default_value_t = 100_000)]
    pub(super) messages: usize,
    #[arg(long, default_value_t = 3)]
    pub(super) runs: usize,
}

pub(super) async fn run(args: &History) -> Result<Report> {
    let History { rows, messages, runs } = *args;
    let plan = Plan {
        accounts: 1,
        messages,
        latency: Latency::None,
        pace: Pace::Off,
        reports: Reports::Off,
        rules: Rules::Off,
    };
    let empty = Stage::set(plan).await?;
    let full = Stage::set(plan).await?;
    let filled = std::time::Instant::now();
    fill(&full.store().await?, &full.cast, rows).await?;
    let filled = filled.elapsed();
    let (empty, full) = (&empty, &full);
    // Side by side, so that what else the machine does falls on both.
    let figures = repeat(runs, |_| pair(empty, full, messages)).await?;
    let figures = figures.with("rows", rows as f64).with("fill_seconds", filled.as_secs_f64());
    let command = format!("hongyan bench history --rows {rows} --messages {messages} --runs {runs} --json");
    Ok(Report { command, runs, figures })
}

async fn pair(empty: &Stage, full: &Stage, messages: usize) -> Result<Figures> {
    let args = Send {
        messages,
        accounts: 1,
        batch: 1_000,
        latency: Latency::None,
        pace: Pace::Off,
        store: "sqlite".to_owned(),
        receipts: Reports::Off,
        rules: Rules::Off,
        runs: 1,
    };
    let bare = baseline::rate(empty, messages, Latency::None).await?;
    let without = send::measured(empty, &args, bare).await?;
    let with = send::measured(full, &args, bare).await?;
    let of = |figures: &Figures, name| figures.get(name).unwrap_or(0.0);
    Ok(Figures::default()
        .with("messages", messages as f64)
        .with("rate_per_sec_without", of(&without, "rate_per_sec"))
        .with("rate_per_sec_with", of(&with, "rate_per_sec"))
        .with("rate_ratio", of(&with, "rate_per_sec") / of(&without, "rate_per_sec"))
        .with("cpu_us_without", of(&without, "cpu_us_per_message"))
        .with("cpu_us_with", of(&with, "cpu_us_per_message"))
        .with("rss_mb_without", of(&without, "rss_mb"))
        .with("rss_mb_with", of(&with, "rss_mb")))
}

/// Puts finished messages in by the store's own accept and settle, sent and reported, so that no row differs from a
/// real one.
async fn fill(store: &Store, cast: &Cast, rows: usize) -> Result<()> {
    let accounts = store.accounts().await?;
    let Some(account) = accounts.first() else { return Ok(()) };
    let at = local::now().minus(AGE);
    let mut ids = MessageIds::new(0, store.last_message_id().await?);
    for from in (0..rows).step_by(MAX_BATCH) {
        let batch: Vec<_> = (from..rows.min(from + MAX_BATCH))
            .map(|n| message(cast, (account.id, ids.next(at)), n, at))
            .collect::<Result<_>>()?;
        let taken = batch.iter().enumerate().map(|(nth, message)| settlement(message, from + nth)).collect();
        store.accept(batch).await?;
        store.settle(taken, vec![]).await?;
    }
    Ok(())
}

fn message(cast: &Cast, key: (AccountId, MessageId), n: usize, at: Timestamp) -> Result<NewMessage> {
    let mut data = Vec::with_capacity(256);
    cast::write_data(n, &mut data);
    let url = Some(format!("https://shop.example.com/orders/{n}?utm_source=wechat"));
    Ok(NewMessage {
        account: key.0,
        id: key.1,
        client_msg_id: None,
        openid: Openid::new(cast.openid(n))?,
        template_id: cast.account(n).template_id.as_str().into(),
        content: Content { url, miniprogram: None, data: String::from_utf8(data)?.into() },
        lane: Lane::Normal,
        scenario: None,
        category: Category::Service,
        verdicts: Vec::new(),
        basis: None,
        accepted_at: at,
        due_at: at,
        deadline_at: at,
        expires_at: None,
        on_unknown: OnUnknown::Park,
        marks: Default::default(),
        in_memory: false,
        recipient: None,
        asking: None,
        ties: None,
        given: String::new(),
    })
}

/// Taken by WeChat and delivered, in one step: the receipt came first.
fn settlement(message: &NewMessage, n: usize) -> Settlement {
    let at = message.accepted_at;
    let from =
        Standing { state: State::Claimed, attempts: 0, doubt_since: None, on_unknown: OnUnknown::Park };
    let msgid = Some(3_000_000_000_000_000_000 + n as u64);
    let answered =
        Event::Answered { claimed_at: at, outcome: Outcome::Sent { msgid, how: SentAs::Accepted } };
    let sent = decide(&from, &answered, at).expect("a claimed message may be answered");
    let standing = Standing { state: sent.to, attempts: sent.attempts, ..from };
    let to = decide(&standing, &Event::Reported(DeliveryStatus::Success), at)
        .expect("a sent message may be reported");
    let dispatch = Dispatch {
        claimed_at: at,
        outcome: "sent",
        errcode: Some(0),
        errmsg: None,
        rid: None,
        msgid,
        took_ms: 300,
        paused_ms: None,
    };
    Settlement {
        account: message.account,
        message: message.id,
        from,
        to,
        claim: None,
        at,
        dispatch: Some(dispatch),
        refused: None,
        taken: None,
    }
}
