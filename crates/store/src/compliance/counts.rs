//! Counters by account, day and template: what the rules said, what WeChat took, what speaks against it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use hongyan_domain::{AccountId, Rule, Signal, Signals};
use rusqlite::{Connection, params};

use crate::sqlite::row;
use crate::{Result, Store};

/// A counter's cell: what a rule said of messages of one template and scenario.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Judged {
    pub(crate) account: AccountId,
    pub(crate) day: i64,
    pub(crate) rule: Rule,
    pub(crate) verdict: &'static str,
    pub(crate) observed: bool,
    pub(crate) template: Arc<str>,
    pub(crate) scenario: Option<Arc<str>>,
}

/// What is counted in memory and added now and then; a crash loses what was not added.
#[derive(Debug, Default)]
pub struct Counts {
    sent: HashMap<(AccountId, i64, Arc<str>), u64>,
    refused: HashMap<Judged, u64>,
}

impl Counts {
    /// WeChat took a message by this template on that day.
    pub fn sent(&mut self, account: AccountId, day: i64, template: &Arc<str>) {
        *self.sent.entry((account, day, template.clone())).or_default() += 1;
    }

    /// A rule refused a message at the door: it has no row.
    pub fn refused(
        &mut self,
        (account, day): (AccountId, i64),
        rule: Rule,
        (template, scenario): (&Arc<str>, Option<&Arc<str>>),
    ) {
        let (template, scenario) = (template.clone(), scenario.cloned());
        let cell = Judged { account, day, rule, verdict: "refuse", observed: false, template, scenario };
        *self.refused.entry(cell).or_default() += 1;
    }

    /// Whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.refused.is_empty()
    }

    /// Puts back what could not be added.
    pub fn merge(&mut self, other: Self) {
        for (cell, count) in other.sent {
            *self.sent.entry(cell).or_default() += count;
        }
        for (cell, count) in other.refused {
            *self.refused.entry(cell).or_default() += count;
        }
    }
}

/// What the rules said on a day, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedRow {
    /// Which rule.
    pub rule: Rule,
    /// `hold` or `refuse`.
    pub verdict: String,
    /// It was written down only, and the message went.
    pub observed: bool,
    /// Messages by this template.
    pub template_id: String,
    /// Of this scenario; `None`: of none.
    pub scenario: Option<String>,
    /// How often.
    pub count: u64,
}

/// What was counted of a template on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskRow {
    /// Whose.
    pub account: AccountId,
    /// Which template.
    pub template_id: String,
    /// The day (Asia/Shanghai), as `Timestamp::day`.
    pub day: i64,
    /// What.
    pub signals: Signals,
}

const ADD_SENT: &str = "
INSERT INTO template_sent (account, day, template_id, count)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (account, day, template_id)
DO UPDATE SET count = template_sent.count + excluded.count";

const ADD_JUDGED: &str = "
INSERT INTO judged (account, day, rule, verdict, observed, template_id, scenario, count)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (account, day, rule, verdict, observed, template_id, scenario)
DO UPDATE SET count = judged.count + excluded.count";

const ADD_SIGNAL: &str = "
INSERT INTO risk (account, day, template_id, signal, count)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (account, day, template_id, signal)
DO UPDATE SET count = risk.count + excluded.count";

/// A counter's cell: a sign of trouble with a template.
type Sign = (AccountId, i64, Arc<str>, Signal);

/// Adds what a transaction counted.
pub(crate) fn add(
    conn: &Connection,
    judged: impl IntoIterator<Item = (Judged, u64)>,
    signals: impl IntoIterator<Item = (Sign, u64)>,
) -> Result<()> {
    let mut add = conn.prepare_cached(ADD_JUDGED)?;
    for (cell, count) in judged {
        let (rule, scenario) = (cell.rule.as_str(), cell.scenario.as_deref().unwrap_or_default());
        let (account, day, template) = (cell.account.0, cell.day, &*cell.template);
        add.execute(params![account, day, rule, cell.verdict, cell.observed, template, scenario, count])?;
    }
    let mut add = conn.prepare_cached(ADD_SIGNAL)?;
    for ((account, day, template, signal), count) in signals {
        add.execute(params![account.0, day, &*template, signal.as_str(), count])?;
    }
    Ok(())
}

const JUDGED: &str = "
SELECT rule, verdict, observed, template_id, scenario, count
FROM judged
WHERE account = ?1
  AND day = ?2";

// The day leads: a look over all accounts touches only rows of templates in trouble.
const RISK: &str = "
SELECT account, day, template_id, signal, count
FROM risk
WHERE day >= ?2
  AND day < ?3
  AND (?1 IS NULL OR account = ?1)";

const SENT: &str = "
SELECT day, template_id, count
FROM template_sent
WHERE account = ?1
  AND day >= ?2
  AND day < ?3";

impl Store {
    /// Adds what was counted in memory.
    pub async fn count(&self, counts: Counts) -> Result<()> {
        let rows = counts.sent.len() + counts.refused.len();
        self.write(rows, move |ledger| {
            let mut sent = ledger.conn.prepare_cached(ADD_SENT)?;
            for ((account, day, template), count) in &counts.sent {
                sent.execute(params![account.0, day, &**template, count])?;
            }
            let refused = counts.refused.iter().map(|(cell, count)| (cell.clone(), *count));
            add(ledger.conn, refused, [])
        })
        .await
    }

    /// What the rules said of an account's messages on a day (`Timestamp::day`).
    pub async fn judged(&self, account: AccountId, day: i64) -> Result<Vec<JudgedRow>> {
        self.read(move |conn| {
            let mut judged = conn.prepare_cached(JUDGED)?;
            row::all(judged.query(params![account.0, day])?, |row| {
                let scenario: String = row.get(4)?;
                Ok(JudgedRow {
                    rule: row::word(row, 0, Rule::parse)?,
                    verdict: row.get(1)?,
                    observed: row.get(2)?,
                    template_id: row.get(3)?,
                    scenario: Some(scenario).filter(|scenario| !scenario.is_empty()),
                    count: row.get(5)?,
                })
            })
        })
        .await
    }

    /// Signs and sends by account, template and day: of one account all its templates, of all accounts those with a sign
    /// in these days.
    pub async fn risk(&self, account: Option<AccountId>, days: Range<i64>) -> Result<Vec<RiskRow>> {
        self.read(move |conn| {
            let mut found = signs(conn, account, &days)?;
            let mut accounts: Vec<_> = found.keys().map(|(account, ..)| *account).chain(account).collect();
            accounts.sort_unstable();
            accounts.dedup();
            for of in accounts {
                add_sends(conn, of, &days, (&mut found, account.is_some()))?;
            }
            let row = |((account, template_id, day), signals)| RiskRow { account, template_id, day, signals };
            Ok(found.into_iter().map(row).collect())
        })
        .await
    }
}

type Found = BTreeMap<(AccountId, String, i64), Signals>;

fn signs(conn: &Connection, account: Option<AccountId>, days: &Range<i64>) -> Result<Found> {
    let mut found = Found::new();
    let mut risk = conn.prepare_cached(RISK)?;
    let mut rows = risk.query(params![account.map(|account| account.0), days.start, days.end])?;
    while let Some(row) = rows.next()? {
        let place = (AccountId(row.get(0)?), row.get(2)?, row.get(1)?);
        let signal = row::word(row, 3, Signal::parse)?;
        *found.entry(place).or_default().of_mut(signal) += row.get::<_, u64>(4)?;
    }
    Ok(found)
}

fn add_sends(
    conn: &Connection,
    account: AccountId,
    days: &Range<i64>,
    (found, all): (&mut Found, bool),
) -> Result<()> {
    let in_trouble: Vec<_> =
        found.keys().filter(|(of, ..)| *of == account).map(|(_, template, _)| template.clone()).collect();
    let mut sent = conn.prepare_cached(SENT)?;
    let mut rows = sent.query(params![account.0, days.start, days.end])?;
    while let Some(row) = rows.next()? {
        let (day, template, count): (i64, String, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if all || in_trouble.contains(&template) {
            found.entry((account, template, day)).or_default().sent += count;
        }
    }
    Ok(())
}
