//! WeChat's callback: is it WeChat that speaks, what does it say, and how is it answered.
//!
//! The order is fixed: signature (constant time), then decryption, then the appid inside, then parsing. Nothing of a body is
//! looked at before its signature holds. <https://developers.weixin.qq.com/doc/service/guide/dev/push/>

mod aes;
mod event;
mod json;
mod signature;
#[cfg(test)]
mod tests;
mod tree;
mod xml;

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

pub use self::aes::{EncodingAesKey, KeyError};
pub use self::event::{
    Choice, Coordinates, DeliveryStatus, Event, Push, Revocation, SubscriptionChoice, SubscriptionSent,
};
use self::signature::{holds, sign};
use self::tree::Node;

/// A callback of the kinds read here has under 4 KiB; an encrypted one a third more.
pub const LONGEST_BODY: usize = 64 * 1024;

/// WeChat's echostr has 16 to 20 digits.
const LONGEST_ECHO: usize = 256;

/// Why a callback is not accepted. Holds nothing of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// Not signed with this endpoint's token: not from WeChat, or the token differs from the console's.
    #[error("the signature does not hold")]
    Signature,
    /// The endpoint is in an encrypted mode and the callback is not encrypted.
    #[error("not encrypted, though the endpoint's mode is")]
    NotEncrypted,
    /// Signed, but none of the keys opens it.
    #[error("cannot be decrypted with the EncodingAESKey")]
    Decrypt,
    /// Meant for another account.
    #[error("encrypted for another appid")]
    Appid,
    /// Larger than [`LONGEST_BODY`].
    #[error("larger than {LONGEST_BODY} bytes")]
    TooLarge,
    /// Neither XML nor JSON of the kind WeChat sends.
    #[error("not a callback body: {0}")]
    Malformed(&'static str),
    /// A field that must be there is not.
    #[error("field {0} is missing")]
    Missing(&'static str),
    /// A field that holds what it cannot.
    #[error("field {0} is invalid")]
    Invalid(&'static str),
}

/// The query of a POST from WeChat.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// Over token, timestamp and nonce.
    pub signature: &'a str,
    /// Unix seconds, as text.
    pub timestamp: &'a str,
    /// A random number, as text.
    pub nonce: &'a str,
    /// Over token, timestamp, nonce and the encrypted body; only in the encrypted modes.
    pub msg_signature: Option<&'a str>,
}

impl Query<'_> {
    /// When WeChat signed, in Unix seconds: for a replay window. Trust it only after the signature holds.
    pub fn signed_at_s(&self) -> Option<i64> {
        self.timestamp.parse().ok()
    }
}

/// The query of the GET by which WeChat checks a URL.
#[derive(Clone, Copy, Debug, Default)]
pub struct UrlCheck<'a> {
    /// Over token, timestamp and nonce.
    pub signature: &'a str,
    /// Unix seconds, as text.
    pub timestamp: &'a str,
    /// A random number, as text.
    pub nonce: &'a str,
    /// To be answered as it is, in plain text, without a newline.
    pub echostr: &'a str,
}

/// The keys of an encrypted endpoint.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The key in the console.
    pub current: EncodingAesKey,
    /// The key before it, for messages under way.
    pub previous: Option<EncodingAesKey>,
}

/// The mode chosen in WeChat's console.
#[derive(Clone, Debug)]
pub enum Mode {
    /// 明文模式: the signature covers no body. For trials only.
    Plain,
    /// 兼容模式: the body comes twice; only the encrypted form is read, for the other is not signed.
    Compatible(Keys),
    /// 安全模式: the body is encrypted, and `msg_signature` is what counts.
    Safe(Keys),
}

/// One account's callback endpoint.
pub struct Endpoint {
    appid: String,
    token: SecretString,
    mode: Mode,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Endpoint").field("appid", &self.appid).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// `token` is the one typed into WeChat's console, 3 to 32 letters and digits.
    pub fn new(appid: impl Into<String>, token: SecretString, mode: Mode) -> Self {
        Self { appid: appid.into(), token, mode }
    }

    /// What to answer to WeChat's check of the URL: the echostr, once its signature holds.
    pub fn check_url<'q>(&self, check: &UrlCheck<'q>) -> Result<&'q str, CallbackError> {
        if check.echostr.len() > LONGEST_ECHO {
            return Err(CallbackError::Invalid("echostr"));
        }
        self.verify(check.signature, &[check.timestamp, check.nonce])?;
        Ok(check.echostr)
    }

    /// Checks, decrypts and reads one POST. Says nothing about replays: the caller keeps the window and the ids seen.
    pub fn open(&self, query: &Query<'_>, body: &[u8]) -> Result<Push, CallbackError> {
        let too_large = body.len() > LONGEST_BODY;
        match &self.mode {
            _ if too_large => Err(CallbackError::TooLarge),
            Mode::Plain => {
                self.verify(query.signature, &[query.timestamp, query.nonce])?;
                read(body)
            }
            Mode::Compatible(keys) | Mode::Safe(keys) => self.open_encrypted(keys, query, body),
        }
    }

    /// Encrypts and signs a reply, in the encrypted modes; `success` and the empty reply need none.
    ///
    /// `random` must be fresh for each reply.
    pub fn seal_reply(&self, message: &str, stamp: &Stamp<'_>) -> Result<SealedReply, CallbackError> {
        let (Mode::Compatible(keys) | Mode::Safe(keys)) = &self.mode else {
            return Err(CallbackError::Invalid("mode"));
        };
        let speakable =
            (1..=64).contains(&stamp.nonce.len()) && stamp.nonce.bytes().all(|b| b.is_ascii_alphanumeric());
        if !speakable {
            return Err(CallbackError::Invalid("nonce"));
        }
        let encrypt = keys.current.seal(message.as_bytes(), &self.appid, &stamp.random);
        let timestamp = stamp.timestamp_s.to_string();
        let msg_signature = sign(&[self.token.expose_secret(), &timestamp, stamp.nonce, &encrypt]);
        Ok(SealedReply {
            encrypt,
            msg_signature,
            timestamp_s: stamp.timestamp_s,
            nonce: stamp.nonce.to_owned(),
        })
    }

    /// The envelope must be parsed to find what is signed; it is one level deep and holds nothing else of use.
    fn open_encrypted(&self, keys: &Keys, query: &Query<'_>, body: &[u8]) -> Result<Push, CallbackError> {
        let msg_signature = query.msg_signature.ok_or(CallbackError::NotEncrypted)?;
        let envelope = parse(body)?;
        let encrypt = envelope.text("Encrypt").ok_or(CallbackError::NotEncrypted)?;
        self.verify(msg_signature, &[query.timestamp, query.nonce, encrypt])?;
        read(&keys.open(encrypt, &self.appid)?)
    }

    fn verify(&self, signature: &str, rest: &[&str]) -> Result<(), CallbackError> {
        let mut parts = vec![self.token.expose_secret()];
        parts.extend_from_slice(rest);
        if holds(signature, &parts) { Ok(()) } else { Err(CallbackError::Signature) }
    }
}

impl Keys {
    fn open(&self, encrypt: &str, appid: &str) -> Result<Vec<u8>, CallbackError> {
        let opened = self.current.open(encrypt, appid);
        match (&self.previous, opened) {
            (Some(previous), Err(CallbackError::Decrypt)) => previous.open(encrypt, appid),
            (_, opened) => opened,
        }
    }
}

/// Reads a body that was already verified and decrypted: XML or JSON, as it begins.
pub fn read(body: &[u8]) -> Result<Push, CallbackError> {
    event::read(&parse(body)?)
}

fn parse(body: &[u8]) -> Result<Node, CallbackError> {
    if body.len() > LONGEST_BODY {
        return Err(CallbackError::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| CallbackError::Malformed("not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.bytes().next() {
        Some(b'<') => xml::parse(text),
        Some(b'{') => json::parse(text),
        _ => Err(CallbackError::Malformed("neither XML nor JSON")),
    }
}

/// Time and chance of a reply, passed in.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// 16 random bytes.
    pub random: [u8; 16],
    /// Now, in Unix seconds.
    pub timestamp_s: i64,
    /// 1 to 64 letters and digits; that of the query will do.
    pub nonce: &'a str,
}

/// An encrypted reply.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SealedReply {
    /// Base64.
    #[serde(rename = "Encrypt")]
    pub encrypt: String,
    /// Over token, timestamp, nonce and `encrypt`.
    #[serde(rename = "MsgSignature")]
    pub msg_signature: String,
    /// Unix seconds.
    #[serde(rename = "TimeStamp")]
    pub timestamp_s: i64,
    /// As given.
    #[serde(rename = "Nonce")]
    pub nonce: String,
}

impl SealedReply {
    /// For an endpoint set to XML.
    pub fn to_xml(&self) -> String {
        let Self { encrypt, msg_signature, timestamp_s, nonce } = self;
        format!(
            "<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt><MsgSignature><![CDATA[{msg_signature}]]></MsgSignature>\
             <TimeStamp>{timestamp_s}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
        )
    }

    /// For an endpoint set to JSON.
    pub fn to_json(&self) -> String {
        let Self { encrypt, msg_signature, timestamp_s, nonce } = self;
        // Base64, hexadecimal, a number and letters: nothing to escape.
        format!(
            r#"{{"Encrypt":"{encrypt}","MsgSignature":"{msg_signature}","TimeStamp":{timestamp_s},"Nonce":"{nonce}"}}"#
        )
    }
}
