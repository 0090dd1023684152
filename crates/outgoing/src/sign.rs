//! Standard Webhooks: `webhook-signature: v1,base64(HMAC-SHA256(secret, id.timestamp.body))`
//! (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{HeaderName, HeaderValue};

/// What a secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";
/// Bytes of a new secret: the specification asks for 24 to 64.
pub const SECRET_LEN: usize = 32;

/// The secret as people see it.
pub fn secret_text(bytes: &[u8; SECRET_LEN]) -> String {
    format!("{SECRET_PREFIX}{}", BASE64_STANDARD.encode(bytes))
}

/// The three headers of a call; `None`: the secret is none.
pub fn headers(
    secret: &str,
    id: &str,
    timestamp_s: i64,
    body: &[u8],
) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let key = BASE64_STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    context.update(format!("{id}.{timestamp_s}.").as_bytes());
    context.update(body);
    let signature = format!("v1,{}", BASE64_STANDARD.encode(context.sign()));
    let header =
        |name, value: String| Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?));
    Some(vec![
        header("webhook-id", id.to_owned())?,
        header("webhook-timestamp", timestamp_s.to_string())?,
        header("webhook-signature", signature)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the reference libraries test with.
    #[test]
    fn the_signature_is_that_of_the_reference() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330);

        let headers = headers(secret, id, at, br#"{"test": 2432232314}"#).unwrap();

        assert_eq!(headers[0].1, id);
        assert_eq!(headers[1].1, "1614265330");
        assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_new_secret_can_be_signed_with_and_what_is_none_cannot() {
        assert!(headers(&secret_text(&[7; SECRET_LEN]), "id", 1, b"{}").is_some());
        assert!(headers("secret", "id", 1, b"{}").is_none());
        assert!(headers("whsec_!", "id", 1, b"{}").is_none());
    }
}
