//! The application for a custom template (自定义模板申请), from draft to WeChat's answer.
//!
//! WeChat has no API for it: a person applies in mp.weixin.qq.com, and here it is prepared, checked and tracked. An
//! application changes state through [`decide`] only.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use crate::id::BadId;
use crate::message::words;
use crate::{FieldKind, Template, Timestamp};

mod check;

pub use check::{Checked, FaultCode, Finding, check};

/// Submits that WeChat takes in a calendar month of Asia/Shanghai from one account.
pub const SUBMITS_A_MONTH: usize = 3;
/// Working days in which WeChat's review is expected to end.
const REVIEW_WORKING_DAYS: usize = 3;

/// The number of an application in its account, written `app_7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApplicationId(pub i64);

impl fmt::Display for ApplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "app_{}", self.0)
    }
}

impl FromStr for ApplicationId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let digits = text.strip_prefix("app_").filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse().ok());
        number.map(Self).ok_or(BadId::new("application id"))
    }
}

impl Serialize for ApplicationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is applied for. A draft may be anything: [`check`] says what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Application {
    /// Names the kind of message; at most 20 characters.
    pub title: String,
    /// WeChat's code, 1 to 41.
    pub industry: Option<u8>,
    /// 1 to 10, in the order of the business.
    pub keywords: Vec<Keyword>,
    /// A value for every keyword, by its name.
    pub sample: BTreeMap<String, String>,
    /// Why it is needed: who gets it, upon what.
    pub purpose: String,
    /// Pages that show the business.
    pub links: Vec<String>,
}

/// One line of the wanted template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyword {
    /// Its label, `订单编号`.
    pub name: String,
    /// The word of its type, `character_string`.
    #[serde(rename = "type")]
    pub kind: String,
}

impl Keyword {
    /// The type, if it is one that new templates may have.
    pub fn kind(&self) -> Option<FieldKind> {
        FieldKind::parse(&self.kind).filter(|kind| kind.family() == crate::Family::Category)
    }
}

impl Application {
    /// The template that is applied for, as WeChat would list it: `订单编号{{character_string1.DATA}}\n…`.
    pub fn content(&self) -> String {
        let line = |(at, keyword): (usize, &Keyword)| {
            format!("{}{{{{{}{}.DATA}}}}", keyword.name.trim(), keyword.kind, at + 1)
        };
        self.keywords.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Whether `template` has this title and these keywords, in whatever order.
    pub fn is_like(&self, template: &Template) -> bool {
        let mut wanted: Vec<_> = self.keywords.iter().map(|keyword| keyword.name.trim()).collect();
        let mut labels: Vec<_> = template.fields.iter().map(|field| field.label.as_str()).collect();
        wanted.sort_unstable();
        labels.sort_unstable();
        !wanted.is_empty() && self.title.trim() == template.title.trim() && wanted == labels
    }
}

words! {
    /// Where an application stands. Final: approved and withdrawn.
    ApplicationState {
        /// It is being written.
        Draft = "draft",
        /// The check found no fault; nothing was changed since.
        Checked = "checked",
        /// A person has handed it in at mp.weixin.qq.com.
        Submitted = "submitted",
        /// WeChat took it.
        Approved = "approved",
        /// WeChat refused it; a change makes it a draft again.
        Rejected = "rejected",
        /// It was given up.
        Withdrawn = "withdrawn",
    }
}

/// What has to be known of an application to decide its next step.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Where it stands.
    pub state: ApplicationState,
    /// What is applied for.
    pub application: &'a Application,
    /// When it was handed in last.
    pub submitted_at: Option<Timestamp>,
    /// How often the account handed in an application in this calendar month.
    pub submits_this_month: usize,
}

/// Something that happens to an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What is applied for is changed.
    Edited(Box<Application>),
    /// It is to be checked.
    Checked,
    /// It was handed in.
    Submitted,
    /// WeChat took it.
    Approved(Answer),
    /// WeChat refused it.
    Rejected(Answer),
    /// It is given up.
    Withdrawn,
}

/// WeChat's answer, as a person writes it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When it was given.
    pub at: Timestamp,
    /// Who gave it or noted it.
    pub reviewer: String,
    /// Why; WeChat's words.
    pub reason: String,
    /// The template that it became.
    pub template_id: Option<String>,
}

impl Event {
    /// The word of the deed.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Edited(_) => "change",
            Self::Checked => "check",
            Self::Submitted => "submit",
            Self::Approved(_) => "approve",
            Self::Rejected(_) => "reject",
            Self::Withdrawn => "withdraw",
        }
    }
}

/// Why an event is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Not in this state.
    State(ApplicationState),
    /// The account has handed in all that a month allows.
    MonthIsFull {
        /// When the next month begins.
        allowed_at: Timestamp,
    },
    /// The answer's date lies before the submit, or ahead.
    AnswerDate,
}

/// Decides the state that an event makes of an application.
pub fn decide(standing: &Standing<'_>, event: &Event, now: Timestamp) -> Result<ApplicationState, Refused> {
    use ApplicationState::{Approved, Checked, Draft, Rejected, Submitted, Withdrawn};
    match (standing.state, event) {
        (Draft | Checked | Rejected, Event::Edited(_)) => Ok(Draft),
        (Draft | Checked, Event::Checked) if check(standing.application).faults.is_empty() => Ok(Checked),
        (Draft | Checked, Event::Checked) => Ok(Draft),
        (Checked, Event::Submitted) if standing.submits_this_month >= SUBMITS_A_MONTH => {
            Err(Refused::MonthIsFull { allowed_at: now.next_month() })
        }
        (Checked, Event::Submitted) => Ok(Submitted),
        (Submitted, Event::Approved(answer) | Event::Rejected(answer))
            if answer.at > now || standing.submitted_at.is_some_and(|at| answer.at < at) =>
        {
            Err(Refused::AnswerDate)
        }
        (Submitted, Event::Approved(_)) => Ok(Approved),
        (Submitted, Event::Rejected(_)) => Ok(Rejected),
        // WeChat counted the submit all the same.
        (Draft | Checked | Submitted | Rejected, Event::Withdrawn) => Ok(Withdrawn),
        (state, _) => Err(Refused::State(state)),
    }
}

/// By when WeChat's review is expected to end: the end of the third working day after the submit. Monday to Friday
/// count; public holidays are not known here, and make it later.
pub fn review_due(submitted_at: Timestamp) -> Timestamp {
    let days = (submitted_at.day() + 1..).map(Timestamp::of_day).filter(|day| day.is_weekday());
    let last = days.into_iter().nth(REVIEW_WORKING_DAYS - 1);
    last.unwrap_or(submitted_at).next_day()
}

#[cfg(test)]
mod tests;
