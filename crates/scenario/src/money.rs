//! Amounts, exactly: hundredths in an integer, never a floating-point number.

use std::fmt;

/// Digits before the point: more is no amount of money.
const WHOLE_MAX: usize = 15;

/// An amount in hundredths of a yuan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fen(i64);

impl Fen {
    pub(crate) const ZERO: Self = Self(0);

    /// Reads yuan: `88`, `-0.5`, `88.00`.
    pub(crate) fn from_yuan(text: &str) -> Option<Self> {
        let (negative, digits) = sign(text);
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "00"));
        let hundredths = match decimals.len() {
            1 => number(decimals)? * 10,
            2 => number(decimals)?,
            _ => return None,
        };
        Some(Self::signed(negative, number(whole)? * 100 + hundredths))
    }

    /// Reads fen: `8800`.
    pub(crate) fn from_fen(text: &str) -> Option<Self> {
        let (negative, digits) = sign(text);
        number(digits).map(|fen| Self::signed(negative, fen))
    }

    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    fn signed(negative: bool, fen: i64) -> Self {
        Self(if negative { -fen } else { fen })
    }

    /// As WeChat's amount fields take it: `¥88.00`.
    pub(crate) fn with_sign(self) -> String {
        let minus = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        format!("{minus}¥{}.{:02}", fen / 100, fen % 100)
    }
}

/// In yuan with two decimals: `88.00`.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minus = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{minus}{}.{:02}", fen / 100, fen % 100)
    }
}

fn sign(text: &str) -> (bool, &str) {
    text.strip_prefix('-').map_or((false, text), |digits| (true, digits))
}

fn number(digits: &str) -> Option<i64> {
    let plain = (1..=WHOLE_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn yuan_are_read_to_the_fen() {
        let cases = [
            ("88", "88.00"),
            ("88.5", "88.50"),
            ("0.07", "0.07"),
            ("-0.07", "-0.07"),
            ("007.10", "7.10"),
            ("999999999999999.99", "999999999999999.99"),
            // As a double it would be 1.0049999…
            ("1.01", "1.01"),
        ];

        for (text, amount) in cases {
            assert_eq!(Fen::from_yuan(text).unwrap().to_string(), amount, "{text}");
        }
    }

    #[test]
    fn what_is_no_exact_amount_is_refused() {
        let none = [
            "",
            "-",
            ".5",
            "5.",
            "1.005",
            "1e2",
            "NaN",
            "1,000",
            "+1",
            "¥1",
            "１",
            "1000000000000000",
            "--1",
            "1.-5",
        ];
        for text in none {
            assert_eq!(Fen::from_yuan(text), None, "{text}");
        }
        for text in ["", "8.8", "1000000000000000"] {
            assert_eq!(Fen::from_fen(text), None, "{text}");
        }
    }

    #[test]
    fn fen_and_yuan_are_the_same_amount() {
        assert_eq!(Fen::from_fen("8807"), Fen::from_yuan("88.07"));
        assert_eq!(Fen::from_fen("-7").unwrap().with_sign(), "-¥0.07");
    }

    proptest! {
        #[test]
        fn an_amount_reads_back_as_it_was_written(fen in -999_999_999_999_999_i64..=999_999_999_999_999) {
            let amount = Fen::from_fen(&fen.to_string()).unwrap();

            prop_assert_eq!(Fen::from_yuan(&amount.to_string()), Some(amount));
        }
    }
}
