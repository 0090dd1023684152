//! The `data` of a send body as it came: WeChat's own form, or the short one.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::field_error::FieldCode::{BadFormat, Doubled, Malformed, TooLong, TooMany, WrongType};
use crate::{FieldCode, FieldError, Sentence, says};

/// Fields taken in one message. WeChat's templates have at most 10.
pub const MAX_ENTRIES: usize = 64;
/// Longest value in bytes, before any rule of its type; the longest type has 32 characters.
pub const VALUE_MAX: usize = 2 * 1024;
/// Longest name repeated in an error; a name of WeChat's has at most 18 characters.
const SHOWN_NAME: usize = 32;
/// Largest power of ten in a number, either way: what a double holds, and so every JSON library.
const EXPONENT_MAX: i16 = 308;

/// The values given for a template's fields, borrowed from the body wherever no escape had to be undone.
/// At most 64, each name once, each value at most 2 KiB.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Data<'a> {
    pub(crate) entries: Vec<Entry<'a>>,
}

/// One value of `data`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) value: Cow<'a, str>,
    pub(crate) coloured: bool,
}

/// Values may be personal: only the names are shown.
impl fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl<'a> Data<'a> {
    /// Reads a JSON object whose values are `"text"`, `{"value":"text","color":"…"}`, a number or a bool.
    /// Numbers, which have to be finite, become text exactly as they were written. Errors: everything that is wrong, by field.
    pub fn parse(json: &'a str) -> Result<Self, Vec<FieldError>> {
        let mut raw: RawEntries<'a> =
            serde_json::from_str(json).map_err(|cause| vec![unreadable(json, &cause)])?;
        if raw.0.len() > MAX_ENTRIES {
            let message = says!(
                "has more than {allowed} fields: send only those of the template",
                allowed = MAX_ENTRIES
            );
            return Err(vec![FieldError::new("data", TooMany, message)]);
        }
        let mut data = Self { entries: Vec::with_capacity(raw.0.len()) };
        let mut faults = Vec::new();
        for (name, value) in raw.0.drain(..) {
            match read_entry(name, value).and_then(|entry| data.checked(entry)) {
                Ok(entry) => data.entries.push(entry),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(data) } else { Err(faults) }
    }

    /// From names and plain texts, as a scenario has them. Errors as `parse`.
    pub fn from_texts(
        texts: impl IntoIterator<Item = (&'a str, Cow<'a, str>)>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut data = Self::default();
        for (name, value) in texts {
            if data.entries.len() == MAX_ENTRIES {
                return Err(vec![FieldError::new(
                    "data",
                    TooMany,
                    says!("has more than {allowed} fields", allowed = MAX_ENTRIES),
                )]);
            }
            let entry = Entry { name: name.into(), value, coloured: false };
            let entry = data.checked(entry).map_err(|fault| vec![fault])?;
            data.entries.push(entry);
        }
        Ok(data)
    }

    /// The names given, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &*entry.name)
    }

    /// Names and texts, by name: the same for the same data in whatever order it was written.
    pub fn sorted(&self) -> Vec<(&str, &str)> {
        let mut sorted: Vec<_> = self.entries.iter().map(|entry| (&*entry.name, &*entry.value)).collect();
        sorted.sort_unstable();
        sorted
    }

    /// The text given for `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.entry(name).map(|entry| &*entry.value)
    }

    /// Whether a colour was given for `name`.
    pub fn is_coloured(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|entry| entry.coloured)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    fn checked(&self, entry: Entry<'a>) -> Result<Entry<'a>, FieldError> {
        if self.entry(&entry.name).is_some() {
            return Err(fault(&entry.name, Doubled, "is given twice: give it once"));
        }
        if entry.value.len() > VALUE_MAX {
            let given = entry.value.len();
            let message =
                says!("has {given} bytes: at most {allowed} are allowed", given, allowed = VALUE_MAX);
            return Err(fault(&entry.name, TooLong, message));
        }
        Ok(entry)
    }
}

/// A finding about one field of `data`; a name that is too long or not printable is cut.
pub(crate) fn fault(name: &str, code: FieldCode, message: impl Into<Sentence>) -> FieldError {
    FieldError::new(format!("data.{}", shown_name(name)), code, message)
}

/// A caller's name for a field, safe to repeat.
pub(crate) fn shown_name(name: &str) -> Cow<'_, str> {
    let plain = |c: char| !c.is_control();
    if name.len() <= SHOWN_NAME && name.chars().all(plain) {
        return name.into();
    }
    let cut: String = name.chars().filter(|&c| plain(c)).take(SHOWN_NAME).collect();
    format!("{cut}…").into()
}

fn unreadable(json: &str, cause: &serde_json::Error) -> FieldError {
    match json.trim_start().as_bytes().first() {
        Some(b'{') => FieldError::new(
            "data",
            Malformed,
            says!("cannot be read at column {column}", column = cause.column()),
        ),
        _ => FieldError::new(
            "data",
            WrongType,
            "has to be an object of fields, like {\"thing1\":{\"value\":\"…\"}}",
        ),
    }
}

fn read_entry<'a>(name: Cow<'a, str>, raw: &'a RawValue) -> Result<Entry<'a>, FieldError> {
    let given = raw.get();
    let (value, coloured) = match given.as_bytes().first() {
        Some(b'{') => match serde_json::from_str::<Wrapped<'a>>(given) {
            Ok(Wrapped { value: Some(value), coloured }) => (read_scalar(&name, value)?, coloured),
            Ok(Wrapped { value: None, .. }) => {
                return Err(fault(
                    &name,
                    FieldCode::Missing,
                    "has no `value`: write {\"value\":\"…\"} or a text",
                ));
            }
            Err(_) => return Err(unreadable_value(&name)),
        },
        _ => (read_scalar(&name, given)?, false),
    };
    Ok(Entry { name, value, coloured })
}

/// A text, or a number or bool as it was written.
fn read_scalar<'a>(name: &str, given: &'a str) -> Result<Cow<'a, str>, FieldError> {
    match given.as_bytes().first() {
        Some(b'"') => {
            serde_json::from_str::<Text<'a>>(given).map(|text| text.0).map_err(|_| unreadable_value(name))
        }
        Some(b'{' | b'[' | b'n') | None => {
            Err(fault(name, WrongType, "has to be a text, a number or a bool, alone or as {\"value\":…}"))
        }
        Some(b'-' | b'0'..=b'9') if !is_finite(given) => {
            Err(fault(name, BadFormat, "is not a finite number: give it as a text if it is meant so"))
        }
        _ => Ok(given.into()),
    }
}

/// Whether a number of JSON, which has no bounds of its own, is one that callers and WeChat can compute with.
fn is_finite(number: &str) -> bool {
    let exponent = number.split_once(['e', 'E']).map_or(Ok(0), |(_, exponent)| exponent.parse::<i16>());
    exponent.is_ok_and(|exponent| exponent.abs() <= EXPONENT_MAX) && number.parse().is_ok_and(f64::is_finite)
}

fn unreadable_value(name: &str) -> FieldError {
    fault(name, Malformed, "is not readable: look for a lone surrogate (\\ud800) or a `value` given twice")
}

/// The object's entries as they came.
struct RawEntries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for RawEntries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawEntriesVisitor)
    }
}

struct RawEntriesVisitor;

impl<'de> Visitor<'de> for RawEntriesVisitor {
    type Value = RawEntries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::with_capacity(8);
        while let Some(Text(name)) = map.next_key()? {
            // One more than is taken tells the caller that there were too many; the rest is only skipped.
            if entries.len() <= MAX_ENTRIES {
                entries.push((name, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(RawEntries(entries))
    }
}

/// WeChat's `{"value":…,"color":…}`; other keys are left out.
struct Wrapped<'a> {
    value: Option<&'a str>,
    coloured: bool,
}

impl<'de> Deserialize<'de> for Wrapped<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WrappedVisitor)
    }
}

struct WrappedVisitor;

impl<'de> Visitor<'de> for WrappedVisitor {
    type Value = Wrapped<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut wrapped = Wrapped { value: None, coloured: false };
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "value" if wrapped.value.is_some() => return Err(de::Error::duplicate_field("value")),
                "value" => wrapped.value = Some(map.next_value::<&'de RawValue>()?.get()),
                "color" => wrapped.coloured = map.next_value::<&'de RawValue>()?.get().len() > "\"\"".len(),
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(wrapped)
    }
}

/// A JSON string, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(json: &str) -> Vec<(String, FieldCode)> {
        Data::parse(json)
            .unwrap_err()
            .into_iter()
            .map(|fault| (fault.field.into_owned(), fault.code))
            .collect()
    }

    #[test]
    fn every_form_of_a_value_is_its_text() {
        let cases = [
            (r#"{"a":"拿铁"}"#, "拿铁"),
            (r##"{"a":{"value":"拿铁","color":"#173177"}}"##, "拿铁"),
            (r##"{"a":{"color":"#173177","value":"拿铁","x":[1,{}]}}"##, "拿铁"),
            (r#"{"a":"\u62ff\"铁"}"#, "拿\"铁"),
            (r#"{"a": 12.50 }"#, "12.50"),
            (r#"{"a":{"value":-0}}"#, "-0"),
            (r#"{"a":12345678901234567890123}"#, "12345678901234567890123"),
            (r#"{"a":1.5E+3}"#, "1.5E+3"),
            (r#"{"a":1e308}"#, "1e308"),
            (r#"{"a":true}"#, "true"),
            (r#"{"\u0061":""}"#, ""),
        ];

        for (json, text) in cases {
            assert_eq!(Data::parse(json).unwrap().value("a"), Some(text), "{json}");
        }
    }

    #[test]
    fn a_colour_is_seen() {
        let data =
            Data::parse(r##"{"a":{"value":"x","color":"#173177"},"b":{"value":"x"},"c":"x"}"##).unwrap();

        assert_eq!(["a", "b", "c", "d"].map(|name| data.is_coloured(name)), [true, false, false, false]);
    }

    #[test]
    fn what_is_no_text_is_named_with_its_field() {
        let cases = [
            (r#"{"a":null}"#, WrongType),
            (r#"{"a":["x"]}"#, WrongType),
            (r#"{"a":{"value":null}}"#, WrongType),
            (r#"{"a":{"value":{"value":"x"}}}"#, WrongType),
            (r#"{"a":{}}"#, FieldCode::Missing),
            (r#"{"a":{"Value":"x"}}"#, FieldCode::Missing),
            (r#"{"a":{"value":"x","value":"y"}}"#, Malformed),
            (r#"{"a":"\ud800"}"#, Malformed),
        ];

        for (json, code) in cases {
            assert_eq!(codes(json), [("data.a".to_owned(), code)], "{json}");
        }
    }

    #[test]
    fn a_number_that_is_not_finite_is_named_with_its_field() {
        let digits = "9".repeat(400);
        let numbers = ["1e400", "-1E+400", "1e-400", "0e99999999999999999999", "2e308", &digits];

        for number in numbers {
            for json in [format!(r#"{{"a":{number}}}"#), format!(r#"{{"a":{{"value":{number}}}}}"#)] {
                assert_eq!(codes(&json), [("data.a".to_owned(), BadFormat)], "{json}");
            }
        }
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let found = codes(r#"{"a":null,"b":"x","b":"y","c":[]}"#);

        let fields: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["data.a", "data.b", "data.c"]);
    }

    #[test]
    fn what_is_no_object_is_refused_whole() {
        for (json, code) in [("[]", WrongType), ("null", WrongType), ("", WrongType), ("{\"a\"", Malformed)] {
            assert_eq!(codes(json), [("data".to_owned(), code)], "{json}");
        }
    }

    #[test]
    fn more_fields_or_longer_values_than_are_taken_are_refused() {
        let object = |fields: usize| {
            let entries: Vec<_> = (0..fields).map(|n| format!("\"thing{n}\":\"x\"")).collect();
            format!("{{{}}}", entries.join(","))
        };
        let value = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes));

        assert_eq!(Data::parse(&object(64)).unwrap().names().count(), 64);
        assert_eq!(codes(&object(65)), [("data".to_owned(), TooMany)]);
        assert_eq!(codes(&object(10_000)), [("data".to_owned(), TooMany)]);
        assert!(Data::parse(&value(2048)).is_ok());
        assert_eq!(codes(&value(2049)), [("data.a".to_owned(), TooLong)]);
    }

    #[test]
    fn a_strange_name_is_cut_before_it_is_repeated() {
        let json = format!("{{\"{}\\u0000\":null}}", "长".repeat(10_000));

        let fault = Data::parse(&json).unwrap_err().remove(0);

        assert_eq!(fault.field, format!("data.{}…", "长".repeat(32)));
    }

    #[test]
    fn values_do_not_show_in_debug_output() {
        let data = Data::parse(r#"{"phone_number1":"13800138000"}"#).unwrap();

        assert_eq!(format!("{data:?}"), r#"{"phone_number1"}"#);
    }
}
