//! What is known of an account's templates besides their text: notices, versions, grants, use.

use std::collections::{BTreeMap, HashMap};

use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::account::accounts::revise;
use crate::account::templates;
use crate::sqlite::row;
use crate::{Action, NoticeKind, Result, Store, StoreError, StoredTemplate, TemplateHistory, TemplateNotice};

/// Changes looked at for alerts: all templates of four hundred accounts.
const NOTICED_MAX: usize = 10_000;

/// Longer values that WeChat granted, by account and template: field and characters.
pub type Grants = HashMap<(AccountId, String), Vec<(String, usize)>>;

const PUT_NOTICE: &str = "
INSERT INTO template_notice (account, id, at, template_id, title, kind, changed)
SELECT ?1, COALESCE(MAX(id), 0) + 1, ?2, ?3, ?4, ?5, ?6
FROM template_notice
WHERE account = ?1";

/// Notes what a sync found: `kind` of `template`, and for a changed one the columns that are others now.
pub(crate) fn put_notice(
    conn: &Connection,
    account: AccountId,
    (kind, template): (NoticeKind, &StoredTemplate),
    changed: &str,
    now: Timestamp,
) -> Result<()> {
    let StoredTemplate { template_id, title, .. } = template;
    let values = params![account.0, now.ms(), template_id, title, kind.as_str(), changed];
    conn.prepare_cached(PUT_NOTICE)?.execute(values)?;
    Ok(())
}

/// The columns in which two texts of a template differ, comma between.
pub(crate) fn changed_columns(old: &StoredTemplate, new: &StoredTemplate) -> String {
    let columns = [
        ("title", old.title != new.title),
        ("content", old.content != new.content),
        ("example", old.example != new.example),
        ("primary_industry", old.primary_industry != new.primary_industry),
        ("deputy_industry", old.deputy_industry != new.deputy_industry),
    ];
    let changed = columns.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name);
    changed.collect::<Vec<_>>().join(",")
}

const NOTICES: &str = "
SELECT id, at, template_id, title, kind, changed
FROM template_notice
WHERE account = ?1
  AND (?2 IS NULL OR id < ?2)
ORDER BY id DESC
LIMIT ?3";

const NOTICED_SINCE: &str = "
SELECT account, at, template_id
FROM template_notice
WHERE at > ?1
ORDER BY at DESC
LIMIT ?2";

const VERSIONS: &str = "
SELECT template_id, title, content, example, primary_industry, deputy_industry, version, since
FROM template_version
WHERE account = ?1
  AND template_id = ?2
ORDER BY version";

const CURRENT_VERSIONS: &str = "
SELECT v.template_id, v.version, v.since
FROM template AS t
JOIN template_version AS v
  ON v.account = t.account AND v.template_id = t.template_id AND v.version = t.version
WHERE t.account = ?1
  AND t.removed_at IS NULL";

const REMOVED_AT: &str = "
SELECT removed_at
FROM template
WHERE account = ?1
  AND template_id = ?2";

const USES: &str = "
SELECT template_id, SUM(count)
FROM template_use
WHERE account = ?1
  AND day > ?2
GROUP BY template_id";

impl Store {
    /// What syncs found changed upstream, the newest first: those before `before`, at most `limit` and 500.
    pub async fn template_notices(
        &self,
        account: AccountId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<TemplateNotice>> {
        self.read(move |conn| {
            let mut notices = conn.prepare_cached(NOTICES)?;
            row::all(notices.query(params![account.0, before, limit.min(500)])?, read_notice)
        })
        .await
    }

    /// The templates in which others changed something after `since`, of all accounts; the last ten thousand times.
    pub async fn templates_noticed_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(AccountId, Timestamp, String)>> {
        self.read(move |conn| {
            let mut noticed = conn.prepare_cached(NOTICED_SINCE)?;
            let rows = noticed.query(params![since.ms(), NOTICED_MAX])?;
            row::all(rows, |row| Ok((AccountId(row.get(0)?), row::at(row, 1)?, row.get(2)?)))
        })
        .await
    }

    /// Every text that a template ever had, the oldest first; one that is gone as well.
    pub async fn template_history(
        &self,
        account: AccountId,
        template_id: &str,
    ) -> Result<Option<TemplateHistory>> {
        let template_id = template_id.to_owned();
        self.read(move |conn| {
            let key = params![account.0, template_id];
            let removed: Option<Option<i64>> =
                conn.prepare_cached(REMOVED_AT)?.query_row(key, |row| row.get(0)).optional()?;
            let Some(removed_at) = removed else { return Ok(None) };
            let versions = row::all(conn.prepare_cached(VERSIONS)?.query(key)?, |row| {
                Ok((row.get(6)?, row::at(row, 7)?, templates::read(row)?))
            })?;
            Ok(Some(TemplateHistory { removed_at: removed_at.map(Timestamp::from_ms), versions }))
        })
        .await
    }

    /// Of each template that the account has now: which of its texts is in force, from 1, and since when.
    pub async fn template_versions(&self, account: AccountId) -> Result<BTreeMap<String, (u32, Timestamp)>> {
        self.read(move |conn| {
            let mut versions = conn.prepare_cached(CURRENT_VERSIONS)?;
            let rows = row::all(versions.query([account.0])?, |row| {
                Ok((row.get(0)?, (row.get(1)?, row::at(row, 2)?)))
            })?;
            Ok(rows.into_iter().collect())
        })
        .await
    }

    /// Messages accepted by template in the `days` up to today.
    pub async fn template_uses(
        &self,
        account: AccountId,
        days: i64,
        now: Timestamp,
    ) -> Result<BTreeMap<String, u64>> {
        self.read(move |conn| {
            let mut uses = conn.prepare_cached(USES)?;
            let rows =
                row::all(uses.query([account.0, now.day() - days])?, |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.into_iter().collect())
        })
        .await
    }
}

fn read_notice(row: &Row<'_>) -> Result<TemplateNotice> {
    let changed: String = row.get(5)?;
    Ok(TemplateNotice {
        id: row.get(0)?,
        at: row::at(row, 1)?,
        template_id: row.get(2)?,
        title: row.get(3)?,
        kind: row::word(row, 4, NoticeKind::parse)?,
        changed: changed.split_terminator(',').map(str::to_owned).collect(),
    })
}

const ALL_GRANTS: &str = "
SELECT account, template_id, field, max
FROM template_grant
ORDER BY account, template_id, field";

const HAS_TEMPLATE: &str = "
SELECT 1
FROM template
WHERE account = ?1
  AND template_id = ?2
  AND removed_at IS NULL";

const GRANT: &str = "
INSERT INTO template_grant (account, template_id, field, max)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (account, template_id, field)
DO UPDATE SET max = excluded.max";

const TAKE_BACK: &str = "
DELETE FROM template_grant
WHERE account = ?1
  AND template_id = ?2
  AND field = ?3";

impl Store {
    /// The grants of all accounts.
    pub async fn grants(&self) -> Result<Grants> {
        self.read(|conn| {
            let mut grants = Grants::new();
            let mut all = conn.prepare_cached(ALL_GRANTS)?;
            let mut rows = all.query([])?;
            while let Some(row) = rows.next()? {
                let template = (AccountId(row.get(0)?), row.get(1)?);
                grants.entry(template).or_default().push((row.get(2)?, row.get(3)?));
            }
            Ok(grants)
        })
        .await
    }

    /// Grants fields of a template longer values, or takes that back where there is no number. `false`: the account
    /// has no such template, and nothing was changed. A sync keeps them.
    pub async fn grant(
        &self,
        account: AccountId,
        template_id: &str,
        changes: Vec<(String, Option<usize>)>,
        now: Timestamp,
    ) -> Result<bool> {
        if changes.len() > crate::MAX_BATCH {
            return Err(StoreError::Invalid("a template has no so many fields".to_owned()));
        }
        let (template_id, actor) = (template_id.to_owned(), self.actor.clone());
        self.write(changes.len(), move |ledger| {
            if !ledger.conn.prepare_cached(HAS_TEMPLATE)?.exists(params![account.0, template_id])? {
                return Ok(false);
            }
            for (field, max) in &changes {
                match max {
                    Some(max) => ledger.conn.prepare_cached(GRANT)?.execute(params![
                        account.0,
                        template_id,
                        field,
                        max
                    ])?,
                    None => ledger.conn.prepare_cached(TAKE_BACK)?.execute(params![
                        account.0,
                        template_id,
                        field
                    ])?,
                };
            }
            let detail = json!({ "template_id": template_id, "fields": changes });
            ledger.audit_account(&actor, (Action::TemplateGrant, account), detail, now)?;
            revise(ledger.conn)?;
            Ok(true)
        })
        .await
    }
}
