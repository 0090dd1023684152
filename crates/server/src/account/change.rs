//! What may be said about an account, and what that makes of it.

use hongyan_domain::{AccountKind, Appid, FieldCode, FieldError, Limits};
use hongyan_store::{AccountDraft, CallbackKeys, Secret, TokenSource};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::request::field::{self, bad, keep};

/// What is left out stays as it is; `null` takes away what may be missing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountChange {
    /// WeChat's name for it; needed where it is not in the path.
    pub(super) appid: Option<String>,
    /// What people call it; its appid, if never given.
    pub(super) name: Option<String>,
    /// `service`, `subscription` or `test`; needed for a new account.
    #[schema(value_type = Option<String>)]
    pub(super) kind: Option<AccountKind>,
    /// Whether WeChat verified it.
    pub(super) verified: Option<bool>,
    /// AppSecret; needed for a new account.
    pub(super) secret: Option<String>,
    /// For receipts; null: no callback.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<CallbackChange>)]
    pub(super) callback: Option<Option<CallbackChange>>,
    /// In place of the kind's limits; null: the kind's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<LimitsBody>)]
    pub(super) limits: Option<Option<LimitsBody>>,
    /// The HTTP proxy its calls take, `http://[user:password@]host:port`; null: none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub(super) proxy: Option<Option<String>>,
    /// `stable` (the default), `classic`, or `outside` with `token_url`.
    pub(super) token_source: Option<String>,
    /// Somebody else's token centre, which answers as WeChat's /cgi-bin/token does.
    pub(super) token_url: Option<String>,
}

/// The keys of the callback, as in WeChat's console (基本配置 → 服务器配置).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallbackChange {
    /// Token: 3 to 32 letters and digits.
    token: Option<String>,
    /// EncodingAESKey, 43 characters; null: plain mode. The one before stays good for what is under way.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    aes_key: Option<Option<String>>,
}

/// How fast and how much an account may send.
#[derive(Clone, Copy, Deserialize, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsBody {
    /// Sends a second, sustained; 0: no limit on rate.
    pub(super) base_per_s: u32,
    /// The most in any one second; at least `base_per_s`.
    pub(super) peak_per_s: u32,
    /// Sends a day (Asia/Shanghai).
    pub(super) daily: u32,
}

/// Tells `null` from nothing.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl AccountChange {
    /// The draft of an account that was not there, or every field that keeps it from being one.
    pub(super) fn of_new(self, appid: Appid) -> Result<AccountDraft, Vec<FieldError>> {
        let missing = [("kind", self.kind.is_none()), ("secret", self.secret.is_none())];
        let missing: Vec<_> = missing
            .into_iter()
            .filter(|(_, missing)| *missing)
            .map(|(name, _)| field::missing(name))
            .collect();
        let blank = AccountDraft {
            name: appid.as_str().to_owned(),
            appid,
            kind: self.kind.unwrap_or(AccountKind::Service),
            verified: true,
            secret: Secret::new(""),
            callback: None,
            limits: None,
            proxy: None,
            token_source: TokenSource::Stable,
            paused: None,
        };
        match self.applied(blank) {
            Ok(draft) if missing.is_empty() => Ok(draft),
            Ok(_) => Err(missing),
            Err(mut errors) => {
                // What is missing is told once.
                errors.retain(|error| missing.iter().all(|missing| missing.field != error.field));
                Err(missing.into_iter().chain(errors).collect())
            }
        }
    }

    /// The draft with this change in it, or every field that is wrong.
    pub(super) fn applied(self, mut draft: AccountDraft) -> Result<AccountDraft, Vec<FieldError>> {
        let mut errors = Vec::new();
        if self.appid.is_some_and(|appid| appid != draft.appid.as_str()) {
            errors.push(bad("appid", "is another than in the path: an appid cannot be changed"));
        }
        draft.name = self.name.unwrap_or(draft.name);
        draft.kind = self.kind.unwrap_or(draft.kind);
        draft.verified = self.verified.unwrap_or(draft.verified);
        draft.secret = self.secret.map_or(draft.secret, Secret::new);
        if let Some(callback) = self.callback {
            draft.callback = callback.and_then(|change| change.applied(draft.callback.as_ref(), &mut errors));
        }
        if let Some(limits) = self.limits {
            draft.limits = limits.map(Limits::from);
        }
        if let Some(proxy) = self.proxy {
            draft.proxy = proxy.map(Secret::new);
        }
        if let Some(source) = source_of(self.token_source.as_deref(), self.token_url) {
            draft.token_source = keep(&mut errors, source).unwrap_or(draft.token_source);
        }
        errors.extend(draft.check().err().into_iter().flatten());
        if errors.is_empty() { Ok(draft) } else { Err(errors) }
    }
}

impl CallbackChange {
    fn applied(self, before: Option<&CallbackKeys>, errors: &mut Vec<FieldError>) -> Option<CallbackKeys> {
        let token = match (self.token, before) {
            (Some(token), _) => Some(Secret::new(token)),
            (None, Some(before)) => Some(before.token.clone()),
            (None, None) => keep(errors, Err(field::missing("callback.token"))),
        };
        let had = before.and_then(|before| before.aes_key.clone());
        let aes_key = match self.aes_key {
            Some(key) => key.map(Secret::new),
            None => had.clone(),
        };
        let previous = before.and_then(|before| before.previous_aes_key.clone());
        let previous_aes_key = if aes_key == had { previous } else { had };
        Some(CallbackKeys { token: token?, aes_key, previous_aes_key })
    }
}

impl From<LimitsBody> for Limits {
    fn from(LimitsBody { base_per_s, peak_per_s, daily }: LimitsBody) -> Self {
        Self { base_per_s, peak_per_s, daily }
    }
}

impl From<Limits> for LimitsBody {
    fn from(Limits { base_per_s, peak_per_s, daily }: Limits) -> Self {
        Self { base_per_s, peak_per_s, daily }
    }
}

fn source_of(source: Option<&str>, url: Option<String>) -> Option<Result<TokenSource, FieldError>> {
    Some(match (source, url) {
        (None, None) => return None,
        (Some("stable"), None) => Ok(TokenSource::Stable),
        (Some("classic"), None) => Ok(TokenSource::Classic),
        (Some("outside") | None, Some(url)) => Ok(TokenSource::Outside(url)),
        (Some("outside"), None) => Err(field::missing("token_url")),
        (Some("stable" | "classic"), Some(_)) => Err(FieldError::new(
            "token_url",
            FieldCode::UnknownField,
            "belongs to token_source `outside` only",
        )),
        (Some(_), _) => Err(bad("token_source", "is not known: stable, classic or outside")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(json: &str) -> AccountChange {
        serde_json::from_str(json).unwrap()
    }

    fn appid() -> Appid {
        Appid::new("wx1").unwrap()
    }

    fn key(letter: &str) -> String {
        letter.repeat(43)
    }

    #[test]
    fn a_new_account_needs_kind_and_secret() {
        let errors = change("{}").of_new(appid()).unwrap_err();

        let fields: Vec<_> = errors.iter().map(|error| &*error.field).collect();
        assert_eq!(fields, ["kind", "secret"]);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let json = r#"{"name":"","kind":"service","secret":"a b","callback":{"token":"x","aes_key":"y"},
            "limits":{"base_per_s":5,"peak_per_s":4,"daily":1},"proxy":"https://x","token_source":"magic"}"#;

        let errors = change(json).of_new(appid()).unwrap_err();

        let fields: Vec<_> = errors.iter().map(|error| &*error.field).collect();
        let expected = [
            "token_source",
            "name",
            "secret",
            "callback.token",
            "callback.aes_key",
            "limits.peak_per_s",
            "proxy",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn what_is_left_out_stays_and_null_takes_away() {
        let json = r#"{"kind":"service","secret":"s","proxy":"http://p:1","limits":{"base_per_s":1,"peak_per_s":2,"daily":3}}"#;
        let draft = change(json).of_new(appid()).unwrap();

        let same = change(r#"{"name":"咖啡"}"#).applied(draft.clone()).unwrap();
        let less = change(r#"{"proxy":null,"limits":null}"#).applied(draft).unwrap();

        assert!(same.proxy.is_some() && same.limits.is_some());
        assert_eq!(same.name, "咖啡");
        assert!(less.proxy.is_none() && less.limits.is_none());
    }

    #[test]
    fn a_new_aes_key_keeps_the_one_before_it() {
        let callback = |key: &str| {
            format!(r#"{{"kind":"service","secret":"s","callback":{{"token":"abc","aes_key":"{key}"}}}}"#)
        };
        let first = change(&callback(&key("A"))).of_new(appid()).unwrap();

        let second = change(&callback(&key("B"))).applied(first).unwrap();
        let again = change(&callback(&key("B"))).applied(second.clone()).unwrap();

        let keys = second.callback.unwrap();
        assert_eq!(keys.previous_aes_key, Some(Secret::new(key("A"))));
        assert_eq!(again.callback.unwrap().previous_aes_key, Some(Secret::new(key("A"))));
    }
}
