//! The audit: who did what, when, from where.

use axum::extract::State;
use hongyan_domain::{FieldError, Timestamp, says};
use hongyan_engine::Catalog;
use hongyan_store::{Action, AuditFault, AuditFilter, AuditRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayAdmin};
use crate::answer::problem::{Code, Problem};
use crate::answer::text::Text;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::field;
use crate::request::query::{self, Asked};

/// Which rows. All given conditions must hold.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Conditions {
    /// About this account.
    appid: Option<String>,
    /// Of this actor: the id of an API key, or `setup`, `cli`, `system`.
    actor: Option<String>,
    /// Of this action, like `account.pause`.
    action: Option<String>,
    /// At this time or later. RFC 3339.
    since: Option<String>,
    /// Before this time. RFC 3339.
    until: Option<String>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 if left out.
    limit: Option<String>,
}

/// Some of many.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditPage)]
pub(crate) struct PageBody<'a> {
    /// Newest first. May be fewer than asked for, even none, while there is a next_cursor.
    rows: Vec<RowBody<'a>>,
    /// Give it back as `cursor` to go on; null: that was all.
    next_cursor: Option<&'a str>,
}

/// One deed.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRow)]
pub(crate) struct RowBody<'a> {
    /// Its number, without a gap: 64 bits, as text.
    seq: String,
    #[schema(value_type = String)]
    at: Timestamp,
    /// The account it is about; null: the installation, or an account that is gone.
    appid: Option<&'a str>,
    /// The id of an API key, or `setup`, `cli`, `system`.
    actor: &'a str,
    /// From where: an address, or the user of the command line; empty: from inside.
    address: &'a str,
    /// What was done, like `account.pause`.
    action: &'a str,
    /// To what: an appid, a key's id; of a person the first digits of the blind index.
    subject: &'a str,
    /// More, without secrets and openids.
    #[schema(value_type = Object)]
    detail: &'a serde_json::Value,
    /// Ties it to all rows before; `GET /api/v1/audit/verify` and `hongyan audit verify` check it.
    hash: String,
}

/// Lists what was done, newest first. A key for certain accounts sees what is about those.
#[utoipa::path(get, path = "/api/v1/audit", tag = "operation", params(Conditions),
    responses((status = 200, description = "A page of the audit", body = PageBody<'_>)))]
pub(crate) async fn list(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Asked(asked): Asked<Conditions>,
) -> Answer {
    let mut errors = Vec::new();
    let filter = filter(&app, &caller, &asked, &mut errors)?;
    let limit = query::limit(&mut errors, asked.limit.as_deref());
    field::none_of(errors)?;
    let cursor = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let page = app.store().audit(&filter, cursor, limit).await?;
    let catalog = app.engine().catalog();
    let rows = page.items.iter().map(|row| RowBody::of(row, &catalog)).collect();
    answer::ok(&PageBody { rows, next_cursor: page.next_cursor.as_deref() })
}

fn filter(
    app: &App,
    caller: &Caller,
    asked: &Conditions,
    errors: &mut Vec<FieldError>,
) -> Result<AuditFilter, Problem> {
    let accounts = match asked.appid.as_deref().filter(|appid| !appid.is_empty()) {
        Some(appid) => vec![app.account(caller, appid)?.id()],
        None => caller.accounts().to_vec(),
    };
    let instant = "an RFC 3339 time";
    let words = "a word like account.pause, from the column `action`";
    Ok(AuditFilter {
        accounts,
        actor: asked.actor.clone().filter(|actor| !actor.is_empty()),
        action: query::read(errors, ("action", asked.action.as_deref()), Action::parse, words),
        since: query::read(errors, ("since", asked.since.as_deref()), query::timestamp, instant),
        until: query::read(errors, ("until", asked.until.as_deref()), query::timestamp, instant),
    })
}

impl<'a> RowBody<'a> {
    fn of(row: &'a AuditRow, catalog: &'a Catalog) -> Self {
        let account = row.account.and_then(|id| catalog.by_id(id));
        Self {
            seq: row.seq.to_string(),
            at: row.at,
            appid: account.map(|account| account.appid().as_str()),
            actor: &row.actor,
            address: &row.address,
            action: &row.action,
            subject: &row.subject,
            detail: &row.detail,
            hash: hex(&row.hash),
        }
    }
}

/// What to compare with.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Remembered {
    /// `newest` of an earlier check, kept elsewhere: a whole chain may still be an older one, put back.
    newest: Option<String>,
}

/// Whether the audit is whole.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditVerdict)]
pub(crate) struct VerdictBody {
    ok: bool,
    /// Rows that were walked.
    rows: u64,
    /// Number and hash of the newest row: keep it elsewhere and give it back the next time; null: there is no row.
    newest: Option<String>,
    /// What is wrong; null: nothing.
    fault: Option<FaultBody>,
}

/// Where the audit is broken.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditFault)]
pub(crate) struct FaultBody {
    /// `edited`, `removed`, `unlinked`, `cut`, `head` or `replaced`.
    kind: &'static str,
    /// The row, as text; null: the record of the two ends.
    seq: Option<String>,
    text: Text,
}

/// Computes the whole chain of the audit again. One check at a time.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "operation", params(Remembered),
    responses((status = 200, description = "Whether it is whole", body = VerdictBody)))]
pub(crate) async fn verify(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Asked(asked): Asked<Remembered>,
) -> Answer {
    if !caller.is_for_all() {
        return Err(Problem::new(
            Code::Forbidden,
            "the audit is of all accounts: this needs a caller for all",
        ));
    }
    let mut errors = Vec::new();
    let newest = ("newest", asked.newest.as_deref());
    let remembered = query::read(&mut errors, newest, remembered, "the `newest` of an earlier check");
    field::none_of(errors)?;
    let Ok(_alone) = app.verifying().try_lock() else {
        return Err(Problem::new(Code::Throttled, "the audit is being checked already").retry_after(5));
    };
    let state = app.store().verify_audit().await?;
    let mut fault = state.fault.map(FaultBody::of);
    if let (None, Some((seq, hash))) = (&fault, remembered)
        && !is_there(&app, seq, &hash).await?
    {
        fault = Some(FaultBody::replaced(seq));
    }
    let newest = state.newest.as_ref().map(|(seq, hash)| format!("{seq}:{}", hex(hash)));
    answer::ok(&VerdictBody { ok: fault.is_none(), rows: state.rows, newest, fault })
}

fn remembered(text: &str) -> Option<(i64, String)> {
    let (seq, hash) = text.split_once(':')?;
    Some((seq.parse().ok()?, hash.to_lowercase()))
}

async fn is_there(app: &App, seq: i64, hash: &str) -> Result<bool, Problem> {
    let cursor = seq.saturating_add(1).to_string();
    let found = app.store().audit(&AuditFilter::default(), Some(&cursor), 1).await?.items.pop();
    Ok(found.is_some_and(|row| row.seq == seq && hex(&row.hash) == hash))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl FaultBody {
    fn of(fault: AuditFault) -> Self {
        let (kind, seq, text) = match fault {
            AuditFault::Edited(seq) => ("edited", seq, says!("row {seq} was edited", seq)),
            AuditFault::Removed(seq) => ("removed", seq, says!("row {seq} was removed", seq)),
            AuditFault::Unlinked(seq) => {
                ("unlinked", seq, says!("before row {seq} rows were cut off or replaced", seq))
            }
            AuditFault::Cut(seq) => ("cut", seq, says!("the end was cut off: row {seq} is missing", seq)),
            AuditFault::Head => {
                let text = "the record of where the audit begins and ends was changed".into();
                return Self { kind: "head", seq: None, text: Text::of(&text) };
            }
        };
        Self { kind, seq: Some(seq.to_string()), text: Text::of(&text) }
    }

    fn replaced(seq: i64) -> Self {
        let text = says!(
            "row {seq} is not what it was when its hash was written down: rows were cut off or an older database was put back",
            seq
        );
        Self { kind: "replaced", seq: Some(seq.to_string()), text: Text::of(&text) }
    }
}
