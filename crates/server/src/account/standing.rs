//! How an account stands right now: its token, what holds it up and the mend for it, its pace.

use hongyan_domain::{Appid, Cause, Timestamp};
use hongyan_engine::foretell::{Still, Why};
use hongyan_engine::{Account, Pause, errcode_behind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::text::Text;
use crate::app::App;

/// How its traffic stands, at most a second old.
#[derive(Serialize, ToSchema)]
pub(crate) struct Live {
    token: TokenBody,
    /// What holds it up; null: nothing.
    pause: Option<PauseBody>,
    /// Sends a second it may do now; 0: no limit.
    rate_per_s: f64,
    /// Claimed and not settled.
    in_flight: usize,
    /// Waiting in memory; the store may hold more.
    held: usize,
}

/// The access_token.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenBody {
    /// `valid`, `expired` or `none`.
    state: &'static str,
    /// How old it is.
    age_s: Option<u64>,
    /// When WeChat forgets it.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
    /// What went wrong with the last fetch.
    trouble: Option<TroubleBody>,
}

/// Why there is no token.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenTrouble)]
pub(crate) struct TroubleBody {
    /// What messages wait for.
    #[schema(value_type = String)]
    cause: Cause,
    /// WeChat's errcode.
    errcode: Option<i64>,
    /// What was said.
    detail: String,
    /// What to do.
    advice: Option<Text>,
    /// The address to add to the account's allow-list.
    ip: Option<String>,
}

/// Why it stands still.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Pause)]
pub(crate) struct PauseBody {
    /// `ordered` by a person, `held` with everything else, or a cause's word.
    cause: &'static str,
    /// Until then; null: until somebody lets it go on.
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// The words of whoever ordered it.
    reason: Option<String>,
    /// What to do.
    advice: Option<Text>,
    /// The address to add to the account's allow-list.
    ip: Option<String>,
}

/// Whether anything holds the account up now.
pub(crate) fn stands_still(app: &App, account: &Account) -> bool {
    PauseBody::of(account, app.engine().status(account.id()).pause, app.now()).is_some()
}

impl Live {
    /// One word for it: `trouble` and `paused` come before what its traffic says.
    pub(crate) fn status(&self, sends: bool) -> &'static str {
        match (&self.pause, &self.token.trouble, sends || self.in_flight > 0) {
            (Some(_), _, _) => "paused",
            (None, Some(_), _) => "trouble",
            (None, None, true) => "sending",
            (None, None, false) => "idle",
        }
    }

    pub(crate) fn of(app: &App, account: &Account) -> Self {
        let status = app.engine().status(account.id());
        Self {
            token: TokenBody::of(account, app.now()),
            pause: PauseBody::of(account, status.pause, app.now()),
            rate_per_s: status.rate_per_s,
            in_flight: status.in_flight,
            held: status.held,
        }
    }
}

impl TokenBody {
    fn of(account: &Account, now: Timestamp) -> Self {
        let held = account.token.held();
        let state = match &held {
            Some(held) if now < held.expires_at => "valid",
            Some(_) => "expired",
            None => "none",
        };
        Self {
            state,
            age_s: held.as_ref().map(|held| now.since(held.fetched_at).as_secs()),
            expires_at: held.as_ref().map(|held| held.expires_at),
            trouble: account.token.trouble().map(|trouble| TroubleBody {
                cause: trouble.cause,
                errcode: trouble.errcode,
                advice: trouble.errcode.and_then(Text::advice).or_else(|| advice(trouble.cause)),
                ip: hongyan_wechat::callers_ip(&trouble.detail).map(str::to_owned),
                detail: trouble.detail,
            }),
        }
    }
}

impl PauseBody {
    /// Why a message would wait, for people: what to do, or what holds it.
    pub(crate) fn why(&self) -> Text {
        let cause = self.cause;
        let plain =
            || Text::new(format!("公众号暂停发送（{cause}）"), format!("the account stands still ({cause})"));
        self.advice.clone().unwrap_or_else(plain)
    }

    /// A person's order goes before what WeChat's answers caused.
    fn of(account: &Account, pause: Option<Pause>, now: Timestamp) -> Option<Self> {
        if let Some(ordered) = account.record.paused.as_ref().filter(|_| account.is_paused(now)) {
            let (until, reason) = (ordered.until, Some(ordered.reason.clone()));
            let advice = Some(resume(account.appid()));
            return Some(Self { cause: "ordered", until, reason, advice, ip: None });
        }
        let pause = pause.filter(|pause| now < pause.until)?;
        let ip = account.token.trouble().filter(|_| pause.cause == Cause::IpNotAllowed);
        let ip = ip.and_then(|trouble| hongyan_wechat::callers_ip(&trouble.detail).map(str::to_owned));
        Some(Self {
            cause: pause.cause.as_str(),
            until: Some(pause.until),
            reason: None,
            advice: advice(pause.cause),
            ip,
        })
    }
}

/// What to do about an account that a person paused.
fn resume(appid: &Appid) -> Text {
    let resume = format!("hongyan account resume --appid {appid}");
    Text::new(format!("处理完后恢复发送：{resume}"), format!("when the reason is gone: {resume}"))
}

impl From<&Still> for PauseBody {
    fn from(still: &Still) -> Self {
        let (cause, reason, advice) = match &still.why {
            Why::Held => (
                "held",
                None,
                Some(Text::new(
                    "全部发送已挂起（例如刚恢复了备份）：确认后执行 hongyan resume",
                    "all sending is held, as after a restored backup: hongyan resume",
                )),
            ),
            Why::Ordered(reason) => ("ordered", Some(reason.clone()), Some(resume(&still.appid))),
            Why::Cause(cause) => (cause.as_str(), None, advice(*cause)),
        };
        Self { cause, until: still.until, reason, advice, ip: None }
    }
}

/// What to do about a cause that holds up an account: that of the error code it comes from.
pub(crate) fn advice(cause: Cause) -> Option<Text> {
    if cause == Cause::Unreachable {
        return Some(Text::new(
            "连不上微信：检查本机到 api.weixin.qq.com 的网络、DNS、代理；恢复后自动继续",
            "WeChat cannot be reached: check network, DNS and proxy to api.weixin.qq.com; it goes on by itself",
        ));
    }
    errcode_behind(cause).and_then(Text::advice)
}
