//! When to call a person: rules as data, and the one function that says what a sample makes of an alert.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::message::words;
use crate::{FieldCode, FieldError, Timestamp, says};

mod ready;
pub use ready::ready;

/// Longest id and name, in characters.
const NAME_MAX: usize = 64;
/// Longest window and waits, in minutes: a week.
const MINUTES_MAX: u32 = 7 * 24 * 60;
/// Channels one rule may name.
const CHANNELS_MAX: usize = 20;

words! {
    /// What is measured.
    Metric {
        /// How often WeChat answered so, in the window.
        ErrcodeCount = "errcode_count",
        /// The share of tries that WeChat answered so, 0 to 1.
        ErrcodeRate = "errcode_rate",
        /// Of what became final, the share that was delivered, 0 to 1.
        SuccessRate = "success_rate",
        /// Of what WeChat took, the share that it had after the deadline, 0 to 1.
        LateShare = "late_share",
        /// How long the first of a lane is over its deadline, in seconds.
        BacklogAge = "backlog_age",
        /// In how many hours today's quota is used up at the present rate.
        QuotaForecast = "quota_forecast",
        /// 1 while there is no access_token.
        TokenFailure = "token_failure",
        /// Minutes since WeChat last called back, while messages go.
        CallbackSilence = "callback_silence",
        /// Of what WeChat reported, the share that the person had switched off, 0 to 1.
        UserBlockRate = "user_block_rate",
        /// Of the messages sent on the days of the window, the share that was complained of, 0 to 1.
        ComplaintRate = "complaint_rate",
        /// 1 while a brake stops a template, or gives the alarm only.
        BrakePulled = "brake_pulled",
        /// Minutes for which the first message has waited for a person's approval.
        ApprovalWait = "approval_wait",
        /// Hours for which an outgoing webhook has failed.
        WebhookFailure = "webhook_failure",
        /// Templates that somebody else added, changed or deleted at WeChat, as reading the library found it.
        TemplateChanged = "template_changed",
    }
}

impl Metric {
    /// Small values are the bad ones.
    pub fn is_bad_below(self) -> bool {
        matches!(self, Self::SuccessRate | Self::QuotaForecast)
    }

    /// Whether it is told by the counters over time; the others are read as they stand, or by the day.
    pub fn is_of_series(self) -> bool {
        !matches!(self, Self::ComplaintRate | Self::BrakePulled | Self::ApprovalWait)
    }

    /// Whether it is of one error code.
    pub fn is_of_errcode(self) -> bool {
        matches!(self, Self::ErrcodeCount | Self::ErrcodeRate)
    }
}

words! {
    /// How bad it is.
    Severity {
        /// Good to know.
        Info = "info",
        /// Look today.
        Warning = "warning",
        /// Look now.
        Critical = "critical",
    }
}

words! {
    /// What one alert is about.
    Scope {
        /// Each account by itself.
        Account = "account",
        /// Each template of each account by itself; for error codes and rates only.
        Template = "template",
    }
}

/// A rule: what is measured, when it is too much, and whom to tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// Its name in URLs: lower-case letters, digits, `-`, `_`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it is looked at.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How bad it is.
    #[serde(default = "warning")]
    pub severity: Severity,
    /// What is measured.
    pub metric: Metric,
    /// Of which error code; for `errcode_count` and `errcode_rate`.
    #[serde(default)]
    pub errcode: Option<i64>,
    /// By account or by template.
    #[serde(default = "account")]
    pub scope: Scope,
    /// Of these accounts only (appids); empty: of all.
    #[serde(default)]
    pub appids: Vec<String>,
    /// How far back is counted, in minutes.
    #[serde(default = "five")]
    pub window_minutes: u32,
    /// From this value on (below it, where small is bad) it is too much.
    pub threshold: f64,
    /// It is over only when the value is on this side again; left out: a tenth on the good side of the threshold.
    #[serde(default)]
    pub clear: Option<f64>,
    /// A rate of fewer events than this is no news.
    #[serde(default)]
    pub at_least: i64,
    /// So long it has to be too much before anybody is told, in minutes.
    #[serde(default)]
    pub for_minutes: u32,
    /// Told again after so long while it lasts, in minutes; 0: once.
    #[serde(default = "hours")]
    pub repeat_minutes: u32,
    /// Whom to tell (ids of channels); empty: all channels.
    #[serde(default)]
    pub channels: Vec<String>,
}

fn yes() -> bool {
    true
}

fn warning() -> Severity {
    Severity::Warning
}

fn account() -> Scope {
    Scope::Account
}

fn five() -> u32 {
    5
}

fn hours() -> u32 {
    4 * 60
}

impl AlertRule {
    /// All that is wrong with it.
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let bad = |field: &'static str, message: &'static str| {
            FieldError::new(field, FieldCode::BadFormat, message)
        };
        if !is_slug(&self.id) {
            errors.push(bad("id", "has 1 to 64 lower-case letters, digits, `-` or `_`"));
        }
        if self.name.trim().is_empty() || self.name.chars().count() > NAME_MAX {
            errors.push(bad("name", "has 1 to 64 characters"));
        }
        if self.metric.is_of_errcode() != self.errcode.is_some() {
            errors.push(bad("errcode", "belongs to errcode_count and errcode_rate, and only to those"));
        }
        if self.scope == Scope::Template && !self.can_be_by_template() {
            errors.push(bad("scope", "this metric is not known by template"));
        }
        if !self.threshold.is_finite() || self.threshold < 0.0 {
            errors.push(bad("threshold", "is not a number from 0 on"));
        }
        if self.clear.is_some_and(|clear| !clear.is_finite() || self.is_bad(clear) && clear != self.threshold)
        {
            errors.push(bad("clear", "is on the bad side of the threshold: the alert would never end"));
        }
        if self.channels.len() > CHANNELS_MAX {
            errors.push(bad("channels", "are more than 20"));
        }
        errors.extend(self.check_times());
        errors
    }

    fn check_times(&self) -> Vec<FieldError> {
        let times = [
            ("window_minutes", self.window_minutes, 1),
            ("for_minutes", self.for_minutes, 0),
            ("repeat_minutes", self.repeat_minutes, 0),
        ];
        let wrong = times.into_iter().filter(|(_, minutes, least)| !(*least..=MINUTES_MAX).contains(minutes));
        let error = |(field, _, least): (&'static str, u32, u32)| {
            let message = says!("is not from {least} to {most} minutes", least, most = MINUTES_MAX);
            FieldError::new(field, FieldCode::BadFormat, message)
        };
        wrong.map(error).collect()
    }

    fn can_be_by_template(&self) -> bool {
        use Metric::{
            BrakePulled, ComplaintRate, ErrcodeCount, LateShare, SuccessRate, TemplateChanged, UserBlockRate,
        };
        matches!(
            self.metric,
            ErrcodeCount
                | SuccessRate
                | LateShare
                | UserBlockRate
                | TemplateChanged
                | ComplaintRate
                | BrakePulled
        )
    }

    fn is_bad(&self, value: f64) -> bool {
        if self.metric.is_bad_below() { value < self.threshold } else { value >= self.threshold }
    }

    /// Not bad, and far enough from it that it does not come back at once.
    fn is_good(&self, value: f64) -> bool {
        if self.metric.is_bad_below() {
            value >= self.clear.unwrap_or(self.threshold * 1.1).min(1.0_f64.max(self.threshold))
        } else {
            value < self.threshold && value <= self.clear.unwrap_or(self.threshold * 0.9)
        }
    }
}

words! {
    /// By what a person is told.
    ChannelKind {
        /// 企业微信 group robot.
        WeCom = "wecom",
        /// 钉钉 group robot.
        DingTalk = "dingtalk",
        /// 飞书 group robot.
        Feishu = "feishu",
        /// A webhook, signed as Standard Webhooks.
        Webhook = "webhook",
        /// E-mail, by a mail server.
        Email = "email",
    }
}

words! {
    /// How the way to a mail server is encrypted.
    MailTls {
        /// From the first byte: what port 465 is for (RFC 8314).
        Implicit = "implicit",
        /// From the greeting on: what port 587 is for.
        StartTls = "starttls",
        /// Not at all: a relay beside us. No password goes this way.
        None = "none",
    }
}

impl MailTls {
    /// The port where nothing else is said.
    pub fn port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

/// Whether `text` can stand in a URL as a name.
pub fn is_slug(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=NAME_MAX).contains(&text.len()) && text.chars().all(fits)
}

/// What was measured at one time of one account (and template).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The value.
    pub value: f64,
    /// Of how many events.
    pub events: i64,
}

words! {
    /// Where an alert stands.
    AlertState {
        /// It is too much, but not for long enough yet.
        Pending = "pending",
        /// It is too much.
        Firing = "firing",
        /// It was.
        Resolved = "resolved",
    }
}

/// An alert: a rule that something breaks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Where it stands.
    pub state: AlertState,
    /// Since when it is too much.
    pub since: Timestamp,
    /// When it began to fire.
    pub fired_at: Option<Timestamp>,
    /// When it was over.
    pub resolved_at: Option<Timestamp>,
    /// When somebody was last told of it.
    pub told_at: Option<Timestamp>,
    /// Nobody is told before this.
    pub silenced_until: Option<Timestamp>,
    /// The last value.
    pub value: f64,
}

words! {
    /// What is to be told.
    News {
        /// It fires.
        Firing = "firing",
        /// It still does.
        Again = "again",
        /// It is over.
        Resolved = "resolved",
    }
}

/// What a look at a sample makes of an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// There is none, and there need not be one.
    Nothing,
    /// It passed before it fired: nobody ever heard of it.
    Forget,
    /// So it stands now; and this is to be told, if anything.
    Stands(Standing, Option<News>),
}

/// Decides: rule × how the alert stood × sample × now → how it stands and what to tell.
///
/// `sample` is `None` where nothing was measured: then nothing is too much, but what fires goes on until there is
/// something good to see or the window has passed.
pub fn step(rule: &AlertRule, stood: Option<&Standing>, sample: Option<Sample>, now: Timestamp) -> Step {
    let sample = sample.filter(|sample| sample.events >= rule.at_least);
    let bad = sample.is_some_and(|sample| rule.is_bad(sample.value));
    let stood = stood.filter(|stood| stood.state != AlertState::Resolved);
    match (stood, bad) {
        (None, false) => Step::Nothing,
        (None, true) => begin(rule, sample.map_or(0.0, |sample| sample.value), now),
        (Some(stood), _) if stood.state == AlertState::Pending => {
            pending(rule, *stood, sample.filter(|_| bad), now)
        }
        (Some(stood), _) => firing(rule, *stood, sample, now),
    }
}

fn begin(rule: &AlertRule, value: f64, now: Timestamp) -> Step {
    let began = Standing {
        state: AlertState::Pending,
        since: now,
        fired_at: None,
        resolved_at: None,
        told_at: None,
        silenced_until: None,
        value,
    };
    pending(rule, began, Some(Sample { value, events: 0 }), now)
}

fn pending(rule: &AlertRule, stood: Standing, bad: Option<Sample>, now: Timestamp) -> Step {
    let Some(sample) = bad else { return Step::Forget };
    let stands = Standing { value: sample.value, ..stood };
    if now.since(stood.since) < minutes(rule.for_minutes) {
        return Step::Stands(stands, None);
    }
    tell(Standing { state: AlertState::Firing, fired_at: Some(now), ..stands }, News::Firing, now)
}

fn firing(rule: &AlertRule, stood: Standing, sample: Option<Sample>, now: Timestamp) -> Step {
    let is_over = match sample {
        Some(sample) => rule.is_good(sample.value),
        // Whatever was counted has left the window, and nothing new came.
        None => true,
    };
    let stands = Standing { value: sample.map_or(stood.value, |sample| sample.value), ..stood };
    if is_over {
        let resolved = Standing { state: AlertState::Resolved, resolved_at: Some(now), ..stands };
        // Of what nobody heard of, nobody hears that it is over.
        return match stood.told_at {
            Some(_) => tell(resolved, News::Resolved, now),
            None => Step::Stands(resolved, None),
        };
    }
    match stood.told_at {
        None => tell(stands, News::Firing, now),
        Some(told_at) if rule.repeat_minutes > 0 && now.since(told_at) >= minutes(rule.repeat_minutes) => {
            tell(stands, News::Again, now)
        }
        Some(_) => Step::Stands(stands, None),
    }
}

fn tell(stands: Standing, news: News, now: Timestamp) -> Step {
    if stands.silenced_until.is_some_and(|until| now < until) {
        return Step::Stands(stands, None);
    }
    Step::Stands(Standing { told_at: Some(now), ..stands }, Some(news))
}

fn minutes(count: u32) -> Duration {
    Duration::from_secs(60 * u64::from(count))
}

#[cfg(test)]
mod tests;
