//! Many messages: `GET /api/v1/messages`, page by page.

use axum::extract::State;
use hongyan_domain::{AccountId, Cause, FieldError, Lane, Openid, State as MessageState};
use hongyan_store::MessageFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::show::MessageBody;
use crate::access::auth::{Caller, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::{App, unknown_account};
use crate::request::field;
use crate::request::query::{self, Asked};

/// What a time has to look like.
const A_TIME: &str = "an RFC 3339 time, like 2026-11-23T12:00:00+08:00";

/// Which messages. All given conditions must hold.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Conditions {
    /// Of this account.
    appid: Option<String>,
    /// In this state.
    state: Option<String>,
    /// For this cause.
    cause: Option<String>,
    /// To this openid.
    touser: Option<String>,
    /// Under this id of yours.
    client_msg_id: Option<String>,
    /// That WeChat gave this number (msgid).
    msgid: Option<String>,
    /// By this template.
    template_id: Option<String>,
    /// Of this scenario.
    scenario: Option<String>,
    /// In this lane: `urgent`, `normal` or `bulk`.
    lane: Option<String>,
    /// Of this campaign. No message has one yet.
    campaign: Option<String>,
    /// With a dispatch that WeChat answered so.
    errcode: Option<String>,
    /// Accepted at this time or later. RFC 3339.
    since: Option<String>,
    /// Accepted before this time. RFC 3339.
    until: Option<String>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 if left out.
    limit: Option<String>,
}

/// Some of many.
#[derive(Serialize, ToSchema)]
#[schema(as = MessagePage)]
pub(crate) struct PageBody<'a> {
    /// Newest first within an account. May be fewer than asked for, even none, while there is a next_cursor.
    messages: Vec<MessageBody<'a>>,
    /// Give it back as `cursor` to go on; null: that was all.
    next_cursor: Option<&'a str>,
}

/// Lists messages, newest first within an account.
#[utoipa::path(get, path = "/api/v1/messages", tag = "messages", params(Conditions),
    responses((status = 200, description = "A page of messages", body = PageBody<'_>)))]
pub(crate) async fn find(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<Conditions>,
) -> Answer {
    let mut errors = Vec::new();
    let filter = filter(&app, &caller, &asked, &mut errors)?;
    let limit = query::limit(&mut errors, asked.limit.as_deref());
    field::none_of(errors)?;
    if asked.campaign.is_some_and(|campaign| !campaign.is_empty()) {
        return answer::ok(&PageBody { messages: Vec::new(), next_cursor: None });
    }
    let cursor = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let page = app.store().find_messages(&filter, cursor, limit).await?;
    let catalog = app.engine().catalog();
    let messages = page.items.iter().map(|record| MessageBody::of(record, &catalog)).collect();
    answer::ok(&PageBody { messages, next_cursor: page.next_cursor.as_deref() })
}

fn filter(
    app: &App,
    caller: &Caller,
    asked: &Conditions,
    errors: &mut Vec<FieldError>,
) -> Result<MessageFilter, Problem> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let openid = ("touser", asked.touser.as_deref());
    Ok(MessageFilter {
        account: account(app, caller, asked.appid.as_deref())?,
        state: query::read(
            errors,
            ("state", asked.state.as_deref()),
            MessageState::parse,
            &one_of(MessageState::ALL.iter().map(|state| state.as_str())),
        ),
        cause: query::read(
            errors,
            ("cause", asked.cause.as_deref()),
            Cause::parse,
            &one_of(Cause::ALL.iter().map(|cause| cause.as_str())),
        ),
        openid: query::read(errors, openid, |text| Openid::new(text).ok(), "an openid"),
        client_msg_id: given(&asked.client_msg_id),
        msgid: query::read(
            errors,
            ("msgid", asked.msgid.as_deref()),
            |text| text.parse().ok(),
            "WeChat's number of a message",
        ),
        template_id: given(&asked.template_id),
        scenario: given(&asked.scenario),
        lane: query::read(
            errors,
            ("lane", asked.lane.as_deref()),
            |word| Lane::ALL.into_iter().find(|lane| lane.as_str() == word),
            "urgent, normal or bulk",
        ),
        errcode: query::read(
            errors,
            ("errcode", asked.errcode.as_deref()),
            |text| text.parse().ok(),
            "a number",
        ),
        since: query::read(errors, ("since", asked.since.as_deref()), query::timestamp, A_TIME),
        until: query::read(errors, ("until", asked.until.as_deref()), query::timestamp, A_TIME),
    })
}

fn one_of(words: impl Iterator<Item = &'static str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// The account a question is about. A key for several accounts has to say which: no page mixes in others.
pub(crate) fn account(app: &App, caller: &Caller, appid: Option<&str>) -> Result<Option<AccountId>, Problem> {
    match (appid.filter(|appid| !appid.is_empty()), caller.accounts()) {
        (Some(appid), _) => app.account(caller, appid).map(|account| Some(account.id())),
        (None, []) => Ok(None),
        (None, [only]) if app.engine().catalog().by_id(*only).is_some() => Ok(Some(*only)),
        (None, [_]) => Err(unknown_account()),
        (None, _) => {
            Err(Problem::new(Code::AccountNeeded, "this key is for several accounts: name one by `appid`"))
        }
    }
}
