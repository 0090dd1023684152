//! What fuzzing runs: the body that callers post, up to the point where a message of it would be made.

use hongyan_domain::AccountKind;
use hongyan_domain::Data;
use hongyan_domain::template::Template;
use hongyan_domain::validate::{FieldRules, fill};

use crate::path::accept::Request;

/// Any bytes are a request or an error. The data of a request fill a template or are refused with at least one reason,
/// and what they fill is JSON again.
pub fn post_body(bytes: &[u8]) {
    let Ok(request) = serde_json::from_slice::<Request<'_>>(bytes) else { return };
    let _ = format!("{request:?}");
    let template =
        Template::parse("T1", "付款成功通知", "订单{{character_string1.DATA}}\n商品{{thing2.DATA}}");
    let filled = match Data::parse(request.data.map_or("{}", |data| data.get())) {
        Ok(data) => fill(&template, &data, FieldRules::of(AccountKind::Service)),
        Err(faults) => Err(faults),
    };
    match filled {
        Ok(filled) => {
            let read: Result<serde_json::Value, _> = serde_json::from_str(&filled.data);
            assert!(read.is_ok_and(|data| data.is_object()), "what fills a template is a JSON object");
        }
        Err(faults) => assert!(!faults.is_empty(), "a refusal says why"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    const BODY: &str = r#"{"touser":"o1","template_id":"T1","lane":"urgent","send_at":"2026-11-23T12:00:00+08:00","miniprogram":
        {"appid":"wx1","path":"a?b=1"},"data":{"character_string1":"A1","thing2":{"value":"拿\u94c1"}},"basis":"payment"}"#;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_body_that_is_nearly_right_is_taken_or_refused(
            damages in prop::collection::vec((any::<Index>(), any::<u8>(), any::<bool>()), 1..8),
        ) {
            let mut body = BODY.as_bytes().to_vec();
            for (place, byte, insert) in damages {
                let at = place.index(body.len());
                if insert { body.insert(at, byte) } else { body[at] = byte }
            }
            post_body(&body);
        }
    }

    #[test]
    fn bodies_of_every_kind_are_taken_or_refused() {
        let deep = "[".repeat(100_000);
        let bodies = [
            "",
            "null",
            "{}",
            "\u{0}",
            r#"{"touser":"o1","template_id":"T1","data":{"character_string1":"A1","thing2":{"value":"拿铁"}}}"#,
            r#"{"touser":"o1","template_id":"T1","data":{"thing2":{"value":"\ud800"}}}"#,
            r#"{"touser":1e400,"data":[]}"#,
            r#"{"data":{"thing2":{"value":{"value":{}}}}}"#,
            &deep,
        ];

        bodies.iter().for_each(|body| post_body(body.as_bytes()));
        post_body(b"{\"touser\":\"\xff\"}");
    }
}
