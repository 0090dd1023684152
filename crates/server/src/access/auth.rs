//! Who calls, and what they may do: a key's holder by its scopes, a user of the console by their role. Every route
//! names what it takes in the type of its first argument.
//!
//! The keys in force are held in memory as keyed hashes, so no caller waits for the store, and none for those who
//! try keys. The catalog's revision grows with every change of keys by whatever process: then they are read again,
//! and a revoked key is out within a second.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use hongyan_domain::{AccountId, Timestamp, says};
use hongyan_engine::Catalog;
use hongyan_engine::accept::{Rejected, Request};
use hongyan_store::{Actor, ApiKey, KeyRing, KeyText, Role, Scope, Session, User};
use http::request::Parts;
use http::{Extensions, header};
use parking_lot::RwLock;

use crate::access::user::session;
use crate::answer::problem::{Code, Problem};
use crate::app::App;
use crate::monitor::requests::ShownKey;

/// The address of whoever is connected. In-process callers have none.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The keys in force, as they were when they were last read.
#[derive(Default)]
pub(crate) struct Keys {
    known: RwLock<Option<Known>>,
    /// Held by whoever reads them: the others wait for what it finds.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Known {
    ring: Arc<KeyRing>,
    revision: u64,
}

impl Keys {
    fn at(&self, revision: u64) -> Option<Arc<KeyRing>> {
        let known = self.known.read();
        known.as_ref().filter(|known| known.revision == revision).map(|known| known.ring.clone())
    }
}

/// Whoever shows a valid key, or the cookie of a session.
#[derive(Clone)]
pub(crate) struct Caller {
    who: Who,
    /// From where; none in this process.
    address: Option<IpAddr>,
}

#[derive(Clone)]
enum Who {
    Key(Arc<ApiKey>),
    User(Arc<(Session, User)>),
}

impl Caller {
    /// A user in one of their sessions.
    pub(crate) fn of_user(session: Session, user: User, address: Option<IpAddr>) -> Self {
        Self { who: Who::User(Arc::new((session, user))), address }
    }

    /// Whose changes these are, for the audit.
    pub(crate) fn actor(&self) -> Actor {
        let address = self.address;
        match &self.who {
            Who::Key(key) => Actor::Key { id: key.id.clone(), address },
            Who::User(user) => Actor::User { name: user.1.name.clone(), address },
        }
    }

    /// The user and their session; `None`: the holder of a key.
    pub(crate) fn user(&self) -> Option<(&Session, &User)> {
        match &self.who {
            Who::Key(_) => None,
            Who::User(user) => Some((&user.0, &user.1)),
        }
    }

    /// The key; `None`: a user.
    pub(crate) fn key(&self) -> Option<&ApiKey> {
        match &self.who {
            Who::Key(key) => Some(key),
            Who::User(_) => None,
        }
    }

    /// Whether they may touch this account.
    pub(crate) fn may_touch(&self, account: AccountId) -> bool {
        self.accounts().is_empty() || self.accounts().contains(&account)
    }

    /// The accounts they may touch; empty: all.
    pub(crate) fn accounts(&self) -> &[AccountId] {
        match &self.who {
            Who::Key(key) => &key.accounts,
            Who::User(user) => &user.1.accounts,
        }
    }

    /// Whether they may see everything: whom a message went to as well.
    pub(crate) fn is_admin(&self) -> bool {
        self.clone().demand(Needed::Scope(Scope::Admin)).is_ok()
    }

    /// Whether they may touch all accounts, those to come as well.
    pub(crate) fn is_for_all(&self) -> bool {
        self.accounts().is_empty()
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

    /// Whether they may do everything, to everybody.
    pub(crate) fn governs(&self) -> bool {
        self.is_for_all() && self.clone().demand(Needed::Scope(Scope::Admin)).is_ok()
    }

    fn demand(self, needed: Needed) -> Result<Self, Problem> {
        let (scope, role) = match needed {
            Needed::Scope(Scope::Read) => (Scope::Read, Role::Viewer),
            Needed::Scope(Scope::Send) => (Scope::Send, Role::Operator),
            Needed::Scope(Scope::Admin) => (Scope::Admin, Role::Admin),
            Needed::DailyWork => (Scope::Admin, Role::Operator),
        };
        let detail = match &self.who {
            Who::Key(key) if key.scopes.contains(&scope) => return Ok(self),
            Who::User(user) if user.1.role >= role => return Ok(self),
            Who::Key(_) => says!("this needs a key with the scope `{scope}`", scope = scope.as_str()),
            Who::User(_) => says!("this needs a user with the role `{role}`", role = role.as_str()),
        };
        Err(Problem::new(Code::Forbidden, detail))
    }
}

/// What a route takes.
#[derive(Clone, Copy)]
enum Needed {
    /// A key of this scope, or a user whose role holds it.
    Scope(Scope),
    /// A key of the scope `admin`, or an operator: what people decide every day, and programs should not.
    DailyWork,
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
    MaySend = Needed::Scope(Scope::Send);
    /// A caller who may read.
    MayRead = Needed::Scope(Scope::Read);
    /// A caller who may change accounts, templates and keys.
    MayAdmin = Needed::Scope(Scope::Admin);
    /// A caller who may pause, resume, suppress, approve: an operator, or a key of the scope `admin`.
    MayOperate = Needed::DailyWork;
}

/// Whoever calls: a key goes before a cookie, so that nobody is taken for another by what their browser adds.
pub(crate) async fn caller(app: &App, parts: &Parts) -> Result<Caller, Problem> {
    if !parts.headers.contains_key(header::AUTHORIZATION)
        && let Some(caller) = session::caller(app, parts).await?
    {
        return Ok(caller);
    }
    let (text, now) = (shown_key(parts)?, app.now());
    let ring = ring(app).await?;
    let Some(key) = KeyText::parse(text).and_then(|text| ring.find(&text).cloned()) else {
        return Err(stranger(app, address(parts), now));
    };
    if !key.is_live(now) {
        return Err(refused("this key has ended"));
    }
    app.note_use(&key.id, now);
    if let Some(shown) = parts.extensions.get::<ShownKey>() {
        shown.set(&key);
    }
    Ok(Caller { who: Who::Key(key), address: peer(&parts.extensions) })
}

/// The keys in force at the catalog's revision.
async fn ring(app: &App) -> Result<Arc<KeyRing>, Problem> {
    let revision = || app.engine().catalog().revision;
    if let Some(ring) = app.keys().at(revision()) {
        return Ok(ring);
    }
    let _one_at_a_time = app.keys().reading.lock().await;
    // Taken before the keys are read: a change in between makes them old, never wrong.
    let revision = revision();
    if let Some(ring) = app.keys().at(revision) {
        return Ok(ring);
    }
    let ring = Arc::new(app.store().key_ring().await?);
    *app.keys().known.write() = Some(Known { ring: ring.clone(), revision });
    Ok(ring)
}

/// Refuses a key that opens nothing, in other words where too many of them came from the same address. Only these
/// are counted: a key that opens something never passes here, whoever else calls from its address.
fn stranger(app: &App, address: IpAddr, now: Timestamp) -> Problem {
    if app.throttle().allows(address, now) {
        app.throttle().failed(address, now);
        return refused("this key opens nothing");
    }
    let detail = "too many keys that open nothing came from this address";
    Problem::new(Code::Throttled, detail).retry_after(60)
}

fn shown_key(parts: &Parts) -> Result<&str, Problem> {
    let shown = parts.headers.get(header::AUTHORIZATION);
    let text = shown.and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(key.trim()),
        _ => Err(refused("show a key: `Authorization: Bearer hy_…`, or log in")),
    }
}

pub(crate) fn address(parts: &Parts) -> IpAddr {
    peer(&parts.extensions).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Who is connected.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Peer>().map(|peer| peer.0)
}

fn refused(detail: &'static str) -> Problem {
    Problem::new(Code::Unauthorized, detail)
}
