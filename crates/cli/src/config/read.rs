//! One key at a time: its value as what it must be, or a fault that says what is allowed.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use toml::Value;

use super::layers::Layers;
use crate::lang::Texts;

/// Reads keys and gathers what is wrong. After a fault it answers something harmless that is never used.
pub(super) struct Reader<'a> {
    pub(super) layers: &'a Layers,
    pub(super) texts: &'a Texts,
    pub(super) faults: Vec<String>,
}

impl Reader<'_> {
    /// Notes that `key` has a wrong value, and what is allowed.
    pub(super) fn wrong(&mut self, key: &str, allowed: &str) {
        let shown = self.layers.shown(key);
        let values: [(&str, &dyn std::fmt::Display); 4] =
            [("key", &key), ("value", &shown.value), ("source", &shown.source), ("allowed", &allowed)];
        self.faults.push(self.texts.fill("config.wrong_value", &values));
    }

    pub(super) fn text(&mut self, key: &str) -> String {
        match &self.layers.get(key).value {
            Value::String(text) => text.clone(),
            _ => {
                self.wrong(key, self.texts.get("config.allowed_text"));
                String::new()
            }
        }
    }

    pub(super) fn parsed<T: FromStr>(&mut self, key: &str, allowed: &str) -> Option<T> {
        let parsed = self.text(key).parse().ok();
        if parsed.is_none() {
            self.wrong(key, self.texts.get(allowed));
        }
        parsed
    }

    pub(super) fn number(&mut self, key: &str, allowed: RangeInclusive<u64>) -> u64 {
        let given = match &self.layers.get(key).value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if let Some(number) = given.filter(|number| allowed.contains(number)) {
            return number;
        }
        let (min, max) = (allowed.start(), allowed.end());
        self.wrong(key, &self.texts.fill("config.allowed_number", &[("min", min), ("max", max)]));
        *min
    }

    /// A share of a whole, 0 to 1.
    pub(super) fn share(&mut self, key: &str) -> f64 {
        let given = match &self.layers.get(key).value {
            Value::Float(share) => Some(*share),
            Value::Integer(whole) => Some(*whole as f64),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        given.filter(|share| (0.0..=1.0).contains(share)).unwrap_or_else(|| {
            self.wrong(key, self.texts.get("config.allowed_share"));
            0.0
        })
    }

    /// A duration written with its unit; the bounds are whole seconds.
    pub(super) fn duration(&mut self, key: &str, allowed: RangeInclusive<u64>) -> Duration {
        let (min, max) = (Duration::from_secs(*allowed.start()), Duration::from_secs(*allowed.end()));
        let given = self.layers.get(key).value.as_str().and_then(parse_duration);
        if let Some(duration) = given.filter(|duration| (min..=max).contains(duration)) {
            return duration;
        }
        let (shown_min, shown_max) = (show_seconds(*allowed.start()), show_seconds(*allowed.end()));
        self.wrong(
            key,
            &self.texts.fill("config.allowed_duration", &[("min", &shown_min), ("max", &shown_max)]),
        );
        min
    }

    pub(super) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> T {
        let given = self.layers.get(key).value.as_str();
        if let Some((_, meaning)) = words.iter().find(|(word, _)| Some(*word) == given) {
            return *meaning;
        }
        let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.wrong(key, &self.texts.fill("config.allowed_words", &[("words", &all.join(", "))]));
        words[0].1
    }

    /// One text, several with commas between, or a list of texts.
    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        self.items(key).filter(|items| !items.is_empty()).unwrap_or_else(|| {
            self.wrong(key, self.texts.get("config.allowed_list"));
            Vec::new()
        })
    }

    /// The same, and there may be none.
    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        self.items(key).unwrap_or_else(|| {
            self.wrong(key, self.texts.get("config.allowed_texts"));
            Vec::new()
        })
    }

    /// Ranges of addresses, written as in [`Reader::list`]; there may be none.
    pub(super) fn ranges(&mut self, key: &str) -> Vec<hongyan_outgoing::Range> {
        let parsed = self.items(key).and_then(|items| items.iter().map(|item| item.parse().ok()).collect());
        parsed.unwrap_or_else(|| {
            self.wrong(key, self.texts.get("config.allowed_ranges"));
            Vec::new()
        })
    }

    fn items(&self, key: &str) -> Option<Vec<String>> {
        let items: Vec<String> = match &self.layers.get(key).value {
            Value::String(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?
            }
            _ => return None,
        };
        Some(items.into_iter().filter(|item| !item.is_empty()).collect())
    }
}

/// `1500ms`, `5s`, `30m`, `24h`, `3d`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let count: u64 = text[..digits].parse().ok()?;
    let ms = match text[digits..].trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.checked_mul(ms).map(Duration::from_millis)
}

fn show_seconds(seconds: u64) -> String {
    match seconds {
        s if s > 0 && s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s > 0 && s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}
