//! The risk of each template: what speaks against it, and how close it is to the brake.

use std::collections::BTreeMap;

use axum::extract::State;
use hongyan_domain::policy::BRAKE_DAYS_MAX;
use hongyan_domain::{AccountId, Category, Signals, risk};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::appid;
use crate::access::auth::MayRead;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::query::{self, Asked};
use crate::request::{day, field};

/// Which templates and days.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RiskQuery {
    /// Of this account.
    appid: Option<String>,
    /// 1 to 30 days, today among them; 7 if left out.
    days: Option<String>,
}

/// The risk of each template.
#[derive(Serialize, ToSchema)]
#[schema(as = Risk)]
pub(crate) struct RiskBody {
    /// The first day that counts.
    since: String,
    /// The riskiest first.
    templates: Vec<TemplateRisk>,
}

/// The risk of a template.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateRisk {
    appid: String,
    template_id: String,
    /// Weighted signals in a thousand sends, 0 to 1000.
    score: u32,
    /// The score from which the brake is pulled; null: its rule is off.
    brake_from: Option<u32>,
    /// So many sends it takes at least.
    sample: u32,
    /// It waits for a person.
    braked: bool,
    /// Messages that WeChat took.
    sent: u64,
    /// What made the score, the heaviest first.
    #[schema(value_type = Vec<Object>)]
    parts: Vec<risk::Part>,
    /// Day by day.
    days: Vec<DayRisk>,
}

/// What was counted on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DayRisk {
    day: String,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    signals: Signals,
}

/// Shows what speaks against each template: blocks, people who left or opted out, complaints.
#[utoipa::path(get, path = "/api/v1/compliance/risk", tag = "compliance", params(RiskQuery),
    responses((status = 200, description = "The risk of each template", body = RiskBody)))]
pub(crate) async fn show_risk(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<RiskQuery>,
) -> Answer {
    let accounts = super::accounts(&app, &caller, asked.appid.as_deref())?;
    let mut errors = Vec::new();
    let number = |text: &str| text.parse().ok().filter(|days| (1..=BRAKE_DAYS_MAX).contains(days));
    let days = query::read(&mut errors, ("days", asked.days.as_deref()), number, "a number from 1 to 30");
    field::none_of(errors)?;
    let today = app.now().day();
    let since = today + 1 - i64::from(days.unwrap_or(7));
    let mut templates = Vec::new();
    for account in accounts {
        templates.extend(of_account(&app, account, since..today + 1).await?);
    }
    templates.sort_by_key(|template| std::cmp::Reverse((template.score, template.sent)));
    answer::ok(&RiskBody { since: day::written(since), templates })
}

async fn of_account(
    app: &App,
    account: AccountId,
    days: std::ops::Range<i64>,
) -> Result<Vec<TemplateRisk>, crate::answer::problem::Problem> {
    let mut templates: BTreeMap<String, (Signals, Vec<DayRisk>)> = BTreeMap::new();
    for row in app.store().risk(Some(account), days).await? {
        let (all, days) = templates.entry(row.template_id).or_default();
        all.add(&row.signals);
        days.push(DayRisk { day: day::written(row.day), signals: row.signals });
    }
    let catalog = app.engine().catalog();
    let Some(known) = catalog.by_id(account) else { return Ok(Vec::new()) };
    let policy = known.policies.of(Category::Service, None);
    let shown = |(template_id, (signals, days)): (String, (Signals, Vec<DayRisk>))| {
        let risk = risk::risk(&signals);
        TemplateRisk {
            appid: appid(app, account),
            score: risk.score,
            brake_from: (policy.brake.mode != hongyan_domain::Mode::Off).then_some(policy.brake.score),
            sample: policy.brake.sample,
            braked: known.policies.is_braked(&template_id),
            sent: signals.sent,
            parts: risk.parts,
            template_id,
            days,
        }
    };
    Ok(templates.into_iter().map(shown).collect())
}
