//! Accounts and what stands by them: secrets, tokens, templates and applications for them, scenarios, policies, word lists.

pub(crate) mod accounts;
pub(crate) mod applications;
pub(crate) mod library;
pub(crate) mod policies;
mod put;
pub(crate) mod scenarios;
pub(crate) mod secrets;
pub(crate) mod templates;
pub(crate) mod tokens;
pub(crate) mod words;

use hongyan_domain::setting::{
    REASON_MAX, check_aes_key, check_callback_token, check_name, check_proxy, check_secret, check_text,
    check_until,
};
use hongyan_domain::{AccountId, AccountKind, Appid, FieldError, Limits, Timestamp, request};

use crate::Secret;

/// An account, as it is put in. What is `None` or changed replaces what was there.
#[derive(Clone, Debug)]
pub struct AccountDraft {
    /// WeChat's name for it; the key of the put.
    pub appid: Appid,
    /// What people call it; ≤ 256 bytes.
    pub name: String,
    /// Which kind it is.
    pub kind: AccountKind,
    /// Whether WeChat verified it.
    pub verified: bool,
    /// AppSecret.
    pub secret: Secret,
    /// For the receipts.
    pub callback: Option<CallbackKeys>,
    /// In place of the kind's limits.
    pub limits: Option<Limits>,
    /// The HTTP proxy that its calls take (may hold a password).
    pub proxy: Option<Secret>,
    /// Where its token comes from.
    pub token_source: TokenSource,
    /// Whether it may send now.
    pub paused: Option<Paused>,
}

impl AccountDraft {
    /// Every field with which it is not put in, named as in the API.
    ///
    /// # Errors
    /// All findings at once; never empty. None repeats a value.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let keys = self.callback.as_ref();
        let aes_keys = keys.into_iter().flat_map(|keys| [&keys.aes_key, &keys.previous_aes_key]).flatten();
        let url = if let TokenSource::Outside(url) = &self.token_source { Some(url) } else { None };
        let until = self.paused.as_ref().and_then(|paused| paused.until);
        let checks = [
            Some(check_name(&self.name)),
            Some(check_secret(self.secret.expose())),
            keys.map(|keys| check_callback_token(keys.token.expose())),
            aes_keys.map(|key| check_aes_key(key.expose())).find(Result::is_err),
            self.limits.map(|limits| limits.check()),
            self.proxy.as_ref().map(|proxy| check_proxy(proxy.expose())),
            url.map(|url| request::check_web_address("token_url", url)),
            self.paused.as_ref().map(|paused| check_text("reason", &paused.reason, REASON_MAX)),
            until.map(|until| check_until("until", until)),
        ];
        let faults: Vec<_> = checks.into_iter().flatten().filter_map(Result::err).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Our number for it.
    pub id: AccountId,
    /// WeChat's name for it.
    pub appid: Appid,
    /// What people call it.
    pub name: String,
    /// Which kind it is.
    pub kind: AccountKind,
    /// Whether WeChat verified it.
    pub verified: bool,
    /// AppSecret.
    pub secret: Secret,
    /// For the receipts.
    pub callback: Option<CallbackKeys>,
    /// In place of the kind's limits.
    pub limits: Option<Limits>,
    /// The HTTP proxy that its calls take.
    pub proxy: Option<Secret>,
    /// Where its token comes from.
    pub token_source: TokenSource,
    /// Whether it may send now.
    pub paused: Option<Paused>,
    /// When it was first put in.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Account {
    /// The draft that would put it in again unchanged.
    pub fn draft(&self) -> AccountDraft {
        AccountDraft {
            appid: self.appid.clone(),
            name: self.name.clone(),
            kind: self.kind,
            verified: self.verified,
            secret: self.secret.clone(),
            callback: self.callback.clone(),
            limits: self.limits,
            proxy: self.proxy.clone(),
            token_source: self.token_source.clone(),
            paused: self.paused.clone(),
        }
    }

    /// The limits that hold: its own, or its kind's.
    pub fn effective_limits(&self) -> Limits {
        self.limits.unwrap_or_else(|| self.kind.limits())
    }
}

/// What WeChat's callbacks are checked and read with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackKeys {
    /// Token.
    pub token: Secret,
    /// EncodingAESKey; `None` in plain mode.
    pub aes_key: Option<Secret>,
    /// The key before the last change: WeChat may still use it for a while.
    pub previous_aes_key: Option<Secret>,
}

/// Where an account's access_token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// WeChat's stable_token.
    Stable,
    /// WeChat's token.
    Classic,
    /// Somebody else's token centre, at this address.
    Outside(String),
}

/// Why and until when an account does not send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// `None`: until somebody lets it go on.
    pub until: Option<Timestamp>,
    /// The word or sentence for the operator.
    pub reason: String,
}

/// An access_token, kept so that a restart need not fetch one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// The token.
    pub value: Secret,
    /// When WeChat forgets it.
    pub expires_at: Timestamp,
    /// When it was fetched.
    pub fetched_at: Timestamp,
}

/// A template of an account, as WeChat lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTemplate {
    /// WeChat's id.
    pub template_id: String,
    /// Its title.
    pub title: String,
    /// Its text with `{{thing1.DATA}}` places.
    pub content: String,
    /// WeChat's example.
    pub example: String,
    /// 一级行业.
    pub primary_industry: String,
    /// 二级行业.
    pub deputy_industry: String,
}

/// What a sync of templates changed: template ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New ones.
    pub added: Vec<String>,
    /// Those whose text or industry is another now.
    pub changed: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
}

/// What a sync found that somebody else did at WeChat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateNotice {
    /// Counts up in its account.
    pub id: i64,
    /// When the sync found it.
    pub at: Timestamp,
    /// The template.
    pub template_id: String,
    /// Its title, the new one.
    pub title: String,
    /// What was done.
    pub kind: NoticeKind,
    /// For a changed one: what is another now, of title, content, example, primary_industry, deputy_industry.
    pub changed: Vec<String>,
}

/// What was done to a template at WeChat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// It is new.
    Added,
    /// Its text or industry is another.
    Changed,
    /// It is gone.
    Removed,
}

impl NoticeKind {
    /// The word in tables and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }

    /// The kind that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Added, Self::Changed, Self::Removed].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Every text that a template ever had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateHistory {
    /// When it was found gone, if it is.
    pub removed_at: Option<Timestamp>,
    /// Number, since when, and the text; the oldest first.
    pub versions: Vec<(u32, Timestamp, StoredTemplate)>,
}
