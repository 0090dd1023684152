//! XML without trust: no DTD, no entities but the five predefined ones and characters by number, bounded depth and count.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::CallbackError;
use super::tree::{DEEPEST, MOST_FIELDS, Node};

/// Parses one document and returns the fields of its root, whatever the root is called.
pub(super) fn parse(text: &str) -> Result<Node, CallbackError> {
    let mut reader = Reader::from_str(text);
    let mut parser = Parser { open: Vec::new(), root: None, fields: 0 };
    loop {
        match reader.read_event().map_err(|_| malformed())? {
            Event::Eof => return parser.finish(),
            event => parser.take(&event)?,
        }
    }
}

struct Parser {
    /// From the root to where we are.
    open: Vec<(String, Node)>,
    root: Option<Node>,
    fields: usize,
}

impl Parser {
    fn take(&mut self, event: &Event<'_>) -> Result<(), CallbackError> {
        match event {
            Event::Start(start) => self.begin(start),
            Event::End(_) => self.end(),
            Event::Empty(start) => {
                self.begin(start)?;
                self.end()
            }
            Event::Text(text) => self.append(&text.xml10_content()),
            Event::CData(data) => self.append(&data.xml10_content()),
            Event::GeneralRef(reference) => self.refer(reference),
            Event::Decl(_) | Event::Comment(_) => Ok(()),
            Event::DocType(_) => Err(CallbackError::Malformed("a DTD is not read")),
            Event::PI(_) => Err(CallbackError::Malformed("a processing instruction is not read")),
            Event::Eof => Ok(()),
        }
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), CallbackError> {
        self.fields += 1;
        if self.open.len() >= DEEPEST || self.fields > MOST_FIELDS {
            return Err(CallbackError::Malformed("too deep or too many fields"));
        }
        if self.root.is_some() {
            return Err(CallbackError::Malformed("more than one root"));
        }
        self.open.push((AsRef::<str>::as_ref(&start.name()).to_owned(), Node::default()));
        Ok(())
    }

    fn end(&mut self) -> Result<(), CallbackError> {
        let (name, node) = self.open.pop().ok_or_else(malformed)?;
        match self.open.last_mut() {
            Some((_, parent)) => parent.fields.push((name, node)),
            None => self.root = Some(node),
        }
        Ok(())
    }

    fn append(&mut self, text: &str) -> Result<(), CallbackError> {
        match self.open.last_mut() {
            Some((_, node)) => node.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(CallbackError::Malformed("text outside the root")),
        }
        Ok(())
    }

    fn refer(&mut self, reference: &BytesRef<'_>) -> Result<(), CallbackError> {
        let unknown = || CallbackError::Malformed("an entity that is not predefined");
        if let Some(letter) = reference.resolve_char_ref().map_err(|_| unknown())? {
            return self.append(letter.encode_utf8(&mut [0; 4]));
        }
        let text = resolve_predefined_entity(&reference.xml10_content()).ok_or_else(unknown)?;
        self.append(text)
    }

    fn finish(self) -> Result<Node, CallbackError> {
        if self.open.is_empty() { self.root.ok_or_else(malformed) } else { Err(malformed()) }
    }
}

fn malformed() -> CallbackError {
    CallbackError::Malformed("broken XML")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_text_and_cdata_are_read() {
        let node = parse(
            "<?xml version=\"1.0\"?><xml><A><![CDATA[a<b>&amp;]]></A> <B>1 &lt; &#50;&#x33;</B><C/></xml>",
        )
        .unwrap();

        assert_eq!(node.text("A"), Some("a<b>&amp;"));
        assert_eq!(node.text("B"), Some("1 < 23"));
        assert_eq!((node.field("C").is_some(), node.text("C")), (true, None));
    }

    #[test]
    fn lists_keep_their_order() {
        let node = parse("<xml><L><I>1</I></L><L><I>2</I></L></xml>").unwrap();

        assert_eq!(node.list("L").map(|one| one.text("I").unwrap()).collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn a_dtd_is_refused_and_entities_are_not_expanded() {
        for bad in [
            r#"<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><A>&a;</A></xml>"#,
            r#"<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>"#,
            "<xml><A>&a;</A></xml>",
            "<xml><A>&#0;</A></xml>",
            "<?php x?><xml/>",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_one_whole_document_is_refused() {
        for bad in
            ["", "<xml>", "<xml></lmx>", "<a/><b/>", "<a/>x", "x<a/>", "<xml><A></xml></A>", "<", "<xml a="]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let deep = format!("{}{}", "<a>".repeat(DEEPEST + 1), "</a>".repeat(DEEPEST + 1));
        let wide = format!("<xml>{}</xml>", "<a/>".repeat(MOST_FIELDS + 1));

        assert!(parse(&deep).is_err() && parse(&wide).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text in "(<|>|/|&|;|#|!|\\[|\\]|CDATA|--|\\?|xml|[a-z口]){0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_in_cdata_comes_out_as_it_went_in(text in "[^\\]\r\0-\u{8}]{1,60}") {
            let node = parse(&format!("<xml><A><![CDATA[{text}]]></A></xml>")).unwrap();

            prop_assert_eq!(&node.field("A").unwrap().text, &text);
        }
    }
}
