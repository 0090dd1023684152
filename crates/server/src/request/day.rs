//! Days of Asia/Shanghai, as `Timestamp::day` counts them, written `2026-11-23`.

use jiff::civil::Date;

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// `2026-11-23`.
pub(crate) fn written(day: i64) -> String {
    let days = jiff::Span::new().try_days(day).ok();
    let date = days.and_then(|days| EPOCH.checked_add(days).ok());
    date.map_or_else(|| format!("day {day}"), |date| date.to_string())
}

/// The day that `text` names.
pub(crate) fn read(text: &str) -> Option<i64> {
    let date: Date = text.parse().ok().filter(|_| text.len() == "2026-11-23".len())?;
    EPOCH.until(date).ok().map(|span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_reads_back_from_its_text() {
        for day in [0, 1, 20_000, 20_782] {
            assert_eq!(read(&written(day)), Some(day));
        }
        assert_eq!(written(0), "1970-01-01");
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in ["", "2026", "2026-13-01", "2026-11-23T00:00", "20261123", "-9999-01-01"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
