//! The daily self-check: what went on a day, looked at again against the three standards. After midnight that is
//! yesterday; days on which nobody looked, because the process was down, come first.
//!
//! Frequency and authorisation were judged before each send; this tells what came of it, and finds what no rule was
//! asked about. Content is scanned anew, by the words in force now, a little at a time beside everything else.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hongyan_content::{Scanner, Verdict, check};
use hongyan_domain::policy::{Over, Per};
use hongyan_domain::preview::shown;
use hongyan_domain::{AccountId, Category, Content, FieldKind, MessageId, Mode, Rule, Signal, Timestamp};
use hongyan_store::{JudgedRow, SentRow};
use serde::{Deserialize, Serialize};

use crate::account::catalog::{Account, Catalog};
use crate::content::{self, Words};
use crate::{Engine, EngineError, Shared};

/// After midnight, answers and counts of the day before still come in for so long.
const BEGINS_AFTER: Duration = Duration::from_secs(600);
/// Messages looked at in one round: 5 ms of a core and a reader each second, 86 million a day.
const ROWS: usize = 1_000;
/// Accounts begun in one round: each costs a few reads.
const ACCOUNTS: usize = 20;
/// Offenders listed by check: what a person reads. The counts count all.
const OFFENDERS: usize = 100;
/// Templates and scenarios listed by check; an account has at most 25 templates.
const PLACES: usize = 25;
/// People whose messages are counted; more than one account can write to in a day. 20 MB while its check runs.
const PEOPLE: usize = 1_000_000;
/// Messages a day and person where the rules cap nothing (requirements §8).
const A_DAY: u32 = 3;
/// Days begun in one round at most: each costs a read.
const DAYS: usize = 30;

/// The self-check of an account and day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfCheck {
    /// The day, in Asia/Shanghai.
    pub day: String,
    /// Whose.
    pub appid: String,
    /// `false`: the day's messages have not been looked at again yet; this is what the rules counted.
    pub complete: bool,
    /// When it was made.
    pub made_at: Timestamp,
    /// Messages that WeChat took that day.
    pub sent: u64,
    /// The three checks.
    pub checks: Vec<Check>,
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// No false advertising, nothing that must not be said.
    Authenticity,
    /// Not more messages a day and person than the account's own rule allows: three, unless somebody changed it.
    Frequency,
    /// The person acted within seven days, or by a window that is open longer.
    Authorisation,
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// Nothing was found.
    Passed,
    /// Messages went that should not have.
    Found,
    /// The messages have not been looked at yet.
    Pending,
    /// The rule is off, so nobody knows.
    NotAsked,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Which.
    pub check: CheckKind,
    /// What it came to.
    pub state: CheckState,
    /// Messages looked at.
    pub checked: u64,
    /// Messages that went against the standard.
    pub found: u64,
    /// Of the frequency: so many a day and person the standard allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<u32>,
    /// `found` of `checked`, 0 to 1, four digits.
    pub share: f64,
    /// What the system did: how often rules refused, held and observed, what was braked, what WeChat blocked.
    pub did: Counted,
    /// Offending messages, the first hundred.
    pub offenders: Vec<Offender>,
    /// Offending messages by template, the most first.
    pub templates: Vec<(String, u64)>,
    /// By scenario; an empty name: of none.
    pub scenarios: Vec<(String, u64)>,
}

/// What the system did about it that day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Messages that were refused.
    pub refused: u64,
    /// Times that a message was held.
    pub held: u64,
    /// Messages that went against a rule which is only observed.
    pub observed: u64,
    /// Times that a message was held because its template is braked.
    pub braked: u64,
    /// Messages that WeChat itself stopped.
    pub blocked: u64,
}

/// A message that went against a standard. Whom it went to is not here: a caller who may know reads it by the id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offender {
    /// Which.
    pub message: String,
    /// By which template.
    pub template_id: String,
    /// Of which scenario.
    pub scenario: Option<String>,
    /// The words found, or the how manieth it was.
    pub detail: String,
}

/// The account's word list, ready to look with; `None`: the account has gone meanwhile.
async fn words_in_force(catalog: &Catalog, account: AccountId) -> Option<Arc<Words>> {
    let words = catalog.by_id(account)?.words.clone();
    content::make_ready(words.clone()).await;
    Some(words)
}

/// How far the check of a day has come. In memory only: after a restart the account at hand begins anew.
#[derive(Default)]
pub(crate) struct Progress {
    /// The day that is looked at; where nothing is left of it, the last one that was.
    day: i64,
    left: VecDeque<AccountId>,
    at: Option<Look>,
}

/// The look at one account's day.
struct Look {
    account: AccountId,
    after: Option<MessageId>,
    checked: u64,
    /// Messages a day and person.
    a_day: u32,
    people: HashMap<u64, u32>,
    authenticity: Finds,
    frequency: Finds,
    authorisation: Finds,
}

/// What was found against one standard.
#[derive(Default)]
struct Finds {
    found: u64,
    offenders: Vec<Offender>,
    templates: BTreeMap<String, u64>,
    scenarios: BTreeMap<String, u64>,
}

impl Finds {
    fn add(&mut self, row: &SentRow, detail: impl FnOnce() -> String) {
        self.found += 1;
        *self.templates.entry(row.template_id.to_string()).or_default() += 1;
        *self.scenarios.entry(row.scenario.as_deref().unwrap_or_default().to_owned()).or_default() += 1;
        if self.offenders.len() < OFFENDERS {
            self.offenders.push(Offender {
                message: row.id.to_string(),
                template_id: row.template_id.to_string(),
                scenario: row.scenario.as_deref().map(str::to_owned),
                detail: detail(),
            });
        }
    }
}

/// One round: looks at the next messages of a day, and keeps the report of each account that is done.
pub(crate) async fn self_check(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    // A tick by hand and the sweep's own may meet: one of them does the work.
    let Ok(mut progress) = shared.duties.compliance.self_check.try_lock() else { return Ok(()) };
    let yesterday = now.minus(BEGINS_AFTER).day() - 1;
    begin(shared, &mut progress, (yesterday, now)).await?;
    let day = progress.day;
    let mut left = ROWS;
    for _ in 0..ACCOUNTS {
        let Some(mut look) = progress.at.take().or_else(|| progress.left.pop_front().map(Look::of)) else {
            break;
        };
        let went_on = look.go_on(shared, day, left).await;
        if went_on.is_err() {
            progress.left.push_back(look.account);
        }
        let (looked, more) = went_on?;
        left = left.saturating_sub(looked);
        if more {
            progress.at = Some(look);
        } else {
            keep(shared, look, day, now).await?;
        }
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// Where a day is done, begins the next that an account has no report of, up to yesterday: the first is the oldest of
/// which messages are still there.
async fn begin(
    shared: &Shared,
    progress: &mut Progress,
    (yesterday, now): (i64, Timestamp),
) -> Result<(), EngineError> {
    let retention = &shared.settings.retention;
    let oldest = now.minus(retention.keep.min(retention.keep_reports)).day() + 1;
    for _ in 0..DAYS {
        let day = oldest.max(progress.day + 1);
        if progress.at.is_some() || !progress.left.is_empty() || day > yesterday {
            break;
        }
        let made = shared.store.reported(day).await?;
        let catalog = shared.catalog.load();
        let was_there = |account: &&Arc<Account>| account.record.created_at.day() <= day;
        let mut left: Vec<_> = catalog.accounts().filter(was_there).map(|account| account.id()).collect();
        left.retain(|account| !made.contains(account));
        left.sort_unstable();
        *progress = Progress { day, left: left.into(), at: None };
    }
    Ok(())
}

async fn keep(shared: &Shared, look: Look, day: i64, now: Timestamp) -> Result<(), EngineError> {
    // An account that is gone has nobody to report to.
    let Some(account) = shared.catalog.load().by_id(look.account).cloned() else { return Ok(()) };
    let (id, found) = (look.account, Some(look));
    let report = report(shared, &account, (day, now), found).await?;
    for check in report.checks.iter().filter(|check| check.state == CheckState::Found) {
        let (appid, day, found, checked) = (account.appid(), &report.day, check.found, check.checked);
        tracing::warn!(%appid, day, check = ?check.check, found, checked, "the self-check found something");
    }
    let body = serde_json::to_string(&report).map_err(|_| EngineError::Unavailable)?;
    Ok(shared.store.put_report(id, day, body, now).await?)
}

impl Look {
    fn of(account: AccountId) -> Self {
        Self {
            account,
            after: None,
            checked: 0,
            a_day: A_DAY,
            people: HashMap::new(),
            authenticity: Finds::default(),
            frequency: Finds::default(),
            authorisation: Finds::default(),
        }
    }

    /// Looks at the next rows: how many, and whether there are more.
    async fn go_on(&mut self, shared: &Shared, day: i64, limit: usize) -> Result<(usize, bool), EngineError> {
        let (rows, last) = shared.store.sent_on(self.account, day, self.after, limit).await?;
        let catalog = shared.catalog.load_full();
        let words = words_in_force(&catalog, self.account).await;
        let account = catalog.by_id(self.account);
        self.a_day = account.map_or(A_DAY, |account| a_day(account));
        for row in &rows {
            self.checked += 1;
            let title = account.and_then(|account| account.template(&row.template_id));
            let title = title.map_or("", |template| &*template.title);
            if let Some(found) = words.as_deref().and_then(|words| findings(words.scanner(), title, row)) {
                self.authenticity.add(row, || found);
            }
            if !account.is_some_and(|account| is_exempt(account, row)) {
                self.count(row);
            }
            if row.reached_by.is_none() {
                self.authorisation.add(row, String::new);
            }
        }
        self.after = last;
        Ok((if last.is_some() { limit } else { rows.len().max(1) }, last.is_some()))
    }

    fn count(&mut self, row: &SentRow) {
        // An erased message is nobody's.
        if row.content.is_none() {
            return;
        }
        if self.people.len() >= PEOPLE && !self.people.contains_key(&row.person) {
            return;
        }
        let count = self.people.entry(row.person).or_default();
        *count += 1;
        let count = *count;
        if count > self.a_day {
            self.frequency.add(row, || count.to_string());
        }
    }
}

/// Whether the rule neither caps nor counts it, so that this does not either.
fn is_exempt(account: &Account, row: &SentRow) -> bool {
    let rule = &account.policies.of(row.category, row.scenario.as_deref()).frequency;
    row.basis.is_some_and(|basis| rule.exempt.contains(&basis))
}

/// Messages a day and person by the account's rules, whatever they are about; of several categories, the most.
fn a_day(account: &Account) -> u32 {
    let rules = Category::ALL.iter().map(|category| &account.policies.of(*category, None).frequency);
    let caps = rules.filter(|rule| rule.mode != Mode::Off).flat_map(|rule| &rule.caps);
    let by_day = caps.filter(|cap| (cap.per, cap.over) == (Per::Day, Over::All));
    by_day.map(|cap| cap.limit).max().unwrap_or(A_DAY)
}

/// The words that may not stand in such a message, if there are any. What a person approved may.
fn findings(words: &Scanner, title: &str, row: &SentRow) -> Option<String> {
    if row.approved {
        return None;
    }
    let fields = fields(row.content.as_ref()?);
    let lines: Vec<_> = fields.iter().map(|(label, value)| (label.as_str(), value.as_str())).collect();
    let verdict = check(words, &lines, title, row.category);
    if verdict.verdict == Verdict::Pass {
        return None;
    }
    let heavy = verdict.findings.iter().filter(|finding| finding.verdict != Verdict::Pass);
    let mut found: Vec<_> = heavy.map(|finding| finding.hit.word.to_string()).collect();
    found.dedup();
    found.truncate(10);
    Some(found.join(" "))
}

/// The values as the phone shows them. Labels belong to WeChat's library and are not ours to judge.
fn fields(content: &Content) -> Vec<(String, String)> {
    let data: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&content.data).unwrap_or_default();
    let is_shown = |name: &str| !matches!(FieldKind::of_name(name), FieldKind::First | FieldKind::Remark);
    let text = |value: &serde_json::Value| shown(value["value"].as_str().unwrap_or_default()).into_owned();
    let values = data.iter().filter(|(name, _)| is_shown(name));
    values.map(|(_, value)| (String::new(), text(value))).collect()
}

impl Engine {
    /// The self-check of an account and day (`Timestamp::day`): as it was kept, or as far as the rules tell until then.
    pub async fn self_check(&self, account: &Account, day: i64) -> Result<SelfCheck, EngineError> {
        if let Some(kept) = self.shared.store.report(account.id(), day).await?
            && let Ok(report) = serde_json::from_str(&kept.body)
        {
            return Ok(report);
        }
        super::add_counts(&self.shared).await?;
        report(&self.shared, account, (day, self.now()), None).await
    }
}

async fn report(
    shared: &Shared,
    account: &Account,
    (day, now): (i64, Timestamp),
    look: Option<Look>,
) -> Result<SelfCheck, EngineError> {
    let store = &shared.store;
    let judged = store.judged(account.id(), day).await?;
    let sent = store.sends_today(day).await?.get(&account.id()).copied().unwrap_or(0);
    let risk = store.risk(Some(account.id()), day..day + 1).await?;
    let mut blocked = 0;
    risk.iter().for_each(|row| blocked += row.signals.of(Signal::Blocked));
    let facts = Facts { account, judged: &judged, sent, blocked };
    let complete = look.is_some();
    let (checked, finds) = match look {
        Some(look) => (look.checked, [look.authenticity, look.frequency, look.authorisation].map(Some)),
        None => (sent, [None, None, None]),
    };
    let kinds = [CheckKind::Authenticity, CheckKind::Frequency, CheckKind::Authorisation];
    let checks = kinds.into_iter().zip(finds).map(|(kind, finds)| facts.check(kind, checked, finds));
    Ok(SelfCheck {
        day: Timestamp::of_day(day).day_text(),
        appid: account.appid().to_string(),
        complete,
        made_at: now,
        sent,
        checks: checks.collect(),
    })
}

/// What was counted on the day.
struct Facts<'a> {
    account: &'a Account,
    judged: &'a [JudgedRow],
    sent: u64,
    blocked: u64,
}

impl Facts<'_> {
    fn check(&self, kind: CheckKind, checked: u64, finds: Option<Finds>) -> Check {
        let did = self.did(kind);
        let looked = finds.is_some();
        // As long as nobody has looked again, what went against an observed rule is what is known.
        let finds = finds.unwrap_or_else(|| Finds { found: did.observed, ..Finds::default() });
        let state = match (self.is_asked(kind), looked, finds.found) {
            (false, ..) => CheckState::NotAsked,
            (true, false, 0) => CheckState::Pending,
            (true, true, 0) => CheckState::Passed,
            (true, ..) => CheckState::Found,
        };
        Check {
            check: kind,
            state,
            checked,
            found: finds.found,
            allowed: (kind == CheckKind::Frequency).then(|| a_day(self.account)),
            share: share(finds.found, checked.max(self.sent)),
            did,
            offenders: if state == CheckState::NotAsked { Vec::new() } else { finds.offenders },
            templates: most(finds.templates),
            scenarios: most(finds.scenarios),
        }
    }

    /// Without a rule for reach nobody knows of a window; wording and numbers can be looked at whatever the rules are.
    fn is_asked(&self, kind: CheckKind) -> bool {
        let reach = |category| self.account.policies.of(category, None).reach.mode != Mode::Off;
        kind != CheckKind::Authorisation || Category::ALL.iter().any(|category| reach(*category))
    }

    fn did(&self, kind: CheckKind) -> Counted {
        let rules: &[Rule] = match kind {
            CheckKind::Authenticity => &[Rule::Content, Rule::Brake],
            CheckKind::Frequency => &[Rule::Frequency, Rule::Repeat],
            CheckKind::Authorisation => &[Rule::Reach, Rule::Suppression],
        };
        let mut did = Counted::default();
        for row in self.judged.iter().filter(|row| rules.contains(&row.rule)) {
            let counter = match (row.rule, row.observed, row.verdict.as_str()) {
                (Rule::Brake, ..) => &mut did.braked,
                (_, true, _) => &mut did.observed,
                (_, false, "refuse") => &mut did.refused,
                (_, false, _) => &mut did.held,
            };
            *counter += row.count;
        }
        if kind == CheckKind::Authenticity {
            did.blocked = self.blocked;
        }
        did
    }
}

fn most(counts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(PLACES);
    counts
}

#[expect(clippy::cast_precision_loss, reason = "a share of four digits")]
fn share(found: u64, checked: u64) -> f64 {
    if checked == 0 { 0.0 } else { (found as f64 / checked as f64 * 10_000.0).round() / 10_000.0 }
}
