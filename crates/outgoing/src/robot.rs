//! Group robots of WeCom, DingTalk and Feishu: what they want to be sent and what they answer. Pure.
//!
//! Sources: work.weixin.qq.com/api/doc/90000/90136/91770 · open.dingtalk.com, custom robots, "加签" ·
//! open.feishu.cn, custom bots, "签名校验".

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{BadAddress, Reply, Target};

/// WeCom takes markdown of so many bytes; the others take more.
const TEXT_MAX: usize = 4_096;

/// Whose robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Robot {
    /// 企业微信.
    WeCom,
    /// 钉钉.
    DingTalk,
    /// 飞书.
    Feishu,
}

/// What is to be said.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    /// One line.
    pub title: &'a str,
    /// Lines of plain text.
    pub lines: &'a [String],
    /// Where to read on.
    pub link: Option<(&'a str, &'a str)>,
}

/// Where to send what.
pub fn request(
    robot: Robot,
    url: &str,
    secret: Option<&str>,
    words: &Words<'_>,
    now_ms: i64,
) -> Result<(Target, Bytes), BadAddress> {
    let (url, body) = match robot {
        Robot::WeCom => (url.to_owned(), wecom(words)),
        Robot::DingTalk => (dingtalk_url(url, secret, now_ms), dingtalk(words)),
        Robot::Feishu => (url.to_owned(), feishu(words, secret, now_ms)),
    };
    Ok((Target::parse(&url)?, Bytes::from(body.to_string())))
}

/// Whether the robot took it; else what it said. All three answer 200 whatever happened.
pub fn judge(robot: Robot, reply: &Reply) -> Result<(), String> {
    let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let (code, message) = match robot {
        Robot::WeCom | Robot::DingTalk => (&answer["errcode"], &answer["errmsg"]),
        Robot::Feishu if answer["code"].is_null() => (&answer["StatusCode"], &answer["StatusMessage"]),
        Robot::Feishu => (&answer["code"], &answer["msg"]),
    };
    match (reply.status, code.as_i64()) {
        (200, Some(0)) => Ok(()),
        (200, Some(code)) => Err(format!("{code}: {}", cut(message.as_str().unwrap_or_default(), 200))),
        (status, _) => Err(format!("HTTP {status}")),
    }
}

fn wecom(words: &Words<'_>) -> Value {
    json!({ "msgtype": "markdown", "markdown": { "content": cut(&markdown(words, "\n"), TEXT_MAX) } })
}

fn dingtalk(words: &Words<'_>) -> Value {
    // A single line break is none in DingTalk's markdown.
    json!({ "msgtype": "markdown", "markdown": { "title": words.title, "text": cut(&markdown(words, "\n\n"), TEXT_MAX) } })
}

/// HMAC-SHA-256 of `timestamp\nsecret` under the secret, base64, percent-encoded, behind the URL.
fn dingtalk_url(url: &str, secret: Option<&str>, now_ms: i64) -> String {
    let Some(secret) = secret else { return url.to_owned() };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let sign = BASE64_STANDARD.encode(hmac::sign(&key, format!("{now_ms}\n{secret}").as_bytes()));
    let sign = sign.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let join = if url.contains('?') { '&' } else { '?' };
    format!("{url}{join}timestamp={now_ms}&sign={sign}")
}

/// HMAC-SHA-256 of nothing under `timestamp\nsecret`, base64, in the body; the time in seconds.
fn feishu(words: &Words<'_>, secret: Option<&str>, now_ms: i64) -> Value {
    let mut lines: Vec<_> =
        words.lines.iter().map(|line| vec![json!({ "tag": "text", "text": line })]).collect();
    lines.extend(words.link.map(|(text, href)| vec![json!({ "tag": "a", "text": text, "href": href })]));
    let content = json!({ "post": { "zh_cn": { "title": words.title, "content": lines } } });
    let mut body = json!({ "msg_type": "post", "content": content });
    if let Some(secret) = secret {
        let timestamp = (now_ms / 1_000).to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, format!("{timestamp}\n{secret}").as_bytes());
        body["sign"] = BASE64_STANDARD.encode(hmac::sign(&key, b"")).into();
        body["timestamp"] = timestamp.into();
    }
    body
}

fn markdown(words: &Words<'_>, line_break: &str) -> String {
    let mut text = format!("### {}", escaped(words.title));
    for line in words.lines {
        text.push_str(line_break);
        text.push_str("> ");
        text.push_str(&escaped(line));
    }
    if let Some((label, href)) = words.link {
        text.push_str(&format!("{line_break}[{}]({href})", escaped(label)));
    }
    text
}

/// Names come from outside: none may make a link or call everybody.
fn escaped(text: &str) -> String {
    text.replace('[', "［").replace(']', "］").replace('<', "＜").replace('>', "＞").replace('@', "＠")
}

fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_599_360_473_000;

    fn built(robot: Robot, secret: Option<&str>) -> (Target, Value) {
        let lines = ["[点我](http://evil)".to_owned(), "第二行 @all".to_owned()];
        let words =
            Words {
                title: "额度用完", lines: &lines, link: Some(("打开", "https://h.example/alerts"))
            };
        let url = "https://robot.example/send?access_token=T";
        let (target, body) = request(robot, url, secret, &words, NOW_MS).unwrap();
        (target, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn wecom_gets_markdown_without_what_names_could_smuggle_in() {
        let (_, body) = built(Robot::WeCom, None);

        assert_eq!(body["msgtype"], "markdown");
        let text = body["markdown"]["content"].as_str().unwrap();
        assert!(
            text.starts_with("### 额度用完\n> ［点我］") && text.contains("[打开](https://h.example/alerts)")
        );
        assert!(!text.contains("@all"), "{text}");
    }

    #[test]
    fn dingtalk_is_signed_in_the_url() {
        let (target, body) = built(Robot::DingTalk, Some("SECthis is secret"));

        assert_eq!(body["markdown"]["title"], "额度用完");
        let sign = target.path.split("&sign=").nth(1).unwrap();
        assert!(
            target.path.starts_with("/send?access_token=T&timestamp=1599360473000&sign="),
            "{}",
            target.path
        );
        assert!(sign.ends_with("%3D") && !sign.contains('+') && !sign.contains('/'), "{sign}");
    }

    #[test]
    fn feishu_is_signed_in_the_body_with_whole_seconds() {
        let (target, body) = built(Robot::Feishu, Some("secret"));

        assert_eq!(target.path, "/send?access_token=T");
        assert_eq!((&body["msg_type"], &body["timestamp"]), (&json!("post"), &json!("1599360473")));
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"1599360473\nsecret");
        assert_eq!(body["sign"], BASE64_STANDARD.encode(hmac::sign(&key, b"")));
        assert_eq!(body["content"]["post"]["zh_cn"]["content"][2][0]["href"], "https://h.example/alerts");
    }

    #[test]
    fn an_answer_is_good_only_with_its_zero() {
        let judged = |robot, status, body: &'static str| {
            judge(robot, &Reply { status, body: Bytes::from_static(body.as_bytes()) })
        };

        assert_eq!(judged(Robot::WeCom, 200, r#"{"errcode":0,"errmsg":"ok"}"#), Ok(()));
        assert_eq!(judged(Robot::Feishu, 200, r#"{"StatusCode":0}"#), Ok(()));
        assert_eq!(judged(Robot::Feishu, 200, r#"{"code":0,"msg":"success"}"#), Ok(()));
        let wrong = judged(Robot::DingTalk, 200, r#"{"errcode":310000,"errmsg":"sign not match"}"#);
        assert_eq!(wrong, Err("310000: sign not match".to_owned()));
        assert_eq!(judged(Robot::WeCom, 502, ""), Err("HTTP 502".to_owned()));
        assert_eq!(judged(Robot::WeCom, 200, "<html>"), Err("HTTP 200".to_owned()));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let lines = vec!["长".repeat(3_000)];
        let words = Words { title: "T", lines: &lines, link: None };
        let (_, body) = request(Robot::WeCom, "https://h/", None, &words, NOW_MS).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();

        assert!(body["markdown"]["content"].as_str().unwrap().len() <= TEXT_MAX);
    }
}
