//! Applications as the API takes and shows them.

use std::collections::BTreeMap;

use hongyan_domain::application::{self, Checked, Keyword};
use hongyan_domain::{Application, ApplicationState, Timestamp};
use hongyan_store::{ApplicationRecord, ApplicationStep};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::text::Text;

/// What is applied for. What is left out stays as it is; of a new one, it is empty.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplicationChange {
    /// Names the kind of message; at most 20 characters.
    title: Option<String>,
    /// WeChat's code, 1 to 41: see `/api/v1/industries`.
    industry: Option<u8>,
    /// 1 to 10, in the order of the business; each `{"name": "订单编号", "type": "character_string"}`.
    #[schema(value_type = Option<Vec<Object>>)]
    keywords: Option<Vec<Keyword>>,
    /// A value for every keyword, by its name.
    sample: Option<BTreeMap<String, String>>,
    /// Why it is needed: who gets it, upon what.
    purpose: Option<String>,
    /// Pages that show the business.
    links: Option<Vec<String>>,
}

impl ApplicationChange {
    /// The application with this change in it.
    pub(super) fn applied(self, before: Application) -> Application {
        Application {
            title: self.title.unwrap_or(before.title),
            industry: self.industry.or(before.industry),
            keywords: self.keywords.unwrap_or(before.keywords),
            sample: self.sample.unwrap_or(before.sample),
            purpose: self.purpose.unwrap_or(before.purpose),
            links: self.links.unwrap_or(before.links),
        }
    }
}

/// WeChat's answer, as a person notes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerRequest {
    /// When it came. RFC 3339; left out: now.
    #[schema(value_type = Option<String>)]
    pub(super) at: Option<Timestamp>,
    /// Who answered or noted it.
    pub(super) reviewer: String,
    /// WeChat's words; needed where it was refused.
    #[serde(default)]
    pub(super) reason: String,
    /// The template that it became.
    pub(super) template_id: Option<String>,
}

/// Which applications.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// In this state.
    pub(super) state: Option<String>,
    /// Where to go on: `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
    /// 1 to 500; 50 if left out.
    pub(super) limit: Option<String>,
}

/// Some of many.
#[derive(Serialize, ToSchema)]
#[schema(as = ApplicationPage)]
pub(crate) struct ApplicationsBody {
    /// The newest first.
    pub(super) applications: Vec<ApplicationBody>,
    /// Give it back as `cursor` to go on; null: that was all.
    pub(super) next_cursor: Option<String>,
    /// What the account handed in this month.
    pub(super) month: MonthBody,
}

/// Submits of an account in this calendar month (Asia/Shanghai).
#[derive(Serialize, ToSchema)]
#[schema(as = ApplicationMonth)]
pub(crate) struct MonthBody {
    submitted: usize,
    /// What WeChat takes in a month.
    allowed: usize,
    /// When the next month begins.
    #[schema(value_type = String)]
    next_at: Timestamp,
}

impl MonthBody {
    pub(super) fn of(submitted: usize, now: Timestamp) -> Self {
        Self { submitted, allowed: application::SUBMITS_A_MONTH, next_at: now.next_month() }
    }
}

/// An application for a custom template.
#[derive(Serialize, ToSchema)]
#[schema(as = Application)]
pub(crate) struct ApplicationBody {
    /// `app_` and a number that counts up in the account.
    id: String,
    /// `draft`, `checked`, `submitted`, `approved`, `rejected` or `withdrawn`.
    #[schema(value_type = String)]
    state: ApplicationState,
    /// `title`, `industry`, `keywords`, `sample`, `purpose`, `links`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    application: Application,
    /// The template as WeChat would list it.
    content: String,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = String)]
    updated_at: Timestamp,
    /// When it was handed in last.
    #[schema(value_type = Option<String>)]
    submitted_at: Option<Timestamp>,
    /// While WeChat reviews it.
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<ReviewBody>,
    /// Every state it entered, the oldest first.
    steps: Vec<StepBody>,
}

/// When WeChat's answer is expected.
#[derive(Serialize, ToSchema)]
#[schema(as = Review)]
pub(crate) struct ReviewBody {
    /// The end of the third working day after the submit.
    #[schema(value_type = String)]
    due_at: Timestamp,
    /// Whether that is past.
    overdue: bool,
    /// How it was counted.
    note: Text,
}

/// A state that an application entered.
#[derive(Serialize, ToSchema)]
#[schema(as = ApplicationStep)]
pub(crate) struct StepBody {
    /// When; of WeChat's answers, the date that was given.
    #[schema(value_type = String)]
    at: Timestamp,
    #[schema(value_type = String)]
    state: ApplicationState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reviewer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The template that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<String>,
}

/// What the check found.
#[derive(Serialize, ToSchema)]
#[schema(as = ApplicationCheck)]
pub(crate) struct CheckedBody {
    /// `faults` and `advice`; each `{"field", "code", "zh", "en"}`, with what to do.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub(super) found: Checked,
    /// Where it stands now.
    pub(super) application: ApplicationBody,
}

impl ApplicationBody {
    pub(super) fn of(record: ApplicationRecord, now: Timestamp) -> Self {
        let under_review = record.submitted_at.filter(|_| record.state == ApplicationState::Submitted);
        Self {
            id: record.id.to_string(),
            state: record.state,
            content: record.application.content(),
            application: record.application,
            created_at: record.created_at,
            updated_at: record.updated_at,
            submitted_at: record.submitted_at,
            review: under_review.map(|submitted_at| ReviewBody::of(submitted_at, now)),
            steps: record.steps.into_iter().map(StepBody::of).collect(),
        }
    }
}

impl ReviewBody {
    fn of(submitted_at: Timestamp, now: Timestamp) -> Self {
        let due_at = application::review_due(submitted_at);
        let note = Text::new(
            "微信审核一般需要 1–3 个工作日；按周一至周五计算，未计法定节假日",
            "WeChat's review takes 1 to 3 working days; Monday to Friday are counted, public holidays are not known here",
        );
        Self { due_at, overdue: now >= due_at, note }
    }
}

impl StepBody {
    fn of(step: ApplicationStep) -> Self {
        let ApplicationStep { at, state, reviewer, reason, template_id } = step;
        let reason = reason.filter(|reason| !reason.is_empty());
        Self { at, state, reviewer, reason, template_id }
    }
}
