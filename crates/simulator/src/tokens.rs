//! access_tokens of both kinds: how they are made, replaced, how they end, and whose they are.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::account::Account;
use crate::chance::{Chance, mix, spell};
use crate::clock::day_of;
use crate::errcode::Refusal;

/// Old and new token both work for so long (official page of getAccessToken).
const OVERLAP_MS: i64 = 300_000;
/// Forced refreshes of the stable token closer than this change nothing.
const FORCED_APART_MS: i64 = 30_000;
/// Forced refreshes of the stable token a day.
const FORCED_A_DAY: u32 = 20;
/// WeChat asks callers to keep room for 512; its own are about this long.
const TOKEN_LENGTH: usize = 136;
/// Shorter ones, or with other characters than a URL takes unescaped, are malformed: 40014.
const SHORTEST_TOKEN: usize = 16;
/// An ended token is told apart from an unknown one (42001, not 40001) for so long.
const REMEMBERED_AFTER_END_MS: i64 = 86_400_000;
/// Ended tokens are swept out when so many are known.
const SWEEP_AT: usize = 10_000;

/// Which of the two token calls; each keeps its own token and leaves the other's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Classic,
    Stable,
}

/// What a caller of stable_token wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    WhenDue,
    Forced,
}

/// A token as the token calls answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) access_token: Arc<str>,
    pub(crate) expires_in: i64,
}

#[derive(Clone)]
struct Live {
    token: Arc<str>,
    ends_at_ms: i64,
}

/// The current tokens of one account.
#[derive(Default)]
pub(crate) struct Current {
    classic: Option<Live>,
    stable: Option<Live>,
    forced_at_ms: Option<i64>,
    forced_day: i64,
    forced_today: u32,
}

/// How a token ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// By its age: 42001 afterwards.
    Expiry,
    /// Because a newer one took its place, or it was revoked: 40001 afterwards.
    Replaced,
}

struct Known {
    account: Arc<Account>,
    ends_at_ms: i64,
    end: End,
}

/// All tokens of all accounts.
#[derive(Default)]
pub(crate) struct Tokens {
    known: RwLock<HashMap<Arc<str>, Known>>,
}

/// What making a token needs.
pub(crate) struct Mint<'a> {
    pub(crate) account: &'a Arc<Account>,
    pub(crate) chance: &'a Chance,
    pub(crate) seconds: u32,
    pub(crate) now_ms: i64,
}

impl Tokens {
    /// Whose the token is, or why it is refused: 40014, 40001, 42001.
    pub(crate) fn owner(&self, token: &str, now_ms: i64) -> Result<Arc<Account>, Refusal> {
        let known = self.known.read();
        match known.get(token) {
            Some(known) if now_ms < known.ends_at_ms => Ok(Arc::clone(&known.account)),
            Some(known) if known.end == End::Expiry => Err(Refusal::of(42001)),
            Some(_) => Err(Refusal::of(40001)),
            None if is_well_formed(token) => Err(Refusal::of(40001)),
            None => Err(Refusal::of(40014)),
        }
    }

    /// What token or stable_token answers.
    ///
    /// # Errors
    /// 45009 beyond 20 forced refreshes a day.
    pub(crate) fn grant(&self, kind: TokenKind, mint: &Mint<'_>, refresh: Refresh) -> Result<Grant, Refusal> {
        let mut current = mint.account.tokens.lock();
        match (kind, refresh) {
            (TokenKind::Classic, _) => Ok(self.classic(&mut current, mint)),
            (TokenKind::Stable, Refresh::WhenDue) => Ok(self.stable_when_due(&mut current, mint)),
            (TokenKind::Stable, Refresh::Forced) => self.stable_forced(&mut current, mint),
        }
    }

    /// Always a new token; the one before works for 5 more minutes at most.
    fn classic(&self, current: &mut Current, mint: &Mint<'_>) -> Grant {
        if let Some(old) = current.classic.take() {
            self.end(&old.token, mint.now_ms + OVERLAP_MS);
        }
        let live = self.make(mint);
        let grant = granted(&live, mint.now_ms);
        current.classic = Some(live);
        grant
    }

    /// The same token until 5 minutes before its end; then a new one, and the old one lives out its time.
    fn stable_when_due(&self, current: &mut Current, mint: &Mint<'_>) -> Grant {
        if let Some(live) = &current.stable
            && live.ends_at_ms - mint.now_ms > OVERLAP_MS.min(i64::from(mint.seconds) * 500)
        {
            return granted(live, mint.now_ms);
        }
        let live = self.make(mint);
        let grant = granted(&live, mint.now_ms);
        current.stable = Some(live);
        grant
    }

    fn stable_forced(&self, current: &mut Current, mint: &Mint<'_>) -> Result<Grant, Refusal> {
        if current.forced_at_ms.is_some_and(|at_ms| mint.now_ms - at_ms < FORCED_APART_MS) {
            return Ok(self.stable_when_due(current, mint));
        }
        if current.forced_day != day_of(mint.now_ms) {
            (current.forced_day, current.forced_today) = (day_of(mint.now_ms), 0);
        }
        if current.forced_today >= FORCED_A_DAY {
            return Err(Refusal::of(45009));
        }
        current.forced_today += 1;
        current.forced_at_ms = Some(mint.now_ms);
        if let Some(old) = current.stable.take() {
            self.end(&old.token, mint.now_ms);
        }
        Ok(self.stable_when_due(current, mint))
    }

    /// Ends both tokens of an account at once.
    pub(crate) fn revoke(&self, current: &Mutex<Current>, now_ms: i64) {
        let mut current = current.lock();
        for live in [current.classic.take(), current.stable.take()].into_iter().flatten() {
            self.end(&live.token, now_ms);
        }
    }

    fn make(&self, mint: &Mint<'_>) -> Live {
        // The time is mixed in, so that a simulator started anew does not make the same tokens.
        let word = spell(mint.chance.draw() ^ mix(mint.now_ms.unsigned_abs()), TOKEN_LENGTH);
        let token: Arc<str> = format!("{}_{word}", 10 + mint.chance.draw() % 90).into();
        let ends_at_ms = mint.now_ms + i64::from(mint.seconds) * 1000;
        let account = Arc::clone(mint.account);
        let mut known = self.known.write();
        if known.len() >= SWEEP_AT {
            known.retain(|_, known| known.ends_at_ms + REMEMBERED_AFTER_END_MS > mint.now_ms);
        }
        known.insert(Arc::clone(&token), Known { account, ends_at_ms, end: End::Expiry });
        Live { token, ends_at_ms }
    }

    /// Brings the end of a token forward; one that ends sooner by itself is left alone.
    fn end(&self, token: &str, at_ms: i64) {
        if let Some(known) = self.known.write().get_mut(token)
            && at_ms < known.ends_at_ms
        {
            (known.ends_at_ms, known.end) = (at_ms, End::Replaced);
        }
    }
}

fn granted(live: &Live, now_ms: i64) -> Grant {
    Grant { access_token: Arc::clone(&live.token), expires_in: (live.ends_at_ms - now_ms) / 1000 }
}

fn is_well_formed(token: &str) -> bool {
    (SHORTEST_TOKEN..=512).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
