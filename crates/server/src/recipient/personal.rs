//! Personal data: everything that is held of a person, given out or removed. Both are written into the audit.

use axum::extract::State;
use hongyan_domain::{Openid, Recipient, Timestamp};
use hongyan_engine::{Account, Catalog};
use hongyan_store::{Erased, OpenReceipt, Personal};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::MayAdmin;
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::compliance::ComplaintBody;
use crate::message::MessageBody;
use crate::request::field;
use crate::request::path::Named;
use crate::request::query::{self, Asked};

/// Whose recipient, and which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Of this account; may be left out where there is one.
    appid: Option<String>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// Messages in the page: 1 to 500; 50 if left out.
    limit: Option<String>,
}

/// Whose recipient.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whose {
    /// Of this account; may be left out where there is one.
    appid: Option<String>,
}

/// What is held of a person, or a page of it.
#[derive(Serialize, ToSchema)]
#[schema(as = RecipientExport)]
pub(crate) struct ExportBody<'a> {
    appid: &'a str,
    openid: &'a str,
    /// What is known of them: when they acted, what counts towards the caps, suppressions; on the first page.
    #[schema(value_type = Option<Object>)]
    facts: Option<&'a Recipient>,
    /// The messages with their timelines, newest first.
    messages: Vec<MessageBody<'a>>,
    /// WeChat's receipts that belong to no message; on the first page.
    receipts: Vec<ReceiptBody<'a>>,
    /// Complaints of theirs; on the first page.
    complaints: Vec<ComplaintBody>,
    /// Give it back as `cursor` to go on; null: that was all.
    next_cursor: Option<&'a str>,
}

/// A receipt that belongs to no message.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenReceipt)]
pub(crate) struct ReceiptBody<'a> {
    /// WeChat's number of the message: 64 bits, as text.
    msgid: Option<String>,
    status: &'static str,
    /// As WeChat spelled it, for a status nobody has documented.
    raw: Option<&'a str>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = String)]
    received_at: Timestamp,
}

/// What an erasure came to.
#[derive(Serialize, ToSchema)]
#[schema(as = RecipientErasure)]
pub(crate) struct ErasureBody {
    /// Messages that name nobody any more; they stay counted.
    messages: usize,
    /// Those of them that had not gone, and never will.
    cancelled: usize,
    /// Receipts that were removed or name nobody any more.
    receipts: usize,
    /// Messages on their way to WeChat, or in doubt: not erased yet. Call again; within ten minutes they are settled.
    in_flight: usize,
}

/// Gives out everything that is held of a person.
#[utoipa::path(get, path = "/api/v1/recipients/{openid}/export", tag = "recipients", params(Wanted),
    responses((status = 200, description = "A page of it", body = ExportBody<'_>)))]
pub(crate) async fn export(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(openid): Named<String>,
    Asked(wanted): Asked<Wanted>,
) -> Answer {
    let account = app.account_or_only(&caller, wanted.appid.as_deref())?;
    let openid = read(&openid)?;
    let mut errors = Vec::new();
    let limit = query::limit(&mut errors, wanted.limit.as_deref());
    field::none_of(errors)?;
    let cursor = wanted.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let who = (account.id(), &openid);
    let held = app.store_of(&caller).export_recipient(who, cursor, limit, app.now()).await?;
    answer::ok(&ExportBody::of((&account, &openid), &held, &app.engine().catalog()))
}

/// Removes what is held of a person. 202 while some of their messages are still on their way: call again.
#[utoipa::path(delete, path = "/api/v1/recipients/{openid}", tag = "recipients", params(Whose),
    responses((status = 200, description = "Nothing is held any more", body = ErasureBody),
        (status = 202, description = "Some messages are still on their way", body = ErasureBody)))]
pub(crate) async fn erase(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(openid): Named<String>,
    Asked(whose): Asked<Whose>,
) -> Answer {
    let account = app.account_or_only(&caller, whose.appid.as_deref())?;
    let openid = read(&openid)?;
    let erased = app.engine().by(caller.actor()).erase(account.id(), &openid).await?;
    let status = if erased.in_flight == 0 { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(answer::json(status, &ErasureBody::of(&erased)))
}

/// What the API gives out, for the command line.
pub fn exported(who: (&Account, &Openid), held: &Personal, catalog: &Catalog) -> serde_json::Value {
    let body = serde_json::to_value(ExportBody::of(who, held, catalog));
    body.expect("the bodies of this API have text keys and finite numbers")
}

/// The openid in the path. What is wrong with it is told without it.
fn read(openid: &str) -> Result<Openid, Problem> {
    Openid::new(openid).map_err(|error| Problem::invalid(vec![field::bad("openid", error.to_string())]))
}

impl<'a> ExportBody<'a> {
    fn of((account, openid): (&'a Account, &'a Openid), held: &'a Personal, catalog: &'a Catalog) -> Self {
        Self {
            appid: account.appid().as_str(),
            openid: openid.expose(),
            facts: held.facts.as_ref(),
            messages: held.messages.items.iter().map(|record| MessageBody::of(record, catalog)).collect(),
            receipts: held.receipts.iter().map(ReceiptBody::of).collect(),
            complaints: held.complaints.iter().cloned().map(ComplaintBody::from).collect(),
            next_cursor: held.messages.next_cursor.as_deref(),
        }
    }
}

impl<'a> ReceiptBody<'a> {
    fn of(receipt: &'a OpenReceipt) -> Self {
        Self {
            msgid: receipt.msgid.map(|msgid| msgid.to_string()),
            status: receipt.status.as_str(),
            raw: receipt.raw.as_deref(),
            created_at: receipt.created_at,
            received_at: receipt.received_at,
        }
    }
}

impl ErasureBody {
    fn of(erased: &Erased) -> Self {
        Self {
            messages: erased.messages,
            cancelled: erased.cancelled.len(),
            receipts: erased.receipts,
            in_flight: erased.in_flight,
        }
    }
}
