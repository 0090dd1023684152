//! What an account's kind and verification say of template messages, and what mends it. It blocks nothing: WeChat
//! decides, and our word of the account may be old.

use hongyan_domain::{AccountKind, TemplateRight};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::text::Text;

/// Whether WeChat is expected to give the account template messages.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TemplateRight)]
pub struct Right {
    /// `given`, `test`, `not_verified` or `not_service`.
    #[schema(value_type = String)]
    pub right: TemplateRight,
    /// What is known.
    pub found: Text,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<Text>,
}

impl Right {
    /// Of an account of this kind.
    pub fn of(kind: AccountKind, verified: bool) -> Self {
        let right = kind.template_right(verified);
        Self { right, found: found(right), mend: mend(right) }
    }

    /// Only where something is to be done.
    pub(crate) fn lacking(kind: AccountKind, verified: bool) -> Option<Self> {
        Some(Self::of(kind, verified)).filter(|right| !right.right.is_given())
    }
}

fn found(right: TemplateRight) -> Text {
    match right {
        TemplateRight::Given => Text::new(
            "已认证的服务号，可以使用模板消息",
            "a verified service account: template messages are for it",
        ),
        TemplateRight::Test => Text::new(
            "测试号：只能发给它的测试者，不审核，不限 20 个字符",
            "a test account: it reaches its own testers, without review or the limit of 20 characters",
        ),
        TemplateRight::NotVerified => Text::new(
            "这个服务号未认证：微信只向已认证的服务号开放模板消息",
            "this service account is not verified: WeChat gives template messages to verified ones only",
        ),
        TemplateRight::NotService => Text::new(
            "订阅号：微信只向已认证的服务号开放模板消息",
            "a subscription account: WeChat gives template messages to verified service accounts only",
        ),
    }
}

fn mend(right: TemplateRight) -> Option<Text> {
    match right {
        TemplateRight::Given | TemplateRight::Test => None,
        TemplateRight::NotVerified => Some(Text::new(
            "在公众平台 设置 → 微信认证 完成认证，再把这里的 verified 改为 true",
            "have it verified in WeChat's console (设置 → 微信认证), then set `verified` to true here",
        )),
        TemplateRight::NotService => Some(Text::new(
            "用已认证的服务号发送；类型填错时，把这里的 kind 改为 service",
            "send with a verified service account; if the kind is wrong here, set `kind` to service",
        )),
    }
}
