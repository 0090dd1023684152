//! Whether anything holds an account's messages up: a person's order, or what WeChat answers.

use hongyan_domain::Cause;
use hongyan_engine::Pause;
use hongyan_store::Paused;
use hongyan_wechat::callers_ip;

use super::{Check, CheckName, CheckStatus, Subject};
use crate::account::advice;
use crate::answer::text::Text;

/// A person's order goes before what WeChat's answers caused.
pub(super) fn sending(subject: &Subject<'_>) -> Check {
    let (name, account, waiting) = (CheckName::Sending, subject.account, subject.traffic.waiting);
    if account.is_paused(subject.now)
        && let Some(ordered) = &account.record.paused
    {
        return paused(subject, ordered);
    }
    let pause = subject.traffic.pause.filter(|pause| subject.now < pause.until);
    let Some(Pause { until, cause }) = pause else {
        if !account.policies.braked().is_empty() {
            return braked(subject);
        }
        let (zh, en) =
            (format!("没有暂停；{waiting} 条等待"), format!("nothing holds it up, {waiting} waiting"));
        return Check::new(name, CheckStatus::Ok, Text::new(zh, en));
    };
    let status = match cause {
        Cause::RateLimited | Cause::Busy => CheckStatus::Warning,
        _ => CheckStatus::Failed,
    };
    let cause_word = cause.as_str();
    let zh = format!("暂停发送（{cause_word}）；{waiting} 条等待，{until} 再试");
    let en = format!("stands still ({cause_word}), {waiting} waiting; looks again at {until}");
    let mend = match cause {
        Cause::IpNotAllowed => {
            let told = account.token.trouble().map(|trouble| trouble.detail).unwrap_or_default();
            Some(allow(callers_ip(&told)))
        }
        cause => advice(cause),
    };
    Check { mend, ..Check::new(name, status, Text::new(zh, en)) }
}

/// Messages go, but not by these templates: a person has to look at them.
fn braked(subject: &Subject<'_>) -> Check {
    let (templates, waiting) = (subject.account.policies.braked().join(", "), subject.traffic.waiting);
    let zh = format!("模板 {templates} 因风险过高已熔断；{waiting} 条等待");
    let en = format!("braked because of their risk: templates {templates}, {waiting} waiting");
    let mend = "hongyan compliance brakes; hongyan compliance release ID --reason …";
    Check::new(CheckName::Sending, CheckStatus::Warning, Text::new(zh, en)).mend(mend, mend)
}

fn paused(subject: &Subject<'_>, ordered: &Paused) -> Check {
    let Paused { reason, until } = ordered;
    let waiting = subject.traffic.waiting;
    let (zh, en) =
        (format!("已暂停：{reason}；{waiting} 条等待"), format!("paused: {reason}, {waiting} waiting"));
    let (zh, en) = match until {
        Some(until) => (format!("{zh}，到 {until} 恢复"), format!("{en}, until {until}")),
        None => (zh, en),
    };
    let resume = format!("hongyan account resume --appid {}", subject.account.appid());
    let mend = Some(Text::new(resume.clone(), resume));
    Check { mend, ..Check::new(CheckName::Sending, CheckStatus::Failed, Text::new(zh, en)) }
}

/// What mends a refused address.
pub(super) fn allow(ip: Option<&str>) -> Text {
    let (zh, en) = match ip {
        Some(ip) => (format!("添加 {ip} "), format!("add {ip} ")),
        None => ("把它添加".to_owned(), "add it ".to_owned()),
    };
    Text::new(
        zh + "到微信公众平台（或开发者平台）的 基本配置 → IP白名单；几分钟内自动恢复发送",
        en + "to 基本配置 → IP白名单 in WeChat's console; sending goes on by itself within minutes",
    )
}
