//! Accounts as the API shows them.

use axum::extract::State;
use hongyan_domain::{AccountKind, Timestamp};
use hongyan_engine::Account;
use hongyan_store::{StoreError, TokenSource};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::change::LimitsBody;
use super::standing::Live;
use crate::access::auth::MayRead;
use crate::account::right::Right;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::check::waiting;
use crate::request::field;
use crate::request::path::Named;
use crate::request::query::{self, Asked};

/// What stands in place of a secret.
const SET: &str = "set";

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountBody<'a> {
    appid: &'a str,
    /// What people call it.
    name: &'a str,
    #[schema(value_type = String)]
    kind: AccountKind,
    /// Whether WeChat verified it.
    verified: bool,
    /// Whether WeChat is expected to give it template messages, and the mend.
    template_messages: Right,
    /// `set`: secrets are never shown.
    secret: &'static str,
    /// For receipts; null: none, so nothing is ever `delivered`.
    callback: Option<CallbackBody>,
    /// The limits in force.
    limits: LimitsBody,
    /// `own`, or those of its `kind`.
    limits_from: &'static str,
    /// `set`, or null: none.
    proxy: Option<&'static str>,
    /// `stable`, `classic` or `outside`.
    token_source: &'static str,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = String)]
    updated_at: Timestamp,
    /// How it stands right now.
    live: Live,
    /// Only where one account is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
}

/// What its callback is checked with.
#[derive(Serialize, ToSchema)]
#[schema(as = Callback)]
pub(crate) struct CallbackBody {
    /// The path to enter in WeChat's console after this server's public address.
    path: String,
    /// `set`.
    token: &'static str,
    /// `set`, or null: plain mode.
    aes_key: Option<&'static str>,
    /// `set`, or null: there was none before.
    previous_aes_key: Option<&'static str>,
}

/// Counted by the store.
#[derive(Serialize, ToSchema)]
pub(crate) struct Counts {
    /// Messages that wait.
    pending: i64,
    /// Sends WeChat accepted today (Asia/Shanghai).
    sent_today: u64,
}

/// Some of many.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountPage)]
pub(crate) struct PageBody<'a> {
    /// By appid.
    accounts: Vec<AccountBody<'a>>,
    /// Give it back as `cursor` to go on; null: that was all.
    next_cursor: Option<&'a str>,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 if left out.
    limit: Option<String>,
}

/// Lists the accounts with how they stand.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(Page),
    responses((status = 200, description = "A page of accounts", body = PageBody<'_>)))]
pub(crate) async fn list(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(page): Asked<Page>,
) -> Answer {
    let mut errors = Vec::new();
    let limit = query::limit(&mut errors, page.limit.as_deref());
    field::none_of(errors)?;
    let (catalog, after) = (app.engine().catalog(), page.cursor.unwrap_or_default());
    let mut accounts: Vec<&Account> = catalog
        .accounts()
        .map(|account| &**account)
        .filter(|account| caller.may_touch(account.id()) && account.appid().as_str() > after.as_str())
        .collect();
    accounts.sort_unstable_by_key(|account| account.appid().as_str());
    let more = accounts.len() > limit;
    accounts.truncate(limit);
    let next_cursor = accounts.last().filter(|_| more).map(|account| account.appid().as_str());
    let accounts = accounts.iter().map(|account| AccountBody::of(&app, account)).collect();
    answer::ok(&PageBody { accounts, next_cursor })
}

/// Shows one account: its settings without secrets, its token, its pause and what to do about it, its backlog.
#[utoipa::path(get, path = "/api/v1/accounts/{appid}", tag = "accounts",
    responses((status = 200, description = "The account", body = AccountBody<'_>)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(appid): Named<String>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let counts = counts(&app, &account).await?;
    answer::ok(&AccountBody { counts: Some(counts), ..AccountBody::of(&app, &account) })
}

async fn counts(app: &App, account: &Account) -> Result<Counts, StoreError> {
    let today = app.now().day();
    let pending = waiting(app.store(), account.id(), app.now()).await?;
    let sent = app.store().sends_today(today).await?;
    Ok(Counts { pending, sent_today: sent.get(&account.id()).copied().unwrap_or(0) })
}

impl<'a> AccountBody<'a> {
    pub(super) fn of(app: &App, account: &'a Account) -> Self {
        let record = &account.record;
        Self {
            appid: record.appid.as_str(),
            name: &record.name,
            kind: record.kind,
            verified: record.verified,
            template_messages: Right::of(record.kind, record.verified),
            secret: SET,
            callback: callback(account),
            limits: record.effective_limits().into(),
            limits_from: if record.limits.is_some() { "own" } else { "kind" },
            proxy: record.proxy.as_ref().map(|_| SET),
            token_source: match record.token_source {
                TokenSource::Stable => "stable",
                TokenSource::Classic => "classic",
                TokenSource::Outside(_) => "outside",
            },
            created_at: record.created_at,
            updated_at: record.updated_at,
            live: Live::of(app, account),
            counts: None,
        }
    }
}

fn callback(account: &Account) -> Option<CallbackBody> {
    let keys = account.record.callback.as_ref()?;
    Some(CallbackBody {
        path: format!("/callback/{}", account.appid()),
        token: SET,
        aes_key: keys.aes_key.as_ref().map(|_| SET),
        previous_aes_key: keys.previous_aes_key.as_ref().map(|_| SET),
    })
}
