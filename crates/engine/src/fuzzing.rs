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
    use super::*;

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
