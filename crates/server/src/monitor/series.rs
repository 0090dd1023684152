//! Counters over time, as arrays a chart can draw. Kept by the store with every change, so reading is cheap.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use hongyan_domain::series::{Cell, Spread};
use hongyan_domain::{
    AccountId, FieldCode, FieldError, Lane, Measure, SeriesKey, State as MessageState, Step, Timestamp, says,
};
use hongyan_engine::Catalog;
use hongyan_store::{SeriesQuery, SeriesRow, Whose};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayRead};
use crate::answer::problem::Problem;
use crate::answer::text::Text;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::field;
use crate::request::query::{self, Asked};

/// Points in one answer: more than a screen has columns. A day by the minute fits.
const POINTS_MAX: usize = 1_500;
/// Spans read for one answer, all accounts together: about 100 ms.
const SPANS_MAX: usize = 60_000;
/// Lines in one answer; the largest are shown.
const LINES_MAX: usize = 100;
/// Without a span of time, so many points up to now.
const POINTS_DEFAULT: u32 = 60;

/// Which counters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Of this account.
    appid: Option<String>,
    /// By this template.
    template_id: Option<String>,
    /// Of this scenario.
    scenario: Option<String>,
    /// In this lane: `urgent`, `normal` or `bulk`.
    lane: Option<String>,
    /// One line for each `outcome` (the default), `errcode`, `template`, `scenario` or `account`.
    by: Option<String>,
    /// How wide a point is: `minute` (the default), `hour` or `day` (Asia/Shanghai).
    step: Option<String>,
    /// From the point on that holds this. RFC 3339; 60 points before `until` if left out.
    since: Option<String>,
    /// Points that begin before this. RFC 3339; now if left out.
    until: Option<String>,
}

/// What a line is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Outcome,
    Errcode,
    Template,
    Scenario,
    Account,
}

impl By {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "outcome" => Self::Outcome,
            "errcode" => Self::Errcode,
            "template" => Self::Template,
            "scenario" => Self::Scenario,
            "account" => Self::Account,
            _ => return None,
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Errcode => "errcode",
            Self::Template => "template",
            Self::Scenario => "scenario",
            Self::Account => "account",
        }
    }
}

/// Counters over time.
#[derive(Serialize, ToSchema)]
#[schema(as = Series)]
pub(crate) struct SeriesBody {
    /// How wide a point is.
    step: &'static str,
    /// What a line is of.
    by: &'static str,
    /// When each point begins.
    #[schema(value_type = Vec<String>)]
    at: Vec<Timestamp>,
    /// The lines, the largest first.
    lines: Vec<LineBody>,
    /// There are more lines than are shown: ask for one account or another `by`.
    truncated: bool,
    /// How long things took.
    latency: LatenciesBody,
}

/// One line of a chart.
#[derive(Serialize, ToSchema)]
#[schema(as = SeriesLine)]
pub(crate) struct LineBody {
    /// The state, errcode, template_id, scenario or appid.
    name: String,
    /// What is counted: `accepted`, `sent`, `delivered`, `failed`, `suppressed`, `unknown`, `cancelled`, `refused` or `tried`.
    measure: &'static str,
    /// Of an errcode: what it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Text>,
    /// All points together.
    total: i64,
    /// One number a point.
    counts: Vec<i64>,
}

/// How long things took, in milliseconds; each is told to an eighth.
#[derive(Serialize, ToSchema)]
#[schema(as = Latencies)]
pub(crate) struct LatenciesBody {
    /// From acceptance until WeChat had it.
    accept_to_sent_ms: QuantilesBody,
    /// From then until WeChat reported it delivered.
    sent_to_receipt_ms: QuantilesBody,
    /// WeChat's time to answer one try; it is not known by template, scenario or lane.
    answer_ms: QuantilesBody,
}

/// What half, 19 of 20 and 99 of 100 do not exceed; null: nothing was timed.
#[derive(Serialize, ToSchema)]
#[schema(as = Quantiles)]
pub(crate) struct QuantilesBody {
    /// Over all points.
    overall: QuantileBody,
    p50: Vec<Option<i64>>,
    p95: Vec<Option<i64>>,
    p99: Vec<Option<i64>>,
}

/// Three quantiles.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Quantile)]
pub(crate) struct QuantileBody {
    p50: Option<i64>,
    p95: Option<i64>,
    p99: Option<i64>,
}

impl QuantileBody {
    pub(crate) fn of(spread: &Spread) -> Self {
        Self { p50: spread.quantile(0.5), p95: spread.quantile(0.95), p99: spread.quantile(0.99) }
    }
}

/// Counts what happened over time, for charts: messages by outcome, errcode, template, scenario or account, and how long
/// they took. Each is counted when it happened: a message accepted at 10:00 and delivered at 10:05 is in both points.
#[utoipa::path(get, path = "/api/v1/stats/series", tag = "operation", params(Wanted),
    responses((status = 200, description = "The counters", body = SeriesBody)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<Wanted>,
) -> Answer {
    let question = Question::read(&app, &caller, &asked)?;
    let query = SeriesQuery {
        whose: question.whose.clone(),
        step: question.step,
        since: question.since,
        until: question.until,
    };
    let rows = app.store().series(query).await?;
    answer::ok(&question.answer(&rows, &app.engine().catalog()))
}

struct Question {
    whose: Whose,
    template: Option<String>,
    scenario: Option<String>,
    lane: Option<Lane>,
    by: By,
    step: Step,
    since: Timestamp,
    until: Timestamp,
}

impl Question {
    fn read(app: &App, caller: &Caller, asked: &Wanted) -> Result<Self, Problem> {
        let account = match asked.appid.as_deref().filter(|appid| !appid.is_empty()) {
            Some(appid) => Some(app.account(caller, appid)?.id()),
            None => None,
        };
        let mut errors = Vec::new();
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let lane = |word: &str| Lane::ALL.into_iter().find(|lane| lane.as_str() == word);
        let by = "outcome, errcode, template, scenario or account";
        let mut question = Self {
            whose: Whose::All,
            template: given(&asked.template_id),
            scenario: given(&asked.scenario),
            lane: query::read(&mut errors, ("lane", asked.lane.as_deref()), lane, "urgent, normal or bulk"),
            by: query::read(&mut errors, ("by", asked.by.as_deref()), By::parse, by).unwrap_or(By::Outcome),
            step: query::read(
                &mut errors,
                ("step", asked.step.as_deref()),
                Step::parse,
                "minute, hour or day",
            )
            .unwrap_or(Step::Minute),
            since: app.now(),
            until: app.now(),
        };
        question.read_times(asked, app.now(), &mut errors);
        question.whose = question.whose(app, caller, account);
        question.check_size(&mut errors);
        field::none_of(errors)?;
        Ok(question)
    }

    fn read_times(&mut self, asked: &Wanted, now: Timestamp, errors: &mut Vec<FieldError>) {
        let a_time = "an RFC 3339 time, like 2026-11-23T12:00:00+08:00";
        let until = query::read(errors, ("until", asked.until.as_deref()), query::timestamp, a_time);
        let since = query::read(errors, ("since", asked.since.as_deref()), query::timestamp, a_time);
        // Just after now, so that the point is in it that is not over yet.
        self.until = until.unwrap_or(now.plus(Duration::from_millis(1)));
        let before =
            self.until.minus(self.step.length() * (POINTS_DEFAULT - 1)).minus(Duration::from_millis(1));
        self.since = self.step.begin_of(since.unwrap_or(before));
        if self.until <= self.since {
            errors.push(FieldError::new("until", FieldCode::TooEarly, "is before `since`"));
        }
    }

    fn whose(&self, app: &App, caller: &Caller, account: Option<AccountId>) -> Whose {
        if let Some(account) = account {
            return Whose::Of(vec![account]);
        }
        // All accounts together are counted without their templates: then it is one row a point.
        let each = matches!(self.by, By::Account | By::Template) || self.template.is_some();
        if caller.is_for_all() && !each {
            return Whose::All;
        }
        let catalog = app.engine().catalog();
        let mine = catalog.accounts().map(|account| account.id()).filter(|id| caller.may_touch(*id));
        Whose::Of(mine.collect())
    }

    fn check_size(&self, errors: &mut Vec<FieldError>) {
        let accounts = match &self.whose {
            Whose::All => 1,
            Whose::Of(accounts) => accounts.len().max(1),
        };
        let points = self.points();
        if points > POINTS_MAX {
            let message =
                says!("are more than {max} points: ask for a wider `step` or less time", max = POINTS_MAX);
            errors.push(FieldError::new("since", FieldCode::TooMany, message));
        } else if points * accounts > SPANS_MAX {
            let message = "is too much for so many accounts: name one by `appid`, or ask for a wider `step`";
            errors.push(FieldError::new("since", FieldCode::TooMany, message));
        }
    }

    fn points(&self) -> usize {
        let span = self.until.since(self.since).as_millis();
        usize::try_from(span.div_ceil(self.step.length().as_millis())).unwrap_or(usize::MAX)
    }

    fn place(&self, at: Timestamp) -> usize {
        let passed = at.since(self.since).as_millis() / self.step.length().as_millis();
        usize::try_from(passed).unwrap_or(usize::MAX)
    }

    fn answer(&self, rows: &[SeriesRow], catalog: &Catalog) -> SeriesBody {
        let points = self.points();
        let mut lines: BTreeMap<(String, &'static str), Vec<i64>> = BTreeMap::new();
        let mut timed = Timed::new(points);
        for row in rows {
            let place = self.place(row.at);
            let cells = row.cells.iter().filter(|(key, _)| place < points && self.wants(key));
            for (key, cell) in cells {
                timed.add(place, key, cell);
                if let Some(line) = self.line(row.account, key, catalog) {
                    lines.entry(line).or_insert_with(|| vec![0; points])[place] += cell.count;
                }
            }
        }
        let mut lines: Vec<_> = lines.into_iter().map(|(line, counts)| LineBody::of(line, counts)).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.total));
        let truncated = lines.len() > LINES_MAX;
        lines.truncate(LINES_MAX);
        let at = (0..points as u32).map(|nth| self.since.plus(self.step.length() * nth)).collect();
        let (step, by) = (self.step.as_str(), self.by.as_str());
        SeriesBody { step, by, at, lines, truncated, latency: timed.into() }
    }

    fn wants(&self, key: &SeriesKey) -> bool {
        self.template.as_deref().is_none_or(|template| *key.template == *template)
            && self.scenario.as_deref().is_none_or(|scenario| *key.scenario == *scenario)
            && self.lane.is_none_or(|lane| key.lane == Some(lane))
    }

    fn line(&self, account: AccountId, key: &SeriesKey, catalog: &Catalog) -> Option<(String, &'static str)> {
        let measure = measure(key.measure)?;
        let name = match self.by {
            By::Errcode => return errcode(key.measure).map(|errcode| (errcode.to_string(), "tried")),
            _ if measure == "tried" => return None,
            By::Outcome => measure.to_owned(),
            By::Template => key.template.to_string(),
            By::Scenario => key.scenario.to_string(),
            By::Account => catalog.by_id(account)?.appid().to_string(),
        };
        Some((name, measure))
    }
}

/// The word for what is counted; `None`: it is not over time.
pub(crate) fn measure(measure: Measure) -> Option<&'static str> {
    Some(match measure {
        Measure::Accepted => "accepted",
        Measure::Sent(_) => "sent",
        Measure::Ended(state, _) => state.as_str(),
        Measure::Tried(..) => "tried",
        Measure::Refused(_) => "refused",
        Measure::Waiting(_) => return None,
    })
}

fn errcode(measure: Measure) -> Option<i64> {
    match measure {
        Measure::Tried(_, errcode) if errcode != 0 => Some(errcode),
        _ => None,
    }
}

impl LineBody {
    fn of((name, measure): (String, &'static str), counts: Vec<i64>) -> Self {
        let errcode = (measure == "tried").then(|| name.parse().ok()).flatten();
        Self { measure, meaning: errcode.and_then(Text::meaning), total: counts.iter().sum(), counts, name }
    }
}

/// How long things took, point by point.
struct Timed {
    sent: Vec<Spread>,
    delivered: Vec<Spread>,
    answered: Vec<Spread>,
}

impl Timed {
    fn new(points: usize) -> Self {
        let none = || vec![Spread::default(); points];
        Self { sent: none(), delivered: none(), answered: none() }
    }

    fn add(&mut self, place: usize, key: &SeriesKey, cell: &Cell) {
        let spreads = match key.measure {
            Measure::Sent(_) => &mut self.sent,
            Measure::Ended(MessageState::Delivered, _) => &mut self.delivered,
            Measure::Tried(..) => &mut self.answered,
            _ => return,
        };
        spreads[place].add(&cell.spread);
    }
}

impl From<Timed> for LatenciesBody {
    fn from(timed: Timed) -> Self {
        Self {
            accept_to_sent_ms: quantiles(&timed.sent),
            sent_to_receipt_ms: quantiles(&timed.delivered),
            answer_ms: quantiles(&timed.answered),
        }
    }
}

fn quantiles(spreads: &[Spread]) -> QuantilesBody {
    let mut all = Spread::default();
    spreads.iter().for_each(|spread| all.add(spread));
    let each = |share| spreads.iter().map(|spread| spread.quantile(share)).collect();
    QuantilesBody { overall: QuantileBody::of(&all), p50: each(0.5), p95: each(0.95), p99: each(0.99) }
}
