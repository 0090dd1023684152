//! What the person sees: a template filled in, after the stripping of 2023-05-04.

use crate::bodies::Kind;
use crate::fields::{FieldKind, SHOWN_CHARACTERS, is_emoji};
use crate::send_body::SendBody;
use crate::template::{Piece, Template, pieces};

/// The lines of a message: `first` and `remark` gone, no emoji, no line breaks in a value, 20 characters a value
/// with "…" beyond (test accounts show all of it).
pub(crate) fn lines(template: &Template, send: &SendBody<'_>, kind: Kind) -> Vec<String> {
    template.content.split('\n').filter_map(|line| shown(line.trim_end_matches('\r'), send, kind)).collect()
}

/// One line, or `None` when nothing is left of it but what is not shown.
fn shown(line: &str, send: &SendBody<'_>, kind: Kind) -> Option<String> {
    let mut text = String::new();
    let mut dropped = false;
    for piece in pieces(line) {
        match piece {
            Piece::Text(literal) => text.push_str(literal),
            Piece::Field(name) => match FieldKind::of(name) {
                FieldKind::First | FieldKind::Remark => dropped = true,
                _ => text.push_str(&stripped(send.value(name).unwrap_or_default(), kind)),
            },
        }
    }
    let gone = text.trim().is_empty() && (dropped || line.trim().is_empty());
    (!gone).then_some(text)
}

fn stripped(value: &str, kind: Kind) -> String {
    let kept = value.chars().filter(|c| !is_emoji(*c) && !matches!(c, '\n' | '\r'));
    if kind == Kind::Test {
        return kept.collect();
    }
    let mut kept = kept.peekable();
    let mut shown: String = kept.by_ref().take(SHOWN_CHARACTERS).collect();
    if kept.peek().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEGACY: &str = "{{first.DATA}}\n订单号：{{keyword1.DATA}}\n{{remark.DATA}}";

    fn seen(content: &str, data: &str, kind: Kind) -> Vec<String> {
        let body = format!("{{\"data\":{data}}}");
        let send = SendBody::parse(body.as_bytes()).unwrap();
        lines(&Template::new("id", "t", content), &send, kind)
    }

    #[test]
    fn first_and_remark_are_not_shown() {
        let data = r#"{"first":{"value":"您好"},"keyword1":{"value":"A1"},"remark":{"value":"谢谢"}}"#;

        assert_eq!(seen(LEGACY, data, Kind::Service), ["订单号：A1"]);
    }

    #[test]
    fn emoji_and_line_breaks_are_removed_and_long_values_cut() {
        let data = "{\"keyword1\":{\"value\":\"😀一二三四五六七八九十\\n一二三四五六七八九十多余\"}}";

        let cut = "订单号：一二三四五六七八九十一二三四五六七八九十…";
        assert_eq!(seen(LEGACY, data, Kind::Service), [cut]);
        assert_eq!(seen(LEGACY, data, Kind::Test), [cut.replace('…', "多余")]);
    }

    #[test]
    fn a_missing_value_leaves_its_label() {
        assert_eq!(seen("编号{{character_string1.DATA}}", "{}", Kind::Service), ["编号"]);
    }
}
