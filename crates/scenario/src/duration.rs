//! Durations as people write them in a scenario: `90s`, `10m`, `1h`, `2d`.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// The units, the largest first, in seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
/// Longest that is read: a hundred years. What is sensible is said where it is checked.
const LONGEST_S: u64 = 36_500 * 86_400;

/// Reads whole seconds, minutes, hours or days.
pub fn parse(text: &str) -> Option<Duration> {
    let (unit, seconds) = UNITS.into_iter().find(|&(unit, _)| text.ends_with(unit))?;
    let digits = text.strip_suffix(unit)?;
    let count: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    count.checked_mul(seconds).filter(|&total| total <= LONGEST_S).map(Duration::from_secs)
}

/// Writes it in the largest unit that leaves nothing over; below a second nothing is kept.
pub fn show(duration: Duration) -> String {
    let total = duration.as_secs();
    let even = |&(_, seconds): &(char, u64)| total > 0 && total.is_multiple_of(seconds);
    let (unit, seconds) = UNITS.into_iter().find(even).unwrap_or(('s', 1));
    format!("{}{unit}", total / seconds)
}

pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show(*duration))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| {
        serde::de::Error::custom("not a duration: write a whole number and a unit, like 90s, 10m, 1h or 2d")
    })
}

/// The same for a duration that may be absent.
pub(crate) mod option {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Given(#[serde(with = "super")] Duration);

        Ok(Option::<Given>::deserialize(deserializer)?.map(|Given(duration)| duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_in_their_units() {
        let cases = [
            ("0s", 0, "0s"),
            ("90s", 90, "90s"),
            ("60s", 60, "1m"),
            ("10m", 600, "10m"),
            ("48h", 172_800, "2d"),
        ];

        for (text, seconds, shown) in cases {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
            assert_eq!(show(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let cases = [
            "",
            "s",
            "10",
            "-1s",
            "+1s",
            "1.5h",
            "1h30m",
            "1 h",
            "１h",
            "1w",
            "99999999999999999999s",
            "36501d",
        ];

        for text in cases {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
