//! What the fuzz targets in `fuzz/` run, and what must hold for any input. Each panics when it does not hold.
//! They live here so that the ordinary tests run them as well, over a small corpus.

use serde_json::value::RawValue;

use crate::callback::{EncodingAesKey, Event, LONGEST_BODY, read};
use crate::openid::Openid;
use crate::send::{TemplateMessage, body_of};

const APPID: &str = "wxba5fad812f8e6fb9";

/// Any body, read as XML: an event with bounded names that shows nobody's openid, or an error.
pub fn callback_xml(body: &[u8]) {
    let mut document = b"<xml>".to_vec();
    document.extend_from_slice(body);
    document.extend_from_slice(b"</xml>");
    callback(&document);
    callback(body);
}

/// Any body, read as JSON: the same.
pub fn callback_json(body: &[u8]) {
    let mut document = br#"{"ToUserName":"gh","FromUserName":"o","CreateTime":1,"MsgType":"event","#.to_vec();
    document.extend_from_slice(body);
    document.push(b'}');
    callback(&document);
    callback(body);
}

fn callback(body: &[u8]) {
    let Ok(push) = read(body) else { return };
    assert!(body.len() <= LONGEST_BODY, "what is too large is not read");
    assert!(!push.to_user.is_empty() && push.openid != Openid::from(""), "the head is never empty");
    if let Event::Other { event } = &push.event {
        assert!(event.chars().count() <= 64, "names are bounded");
    }
}

/// Any text as ciphertext is refused, and any bytes as a message come out as they went in.
pub fn aes_open(bytes: &[u8]) {
    let key = EncodingAesKey::parse("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
        .expect("it is the official demo's");
    if let Ok(text) = std::str::from_utf8(bytes) {
        // Whatever opens must have been sealed for this appid; chance does not find 18 bytes of it.
        assert!(key.open(text, APPID).is_err(), "a forged ciphertext was opened");
    }
    let short = &bytes[..bytes.len().min(16 * 1024)];
    let sealed = key.seal(short, APPID, &[7; 16]);
    assert_eq!(key.open(&sealed, APPID).as_deref(), Ok(short), "what was sealed is opened");
}

#[derive(serde::Deserialize)]
struct Sent {
    data: Box<RawValue>,
}

/// Any JSON as a template's data is sent as the same data, with no letter escaped, or not at all.
pub fn send_body(bytes: &[u8]) {
    let Ok(data) = serde_json::from_slice::<Box<RawValue>>(bytes) else { return };
    let message = TemplateMessage {
        touser: "o",
        template_id: "t",
        url: None,
        miniprogram: None,
        client_msg_id: "m",
        data: &data,
    };
    let Ok(body) = body_of(&message) else { return };
    let sent: Sent = serde_json::from_slice(&body).expect("a body is JSON");
    let meaning = |data: &RawValue| serde_json::from_str::<serde_json::Value>(data.get()).ok();
    assert_eq!(meaning(&sent.data), meaning(&data), "the data is the same");
    let unpaired = sent.data.get().replace("\\\\", "");
    assert!(!unpaired.contains("\\u4e") && !unpaired.contains("\\u4E"), "letters are not escaped");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    const XML: &[&[u8]] = &[
        include_bytes!("../golden/event.subscribe_msg_popup.xml"),
        include_bytes!("../golden/event.templatesendjobfinish.xml"),
        include_bytes!("../golden/message.text.xml"),
    ];
    const JSON: &[&[u8]] = &[
        include_bytes!("../golden/event.subscribe_msg_popup.many.json"),
        include_bytes!("../golden/event.templatesendjobfinish.json"),
        include_bytes!("../golden/envelope.json"),
        br#"{"thing1":{"value":"\u4e2d\u6587"},"a":[1,{}],"b":1e10}"#,
    ];

    /// Something real with a few bytes changed, left out, put in, or cut off.
    fn damaged(corpus: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
        let damage = (any::<Index>(), 0..4_u8, any::<u8>());
        (select(corpus), prop::collection::vec(damage, 1..8)).prop_map(|(body, damages)| {
            let mut body = body.to_vec();
            for (place, kind, byte) in damages {
                let at = place.index(body.len() + 1);
                match kind {
                    0 if at < body.len() => body[at] = byte,
                    1 if at < body.len() => drop(body.remove(at)),
                    2 => body.insert(at, byte),
                    // Rarely far: what is cut off early says little.
                    _ => body.truncate(at.max(body.len() / 2)),
                }
            }
            body
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_target_holds_over_what_is_nearly_right(xml in damaged(XML), json in damaged(JSON)) {
            callback_xml(&xml);
            callback_json(&json);
            send_body(&json);
            aes_open(&json);
        }
    }

    #[test]
    fn the_xml_target_holds_over_its_corpus() {
        for body in [
            &include_bytes!("../golden/event.subscribe_msg_popup.xml")[..],
            include_bytes!("../golden/event.templatesendjobfinish.xml"),
            include_bytes!("../golden/message.text.xml"),
            b"<a><b/></a>",
            b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
            b"<ToUserName>a</ToUserName><FromUserName>b</FromUserName><CreateTime>1</CreateTime><MsgType>m</MsgType>",
            b"\xff<",
        ] {
            callback_xml(body);
        }
    }

    #[test]
    fn the_json_target_holds_over_its_corpus() {
        for body in [
            &include_bytes!("../golden/event.subscribe_msg_popup.many.json")[..],
            include_bytes!("../golden/event.templatesendjobfinish.json"),
            br#""Event":"x""#,
            br#""Event":"subscribe_msg_popup_event","List":[[]]"#,
            b"{\"a\":1e400}",
        ] {
            callback_json(body);
        }
    }

    #[test]
    fn the_aes_target_holds_over_its_corpus() {
        for body in [&b""[..], b"AAAA", include_bytes!("../golden/envelope.json"), &[0; 20_000], b"\xff\xfe"]
        {
            aes_open(body);
        }
    }

    #[test]
    fn the_body_target_holds_over_its_corpus() {
        for body in [
            &br#"{"thing1":{"value":"\u4e2d\u6587"}}"#[..],
            br#"{"a":{"value":"\ud83d\ude00"}}"#,
            br#""\ud800""#,
            b"1e400",
            br#"{"\u4e00":1,"a":[1,{}]}"#,
            br#""\\u4e00""#,
            b"null",
        ] {
            send_body(body);
        }
    }
}
