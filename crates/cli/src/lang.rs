//! What is said to people, in English and in Chinese: two tables of texts under the same keys.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::environment::Environment;

const ENGLISH: &str = include_str!("../texts/en.toml");
const CHINESE: &str = include_str!("../texts/zh.toml");

/// A language that people are spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    En,
    Zh,
}

impl Lang {
    /// The language asked for by `--lang`, by `HONGYAN_LANG`, or by the locale; English when nothing says Chinese.
    pub(crate) fn choose(args: &[String], environment: &Environment) -> Self {
        let asked = asked_for(args).or_else(|| environment.get("HONGYAN_LANG")).and_then(Self::parse);
        let locale = || ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| environment.get(name));
        asked.unwrap_or_else(|| match locale() {
            Some(locale) if locale.starts_with("zh") => Self::Zh,
            _ => Self::En,
        })
    }

    /// The word in `--lang` and in Accept-Language.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The same, as the domain's sentences know it.
    pub(crate) fn of_domain(self) -> hongyan_domain::Lang {
        match self {
            Self::En => hongyan_domain::Lang::En,
            Self::Zh => hongyan_domain::Lang::Zh,
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }
}

/// The help is written before the arguments are parsed, so the language is looked for by hand.
fn asked_for(args: &[String]) -> Option<&str> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.strip_prefix("--lang") {
            Some("") => return args.next().map(String::as_str),
            Some(rest) => return rest.strip_prefix('='),
            None => {}
        }
    }
    None
}

/// All texts of one language.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    pub(crate) lang: Lang,
    table: BTreeMap<String, String>,
}

impl Texts {
    pub(crate) fn new(lang: Lang) -> Self {
        let source = match lang {
            Lang::En => ENGLISH,
            Lang::Zh => CHINESE,
        };
        let parsed: toml::Table = source.parse().expect("a test reads both tables");
        let mut table = BTreeMap::new();
        for (section, texts) in parsed {
            for (key, text) in texts.as_table().into_iter().flatten() {
                table.insert(format!("{section}.{key}"), text.as_str().unwrap_or_default().to_owned());
            }
        }
        Self { lang, table }
    }

    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        self.table.get(key).map(String::as_str)
    }

    /// The text under `key`; the key itself where a text is missing, which a test rules out.
    pub(crate) fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.find(key).unwrap_or(key)
    }

    /// The text under `key` with each `{name}` filled in.
    pub(crate) fn fill(&self, key: &str, values: &[(&str, &dyn Display)]) -> String {
        values.iter().fold(self.get(key).to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), &value.to_string())
        })
    }

    #[cfg(test)]
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    /// The one of two texts that is in this language: for texts that come in pairs from elsewhere.
    pub(crate) fn pick<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::of(pairs)
    }

    fn args(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn the_option_wins_over_the_variable_and_the_variable_over_the_locale() {
        let chinese = environment(&[("LANG", "zh_CN.UTF-8")]);
        let both = environment(&[("LANG", "zh_CN.UTF-8"), ("HONGYAN_LANG", "en")]);

        assert_eq!(Lang::choose(&args(&["serve"]), &chinese), Lang::Zh);
        assert_eq!(Lang::choose(&args(&["serve"]), &both), Lang::En);
        assert_eq!(Lang::choose(&args(&["serve", "--lang", "zh"]), &both), Lang::Zh);
        assert_eq!(Lang::choose(&args(&["--lang=zh", "serve"]), &both), Lang::Zh);
        assert_eq!(Lang::choose(&args(&[]), &environment(&[("LANG", "de_DE")])), Lang::En);
    }

    #[test]
    fn both_tables_have_the_same_keys_with_the_same_places_to_fill() {
        let (english, chinese) = (Texts::new(Lang::En), Texts::new(Lang::Zh));

        let keys = |texts: &Texts| texts.table.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&english), keys(&chinese));
        for (key, text) in &english.table {
            assert_eq!(places(text), places(&chinese.table[key]), "{key}");
            assert!(!text.is_empty() && !chinese.table[key].is_empty(), "{key} is empty");
        }
    }

    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<_> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        places.sort_unstable();
        places
    }
}
