//! Times of the day, and hours between two of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::QuietHoursRule;
use crate::Timestamp;

/// An hour and minute of the day in Asia/Shanghai, written `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// `hour` under 24, `minute` under 60.
    pub const fn of(hour: u16, minute: u16) -> Self {
        Self(hour * 60 + minute)
    }

    /// The time of day at `at`.
    pub fn at(at: Timestamp) -> Self {
        let minutes = at.ms().saturating_sub(at.day_begins_at().ms()) / 60_000;
        Self(u16::try_from(minutes).unwrap_or(0))
    }

    /// When it is this time on the day of `at`.
    pub fn on_day_of(self, at: Timestamp) -> Timestamp {
        at.day_begins_at().plus(Duration::from_secs(u64::from(self.0) * 60))
    }

    fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let two = |part: &str| (part.len() == 2).then(|| part.parse::<u16>().ok()).flatten();
        let (hour, minute) = (two(hour)?, two(minute)?);
        (hour < 24 && minute < 60).then(|| Self::of(hour, minute))
    }
}

impl QuietHoursRule {
    /// When the quiet hours end that `at` lies in; `None`: it lies in none.
    pub fn end_after(&self, at: Timestamp) -> Option<Timestamp> {
        let time = TimeOfDay::at(at);
        let over_midnight = self.from > self.to;
        let inside = if over_midnight {
            time >= self.from || time < self.to
        } else {
            time >= self.from && time < self.to
        };
        let tomorrow = over_midnight && time >= self.from;
        inside.then(|| self.to.on_day_of(if tomorrow { at.next_day() } else { at }))
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("not a time of day: write HH:MM, from 00:00 to 23:59");
        Self::parse(&text).ok_or_else(wrong)
    }
}
