//! Who calls, and what their key allows. Every route names its scope in the type of its first argument.
//!
//! Keys are looked up in the store once a minute and, in between, by their hash in memory. The catalog's
//! revision grows with every change of keys by whatever process, so a revoked key is out within a second.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::FromRequestParts;
use hongyan_domain::{AccountId, Timestamp};
use hongyan_engine::Catalog;
use hongyan_engine::accept::{Rejected, Request};
use hongyan_store::{Actor, ApiKey, KeyText, Scope};
use http::request::Parts;
use http::{Extensions, header};
use parking_lot::RwLock;

use crate::app::App;
use crate::problem::{Code, Problem};

/// A key is looked up again after so long, whatever the revision says.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// Keys in memory; at 300 bytes each, about 300 KB.
const KNOWN_MAX: usize = 1_024;

/// The address of whoever is connected. In-process callers have none.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Keys that were looked up, by the hash of their text.
#[derive(Default)]
pub(crate) struct KeyCache(RwLock<HashMap<[u8; 32], Known>>);

impl KeyCache {
    /// Everything is looked up again.
    pub(crate) fn forget(&self) {
        self.0.write().clear();
    }
}

#[derive(Clone)]
struct Known {
    caller: Caller,
    revision: u64,
    looked_up_at: Timestamp,
}

/// Whoever shows a valid key.
#[derive(Clone)]
pub(crate) struct Caller {
    key: Arc<ApiKey>,
    /// From where; none in this process.
    address: Option<IpAddr>,
}

impl Caller {
    /// Whose changes these are, for the audit.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Key { id: self.key.id.clone(), address: self.address }
    }

    /// Whether the key is for this account.
    pub(crate) fn may_touch(&self, account: AccountId) -> bool {
        self.key.accounts.is_empty() || self.key.accounts.contains(&account)
    }

    /// The accounts the key is for; empty: all.
    pub(crate) fn accounts(&self) -> &[AccountId] {
        &self.key.accounts
    }

    /// Whether the key is for all accounts, those to come as well.
    pub(crate) fn is_for_all(&self) -> bool {
        self.key.accounts.is_empty()
    }

    /// Names the account in a request of a key that is not for all, or refuses it: an account the key is not
    /// for does not exist for it.
    pub(crate) fn confine<'a>(
        &self,
        catalog: &'a Catalog,
        mut request: Request<'a>,
    ) -> Result<Request<'a>, Rejected> {
        if self.is_for_all() {
            return Ok(request);
        }
        let account = match (&request.appid, self.accounts()) {
            (Some(appid), _) => catalog.account(Some(appid)),
            (None, [only]) => catalog.by_id(*only),
            (None, _) => return Err(Rejected::AccountNeeded),
        };
        let account =
            account.filter(|account| self.may_touch(account.id())).ok_or(Rejected::UnknownAccount)?;
        request.appid = Some(Cow::Borrowed(account.appid().as_str()));
        Ok(request)
    }

    fn demand(self, scope: Scope) -> Result<Self, Problem> {
        if self.key.scopes.contains(&scope) {
            return Ok(self);
        }
        let detail = format!("this needs a key with the scope `{}`", scope.as_str());
        Err(Problem::new(Code::Forbidden, detail))
    }
}

/// Declares an extractor that demands a scope.
macro_rules! demand {
    ($($(#[$doc:meta])* $name:ident = $scope:expr;)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name(pub(crate) Caller);

            impl FromRequestParts<App> for $name {
                type Rejection = Problem;

                async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
                    caller(app, parts).await?.demand($scope).map(Self)
                }
            }
        )+
    };
}

demand! {
    /// A caller who may send, trigger and cancel.
    MaySend = Scope::Send;
    /// A caller who may read.
    MayRead = Scope::Read;
    /// A caller who may change accounts, templates and keys.
    MayAdmin = Scope::Admin;
}

async fn caller(app: &App, parts: &Parts) -> Result<Caller, Problem> {
    let text = shown_key(parts)?;
    let now = app.now();
    let hash = hash(text);
    let known = app.keys().0.read().get(&hash).cloned();
    let fresh = known.as_ref().filter(|known| {
        known.revision == app.engine().catalog().revision && now.since(known.looked_up_at) < KNOWN_FOR
    });
    let mut caller = match fresh {
        Some(known) => known.caller.clone(),
        None => {
            let stranger = known.is_none().then(|| address(parts));
            look_up(app, text, hash, stranger).await?
        }
    };
    if !caller.key.is_live(now) {
        return Err(refused("this key has ended or was revoked"));
    }
    app.note_use(&caller.key.id, now);
    caller.address = peer(&parts.extensions);
    Ok(caller)
}

fn shown_key(parts: &Parts) -> Result<&str, Problem> {
    let shown = parts.headers.get(header::AUTHORIZATION);
    let text = shown.and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(key.trim()),
        _ => Err(refused("show a key: `Authorization: Bearer hy_…`")),
    }
}

/// Asks the store. `stranger`: the address of a caller whose key has not been seen in memory.
async fn look_up(app: &App, text: &str, hash: [u8; 32], stranger: Option<IpAddr>) -> Result<Caller, Problem> {
    let now = app.now();
    if stranger.is_some_and(|address| !app.throttle().allows(address, now)) {
        let problem = Problem::new(Code::Throttled, "too many keys that open nothing came from this address");
        return Err(problem.retry_after(60));
    }
    // Read before the key: a change in between makes this entry old, never wrong.
    let revision = app.engine().catalog().revision;
    let found = match KeyText::parse(text) {
        Some(text) => app.store().key(&text).await?,
        None => None,
    };
    let Some(key) = found else {
        if let Some(address) = stranger {
            app.throttle().failed(address, now);
        }
        app.keys().0.write().remove(&hash);
        return Err(refused("this key opens nothing"));
    };
    let caller = Caller { key: Arc::new(key), address: None };
    remember(app, hash, Known { caller: caller.clone(), revision, looked_up_at: now });
    Ok(caller)
}

fn remember(app: &App, hash: [u8; 32], known: Known) {
    let mut keys = app.keys().0.write();
    if keys.len() >= KNOWN_MAX {
        keys.clear();
    }
    keys.insert(hash, known);
}

fn hash(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

fn address(parts: &Parts) -> IpAddr {
    peer(&parts.extensions).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Who is connected.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Peer>().map(|peer| peer.0)
}

fn refused(detail: &'static str) -> Problem {
    Problem::new(Code::Unauthorized, detail)
}
