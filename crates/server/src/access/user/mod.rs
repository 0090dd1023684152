//! Users of the console: how they log in and out, who they are, where they are logged in.

pub(crate) mod login;
pub(crate) mod me;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod sso;
pub(crate) mod users;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use hongyan_domain::Timestamp;
use hongyan_store::{PasswordHash, Salt, Secret, SessionId, StoreError};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::access::throttle::Throttle;
use crate::answer::problem::{Code, Problem};
use crate::app::App;
use crate::serve::address::network;

/// Failures with one name in a minute, of strangers all together: more than one address may have alone, so that who wants
/// to keep its owner out needs several, and few enough that no password is found: 144,000 a day.
const FAILURES_OF_NAME: u32 = 100;
/// An address is known to a user for so long after a login.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 86_400);
/// Known pairs of user and address: who is not among them waits with the strangers.
const KNOWN_MAX: usize = 10_000;
/// Passwords hashed at once: 19 MiB and 20 ms of a core each. The others wait.
const HASHES_AT_ONCE: usize = 2;

/// What all logins share. Failures are counted by address, and by name for strangers only: addresses from which the user
/// has not logged in lately. So nobody can lock a user out of the places where they work.
pub(crate) struct Doors {
    /// Failures by address (of IPv6, by network).
    addresses: Throttle,
    /// Failures of strangers by user name, which stand in for addresses in the same bounded memory.
    names: Throttle,
    /// Where users logged in, and when last.
    known: Mutex<HashMap<IpAddr, Timestamp>>,
    naming: RandomState,
    hashing: Semaphore,
    /// When sessions were last used; written once a minute. Bounded by the number of sessions.
    seen: Mutex<HashMap<SessionId, Timestamp>>,
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            addresses: Throttle::default(),
            names: Throttle::of(FAILURES_OF_NAME),
            known: Mutex::default(),
            naming: RandomState::new(),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            seen: Mutex::default(),
        }
    }
}

impl Doors {
    fn named(&self, name: impl Hash) -> IpAddr {
        let low = u128::from(self.naming.hash_one(name));
        IpAddr::V6(Ipv6Addr::from_bits(low))
    }

    /// Whether somebody at this address may try this name's password now. The try counts as failed until it is forgiven.
    fn let_in(&self, address: IpAddr, name: &str, now: Timestamp) -> bool {
        let address = network(address);
        self.addresses.lets_in(address, now)
            && (self.knows(address, name, now) || self.names.lets_in(self.named(name), now))
    }

    fn forgive(&self, address: IpAddr, name: &str, now: Timestamp) {
        let address = network(address);
        self.addresses.forgive(address);
        if !self.knows(address, name, now) {
            self.names.forgive(self.named(name));
        }
    }

    fn knows(&self, address: IpAddr, name: &str, now: Timestamp) -> bool {
        let known = self.known.lock().get(&self.named((name, address))).copied();
        known.is_some_and(|at| now.since(at) < KNOWN_FOR)
    }

    /// The user logged in from there, or has a session there.
    fn know(&self, address: IpAddr, name: &str, now: Timestamp) {
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.retain(|_, at| now.since(*at) < KNOWN_FOR);
        }
        let pair = self.named((name, network(address)));
        if known.len() < KNOWN_MAX || known.contains_key(&pair) {
            known.insert(pair, now);
        }
    }

    /// The same for a login that is proved elsewhere: by the address alone.
    fn let_address_in(&self, address: Option<IpAddr>, now: Timestamp) -> bool {
        self.addresses.lets_in(address.unwrap_or([0, 0, 0, 0].into()), now)
    }

    fn forgive_address(&self, address: Option<IpAddr>) {
        self.addresses.forgive(address.unwrap_or([0, 0, 0, 0].into()));
    }

    fn saw(&self, session: &SessionId, now: Timestamp) {
        self.seen.lock().insert(session.clone(), now);
    }

    /// When sessions were last used, since the last call.
    pub(crate) fn take_seen(&self) -> Vec<(SessionId, Timestamp)> {
        self.seen.lock().drain().collect()
    }
}

/// Hashes a password that somebody chose.
pub(crate) async fn hash(app: &App, password: Secret) -> Result<PasswordHash, Problem> {
    let salt = app.draw(Salt::generate);
    let hashed = hashing(app, move || PasswordHash::of(&password, &salt)).await?;
    Ok(hashed?)
}

/// Whether it is this password's hash.
async fn fits(app: &App, hash: PasswordHash, password: Secret) -> Result<bool, Problem> {
    hashing(app, move || hash.fits(&password)).await
}

async fn hashing<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let _place = app.doors().hashing.acquire().await.expect("nobody closes this semaphore");
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Problem::from(StoreError::Unavailable("hashing a password did not end".to_owned())))
}

/// The problem of a name that nobody has.
fn unknown_user() -> Problem {
    Problem::new(Code::UnknownUser, "no user has this name")
}

fn last_admin() -> Problem {
    Problem::new(Code::LastAdmin, "make another admin first: nobody else could make one")
}
