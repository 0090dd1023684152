//! Reading what a trigger gives: each param by its declared type, all faults at once, values never repeated.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use hongyan_domain::{Data, FieldCode, FieldError, Sentence, Timestamp, says};
use minijinja::Value;

use crate::clock::Moment;
use crate::money::Fen;
use crate::scenario::{Param, ParamKind};

/// Longest number, in characters: WeChat's number fields hold no more.
const NUMBER_MAX: usize = 32;

/// The params of one trigger as they came, borrowed from its JSON. At most 64, each once, each at most 2 KiB.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params<'a>(Data<'a>);

/// Values may be personal: only the names are shown.
impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'a> Params<'a> {
    /// Reads a JSON object of texts, numbers and bools. Numbers become text exactly as they were written.
    /// Errors: everything that is wrong, by param.
    pub fn parse(json: &'a str) -> Result<Self, Vec<FieldError>> {
        Data::parse(json).map(Self).map_err(renamed)
    }

    /// From names and texts, as a row of a table has them. Errors as `parse`.
    pub fn from_texts(
        texts: impl IntoIterator<Item = (&'a str, Cow<'a, str>)>,
    ) -> Result<Self, Vec<FieldError>> {
        Data::from_texts(texts).map(Self).map_err(renamed)
    }

    /// The text given for `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.value(name)
    }
}

/// The domain reads an object of fields; here it is one of params.
fn renamed(mut faults: Vec<FieldError>) -> Vec<FieldError> {
    for fault in &mut faults {
        let rest = fault.field.strip_prefix("data").unwrap_or(&fault.field);
        if rest.is_empty() {
            match fault.code {
                FieldCode::TooMany => {
                    fault.message = "has more than 64 entries: give only those of the scenario".into();
                }
                FieldCode::WrongType => {
                    fault.message = "has to be an object of params, like {\"order_no\":\"…\"}".into();
                }
                _ => {}
            }
        }
        fault.field = format!("params{rest}").into();
    }
    faults
}

/// A param that was read by its type.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// What expressions see.
    pub(crate) value: Value,
    /// The instant, if it is a time.
    pub(crate) at: Option<Timestamp>,
}

/// The names of a scenario's params, sorted: the places of their values.
pub(crate) type Declared = Arc<BTreeMap<String, Param>>;

/// Reads all that is declared. `path` is where it stands in the request: `params`, `items[2]`.
pub(crate) fn read_all(
    declared: &Declared,
    given: &Params<'_>,
    path: &str,
    faults: &mut Vec<FieldError>,
) -> Vec<Option<Read>> {
    let mut read = Vec::with_capacity(declared.len());
    for (name, param) in declared.iter() {
        let value = match given.value(name) {
            Some(text) => {
                read_one(param.kind, text).map_err(|(code, message)| (code, Sentence::from(message)))
            }
            None if param.required => Err((
                FieldCode::Missing,
                says!("is missing: the scenario needs this {kind}", kind = param.kind.as_str()),
            )),
            None => {
                read.push(None);
                continue;
            }
        };
        let fault = |(code, message)| FieldError::new(format!("{path}.{name}"), code, message);
        read.push(value.map_err(|found| faults.push(fault(found))).ok());
    }
    faults.extend(unknown(declared, given, path));
    read
}

fn unknown(declared: &Declared, given: &Params<'_>, path: &str) -> Vec<FieldError> {
    let strange = given.0.names().filter(|name| !declared.contains_key(*name));
    let fault = |name: &str| {
        let message = match declared.is_empty() {
            true => "is not a param of the scenario: it has none".into(),
            false => says!("is not a param of the scenario: its params are {names}", names = names(declared)),
        };
        FieldError::new(format!("{path}.{}", shown(name)), FieldCode::UnknownParam, message)
    };
    strange.map(fault).collect()
}

/// The declared names, for an error.
pub(crate) fn names(declared: &BTreeMap<String, Param>) -> String {
    declared.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Somebody's name for a thing, safe to repeat.
pub(crate) fn shown(name: &str) -> String {
    let mut cut: String = name.chars().filter(|c| !c.is_control()).take(32).collect();
    if cut.len() < name.len() {
        cut.push('…');
    }
    cut
}

/// Reads one text by its type. Errors: what is allowed; never the value.
pub(crate) fn read_one(kind: ParamKind, text: &str) -> Result<Read, (FieldCode, &'static str)> {
    let plain = |value: Value| Ok(Read { value, at: None });
    let wrong = |message| Err((FieldCode::BadFormat, message));
    match kind {
        ParamKind::Text => plain(text.into()),
        ParamKind::Number => match number(text) {
            Some(value) => plain(value),
            None => wrong("is not a number: write digits, perhaps with decimals after one point, like 12.50"),
        },
        ParamKind::Money => match Fen::from_yuan(text) {
            Some(_) if !text.contains('.') => plain(text.into()),
            Some(amount) => plain(amount.to_string().into()),
            None => wrong("is not an amount: write digits and at most two decimals, like 88 or 88.00"),
        },
        ParamKind::Time => match Moment::read(text) {
            Some(moment) => Ok(Read { value: moment.plain().into(), at: moment.instant() }),
            None => wrong(
                "is not a time: write RFC 3339 like 2026-11-23T12:00:00+08:00, or 2026-11-23 12:00 in Beijing",
            ),
        },
        ParamKind::Phone if is_phone(text) => plain(text.into()),
        ParamKind::Phone => {
            wrong("is not a phone number: write 3 to 20 digits, perhaps with + - ( ) * and blanks")
        }
        ParamKind::Bool => match text {
            "true" => plain(true.into()),
            "false" => plain(false.into()),
            _ => wrong("is not a bool: write true or false"),
        },
    }
}

/// A whole number can be computed with; decimals stay the text they are, since a double would change them.
fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > NUMBER_MAX || !plain(whole) || !plain(decimals) {
        return None;
    }
    Some(text.parse::<i64>().map_or_else(|_| text.into(), Value::from))
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(|byte| byte.is_ascii_digit() || *byte == b'*').count();
    let allowed = |byte: u8| byte.is_ascii_digit() || b"+-() *".contains(&byte);
    (3..=20).contains(&digits) && text.len() <= NUMBER_MAX && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: ParamKind, text: &str) -> Option<String> {
        read_one(kind, text).ok().map(|read| read.value.to_string())
    }

    #[test]
    fn each_type_takes_its_own_forms() {
        let cases = [
            (ParamKind::Text, "随便 😀", "随便 😀"),
            (ParamKind::Number, "007", "7"),
            (ParamKind::Number, "-12.50", "-12.50"),
            (ParamKind::Number, "99999999999999999999", "99999999999999999999"),
            (ParamKind::Money, "88", "88"),
            (ParamKind::Money, "88.5", "88.50"),
            (ParamKind::Time, "2026-11-23T04:00:00Z", "2026-11-23 12:00:00"),
            (ParamKind::Phone, "+86 138-0013-8000", "+86 138-0013-8000"),
            (ParamKind::Bool, "true", "True"),
        ];

        for (kind, text, value) in cases {
            assert_eq!(read(kind, text).as_deref(), Some(value), "{kind:?} {text}");
        }
    }

    #[test]
    fn what_is_not_of_the_type_is_refused() {
        let cases = [
            (
                ParamKind::Number,
                &["", "-", "1e5", "NaN", "inf", "1.2.3", "１", "123456789012345678901234567890123"][..],
            ),
            (ParamKind::Money, &["", "1.005", "1e2", "NaN", "¥1"]),
            (ParamKind::Time, &["", "soon", "12:00"]),
            (ParamKind::Phone, &["", "12", "abc12345", "123456789012345678901"]),
            (ParamKind::Bool, &["", "1", "yes", "True"]),
        ];

        for (kind, texts) in cases {
            for text in texts {
                assert_eq!(read(kind, text), None, "{kind:?} {text}");
            }
        }
    }

    #[test]
    fn a_list_or_null_is_no_param_and_is_named_as_one() {
        let faults = Params::parse(r#"{"a":[1],"b":null,"c":1e999}"#).unwrap_err();
        let whole = Params::parse("[]").unwrap_err();

        let fields: Vec<_> = faults.iter().map(|fault| &*fault.field).collect();
        assert_eq!(fields, ["params.a", "params.b", "params.c"]);
        assert_eq!(whole[0].to_string(), "params: has to be an object of params, like {\"order_no\":\"…\"}");
    }
}
