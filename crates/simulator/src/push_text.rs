//! The text of a push: receipts, events and messages of followers, in XML or JSON.

use crate::bodies::PushFormat;

/// Who tells whom of what, and when (Unix seconds).
pub(crate) struct Head<'a> {
    pub(crate) to: &'a str,
    pub(crate) from: &'a str,
    pub(crate) at_seconds: i64,
}

/// What a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Success,
    UserBlock,
    SystemFailed,
    FreqLimit,
}

impl Status {
    fn text(self) -> &'static str {
        match self {
            Status::Success => "success",
            Status::UserBlock => "failed:user block",
            Status::SystemFailed => "failed: system failed",
            Status::FreqLimit => "failed:freq limit",
        }
    }
}

/// What a push is about.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// TEMPLATESENDJOBFINISH.
    Receipt { msgid: u64, status: Status },
    /// An event by its name, with what belongs to it.
    Event { event: &'static str, details: Vec<(&'static str, Value)> },
    /// An ordinary text message.
    Text { content: String, msgid: u64 },
}

/// A value that XML writes in CDATA, or bare.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Number(u64),
}

/// The push as WeChat writes it.
pub(crate) fn written(head: &Head<'_>, subject: &Subject, format: PushFormat) -> String {
    match format {
        PushFormat::Xml => xml(head, subject),
        PushFormat::Json => json(head, subject),
    }
}

fn xml(head: &Head<'_>, subject: &Subject) -> String {
    let Head { to, from, at_seconds } = head;
    let to_from = format!(
        "<xml><ToUserName><![CDATA[{to}]]></ToUserName><FromUserName><![CDATA[{from}]]></FromUserName>\
         <CreateTime>{at_seconds}</CreateTime>"
    );
    match subject {
        Subject::Receipt { msgid, status } => format!(
            "{to_from}<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>\
             <MsgID>{msgid}</MsgID><Status><![CDATA[{}]]></Status></xml>",
            status.text()
        ),
        Subject::Event { event, details } => {
            let details: String = details.iter().map(|(name, value)| xml_element(name, value)).collect();
            format!(
                "{to_from}<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{event}]]></Event>{details}</xml>"
            )
        }
        Subject::Text { content, msgid } => format!(
            "{to_from}<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{}]]></Content><MsgId>{msgid}</MsgId></xml>",
            in_cdata(content)
        ),
    }
}

fn xml_element(name: &str, value: &Value) -> String {
    match value {
        Value::Text(text) => format!("<{name}><![CDATA[{}]]></{name}>", in_cdata(text)),
        Value::Number(number) => format!("<{name}>{number}</{name}>"),
    }
}

/// The end mark of CDATA cannot stand inside it: it is split over two sections.
fn in_cdata(text: &str) -> String {
    text.replace("]]>", "]]]]><![CDATA[>")
}

/// Events carry their numbers as strings and `MsgId` for `MsgID`; text messages carry numbers (SKIT's samples).
fn json(head: &Head<'_>, subject: &Subject) -> String {
    let Head { to, from, at_seconds } = head;
    let to_from = format!("{{\"ToUserName\":\"{to}\",\"FromUserName\":\"{from}\",");
    match subject {
        Subject::Receipt { msgid, status } => format!(
            "{to_from}\"CreateTime\":\"{at_seconds}\",\"MsgType\":\"event\",\
             \"Event\":\"TEMPLATESENDJOBFINISH\",\"MsgId\":\"{msgid}\",\"Status\":\"{}\"}}",
            status.text()
        ),
        Subject::Event { event, details } => {
            let details: String = details.iter().map(|(name, value)| json_member(name, value)).collect();
            format!(
                "{to_from}\"CreateTime\":\"{at_seconds}\",\"MsgType\":\"event\",\"Event\":\"{event}\"{details}}}"
            )
        }
        Subject::Text { content, msgid } => format!(
            "{to_from}\"CreateTime\":{at_seconds},\"MsgType\":\"text\",\"Content\":{},\"MsgId\":{msgid}}}",
            serde_json::Value::from(content.as_str())
        ),
    }
}

fn json_member(name: &str, value: &Value) -> String {
    let text = match value {
        Value::Text(text) => serde_json::Value::from(text.as_str()),
        Value::Number(number) => serde_json::Value::from(number.to_string()),
    };
    format!(",\"{name}\":{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head<'static> =
        Head { to: "gh_7f083739789a", from: "o9AgO5Kd5ggOC-bXrbNODIiE3bGY", at_seconds: 1_395_658_920 };

    fn receipt(msgid: u64, status: Status) -> Subject {
        Subject::Receipt { msgid, status }
    }

    fn event(event: &'static str, details: &[(&'static str, &str)]) -> Subject {
        let details = details.iter().map(|(name, text)| (*name, Value::Text((*text).to_owned())));
        Subject::Event { event, details: details.collect() }
    }

    #[track_caller]
    fn assert_writes(subject: &Subject, format: PushFormat, golden: &str) {
        assert_eq!(written(&HEAD, subject, format), golden.trim_end());
    }

    macro_rules! golden {
        ($name:literal) => {
            include_str!(concat!("../../wechat/golden/", $name))
        };
    }

    #[test]
    fn receipts_are_written_as_in_the_golden_files() {
        let base = 3_557_254_367_693_750_277;
        let all = [
            (Status::Success, golden!("event.templatesendjobfinish.xml")),
            (Status::UserBlock, golden!("event.templatesendjobfinish.user_block.xml")),
            (Status::SystemFailed, golden!("event.templatesendjobfinish.system_failed.xml")),
            (Status::FreqLimit, golden!("event.templatesendjobfinish.freq_limit.xml")),
        ];

        for (msgid, (status, golden)) in (base..).zip(all) {
            assert_writes(&receipt(msgid, status), PushFormat::Xml, golden);
        }
        let json = golden!("event.templatesendjobfinish.json");
        assert_writes(&receipt(base, Status::Success), PushFormat::Json, json);
    }

    #[test]
    fn events_are_written_as_in_the_golden_files() {
        let click = event("CLICK", &[("EventKey", "V1001_TODAY")]);
        let scan = event("SCAN", &[("EventKey", "123123"), ("Ticket", "TICKET")]);
        let by_scene = event("subscribe", &[("EventKey", "qrscene_123123"), ("Ticket", "TICKET")]);

        assert_writes(&click, PushFormat::Xml, golden!("event.click.xml"));
        assert_writes(&click, PushFormat::Json, golden!("event.click.json"));
        assert_writes(&scan, PushFormat::Xml, golden!("event.scan.xml"));
        assert_writes(&by_scene, PushFormat::Xml, golden!("event.subscribe.scene.xml"));
        assert_writes(&event("subscribe", &[]), PushFormat::Xml, golden!("event.subscribe.xml"));
        assert_writes(&event("subscribe", &[]), PushFormat::Json, golden!("event.subscribe.json"));
        assert_writes(&event("unsubscribe", &[]), PushFormat::Xml, golden!("event.unsubscribe.xml"));
    }

    #[test]
    fn messages_are_written_as_in_the_golden_files() {
        let text =
            |content: &str| Subject::Text { content: content.to_owned(), msgid: 1_234_567_890_123_456 };

        assert_writes(&text("你好 <&> world"), PushFormat::Xml, golden!("message.text.xml"));
        assert_writes(&text("你好"), PushFormat::Json, golden!("message.text.json"));
    }

    #[test]
    fn the_end_mark_of_cdata_is_split() {
        let text = Subject::Text { content: "a]]>b".to_owned(), msgid: 1 };

        assert!(written(&HEAD, &text, PushFormat::Xml).contains("<![CDATA[a]]]]><![CDATA[>b]]>"));
    }
}
