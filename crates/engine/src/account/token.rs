//! The token centre: one access_token per account, fetched by one task at a time, ahead of its end.
//!
//! Whoever finds a token refused names the token it used. If a newer one is there by then, that one is
//! the answer; so a refresh that two causes ask for happens once. The old token stays in use until the
//! new one is here: WeChat honours both for five minutes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hongyan_domain::{Cause, Outcome, Timestamp};
use hongyan_store::{Secret, Store, StoreError, StoredToken, TokenSource};
use hongyan_wechat::errcode::{self, Class};
use hongyan_wechat::{CallError, Credential, ExposeSecret as _, Refresh};
use parking_lot::Mutex;

use crate::account::catalog::Account;
use crate::clock::Clock;
use crate::path::classify::mend_wait;

/// WeChat renews a stable token five minutes before its end; asked earlier it gives the same one again.
const AHEAD: Duration = Duration::from_secs(270);
/// A token that lives shorter than usual (an outside source's) is renewed in the last tenth of its life.
const AHEAD_TENTH: u32 = 10;
/// After a failed fetch the same answer is given for so long, so that a thousand waiting messages are one call. Twice
/// as long after each further one: an hour without WeChat must not use up the 2,000 fetches of a day.
const FAILED_FOR: Duration = Duration::from_secs(1);
/// The longest of these.
const FAILED_FOR_MAX: Duration = Duration::from_secs(60);
/// The same after the fetches of a day are used up.
const USED_UP_FOR: Duration = Duration::from_secs(60);
/// A person who asks may have mended what went wrong: for them it holds no longer than this.
const SHOWN_FOR: Duration = Duration::from_secs(60);
/// The same when WeChat refuses a token and gives it out again.
const GIVEN_AGAIN_FOR: Duration = Duration::from_secs(10);
/// WeChat allows 20 forced refreshes a day, 30 s apart.
const FORCE_APART: Duration = Duration::from_secs(60);

/// A token and how long it is good for.
#[derive(Clone, Debug)]
pub struct Held {
    /// The token.
    pub value: Secret,
    /// When it was fetched.
    pub fetched_at: Timestamp,
    /// When WeChat forgets it.
    pub expires_at: Timestamp,
}

impl Held {
    fn is_ripe(&self, now: Timestamp) -> bool {
        let life = self.expires_at.since(self.fetched_at);
        now.plus(AHEAD.min(life / AHEAD_TENTH)) >= self.expires_at
    }
}

/// Why another token is wanted.
#[derive(Clone, Copy)]
pub(crate) enum Want<'a> {
    /// There is none, or it has ended.
    Any,
    /// This one ends soon; it works still.
    Fresher(&'a Held),
    /// WeChat refused this one.
    Other(&'a Held),
}

impl<'a> Want<'a> {
    /// The token that will not do.
    fn stale(self) -> Option<&'a Held> {
        match self {
            Self::Any => None,
            Self::Fresher(held) | Self::Other(held) => Some(held),
        }
    }
}

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no access_token: {detail}")]
pub struct TokenTrouble {
    /// What a message that waits for the token waits for.
    pub cause: Cause,
    /// WeChat's errcode, if it gave one.
    pub errcode: Option<i64>,
    /// What went wrong, and for an allow-list refusal the address to add.
    pub detail: String,
    /// When it was met.
    pub at: Timestamp,
    /// Not worth asking again before.
    pub until: Timestamp,
}

/// The token of one account.
#[derive(Default)]
pub struct TokenCell {
    current: ArcSwapOption<Held>,
    trouble: Mutex<Option<TokenTrouble>>,
    /// Fetches that failed since the last one that did not.
    failures: AtomicU32,
    /// What a send was refused for besides its token: our address.
    refused: ArcSwapOption<TokenTrouble>,
    fetching: tokio::sync::Mutex<Option<Timestamp>>,
}

impl TokenCell {
    /// A cell that starts with what the store kept of the last run.
    pub fn restored(stored: Option<StoredToken>) -> Self {
        let held = stored.map(|token| {
            Arc::new(Held { value: token.value, fetched_at: token.fetched_at, expires_at: token.expires_at })
        });
        Self { current: ArcSwapOption::from(held), ..Self::default() }
    }

    /// The token as it stands, even if it has ended.
    pub fn held(&self) -> Option<Arc<Held>> {
        self.current.load_full()
    }

    /// What went wrong with the last fetch, or what sends are refused for.
    pub fn trouble(&self) -> Option<TokenTrouble> {
        self.trouble.lock().clone().or_else(|| self.refused.load().as_deref().cloned())
    }

    /// The last fetch failed.
    pub(crate) fn is_missing(&self) -> bool {
        self.trouble.lock().is_some()
    }

    /// A person wants it tried again now.
    pub(crate) fn forget_trouble(&self) {
        *self.trouble.lock() = None;
        self.failures.store(0, Ordering::Relaxed);
    }

    /// Sends are refused for our address; this is shown until one goes through.
    pub(crate) fn note_refused(&self, error: &CallError, outcome: &Outcome, at: Timestamp) {
        if let Outcome::Pause { until, cause: cause @ Cause::IpNotAllowed } = *outcome {
            let trouble = TokenTrouble { cause, errcode: error.code(), detail: error.to_string(), at, until };
            self.refused.store(Some(Arc::new(trouble)));
        }
    }

    /// A send went through.
    pub(crate) fn note_sent(&self) {
        if self.refused.load().is_some() {
            self.refused.store(None);
        }
    }

    /// Whether a new token should be fetched now, while the old one still works.
    pub fn is_ripe(&self, now: Timestamp) -> bool {
        self.current.load().as_ref().is_none_or(|held| held.is_ripe(now))
            && self.standing_trouble(now).is_none()
    }

    fn note(&self, trouble: TokenTrouble) -> TokenTrouble {
        *self.trouble.lock() = Some(trouble.clone());
        trouble
    }

    fn usable(&self, now: Timestamp) -> Option<Arc<Held>> {
        self.held().filter(|held| now < held.expires_at)
    }

    fn standing_trouble(&self, now: Timestamp) -> Option<TokenTrouble> {
        self.trouble.lock().clone().filter(|trouble| now < trouble.until)
    }
}

/// What fetching a token needs.
pub(crate) struct Centre {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
}

impl Centre {
    /// The account's token, fetched if there is none.
    pub(crate) async fn token(&self, account: &Account) -> Result<Arc<Held>, TokenTrouble> {
        match account.token.usable(self.clock.now()) {
            Some(held) => Ok(held),
            None => self.renew(account, Want::Any).await,
        }
    }

    /// The same for a person who asks: where the last fetch failed it is tried again, however long it would be left alone.
    pub(crate) async fn token_now(&self, account: &Account) -> Result<Arc<Held>, TokenTrouble> {
        let now = self.clock.now();
        let is_old = |trouble: &TokenTrouble| now.since(trouble.at) >= SHOWN_FOR;
        if !account.token.trouble.lock().as_ref().is_some_and(is_old) {
            return self.token(account).await;
        }
        account.token.forget_trouble();
        // One that is held still may be the one that WeChat refused.
        let stale = account.token.held();
        self.renew(account, stale.as_deref().map_or(Want::Any, Want::Fresher)).await
    }

    /// Another token. Waits for a fetch that is under way rather than starting a second.
    pub(crate) async fn renew(&self, account: &Account, want: Want<'_>) -> Result<Arc<Held>, TokenTrouble> {
        let cell = &account.token;
        let mut forced_at = cell.fetching.lock().await;
        let now = self.clock.now();
        if let Some(newer) = cell.usable(now).filter(|held| !same_token(held, want.stale())) {
            return Ok(newer);
        }
        if let Some(trouble) = cell.standing_trouble(now) {
            return Err(trouble);
        }
        match self.fetch(account, want, &mut forced_at).await {
            Ok(held) if matches!(want, Want::Other(refused) if same_token(&held, Some(refused))) => {
                Err(cell.note(refused_and_given_again(now)))
            }
            Ok(held) => Ok(self.keep(account, held).await),
            Err(error) => {
                let failures = cell.failures.fetch_add(1, Ordering::Relaxed);
                Err(cell.note(describe(&error, failures, self.clock.now())))
            }
        }
    }

    async fn keep(&self, account: &Account, held: Held) -> Arc<Held> {
        let held = Arc::new(held);
        account.token.current.store(Some(held.clone()));
        *account.token.trouble.lock() = None;
        account.token.failures.store(0, Ordering::Relaxed);
        if let Err(error) = self.save(account, &held).await {
            // Losing it costs one fetch after a restart; sending goes on.
            tracing::warn!(appid = %account.appid(), %error, "could not keep the access_token");
        }
        held
    }

    async fn save(&self, account: &Account, held: &Held) -> Result<(), StoreError> {
        let token = StoredToken {
            value: held.value.clone(),
            fetched_at: held.fetched_at,
            expires_at: held.expires_at,
        };
        self.store.put_token(account.id(), token).await
    }

    async fn fetch(
        &self,
        account: &Account,
        want: Want<'_>,
        forced_at: &mut Option<Timestamp>,
    ) -> Result<Held, CallError> {
        let now = self.clock.now();
        let credential =
            Credential { appid: account.record.appid.as_str(), secret: account.record.secret.expose() };
        let fetched = match &account.record.token_source {
            TokenSource::Classic => account.client.token(&credential).await?,
            TokenSource::Outside(url) => account.client.token_from(url).await?,
            TokenSource::Stable => {
                let token = account.client.stable_token(&credential, Refresh::Normal).await?;
                let refused =
                    matches!(want, Want::Other(other) if other.value.expose() == token.value.expose_secret());
                let may_force = forced_at.is_none_or(|at| now.since(at) >= FORCE_APART);
                if refused && may_force {
                    // WeChat refuses the token and yet hands it out again: only force helps.
                    *forced_at = Some(now);
                    account.client.stable_token(&credential, Refresh::Force).await?
                } else {
                    token
                }
            }
        };
        let value = Secret::new(fetched.value.expose_secret());
        Ok(Held { value, fetched_at: now, expires_at: now.plus(fetched.expires_in) })
    }
}

fn same_token(held: &Held, stale: Option<&Held>) -> bool {
    stale.is_some_and(|stale| stale.value.expose() == held.value.expose())
}

/// Forced already, and not to be forced again so soon: every message would only be refused the same.
fn refused_and_given_again(now: Timestamp) -> TokenTrouble {
    let detail = "WeChat refuses the access_token and gives the same one again".to_owned();
    TokenTrouble { cause: Cause::Token, errcode: None, detail, at: now, until: now.plus(GIVEN_AGAIN_FOR) }
}

/// Sorts a failed fetch into what a waiting message waits for.
fn describe(error: &CallError, failures: u32, now: Timestamp) -> TokenTrouble {
    let errcode = error.code();
    let class = errcode.and_then(errcode::lookup).map(|row| row.class);
    let failed_for = FAILED_FOR.saturating_mul(1 << failures.min(6)).min(FAILED_FOR_MAX);
    let mended_in = mend_wait(errcode.unwrap_or_default(), failures);
    let (cause, for_so_long) = match class {
        None if matches!(error, CallError::NotSent(_)) => (Cause::Unreachable, failed_for),
        Some(Class::IpNotAllowed) => (Cause::IpNotAllowed, mended_in),
        // On the token call 40001 means that the AppSecret is wrong.
        Some(Class::BadAccount | Class::RefreshToken) => (Cause::AccountRefused, mended_in),
        Some(Class::DailyQuota) => (Cause::DailyQuota, USED_UP_FOR),
        _ => (Cause::Token, failed_for),
    };
    TokenTrouble { cause, errcode, detail: error.to_string(), at: now, until: now.plus(for_so_long) }
}
