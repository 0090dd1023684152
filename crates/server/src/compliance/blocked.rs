//! What the platform blocked, as WeChat tells it when it is asked.

use axum::extract::State;
use hongyan_domain::{MessageId, Timestamp};
use hongyan_store::{BlockedFilter, BlockedMessage};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::appid;
use crate::access::auth::MayRead;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::field;
use crate::request::query::{self, Asked};

/// Which blocked messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BlockedQuery {
    /// Of this account.
    appid: Option<String>,
    /// By this template.
    template_id: Option<String>,
    /// From the page before.
    cursor: Option<String>,
    /// 1 to 500.
    limit: Option<String>,
}

/// Some of many.
#[derive(Serialize, ToSchema)]
#[schema(as = BlockedPage)]
pub(crate) struct BlockedPageBody {
    /// The last found first, account by account.
    blocked: Vec<BlockedBody>,
    /// Give it back to go on; null: that was all.
    next_cursor: Option<String>,
}

/// A message that the platform stopped.
#[derive(Serialize, ToSchema)]
#[schema(as = BlockedMessage)]
pub(crate) struct BlockedBody {
    appid: String,
    template_id: String,
    /// WeChat's number in its list: 64 bits, as text.
    id: String,
    /// The message; null: none of ours is known by it.
    #[schema(value_type = Option<String>)]
    message: Option<MessageId>,
    /// The template's title.
    title: String,
    /// When it was sent, by WeChat's clock.
    #[schema(value_type = String)]
    blocked_at: Timestamp,
    /// When we learned of it: each template is asked about once an hour.
    #[schema(value_type = String)]
    found_at: Timestamp,
}

/// Lists messages that the platform blocked. Whom they went to, the message itself tells.
#[utoipa::path(get, path = "/api/v1/compliance/blocked", tag = "compliance", params(BlockedQuery),
    responses((status = 200, description = "A page of them", body = BlockedPageBody)))]
pub(crate) async fn list_blocked(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<BlockedQuery>,
) -> Answer {
    let accounts = super::accounts(&app, &caller, asked.appid.as_deref())?;
    let mut errors = Vec::new();
    let limit = query::limit(&mut errors, asked.limit.as_deref());
    field::none_of(errors)?;
    let template_id = asked.template_id.filter(|template| !template.is_empty());
    let cursor = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let page = app.store().blocked(&BlockedFilter { accounts, template_id }, cursor, limit).await?;
    let shown = |one: BlockedMessage| BlockedBody {
        appid: appid(&app, one.account),
        template_id: one.template_id,
        id: one.id.to_string(),
        message: one.message,
        title: one.title,
        blocked_at: one.blocked_at,
        found_at: one.found_at,
    };
    let blocked = page.items.into_iter().map(shown).collect();
    answer::ok(&BlockedPageBody { blocked, next_cursor: page.next_cursor })
}
