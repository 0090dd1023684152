//! What is known by trade: how many fields serve best, how many readers tap, and where a tap should lead.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A trade for which reference figures exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Industry {
    /// Shops, on line and off.
    Retail,
    /// Schools and training.
    Education,
    /// Services by appointment.
    Services,
}

impl Industry {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Retail, Self::Education, Self::Services];

    /// The trade of WeChat's industry code (1 to 41); none where the figures say nothing about it.
    pub fn of_wechat_code(code: u8) -> Option<Self> {
        match code {
            // Internet and e-commerce; consumer goods.
            1 | 31 => Some(Self::Retail),
            // Training; schools.
            16 | 17 => Some(Self::Education),
            // Catering, hotels, travel; medicine and care; cars; property; business services; leisure.
            10..=12 | 22..=25 | 30 | 32..=36 | 38 | 39 => Some(Self::Services),
            _ => None,
        }
    }

    /// The trade of an industry as WeChat's answers name its second class: 互联网/电子商务.
    pub fn of_wechat(second_class: &str) -> Option<Self> {
        Self::of_wechat_code(hongyan_domain::industry::of_second_class(second_class)?.code)
    }

    /// The number of fields that is read best.
    pub fn best_fields(self) -> RangeInclusive<usize> {
        match self {
            Self::Retail => 5..=7,
            Self::Education => 3..=5,
            Self::Services => 4..=6,
        }
    }

    /// Clicks per delivered message to compare with, from 0 to 1: published averages, not our own measure.
    pub fn reference_click_rate(self) -> f64 {
        match self {
            Self::Retail => 0.187,
            Self::Education => 0.223,
            Self::Services => 0.151,
        }
    }

    /// Its name in Chinese and in English.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Retail => ("零售", "retail"),
            Self::Education => ("教育", "education"),
            Self::Services => ("服务", "services"),
        }
    }

    /// Where a tap usually leads, in Chinese and in English.
    pub fn landing_page(self) -> (&'static str, &'static str) {
        match self {
            Self::Retail => ("订单详情", "the order's details"),
            Self::Education => ("课程表", "the timetable"),
            Self::Services => ("预约确认", "the booking's confirmation"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_wechats_has_the_trade_whose_figures_fit_it_or_none() {
        let of = |industry| (1..=41).filter(|&code| Industry::of_wechat_code(code) == industry).count();

        assert_eq!(of(Some(Industry::Retail)), 2);
        assert_eq!(of(Some(Industry::Education)), 2);
        assert_eq!(of(Some(Industry::Services)), 15);
        assert_eq!(Industry::of_wechat_code(0), None);
        assert_eq!(Industry::of_wechat_code(7), None);
    }
}
