//! A sentence for the operator, in both languages.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

/// The same in Chinese and in English.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
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

    /// What WeChat's error code means.
    pub(crate) fn meaning(errcode: i64) -> Option<Self> {
        hongyan_wechat::errcode::lookup(errcode).map(|row| Self::new(row.zh, row.en))
    }

    /// What to do about WeChat's error code.
    pub(crate) fn advice(errcode: i64) -> Option<Self> {
        hongyan_wechat::errcode::lookup(errcode).map(|row| Self::new(row.advice_zh, row.advice_en))
    }
}
