//! WeChat's calls and how often each may be made: per day (45009) and per minute (45011).

use crate::bodies::Kind;
use crate::clock::{day_of, minute_of, month_of};
use crate::errcode::Refusal;

/// Every call of WeChat's that the simulator answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Send,
    Token,
    StableToken,
    SetIndustry,
    GetIndustry,
    AddTemplate,
    ListTemplates,
    DeleteTemplate,
    BlockedMessages,
    QuotaGet,
    QuotaClear,
    RidGet,
    ClearQuota,
    ClearQuotaV2,
    CallbackIps,
    DomainIps,
}

/// In the order of [`Api`], which indexes it.
const PATHS: [(Api, &str); 16] = [
    (Api::Send, "/cgi-bin/message/template/send"),
    (Api::Token, "/cgi-bin/token"),
    (Api::StableToken, "/cgi-bin/stable_token"),
    (Api::SetIndustry, "/cgi-bin/template/api_set_industry"),
    (Api::GetIndustry, "/cgi-bin/template/get_industry"),
    (Api::AddTemplate, "/cgi-bin/template/api_add_template"),
    (Api::ListTemplates, "/cgi-bin/template/get_all_private_template"),
    (Api::DeleteTemplate, "/cgi-bin/template/del_private_template"),
    (Api::BlockedMessages, "/wxa/sec/queryblocktmplmsg"),
    (Api::QuotaGet, "/cgi-bin/openapi/quota/get"),
    (Api::QuotaClear, "/cgi-bin/openapi/quota/clear"),
    (Api::RidGet, "/cgi-bin/openapi/rid/get"),
    (Api::ClearQuota, "/cgi-bin/clear_quota"),
    (Api::ClearQuotaV2, "/cgi-bin/clear_quota/v2"),
    (Api::CallbackIps, "/cgi-bin/getcallbackip"),
    (Api::DomainIps, "/cgi-bin/get_api_domain_ip"),
];

impl Api {
    pub(crate) fn from_path(path: &str) -> Option<Api> {
        PATHS.iter().find(|(_, known)| *known == path).map(|(api, _)| *api)
    }

    pub(crate) fn path(self) -> &'static str {
        PATHS[self as usize].1
    }

    /// The calls that WeChat answers to POST only; the others take GET, and POST without a body (PowerWeChat).
    pub(crate) fn needs_post(self) -> bool {
        !matches!(
            self,
            Api::Token
                | Api::GetIndustry
                | Api::ListTemplates
                | Api::CallbackIps
                | Api::DomainIps
                | Api::ClearQuotaV2
        )
    }

    /// Whether the call belongs to template messages, which an account may lack (48001).
    pub(crate) fn is_of_templates(self) -> bool {
        matches!(
            self,
            Api::Send
                | Api::SetIndustry
                | Api::GetIndustry
                | Api::AddTemplate
                | Api::ListTemplates
                | Api::DeleteTemplate
                | Api::BlockedMessages
        )
    }
}

/// How often a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) daily: u64,
    pub(crate) minute: u64,
}

impl Limits {
    /// WeChat's own numbers for every call but template/send, whose account knows them
    /// (2000 token fetches a day, 200 for a test account; stable_token 10,000 a minute and 500,000 a day).
    pub(crate) fn of(api: Api, kind: Kind) -> Limits {
        match (api, kind) {
            (Api::Token, Kind::Test) => Limits { daily: 200, minute: u64::MAX },
            (Api::Token, _) => Limits { daily: 2000, minute: u64::MAX },
            (Api::StableToken, _) => Limits { daily: 500_000, minute: 10_000 },
            _ => Limits { daily: 1_000_000, minute: u64::MAX },
        }
    }
}

/// How often one call was made today and this minute.
#[derive(Clone, Copy, Default)]
struct Meter {
    day: i64,
    used_today: u64,
    minute: i64,
    used_this_minute: u64,
}

impl Meter {
    fn roll_to(&mut self, now_ms: i64) {
        if self.day != day_of(now_ms) {
            (self.day, self.used_today) = (day_of(now_ms), 0);
        }
        if self.minute != minute_of(now_ms) {
            (self.minute, self.used_this_minute) = (minute_of(now_ms), 0);
        }
    }
}

/// The meters of one account, and how often they were set back this month.
#[derive(Default)]
pub(crate) struct Meters {
    calls: [Meter; PATHS.len()],
    month: i64,
    cleared_all: u32,
    cleared_one: u32,
}

/// clear_quota, its v2 and the console together, a month (48006 beyond).
const CLEARS_OF_ALL_A_MONTH: u32 = 10;
/// openapi/quota/clear, a month, for all calls together.
const CLEARS_OF_ONE_A_MONTH: u32 = 50;

impl Meters {
    /// Counts a call, or refuses it: then it is not counted.
    pub(crate) fn count(&mut self, api: Api, limits: Limits, now_ms: i64) -> Result<(), Refusal> {
        let meter = &mut self.calls[api as usize];
        meter.roll_to(now_ms);
        if meter.used_today >= limits.daily {
            return Err(Refusal::of(45009));
        }
        if meter.used_this_minute >= limits.minute {
            return Err(Refusal::of(45011));
        }
        meter.used_today += 1;
        meter.used_this_minute += 1;
        Ok(())
    }

    pub(crate) fn used_today(&mut self, api: Api, now_ms: i64) -> u64 {
        let meter = &mut self.calls[api as usize];
        meter.roll_to(now_ms);
        meter.used_today
    }

    pub(crate) fn clear_all(&mut self, now_ms: i64) -> Result<(), Refusal> {
        self.roll_month_to(now_ms);
        if self.cleared_all >= CLEARS_OF_ALL_A_MONTH {
            return Err(Refusal::of(48006));
        }
        self.cleared_all += 1;
        self.calls = Default::default();
        Ok(())
    }

    pub(crate) fn clear_one(&mut self, api: Api, now_ms: i64) -> Result<(), Refusal> {
        self.roll_month_to(now_ms);
        if self.cleared_one >= CLEARS_OF_ONE_A_MONTH {
            return Err(Refusal::of(48006));
        }
        self.cleared_one += 1;
        self.calls[api as usize] = Meter::default();
        Ok(())
    }

    fn roll_month_to(&mut self, now_ms: i64) {
        if self.month != month_of(now_ms) {
            (self.month, self.cleared_all, self.cleared_one) = (month_of(now_ms), 0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_764_129_600_000; // 2025-11-26T04:00:00Z, noon in Shanghai
    const LIMITS: Limits = Limits { daily: 3, minute: 2 };

    fn codes(meters: &mut Meters, now_ms: i64, calls: usize) -> Vec<i32> {
        (0..calls)
            .map(|_| meters.count(Api::Send, LIMITS, now_ms).map_or_else(|refusal| refusal.errcode, |()| 0))
            .collect()
    }

    #[test]
    fn every_path_names_its_own_call() {
        for (index, (api, path)) in PATHS.into_iter().enumerate() {
            assert_eq!((api as usize, api.path(), Api::from_path(path)), (index, path, Some(api)));
        }
    }

    #[test]
    fn the_minute_limit_ends_with_the_minute_and_the_daily_one_at_midnight_in_shanghai() {
        let mut meters = Meters::default();

        assert_eq!(codes(&mut meters, NOON, 3), [0, 0, 45011]);
        assert_eq!(codes(&mut meters, NOON + 60_000, 2), [0, 45009]);
        assert_eq!(codes(&mut meters, NOON + 12 * 3_600_000 - 1, 1), [45009]);
        assert_eq!(codes(&mut meters, NOON + 12 * 3_600_000, 1), [0]);
    }

    #[test]
    fn all_quotas_can_be_cleared_ten_times_a_month() {
        let mut meters = Meters::default();

        let cleared = (0..11).filter(|_| meters.clear_all(NOON).is_ok()).count();

        assert_eq!(cleared, 10);
        assert_eq!(meters.clear_all(NOON).unwrap_err().errcode, 48006);
        assert!(meters.clear_all(NOON + 31 * 86_400_000).is_ok());
    }

    #[test]
    fn one_quota_can_be_cleared_fifty_times_a_month() {
        let mut meters = Meters::default();

        let cleared = (0..51).filter(|_| meters.clear_one(Api::Send, NOON).is_ok()).count();

        assert_eq!(cleared, 50);
    }
}
