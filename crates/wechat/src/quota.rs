//! Quotas, request ids and addresses: what an operator asks WeChat about the API itself.
//! <https://developers.weixin.qq.com/doc/service/api/apimanage/openapi>

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::answer::{count, read_ok};
use crate::client::{Client, SMALL_ANSWER, with_token};
use crate::error::CallError;
use crate::percent;
use crate::token::Credential;
use crate::transport::Call;

/// The path whose quota matters most.
pub const SEND_PATH: &str = "/cgi-bin/message/template/send";

/// What one API may be called today. Counts may be off by about 1 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Calls a day; resets at midnight, Asia/Shanghai.
    pub daily_limit: u64,
    /// Calls made today.
    pub used: u64,
    /// Calls left today.
    pub remain: u64,
    /// The limit on calls in a short span, where WeChat tells one.
    pub rate_limit: Option<RateLimit>,
    /// The same for calls by way of a third-party platform.
    pub component_rate_limit: Option<RateLimit>,
}

/// So many calls in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct RateLimit {
    /// Calls in the span.
    #[serde(deserialize_with = "count")]
    pub call_count: u64,
    /// The span in seconds.
    #[serde(rename = "refresh_second", deserialize_with = "count")]
    pub refresh_s: u64,
}

#[derive(Deserialize)]
struct QuotaAnswer {
    quota: DailyQuota,
    rate_limit: Option<RateLimit>,
    component_rate_limit: Option<RateLimit>,
}

#[derive(Deserialize)]
struct DailyQuota {
    #[serde(deserialize_with = "count")]
    daily_limit: u64,
    #[serde(deserialize_with = "count")]
    used: u64,
    #[serde(deserialize_with = "count")]
    remain: u64,
}

/// What WeChat recorded of one request. Holds openids and content: Debug shows neither.
#[derive(Clone, Deserialize)]
pub struct RidReport {
    /// Unix seconds.
    #[serde(rename = "invoke_time")]
    pub invoked_at_s: i64,
    /// How long WeChat took, in milliseconds.
    #[serde(default)]
    pub cost_in_ms: u64,
    /// The query, its token masked by WeChat.
    #[serde(default)]
    pub request_url: String,
    /// As it was sent.
    #[serde(default)]
    pub request_body: String,
    /// As it was answered.
    #[serde(default)]
    pub response_body: String,
    /// The address WeChat saw.
    #[serde(default)]
    pub client_ip: String,
}

impl fmt::Debug for RidReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RidReport").field("invoked_at_s", &self.invoked_at_s).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct RidAnswer {
    request: RidReport,
}

#[derive(Deserialize)]
struct Addresses {
    ip_list: Vec<String>,
}

#[derive(Serialize)]
struct Appid<'a> {
    appid: &'a str,
}

#[derive(Serialize)]
struct CgiPath<'a> {
    cgi_path: &'a str,
}

#[derive(Serialize)]
struct Rid<'a> {
    rid: &'a str,
}

impl Client {
    /// The quota of one API: `cgi_path` with its slash, without host and query, as [`SEND_PATH`].
    pub async fn quota(&self, token: &str, cgi_path: &str) -> Result<Quota, CallError> {
        let path = with_token("/cgi-bin/openapi/quota/get", token);
        let QuotaAnswer { quota, rate_limit, component_rate_limit } =
            self.post(&path, &CgiPath { cgi_path }).await?;
        let DailyQuota { daily_limit, used, remain } = quota;
        Ok(Quota { daily_limit, used, remain, rate_limit, component_rate_limit })
    }

    /// Sets the counts of all APIs back to none. 10 a month, those in the console and [`Client::clear_quota_v2`] included (48006).
    pub async fn clear_quota(&self, token: &str, appid: &str) -> Result<(), CallError> {
        self.order(&with_token("/cgi-bin/clear_quota", token), &Appid { appid }).await
    }

    /// The same, proven by the AppSecret instead of a token: works when the token call's own quota is used up.
    pub async fn clear_quota_v2(&self, credential: &Credential<'_>) -> Result<(), CallError> {
        let mut path = String::from("/cgi-bin/clear_quota/v2?appid=");
        percent::encode_into(&mut path, credential.appid);
        path.push_str("&appsecret=");
        percent::encode_into(&mut path, credential.secret);
        let call = Call { path: &path, body: Some(bytes::Bytes::new()), limit: SMALL_ANSWER };
        read_ok(&self.answer(&call).await?)
    }

    /// Sets the count of one API back to none. 50 a month for all APIs together.
    pub async fn clear_api_quota(&self, token: &str, cgi_path: &str) -> Result<(), CallError> {
        self.order(&with_token("/cgi-bin/openapi/quota/clear", token), &CgiPath { cgi_path }).await
    }

    /// What became of the request that WeChat gave this id; good for 7 days, own account only.
    pub async fn rid(&self, token: &str, rid: &str) -> Result<RidReport, CallError> {
        let path = with_token("/cgi-bin/openapi/rid/get", token);
        let RidAnswer { request } = self.post(&path, &Rid { rid }).await?;
        Ok(request)
    }

    /// Where callbacks come from: addresses and CIDR blocks. Read again daily if used as an allow-list.
    pub async fn callback_ips(&self, token: &str) -> Result<Vec<String>, CallError> {
        self.addresses(token, "/cgi-bin/getcallbackip").await
    }

    /// Where the API listens, for firewalls. Connect by name all the same.
    pub async fn api_ips(&self, token: &str) -> Result<Vec<String>, CallError> {
        self.addresses(token, "/cgi-bin/get_api_domain_ip").await
    }

    async fn addresses(&self, token: &str, path: &str) -> Result<Vec<String>, CallError> {
        let Addresses { ip_list } = self.get(&with_token(path, token), SMALL_ANSWER).await?;
        Ok(ip_list)
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
        let path = CgiPath { cgi_path: SEND_PATH };

        assert_eq!(json(&path), include_str!("../golden/quota.request.json"));
        assert_eq!(json(&path), include_str!("../golden/clear_api_quota.request.json"));
        assert_eq!(
            json(&Appid { appid: "wxba5fad812f8e6fb9" }),
            include_str!("../golden/clear_quota.request.json")
        );
        assert_eq!(
            json(&Rid { rid: "61725984-6126f6f9-040f19c4" }),
            include_str!("../golden/rid.request.json")
        );
    }

    #[test]
    fn a_count_below_none_is_none() {
        let limit: RateLimit = serde_json::from_str(r#"{"call_count":-1,"refresh_second":60}"#).unwrap();

        assert_eq!((limit.call_count, limit.refresh_s), (0, 60));
    }

    #[test]
    fn a_rid_report_shows_no_personal_data_in_debug() {
        let text = include_str!("../golden/rid.answer.json");

        let RidAnswer { request } = serde_json::from_str(text).unwrap();

        assert!(request.response_body.contains("45009"));
        assert!(!format!("{request:?}").contains("45009"));
    }
}
