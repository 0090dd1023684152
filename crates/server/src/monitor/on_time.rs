//! How many messages were with WeChat when they should be, and where the late ones lost their time.

use std::collections::BTreeMap;

use axum::extract::State;
use hongyan_domain::Lateness;
use hongyan_domain::on_time::Step;
use hongyan_engine::Catalog;
use hongyan_store::{OnTimeCounts, OnTimeRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::MayRead;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::monitor::stats::days;
use crate::request::query::{self, Asked};
use crate::request::{day, field};

/// Which days, whose, and counted by what.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OnTimeQuery {
    /// `scenario` (the default), `account` or `day`.
    by: Option<String>,
    /// Of this account.
    appid: Option<String>,
    /// Only of this scenario.
    scenario: Option<String>,
    /// The first day (Asia/Shanghai), like 2026-11-23; six days before `until` if left out.
    since: Option<String>,
    /// The last day; today if left out.
    until: Option<String>,
}

/// Punctuality over some days.
#[derive(Serialize, ToSchema)]
#[schema(as = OnTimeStats)]
pub(crate) struct OnTimeStatsBody {
    /// The first day.
    since: String,
    /// The last day.
    until: String,
    /// All together.
    total: OnTimeShareBody,
    /// One for each scenario, account or day.
    rows: Vec<OnTimeRowBody>,
}

/// The punctuality of one scenario, account or day.
#[derive(Serialize, ToSchema)]
#[schema(as = OnTimeRow)]
pub(crate) struct OnTimeRowBody {
    /// The scenario (empty: of none), the appid or the day.
    key: String,
    #[serde(flatten)]
    counts: OnTimeShareBody,
}

/// How many messages were on time.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = OnTimeShare)]
pub(crate) struct OnTimeShareBody {
    /// With WeChat before their deadline.
    on_time: u64,
    /// At their deadline or after.
    late: u64,
    /// Their time ran out before they could go.
    expired: u64,
    /// On time of all that are counted here, from 0 to 1; null: there is none.
    share: Option<f64>,
    /// How late a late one was, on average.
    late_ms_mean: Option<u64>,
    /// Where the late ones lost their time.
    steps: StepsBody,
}

/// Milliseconds by step.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = LateSteps)]
#[expect(clippy::struct_field_names, reason = "units stand last in every field of the API")]
pub(crate) struct StepsBody {
    /// A rule held it.
    hold_ms: u64,
    /// Its account stood still.
    pause_ms: u64,
    /// It waited for its turn.
    pace_ms: u64,
    /// It was claimed and waited for a slot.
    claim_ms: u64,
    /// WeChat took its time, or had to be asked again.
    wechat_ms: u64,
}

impl StepsBody {
    pub(crate) fn of(lateness: &Lateness) -> Self {
        let ms = |step: Step| lateness.by_step[step as usize];
        Self {
            hold_ms: ms(Step::Hold),
            pause_ms: ms(Step::Pause),
            pace_ms: ms(Step::Pace),
            claim_ms: ms(Step::Claim),
            wechat_ms: ms(Step::WeChat),
        }
    }
}

impl OnTimeShareBody {
    pub(crate) fn of(counts: &OnTimeCounts) -> Self {
        let OnTimeCounts { on_time, late, expired, lateness } = *counts;
        let all = on_time + late + expired;
        // Counts are far below 2^53, above which a float could not hold them.
        let share = (all > 0).then(|| on_time as f64 / all as f64);
        let late_ms_mean = lateness.late_ms.checked_div(late);
        Self { on_time, late, expired, share, late_ms_mean, steps: StepsBody::of(&lateness) }
    }
}

/// Sums up rows.
pub(crate) fn total<'a>(rows: impl IntoIterator<Item = &'a OnTimeRow>) -> OnTimeCounts {
    let mut total = OnTimeCounts::default();
    rows.into_iter().for_each(|row| total.add(row.counts));
    total
}

/// What rows are counted by.
#[derive(Clone, Copy)]
enum By {
    Scenario,
    Account,
    Day,
}

impl By {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "scenario" => Some(Self::Scenario),
            "account" => Some(Self::Account),
            "day" => Some(Self::Day),
            _ => None,
        }
    }

    fn key(self, row: &OnTimeRow, catalog: &Catalog) -> String {
        match self {
            Self::Scenario => row.scenario.clone(),
            Self::Account => catalog
                .by_id(row.account)
                .map_or_else(String::new, |account| account.appid().as_str().to_owned()),
            Self::Day => day::written(row.day),
        }
    }
}

/// Tells how many messages, by day of acceptance, were with WeChat when they should be.
#[utoipa::path(get, path = "/api/v1/stats/on_time", tag = "operation", params(OnTimeQuery),
    responses((status = 200, description = "Punctuality", body = OnTimeStatsBody)))]
pub(crate) async fn on_time(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<OnTimeQuery>,
) -> Answer {
    let mut errors = Vec::new();
    let by = query::read(&mut errors, ("by", asked.by.as_deref()), By::parse, "scenario, account or day");
    field::none_of(errors)?;
    let account = match asked.appid.as_deref().filter(|appid| !appid.is_empty()) {
        Some(appid) => Some(app.account(&caller, appid)?.id()),
        None => None,
    };
    let (since, until) = days((asked.since.as_deref(), asked.until.as_deref()), app.now().day())?;
    let rows = app.store().on_time(since..until + 1, account).await?;
    let scenario = asked.scenario.as_deref().filter(|scenario| !scenario.is_empty());
    let is_asked = |row: &OnTimeRow| scenario.is_none_or(|scenario| row.scenario == scenario);
    let rows: Vec<_> =
        rows.into_iter().filter(|row| caller.may_touch(row.account) && is_asked(row)).collect();
    let catalog = app.engine().catalog();
    let mut by_key: BTreeMap<String, OnTimeCounts> = BTreeMap::new();
    for row in &rows {
        by_key.entry(by.unwrap_or(By::Scenario).key(row, &catalog)).or_default().add(row.counts);
    }
    let row =
        |(key, counts): (String, OnTimeCounts)| OnTimeRowBody { key, counts: OnTimeShareBody::of(&counts) };
    answer::ok(&OnTimeStatsBody {
        since: day::written(since),
        until: day::written(until),
        total: OnTimeShareBody::of(&total(&rows)),
        rows: by_key.into_iter().map(row).collect(),
    })
}
