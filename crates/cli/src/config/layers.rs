//! Who says what: the defaults, the operator's file and the environment laid over one another.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::{Table, Value};

use crate::environment::Environment;
use crate::lang::Texts;

const DEFAULTS: &str = include_str!("../../config.default.toml");
/// Their values are never shown.
const SECRETS: [&str; 3] = ["secrets.master_key", "oidc.client_secret", "trace.authorization"];
/// What stands in place of a secret.
const REDACTED: &str = "(set)";

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File(PathBuf),
    Variable(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One key as it is in force.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Effective {
    pub(crate) key: String,
    pub(crate) value: Value,
    #[serde(serialize_with = "as_text")]
    pub(crate) source: Source,
}

fn as_text<S: serde::Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(source)
}

/// A value and where it comes from.
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) source: Source,
}

/// All keys there are, each with the value of the layer that wins.
pub(super) struct Layers {
    settings: BTreeMap<String, Setting>,
    /// In the order of the manual.
    order: Vec<String>,
}

impl Layers {
    /// Lays everything over the defaults. What nobody knows is added to `faults`.
    pub(super) fn gather(
        file: Option<&Path>,
        environment: &Environment,
        faults: &mut Vec<String>,
        texts: &Texts,
    ) -> Self {
        let mut layers = Self::defaults();
        if let Some(path) = file {
            match read_file(path, texts) {
                Ok(table) => layers.lay(flat(table), &Source::File(path.to_owned()), faults, texts),
                Err(reason) => {
                    faults.push(
                        texts.fill("config.bad_file", &[("path", &path.display()), ("reason", &reason)]),
                    );
                }
            }
        }
        for (key, name, value) in environment.settings() {
            if !layers.is_meant(&key) {
                continue;
            }
            let source = Source::Variable(name.to_owned());
            layers.lay(vec![(key, Value::String(value.to_owned()))], &source, faults, texts);
        }
        layers
    }

    fn defaults() -> Self {
        let table: Table = DEFAULTS.parse().expect("a test reads the defaults");
        let pairs = flat(table);
        let mut order: Vec<_> = pairs.iter().map(|(key, _)| key.clone()).collect();
        // A table forgets the order in which it was written; the manual's text remembers it.
        order.sort_by_key(|key| place_in_manual(key));
        let setting = |(key, value)| (key, Setting { value, source: Source::Default });
        Self { settings: pairs.into_iter().map(setting).collect(), order }
    }

    fn lay(&mut self, pairs: Vec<(String, Value)>, source: &Source, faults: &mut Vec<String>, texts: &Texts) {
        for (key, value) in pairs {
            match self.settings.get_mut(&key) {
                Some(setting) => *setting = Setting { value, source: source.clone() },
                None => faults.push(self.unknown(&key, source, texts)),
            }
        }
    }

    fn unknown(&self, key: &str, source: &Source, texts: &Texts) -> String {
        let told = texts.fill("config.unknown_key", &[("key", &key), ("source", source)]);
        match (self.nearest(key), source) {
            (Some(near), Source::Variable(_)) => {
                let variable = format!("HONGYAN_{}", near.replacen('.', "__", 1).to_uppercase());
                let values: [(&str, &dyn fmt::Display); 2] = [("near", &near), ("variable", &variable)];
                told + &texts.fill("config.nearest_variable", &values)
            }
            (Some(near), _) => told + &texts.fill("config.nearest_key", &[("near", &near)]),
            (None, _) => told,
        }
    }

    /// Whether a variable without the two underscores means one of our sections. Others are somebody else's: an
    /// orchestrator sets `HONGYAN_SERVICE_HOST` and its like for a service of this name.
    fn is_meant(&self, key: &str) -> bool {
        let is_section_of = |known: &String| {
            known.split_once('.').is_some_and(|(section, _)| {
                key.strip_prefix(section).is_some_and(|rest| rest.starts_with(['.', '_']))
            })
        };
        key.contains('.') || self.order.iter().any(is_section_of)
    }

    /// The known key that was most likely meant: few letters away, or the same key of another section.
    fn nearest(&self, key: &str) -> Option<&str> {
        let name = |key: &str| key.rsplit('.').next().map(str::to_owned);
        let elsewhere = self.order.iter().find(|known| name(known) == name(key));
        let close = self.order.iter().map(|known| (distance(known, key), known)).min();
        let close = close.filter(|(far, _)| far * 5 <= key.len() * 2).map(|(_, known)| known);
        close.or(elsewhere).map(String::as_str)
    }

    pub(super) fn get(&self, key: &str) -> &Setting {
        self.settings.get(key).expect("a test reads every key of the defaults")
    }

    /// Whether somebody other than the defaults says something.
    pub(super) fn is_given(&self, key: &str) -> bool {
        let setting = self.get(key);
        setting.source != Source::Default && setting.value.as_str() != Some("")
    }

    pub(super) fn effective(&self) -> Vec<Effective> {
        self.order.iter().map(|key| self.shown(key)).collect()
    }

    /// A key as it may be shown.
    pub(super) fn shown(&self, key: &str) -> Effective {
        let Setting { value, source } = self.get(key);
        let is_secret = SECRETS.contains(&key) && value.as_str() != Some("");
        let value = match value {
            _ if is_secret => Value::String(REDACTED.to_owned()),
            value => redacted(value),
        };
        Effective { key: key.to_owned(), value, source: source.clone() }
    }
}

/// A value with the passwords taken out of its addresses: one text, several with commas between, or a list.
fn redacted(value: &Value) -> Value {
    match value {
        Value::String(text) if text.split(',').all(|part| part.contains("://")) => {
            let parts: Vec<_> = text.split(',').map(without_password).collect();
            Value::String(parts.join(","))
        }
        Value::String(text) => Value::String(without_password(text)),
        Value::Array(items) => items.iter().map(redacted).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}

/// `scheme://user:password@host` without what stands between the colon and the at.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:{REDACTED}@{host}")
        }
        None => text.to_owned(),
    }
}

fn read_file(path: &Path, texts: &Texts) -> Result<Table, String> {
    let told = |error: std::io::Error| crate::exit::words_of(&error, texts.lang.of_domain());
    let text = std::fs::read_to_string(path).map_err(told)?;
    text.parse().map_err(|error: toml::de::Error| error.to_string().trim_end().to_owned())
}

/// `section.key` and value; a key outside of any section keeps its name, and is unknown.
fn flat(table: Table) -> Vec<(String, Value)> {
    let mut pairs = Vec::new();
    for (section, value) in table {
        match value {
            Value::Table(keys) => {
                pairs.extend(keys.into_iter().map(|(key, value)| (format!("{section}.{key}"), value)));
            }
            value => pairs.push((section, value)),
        }
    }
    pairs
}

fn place_in_manual(key: &str) -> Option<usize> {
    let (section, name) = key.split_once('.')?;
    let start = DEFAULTS.find(&format!("\n[{section}]\n"))?;
    Some(start + DEFAULTS[start..].find(&format!("\n{name} = "))?)
}

/// Levenshtein's: letters to add, leave out or change.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, from) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in other.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
