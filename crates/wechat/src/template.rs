//! The account's templates and its industry. Verified service accounts and test accounts only.
//! <https://developers.weixin.qq.com/doc/service/api/notify/template/>

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::answer::one_or_many;
use crate::client::{Client, LARGE_ANSWER, SMALL_ANSWER, with_token};
use crate::error::CallError;
use crate::openid::Openid;

/// A template the account may send with; at most 25 at a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PrivateTemplate {
    /// What a send names.
    pub template_id: String,
    /// From the library; ends with 通知 or 提醒.
    #[serde(default)]
    pub title: String,
    /// Empty for templates of the category library.
    #[serde(default)]
    pub primary_industry: String,
    /// What [`Industries`] calls secondary.
    #[serde(default)]
    pub deputy_industry: String,
    /// Lines with `{{thing1.DATA}}` in them.
    pub content: String,
    /// The content with sample values.
    #[serde(default)]
    pub example: String,
}

/// An industry by the names WeChat gives it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Industry {
    /// For example `IT科技`.
    pub first_class: String,
    /// For example `互联网|电子商务`.
    pub second_class: String,
}

/// The account's two industries.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Industries {
    /// The main one.
    #[serde(rename = "primary_industry")]
    pub primary: Industry,
    /// The other one.
    #[serde(rename = "secondary_industry")]
    pub secondary: Industry,
}

/// A message the platform held back. Debug shows neither person nor content.
#[derive(Clone, Deserialize)]
pub struct BlockedMessage {
    /// Grows; the largest seen is the next call's `largest_id`.
    pub id: u64,
    /// The template it was sent with.
    #[serde(rename = "tmpl_msg_id")]
    pub template_id: String,
    /// The template's title.
    #[serde(default)]
    pub title: String,
    /// What was to be shown.
    #[serde(default)]
    pub content: String,
    /// Unix seconds.
    #[serde(rename = "send_timestamp", default)]
    pub sent_at_s: i64,
    /// To whom.
    pub openid: Openid,
}

impl fmt::Debug for BlockedMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BlockedMessage").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Templates {
    template_list: Vec<PrivateTemplate>,
}

#[derive(Serialize)]
struct NewTemplate<'a> {
    template_id_short: &'a str,
    keyword_name_list: &'a [&'a str],
}

#[derive(Deserialize, Serialize)]
struct TemplateId<T> {
    template_id: T,
}

/// The ids go as text.
#[derive(Serialize)]
struct IndustryIds {
    industry_id1: String,
    industry_id2: String,
}

#[derive(Serialize)]
struct BlockedQuery<'a> {
    tmpl_msg_id: &'a str,
    largest_id: u64,
    limit: u32,
}

#[derive(Deserialize)]
struct BlockedMessages {
    #[serde(default, deserialize_with = "one_or_many")]
    msginfo: Vec<BlockedMessage>,
}

impl Client {
    /// All templates added to the account.
    pub async fn list_templates(&self, token: &str) -> Result<Vec<PrivateTemplate>, CallError> {
        let path = with_token("/cgi-bin/template/get_all_private_template", token);
        let Templates { template_list } = self.get(&path, LARGE_ANSWER).await?;
        Ok(template_list)
    }

    /// Adds a template from the library and returns its id. `short_id` is digits (category library; then `keywords` are the
    /// wanted fields in their order, 40246 otherwise) or `TM…`/`OPENTM…` (old library, which ignores `keywords`).
    pub async fn add_template(
        &self,
        token: &str,
        short_id: &str,
        keywords: &[&str],
    ) -> Result<String, CallError> {
        let path = with_token("/cgi-bin/template/api_add_template", token);
        let request = NewTemplate { template_id_short: short_id, keyword_name_list: keywords };
        let TemplateId { template_id } = self.post(&path, &request).await?;
        Ok(template_id)
    }

    /// Removes a template from the account.
    pub async fn delete_template(&self, token: &str, template_id: &str) -> Result<(), CallError> {
        self.order(&with_token("/cgi-bin/template/del_private_template", token), &TemplateId { template_id })
            .await
    }

    /// Sets both industries, by their numbers 1 to 41. Once a month (43100); templates of a dropped industry are deleted.
    pub async fn set_industry(&self, token: &str, primary: u8, secondary: u8) -> Result<(), CallError> {
        let request = IndustryIds { industry_id1: primary.to_string(), industry_id2: secondary.to_string() };
        self.order(&with_token("/cgi-bin/template/api_set_industry", token), &request).await
    }

    /// The industries set now.
    pub async fn get_industry(&self, token: &str) -> Result<Industries, CallError> {
        self.get(&with_token("/cgi-bin/template/get_industry", token), SMALL_ANSWER).await
    }

    /// Messages of a template that the platform blocked: those after `largest_id` (0 to begin), at most `limit` ≤ 100.
    pub async fn blocked_messages(
        &self,
        token: &str,
        template_id: &str,
        largest_id: u64,
        limit: u32,
    ) -> Result<Vec<BlockedMessage>, CallError> {
        let request = BlockedQuery { tmpl_msg_id: template_id, largest_id, limit: limit.min(100) };
        let BlockedMessages { msginfo } =
            self.post(&with_token("/wxa/sec/queryblocktmplmsg", token), &request).await?;
        Ok(msginfo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn requests_are_the_golden_ones() {
        let new =
            NewTemplate { template_id_short: "47123", keyword_name_list: &["订单编号", "下单时间"] };
        let gone = TemplateId { template_id: "Dyvp3-Ff0cnail_CDSzk1fIc6-9lOkxsQE7exTJbwUE" };
        let ids = IndustryIds { industry_id1: "1".into(), industry_id2: "4".into() };
        let blocked = BlockedQuery {
            tmpl_msg_id: "ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY",
            largest_id: 0,
            limit: 100,
        };

        assert_eq!(json(&new), include_str!("../golden/add_template.request.json"));
        assert_eq!(json(&gone), include_str!("../golden/delete_template.request.json"));
        assert_eq!(json(&ids), include_str!("../golden/set_industry.request.json"));
        assert_eq!(json(&blocked), include_str!("../golden/blocked_messages.request.json"));
    }

    #[test]
    fn the_template_list_is_read() {
        let text = include_str!("../golden/list_templates.answer.json");

        let Templates { template_list } = serde_json::from_str(text).unwrap();

        assert_eq!(template_list.len(), 2);
        assert_eq!(template_list[1].title, "下单成功通知");
        assert!(template_list[1].content.contains("{{thing2.DATA}}"));
    }

    #[test]
    fn industries_are_read() {
        let text = include_str!("../golden/get_industry.answer.json");

        let industries: Industries = serde_json::from_str(text).unwrap();

        assert_eq!(industries.primary.second_class, "互联网|电子商务");
        assert_eq!(industries.secondary.first_class, "运输与仓储");
    }

    #[test]
    fn blocked_messages_come_as_a_list_or_alone() {
        for text in [
            include_str!("../golden/blocked_messages.answer.json"),
            include_str!("../golden/blocked_messages.one.answer.json"),
        ] {
            let BlockedMessages { msginfo } = serde_json::from_str(text).unwrap();

            assert_eq!((msginfo.len(), msginfo[0].id), (1, 3));
            assert!(!format!("{msginfo:?}").contains("o9Ag"));
        }
    }
}
