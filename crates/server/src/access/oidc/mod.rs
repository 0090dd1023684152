//! Log in by the house's own identity provider (OpenID Connect): the code flow with PKCE. What is known of the provider is
//! read from it and kept for an hour; who somebody is, is what its signature says.

mod token;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use hongyan_domain::Timestamp;
use hongyan_outgoing::{BadAddress, Failure, Guard, Outgoing, Target};
use hongyan_store::{Role, Secret};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::token::Wanted;
pub(crate) use self::token::{Person, Refused};

/// What the provider says of itself is read again after so long.
const KNOWN_FOR: Duration = Duration::from_secs(3_600);
/// A key that is not known is looked for at the provider so often: it may be new, or invented.
const KEYS_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// 32 bytes in base64.
const ATTEMPT_LEN: usize = 43;
/// Somebody waits before a browser.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Which provider, and what its claims mean here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address, exactly as its tokens name it.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What proves that it is us; `None`: PKCE alone does.
    pub client_secret: Option<Secret>,
    /// Where browsers come back to: `http.public_url` and our path.
    pub redirect_uri: String,
    /// What stands on the button.
    pub button: String,
    /// The claim with the user's name.
    pub name_claim: String,
    /// The claim with what makes a role: a text or a list of texts; dots lead inside.
    pub role_claim: String,
    /// Its values, each with the role it gives; the highest counts.
    pub roles: Vec<(String, Role)>,
}

/// Why a login by the provider did not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// It cannot be reached, or its address is none.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(#[from] Failure),
    /// An address that it names.
    #[error("the provider names an address that is none: {0}")]
    BadAddress(#[from] BadAddress),
    /// It answers something else than it should.
    #[error("the provider's answer is not understood: {0}")]
    Answer(String),
    /// Its token is not one for this login.
    #[error("the provider's token is refused: {0}")]
    Token(#[from] Refused),
}

/// What belongs together of one login; the browser keeps it until it comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

impl Attempt {
    /// Of 32 random bytes each.
    pub(crate) fn of(random: [[u8; 32]; 3]) -> Self {
        let [state, nonce, verifier] = random.map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes));
        Self { state, nonce, verifier }
    }

    /// As a cookie's value, which has no dots but these.
    pub(crate) fn to_cookie(&self) -> String {
        format!("{}.{}.{}", self.state, self.nonce, self.verifier)
    }

    pub(crate) fn parse(cookie: &str) -> Option<Self> {
        let mut parts = cookie.split('.').map(str::to_owned);
        let attempt = Self { state: parts.next()?, nonce: parts.next()?, verifier: parts.next()? };
        let parts = [&attempt.state, &attempt.nonce, &attempt.verifier];
        let is_whole = parts.iter().all(|part| part.len() == ATTEMPT_LEN);
        is_whole.then_some(attempt)
    }
}

/// What the provider says of itself (OpenID Connect Discovery 1.0).
#[derive(Clone, Debug, Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Clone)]
struct Known {
    said: Arc<Discovered>,
    said_at: Timestamp,
    keys: Arc<JwkSet>,
    keys_at: Timestamp,
}

#[derive(Deserialize)]
struct Exchanged {
    id_token: String,
}

/// The provider.
pub(crate) struct Oidc {
    pub(crate) settings: Settings,
    outgoing: Outgoing,
    known: tokio::sync::Mutex<Option<Known>>,
}

impl Oidc {
    pub(crate) fn new(settings: Settings) -> Self {
        // The operator names the provider: it may stand anywhere.
        let everywhere = ["0.0.0.0/0", "::/0"].map(|range| range.parse().expect("these are ranges"));
        let guard = Guard { allowed: everywhere.to_vec() };
        let outgoing =
            Outgoing::new(hongyan_outgoing::Settings { guard, timeout: TIMEOUT, ..Default::default() });
        Self { settings, outgoing, known: tokio::sync::Mutex::default() }
    }

    /// Where to send a browser.
    pub(crate) async fn door(&self, attempt: &Attempt, now: Timestamp) -> Result<String, Trouble> {
        let known = self.known(now).await?;
        let at = &known.said.authorization_endpoint;
        Target::parse(at)?;
        let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, attempt.verifier.as_bytes());
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &self.settings.redirect_uri),
            ("scope", "openid profile email"),
            ("state", &attempt.state),
            ("nonce", &attempt.nonce),
            ("code_challenge", &BASE64_URL_SAFE_NO_PAD.encode(challenge)),
            ("code_challenge_method", "S256"),
        ]);
        Ok(format!("{at}{}{query}", if at.contains('?') { '&' } else { '?' }))
    }

    /// Who came back with this code.
    pub(crate) async fn person(
        &self,
        code: &str,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<Person, Trouble> {
        let known = self.known(now).await?;
        let token = self.exchange(&known.said, code, attempt).await?;
        let wanted = Wanted { settings: &self.settings, nonce: &attempt.nonce, now };
        match token::person(&token, &known.keys, &wanted) {
            Err(Refused::UnknownKey) if now.since(known.keys_at) >= KEYS_AGAIN_AFTER => {
                let keys = self.new_keys(&known.said, now).await?;
                Ok(token::person(&token, &keys, &wanted)?)
            }
            person => Ok(person?),
        }
    }

    async fn exchange(&self, said: &Discovered, code: &str, attempt: &Attempt) -> Result<String, Trouble> {
        let Settings { client_id, client_secret, redirect_uri, .. } = &self.settings;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("client_id", client_id),
            ("code_verifier", &attempt.verifier),
        ];
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))];
        if let Some(secret) = client_secret.as_ref().map(Secret::expose) {
            if in_body(&said.token_endpoint_auth_methods_supported) {
                fields.push(("client_secret", secret));
            } else {
                let pair = BASE64_STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(secret)));
                let mut basic = HeaderValue::try_from(format!("Basic {pair}")).expect("base64 is ASCII");
                basic.set_sensitive(true);
                headers.push((AUTHORIZATION, basic));
            }
        }
        let target = Target::parse(&said.token_endpoint)?;
        let reply = self.outgoing.post(&target, &headers, Bytes::from(form(&fields))).await?;
        if reply.status != 200 {
            return Err(Trouble::Answer(format!("the code brought HTTP {}", reply.status)));
        }
        Ok(json::<Exchanged>(&reply.body)?.id_token)
    }

    /// What is known, read anew where it is old. One reads, the others wait for it.
    async fn known(&self, now: Timestamp) -> Result<Known, Trouble> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| now.since(known.said_at) < KNOWN_FOR) {
            return Ok(known.clone());
        }
        let issuer = self.settings.issuer.trim_end_matches('/');
        let said: Discovered = self.get(&format!("{issuer}/.well-known/openid-configuration")).await?;
        if said.issuer.trim_end_matches('/') != issuer {
            return Err(Trouble::Answer("it calls itself otherwise than oidc.issuer".to_owned()));
        }
        let keys = Arc::new(self.get(&said.jwks_uri).await?);
        let fresh = Known { said: Arc::new(said), said_at: now, keys, keys_at: now };
        *known = Some(fresh.clone());
        Ok(fresh)
    }

    async fn new_keys(&self, said: &Discovered, now: Timestamp) -> Result<Arc<JwkSet>, Trouble> {
        let keys: Arc<JwkSet> = Arc::new(self.get(&said.jwks_uri).await?);
        if let Some(known) = self.known.lock().await.as_mut() {
            (known.keys, known.keys_at) = (keys.clone(), now);
        }
        Ok(keys)
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, Trouble> {
        let reply = self.outgoing.get(&Target::parse(url)?, &[]).await?;
        if reply.status != 200 {
            return Err(Trouble::Answer(format!("HTTP {} for what it says of itself", reply.status)));
        }
        json(&reply.body)
    }
}

/// Whether the secret goes into the form: where the provider says it takes it there only.
fn in_body(methods: &[String]) -> bool {
    let takes = |method: &str| methods.iter().any(|other| other == method);
    takes("client_secret_post") && !takes("client_secret_basic")
}

/// What is wrong, not what was there: it may be a token.
fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| Trouble::Answer(format!("JSON, column {}", error.column())))
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

/// Percent-encoded, all but what is unreserved (RFC 3986).
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_comes_back_as_it_went_and_nothing_else_is_one() {
        let attempt = Attempt::of([[1; 32], [2; 32], [3; 32]]);

        assert_eq!(Attempt::parse(&attempt.to_cookie()), Some(attempt));
        for wrong in ["", "a.b.c", &"x".repeat(131)] {
            assert_eq!(Attempt::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_goes_into_the_form_only_where_nothing_else_is_taken() {
        let methods = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();

        assert!(in_body(&methods(&["client_secret_post"])));
        assert!(!in_body(&methods(&["client_secret_post", "client_secret_basic"])) && !in_body(&[]));
    }
}
