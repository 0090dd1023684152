//! Getting an access_token: `/cgi-bin/token`, `/cgi-bin/stable_token`, or an outside source.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::answer::{read, shape};
use crate::client::{Client, SMALL_ANSWER, json};
use crate::error::CallError;
use crate::percent;
use crate::transport::{Answer, Call};

/// What an account proves itself with. Debug shows only the appid.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// `wx` and 16 hexadecimal digits.
    pub appid: &'a str,
    /// The AppSecret, 32 hexadecimal digits.
    pub secret: &'a str,
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credential").field("appid", &self.appid).finish_non_exhaustive()
    }
}

/// Whether the stable token in use is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// The token in use; WeChat renews it 5 minutes before it ends, and both work meanwhile.
    Normal,
    /// Ends the token in use at once. 20 a day, 30 s apart; for a token that leaked.
    Force,
}

/// An access_token.
#[derive(Clone, Debug)]
pub struct Token {
    /// Up to 512 characters of `[A-Za-z0-9_-]`. Debug does not show it.
    pub value: SecretString,
    /// How long it is still good: at most 7200 s, and for a stable token what remains of it.
    pub expires_in: Duration,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u32,
}

#[derive(Serialize)]
struct StableTokenRequest<'a> {
    grant_type: &'static str,
    appid: &'a str,
    secret: &'a str,
    force_refresh: bool,
}

impl Client {
    /// `GET /cgi-bin/token`: a new token, which ends the one before it within about 5 minutes. 2000 a day, so there must be
    /// one place that calls this. <https://developers.weixin.qq.com/doc/service/api/base/api_getaccesstoken>
    pub async fn token(&self, credential: &Credential<'_>) -> Result<Token, CallError> {
        let mut path = String::from("/cgi-bin/token?grant_type=client_credential&appid=");
        percent::encode_into(&mut path, credential.appid);
        path.push_str("&secret=");
        percent::encode_into(&mut path, credential.secret);
        token_in(&self.answer(&Call { path: &path, body: None, limit: SMALL_ANSWER }).await?)
    }

    /// `POST /cgi-bin/stable_token`: the same token to all who ask, apart from that of [`Client::token`].
    /// <https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken>
    pub async fn stable_token(
        &self,
        credential: &Credential<'_>,
        refresh: Refresh,
    ) -> Result<Token, CallError> {
        let body = stable_token_body(credential, refresh)?;
        let call = Call { path: "/cgi-bin/stable_token", body: Some(body), limit: SMALL_ANSWER };
        token_in(&self.answer(&call).await?)
    }

    /// `GET url`, of a token centre of one's own that answers as `/cgi-bin/token` does. Goes directly, not through the proxy.
    pub async fn token_from(&self, url: &str) -> Result<Token, CallError> {
        token_in(&self.answer_of_url(url).await?)
    }
}

fn stable_token_body(credential: &Credential<'_>, refresh: Refresh) -> Result<bytes::Bytes, CallError> {
    json(&StableTokenRequest {
        grant_type: "client_credential",
        appid: credential.appid,
        secret: credential.secret,
        force_refresh: refresh == Refresh::Force,
    })
}

fn token_in(answer: &Answer) -> Result<Token, CallError> {
    let TokenAnswer { access_token, expires_in } = read(answer)?;
    if access_token.is_empty() {
        return Err(shape(answer));
    }
    Ok(Token { value: SecretString::from(access_token), expires_in: Duration::from_secs(expires_in.into()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIAL: Credential<'_> =
        Credential { appid: "wxba5fad812f8e6fb9", secret: "0123456789abcdef0123456789abcdef" };

    #[test]
    fn stable_token_requests_are_the_golden_ones() {
        let normal = stable_token_body(&CREDENTIAL, Refresh::Normal).unwrap();
        let force = stable_token_body(&CREDENTIAL, Refresh::Force).unwrap();

        assert_eq!(normal, include_str!("../golden/stable_token.request.json"));
        assert_eq!(force, include_str!("../golden/stable_token.force.request.json"));
    }

    #[test]
    fn neither_secret_nor_token_is_in_debug() {
        let token = Token { value: SecretString::from("86_abc"), expires_in: Duration::from_secs(7200) };

        assert!(!format!("{CREDENTIAL:?}").contains("0123456789"));
        assert!(!format!("{token:?}").contains("86_abc"));
    }
}
