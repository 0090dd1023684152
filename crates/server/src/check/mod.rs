//! The checks of one account, for the API and for `hongyan doctor`: what is asked of WeChat, what is found, and
//! what mends it. It changes nothing.

mod sending;

use std::sync::Arc;

use hongyan_domain::template::TEMPLATES_MAX;
use hongyan_domain::{AccountId, State, Timestamp};
use hongyan_engine::{Account, EngineError, Held, Pause};
use hongyan_store::{Store, StoreError};
use hongyan_wechat::errcode::{self, Class};
use hongyan_wechat::{CallError, Quota, SEND_PATH, callers_ip};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::sending::{allow, sending};
use crate::account::right::Right;
use crate::answer::problem;
use crate::answer::text::Text;

/// A message may wait for 90 days and its expiry after that; older ones are not pending any more.
const BACKLOG_DAYS: i64 = 100;

/// What is checked.
pub struct Subject<'a> {
    /// The account.
    pub account: &'a Account,
    /// Its token as `Engine::token` gave it, or why there is none.
    pub token: &'a Result<Arc<Held>, EngineError>,
    /// Where its messages stand.
    pub traffic: Traffic,
    /// The address that WeChat reaches this server by, where it is known.
    pub public_url: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

/// Where an account's messages stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// What WeChat's answers made the running engine wait for; `None` as well where none runs.
    pub pause: Option<Pause>,
    /// Messages that wait.
    pub waiting: i64,
}

/// How many messages of an account wait.
pub async fn waiting(store: &Store, account: AccountId, now: Timestamp) -> Result<i64, StoreError> {
    let rows = store.tally(now.day() - BACKLOG_DAYS..now.day() + 1, Some(account)).await?;
    Ok(rows.iter().filter(|row| row.state == State::Pending).map(|row| row.count).sum())
}

/// What was found, check by check.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Report {
    /// Of which account.
    pub appid: String,
    /// Whether nothing failed; there may be warnings.
    pub ok: bool,
    /// In the order in which one depends on another.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Check {
    /// What was looked at.
    pub name: CheckName,
    /// How it stands.
    pub status: CheckStatus,
    /// What was found.
    pub found: Text,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<Text>,
    /// WeChat's errcode, where it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errcode: Option<i64>,
    /// The address to add to the account's allow-list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

/// The checks there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// Is it of a kind that WeChat gives template messages to?
    Account,
    /// Is there a usable access_token?
    Token,
    /// Is our address on the account's allow-list?
    Ip,
    /// May the account use template messages?
    Permission,
    /// Are there templates, and are they the ones we know?
    Templates,
    /// How much may still be sent today?
    Quota,
    /// Will receipts come, and be understood?
    Callback,
    /// Does anything hold its messages up?
    Sending,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
    /// It cannot be known before an earlier check is mended.
    Skipped,
}

/// Runs all checks. Two calls to WeChat, which count against no quota of sending.
pub async fn examine(subject: &Subject<'_>) -> Report {
    let asked = match subject.token {
        Ok(held) => Some(Asked::ask(subject.account, held).await),
        Err(_) => None,
    };
    let address = ip(subject, asked.as_ref());
    let is_allowed = address.status == CheckStatus::Ok;
    let mut checks = vec![kind(subject.account), token(subject), address];
    match &asked {
        // While our address is refused, no other refusal says anything about the account.
        Some(asked) if is_allowed => {
            checks.push(permission(&asked.templates));
            checks.push(templates(subject.account, &asked.templates));
            checks.push(quota(&asked.quota));
        }
        _ => checks.extend([CheckName::Permission, CheckName::Templates, CheckName::Quota].map(skipped)),
    }
    checks.push(callback(subject));
    checks.push(sending(subject));
    let ok = checks.iter().all(|check| check.status != CheckStatus::Failed);
    Report { appid: subject.account.appid().to_string(), ok, checks }
}

/// What WeChat was asked with the token.
struct Asked {
    /// The ids.
    templates: Result<Vec<String>, CallError>,
    quota: Result<Quota, CallError>,
}

impl Asked {
    async fn ask(account: &Account, held: &Held) -> Self {
        let (client, token) = (&account.client, held.value.expose());
        let templates = client.list_templates(token).await;
        Self {
            templates: templates
                .map(|listed| listed.into_iter().map(|template| template.template_id).collect()),
            quota: client.quota(token, SEND_PATH).await,
        }
    }

    fn errors(&self) -> impl Iterator<Item = &CallError> {
        self.templates.as_ref().err().into_iter().chain(self.quota.as_ref().err())
    }
}

impl Check {
    fn new(name: CheckName, status: CheckStatus, found: Text) -> Self {
        Self { name, status, found, mend: None, errcode: None, ip: None }
    }

    fn mend(mut self, zh: &'static str, en: &'static str) -> Self {
        self.mend = Some(Text::new(zh, en));
        self
    }

    /// A call that WeChat refused or did not answer.
    fn failed(name: CheckName, error: &CallError) -> Self {
        let told = error.to_string();
        let errcode = error.code();
        let found = errcode.and_then(Text::meaning).unwrap_or_else(|| Text::of(&problem::told(error)));
        let check = Self::new(name, CheckStatus::Failed, found);
        let mend = errcode.and_then(Text::advice).or_else(|| Some(unreachable()));
        Self { mend, errcode, ip: callers_ip(&told).map(str::to_owned), ..check }
    }
}

/// A warning at most: what we know of the account may be old, and WeChat's own answer comes below.
fn kind(account: &Account) -> Check {
    let Right { right, found, mend } = Right::of(account.record.kind, account.record.verified);
    let status = if right.is_given() { CheckStatus::Ok } else { CheckStatus::Warning };
    Check { mend, ..Check::new(CheckName::Account, status, found) }
}

fn token(subject: &Subject<'_>) -> Check {
    let name = CheckName::Token;
    match subject.token {
        Ok(held) => {
            let age = subject.now.since(held.fetched_at).as_secs();
            let left = held.expires_at.since(subject.now).as_secs();
            let zh = format!("access_token 有效，已用 {age} 秒，还剩 {left} 秒");
            let en = format!("the access_token is valid, {age} s old, {left} s left");
            Check::new(name, CheckStatus::Ok, Text::new(zh, en))
        }
        Err(EngineError::WeChat(error)) => Check::failed(name, error),
        Err(error) => {
            let errcode = errcode_of(error);
            let told = match error {
                EngineError::Token(trouble) => problem::no_token(&trouble.detail),
                error => error.to_string().into(),
            };
            let found = errcode.and_then(Text::meaning).unwrap_or_else(|| Text::of(&told));
            let mend = errcode.and_then(Text::advice).or_else(|| Some(unreachable()));
            Check { mend, errcode, ..Check::new(name, CheckStatus::Failed, found) }
        }
    }
}

fn errcode_of(error: &EngineError) -> Option<i64> {
    match error {
        EngineError::Token(trouble) => trouble.errcode,
        EngineError::WeChat(error) => error.code(),
        _ => None,
    }
}

/// Any call that WeChat refuses for our address says so, not only that for the token.
fn ip(subject: &Subject<'_>, asked: Option<&Asked>) -> Check {
    let name = CheckName::Ip;
    let fetched = subject.token.as_ref().err();
    let fetched = fetched.filter(|error| is_ip(errcode_of(error))).map(ToString::to_string);
    let called = asked.and_then(|asked| asked.errors().find(|error| is_ip(error.code())));
    match (fetched.or_else(|| called.map(ToString::to_string)), asked) {
        (Some(told), _) => not_allowed(&told),
        (None, None) => skipped(name),
        (None, Some(_)) => Check::new(
            name,
            CheckStatus::Ok,
            Text::new("微信接受本机的出口 IP", "WeChat accepts our address"),
        ),
    }
}

fn is_ip(errcode: Option<i64>) -> bool {
    errcode.map(errcode::class) == Some(Class::IpNotAllowed)
}

fn not_allowed(told: &str) -> Check {
    let ip = callers_ip(told).map(str::to_owned);
    let (zh, en) = match &ip {
        Some(ip) => (format!("出口 IP {ip} "), format!("our address {ip} ")),
        None => ("本机的出口 IP ".to_owned(), "our address ".to_owned()),
    };
    let found = Text::new(zh + "不在公众号的 IP 白名单里", en + "is not on the account's allow-list");
    let (errcode, mend) = (Some(40164), Some(allow(ip.as_deref())));
    Check { ip, errcode, mend, ..Check::new(CheckName::Ip, CheckStatus::Failed, found) }
}

fn permission(listed: &Result<Vec<String>, CallError>) -> Check {
    let name = CheckName::Permission;
    match listed {
        Ok(_) => {
            Check::new(name, CheckStatus::Ok, Text::new("有模板消息权限", "it may use template messages"))
        }
        Err(error) => Check::failed(name, error),
    }
}

/// What WeChat lists, beside what we know.
fn templates(account: &Account, listed: &Result<Vec<String>, CallError>) -> Check {
    let name = CheckName::Templates;
    let Ok(listed) = listed else { return skipped(name) };
    let count = listed.len();
    let known = account.templates().count();
    let found =
        Text::new(format!("模板 {count}/{TEMPLATES_MAX}"), format!("{count} of {TEMPLATES_MAX} templates"));
    let check = Check::new(name, CheckStatus::Ok, found);
    if count == 0 {
        let check = Check { status: CheckStatus::Failed, ..check };
        return check.mend(
            "还没有模板：hongyan template add --short-id …，从模板库添加一个",
            "there is none: hongyan template add --short-id … adds one from WeChat's library",
        );
    }
    if known != count || listed.iter().any(|id| account.template(id).is_none()) {
        let check = Check { status: CheckStatus::Warning, ..check };
        return check.mend(
            "与本地的模板不一致：hongyan template sync",
            "ours differ from WeChat's: hongyan template sync",
        );
    }
    if count >= TEMPLATES_MAX {
        let check = Check { status: CheckStatus::Warning, ..check };
        return check
            .mend("已满：添加前先删除不用的", "it is full: delete one that is not used before adding");
    }
    check
}

fn quota(quota: &Result<Quota, CallError>) -> Check {
    let name = CheckName::Quota;
    let quota = match quota {
        Ok(quota) => quota,
        Err(error) => return Check::failed(name, error),
    };
    let Quota { daily_limit, used, remain, .. } = quota;
    let zh = format!("今日发送额度 {daily_limit}，已用 {used}，剩余 {remain}");
    let en = format!("{daily_limit} sends today, {used} used, {remain} left");
    let check = Check::new(name, CheckStatus::Ok, Text::new(zh, en));
    match *remain {
        0 => Check { status: CheckStatus::Failed, ..check }.mend(
            "今日额度已用完：北京时间 0 点自动恢复，急用可清零（每月 10 次）",
            "today's quota is used up: it is new at midnight in Shanghai; it can be cleared 10 times a month",
        ),
        left if left < daily_limit / 10 => Check { status: CheckStatus::Warning, ..check }
            .mend("剩余不到一成：留给紧急消息", "less than a tenth is left: keep it for what is urgent"),
        _ => check,
    }
}

fn callback(subject: &Subject<'_>) -> Check {
    let appid = subject.account.appid();
    let (name, path) = (CheckName::Callback, format!("/callback/{appid}"));
    match &subject.account.record.callback {
        Some(keys) if keys.aes_key.is_some() => {
            let zh = format!("已配置（安全模式），回调地址路径 {path}");
            let en = format!("configured in safe mode; its path is {path}");
            Check::new(name, CheckStatus::Ok, Text::new(zh, en))
        }
        Some(_) => {
            let zh = format!("已配置（明文模式），回调地址路径 {path}");
            let en = format!("configured in plain mode; its path is {path}");
            let zh_mend = format!(
                "明文模式的签名不覆盖内容：在微信后台改为安全模式，然后 hongyan account add --appid {appid} --aes-key …"
            );
            let en_mend = format!(
                "in plain mode the signature covers no body: choose 安全模式 in WeChat's console, then \
                 hongyan account add --appid {appid} --aes-key …"
            );
            let mend = Some(Text::new(zh_mend, en_mend));
            Check { mend, ..Check::new(name, CheckStatus::Warning, Text::new(zh, en)) }
        }
        None => {
            let found =
                Text::new("没有配置回调，收不到送达回执", "there is no callback, so no receipts will come");
            let mend = Some(callback_mend(subject, &path));
            Check { mend, ..Check::new(name, CheckStatus::Warning, found) }
        }
    }
}

fn callback_mend(subject: &Subject<'_>, path: &str) -> Text {
    let appid = subject.account.appid();
    let add = format!("hongyan account add --appid {appid} --token … --aes-key …");
    let (zh, en) = match subject.public_url {
        Some(url) => (format!("{url}{path}"), format!("{url}{path}")),
        None => (
            format!("本服务的公网地址加 {path}（设置 http.public_url 后这里显示完整地址）"),
            format!("this server's public address and {path} (set http.public_url to see it whole here)"),
        ),
    };
    Text::new(
        format!("在微信后台 服务器配置 里填写 {zh}，再把那里的 Token 和 EncodingAESKey 告诉鸿雁：{add}"),
        format!("enter {en} in WeChat's console (服务器配置), and its Token and EncodingAESKey here: {add}"),
    )
}

fn skipped(name: CheckName) -> Check {
    Check::new(name, CheckStatus::Skipped, Text::new("先解决前面的问题", "mend what failed above first"))
}

fn unreachable() -> Text {
    Text::new(
        "检查本机到微信的网络、DNS 和代理，然后再试",
        "check network, DNS and proxy between here and WeChat, then try again",
    )
}
