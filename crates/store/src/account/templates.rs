//! Templates of an account, with every text they ever had.

use std::collections::BTreeMap;

use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::account::accounts::revise;
use crate::account::library::{changed_columns, put_notice};
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::store::check_batch;
use crate::{Action, Actor, Changes, NoticeKind, Result, Store, StoredTemplate};

const CURRENT: &str = "
SELECT v.template_id, v.title, v.content, v.example, v.primary_industry, v.deputy_industry, v.version
FROM template AS t
JOIN template_version AS v
  ON v.account = t.account AND v.template_id = t.template_id AND v.version = t.version
WHERE t.account = ?1
  AND t.removed_at IS NULL
ORDER BY v.template_id";

impl Store {
    /// The templates of an account, by id.
    pub async fn templates(&self, account: AccountId) -> Result<Vec<StoredTemplate>> {
        self.read(move |conn| Ok(current(conn, account)?.into_values().collect())).await
    }

    /// Makes the kept templates equal to these; old texts stay in their versions. What is new, changed or gone was
    /// done by somebody else, and is noted; the first reading of an account is where that begins.
    pub async fn sync_templates(
        &self,
        account: AccountId,
        templates: Vec<StoredTemplate>,
        now: Timestamp,
    ) -> Result<Changes> {
        self.sync_templates_after(account, None, templates, now).await
    }

    /// The same, after we ourselves added or deleted the template `ours`: of that one nothing is noted.
    pub async fn sync_templates_after(
        &self,
        account: AccountId,
        ours: Option<&str>,
        templates: Vec<StoredTemplate>,
        now: Timestamp,
    ) -> Result<Changes> {
        check_batch(templates.len())?;
        let (ours, actor) = (ours.map(str::to_owned), self.actor.clone());
        self.write(templates.len() * 2, move |ledger| {
            let changes = sync(ledger, (account, ours.as_deref()), &templates, now)?;
            if changes != Changes::default() {
                revise(ledger.conn)?;
                audit(ledger, &actor, (account, &changes), now)?;
            }
            Ok(changes)
        })
        .await
    }
}

fn current(conn: &Connection, account: AccountId) -> Result<BTreeMap<String, StoredTemplate>> {
    let mut templates = conn.prepare_cached(CURRENT)?;
    let found = row::all(templates.query([account.0])?, read)?;
    Ok(found.into_iter().map(|template| (template.template_id.clone(), template)).collect())
}

/// Reads id, title, content, example and the industries from the first column on.
pub(crate) fn read(row: &Row<'_>) -> Result<StoredTemplate> {
    Ok(StoredTemplate {
        template_id: row.get(0)?,
        title: row.get(1)?,
        content: row.get(2)?,
        example: row.get(3)?,
        primary_industry: row.get(4)?,
        deputy_industry: row.get(5)?,
    })
}

const REMOVE: &str = "
UPDATE template
SET removed_at = ?3
WHERE account = ?1
  AND template_id = ?2";

const HAS_ANY: &str = "
SELECT 1
FROM template
WHERE account = ?1";

fn sync(
    ledger: &mut Ledger<'_>,
    (account, ours): (AccountId, Option<&str>),
    templates: &[StoredTemplate],
    now: Timestamp,
) -> Result<Changes> {
    let conn = ledger.conn;
    let is_known = conn.prepare_cached(HAS_ANY)?.exists([account.0])?;
    let note = |kind, template: &StoredTemplate, changed: &str| match ours {
        Some(ours) if ours == template.template_id => Ok(()),
        _ if !is_known => Ok(()),
        _ => put_notice(conn, account, (kind, template), changed, now),
    };
    let mut before = current(conn, account)?;
    let mut changes = Changes::default();
    for template in templates {
        match before.remove(&template.template_id) {
            Some(old) if old == *template => continue,
            Some(old) => {
                note(NoticeKind::Changed, template, &changed_columns(&old, template))?;
                changes.changed.push(template.template_id.clone());
            }
            None => {
                note(NoticeKind::Added, template, "")?;
                changes.added.push(template.template_id.clone());
            }
        }
        put_version(conn, account, template, now)?;
    }
    for gone in before.into_values() {
        conn.prepare_cached(REMOVE)?.execute(params![account.0, gone.template_id, now.ms()])?;
        note(NoticeKind::Removed, &gone, "")?;
        changes.removed.push(gone.template_id);
    }
    Ok(changes)
}

fn audit(
    ledger: &mut Ledger<'_>,
    actor: &Actor,
    (account, changes): (AccountId, &Changes),
    at: Timestamp,
) -> Result<()> {
    let Changes { added, changed, removed } = changes;
    let detail = serde_json::json!({ "added": added, "changed": changed, "removed": removed });
    ledger.audit_account(actor, (Action::TemplateSync, account), detail, at)
}

const PUT_VERSION: &str = "
INSERT INTO template_version (account, template_id, version, title, content, example, primary_industry,
  deputy_industry, since)
SELECT ?1, ?2, COALESCE(MAX(version), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8
FROM template_version
WHERE account = ?1
  AND template_id = ?2
RETURNING version";

const PUT_CURRENT: &str = "
INSERT INTO template (account, template_id, version, removed_at)
VALUES (?1, ?2, ?3, NULL)
ON CONFLICT (account, template_id)
DO UPDATE SET version = excluded.version, removed_at = NULL";

fn put_version(
    conn: &Connection,
    account: AccountId,
    template: &StoredTemplate,
    now: Timestamp,
) -> Result<()> {
    let values = params![
        account.0,
        template.template_id,
        template.title,
        template.content,
        template.example,
        template.primary_industry,
        template.deputy_industry,
        now.ms(),
    ];
    let version: i64 = conn.prepare_cached(PUT_VERSION)?.query_row(values, |row| row.get(0))?;
    conn.prepare_cached(PUT_CURRENT)?.execute(params![account.0, template.template_id, version])?;
    Ok(())
}
