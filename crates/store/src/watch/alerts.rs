//! Alerts: rules that were changed, and what rules found.

use hongyan_domain::alert::{AlertRule, Standing};
use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Connection, Row, params};
use serde_json::json;

use crate::sqlite::row;
use crate::watch::json::{parse, written};
use crate::watch::notes::{NewNote, queue};
use crate::{Action, Deed, Result, Store};

/// Rules of an installation besides the ready ones.
pub const RULES_MAX: usize = 200;

/// Of what an alert is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertKey {
    /// Whose.
    pub account: AccountId,
    /// By which rule.
    pub rule: String,
    /// Of which template; empty: of the account.
    pub template_id: String,
}

const RULES: &str = "
SELECT rule
FROM alert_rule
WHERE account = 0
ORDER BY id";

const PUT_RULE: &str = "
INSERT INTO alert_rule (account, id, rule, changed_at)
VALUES (0, ?1, ?2, ?3)
ON CONFLICT (account, id)
DO UPDATE SET rule = excluded.rule, changed_at = excluded.changed_at";

const DELETE_RULE: &str = "
DELETE FROM alert_rule
WHERE account = 0
  AND id = ?1";

impl Store {
    /// The rules that an operator changed or made; a ready one that is not among them is as it came.
    pub async fn alert_rules(&self) -> Result<Vec<AlertRule>> {
        self.read(|conn| {
            let mut rules = conn.prepare_cached(RULES)?;
            row::all(rules.query([])?, |row| parse(row, 0))
        })
        .await
    }

    /// Puts a rule in the place of the one with its id.
    pub async fn put_alert_rule(&self, rule: AlertRule, now: Timestamp) -> Result<()> {
        let (text, actor) = (written(&rule)?, self.actor.clone());
        let detail = json!({ "metric": rule.metric, "threshold": rule.threshold, "enabled": rule.enabled });
        self.write(1, move |ledger| {
            ledger.conn.prepare_cached(PUT_RULE)?.execute(params![rule.id, text, now.ms()])?;
            let deed = deed(Action::AlertRuleChange, &rule.id, detail.clone(), now);
            ledger.audit(&actor, &deed)
        })
        .await
    }

    /// Takes a rule away; a ready one is then as it came. `false`: it was not changed or made.
    pub async fn delete_alert_rule(&self, id: &str, now: Timestamp) -> Result<bool> {
        let (id, actor) = (id.to_owned(), self.actor.clone());
        self.write(1, move |ledger| {
            if ledger.conn.prepare_cached(DELETE_RULE)?.execute([&id])? == 0 {
                return Ok(false);
            }
            let deed = deed(Action::AlertRuleChange, &id, json!({ "deleted": true }), now);
            ledger.audit(&actor, &deed)?;
            Ok(true)
        })
        .await
    }
}

const ALERTS: &str = "
SELECT account, rule, template_id, standing
FROM alert
ORDER BY account, rule, template_id";

const PUT_ALERT: &str = "
INSERT INTO alert (account, rule, template_id, state, standing, changed_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (account, rule, template_id)
DO UPDATE SET state = excluded.state, standing = excluded.standing, changed_at = excluded.changed_at";

const FORGET: &str = "
DELETE FROM alert
WHERE account = ?1
  AND rule = ?2
  AND template_id = ?3";

const STANDS: &str = "
SELECT standing
FROM alert
WHERE account = ?1
  AND rule = ?2
  AND template_id = ?3";

impl Store {
    /// Everything that rules found, what is over as well.
    pub async fn alerts(&self) -> Result<Vec<(AlertKey, Standing)>> {
        self.read(|conn| {
            let mut alerts = conn.prepare_cached(ALERTS)?;
            row::all(alerts.query([])?, |row| Ok((key(row, (0, 1, 2))?, parse(row, 3)?)))
        })
        .await
    }

    /// Keeps how alerts stand now (`None`: forgotten) with what is to be told of them, all or nothing. A silence that was
    /// ordered since they were read holds: what is told of such an alert is left out.
    pub async fn keep_alerts(
        &self,
        changes: Vec<(AlertKey, Option<Standing>)>,
        notes: Vec<NewNote>,
        now: Timestamp,
    ) -> Result<()> {
        self.write(changes.len() + notes.len(), move |ledger| {
            let mut silenced = Vec::new();
            for (key, standing) in &changes {
                let before = find(ledger.conn, key)?.filter(|_| standing.is_some());
                let standing = standing.map(|standing| with_silence(standing, before, now));
                keep(ledger.conn, key, standing.as_ref(), now)?;
                silenced.extend(
                    standing
                        .filter(|stands| stands.silenced_until.is_some_and(|until| now < until))
                        .map(|_| key),
                );
            }
            let notes: Vec<_> = notes.iter().filter(|note| !silenced.contains(&&note.key)).collect();
            if !notes.is_empty() {
                queue(ledger.conn, &notes, now)?;
            }
            Ok(())
        })
        .await
    }

    /// Tells nobody of this alert before `until`; `None`: again at once. `false`: there is no such alert.
    pub async fn silence_alert(
        &self,
        key: AlertKey,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let actor = self.actor.clone();
        self.write(1, move |ledger| {
            let Some(before) = find(ledger.conn, &key)? else { return Ok(false) };
            let standing = Standing { silenced_until: until, ..before };
            keep(ledger.conn, &key, Some(&standing), now)?;
            let detail = json!({ "template_id": key.template_id, "until": until });
            let mut deed = deed(Action::AlertSilence, &key.rule, detail, now);
            deed.account = Some(key.account);
            ledger.audit(&actor, &deed)?;
            Ok(true)
        })
        .await
    }
}

/// How an alert stands by what was read of it, and by the silence that was ordered since.
fn with_silence(standing: Standing, before: Option<Standing>, now: Timestamp) -> Standing {
    let Some(before) = before else { return standing };
    let silenced_until = before.silenced_until;
    let is_silent = silenced_until.is_some_and(|until| now < until);
    let told_at = if is_silent { before.told_at } else { standing.told_at };
    Standing { silenced_until, told_at, ..standing }
}

fn find(conn: &Connection, key: &AlertKey) -> Result<Option<Standing>> {
    let mut stands = conn.prepare_cached(STANDS)?;
    let mut rows = stands.query(params![key.account.0, key.rule, key.template_id])?;
    rows.next()?.map(|row| parse(row, 0)).transpose()
}

fn keep(conn: &Connection, key: &AlertKey, standing: Option<&Standing>, now: Timestamp) -> Result<()> {
    let AlertKey { account, rule, template_id } = key;
    match standing {
        Some(standing) => {
            let (state, text) = (standing.state.as_str(), written(standing)?);
            let values = params![account.0, rule, template_id, state, text, now.ms()];
            conn.prepare_cached(PUT_ALERT)?.execute(values)?;
        }
        None => _ = conn.prepare_cached(FORGET)?.execute(params![account.0, rule, template_id])?,
    }
    Ok(())
}

pub(super) fn key(row: &Row<'_>, (account, rule, template_id): (usize, usize, usize)) -> Result<AlertKey> {
    let account = AccountId(row.get(account)?);
    Ok(AlertKey { account, rule: row.get(rule)?, template_id: row.get(template_id)? })
}

pub(super) fn deed(action: Action, subject: &str, detail: serde_json::Value, at: Timestamp) -> Deed {
    Deed { action, account: None, subject: subject.to_owned(), detail, at }
}
