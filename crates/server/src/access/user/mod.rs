//! Users of the console: how they log in and out, who they are, where they are logged in.

pub(crate) mod login;
pub(crate) mod me;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod sso;
pub(crate) mod users;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};

use hongyan_domain::Timestamp;
use hongyan_store::{PasswordHash, Salt, Secret, SessionId, StoreError};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::access::throttle::Throttle;
use crate::answer::problem::{Code, Problem};
use crate::app::App;

/// Passwords hashed at once: 19 MiB and 20 ms of a core each. The others wait.
const HASHES_AT_ONCE: usize = 2;

/// What all logins share.
pub(crate) struct Doors {
    /// Failures by address.
    addresses: Throttle,
    /// Failures by user name, which stand in for addresses in the same bounded memory.
    names: Throttle,
    naming: RandomState,
    hashing: Semaphore,
    /// When sessions were last used; written once a minute. Bounded by the number of sessions.
    seen: Mutex<HashMap<SessionId, Timestamp>>,
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            addresses: Throttle::default(),
            names: Throttle::default(),
            naming: RandomState::new(),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            seen: Mutex::default(),
        }
    }
}

impl Doors {
    fn named(&self, name: &str) -> IpAddr {
        let low = u128::from(self.naming.hash_one(name));
        IpAddr::V6(Ipv6Addr::from_bits(low))
    }

    /// Whether somebody at this address may try this name's password now. The try counts as failed until it is forgiven.
    fn let_in(&self, address: IpAddr, name: &str, now: Timestamp) -> bool {
        self.addresses.lets_in(address, now) && self.names.lets_in(self.named(name), now)
    }

    fn forgive(&self, address: IpAddr, name: &str) {
        self.addresses.forgive(address);
        self.names.forgive(self.named(name));
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
