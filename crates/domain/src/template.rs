//! A template of an account and the fields that its content names.
//!
//! WeChat gives no schema: the fields, their types and their labels are read out of the content text.

use std::sync::Arc;

use serde::Serialize;

use crate::message::words;

/// Fields read from one template; WeChat's library stops at 10, so more is nonsense and is left out.
const MAX_FIELDS: usize = 64;

/// Templates that an account may have at a time; WeChat refuses the next with 45026.
pub const TEMPLATES_MAX: usize = 25;

/// The longest value that a template can be granted: WeChat's old operating rules allow 200 characters for a whole
/// content.
const GRANTED_MAX: usize = 200;

/// A template as WeChat's `get_all_private_template` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The full id (not the short one), unique in its account.
    pub template_id: Arc<str>,
    /// The title from WeChat's library.
    pub title: String,
    /// The text with its placeholders, `订单号：{{keyword1.DATA}}\n…`.
    pub content: String,
    /// WeChat's filled sample; may be empty.
    pub example: String,
    /// First-level industry; empty in category templates.
    pub primary_industry: String,
    /// Second-level industry; empty in category templates.
    pub deputy_industry: String,
    /// The placeholders in order of appearance, each name once, at most 64.
    pub fields: Vec<Field>,
}

/// One placeholder of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// The key in `data`: the name before `.DATA`.
    pub name: String,
    /// What may stand in it.
    pub kind: FieldKind,
    /// The text before it on its line, without the colon; empty where it stands alone.
    pub label: String,
    /// How long a value may be, where WeChat granted this template more than is usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

words! {
    /// The type of a field, told by its name: `thing1` is a thing. WeChat's
    /// 类目模板消息参数值内容限制说明 and the page of subscribe messages list the types and their limits.
    FieldKind {
        /// `thing1`: at most 20 characters of any kind.
        Thing = "thing",
        /// `number1`: at most 32 digits, decimals allowed.
        Number = "number",
        /// `letter1`: at most 32 letters.
        Letter = "letter",
        /// `symbol1`: at most 5 symbols.
        Symbol = "symbol",
        /// `character_string1`: at most 32 digits, letters and symbols; no Chinese.
        CharacterString = "character_string",
        /// `time1`: a 24-hour time, with or without a date, or a range of two.
        Time = "time",
        /// `date1`: a date, with or without a time, or a range of two.
        Date = "date",
        /// `amount1`: a currency sign and digits.
        Amount = "amount",
        /// `phone_number1`: at most 17 digits and symbols.
        PhoneNumber = "phone_number",
        /// `car_number1`: at most 8 characters of a number plate.
        CarNumber = "car_number",
        /// `name1`: at most 10 Chinese characters, or 20 letters and symbols.
        Name = "name",
        /// `phrase1`: at most 5 Chinese characters.
        Phrase = "phrase",
        /// `const1`: one of the values approved for this template (WeChat alone knows them), or empty.
        Const = "const",
        /// `enum1`: one of the values listed in the library.
        Enum = "enum",
        /// `enum_string1`: one of the values listed in the library.
        EnumString = "enum_string",
        /// `short_thing1`: undocumented, seen live.
        ShortThing = "short_thing",
        /// `first`: the head line of legacy templates; not shown since 2023-05-04.
        First = "first",
        /// `keyword1`: a value of a legacy template.
        Keyword = "keyword",
        /// `remark`: the tail of legacy templates; not shown since 2023-05-04.
        Remark = "remark",
        /// Any other name: oldest library templates (`orderMoneySum`) and test accounts.
        Plain = "plain",
    }
}

words! {
    /// The two libraries of templates, which WeChat treats differently when a value is too long.
    Family {
        /// The industry library: what does not fit is cut silently.
        Legacy = "legacy",
        /// The category library (类目模板): what does not fit is refused with 47003.
        Category = "category",
    }
}

impl FieldKind {
    /// The kind that the name of a field tells.
    pub fn of_name(name: &str) -> Self {
        let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
        match Self::parse(word) {
            Some(kind @ (Self::First | Self::Remark)) if word == name => kind,
            Some(Self::First | Self::Remark | Self::Plain) | None => Self::Plain,
            Some(kind) if word != name => kind,
            Some(_) => Self::Plain,
        }
    }

    /// The library in which a field of this kind is found.
    pub fn family(self) -> Family {
        match self {
            Self::First | Self::Keyword | Self::Remark | Self::Plain => Family::Legacy,
            _ => Family::Category,
        }
    }
}

impl Template {
    /// Reads the fields out of `content`. What is not a whole `{{name.DATA}}` is text. The example and the
    /// industries are left empty, for the caller to set.
    pub fn parse(template_id: impl Into<Arc<str>>, title: &str, content: &str) -> Self {
        Self {
            template_id: template_id.into(),
            title: title.to_owned(),
            content: content.to_owned(),
            example: String::new(),
            primary_industry: String::new(),
            deputy_industry: String::new(),
            fields: parse_fields(content),
        }
    }

    /// Which library it comes from. WeChat does not say; the names of the fields do.
    pub fn family(&self) -> Family {
        let typed = self.fields.iter().any(|field| field.kind.family() == Family::Category);
        if typed { Family::Category } else { Family::Legacy }
    }

    /// Whether the phone shows only the title: the body begins with a variable that stands alone on its line.
    /// `first` does not count, since it is left out anyway. (Seen by developers: `study_xxqg` issue 66.)
    pub fn shows_title_only(&self) -> bool {
        let line = self.content.trim_start().lines().next().unwrap_or("").trim_end();
        match placeholder_at(line) {
            Some((name, "")) => FieldKind::of_name(name) != FieldKind::First,
            _ => false,
        }
    }

    /// Notes what WeChat granted to fields of this template. Names of fields that it does not have are passed over:
    /// a grant outlives a change of the text.
    pub fn relax<'a>(&mut self, granted: impl IntoIterator<Item = (&'a str, usize)>) {
        for (name, limit) in granted {
            if let Some(field) = self.fields.iter_mut().find(|field| field.name == name) {
                field.limit = Some(limit);
            }
        }
    }

    /// Checks that the field can be granted that length: it has to be there, to have a limit, and to gain by it.
    pub fn check_grant(&self, name: &str, limit: usize) -> Result<(), String> {
        let Some(field) = self.field(name) else {
            let names: Vec<_> = self.fields.iter().map(|field| field.name.as_str()).collect();
            return Err(format!("is not a field of the template: its fields are {}", names.join(", ")));
        };
        let kind = field.kind.as_str();
        match field.kind.usual_limit() {
            None => Err(format!("cannot be longer or shorter: a {kind} has no limit of length")),
            Some(usual) if (usual..=GRANTED_MAX).contains(&limit) => Ok(()),
            Some(usual) => {
                Err(format!("is not from {usual} (usual for a {kind}) to {GRANTED_MAX}; null takes it back"))
            }
        }
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

fn parse_fields(content: &str) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for line in content.lines() {
        for Placeholder { before, name } in placeholders(line) {
            if fields.len() == MAX_FIELDS {
                return fields;
            }
            if fields.iter().all(|field| field.name != name) {
                fields.push(Field {
                    name: name.to_owned(),
                    kind: FieldKind::of_name(name),
                    label: label(before),
                    limit: None,
                });
            }
        }
    }
    fields
}

/// A placeholder and the text between it and the one before.
struct Placeholder<'a> {
    before: &'a str,
    name: &'a str,
}

/// The placeholders of a text, in order.
fn placeholders(text: &str) -> impl Iterator<Item = Placeholder<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut from = 0;
        loop {
            let open = from + rest[from..].find("{{")?;
            let Some((name, after)) = placeholder_at(&rest[open..]) else {
                from = open + 1;
                continue;
            };
            let before = &rest[..open];
            rest = after;
            return Some(Placeholder { before, name });
        }
    })
}

/// The name in `{{ name.DATA }}` at the start of `text`, and what follows.
fn placeholder_at(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("{{")?.trim_start();
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let after = rest.strip_prefix(".DATA")?.trim_start().strip_prefix("}}")?;
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    named.then_some((name, after))
}

fn label(before: &str) -> String {
    before.trim().trim_end_matches([':', '：']).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_grant_names_a_field_with_a_limit_and_gives_it_more() {
        let template = Template::parse("T", "t", "a{{thing1.DATA}}\nb{{time2.DATA}}\nc{{first.DATA}}");

        assert_eq!(template.check_grant("thing1", 40), Ok(()));
        for (name, limit) in [("thing1", 19), ("thing1", 201), ("thing9", 40), ("time2", 40), ("first", 40)] {
            assert!(template.check_grant(name, limit).is_err(), "{name} {limit}");
        }
    }

    fn fields(content: &str) -> Vec<(String, FieldKind, String)> {
        let template = Template::parse("T", "t", content);
        template.fields.into_iter().map(|field| (field.name, field.kind, field.label)).collect()
    }

    fn names(content: &str) -> Vec<String> {
        fields(content).into_iter().map(|(name, ..)| name).collect()
    }

    #[test]
    fn fields_are_read_with_their_kinds_and_labels() {
        let content = "{{first.DATA}}\r\n订单号：{{keyword1.DATA}}\n下单时间{{time2.DATA}}\nA: {{x.DATA}} B ：{{y_1.DATA}}";

        let expected = [
            ("first", FieldKind::First, ""),
            ("keyword1", FieldKind::Keyword, "订单号"),
            ("time2", FieldKind::Time, "下单时间"),
            ("x", FieldKind::Plain, "A"),
            ("y_1", FieldKind::Plain, "B"),
        ];
        let expected = expected.map(|(name, kind, label)| (name.to_owned(), kind, label.to_owned()));
        assert_eq!(fields(content), expected);
    }

    #[test]
    fn blanks_inside_the_braces_are_allowed_and_anything_else_is_text() {
        assert_eq!(names("{{ thing1.DATA }}{{\tthing2.DATA}}"), ["thing1", "thing2"]);
        assert_eq!(names("{{{thing1.DATA}}}"), ["thing1"]);
        assert_eq!(names("{{a.DATA}}{{a.DATA}}{{b.DATA"), ["a"]);
        for text in [
            "",
            "{{}}",
            "{{a}}",
            "{{a.data}}",
            "{{.DATA}}",
            "{{1a.DATA}}",
            "{{a b.DATA}}",
            "{{名.DATA}}",
            "{{a\n.DATA}}",
        ] {
            assert_eq!(names(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn the_kind_is_told_by_the_whole_name() {
        let cases = [
            ("character_string12", FieldKind::CharacterString),
            ("enum_string1", FieldKind::EnumString),
            ("remark", FieldKind::Remark),
            ("remark1", FieldKind::Plain),
            ("thing", FieldKind::Plain),
            ("Thing1", FieldKind::Plain),
            ("plain1", FieldKind::Plain),
            ("1", FieldKind::Plain),
        ];

        for (name, kind) in cases {
            assert_eq!(FieldKind::of_name(name), kind, "{name}");
        }
    }

    #[test]
    fn the_family_is_told_by_the_fields() {
        let cases = [
            ("{{first.DATA}}\n{{keyword1.DATA}}", Family::Legacy),
            ("{{orderMoneySum.DATA}}", Family::Legacy),
            ("", Family::Legacy),
            ("订单{{thing1.DATA}}", Family::Category),
        ];

        for (content, family) in cases {
            assert_eq!(Template::parse("T", "t", content).family(), family, "{content}");
        }
    }

    #[test]
    fn no_more_than_64_fields_are_read() {
        let content: String = (0..1000).map(|n| format!("{{{{thing{n}.DATA}}}}\n")).collect();

        assert_eq!(names(&content).len(), 64);
    }

    proptest! {
        #[test]
        fn any_text_can_be_a_content(content in "[{}. \nDATAa1：名]{0,60}") {
            let template = Template::parse("T", "t", &content);

            for field in &template.fields {
                prop_assert!(content.contains(&field.name));
            }
            template.shows_title_only();
        }
    }
}
