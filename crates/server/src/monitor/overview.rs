//! Everything an operator looks at first, in one answer: from counters and memory, never from messages.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::extract::State;
use hongyan_domain::series::{Cells, Punctual, Spread};
use hongyan_domain::{AccountId, Measure, State as MessageState, Step, Timestamp};
use hongyan_engine::Account;
use hongyan_store::{SeriesQuery, SeriesRow, Whose};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayRead};
use crate::account::Standing;
use crate::answer::problem::Problem;
use crate::answer::text::Text;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::monitor::alert::{self, AlertBody};
use crate::monitor::queue::{self, LaneBody};
use crate::monitor::series::QuantileBody;
use crate::request::query::Asked;

/// What is called "now": long enough to be calm, short enough to be true.
const LATELY: Duration = Duration::from_secs(5 * 60);
/// Error codes shown, the most frequent first.
const ERRCODES_MAX: usize = 10;
/// Accounts shown, those with traffic or trouble first; the rest are in /api/v1/accounts.
const ACCOUNTS_MAX: usize = 500;

/// Of whom.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whom {
    /// Of this account; left out: of all.
    appid: Option<String>,
}

/// How everything stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Overview)]
pub(crate) struct OverviewBody {
    #[schema(value_type = String)]
    at: Timestamp,
    /// Today (Asia/Shanghai), step by step.
    funnel: FunnelBody,
    /// Of what became final today, the share that was delivered; null: nothing became final.
    success_rate: Option<f64>,
    /// Of what WeChat took today, the share that it had by the deadline.
    on_time_rate: Option<f64>,
    /// Sends a second that WeChat took over the last five minutes.
    sent_per_s: f64,
    /// Messages a second that were accepted over the last five minutes.
    accepted_per_s: f64,
    /// Over the last five minutes, from acceptance until WeChat had it.
    accept_to_sent_ms: QuantileBody,
    /// Over the last five minutes, WeChat's time to answer.
    answer_ms: QuantileBody,
    /// All that wait.
    waiting: i64,
    /// Today's error codes, the most frequent first.
    errcodes: Vec<ErrcodeBody>,
    /// The alerts that fire.
    alerts: Vec<AlertBody>,
    accounts: Vec<StandsBody>,
    /// There are more accounts than are shown.
    truncated: bool,
}

/// How far today's messages came. Each step counts what happened today, also to messages of yesterday.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Funnel)]
pub(crate) struct FunnelBody {
    /// Asked for: accepted here, or refused by a rule at once.
    requested: i64,
    /// Of these, not refused by a rule, neither at once nor later.
    eligible: i64,
    /// WeChat took them.
    accepted: i64,
    /// WeChat reported them delivered.
    delivered: i64,
    /// Accepted today, and their link was followed; null: taps are not counted without `http.public_url`.
    clicked: Option<i64>,
    failed: i64,
    unknown: i64,
    cancelled: i64,
}

/// An error code.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrcodeCount)]
pub(crate) struct ErrcodeBody {
    errcode: i64,
    /// How often today.
    count: i64,
    /// What it means.
    meaning: Option<Text>,
    /// What Hongyan did about it by itself.
    done: Text,
    /// What a person should do.
    advice: Option<Text>,
}

/// How one account stands.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountStands)]
pub(crate) struct StandsBody {
    appid: String,
    name: String,
    /// `sending`, `idle`, `paused` (by a person or by WeChat's answers) or `trouble` (no token).
    status: &'static str,
    live: Standing,
    quota: QuotaBody,
    /// Sends a second that WeChat took over the last five minutes.
    sent_per_s: f64,
    /// Of what became final today, the share that was delivered.
    success_rate: Option<f64>,
    /// Sends that WeChat took today.
    sent_today: i64,
    lanes: Vec<LaneBody>,
    /// When WeChat last called back; null: never.
    #[schema(value_type = Option<String>)]
    last_callback_at: Option<Timestamp>,
}

/// Today's sends against the day's limit.
#[derive(Serialize, ToSchema)]
#[schema(as = QuotaForecast)]
pub(crate) struct QuotaBody {
    used: u32,
    limit: u32,
    /// When it is used up at the rate of the last five minutes; null: not today.
    #[schema(value_type = Option<String>)]
    runs_out_at: Option<Timestamp>,
}

/// Shows how everything stands: accounts, today's funnel, rates, error codes with what to do.
#[utoipa::path(get, path = "/api/v1/overview", tag = "operation", params(Whom),
    responses((status = 200, description = "How everything stands", body = OverviewBody)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<Whom>,
) -> Answer {
    let only = match asked.appid.as_deref().filter(|appid| !appid.is_empty()) {
        Some(appid) => Some(app.account(&caller, appid)?.id()),
        None => None,
    };
    let figures = Figures::read(&app, &caller, only).await?;
    answer::ok(&figures.answer(&app))
}

/// What an overview is made of.
struct Figures {
    now: Timestamp,
    accounts: Vec<std::sync::Arc<Account>>,
    today: HashMap<AccountId, Cells>,
    clicked: Option<i64>,
    lately: HashMap<AccountId, Cells>,
    lanes: HashMap<AccountId, Vec<LaneBody>>,
    alerts: Vec<AlertBody>,
}

impl Figures {
    async fn read(app: &App, caller: &Caller, only: Option<AccountId>) -> Result<Self, Problem> {
        let (now, catalog) = (app.now(), app.engine().catalog());
        let mine = |id: AccountId| caller.may_touch(id) && only.is_none_or(|only| only == id);
        let accounts: Vec<_> = catalog.accounts().filter(|account| mine(account.id())).cloned().collect();
        let ids: Vec<_> = accounts.iter().map(|account| account.id()).collect();
        let clicked = match app.settings().public_url {
            Some(_) => Some(app.store().clicked_of(now.day(), ids.clone()).await?),
            None => None,
        };
        let soon = now.plus(Duration::from_millis(1));
        let of = |step, since| SeriesQuery { whose: Whose::Of(ids.clone()), step, since, until: soon };
        let today = app.store().series(of(Step::Day, now)).await?;
        let lately = app.store().series(of(Step::Minute, now.minus(LATELY))).await?;
        let mut lanes: HashMap<_, Vec<_>> = HashMap::new();
        for (of, lane) in queue::lanes(app, caller, only).await? {
            lanes.entry(of.account).or_default().push(lane);
        }
        let firing = alert::alerts(app, caller).await?.into_iter();
        let firing =
            firing.filter(|(key, alert)| alert.is_firing() && only.is_none_or(|only| only == key.account));
        let alerts = firing.map(|(_, alert)| alert).collect();
        let (today, lately) = (by_account(today), by_account(lately));
        Ok(Self { now, accounts, today, clicked, lately, lanes, alerts })
    }

    fn answer(mut self, app: &App) -> OverviewBody {
        let (today, lately) = (sum(&self.today), sum(&self.lately));
        let waiting = self.lanes.values().flatten().map(|lane| lane.waiting).sum();
        let accounts = std::mem::take(&mut self.accounts);
        let mut stands: Vec<_> = accounts.iter().map(|account| self.stands(app, account)).collect();
        stands.sort_by(|a, b| (b.sent_today, &a.appid).cmp(&(a.sent_today, &b.appid)));
        let truncated = stands.len() > ACCOUNTS_MAX;
        stands.truncate(ACCOUNTS_MAX);
        OverviewBody {
            at: self.now,
            funnel: FunnelBody { clicked: self.clicked, ..funnel(&today) },
            success_rate: success_rate(&today),
            on_time_rate: on_time_rate(&today),
            sent_per_s: per_s(count(&lately, |measure| matches!(measure, Measure::Sent(_)))),
            accepted_per_s: per_s(count(&lately, |measure| measure == Measure::Accepted)),
            accept_to_sent_ms: quantile(&lately, |measure| matches!(measure, Measure::Sent(_))),
            answer_ms: quantile(&lately, |measure| matches!(measure, Measure::Tried(..))),
            waiting,
            errcodes: errcodes(&today),
            alerts: std::mem::take(&mut self.alerts),
            accounts: stands,
            truncated,
        }
    }

    fn stands(&mut self, app: &App, account: &Account) -> StandsBody {
        let (id, none) = (account.id(), Cells::new());
        let today = self.today.get(&id).unwrap_or(&none);
        let lately = self.lately.get(&id).unwrap_or(&none);
        let sent = |measure| matches!(measure, Measure::Sent(_));
        let (live, sent_per_s) = (Standing::of(app, account), per_s(count(lately, sent)));
        let status = app.engine().status(id);
        let (used, limit) = (status.quota_used, status.quota_limit);
        let runs_out_at = hongyan_domain::pace::runs_out_at((used, limit), sent_per_s, self.now);
        StandsBody {
            appid: account.appid().to_string(),
            name: account.record.name.clone(),
            status: live.status(sent_per_s > 0.0),
            live,
            quota: QuotaBody { used, limit, runs_out_at },
            sent_per_s,
            success_rate: success_rate(today),
            sent_today: count(today, sent),
            lanes: self.lanes.remove(&id).unwrap_or_default(),
            last_callback_at: app.engine().heard_at(id),
        }
    }
}

fn by_account(rows: Vec<SeriesRow>) -> HashMap<AccountId, Cells> {
    let mut by_account: HashMap<_, Cells> = HashMap::new();
    for row in rows {
        let cells = by_account.entry(row.account).or_default();
        row.cells.into_iter().for_each(|(key, cell)| cells.entry(key).or_default().add(&cell));
    }
    by_account
}

fn sum(all: &HashMap<AccountId, Cells>) -> Cells {
    let mut sum = Cells::new();
    for (key, cell) in all.values().flatten() {
        sum.entry(key.clone()).or_default().add(cell);
    }
    sum
}

fn count(cells: &Cells, wanted: impl Fn(Measure) -> bool) -> i64 {
    cells.iter().filter(|(key, _)| wanted(key.measure)).map(|(_, cell)| cell.count).sum()
}

fn per_s(count: i64) -> f64 {
    (count as f64 / LATELY.as_secs_f64() * 100.0).round() / 100.0
}

fn quantile(cells: &Cells, wanted: impl Fn(Measure) -> bool) -> QuantileBody {
    let mut all = Spread::default();
    cells.iter().filter(|(key, _)| wanted(key.measure)).for_each(|(_, cell)| all.add(&cell.spread));
    QuantileBody::of(&all)
}

fn ended(cells: &Cells, state: MessageState) -> i64 {
    count(cells, |measure| matches!(measure, Measure::Ended(at, _) if at == state))
}

fn funnel(cells: &Cells) -> FunnelBody {
    let refused = count(cells, |measure| matches!(measure, Measure::Refused(_)));
    let requested = count(cells, |measure| measure == Measure::Accepted) + refused;
    FunnelBody {
        requested,
        eligible: (requested - refused - ended(cells, MessageState::Suppressed)).max(0),
        accepted: count(cells, |measure| matches!(measure, Measure::Sent(_))),
        delivered: ended(cells, MessageState::Delivered),
        clicked: None,
        failed: ended(cells, MessageState::Failed),
        unknown: ended(cells, MessageState::Unknown),
        cancelled: ended(cells, MessageState::Cancelled),
    }
}

fn success_rate(cells: &Cells) -> Option<f64> {
    let delivered = ended(cells, MessageState::Delivered);
    share(delivered, delivered + ended(cells, MessageState::Failed) + ended(cells, MessageState::Unknown))
}

fn on_time_rate(cells: &Cells) -> Option<f64> {
    let on_time = count(cells, |measure| measure == Measure::Sent(Punctual::OnTime));
    share(on_time, count(cells, |measure| matches!(measure, Measure::Sent(_))))
}

fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 10_000.0).round() / 10_000.0)
}

fn errcodes(cells: &Cells) -> Vec<ErrcodeBody> {
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    for (key, cell) in cells {
        if let Measure::Tried(_, errcode) = key.measure
            && errcode != 0
        {
            *counts.entry(errcode).or_default() += cell.count;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(ERRCODES_MAX);
    let body = |(errcode, count)| ErrcodeBody {
        errcode,
        count,
        meaning: Text::meaning(errcode),
        done: Text::done(errcode),
        advice: Text::advice(errcode),
    };
    counts.into_iter().map(body).collect()
}
