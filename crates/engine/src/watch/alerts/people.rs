//! What people say and what waits for a person, as rules measure it: complaints, brakes, approvals. Each is read only for
//! a rule about it.

use std::collections::HashMap;
use std::time::Duration;

use hongyan_domain::alert::{AlertRule, Metric, Sample};
use hongyan_domain::{AccountId, Timestamp};
use hongyan_store::{Brake, Braked, Brakes, RiskRow};

use crate::{EngineError, Shared};

#[derive(Default)]
pub(super) struct People {
    /// Complaints and sends by account, template and day.
    risk: Vec<RiskRow>,
    /// Sends by day and account.
    sent: Vec<(i64, HashMap<AccountId, u64>)>,
    /// Those that are on.
    brakes: Vec<Brake>,
    /// Since when the first message of an account waits for a person.
    asked: HashMap<AccountId, Timestamp>,
}

impl People {
    pub(super) async fn read(
        shared: &Shared,
        rules: &[AlertRule],
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let (store, mut people) = (&shared.store, Self::default());
        let asks = |metric| rules.iter().filter(move |rule| rule.metric == metric);
        if let Some(from) = asks(Metric::ComplaintRate).map(|rule| first_day(rule, now)).min() {
            people.risk = store.risk(None, from..now.day() + 1).await?;
            for day in from..=now.day() {
                people.sent.push((day, store.sends_today(day).await?));
            }
        }
        if asks(Metric::BrakePulled).next().is_some() {
            people.brakes = store.brakes(Brakes::On).await?;
        }
        if asks(Metric::ApprovalWait).next().is_some() {
            people.asked = store.approvals_wait_since().await?;
        }
        Ok(people)
    }

    /// The templates a rule is about; `None`: it is about nothing that is read here.
    pub(super) fn templates(&self, rule: &AlertRule, account: AccountId) -> Option<Vec<String>> {
        let mut templates: Vec<_> = match rule.metric {
            Metric::ComplaintRate => {
                let mine = self.risk.iter().filter(|row| row.account == account);
                mine.map(|row| row.template_id.clone()).collect()
            }
            Metric::BrakePulled => self.on(account).map(str::to_owned).collect(),
            _ => return None,
        };
        templates.sort_unstable();
        templates.dedup();
        Some(templates)
    }

    /// Complaints of what was sent, over the days of the rule's window.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(super) fn complaints(
        &self,
        account: AccountId,
        template: Option<&str>,
        (rule, now): (&AlertRule, Timestamp),
    ) -> Option<Sample> {
        let from = first_day(rule, now);
        let is_meant =
            |row: &&RiskRow| row.account == account && template.is_none_or(|only| only == row.template_id);
        let (mut complained, mut by_template) = (0, 0);
        for row in self.risk.iter().filter(is_meant).filter(|row| row.day >= from) {
            complained += row.signals.complained;
            by_template += row.signals.sent;
        }
        let days = self.sent.iter().filter(|(day, _)| *day >= from);
        let in_all: u64 = days.filter_map(|(_, sent)| sent.get(&account)).sum();
        let sent = if template.is_some() { by_template } else { in_all };
        let events = i64::try_from(sent).unwrap_or(i64::MAX);
        (sent > 0).then(|| Sample { value: complained as f64 / sent as f64, events })
    }

    /// 1 while any of its brakes is on.
    pub(super) fn braked(&self, account: AccountId, template: Option<&str>) -> Option<Sample> {
        let is_on = self.on(account).any(|braked| template.is_none_or(|only| only == braked));
        is_on.then_some(Sample { value: 1.0, events: 1 })
    }

    /// How long the first message waits for a person.
    pub(super) fn waiting(&self, account: AccountId, now: Timestamp) -> Option<Sample> {
        let asked_at = self.asked.get(&account)?;
        Some(Sample { value: now.since(*asked_at).as_secs_f64() / 60.0, events: 1 })
    }

    fn on(&self, account: AccountId) -> impl Iterator<Item = &str> {
        let mine = self.brakes.iter().filter(move |brake| brake.account == account);
        mine.map(|brake| {
            let Braked::Template(template_id) = &brake.braked;
            template_id.as_str()
        })
    }
}

/// Complaints are counted by the day: the window reaches back to the beginning of its first one.
fn first_day(rule: &AlertRule, now: Timestamp) -> i64 {
    now.minus(Duration::from_secs(60 * u64::from(rule.window_minutes))).day()
}
