//! Sentences for people, in the language they read: English here, Chinese in `sentence/zh.tsv` under the English.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use serde::{Serialize, Serializer};

const CHINESE: &str = include_str!("sentence/zh.tsv");

/// A language that people are spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English: what is answered to whoever says nothing of languages.
    #[default]
    En,
    /// Chinese.
    Zh,
}

/// A sentence and the values for its places, kept apart so that it can be said in either language. Made by
/// [`says!`](crate::says), or of a text without places. As JSON and by `Display` it is English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    text: Cow<'static, str>,
    values: Vec<(&'static str, Sentence)>,
}

/// A [`Sentence`] with places: `says!("has {given} bytes: at most {allowed} are allowed", given, allowed = 20)`. Every
/// place needs its value, and the other way round.
#[macro_export]
macro_rules! says {
    ($text:literal $(, $name:ident $(= $value:expr)?)+ $(,)?) => {{
        $(let $name = $crate::says!(@value $name $(= $value)?);)+
        let _ = ::core::format_args!($text, $($name = $name),+);
        $crate::Sentence::with($text, ::std::vec![$((::core::stringify!($name), $name)),+])
    }};
    (@value $name:ident) => { $crate::Sentence::from(::std::string::ToString::to_string(&$name)) };
    (@value $name:ident = $value:expr) => { $crate::Sentence::from(::std::string::ToString::to_string(&$value)) };
}

impl Sentence {
    /// For [`says!`](crate::says), which checks that the places and the values fit.
    #[doc(hidden)]
    pub fn with(text: &'static str, values: Vec<(&'static str, Self)>) -> Self {
        Self { text: Cow::Borrowed(text), values }
    }

    /// This sentence at the place `{quoted}` of another: "with the examples: {quoted}".
    pub fn quoted_in(self, text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), values: vec![("quoted", self)] }
    }

    /// In this language. A sentence or a value that nobody has translated stays as it is.
    pub fn in_lang(&self, lang: Lang) -> Cow<'_, str> {
        let text = in_lang(&self.text, lang);
        if self.values.is_empty() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(filled(text, |name| {
            let (_, value) = self.values.iter().find(|(known, _)| *known == name)?;
            Some(value.in_lang(lang))
        }))
    }
}

/// A fixed text in this language; itself where it has no translation.
pub fn in_lang(text: &str, lang: Lang) -> &str {
    static TABLE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| pairs().collect());
    match lang {
        Lang::En => text,
        Lang::Zh => TABLE.get(text).copied().unwrap_or(text),
    }
}

/// All sentences with their Chinese.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = CHINESE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t'))
}

/// `text` with each `{name}` that is known filled in; what comes in by a value is left alone.
fn filled<'a>(text: &str, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len() + 32), text);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}').and_then(|(name, after)| Some((value(name)?, after))) {
            Some((value, after)) => {
                out.push_str(&value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

impl From<&'static str> for Sentence {
    fn from(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), values: Vec::new() }
    }
}

/// A text that comes finished from elsewhere, such as another crate's error.
impl From<String> for Sentence {
    fn from(text: String) -> Self {
        Self { text: Cow::Owned(text), values: Vec::new() }
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_lang(Lang::En))
    }
}

impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.in_lang(Lang::En))
    }
}

impl PartialEq<&str> for Sentence {
    fn eq(&self, other: &&str) -> bool {
        self.in_lang(Lang::En) == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_said_in_both_languages_with_its_values_in_place() {
        let given = 21;
        let long = says!(
            "has {given} {unit}: at most {allowed} are allowed, shorten it",
            given,
            unit = "characters",
            allowed = 20
        );

        assert_eq!(long.in_lang(Lang::En), "has 21 characters: at most 20 are allowed, shorten it");
        assert_eq!(long.in_lang(Lang::Zh), "有 21 个字符：最多 20 个，请缩短");
    }

    #[test]
    fn a_sentence_within_another_is_said_in_the_same_language() {
        let inner = says!("has {given} bytes: at most {allowed} are allowed", given = 9, allowed = 8);

        let whole = inner.quoted_in("with the examples: {quoted}");

        assert_eq!(whole.in_lang(Lang::En), "with the examples: has 9 bytes: at most 8 are allowed");
        assert_eq!(whole.in_lang(Lang::Zh), "用示例试填：有 9 字节：最多 8 字节");
    }

    #[test]
    fn what_nobody_has_translated_stays_and_a_value_is_never_taken_for_a_place() {
        let foreign = Sentence::from("from another {crate}".to_owned());
        let hostile = says!("nothing is at {path}: see /api/openapi.json", path = "/{path}");

        assert_eq!(foreign.in_lang(Lang::Zh), "from another {crate}");
        assert_eq!(hostile.in_lang(Lang::En), "nothing is at /{path}: see /api/openapi.json");
    }

    #[test]
    fn each_sentence_is_translated_once_and_with_the_same_places() {
        let places = |text: &str| {
            let mut places: Vec<_> = text
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split_once('}'))
                .map(|(name, _)| name.to_owned())
                .collect();
            places.sort_unstable();
            places
        };
        let mut seen = std::collections::HashSet::new();

        for (english, chinese) in pairs() {
            assert!(seen.insert(english), "{english} is there twice");
            let is_place = |name: &String| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            if places(english).iter().all(is_place) {
                assert_eq!(places(english), places(chinese), "{english}");
            }
        }
        let lines = CHINESE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(lines.count(), seen.len(), "a line without a tab");
    }
}
