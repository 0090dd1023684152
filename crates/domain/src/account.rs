//! What kind of account it is, and how much it may send.

use serde::{Deserialize, Serialize};

use crate::message::words;
use crate::{FieldCode, FieldError};

/// The kinds of official account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// 订阅号. WeChat gives template messages to verified service accounts; the house limits still have a row.
    Subscription,
    /// 服务号.
    Service,
    /// 测试号: the sandbox account; no review, no 20-character limit.
    Test,
}

impl AccountKind {
    /// The word used in tables, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Service => "service",
            Self::Test => "test",
        }
    }

    /// The kind that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Subscription, Self::Service, Self::Test].into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether WeChat gives template messages to such an account. It is asked before a person is told something,
    /// never before a send: there WeChat decides.
    pub fn template_right(self, verified: bool) -> TemplateRight {
        match self {
            Self::Test => TemplateRight::Test,
            Self::Subscription => TemplateRight::NotService,
            Self::Service if !verified => TemplateRight::NotVerified,
            Self::Service => TemplateRight::Given,
        }
    }

    /// The house limits of this kind (requirements §3); WeChat's own live quota overrides `daily`.
    pub fn limits(self) -> Limits {
        match self {
            Self::Subscription => Limits { base_per_s: 5, peak_per_s: 10, daily: 100_000 },
            Self::Service => Limits { base_per_s: 50, peak_per_s: 100, daily: 1_000_000 },
            Self::Test => Limits { base_per_s: 5, peak_per_s: 10, daily: 10_000 },
        }
    }
}

words! {
    /// What an account's kind and verification say of template messages: WeChat gives them to verified service
    /// accounts (认证服务号) and to test accounts.
    TemplateRight {
        /// A verified service account.
        Given = "given",
        /// A test account: to its own testers.
        Test = "test",
        /// A service account that is not verified.
        NotVerified = "not_verified",
        /// A subscription account.
        NotService = "not_service",
    }
}

impl TemplateRight {
    /// Whether WeChat is expected to let it send.
    pub fn is_given(self) -> bool {
        matches!(self, Self::Given | Self::Test)
    }
}

/// How fast and how much an account may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Sends a second, sustained; 0 means no limit on rate.
    pub base_per_s: u32,
    /// The most in any one second; at least `base_per_s`.
    pub peak_per_s: u32,
    /// Sends a day (Asia/Shanghai).
    pub daily: u32,
}

impl Limits {
    /// Checks that they fit one another.
    pub fn check(&self) -> Result<(), FieldError> {
        let bad = |field, message| Err(FieldError::new(field, FieldCode::BadFormat, message));
        if self.peak_per_s < self.base_per_s {
            return bad("limits.peak_per_s", "is below base_per_s: give at least as much");
        }
        if self.base_per_s == 0 && self.peak_per_s > 0 {
            let message = "limits nothing while base_per_s is 0 (no limit): make it 0 as well";
            return bad("limits.peak_per_s", message);
        }
        if self.daily == 0 {
            return bad("limits.daily", "is 0, so nothing would ever be sent: pause the account instead");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_messages_are_for_verified_service_accounts_and_for_tests() {
        let cases = [
            (AccountKind::Service, true, TemplateRight::Given),
            (AccountKind::Service, false, TemplateRight::NotVerified),
            (AccountKind::Subscription, true, TemplateRight::NotService),
            (AccountKind::Subscription, false, TemplateRight::NotService),
            (AccountKind::Test, false, TemplateRight::Test),
        ];

        for (kind, verified, right) in cases {
            assert_eq!(kind.template_right(verified), right);
        }
        assert!(TemplateRight::Test.is_given() && !TemplateRight::NotVerified.is_given());
    }
}
