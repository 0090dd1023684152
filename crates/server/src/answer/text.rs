//! A sentence for the operator, in both languages.

use std::borrow::Cow;

use hongyan_domain::{Lang, Rule, Sentence};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The same in Chinese and in English.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Text {
    /// 中文
    #[schema(value_type = String)]
    pub zh: Cow<'static, str>,
    /// English.
    #[schema(value_type = String)]
    pub en: Cow<'static, str>,
}

impl Text {
    /// Both texts.
    pub fn new(zh: impl Into<Cow<'static, str>>, en: impl Into<Cow<'static, str>>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// A sentence in both.
    pub(crate) fn of(sentence: &Sentence) -> Self {
        Self::new(sentence.in_lang(Lang::Zh).into_owned(), sentence.in_lang(Lang::En).into_owned())
    }

    /// The one that is in this language.
    pub(crate) fn in_lang(self, lang: Lang) -> Cow<'static, str> {
        match lang {
            Lang::Zh => self.zh,
            Lang::En => self.en,
        }
    }

    /// What WeChat's error code means.
    pub(crate) fn meaning(errcode: i64) -> Option<Self> {
        hongyan_wechat::errcode::lookup(errcode).map(|row| Self::new(row.zh, row.en))
    }

    /// Why a rule refuses a message, and what would mend it.
    pub(crate) fn refusal(rule: Rule) -> Self {
        match rule {
            Rule::Suppression => Self::new(
                "接收者在禁发名单中；如已恢复关注，可移出名单",
                "the recipient is on the suppression list; take them off it if they follow again",
            ),
            Rule::Content => Self::new(
                "内容含敏感词或营销用语；请修改后再发",
                "the content has sensitive words or marketing wording; change it",
            ),
            Rule::Reach => Self::new(
                "接收者近期没有互动，或该触达窗口的条数已用完；支付类消息请写 basis=payment，或等待下一次互动",
                "the recipient did nothing lately that allows a message, or the window is used up; name the basis (payment) \
                 if the message proves one, or wait for the next interaction",
            ),
            Rule::Frequency => Self::new(
                "该接收者的消息条数已达上限；到 until 之后可再发",
                "the recipient has got as many messages as the caps allow; send it again after `until`",
            ),
            Rule::Repeat => {
                Self::new("同样的内容刚刚发给过该接收者", "the same content went to this recipient just now")
            }
            Rule::QuietHours => Self::new("当前处于免打扰时段", "these are quiet hours"),
            Rule::Brake => Self::new(
                "该模板已熔断，等待人工解除：见 GET /api/v1/compliance/brakes",
                "this template is braked and waits for a person: see GET /api/v1/compliance/brakes",
            ),
        }
    }

    /// What Hongyan does by itself about WeChat's error code.
    pub(crate) fn done(errcode: i64) -> Self {
        let (zh, en) = hongyan_engine::done_about(errcode);
        Self::new(zh, en)
    }

    /// What to do about WeChat's error code.
    pub(crate) fn advice(errcode: i64) -> Option<Self> {
        hongyan_wechat::errcode::lookup(errcode).map(|row| Self::new(row.advice_zh, row.advice_en))
    }
}
