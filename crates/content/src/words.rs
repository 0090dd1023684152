//! The closed sets: what kind of word it is, and how much it weighs.

use serde::{Deserialize, Serialize};

/// Why a word is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordCategory {
    /// 涉政: appeals and slogans that no business notice carries.
    Political,
    /// 色情.
    Pornographic,
    /// 暴恐: weapons, explosives, violence for hire.
    Violent,
    /// 赌博.
    Gambling,
    /// 毒品.
    Drugs,
    /// 欺诈: fraud, forged papers, and contacts that lead out of the account.
    Fraud,
    /// 广告法绝对化用语: superlatives forbidden by article 9 of the Advertising Law.
    AdvertisingLaw,
    /// 营销: coupons, red packets, lotteries; not for notices (运营规范 3.9).
    Marketing,
    /// 诱导分享: rewards or pressure for sharing (运营规范 3.9).
    InducedSharing,
    /// 虚假宣传: promises that cannot be kept (运营规范 3.9).
    FalseAdvertising,
    /// The operator's own.
    Custom,
}

impl WordCategory {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::Political,
        Self::Pornographic,
        Self::Violent,
        Self::Gambling,
        Self::Drugs,
        Self::Fraud,
        Self::AdvertisingLaw,
        Self::Marketing,
        Self::InducedSharing,
        Self::FalseAdvertising,
        Self::Custom,
    ];

    /// The word used in word lists, tables and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Political => "political",
            Self::Pornographic => "pornographic",
            Self::Violent => "violent",
            Self::Gambling => "gambling",
            Self::Drugs => "drugs",
            Self::Fraud => "fraud",
            Self::AdvertisingLaw => "advertising_law",
            Self::Marketing => "marketing",
            Self::InducedSharing => "induced_sharing",
            Self::FalseAdvertising => "false_advertising",
            Self::Custom => "custom",
        }
    }

    /// What an operator calls it; taken in word lists too.
    pub fn label_zh(self) -> &'static str {
        match self {
            Self::Political => "涉政",
            Self::Pornographic => "色情",
            Self::Violent => "暴恐",
            Self::Gambling => "赌博",
            Self::Drugs => "毒品",
            Self::Fraud => "欺诈",
            Self::AdvertisingLaw => "广告法",
            Self::Marketing => "营销",
            Self::InducedSharing => "诱导分享",
            Self::FalseAdvertising => "虚假宣传",
            Self::Custom => "自定义",
        }
    }

    /// The one that `word` names, in either language.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| word == category.as_str() || word == category.label_zh())
    }

    /// The severity of a word whose line names none.
    pub fn usual_severity(self) -> Severity {
        match self {
            Self::Political
            | Self::Pornographic
            | Self::Violent
            | Self::Gambling
            | Self::Drugs
            | Self::Fraud => Severity::Refuse,
            Self::AdvertisingLaw
            | Self::Marketing
            | Self::InducedSharing
            | Self::FalseAdvertising
            | Self::Custom => Severity::Hold,
        }
    }
}

/// What a word does to the message it stands in; the later weighs more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is shown, and the message goes.
    Note,
    /// A person decides.
    Hold,
    /// The message does not go.
    Refuse,
}

impl Severity {
    /// From light to heavy.
    pub const ALL: [Self; 3] = [Self::Note, Self::Hold, Self::Refuse];

    /// The word used in word lists, tables and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }

    /// What an operator calls it; taken in word lists too.
    pub fn label_zh(self) -> &'static str {
        match self {
            Self::Note => "提示",
            Self::Hold => "待审",
            Self::Refuse => "拦截",
        }
    }

    /// The one that `word` names, in either language.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| word == severity.as_str() || word == severity.label_zh())
    }
}
