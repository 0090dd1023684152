//! A push as an HTTP request: signed, and wrapped as the account's mode says.

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;

use crate::account::{Callback, Wrap};
use crate::bodies::{Forgery, PushFormat};
use crate::outbox::Push;
use crate::push_text::{Head, written as text_of};
use crate::seal::{Seal, signature};
use crate::world::World;

/// What a push says of itself in the query.
struct Stamp<'a> {
    token: &'a str,
    timestamp: String,
    nonce: String,
}

/// What a forged push is signed with.
const ANOTHER_TOKEN: &str = "anothertoken";
/// Whose a forged push says it is, inside the ciphertext.
const ANOTHER_APPID: &str = "wx0000000000000000";

/// The request for one try: a new timestamp and nonce each time, the same text.
pub(crate) fn written(world: &World, callback: &Callback, push: &Push) -> Request<Full<Bytes>> {
    let profile = push.account.profile();
    let head = Head { to: &profile.original_id, from: &push.openid, at_seconds: push.at_seconds };
    let text = text_of(&head, &push.subject, callback.format);
    let is_forged = |forgery: Forgery| push.forged == Some(forgery);
    let stamp = stamp(world, if is_forged(Forgery::Signature) { ANOTHER_TOKEN } else { &callback.token });
    let appid = if is_forged(Forgery::Appid) { ANOTHER_APPID } else { &profile.appid };
    let mut target = signed_target(callback, &stamp);
    target.push_str("&openid=");
    target.push_str(&push.openid);
    let body = match &callback.wrap {
        Wrap::Plain => text,
        Wrap::Safe(seal) => {
            let encrypt = encrypted(world, seal, appid, &text);
            add_msg_signature(&mut target, &stamp, &encrypt);
            envelope(&profile.original_id, &encrypt, callback.format)
        }
        Wrap::Compatible(seal) => {
            let encrypt = encrypted(world, seal, appid, &text);
            add_msg_signature(&mut target, &stamp, &encrypt);
            side_by_side(&text, &encrypt, callback.format)
        }
    };
    request(callback, &target, body)
}

/// The GET by which WeChat's console checks a callback; never with `encrypt_type`, which misleads some frameworks.
pub(crate) fn verification(world: &World, callback: &Callback, echostr: &str) -> Request<Full<Bytes>> {
    let mut target = signed_target(callback, &stamp(world, &callback.token));
    target.push_str("&echostr=");
    target.push_str(echostr);
    let mut request = request(callback, &target, String::new());
    *request.method_mut() = http::Method::GET;
    request
}

fn stamp<'a>(world: &World, token: &'a str) -> Stamp<'a> {
    Stamp {
        token,
        timestamp: (world.now_ms() / 1000).to_string(),
        nonce: (world.chance.draw() % 10_000_000_000).to_string(),
    }
}

fn signed_target(callback: &Callback, stamp: &Stamp<'_>) -> String {
    let Stamp { token, timestamp, nonce } = stamp;
    let signed = signature([*token, timestamp, nonce]);
    format!("{}signature={signed}&timestamp={timestamp}&nonce={nonce}", callback.target)
}

fn add_msg_signature(target: &mut String, stamp: &Stamp<'_>, encrypt: &str) {
    let signed = signature([stamp.token, &stamp.timestamp, &stamp.nonce, encrypt]);
    target.push_str("&encrypt_type=aes&msg_signature=");
    target.push_str(&signed);
}

fn encrypted(world: &World, seal: &Seal, appid: &str, text: &str) -> String {
    let mut random = [0; 16];
    random[..8].copy_from_slice(&world.chance.draw().to_le_bytes());
    random[8..].copy_from_slice(&world.chance.draw().to_le_bytes());
    seal.encrypt(appid, random, text)
}

fn envelope(original_id: &str, encrypt: &str, format: PushFormat) -> String {
    match format {
        PushFormat::Xml => format!(
            "<xml><ToUserName><![CDATA[{original_id}]]></ToUserName>\
             <Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
        ),
        PushFormat::Json => format!("{{\"ToUserName\":\"{original_id}\",\"Encrypt\":\"{encrypt}\"}}"),
    }
}

/// Compatible mode: the plain fields, and `Encrypt` after them.
fn side_by_side(text: &str, encrypt: &str, format: PushFormat) -> String {
    match format {
        PushFormat::Xml => {
            let fields = text.strip_suffix("</xml>").unwrap_or(text);
            format!("{fields}<Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>")
        }
        PushFormat::Json => {
            let members = text.strip_suffix('}').unwrap_or(text);
            format!("{members},\"Encrypt\":\"{encrypt}\"}}")
        }
    }
}

fn request(callback: &Callback, target: &str, body: String) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = target.parse().unwrap_or_default();
    let content_type = match callback.format {
        PushFormat::Xml => HeaderValue::from_static("text/xml"),
        PushFormat::Json => HeaderValue::from_static("application/json"),
    };
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::USER_AGENT, HeaderValue::from_static("Mozilla/4.0"));
    if let Ok(host) = HeaderValue::from_str(&callback.authority) {
        headers.insert(header::HOST, host);
    }
    request
}
