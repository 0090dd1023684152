//! WeChat's refusals: the code, the English text it answers with, and the rid behind it.

use std::borrow::Cow;

/// An answer with an errcode other than 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) errcode: i32,
    pub(crate) errmsg: Cow<'static, str>,
    /// The msgid of the first send, which 45065 carries.
    pub(crate) msgid: Option<u64>,
}

impl Refusal {
    /// The refusal with WeChat's own text for that code.
    pub(crate) fn of(errcode: i32) -> Refusal {
        Refusal { errcode, errmsg: Cow::Borrowed(text_of(errcode)), msgid: None }
    }

    pub(crate) fn saying(errcode: i32, errmsg: String) -> Refusal {
        Refusal { errcode, errmsg: Cow::Owned(errmsg), msgid: None }
    }

    /// 47003 in the form that live answers have, from which a caller parses the field.
    pub(crate) fn bad_field(name: &str, complaint: &str) -> Refusal {
        Refusal::saying(47003, format!("argument invalid! data.{name}.value {complaint}"))
    }

    /// The answer's body; no newline, since co-wechat-api breaks on one.
    pub(crate) fn body(&self, rid: &str) -> Vec<u8> {
        let errmsg = serde_json::Value::from(format!("{} rid: {rid}", self.errmsg));
        let msgid = self.msgid.map_or(String::new(), |msgid| format!(",\"msgid\":{msgid}"));
        format!("{{\"errcode\":{},\"errmsg\":{errmsg}{msgid}}}", self.errcode).into_bytes()
    }
}

/// The text of a code as WeChat sends it today (official tables and live answers).
fn text_of(errcode: i32) -> &'static str {
    match errcode {
        -1 => "system error",
        40001 => {
            "invalid credential, access_token is invalid or not latest, could get access_token by \
             getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r"
        }
        40002 => "invalid grant_type",
        40003 => "invalid openid",
        40008 => "invalid message type",
        40013 => "invalid appid",
        40014 => "invalid access_token",
        40033 => "invalid charset. please check your request, if include \\uxxxx will create fail!",
        40036 => "invalid template_id size",
        40037 => "invalid template_id",
        40039 => "invalid url size",
        40066 => "invalid url",
        40097 => "invalid args",
        40125 => "invalid appsecret",
        40164 => "invalid ip, not in whitelist",
        40165 => "invalid weapp pagepath",
        40241 => "The message is duplicate in 60 seconds",
        40243 => "AppSecret is frozen",
        40246 => "invalid keyword_name_list",
        40247 => "need new category template",
        40249 => "this template msg has been blocked for illegal content",
        40252 => "some content is under review",
        _ => later_text_of(errcode),
    }
}

fn later_text_of(errcode: i32) -> &'static str {
    match errcode {
        41001 => "access_token missing",
        41002 => "appid missing",
        41004 => "appsecret missing",
        42001 => "access_token expired",
        43002 => "require POST method",
        43004 => "require subscribe",
        43019 => "require remove blacklist",
        43100 => "change template too frequently",
        43116 => "This template_id is banned",
        43117 => "Sending messages to this openid too frequently,please try later",
        44002 => "empty post data",
        45002 => "message content out of limit",
        45009 => "reach max api daily quota limit",
        45011 => "api minute-quota reach limit, must slower, retry next minute",
        45026 => "template num exceeds limit",
        45065 => "clientmsgid exist",
        47001 => "data format error",
        47003 => "argument invalid!",
        48001 => "api unauthorized",
        48004 => "api forbidden for irregularities, view detail on mp.weixin.qq.com",
        48006 => "forbid to clear quota because of reaching the limit",
        50002 => "user limited",
        50007 => "account is frozen",
        76001 => "rid not found",
        76002 => "invalid rid",
        76021 => "cgi_path not found, please check",
        76022 => "could not use this cgi_path, no permission",
        89503 => "this ip needs the confirmation of the admin, please wait",
        89506 => "this ip is rejected by admin twice, please retry 24 hours later",
        89507 => "this ip is rejected by admin, please retry 1 hour later",
        _ => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line_that_ends_in_its_rid() {
        let body = Refusal::of(42001).body("61725984-6126f6f9-040f19c4");

        let golden = r#"{"errcode":42001,"errmsg":"access_token expired rid: 61725984-6126f6f9-040f19c4"}"#;
        assert_eq!(String::from_utf8(body).unwrap(), golden);
    }

    #[test]
    fn a_backslash_in_the_text_is_escaped() {
        let body = Refusal::of(40033).body("r");

        let parsed: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(parsed["errmsg"].as_str().unwrap().contains(r"if include \uxxxx will"));
    }
}
