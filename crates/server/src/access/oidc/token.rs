//! Reads an ID token: who signed it, for whom, for which login, until when; and what it says of the person.

use hongyan_domain::Timestamp;
use hongyan_store::Role;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use super::Settings;

/// Clocks of two machines differ by so much.
const SLACK_S: i64 = 60;
/// Signatures by a key pair. By a shared secret anybody who has it could sign, and by none everybody.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Somebody the provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// The provider's own name for them, which never changes.
    pub(crate) subject: String,
    /// What they are called here.
    pub(crate) name: String,
    /// What they may do.
    pub(crate) role: Role,
}

/// Why a token, or whom it is about, is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// It is no token, or not signed by what it says.
    #[error("{0}")]
    Invalid(String),
    /// By no key of the provider.
    #[error("it is signed by a key that the provider does not show")]
    UnknownKey,
    /// Its time is over, or not yet begun.
    #[error("its time is over, or it is of a clock that goes wrong")]
    Expired,
    /// It belongs to another login.
    #[error("it belongs to another login")]
    Nonce,
    /// It was made for somebody else besides.
    #[error("it was made for another client")]
    Client,
    /// It does not name the person.
    #[error("it has no claim `{0}` with a text")]
    NoName(String),
    /// Nothing in it gives a role.
    #[error("no value of its claim `{0}` gives a role")]
    NoRole(String),
}

/// What a token has to fit.
pub(crate) struct Wanted<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) nonce: &'a str,
    pub(crate) now: Timestamp,
}

/// The person, if everything fits (OpenID Connect Core 1.0, 3.1.3.7).
pub(crate) fn person(token: &str, keys: &JwkSet, wanted: &Wanted<'_>) -> Result<Person, Refused> {
    let claims = signed_claims(token, keys, wanted.settings)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("nonce").is_none_or(|nonce| !same(nonce, wanted.nonce)) {
        return Err(Refused::Nonce);
    }
    if text("azp").is_some_and(|party| party != wanted.settings.client_id) {
        return Err(Refused::Client);
    }
    let now_s = wanted.now.ms() / 1_000;
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64).map(|seconds| seconds as i64);
    if seconds("exp").is_none_or(|exp| exp <= now_s - SLACK_S)
        || ["iat", "nbf"].into_iter().filter_map(seconds).any(|at| at > now_s + SLACK_S)
    {
        return Err(Refused::Expired);
    }
    let Settings { name_claim, role_claim, .. } = wanted.settings;
    let named = inside(&claims, name_claim).and_then(Value::as_str);
    let name = named.ok_or_else(|| Refused::NoName(name_claim.clone()))?.trim().to_ascii_lowercase();
    let role = role(&claims, wanted.settings).ok_or_else(|| Refused::NoRole(role_claim.clone()))?;
    let subject = text("sub").ok_or_else(|| Refused::NoName("sub".to_owned()))?.to_owned();
    Ok(Person { subject, name, role })
}

/// The claims, of which the signature, the issuer and the audience hold. Times are looked at by our own clock.
fn signed_claims(token: &str, keys: &JwkSet, settings: &Settings) -> Result<Map<String, Value>, Refused> {
    let invalid = |error: jsonwebtoken::errors::Error| Refused::Invalid(error.to_string());
    let header = jsonwebtoken::decode_header(token).map_err(invalid)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Refused::Invalid("it is not signed by a key pair".to_owned()));
    }
    let key = match (&header.kid, &*keys.keys) {
        (Some(kid), _) => keys.find(kid).ok_or(Refused::UnknownKey)?,
        (None, [only]) => only,
        (None, _) => return Err(Refused::UnknownKey),
    };
    let mut validation = Validation::new(header.alg);
    (validation.validate_exp, validation.validate_nbf) = (false, false);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let issuer = settings.issuer.trim_end_matches('/');
    validation.set_issuer(&[issuer, &format!("{issuer}/")]);
    validation.set_audience(&[&settings.client_id]);
    let key = DecodingKey::from_jwk(key).map_err(invalid)?;
    Ok(jsonwebtoken::decode(token, &key, &validation).map_err(invalid)?.claims)
}

/// The highest role that a value of the claim gives.
fn role(claims: &Map<String, Value>, settings: &Settings) -> Option<Role> {
    let given = inside(claims, &settings.role_claim)?;
    let values: Vec<&str> = match given {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let gives = |(value, role): &(String, Role)| values.contains(&value.as_str()).then_some(*role);
    settings.roles.iter().filter_map(gives).max()
}

/// A claim by its name, or by a path with dots where no claim has the whole name (`realm_access.roles`).
fn inside<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(whole) = claims.get(path) {
        return Some(whole);
    }
    let (first, rest) = path.split_once('.')?;
    rest.split('.').try_fold(claims.get(first)?, |value, name| value.get(name))
}

fn same(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(role_claim: &str) -> Settings {
        let roles = [("ops", Role::Operator), ("root", Role::Admin), ("all", Role::Viewer)];
        Settings {
            issuer: "https://id.example.com".to_owned(),
            client_id: "hongyan".to_owned(),
            client_secret: None,
            redirect_uri: String::new(),
            button: String::new(),
            name_claim: "preferred_username".to_owned(),
            role_claim: role_claim.to_owned(),
            roles: roles.map(|(value, role)| (value.to_owned(), role)).to_vec(),
        }
    }

    #[test]
    fn the_highest_role_counts_wherever_the_claim_stands_and_nothing_gives_none() {
        let claims = json!({ "groups": ["x", "all", "ops"], "one": "root", "realm_access": { "roles": ["root"] },
            "a.b": ["all"], "number": 7 });
        let claims = claims.as_object().unwrap();
        let of = |claim: &str| role(claims, &settings(claim));

        assert_eq!(of("groups"), Some(Role::Operator));
        assert_eq!((of("one"), of("realm_access.roles")), (Some(Role::Admin), Some(Role::Admin)));
        assert_eq!(of("a.b"), Some(Role::Viewer));
        assert_eq!((of("number"), of("none"), of("groups.ops")), (None, None, None));
    }
}
