//! Looks once a minute whether any rule is broken, from the counters, and queues what is to be told of it.

mod figures;
mod people;
mod words;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use hongyan_domain::alert::{self, AlertRule, AlertState, Metric, News, Scope, Standing, Step};
use hongyan_domain::{AccountId, Timestamp};
use hongyan_store::{AlertKey, Channel, NewNote, Store, StoreError};

use crate::{EngineError, Shared};
use figures::Figures;
pub use words::{Reading, reading};

/// Counters are by the minute: looking more often would see the same.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Alerts told in one look: what a group of people can read. More of them stand in the console.
const NOTES_MAX: usize = 200;

/// The rules in force: the ready ones, with what an operator changed of them, and the operator's own.
pub async fn rules(store: &Store) -> Result<Vec<AlertRule>, StoreError> {
    let changed = store.alert_rules().await?;
    let is_changed = |rule: &AlertRule| changed.iter().any(|other| other.id == rule.id);
    let mut rules: Vec<_> = alert::ready().into_iter().filter(|rule| !is_changed(rule)).collect();
    rules.extend(changed);
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(rules)
}

/// One look.
pub(crate) async fn look(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let rules: Vec<_> = rules(&shared.store).await?.into_iter().filter(|rule| rule.enabled).collect();
    let figures = Figures::read(shared, &rules, now).await?;
    let stood: HashMap<AlertKey, Standing> = shared.store.alerts().await?.into_iter().collect();
    let channels = shared.store.alert_channels().await?;
    let mut look = Look { shared, channels, changes: Vec::new(), notes: Vec::new(), now };
    for rule in &rules {
        for (key, sample) in subjects(rule, &figures, &stood) {
            let before = stood.get(&key);
            look.step(rule, key, before, alert::step(rule, before, sample, now));
        }
    }
    look.end_orphans(&rules, &stood);
    if look.changes.is_empty() && look.notes.is_empty() {
        return Ok(());
    }
    look.notes.truncate(NOTES_MAX);
    shared.store.keep_alerts(look.changes, look.notes, now).await?;
    Ok(())
}

/// What a rule is about, each with what was measured of it.
fn subjects(
    rule: &AlertRule,
    figures: &Figures<'_>,
    stood: &HashMap<AlertKey, Standing>,
) -> Vec<(AlertKey, Option<alert::Sample>)> {
    if rule.metric == Metric::WebhookFailure {
        return figures.webhooks(rule);
    }
    let mut subjects = Vec::new();
    for account in figures.accounts(rule) {
        let key = |template_id: String| AlertKey { account, rule: rule.id.clone(), template_id };
        if rule.scope == Scope::Account {
            subjects.push((key(String::new()), figures.sample(rule, account, None)));
            continue;
        }
        let standing = stood.keys().filter(|key| key.account == account && key.rule == rule.id);
        let mut templates: BTreeSet<String> = standing.map(|key| key.template_id.clone()).collect();
        templates.extend(figures.templates(rule, account));
        for template in templates {
            let sample = figures.sample(rule, account, Some(&template));
            subjects.push((key(template), sample));
        }
    }
    subjects
}

struct Look<'a> {
    shared: &'a Shared,
    channels: Vec<Channel>,
    changes: Vec<(AlertKey, Option<Standing>)>,
    notes: Vec<NewNote>,
    now: Timestamp,
}

impl Look<'_> {
    fn step(&mut self, rule: &AlertRule, key: AlertKey, before: Option<&Standing>, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Forget => self.changes.push((key, None)),
            Step::Stands(standing, news) => {
                if let Some(news) = news {
                    self.tell(rule, &key, &standing, news);
                }
                if before != Some(&standing) {
                    self.changes.push((key, Some(standing)));
                }
            }
        }
    }

    fn tell(&mut self, rule: &AlertRule, key: &AlertKey, standing: &Standing, news: News) {
        let is_told = |channel: &&Channel| {
            channel.enabled && (rule.channels.is_empty() || rule.channels.contains(&channel.id))
        };
        let catalog = self.shared.catalog.load();
        let link = self.shared.settings.public_url.as_deref();
        let account = catalog.by_id(key.account).map(|account| &**account);
        let about = words::About { rule, account, subject: &key.template_id, standing, news, link };
        for channel in self.channels.iter().filter(is_told) {
            let (key, words) = (key.clone(), about.words(channel.lang));
            self.notes.push(NewNote { key, channel: channel.id.clone(), news, words });
        }
        tracing::warn!(
            rule = rule.id,
            account = key.account.0,
            subject = key.template_id,
            news = news.as_str(),
            value = standing.value,
            "an alert"
        );
    }

    /// What no rule looks at any more is over.
    fn end_orphans(&mut self, rules: &[AlertRule], stood: &HashMap<AlertKey, Standing>) {
        let now = self.now;
        let is_orphan = |(key, standing): &(&AlertKey, &Standing)| {
            standing.state != AlertState::Resolved && !rules.iter().any(|rule| rule.id == key.rule)
        };
        let ended = stood.iter().filter(is_orphan).map(|(key, standing)| {
            let ended = Standing { state: AlertState::Resolved, resolved_at: Some(now), ..*standing };
            (key.clone(), Some(ended))
        });
        self.changes.extend(ended);
    }
}

/// The account of what is about the installation itself.
pub(crate) const INSTALLATION: AccountId = AccountId(0);
