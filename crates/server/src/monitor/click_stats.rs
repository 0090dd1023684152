//! How often links are followed: by template, scenario, industry or variant, each with its interval.

use std::collections::BTreeMap;

use axum::extract::State;
use hongyan_content::{Answer as Better, Industry, Interval, Sample, compare, wilson};
use hongyan_engine::{Account, advice};
use hongyan_store::ClickRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::MayRead;
use crate::answer::text::Text;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::monitor::stats::days;
use crate::request::field;
use crate::request::query::{self, Asked};

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Template,
    Scenario,
    Industry,
    Variant,
}

impl By {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "template" => Some(Self::Template),
            "scenario" => Some(Self::Scenario),
            "industry" => Some(Self::Industry),
            "variant" => Some(Self::Variant),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Scenario => "scenario",
            Self::Industry => "industry",
            Self::Variant => "variant",
        }
    }
}

/// Which days, whose, and what is counted together.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClickQuery {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// `template` (the default), `scenario`, `industry` or `variant`.
    by: Option<String>,
    /// Only of this scenario.
    scenario: Option<String>,
    /// The first day of acceptance (Asia/Shanghai), like 2026-11-23; six days before `until` if left out.
    since: Option<String>,
    /// The last day; today if left out.
    until: Option<String>,
}

/// How often links were followed.
#[derive(Serialize, ToSchema)]
#[schema(as = ClickStats)]
pub(crate) struct ClickStatsBody {
    by: &'static str,
    rows: Vec<ClickRowBody>,
    /// By variant: each against the first of its scenario.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparisons: Vec<ComparisonBody>,
    /// Published averages to compare with, not our own measure.
    references: Vec<ReferenceBody>,
}

/// Messages that are counted together.
#[derive(Serialize, ToSchema)]
#[schema(as = ClickRow)]
pub(crate) struct ClickRowBody {
    /// The template, scenario, industry, or scenario and variant; empty: none.
    name: String,
    /// Messages with a counted link that WeChat took.
    sent: u64,
    /// How many of them were tapped.
    clicked: u64,
    /// How often, all together.
    clicks: u64,
    /// Tapped of sent; null before the first.
    rate: Option<f64>,
    /// Where the rate truly lies, at 95 % (Wilson).
    #[schema(value_type = Object)]
    interval: Interval,
    /// The published average of its industry.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<f64>,
}

/// Two variants side by side.
#[derive(Serialize, ToSchema)]
#[schema(as = VariantComparison)]
pub(crate) struct ComparisonBody {
    scenario: String,
    a: String,
    b: String,
    /// B's rate less A's, at 95 %.
    #[schema(value_type = Object)]
    difference: Interval,
    p: f64,
    /// `too_few`, `undecided`, `a` or `b`.
    #[schema(value_type = String)]
    answer: Better,
    /// The same as a sentence.
    text: Text,
}

/// A published average.
#[derive(Serialize, ToSchema)]
#[schema(as = ClickReference)]
pub(crate) struct ReferenceBody {
    #[schema(value_type = String)]
    industry: Industry,
    rate: f64,
}

/// Shows how often links were followed, of messages with a counted link.
#[utoipa::path(get, path = "/api/v1/stats/clicks", tag = "stats", params(ClickQuery),
    responses((status = 200, description = "The rates", body = ClickStatsBody)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<ClickQuery>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let mut errors = Vec::new();
    let words = "template, scenario, industry or variant";
    let by = query::read(&mut errors, ("by", asked.by.as_deref()), By::parse, words).unwrap_or(By::Template);
    field::none_of(errors)?;
    let (since, until) = days((asked.since.as_deref(), asked.until.as_deref()), app.now().day())?;
    let mut found = app.store().click_rows(since..until + 1, account.id()).await?;
    let scenario = asked.scenario.as_deref().filter(|scenario| !scenario.is_empty());
    found.retain(|row| scenario.is_none() || row.scenario.as_deref() == scenario);
    let groups = grouped(&account, by, &found);
    let comparisons = if by == By::Variant { compared(&account, &groups) } else { Vec::new() };
    let rows = groups.iter().map(|(name, group)| row_of(&account, by, name, group)).collect();
    let reference = |industry: Industry| ReferenceBody { industry, rate: industry.reference_click_rate() };
    let references = Industry::ALL.map(reference).into();
    answer::ok(&ClickStatsBody { by: by.as_str(), rows, comparisons, references })
}

#[derive(Default)]
struct Group {
    sent: u64,
    clicked: u64,
    clicks: u64,
}

impl Group {
    fn sample(&self) -> Sample {
        Sample { clicked: self.clicked, delivered: self.sent }
    }
}

/// What stands between a scenario and its variant: no name holds it.
const WITHIN: char = '/';

fn grouped(account: &Account, by: By, rows: &[ClickRow]) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for row in rows {
        let name = match by {
            By::Template => row.template_id.clone(),
            By::Scenario => row.scenario.clone().unwrap_or_default(),
            By::Industry => industry(account, &row.template_id).map_or("", |one| one.names().1).to_owned(),
            By::Variant => match (&row.scenario, &row.variant) {
                (Some(scenario), Some(variant)) => format!("{scenario}{WITHIN}{variant}"),
                _ => continue,
            },
        };
        let group = groups.entry(name).or_default();
        group.sent += row.sent;
        group.clicked += row.clicked;
        group.clicks += row.clicks;
    }
    groups
}

fn industry(account: &Account, template_id: &str) -> Option<Industry> {
    account.template(template_id).and_then(|template| advice::industry_of(account, template))
}

fn row_of(account: &Account, by: By, name: &str, group: &Group) -> ClickRowBody {
    let industry = match by {
        By::Template => industry(account, name),
        By::Industry => Industry::ALL.into_iter().find(|one| one.names().1 == name),
        By::Scenario | By::Variant => {
            let scenario = account.scenario(name.split(WITHIN).next().unwrap_or(name));
            let template_id = scenario.and_then(|compiled| compiled.scenario().template_id.as_deref());
            template_id.and_then(|id| industry(account, id))
        }
    };
    let Group { sent, clicked, clicks } = *group;
    ClickRowBody {
        name: name.to_owned(),
        sent,
        clicked,
        clicks,
        rate: group.sample().rate(),
        interval: wilson(group.sample()),
        reference: industry.map(Industry::reference_click_rate),
    }
}

/// Where a variant stands in its scenario's list; one that is not in it any more comes last.
fn place(account: &Account, scenario: &str, variant: &str) -> usize {
    let declared = account.scenario(scenario).map(|compiled| &compiled.scenario().variants);
    let place = declared.and_then(|list| list.iter().position(|one| one.name.as_str() == variant));
    place.unwrap_or(usize::MAX)
}

/// Each variant against the first of its scenario: the one that is declared first.
fn compared(account: &Account, groups: &BTreeMap<String, Group>) -> Vec<ComparisonBody> {
    let named = |(name, group): (&String, _)| {
        let (scenario, variant) = name.split_once(WITHIN)?;
        let place = place(account, scenario, variant);
        Some(((scenario.to_owned(), place, variant.to_owned()), group))
    };
    let in_order: BTreeMap<_, _> = groups.iter().filter_map(named).collect();
    let mut first: Option<(String, String, Sample)> = None;
    let mut comparisons = Vec::new();
    for ((scenario, _, variant), group) in in_order {
        match &first {
            Some((same, a, sample)) if *same == scenario => {
                // Nothing was sent of one of them yet.
                let Some(found) = compare(*sample, group.sample()) else { continue };
                comparisons.push(ComparisonBody {
                    text: sentence(found.answer, a, &variant),
                    scenario,
                    a: a.clone(),
                    b: variant,
                    difference: found.difference,
                    p: found.p,
                    answer: found.answer,
                });
            }
            _ => first = Some((scenario, variant, group.sample())),
        }
    }
    comparisons
}

fn sentence(answer: Better, a: &str, b: &str) -> Text {
    let (zh, en) = match answer {
        Better::TooFew => (
            format!("点击太少，还不能比较 {a} 和 {b}。"),
            format!("Too few clicks to compare {a} and {b} yet."),
        ),
        Better::Undecided => (
            format!("{a} 和 {b} 的差别可能只是偶然。"),
            format!("The difference between {a} and {b} may be chance."),
        ),
        Better::A => (
            format!("{a} 的点击率高于 {b}（置信度 95%）。"),
            format!("{a} is tapped more often than {b}, at 95 %."),
        ),
        Better::B => (
            format!("{b} 的点击率高于 {a}（置信度 95%）。"),
            format!("{b} is tapped more often than {a}, at 95 %."),
        ),
    };
    Text::new(zh, en)
}
