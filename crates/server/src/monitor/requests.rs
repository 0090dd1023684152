//! What each key asked lately, for whoever builds against the API: the route's template, never the path, so that it holds
//! no openid; no body and no secret. In memory: it is for the hour in which somebody tries something out, and costs the
//! store nothing.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, State};
use axum::response::Response;
use hongyan_domain::Timestamp;
use hongyan_store::{ApiKey, KeyId};
use http::{HeaderName, HeaderValue, Method};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::MayRead;
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::field;
use crate::request::query::{self, Asked};

/// Requests kept of one key.
const KEPT: usize = 200;
/// Keys whose requests are kept, those that asked last: 200 of each are 20 MB.
const KEYS_MAX: usize = 1_000;
/// Under which every answer names its request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names a request: in its answer, in the log of requests, in the log of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RequestId(u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{:016x}", self.0)
    }
}

impl RequestId {
    fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text.strip_prefix("req_")?, 16).ok().map(Self)
    }
}

/// Where the key is left that a request was found to show.
#[derive(Clone, Default)]
pub(crate) struct ShownKey(Arc<OnceLock<Arc<ApiKey>>>);

impl ShownKey {
    /// This one it was. The first holds: a request shows one key.
    pub(crate) fn set(&self, key: &Arc<ApiKey>) {
        let _ = self.0.set(key.clone());
    }
}

/// A request that is under way.
pub(crate) struct Underway {
    pub(crate) id: RequestId,
    pub(crate) shown: ShownKey,
    at: Timestamp,
    began: Instant,
    method: Method,
}

struct Entry {
    id: RequestId,
    at: Timestamp,
    method: Method,
    route: MatchedPath,
    status: u16,
    took: Duration,
    code: Option<&'static str>,
}

struct OfKey {
    name: String,
    /// The newest last.
    entries: VecDeque<Entry>,
}

/// The last requests of each key.
pub(crate) struct RequestLog {
    next: AtomicU64,
    since: Timestamp,
    keys: Mutex<HashMap<KeyId, OfKey>>,
}

impl RequestLog {
    /// Numbers begin anywhere, so that those of two processes are not taken for one another.
    pub(crate) fn new(anywhere: u32, since: Timestamp) -> Self {
        Self { next: AtomicU64::new(u64::from(anywhere) << 31), since, keys: Mutex::default() }
    }

    /// A request comes in.
    pub(crate) fn begin(&self, method: &Method, at: Timestamp) -> Underway {
        let id = RequestId(self.next.fetch_add(1, Ordering::Relaxed));
        Underway { id, shown: ShownKey::default(), at, began: Instant::now(), method: method.clone() }
    }

    /// It is answered: the answer gets its name, and it is kept if it showed a key.
    pub(crate) fn end(
        &self,
        request: Underway,
        route: Option<&MatchedPath>,
        response: &mut Response,
    ) -> Duration {
        let took = request.began.elapsed();
        let name = HeaderValue::try_from(request.id.to_string()).expect("letters and digits");
        response.headers_mut().insert(REQUEST_ID, name);
        if let (Some(key), Some(route)) = (request.shown.0.get(), route) {
            let Underway { id, at, method, .. } = request;
            let code = response.extensions().get::<Problem>().map(|problem| problem.code().as_str());
            let status = response.status().as_u16();
            self.keep(key, Entry { id, at, method, route: route.clone(), status, took, code });
        }
        took
    }

    fn keep(&self, key: &ApiKey, entry: Entry) {
        let mut keys = self.keys.lock();
        if let Some(of_key) = keys.get_mut(&key.id) {
            if of_key.entries.len() == KEPT {
                of_key.entries.pop_front();
            }
            of_key.entries.push_back(entry);
            return;
        }
        if keys.len() == KEYS_MAX {
            let newest = |of_key: &OfKey| of_key.entries.back().map(|entry| entry.at);
            let quiet = keys.iter().min_by_key(|(_, of_key)| newest(of_key)).map(|(id, _)| id.clone());
            quiet.and_then(|id| keys.remove(&id));
        }
        keys.insert(key.id.clone(), OfKey { name: key.name.clone(), entries: VecDeque::from([entry]) });
    }
}

/// Which requests. All given conditions must hold.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Conditions {
    /// Of this key, by its id; a key that may not do everything sees its own only.
    key: Option<String>,
    /// With this status, or of this class: `404`, `4xx`.
    status: Option<String>,
    /// With this code of a problem, like `invalid`.
    code: Option<String>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 if left out.
    limit: Option<String>,
}

/// Some of the requests that are kept: the last 200 of each key, since this process began.
#[derive(Serialize, ToSchema)]
#[schema(as = RequestPage)]
pub(crate) struct PageBody<'a> {
    /// Newest first.
    requests: Vec<RequestBody<'a>>,
    /// Give it back as `cursor` to go on; null: that was all.
    next_cursor: Option<String>,
    /// Since when requests are kept: the begin of this process.
    #[schema(value_type = String)]
    since: Timestamp,
}

/// One request.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiRequest)]
pub(crate) struct RequestBody<'a> {
    /// As its answer's `x-request-id` named it.
    id: String,
    #[schema(value_type = String)]
    at: Timestamp,
    /// The key's id and name.
    key: &'a str,
    key_name: &'a str,
    method: &'a str,
    /// The route's template: `/api/v1/messages/{id}`.
    route: &'a str,
    status: u16,
    /// From the request's head to the answer, in milliseconds.
    took_ms: f64,
    /// The problem's code; null: there was none.
    code: Option<&'static str>,
}

/// Lists what keys asked lately, newest first, without anything that was in the requests.
#[utoipa::path(get, path = "/api/v1/requests", tag = "operation", params(Conditions),
    responses((status = 200, description = "A page of requests", body = PageBody<'_>)))]
pub(crate) async fn list(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<Conditions>,
) -> Answer {
    let own = match caller.key() {
        _ if caller.governs() => None,
        Some(key) => Some(key.id.0.clone()),
        None => return Err(Problem::new(Code::Forbidden, "what keys ask is for admins of all accounts")),
    };
    let mut errors = Vec::new();
    let limit = query::limit(&mut errors, asked.limit.as_deref());
    let status = ("status", asked.status.as_deref());
    let status = query::read(&mut errors, status, statuses, "a status like 404, or a class like 4xx");
    let cursor = query::read(
        &mut errors,
        ("cursor", asked.cursor.as_deref()),
        RequestId::parse,
        "the next_cursor of a page before",
    );
    field::none_of(errors)?;
    let given = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
    let (key, code) = (given(&asked.key), given(&asked.code));
    let is_meant = |id: &str, entry: &Entry| {
        own.as_deref().is_none_or(|own| own == id)
            && key.as_deref().is_none_or(|key| key == id)
            && cursor.is_none_or(|cursor| entry.id < cursor)
            && status.as_ref().is_none_or(|status| status.contains(&entry.status))
            && code.as_deref().is_none_or(|code| entry.code == Some(code))
    };
    app.requests().answer(is_meant, limit)
}

/// The statuses that a number or a class names.
fn statuses(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    if let Some(class) = text.strip_suffix("xx") {
        let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
        return Some(class * 100..=class * 100 + 99);
    }
    let status: u16 = text.parse().ok().filter(|status| (100..=599).contains(status))?;
    Some(status..=status)
}

impl RequestLog {
    fn answer(&self, is_meant: impl Fn(&str, &Entry) -> bool, limit: usize) -> Answer {
        let keys = self.keys.lock();
        let all =
            keys.iter().flat_map(|(id, of_key)| of_key.entries.iter().map(move |entry| (id, of_key, entry)));
        let mut found: Vec<_> = all.filter(|(id, _, entry)| is_meant(&id.0, entry)).collect();
        found.sort_unstable_by_key(|(.., entry)| std::cmp::Reverse(entry.id));
        let is_all = found.len() <= limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| !is_all).map(|(.., entry)| entry.id.to_string());
        let requests =
            found.into_iter().map(|(id, of_key, entry)| RequestBody::of(&id.0, &of_key.name, entry));
        answer::ok(&PageBody { requests: requests.collect(), next_cursor, since: self.since })
    }
}

impl<'a> RequestBody<'a> {
    fn of(key: &'a str, key_name: &'a str, entry: &'a Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            at: entry.at,
            key,
            key_name,
            method: entry.method.as_str(),
            route: entry.route.as_str(),
            status: entry.status,
            took_ms: (entry.took.as_secs_f64() * 10_000.0).round() / 10.0,
            code: entry.code,
        }
    }
}
