//! Figures: named numbers in a fixed order, the median of several runs.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Named numbers of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures(Vec<(&'static str, f64)>);

impl Figures {
    pub(super) fn add(&mut self, name: &'static str, value: f64) {
        self.0.push((name, value));
    }

    pub(super) fn with(mut self, name: &'static str, value: f64) -> Self {
        self.add(name, value);
        self
    }

    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    pub(super) fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Of each number the median over all runs; all runs have the same names.
    pub(super) fn median(runs: &[Self]) -> Self {
        let Some(first) = runs.first() else { return Self::default() };
        let middle = |name| {
            let mut values: Vec<f64> = runs.iter().filter_map(|run| run.get(name)).collect();
            values.sort_by(f64::total_cmp);
            let half = values.len() / 2;
            if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 }
        };
        Self(first.0.iter().map(|(name, _)| (*name, middle(name))).collect())
    }

    /// `name value, name value`, for the log.
    pub(super) fn to_line(&self) -> String {
        self.0
            .iter()
            .map(|(name, value)| format!("{name} {}", rounded(*value)))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// What a benchmark found, and how to find it again.
#[derive(Clone, Debug)]
pub(super) struct Report {
    /// The whole command.
    pub(super) command: String,
    /// How many runs the medians are of.
    pub(super) runs: usize,
    pub(super) figures: Figures,
}

impl Report {
    pub(super) fn rows(&self) -> Vec<(&str, String)> {
        let runs = ("runs", self.runs.to_string());
        let figures = self.figures.0.iter().map(|(name, value)| (*name, rounded(*value).to_string()));
        figures.chain([runs]).collect()
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.figures.0 {
            let value = rounded(*value);
            // A count is a count, not 1000.0.
            if value.fract() == 0.0 {
                map.serialize_entry(name, &(value as i64))?;
            } else {
                map.serialize_entry(name, &value)?;
            }
        }
        map.serialize_entry("runs", &self.runs)?;
        map.serialize_entry("command", &self.command)?;
        map.end()
    }
}

/// Three places for what is small, one for what is not: more would be noise.
fn rounded(value: f64) -> f64 {
    let places = if value.abs() < 100.0 { 1_000.0 } else { 10.0 };
    (value * places).round() / places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_taken_number_by_number() {
        let run = |rate: f64, seconds: f64| Figures::default().with("rate", rate).with("seconds", seconds);

        let median = Figures::median(&[run(3.0, 1.0), run(1.0, 2.0), run(2.0, 9.0)]);

        assert_eq!(median, run(2.0, 2.0));
        assert_eq!(Figures::median(&[run(1.0, 1.0), run(2.0, 2.0)]), run(1.5, 1.5));
    }

    #[test]
    fn a_report_is_one_object_in_order_that_ends_with_its_command() {
        let figures = Figures::default()
            .with("messages", 1000.0)
            .with("seconds", 0.123_456)
            .with("rate_per_sec", 8100.04);
        let report = Report { command: "hongyan bench send".into(), runs: 5, figures };

        let json = serde_json::to_string(&report).unwrap();

        let want = r#"{"messages":1000,"seconds":0.123,"rate_per_sec":8100,"runs":5,"command":"hongyan bench send"}"#;
        assert_eq!(json, want);
    }
}
