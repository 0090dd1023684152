//! A/B comparison of click rates: how sure a rate is, and whether two differ by more than chance.

use serde::Serialize;

/// Two-sided 95 %.
const Z_95: f64 = 1.959_963_984_540_054;
/// Fewest expected clicks and non-clicks of each arm for the normal approximation to be trusted (Cochran's rule).
const MIN_EXPECTED: f64 = 5.0;

/// What one variant came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Messages that were tapped, each counted once; never more than `delivered`.
    pub clicked: u64,
    /// Messages delivered with a link.
    pub delivered: u64,
}

/// A range of rates, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What a comparison allows one to say at 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Too few clicks to say anything.
    TooFew,
    /// The difference may be chance.
    Undecided,
    /// A is better.
    A,
    /// B is better.
    B,
}

/// Two variants side by side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// A's click rate, 95 %.
    pub a: Interval,
    /// B's click rate, 95 %.
    pub b: Interval,
    /// B's rate less A's, 95 % (Newcombe's hybrid of the two above).
    pub difference: Interval,
    /// Two-sided p of the pooled two-proportion z-test: how often chance alone makes such a difference.
    pub p: f64,
    /// What may be said. Looking every hour and stopping at the first "A" says it too often: decide the size before.
    pub answer: Answer,
}

impl Sample {
    /// Clicks per delivered message; none before the first.
    pub fn rate(self) -> Option<f64> {
        (self.delivered > 0).then(|| self.clicks() / self.delivered as f64)
    }

    /// Clicks, never more than there were messages.
    fn clicks(self) -> f64 {
        self.clicked.min(self.delivered) as f64
    }
}

/// Wilson's 95 % score interval: holds for small samples and for rates near 0, where ±1.96 σ does not.
/// Without any delivered message it is everything from 0 to 1.
pub fn wilson(sample: Sample) -> Interval {
    let Some(rate) = sample.rate() else { return Interval { low: 0.0, high: 1.0 } };
    let n = sample.delivered as f64;
    let z2 = Z_95 * Z_95;
    let centre = rate + z2 / (2.0 * n);
    let half = Z_95 * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    Interval { low: ((centre - half) / scale).max(0.0), high: ((centre + half) / scale).min(1.0) }
}

/// Compares two variants; none while one of them has no delivered message.
pub fn compare(a: Sample, b: Sample) -> Option<Comparison> {
    let (rate_a, rate_b) = (a.rate()?, b.rate()?);
    let (in_a, in_b) = (wilson(a), wilson(b));
    let p = p_value(a, b, rate_b - rate_a);
    let answer = if is_small(a, b) {
        Answer::TooFew
    } else if p >= 0.05 {
        Answer::Undecided
    } else if rate_a > rate_b {
        Answer::A
    } else {
        Answer::B
    };
    let gap = rate_b - rate_a;
    let reach = |up: f64, down: f64| (up * up + down * down).sqrt();
    let difference = Interval {
        low: gap - reach(rate_b - in_b.low, in_a.high - rate_a),
        high: gap + reach(in_b.high - rate_b, rate_a - in_a.low),
    };
    Some(Comparison { a: in_a, b: in_b, difference, p, answer })
}

fn pooled(a: Sample, b: Sample) -> f64 {
    (a.clicks() + b.clicks()) / (a.delivered as f64 + b.delivered as f64)
}

fn is_small(a: Sample, b: Sample) -> bool {
    let rate = pooled(a, b);
    let smaller = a.delivered.min(b.delivered) as f64;
    smaller * rate < MIN_EXPECTED || smaller * (1.0 - rate) < MIN_EXPECTED
}

fn p_value(a: Sample, b: Sample, gap: f64) -> f64 {
    let rate = pooled(a, b);
    let variance = rate * (1.0 - rate) * (1.0 / a.delivered as f64 + 1.0 / b.delivered as f64);
    // No clicks at all, or nothing but clicks: the two are alike.
    if variance <= 0.0 { 1.0 } else { erfc(gap.abs() / variance.sqrt() / std::f64::consts::SQRT_2) }
}

/// The complementary error function for x ≥ 0, within 1.5e-7 (Abramowitz and Stegun 7.1.26).
fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    series * (-x * x).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(clicked: u64, delivered: u64) -> Sample {
        Sample { clicked, delivered }
    }

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 5e-5, "{got} is not {expected}");
    }

    #[test]
    fn wilson_gives_the_published_figures() {
        // Newcombe 1998, Statistics in Medicine 17, table I: 81/263, 15/148, 0/20, 1/29.
        let cases = [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ];

        for (clicked, delivered, low, high) in cases {
            let interval = wilson(sample(clicked, delivered));

            near(interval.low, low);
            near(interval.high, high);
        }
    }

    #[test]
    fn newcombes_difference_gives_the_published_figures() {
        // Newcombe 1998, Statistics in Medicine 17, table II, method 10: 56/70 − 48/80.
        let comparison = compare(sample(48, 80), sample(56, 70)).unwrap();

        near(comparison.difference.low, 0.0524);
        near(comparison.difference.high, 0.3339);
    }

    #[test]
    fn the_test_agrees_with_a_hand_calculation() {
        // z = (0.2 − 0.15) / sqrt(0.175 · 0.825 · 2/1000) = 2.94245, p = 0.003256.
        let comparison = compare(sample(150, 1000), sample(200, 1000)).unwrap();

        near(comparison.p, 0.003_256);
        assert_eq!(comparison.answer, Answer::B);
        assert_eq!(compare(sample(200, 1000), sample(150, 1000)).unwrap().answer, Answer::A);
    }

    #[test]
    fn what_may_be_chance_or_is_too_little_is_said_so() {
        assert_eq!(compare(sample(187, 1000), sample(190, 1000)).unwrap().answer, Answer::Undecided);
        assert_eq!(compare(sample(0, 20), sample(9, 20)).unwrap().answer, Answer::TooFew);
        assert_eq!(compare(sample(0, 0), sample(9, 20)), None);
        near(compare(sample(0, 100), sample(0, 100)).unwrap().p, 1.0);
    }

    #[test]
    fn more_clicks_than_messages_never_give_more_than_all() {
        let interval = wilson(sample(12, 10));

        assert!(interval.high <= 1.0 && interval.low > 0.5, "{interval:?}");
    }
}
