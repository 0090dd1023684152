//! An identity provider (OpenID Connect) that vouches for one person, rightly or as it is bidden.

use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What is wrong with its next tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// They are of another login.
    Nonce,
    /// They are for another client.
    Audience,
    /// They are of another issuer.
    Issuer,
    /// Their time was over an hour ago.
    Expired,
    /// They are signed by a key that nobody shows.
    UnknownKey,
    /// They say that key's name, and are signed by another.
    ForgedKey,
    /// They say that they need no signature.
    Unsigned,
    /// It has no code for anybody.
    NoToken,
}

struct Shared {
    address: SocketAddr,
    key: EcdsaKeyPair,
    other: EcdsaKeyPair,
    state: Mutex<State>,
}

struct State {
    flaw: Flaw,
    now_s: i64,
    person: Value,
    /// Of the login that is under way.
    nonce: String,
    challenge: String,
    /// The name of the key.
    kid: &'static str,
    keys_read: usize,
}

/// The provider; it ends with its runtime.
pub struct IdentityProvider(Arc<Shared>);

impl IdentityProvider {
    /// The client that it knows, and that client's secret.
    pub const CLIENT: (&'static str, &'static str) = ("hongyan", "client-secret-7");

    /// Listens on a port of its own; its time is this.
    pub async fn start(now_ms: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let key = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key can be made");
        let state = State {
            flaw: Flaw::None,
            now_s: now_ms / 1_000,
            person: json!({}),
            nonce: String::new(),
            challenge: String::new(),
            kid: "key-1",
            keys_read: 0,
        };
        let shared = Arc::new(Shared { address, key: key(), other: key(), state: Mutex::new(state) });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = serving.clone();
                let service = service_fn(move |request| answer(shared.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self(shared)
    }

    /// Its name, which is its address.
    pub fn issuer(&self) -> String {
        self.0.issuer()
    }

    /// Whom it vouches for from now on: their claims besides those every token has.
    pub fn vouch_for(&self, person: Value) {
        self.0.state.lock().person = person;
    }

    /// What is wrong from now on.
    pub fn be(&self, flaw: Flaw) {
        self.0.state.lock().flaw = flaw;
    }

    /// Its key has another name from now on.
    pub fn rename_key(&self) {
        self.0.state.lock().kid = "key-2";
    }

    /// How often its keys were read.
    pub fn keys_read(&self) -> usize {
        self.0.state.lock().keys_read
    }

    /// Somebody logs in at the door that a browser was sent to; the query it goes back with.
    pub fn log_in(&self, door: &str) -> String {
        let query = door.split_once('?').expect("the door has a query").1;
        let given = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
        };
        assert!(door.starts_with(&format!("{}/authorize?", self.issuer())), "{door}");
        assert_eq!(
            (given("response_type").as_deref(), given("code_challenge_method").as_deref()),
            (Some("code"), Some("S256"))
        );
        let mut state = self.0.state.lock();
        state.nonce = given("nonce").expect("there is a nonce");
        state.challenge = given("code_challenge").expect("there is a challenge");
        format!("code=code-1&state={}&session_state=x", given("state").expect("there is a state"))
    }
}

impl Shared {
    fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    fn configuration(&self) -> Value {
        let issuer = self.issuer();
        json!({ "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
            "token_endpoint_auth_methods_supported": ["client_secret_basic"] })
    }

    fn keys(&self) -> Value {
        let mut state = self.state.lock();
        state.keys_read += 1;
        // 4, then x and y.
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": state.kid, "x": text(x), "y": text(y) }] })
    }

    fn token(&self) -> String {
        let state = self.state.lock();
        let (flaw, now_s) = (state.flaw, state.now_s);
        let if_flaw = |which: Flaw, wrong: &str, right: &str| {
            if flaw == which { wrong.to_owned() } else { right.to_owned() }
        };
        let exp = if flaw == Flaw::Expired { now_s - 3_600 } else { now_s + 300 };
        let mut claims = json!({ "iss": if_flaw(Flaw::Issuer, "https://id.evil.example", &self.issuer()),
            "aud": if_flaw(Flaw::Audience, "another", IdentityProvider::CLIENT.0), "exp": exp, "iat": exp - 300,
            "nonce": if_flaw(Flaw::Nonce, "another", &state.nonce) });
        let own = state.person.as_object().expect("claims are an object").clone();
        claims.as_object_mut().expect("it is one").extend(own);
        let alg = if_flaw(Flaw::Unsigned, "none", "ES256");
        let header =
            json!({ "alg": alg, "typ": "JWT", "kid": if_flaw(Flaw::UnknownKey, "key-9", state.kid) });
        let text = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", text(&header), text(&claims));
        if flaw == Flaw::Unsigned {
            return format!("{signed}.");
        }
        let key = if flaw == Flaw::ForgedKey || flaw == Flaw::UnknownKey { &self.other } else { &self.key };
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("it can sign");
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// As RFC 6749 and 7636 have it: the client shows who it is, and whose code it is.
    fn exchange(&self, authorization: &str, form: &str) -> Option<Value> {
        let (client, secret) = IdentityProvider::CLIENT;
        let pair = base64::prelude::BASE64_STANDARD.encode(format!("{client}:{secret}"));
        let given =
            |name: &str| form.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        let verifier = given("code_verifier")?;
        let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        let proved = BASE64_URL_SAFE_NO_PAD.encode(challenge) == self.state.lock().challenge;
        let may = authorization == format!("Basic {pair}") && given("code") == Some("code-1") && proved;
        let has_token = self.state.lock().flaw != Flaw::NoToken;
        (may && has_token)
            .then(|| json!({ "access_token": "a", "token_type": "Bearer", "id_token": self.token() }))
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let header = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = match parts.uri.path() {
        "/.well-known/openid-configuration" => Some(shared.configuration()),
        "/jwks" => Some(shared.keys()),
        "/token" => shared.exchange(header, std::str::from_utf8(&body).unwrap_or_default()),
        _ => None,
    };
    let (status, said) = said
        .map_or((StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" })), |said| {
            (StatusCode::OK, said)
        });
    let mut response = Response::new(Full::new(Bytes::from(said.to_string())));
    *response.status_mut() = status;
    Ok(response)
}
