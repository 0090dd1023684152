//! One person: windows open now, counts left, suppression.

use axum::extract::State;
use hongyan_domain::policy::{Notice, Over, Per, Policy, Window};
use hongyan_domain::{
    Asked, Category, Cause, InteractionKind, MessageId, Reason, Recipient, Source, State as MessageState,
    Suppression, Timestamp,
};
use hongyan_store::{MessageFilter, MessageRecord};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::openid;
use crate::access::auth::MayRead;
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::message::ClicksBody;
use crate::request::path::Named;
use crate::request::query::{self, Asked as Query};

/// Messages shown with a person.
const RECENT: usize = 5;

/// Of which account, and for which messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecipientQuery {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// By whose rules: `transactional`, `service` (the default) or `marketing`.
    category: Option<String>,
}

/// What is known of a person.
#[derive(Serialize, ToSchema)]
#[schema(as = Recipient)]
pub(crate) struct RecipientBody {
    touser: String,
    /// The reach windows, in the order in which they are used.
    windows: Vec<WindowBody>,
    /// The caps and what they counted.
    caps: Vec<CapBody>,
    /// Why and how long they are not written to.
    suppressions: Vec<SuppressionBody>,
    /// Their newest messages.
    recent: Vec<RecentBody>,
    /// Where all of them are.
    messages: String,
}

/// One of the newest messages to a person.
#[derive(Serialize, ToSchema)]
#[schema(as = RecentMessage)]
pub(crate) struct RecentBody {
    #[schema(value_type = String)]
    id: MessageId,
    #[schema(value_type = String)]
    state: MessageState,
    #[schema(value_type = Option<String>)]
    cause: Option<Cause>,
    scenario: Option<String>,
    #[schema(value_type = String)]
    category: Category,
    #[schema(value_type = String)]
    accepted_at: Timestamp,
    /// Taps on its link, where they are counted and there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    clicks: Option<ClicksBody>,
}

impl From<&MessageRecord> for RecentBody {
    fn from(record: &MessageRecord) -> Self {
        Self {
            id: record.id,
            state: record.standing.state,
            cause: record.cause,
            scenario: record.scenario.as_deref().map(str::to_owned),
            category: record.category,
            accepted_at: record.accepted_at,
            clicks: record.clicks.map(ClicksBody::from),
        }
    }
}

/// A reach window of a person.
#[derive(Serialize, ToSchema)]
#[schema(as = RecipientWindow)]
pub(crate) struct WindowBody {
    /// The interactions that open it.
    #[schema(value_type = Vec<String>)]
    kinds: Vec<InteractionKind>,
    /// When they last did one of them; null: never.
    #[schema(value_type = Option<String>)]
    opened_at: Option<Timestamp>,
    /// Until when it is open; null: for ever, or it never was.
    #[schema(value_type = Option<String>)]
    open_until: Option<Timestamp>,
    /// Whether it is open now.
    open: bool,
    /// Messages it allows today; null: no limit.
    left_today: Option<u32>,
    /// Messages it allows until it is opened anew; null: no limit.
    left_in_all: Option<u32>,
    /// How a message shows that goes by it.
    #[schema(value_type = String)]
    notice: Notice,
}

/// A cap and what it counted.
#[derive(Serialize, ToSchema)]
#[schema(as = RecipientCap)]
pub(crate) struct CapBody {
    #[schema(value_type = String)]
    per: Per,
    #[schema(value_type = String)]
    over: Over,
    limit: u32,
    used: u32,
}

/// Why and how long a person is not written to.
#[derive(Serialize, ToSchema)]
#[schema(as = Suppression)]
pub(crate) struct SuppressionBody {
    #[schema(value_type = String)]
    reason: Reason,
    /// Messages of this category only; null: all.
    #[schema(value_type = Option<String>)]
    category: Option<Category>,
    #[schema(value_type = String)]
    since: Timestamp,
    /// Null: until it is lifted.
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// By what it is known: `callback`, `receipt`, `api`, `import` or `person`; null: from before that was kept.
    #[schema(value_type = Option<String>)]
    source: Option<Source>,
}

impl From<&Suppression> for SuppressionBody {
    fn from(one: &Suppression) -> Self {
        let Suppression { reason, category, since, until, source } = *one;
        Self { reason, category, since, until, source }
    }
}

/// Shows what is known of a person: nothing is an answer too.
#[utoipa::path(get, path = "/api/v1/recipients/{openid}", tag = "recipients", params(RecipientQuery),
    responses((status = 200, description = "The person", body = RecipientBody)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(touser): Named<String>,
    Query(asked): Query<RecipientQuery>,
) -> Answer {
    let mut errors = Vec::new();
    let word = ("category", asked.category.as_deref());
    let category = query::read(&mut errors, word, Category::parse, "transactional, service or marketing");
    let openid = crate::request::field::keep(&mut errors, openid("openid", &touser));
    crate::request::field::none_of(errors)?;
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let Some(openid) = openid else { return Err(Problem::invalid(Vec::new())) };
    let category = category.unwrap_or(Category::Service);
    let filter = MessageFilter {
        account: Some(account.id()),
        openid: Some(openid.clone()),
        ..MessageFilter::default()
    };
    let recent = app.store().find_messages(&filter, None, RECENT).await?.items;
    let facts = app.store().recipients(vec![(account.id(), openid)]).await?.pop().unwrap_or_default();
    let policy = account.policies.of(category, None);
    let now = app.now();
    answer::ok(&RecipientBody {
        windows: policy.reach.windows.iter().map(|window| WindowBody::of(window, &facts, now)).collect(),
        caps: caps(policy, &facts, category, now),
        suppressions: facts.suppressions().iter().map(SuppressionBody::from).collect(),
        recent: recent.iter().map(RecentBody::from).collect(),
        messages: format!("/api/v1/messages?appid={}&touser={touser}", account.appid()),
        touser,
    })
}

impl WindowBody {
    fn of(window: &Window, facts: &Recipient, now: Timestamp) -> Self {
        let used = facts.used(window, now);
        let open_until = used.and_then(|used| window.closes_at(used.opened_at));
        let (that_day, in_all) = used.map_or((0, 0), |used| (used.that_day, used.in_all));
        Self {
            kinds: window.kinds.clone(),
            opened_at: used.map(|used| used.opened_at),
            open_until,
            open: used.is_some() && open_until.is_none_or(|until| now < until),
            left_today: window.per_day.map(|limit| limit.saturating_sub(that_day)),
            left_in_all: window.in_all.map(|limit| limit.saturating_sub(in_all)),
            notice: window.notice,
        }
    }
}

fn caps(policy: &Policy, facts: &Recipient, category: Category, now: Timestamp) -> Vec<CapBody> {
    let asked = Asked { category, scenario: None, basis: None, fingerprint: 0 };
    let cap = |cap: &hongyan_domain::policy::Cap| CapBody {
        per: cap.per,
        over: cap.over,
        limit: cap.limit,
        used: facts.counted(cap, &asked, now),
    };
    policy.frequency.caps.iter().map(cap).collect()
}
