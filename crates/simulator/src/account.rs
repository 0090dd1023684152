//! One official account: how it is set up, its followers, templates, tokens and meters.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::bodies::{AccountBody, FollowerStatus, Kind, Permission, PushFormat, PushMode, SameContent};
use crate::chance::{mix, spell};
use crate::faults::Faults;
use crate::fingerprint;
use crate::industry::IndustryChoice;
use crate::quota::{Limits, Meters};
use crate::seal::Seal;
use crate::settings::{Escapes, Settings};
use crate::template::Templates;
use crate::tokens::Current;

/// An account and all that belongs to it.
pub(crate) struct Account {
    pub(crate) appid: Box<str>,
    /// Follows from the seed and the appid; openids and template ids follow from it.
    pub(crate) seed: u64,
    pub(crate) profile: RwLock<Arc<Profile>>,
    pub(crate) followers: RwLock<Followers>,
    pub(crate) templates: RwLock<Templates>,
    pub(crate) templates_made: Mutex<u64>,
    pub(crate) industry: Mutex<IndustryChoice>,
    pub(crate) tokens: Mutex<Current>,
    pub(crate) meters: Mutex<Meters>,
    pub(crate) openid_rates: Mutex<OpenidRates>,
    pub(crate) blocked: Mutex<Vec<Blocked>>,
    pub(crate) faults: RwLock<Option<Arc<Faults>>>,
}

impl Account {
    pub(crate) fn new(seed: u64, profile: Profile) -> Account {
        let appid = profile.appid.clone();
        Account {
            seed: mix(seed ^ fingerprint::of(&[&appid])),
            appid,
            profile: RwLock::new(Arc::new(profile)),
            followers: RwLock::default(),
            templates: RwLock::default(),
            templates_made: Mutex::default(),
            industry: Mutex::default(),
            tokens: Mutex::default(),
            meters: Mutex::default(),
            openid_rates: Mutex::default(),
            blocked: Mutex::default(),
            faults: RwLock::default(),
        }
    }

    pub(crate) fn profile(&self) -> Arc<Profile> {
        Arc::clone(&self.profile.read())
    }

    pub(crate) fn set_faults(&self, faults: &Arc<Faults>) {
        *self.faults.write() = Some(Arc::clone(faults));
    }

    pub(crate) fn clear_faults(&self) {
        *self.faults.write() = None;
    }

    /// A number for the next template id of this account.
    pub(crate) fn next_template_seed(&self) -> u64 {
        let mut made = self.templates_made.lock();
        *made += 1;
        mix(self.seed ^ *made)
    }
}

/// A message that the platform stopped (40249), for queryblocktmplmsg.
#[derive(Clone)]
pub(crate) struct Blocked {
    pub(crate) template_id: Box<str>,
    pub(crate) title: Box<str>,
    pub(crate) content: Box<str>,
    pub(crate) at_seconds: i64,
    pub(crate) openid: Box<str>,
}

/// The messages stopped that an account remembers: a few pages of queryblocktmplmsg.
pub(crate) const BLOCKED_AT_MOST: usize = 1_000;

/// How an account is set up. No `Debug`: it holds secrets.
#[derive(Clone)]
pub(crate) struct Profile {
    pub(crate) appid: Box<str>,
    pub(crate) secret: Box<str>,
    /// The secret before the last change: it answers 40001, any other wrong one 40125.
    pub(crate) former_secret: Option<Box<str>>,
    pub(crate) kind: Kind,
    pub(crate) original_id: Box<str>,
    pub(crate) ip_allow_list: Option<Vec<IpAddr>>,
    pub(crate) send_limits: Limits,
    pub(crate) openid_minute_limit: Option<u64>,
    pub(crate) same_content: SameContent,
    pub(crate) escapes: Escapes,
    pub(crate) permission: Permission,
    pub(crate) token_seconds: u32,
    pub(crate) miniprograms: Option<Vec<String>>,
    pub(crate) callback: Option<Arc<Callback>>,
    push: PushSettings,
}

/// The parts of a callback as they were given, kept so that one of them can be changed.
#[derive(Clone, Default)]
struct PushSettings {
    url: String,
    token: String,
    aes_key: Option<String>,
    mode: Option<PushMode>,
    format: PushFormat,
}

/// Where and how pushes go.
pub(crate) struct Callback {
    /// `host:port`.
    pub(crate) authority: Box<str>,
    /// The path and `?` or `&`, so that parameters can follow.
    pub(crate) target: Box<str>,
    pub(crate) token: Box<str>,
    pub(crate) format: PushFormat,
    pub(crate) wrap: Wrap,
}

/// How the text of a push is wrapped.
pub(crate) enum Wrap {
    Plain,
    Compatible(Seal),
    Safe(Seal),
}

/// WeChat shows 4,200,000 calls a minute for template/send.
const MINUTE_LIMIT: u64 = 4_200_000;

impl Profile {
    /// A new account's.
    ///
    /// # Errors
    /// A sentence about the field that is missing or wrong.
    pub(crate) fn new(body: &AccountBody, settings: &Settings) -> Result<Profile, String> {
        let well_formed =
            body.appid.len() <= 64 && body.appid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if body.appid.is_empty() || !well_formed {
            return Err("appid: 1 to 64 letters and digits are needed".to_owned());
        }
        let secret = body.secret.as_deref().filter(|secret| !secret.is_empty());
        let secret = secret.ok_or("secret: a new account needs one")?;
        let kind = body.kind.unwrap_or_default();
        let daily = settings.daily_quota.unwrap_or(daily_quota_of(kind));
        let blank = Profile {
            appid: body.appid.as_str().into(),
            secret: secret.into(),
            former_secret: None,
            kind,
            original_id: original_id_of(&body.appid),
            ip_allow_list: None,
            send_limits: Limits { daily, minute: MINUTE_LIMIT },
            openid_minute_limit: None,
            same_content: SameContent::Refuse,
            escapes: settings.escapes,
            permission: Permission::Authorized,
            token_seconds: settings.token_seconds,
            miniprograms: None,
            callback: None,
            push: PushSettings::default(),
        };
        blank.changed_by(body)
    }

    /// The same with the fields of the body that are given.
    ///
    /// # Errors
    /// A sentence about the field that is wrong; nothing has changed then.
    pub(crate) fn changed_by(&self, body: &AccountBody) -> Result<Profile, String> {
        let mut new = self.clone();
        if let Some(secret) = body.secret.as_deref().filter(|secret| **secret != *self.secret) {
            new.former_secret = Some(std::mem::replace(&mut new.secret, secret.into()));
        }
        set(&mut new.kind, body.kind);
        set(&mut new.original_id, body.original_id.as_deref().map(Into::into));
        set(&mut new.send_limits.daily, body.daily_quota);
        set(&mut new.send_limits.minute, body.minute_limit);
        set(&mut new.same_content, body.same_content);
        set(&mut new.escapes, body.escapes);
        set(&mut new.permission, body.permission);
        set(&mut new.token_seconds, body.token_seconds);
        new.openid_minute_limit = body.openid_minute_limit.or(new.openid_minute_limit);
        set(&mut new.ip_allow_list, body.ip_allow_list.clone());
        new.miniprograms = body.miniprograms.clone().or(new.miniprograms);
        set(&mut new.push.url, body.callback_url.clone());
        set(&mut new.push.token, body.token.clone());
        set(&mut new.push.format, body.push_format);
        new.push.aes_key = body.aes_key.clone().or(new.push.aes_key);
        new.push.mode = body.push_mode.or(new.push.mode);
        new.callback = new.push.callback()?.map(Arc::new);
        Ok(new)
    }

    pub(crate) fn enforces_limits(&self) -> bool {
        self.kind != Kind::Test
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// The house figures: the official default is 100,000, live service accounts show 1,000,000.
fn daily_quota_of(kind: Kind) -> u64 {
    match kind {
        Kind::Service => 1_000_000,
        Kind::Subscription | Kind::Test => 100_000,
    }
}

fn original_id_of(appid: &str) -> Box<str> {
    format!("gh_{:012x}", fingerprint::of(&[appid]) >> 16).into()
}

impl PushSettings {
    fn callback(&self) -> Result<Option<Callback>, String> {
        if self.url.is_empty() {
            return Ok(None);
        }
        let wrong_url =
            || "callback_url: an address like http://127.0.0.1:8080/callback/wx1 is needed".to_owned();
        let url: http::Uri = self.url.parse().map_err(|_| wrong_url())?;
        let authority = url.authority().filter(|_| url.scheme_str() == Some("http")).ok_or_else(wrong_url)?;
        if !self.token.bytes().all(|byte| byte.is_ascii_alphanumeric())
            || !(3..=32).contains(&self.token.len())
        {
            return Err("token: a callback needs one, 3 to 32 letters and digits".to_owned());
        }
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let joint = if path.contains('?') { '&' } else { '?' };
        let port = if authority.port().is_some() { "" } else { ":80" };
        Ok(Some(Callback {
            authority: format!("{authority}{port}").into(),
            target: format!("{path}{joint}").into(),
            token: self.token.as_str().into(),
            format: self.format,
            wrap: self.wrap()?,
        }))
    }

    fn wrap(&self) -> Result<Wrap, String> {
        let seal = self.aes_key.as_deref().map(|key| Seal::new(key)).transpose()?;
        match (self.mode, seal) {
            (Some(PushMode::Plain), _) | (None, None) => Ok(Wrap::Plain),
            (Some(PushMode::Compatible), Some(seal)) => Ok(Wrap::Compatible(seal)),
            (Some(PushMode::Safe) | None, Some(seal)) => Ok(Wrap::Safe(seal)),
            (Some(_), None) => Err("push_mode: this one needs an aes_key".to_owned()),
        }
    }
}

/// The people of one account, by 64 bits of their openid.
#[derive(Default)]
pub(crate) struct Followers {
    statuses: HashMap<u64, FollowerStatus, fingerprint::Identity>,
    made: u64,
}

impl Followers {
    pub(crate) fn status(&self, openid: &str) -> Option<FollowerStatus> {
        self.statuses.get(&fingerprint::of(&[openid])).copied()
    }

    pub(crate) fn set(&mut self, openid: &str, status: FollowerStatus) {
        self.statuses.insert(fingerprint::of(&[openid]), status);
    }

    /// One more person, with the next openid: 28 characters that begin with `o`.
    pub(crate) fn make(&mut self, account_seed: u64, status: FollowerStatus) -> String {
        self.made += 1;
        // An account's openids share their first characters in life, too.
        let openid = format!("o{}{}", spell(account_seed, 5), spell(mix(account_seed ^ self.made), 22));
        self.set(&openid, status);
        openid
    }
}

/// How often each openid was written to in the current minute, for 43117.
#[derive(Default)]
pub(crate) struct OpenidRates {
    minute: i64,
    counts: HashMap<u64, u64, fingerprint::Identity>,
}

impl OpenidRates {
    /// Counts a send, unless the limit is reached.
    pub(crate) fn allows(&mut self, openid: &str, minute: i64, limit: u64) -> bool {
        if self.minute != minute {
            self.minute = minute;
            self.counts.clear();
        }
        let count = self.counts.entry(fingerprint::of(&[openid])).or_default();
        let allowed = *count < limit;
        *count += u64::from(allowed);
        allowed
    }
}
