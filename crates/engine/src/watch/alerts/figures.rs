//! What rules measure: read once for all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hongyan_domain::alert::{AlertRule, Metric, Sample};
use hongyan_domain::pace::runs_out_at;
use hongyan_domain::series::Punctual;
use hongyan_domain::{AccountId, Cause, Measure, SeriesKey, State, Step, Timestamp};
use hongyan_store::{AlertKey, Backlog, SeriesQuery, SeriesRow, Webhook, Whose};

use super::INSTALLATION;
use super::people::People;
use crate::account::catalog::Catalog;
use crate::{EngineError, Shared};

/// Windows up to this are counted by the minute, longer ones by the hour.
const BY_MINUTE_MAX: u32 = 120;
/// What "the present rate" is.
const RATE_OVER: Duration = Duration::from_secs(300);

pub(super) struct Figures<'a> {
    shared: &'a Shared,
    catalog: Arc<Catalog>,
    now: Timestamp,
    minutes: HashMap<AccountId, Vec<SeriesRow>>,
    hours: HashMap<AccountId, Vec<SeriesRow>>,
    /// How long the first of an account's lanes is over its deadline.
    late: HashMap<AccountId, Duration>,
    webhooks: Vec<Webhook>,
    /// What others changed of templates: read only for a rule about it.
    noticed: Vec<(AccountId, Timestamp, String)>,
    people: People,
}

impl<'a> Figures<'a> {
    pub(super) async fn read(
        shared: &'a Shared,
        rules: &[AlertRule],
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let catalog = shared.catalog.load_full();
        let ids: Vec<_> = catalog.accounts().map(|account| account.id()).collect();
        let (mut minutes, mut hours) = (5, 0);
        for rule in rules.iter().filter(|rule| rule.metric.is_of_series()) {
            let longest = if rule.window_minutes <= BY_MINUTE_MAX { &mut minutes } else { &mut hours };
            *longest = rule.window_minutes.max(*longest);
        }
        let minutes = rows(shared, ids.clone(), (Step::Minute, minutes), now).await?;
        let hours =
            if hours > 0 { rows(shared, ids, (Step::Hour, hours), now).await? } else { HashMap::new() };
        let late = late(shared, now).await?;
        let webhooks = shared.store.webhooks().await?;
        let noticed = noticed(shared, rules, now).await?;
        let people = People::read(shared, rules, now).await?;
        Ok(Self { shared, catalog, now, minutes, hours, late, webhooks, noticed, people })
    }

    /// The accounts a rule is about.
    pub(super) fn accounts(&self, rule: &AlertRule) -> Vec<AccountId> {
        let is_meant = |appid: &str| rule.appids.is_empty() || rule.appids.iter().any(|other| other == appid);
        let accounts = self.catalog.accounts().filter(|account| is_meant(account.appid().as_str()));
        let mut ids: Vec<_> = accounts.map(|account| account.id()).collect();
        ids.sort_unstable();
        ids
    }

    /// The templates of an account that were counted in the rule's window.
    pub(super) fn templates(&self, rule: &AlertRule, account: AccountId) -> Vec<String> {
        if rule.metric == Metric::TemplateChanged {
            return self.noticed(rule, account).cloned().collect();
        }
        if let Some(templates) = self.people.templates(rule, account) {
            return templates;
        }
        let mut templates: Vec<String> = Vec::new();
        for key in self.rows(rule, account).flat_map(|row| row.cells.keys()) {
            if !key.template.is_empty() && !templates.iter().any(|known| **known == *key.template) {
                templates.push(key.template.to_string());
            }
        }
        templates
    }

    /// Webhooks by how long they fail; each is a subject of its own.
    pub(super) fn webhooks(&self, rule: &AlertRule) -> Vec<(AlertKey, Option<Sample>)> {
        let key =
            |id: &str| AlertKey { account: INSTALLATION, rule: rule.id.clone(), template_id: id.to_owned() };
        let hours = |webhook: &Webhook| {
            let since = webhook.progress.failing_since;
            since.map_or(0.0, |since| self.now.since(since).as_secs_f64() / 3_600.0)
        };
        let sample = |webhook: &Webhook| Some(Sample { value: hours(webhook), events: 1 });
        self.webhooks.iter().map(|webhook| (key(&webhook.id), sample(webhook))).collect()
    }

    /// What was measured; `None`: nothing.
    pub(super) fn sample(
        &self,
        rule: &AlertRule,
        account: AccountId,
        template: Option<&str>,
    ) -> Option<Sample> {
        let wanted = |key: &SeriesKey| template.is_none_or(|template| *key.template == *template);
        let count = |measure: &dyn Fn(Measure) -> bool| -> i64 {
            let cells = self.rows(rule, account).flat_map(|row| &row.cells);
            cells.filter(|(key, _)| wanted(key) && measure(key.measure)).map(|(_, cell)| cell.count).sum()
        };
        let errcode = rule.errcode.unwrap_or(0);
        let ended = |state| count(&|measure| matches!(measure, Measure::Ended(at, _) if at == state));
        let sent = || count(&|measure| matches!(measure, Measure::Sent(_)));
        match rule.metric {
            Metric::ErrcodeCount => {
                let times = count(&|measure| matches!(measure, Measure::Tried(_, code) if code == errcode));
                Some(Sample { value: times as f64, events: times })
            }
            Metric::ErrcodeRate => {
                let times = count(&|measure| matches!(measure, Measure::Tried(_, code) if code == errcode));
                share(times, count(&|measure| matches!(measure, Measure::Tried(..))))
            }
            Metric::SuccessRate => {
                let delivered = ended(State::Delivered);
                share(delivered, delivered + ended(State::Failed) + ended(State::Unknown))
            }
            Metric::LateShare => share(count(&|measure| measure == Measure::Sent(Punctual::Late)), sent()),
            Metric::UserBlockRate => {
                let blocked = Measure::Ended(State::Failed, Some(Cause::UserBlocked));
                let blocked = count(&|measure| measure == blocked);
                share(blocked, blocked + ended(State::Delivered))
            }
            Metric::BacklogAge => {
                let late = self.late.get(&account).copied().unwrap_or_default();
                Some(Sample { value: late.as_secs_f64(), events: 1 })
            }
            Metric::QuotaForecast => self.quota(account),
            Metric::TokenFailure => self.token(account),
            Metric::CallbackSilence => self.silence(account, sent()),
            Metric::ComplaintRate => self.people.complaints(account, template, (rule, self.now)),
            Metric::BrakePulled => self.people.braked(account, template),
            Metric::ApprovalWait => self.people.waiting(account, self.now),
            Metric::WebhookFailure => None,
            Metric::TemplateChanged => {
                let changed =
                    self.noticed(rule, account).filter(|id| template.is_none_or(|only| only == *id));
                let times = i64::try_from(changed.count()).unwrap_or(i64::MAX);
                (times > 0).then_some(Sample { value: times as f64, events: times })
            }
        }
    }

    fn rows(&self, rule: &AlertRule, account: AccountId) -> impl Iterator<Item = &SeriesRow> {
        let window = Duration::from_secs(60 * u64::from(rule.window_minutes));
        let by = if rule.window_minutes <= BY_MINUTE_MAX { &self.minutes } else { &self.hours };
        let since = self.now.minus(window);
        by.get(&account).into_iter().flatten().filter(move |row| row.at > since)
    }

    /// The templates of an account that others changed in the rule's window, one for each time.
    fn noticed(&self, rule: &AlertRule, account: AccountId) -> impl Iterator<Item = &String> {
        let since = self.now.minus(Duration::from_secs(60 * u64::from(rule.window_minutes)));
        let of = self.noticed.iter().filter(move |(of, at, _)| *of == account && *at > since);
        of.map(|(.., template)| template)
    }

    fn quota(&self, account: AccountId) -> Option<Sample> {
        let status = self.shared.status.lock().get(&account).copied()?;
        let since = self.now.minus(RATE_OVER);
        let rows = self.minutes.get(&account).into_iter().flatten().filter(|row| row.at > since);
        let cells =
            rows.flat_map(|row| &row.cells).filter(|(key, _)| matches!(key.measure, Measure::Sent(_)));
        let per_s = cells.map(|(_, cell)| cell.count).sum::<i64>() as f64 / RATE_OVER.as_secs_f64();
        let runs_out_at = runs_out_at((status.quota_used, status.quota_limit), per_s, self.now)?;
        Some(Sample { value: runs_out_at.since(self.now).as_secs_f64() / 3_600.0, events: 1 })
    }

    fn token(&self, account: AccountId) -> Option<Sample> {
        let account = self.catalog.by_id(account)?;
        let is_held = account.token.held().is_some_and(|held| self.now < held.expires_at);
        let failed = !is_held && account.token.trouble().is_some();
        Some(Sample { value: if failed { 1.0 } else { 0.0 }, events: 1 })
    }

    fn silence(&self, account: AccountId, sent: i64) -> Option<Sample> {
        self.catalog.by_id(account)?.record.callback.as_ref()?;
        let heard =
            self.shared.heard.at(account).map_or(self.shared.since, |heard| heard.max(self.shared.since));
        Some(Sample { value: self.now.since(heard).as_secs_f64() / 60.0, events: sent })
    }
}

async fn noticed(
    shared: &Shared,
    rules: &[AlertRule],
    now: Timestamp,
) -> Result<Vec<(AccountId, Timestamp, String)>, EngineError> {
    let about = rules.iter().filter(|rule| rule.metric == Metric::TemplateChanged);
    let Some(minutes) = about.map(|rule| rule.window_minutes).max() else { return Ok(Vec::new()) };
    let since = now.minus(Duration::from_secs(60 * u64::from(minutes)));
    Ok(shared.store.templates_noticed_since(since).await?)
}

fn share(part: i64, whole: i64) -> Option<Sample> {
    (whole > 0).then(|| Sample { value: part as f64 / whole as f64, events: whole })
}

async fn rows(
    shared: &Shared,
    accounts: Vec<AccountId>,
    (step, minutes): (Step, u32),
    now: Timestamp,
) -> Result<HashMap<AccountId, Vec<SeriesRow>>, EngineError> {
    let since = now.minus(Duration::from_secs(60 * u64::from(minutes)));
    let until = now.plus(Duration::from_millis(1));
    let query = SeriesQuery { whose: Whose::Of(accounts), step, since, until };
    let mut by_account: HashMap<_, Vec<_>> = HashMap::new();
    for row in shared.store.series(query).await? {
        by_account.entry(row.account).or_default().push(row);
    }
    Ok(by_account)
}

async fn late(shared: &Shared, now: Timestamp) -> Result<HashMap<AccountId, Duration>, EngineError> {
    let waiting = shared.store.waiting().await?;
    let mut lanes: Vec<_> =
        waiting.into_iter().map(|(account, lane, ..)| Backlog { account, lane }).collect();
    lanes.dedup();
    let mut late: HashMap<_, Duration> = HashMap::new();
    for head in shared.store.lane_heads(lanes).await? {
        let over = now.since(head.deadline_at);
        let longest = late.entry(head.of.account).or_default();
        *longest = over.max(*longest);
    }
    Ok(late)
}
