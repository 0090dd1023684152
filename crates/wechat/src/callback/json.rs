//! JSON callbacks, brought to the form of the XML ones: numbers and booleans as text, arrays as repeated fields.

use serde_json::Value;

use super::CallbackError;
use super::tree::{DEEPEST, MOST_FIELDS, Node};

/// Parses one object; its depth is bounded here, and before that by `serde_json` at 128.
pub(super) fn parse(text: &str) -> Result<Node, CallbackError> {
    let value: Value = serde_json::from_str(text).map_err(|_| CallbackError::Malformed("broken JSON"))?;
    Tree { left: MOST_FIELDS }.node(value, 0)
}

struct Tree {
    left: usize,
}

impl Tree {
    fn node(&mut self, value: Value, depth: usize) -> Result<Node, CallbackError> {
        if depth >= DEEPEST || self.left == 0 {
            return Err(CallbackError::Malformed("too deep or too many fields"));
        }
        self.left -= 1;
        Ok(match value {
            Value::Null => Node::default(),
            Value::Bool(truth) => Node::leaf(truth.to_string()),
            Value::Number(number) => Node::leaf(number.to_string()),
            Value::String(text) => Node::leaf(text),
            Value::Array(_) => return Err(CallbackError::Malformed("an array where none belongs")),
            Value::Object(fields) => {
                let mut node = Node::default();
                for (name, value) in fields {
                    self.field(&mut node, &name, value, depth + 1)?;
                }
                node
            }
        })
    }

    fn field(
        &mut self,
        node: &mut Node,
        name: &str,
        value: Value,
        depth: usize,
    ) -> Result<(), CallbackError> {
        let entries = match value {
            Value::Array(entries) => entries,
            one => vec![one],
        };
        for entry in entries {
            let entry = self.node(entry, depth)?;
            node.fields.push((name.to_owned(), entry));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_arrays_become_repeated_fields() {
        let node =
            parse(r#"{"MsgId":3557254367693750277,"List":[{"a":"1"},{"a":"2"}],"One":{"a":"3"}}"#).unwrap();

        assert_eq!(node.text("MsgId"), Some("3557254367693750277"));
        assert_eq!(node.list("List").map(|one| one.text("a").unwrap()).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(node.field("One").unwrap().text("a"), Some("3"));
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(DEEPEST), "}".repeat(DEEPEST));
        let wide = format!(r#"{{"a":[{}1]}}"#, "1,".repeat(MOST_FIELDS));

        assert!(parse(&deep).is_err() && parse(&wide).is_err());
        assert!(parse(r#"{"a":[[1]]}"#).is_err() && parse(&"{\"a\":".repeat(1000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text in r#"[{}\[\]",:0-9a-z\\.eE+-]{0,80}"#) {
            let _ = parse(&text);
        }
    }
}
