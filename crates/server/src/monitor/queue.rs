//! The queue as people see it: lanes by accounts, how many wait and since when. From counters and one seek a lane.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use hongyan_domain::{AccountId, Lane, Measure, Timestamp};
use hongyan_store::{Backlog, Head};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayRead};
use crate::account::stands_still;
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::query::Asked;

/// Whose queue.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whose {
    /// Of this account; left out: of all.
    appid: Option<String>,
}

/// The queue.
#[derive(Serialize, ToSchema)]
#[schema(as = Queue)]
pub(crate) struct QueueBody {
    /// All that wait.
    waiting: i64,
    /// By appid; accounts for which nothing waits are left out.
    accounts: Vec<QueueOfBody>,
}

/// What waits for one account.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountQueue)]
pub(crate) struct QueueOfBody {
    appid: String,
    name: String,
    /// Something holds the account up.
    stands_still: bool,
    /// When its next scheduled message falls due; null: none is among the next 2,000 of all accounts.
    #[schema(value_type = Option<String>)]
    next_scheduled_at: Option<Timestamp>,
    lanes: Vec<LaneBody>,
}

/// What waits in one lane.
#[derive(Serialize, ToSchema)]
#[schema(as = LaneQueue)]
pub(crate) struct LaneBody {
    #[schema(value_type = String)]
    lane: Lane,
    /// All that wait: due, scheduled, held and to be tried again.
    pub(crate) waiting: i64,
    /// Of these, by what they wait for: `quiet_hours`, `rate_limited`, `daily_quota`, `busy` …
    held: BTreeMap<&'static str, i64>,
    /// How long the one that should go first has waited since it was accepted.
    oldest_age_s: Option<u64>,
    /// When the one that should go first may go.
    #[schema(value_type = Option<String>)]
    next_due_at: Option<Timestamp>,
    /// When that one should be with WeChat.
    #[schema(value_type = Option<String>)]
    deadline_at: Option<Timestamp>,
}

/// Shows what waits, lane by lane.
#[utoipa::path(get, path = "/api/v1/queue", tag = "operation", params(Whose),
    responses((status = 200, description = "The queue", body = QueueBody)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<Whose>,
) -> Answer {
    let only = match asked.appid.as_deref().filter(|appid| !appid.is_empty()) {
        Some(appid) => Some(app.account(&caller, appid)?.id()),
        None => None,
    };
    let lanes = lanes(&app, &caller, only).await?;
    let scheduled: HashMap<_, _> = app.store().next_scheduled().await?.into_iter().collect();
    let (catalog, mut accounts) = (app.engine().catalog(), Vec::new());
    let mut by_account: BTreeMap<AccountId, Vec<LaneBody>> = BTreeMap::new();
    lanes.into_iter().for_each(|(of, lane)| by_account.entry(of.account).or_default().push(lane));
    for (id, lanes) in by_account {
        let Some(account) = catalog.by_id(id) else { continue };
        accounts.push(QueueOfBody {
            appid: account.appid().to_string(),
            name: account.record.name.clone(),
            stands_still: stands_still(&app, account),
            next_scheduled_at: scheduled.get(&id).copied(),
            lanes,
        });
    }
    accounts.sort_by(|a, b| a.appid.cmp(&b.appid));
    let waiting = accounts.iter().flat_map(|account| &account.lanes).map(|lane| lane.waiting).sum();
    answer::ok(&QueueBody { waiting, accounts })
}

/// The lanes in which something waits, of the accounts this caller may know of.
pub(crate) async fn lanes(
    app: &App,
    caller: &Caller,
    only: Option<AccountId>,
) -> Result<Vec<(Backlog, LaneBody)>, Problem> {
    let mine = |account: &AccountId| caller.may_touch(*account) && only.is_none_or(|only| only == *account);
    let mut lanes: BTreeMap<(AccountId, usize), LaneBody> = BTreeMap::new();
    for (account, lane, measure, count) in app.store().waiting().await? {
        let Measure::Waiting(cause) = measure else { continue };
        if !mine(&account) {
            continue;
        }
        let body = lanes.entry((account, lane.index())).or_insert_with(|| LaneBody::empty(lane));
        body.waiting += count;
        if let Some(cause) = cause {
            body.held.insert(cause.as_str(), count);
        }
    }
    let backlog = lanes.iter().filter(|(_, body)| body.waiting > 0);
    let backlog =
        backlog.map(|((account, _), body)| Backlog { account: *account, lane: body.lane }).collect();
    for head in app.store().lane_heads(backlog).await? {
        if let Some(body) = lanes.get_mut(&(head.of.account, head.of.lane.index())) {
            body.begins_with(&head, app.now());
        }
    }
    let lanes = lanes.into_iter().filter(|(_, body)| body.waiting > 0);
    Ok(lanes.map(|((account, _), body)| (Backlog { account, lane: body.lane }, body)).collect())
}

impl LaneBody {
    fn empty(lane: Lane) -> Self {
        let held = BTreeMap::new();
        Self { lane, waiting: 0, held, oldest_age_s: None, next_due_at: None, deadline_at: None }
    }

    fn begins_with(&mut self, head: &Head, now: Timestamp) {
        self.oldest_age_s = Some(now.since(head.accepted_at).as_secs());
        self.next_due_at = Some(head.due_at);
        self.deadline_at = Some(head.deadline_at);
    }
}
