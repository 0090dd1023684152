//! The official worked examples, the golden events, and what must be refused.

use proptest::prelude::*;

use super::*;

const OPENID: &str = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY";
const APPID: &str = "wxba5fad812f8e6fb9";

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("../../golden/", $name))
    };
}

fn key(text: &str) -> EncodingAesKey {
    EncodingAesKey::parse(text).unwrap()
}

fn endpoint(mode: Mode) -> Endpoint {
    Endpoint::new(APPID, SecretString::from("AAAAA"), mode)
}

fn safe() -> Endpoint {
    endpoint(Mode::Safe(Keys { current: key(&"A".repeat(43)), previous: None }))
}

/// The query of the official example of an encrypted message.
fn official() -> Query<'static> {
    Query {
        signature: "6c5c811b55cc85e0e1b54100749188c20beb3f5d",
        timestamp: "1714112445",
        nonce: "415670741",
        msg_signature: Some("046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"),
    }
}

fn event_of(body: &[u8]) -> Event {
    read(body).unwrap().event
}

#[test]
fn a_url_check_is_answered_with_its_echo_once_the_signature_holds() {
    let check = UrlCheck {
        signature: "f464b24fc39322e44b38aa78f5edd27bd1441696",
        timestamp: "1714036504",
        nonce: "1514711492",
        echostr: "4375120948345356249",
    };

    assert_eq!(endpoint(Mode::Plain).check_url(&check), Ok("4375120948345356249"));
    assert_eq!(
        endpoint(Mode::Plain).check_url(&UrlCheck { nonce: "1", ..check }),
        Err(CallbackError::Signature)
    );
    let long = "9".repeat(LONGEST_ECHO + 1);
    assert!(endpoint(Mode::Plain).check_url(&UrlCheck { echostr: &long, ..check }).is_err());
}

#[test]
fn the_official_encrypted_message_is_opened() {
    let push = safe().open(&official(), golden!("envelope.json")).unwrap();

    assert_eq!((push.to_user.as_str(), push.openid.as_str()), ("gh_97417a04a28d", OPENID));
    assert_eq!(push.created_at_s, 1_714_112_445);
    assert_eq!(push.event, Event::Other { event: "debug_demo".into() });
    assert_eq!(official().signed_at_s(), Some(1_714_112_445));
}

#[test]
fn the_official_reply_is_sealed_to_the_letter() {
    let stamp = Stamp { random: *b"707722b803182950", timestamp_s: 1_713_424_427, nonce: "415670741" };

    let sealed = safe().seal_reply(r#"{"demo_resp":"good luck"}"#, &stamp).unwrap();

    assert_eq!(sealed.to_json().as_bytes(), golden!("reply.json"));
    assert!(sealed.to_xml().contains("<MsgSignature><![CDATA[1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1]]>"));
    assert_eq!(parse(sealed.to_xml().as_bytes()).unwrap().text("Encrypt"), Some(sealed.encrypt.as_str()));
}

#[test]
fn the_official_wecom_message_is_opened() {
    let keys = Keys { current: key("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"), previous: None };
    let wecom = Endpoint::new("wx5823bf96d3bd56c7", SecretString::from("QDG6eK"), Mode::Safe(keys));
    let query = Query {
        signature: "",
        timestamp: "1409659813",
        nonce: "1372623149",
        msg_signature: Some("477715d11cdb4164915debcba66cb864d751f3e6"),
    };

    let push = wecom.open(&query, golden!("envelope.xml")).unwrap();

    let message = Event::Message {
        kind: "text".into(),
        content: Some("hello".into()),
        msgid: Some(4_561_255_354_251_345_929),
    };
    assert_eq!(push.event, message);
}

#[test]
fn in_safe_mode_the_plain_signature_does_not_count() {
    let body = golden!("envelope.json");

    let unsigned = Query { msg_signature: None, ..official() };
    let forged = Query { msg_signature: Some(official().signature), ..official() };

    assert_eq!(safe().open(&unsigned, body), Err(CallbackError::NotEncrypted));
    assert_eq!(safe().open(&forged, body), Err(CallbackError::Signature));
    assert_eq!(safe().open(&official(), golden!("event.click.json")), Err(CallbackError::NotEncrypted));
}

#[test]
fn in_compatible_mode_only_the_encrypted_form_is_read() {
    let compatible = endpoint(Mode::Compatible(Keys { current: key(&"A".repeat(43)), previous: None }));
    let envelope = String::from_utf8(golden!("envelope.json").to_vec()).unwrap();
    let both = envelope.replacen('{', r#"{"Event":"CLICK","EventKey":"forged","#, 1);

    let push = compatible.open(&official(), both.as_bytes()).unwrap();

    assert_eq!(push.event, Event::Other { event: "debug_demo".into() });
}

#[test]
fn the_previous_key_still_opens() {
    let new = key("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C");
    let changed = |previous| endpoint(Mode::Safe(Keys { current: new.clone(), previous }));
    let body = golden!("envelope.json");

    assert!(changed(Some(key(&"A".repeat(43)))).open(&official(), body).is_ok());
    assert_eq!(changed(None).open(&official(), body), Err(CallbackError::Decrypt));
}

#[test]
fn a_message_for_another_account_is_refused() {
    let keys = Keys { current: key(&"A".repeat(43)), previous: None };
    let other = Endpoint::new("wx0000000000000000", SecretString::from("AAAAA"), Mode::Safe(keys));

    assert_eq!(other.open(&official(), golden!("envelope.json")), Err(CallbackError::Appid));
}

#[test]
fn in_plain_mode_the_signature_is_checked_before_the_body() {
    let query = Query { msg_signature: None, ..official() };

    assert!(endpoint(Mode::Plain).open(&query, golden!("event.click.xml")).is_ok());
    let forged = Query { nonce: "1", ..query };
    assert_eq!(endpoint(Mode::Plain).open(&forged, b"not even XML"), Err(CallbackError::Signature));
}

#[test]
fn a_body_beyond_the_limit_is_not_looked_at() {
    let long = vec![b' '; LONGEST_BODY + 1];

    assert_eq!(safe().open(&official(), &long), Err(CallbackError::TooLarge));
    assert_eq!(read(&long), Err(CallbackError::TooLarge));
}

#[test]
fn a_nonce_that_could_break_out_of_the_reply_is_refused() {
    for nonce in ["", "a]]>", "\"", "口", &"9".repeat(65)] {
        let stamp = Stamp { random: [0; 16], timestamp_s: 1, nonce };

        assert_eq!(safe().seal_reply("success", &stamp), Err(CallbackError::Invalid("nonce")));
    }
    let stamp = Stamp { random: [0; 16], timestamp_s: 1, nonce: "1" };
    assert!(endpoint(Mode::Plain).seal_reply("success", &stamp).is_err());
}

#[test]
fn every_receipt_is_read_with_its_nineteen_digits() {
    let cases: [(&[u8], u64, DeliveryStatus); 5] = [
        (golden!("event.templatesendjobfinish.xml"), 277, DeliveryStatus::Success),
        (golden!("event.templatesendjobfinish.json"), 277, DeliveryStatus::Success),
        (golden!("event.templatesendjobfinish.user_block.xml"), 278, DeliveryStatus::UserBlock),
        (golden!("event.templatesendjobfinish.system_failed.xml"), 279, DeliveryStatus::SystemFailed),
        (golden!("event.templatesendjobfinish.freq_limit.xml"), 280, DeliveryStatus::FreqLimit),
    ];

    for (body, tail, status) in cases {
        let expected = Event::TemplateSendJobFinish {
            openid: OPENID.into(),
            created_at_s: 1_395_658_920,
            msgid: Some(3_557_254_367_693_750_000 + tail),
            status,
        };
        assert_eq!(event_of(body), expected);
    }
}

#[test]
fn statuses_are_read_whatever_their_blanks_and_kept_when_unknown() {
    let body = String::from_utf8(golden!("event.templatesendjobfinish.xml").to_vec()).unwrap();
    let status = |text: &str| match event_of(body.replace("[success]", &format!("[{text}]")).as_bytes()) {
        Event::TemplateSendJobFinish { status, .. } => status,
        other => panic!("{other:?}"),
    };

    assert_eq!(status("failed: user block"), DeliveryStatus::UserBlock);
    assert_eq!(status("failed:system failed"), DeliveryStatus::SystemFailed);
    assert_eq!(status("failed:who knows"), DeliveryStatus::Other("failed:who knows".into()));
    assert_eq!(status(&"x".repeat(99)), DeliveryStatus::Other("x".repeat(64)));
}

#[test]
fn a_receipt_with_msgid_zero_or_none_has_no_msgid() {
    let body = String::from_utf8(golden!("event.templatesendjobfinish.xml").to_vec()).unwrap();

    for replaced in ["<MsgID>0</MsgID>", ""] {
        let changed = body.replace("<MsgID>3557254367693750277</MsgID>", replaced);
        assert!(matches!(event_of(changed.as_bytes()), Event::TemplateSendJobFinish { msgid: None, .. }));
    }
}

#[test]
fn every_event_of_the_menu_and_of_following_is_read() {
    let cases: [(&[u8], Event); 10] = [
        (golden!("event.subscribe.xml"), Event::Subscribe { scene: None }),
        (golden!("event.subscribe.json"), Event::Subscribe { scene: None }),
        (golden!("event.subscribe.scene.xml"), Event::Subscribe { scene: Some("123123".into()) }),
        (golden!("event.unsubscribe.xml"), Event::Unsubscribe),
        (golden!("event.scan.xml"), Event::Scan { scene: "123123".into() }),
        (golden!("event.click.xml"), Event::Click { key: "V1001_TODAY".into() }),
        (golden!("event.click.json"), Event::Click { key: "V1001_TODAY".into() }),
        (golden!("event.view.xml"), Event::View { url: "https://example.com/".into() }),
        (golden!("event.view_miniprogram.xml"), Event::ViewMiniprogram { page: "pages/index/index".into() }),
        (
            golden!("event.location.xml"),
            Event::Location(Coordinates { latitude: 23.137_466, longitude: 113.352_425 }),
        ),
    ];

    for (body, expected) in cases {
        assert!(event_of(body) == expected, "{expected:?}");
    }
}

#[test]
fn what_people_write_is_read() {
    let text = |content: &str| Event::Message {
        kind: "text".into(),
        content: Some(content.into()),
        msgid: Some(1_234_567_890_123_456),
    };
    let image = Event::Message { kind: "image".into(), content: None, msgid: Some(1_234_567_890_123_457) };

    assert!(event_of(golden!("message.text.xml")) == text("你好 <&> world"));
    assert!(event_of(golden!("message.text.json")) == text("你好"));
    assert!(event_of(golden!("message.image.xml")) == image);
}

#[test]
fn subscription_events_hold_one_entry_or_many() {
    let choices = |body: &[u8]| match event_of(body) {
        Event::SubscriptionPopup(choices) | Event::SubscriptionChange(choices) => choices,
        other => panic!("{other:?}"),
    };

    let many = choices(golden!("event.subscribe_msg_popup.xml"));
    assert_eq!(many.iter().map(|one| one.choice).collect::<Vec<_>>(), [Choice::Accept, Choice::Reject]);
    assert_eq!(many, choices(golden!("event.subscribe_msg_popup.many.json")));
    assert_eq!(many[..1], choices(golden!("event.subscribe_msg_popup.one.json")));
    assert_eq!(choices(golden!("event.subscribe_msg_change.xml"))[0].choice, Choice::Reject);
}

#[test]
fn the_change_event_may_have_the_popups_wrapper() {
    let body = String::from_utf8(golden!("event.subscribe_msg_change.xml").to_vec()).unwrap();
    let odd = body.replace("SubscribeMsgChangeEvent", "SubscribeMsgPopupEvent");

    assert!(matches!(event_of(odd.as_bytes()), Event::SubscriptionChange(choices) if choices.len() == 1));
}

#[test]
fn a_sent_subscription_notice_is_read_from_xml_and_json() {
    for body in [&golden!("event.subscribe_msg_sent.xml")[..], &golden!("event.subscribe_msg_sent.json")[..]]
    {
        let Event::SubscriptionSent(sent) = event_of(body) else { panic!() };
        assert_eq!((sent[0].msgid, sent[0].error_code), (Some(1_700_827_132_819_554_304), 0));
        assert_eq!(sent[0].status, "success");
    }
}

#[test]
fn personal_data_events_name_whose_data_goes() {
    let Event::UserInfoModified(modified) = event_of(golden!("event.user_info_modified.xml")) else {
        panic!()
    };
    let revoked = event_of(golden!("event.user_authorization_revoke.xml"));
    let cancelled = event_of(golden!("event.user_authorization_cancellation.xml"));

    assert_eq!((modified.openid.as_str(), modified.revoke_info.as_deref()), (OPENID, Some("205")));
    assert!(matches!(revoked, Event::UserAuthorizationRevoke(_)));
    assert!(matches!(cancelled, Event::UserAuthorizationCancellation(_)));
}

#[test]
fn a_missing_or_broken_field_is_named() {
    let body = |rest: &str| format!("<xml><ToUserName>gh</ToUserName>{rest}</xml>");
    let cases = [
        ("", CallbackError::Missing("FromUserName")),
        ("<FromUserName>o</FromUserName>", CallbackError::Missing("CreateTime")),
        ("<FromUserName>o</FromUserName><CreateTime>x</CreateTime>", CallbackError::Invalid("CreateTime")),
        ("<FromUserName>o</FromUserName><CreateTime>1</CreateTime>", CallbackError::Missing("MsgType")),
        (
            "<FromUserName>o</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType>",
            CallbackError::Missing("Event"),
        ),
        (
            "<FromUserName>o</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType><Event>TEMPLATESENDJOBFINISH</Event>",
            CallbackError::Missing("Status"),
        ),
    ];

    for (rest, expected) in cases {
        assert_eq!(read(body(rest).as_bytes()).unwrap_err(), expected);
    }
}

#[test]
fn debug_shows_no_person_and_no_content() {
    for body in [&golden!("message.text.xml")[..], golden!("event.location.xml"), golden!("event.view.xml")] {
        let shown = format!("{:?}", read(body).unwrap());

        assert!(!shown.contains("o9Ag") && !shown.contains("你好"), "{shown}");
        assert!(!shown.contains("23.13") && !shown.contains("example.com"), "{shown}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
    }

    #[test]
    fn a_golden_event_with_a_changed_byte_is_read_or_refused_without_a_panic(at in 0usize..400, byte: u8) {
        let mut body = golden!("event.subscribe_msg_popup.xml").to_vec();
        let at = at % body.len();
        body[at] = byte;

        let _ = read(&body);
    }

    #[test]
    fn what_is_sealed_for_this_endpoint_is_opened_by_it(random: [u8; 16], timestamp_s in 0i64..4_000_000_000) {
        let message = String::from_utf8(golden!("event.click.xml").to_vec()).unwrap();
        let sealed = safe().seal_reply(&message, &Stamp { random, timestamp_s, nonce: "42" }).unwrap();
        let timestamp = timestamp_s.to_string();
        let query =
            Query { signature: "", timestamp: &timestamp, nonce: "42", msg_signature: Some(&sealed.msg_signature) };

        let push = safe().open(&query, sealed.to_xml().as_bytes()).unwrap();

        prop_assert_eq!(push.event, Event::Click { key: "V1001_TODAY".into() });
    }
}
