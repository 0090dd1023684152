//! What people are told of an alert: what it means, what was done, what to do.

use hongyan_domain::Lang;
use hongyan_domain::alert::{AlertRule, Metric, News, Severity, Standing};
use hongyan_store::NoteWords;
use hongyan_wechat::errcode;

use crate::account::catalog::Account;
use crate::watch::done::done_about;

/// What a note is about.
pub(super) struct About<'a> {
    pub(super) rule: &'a AlertRule,
    pub(super) account: Option<&'a Account>,
    /// The template, or the webhook.
    pub(super) subject: &'a str,
    pub(super) standing: &'a Standing,
    pub(super) news: News,
    /// The console.
    pub(super) link: Option<&'a str>,
}

impl About<'_> {
    pub(super) fn words(&self, lang: Lang) -> NoteWords {
        let (done, advice) = self.mend();
        let mut lines = vec![self.measured(lang)];
        lines.extend(self.meaning(lang));
        if self.news != News::Resolved {
            lines.push(pick(lang, ("系统已处理：", "Already done: ")).to_owned() + pick(lang, done));
            lines.push(pick(lang, ("建议：", "To do: ")).to_owned() + pick(lang, advice));
        }
        let link = self.link.map(|console| format!("{}/alerts", console.trim_end_matches('/')));
        NoteWords { title: self.title(lang), lines, link }
    }

    fn title(&self, lang: Lang) -> String {
        let severity = match (self.news, self.rule.severity) {
            (News::Resolved, _) => ("已恢复", "resolved"),
            (_, Severity::Critical) => ("严重", "critical"),
            (_, Severity::Warning) => ("警告", "warning"),
            (_, Severity::Info) => ("提示", "info"),
        };
        let whose = self.account.map_or_else(
            || self.subject.to_owned(),
            |account| format!("{} ({})", account.record.name, account.appid()),
        );
        let again = if self.news == News::Again { pick(lang, ("仍未恢复 · ", "still · ")) } else { "" };
        format!("[{}] {again}{} · {whose}", pick(lang, severity), self.rule.name)
    }

    fn measured(&self, lang: Lang) -> String {
        let (value, threshold) = (self.number(self.standing.value), self.number(self.rule.threshold));
        let window = self.rule.window_minutes;
        let name = pick(lang, metric(self.rule.metric));
        match lang {
            Lang::Zh => format!("{name}：{value}（阈值 {threshold}，窗口 {window} 分钟）"),
            Lang::En => format!("{name}: {value} (threshold {threshold}, over {window} minutes)"),
        }
    }

    fn number(&self, value: f64) -> String {
        match self.rule.metric {
            Metric::ErrcodeRate | Metric::SuccessRate | Metric::LateShare | Metric::UserBlockRate => {
                format!("{:.1}%", value * 100.0)
            }
            _ if value.fract() == 0.0 => format!("{value:.0}"),
            _ => format!("{value:.1}"),
        }
    }

    fn meaning(&self, lang: Lang) -> Option<String> {
        let of_template = !self.subject.is_empty() && self.account.is_some();
        let template = of_template.then(|| format!("{} {}", pick(lang, ("模板", "template")), self.subject));
        let row = self.rule.errcode.and_then(errcode::lookup);
        let errcode = row.map(|row| format!("{}: {}", row.code, pick(lang, (row.zh, row.en))));
        let parts: Vec<_> = errcode.into_iter().chain(template).collect();
        (!parts.is_empty()).then(|| parts.join(" · "))
    }

    /// What was done, and what to do.
    fn mend(&self) -> (Pair, Pair) {
        if let Some(code) = self.rule.errcode {
            let advice = errcode::lookup(code)
                .map_or(("查看消息时间线", "look at a message's timeline"), |row| {
                    (row.advice_zh, row.advice_en)
                });
            return (done_about(code), advice);
        }
        mend(self.rule.metric)
    }
}

type Pair = (&'static str, &'static str);

fn pick(lang: Lang, (zh, en): Pair) -> &'static str {
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

fn metric(metric: Metric) -> Pair {
    match metric {
        Metric::ErrcodeCount => ("错误次数", "Errors"),
        Metric::ErrcodeRate => ("错误比例", "Share of errors"),
        Metric::SuccessRate => ("送达率", "Success rate"),
        Metric::LateShare => ("超时比例", "Share that was late"),
        Metric::BacklogAge => ("队首超过期限（秒）", "Seconds over the deadline"),
        Metric::QuotaForecast => ("额度还可用（小时）", "Hours until the quota is used up"),
        Metric::TokenFailure => ("取不到令牌", "No access_token"),
        Metric::CallbackSilence => ("未收到回调（分钟）", "Minutes without a callback"),
        Metric::UserBlockRate => ("用户拒收比例", "Share of people who blocked"),
        Metric::WebhookFailure => ("业务回调持续失败（小时）", "Hours a webhook has failed"),
        Metric::TemplateChanged => ("模板被他人改动次数", "Changes of templates by others"),
    }
}

fn mend(metric: Metric) -> (Pair, Pair) {
    match metric {
        Metric::SuccessRate => (
            (
                "失败的消息已记录原因；结果不明的不会重复发送",
                "causes are kept; what is in doubt is not sent twice",
            ),
            (
                "在总览查看错误码排行，按建议处理",
                "look at the error codes in the overview and follow their advice",
            ),
        ),
        Metric::LateShare | Metric::BacklogAge => (
            ("按截止时间先后发送，紧急通道优先", "messages go by deadline, urgent ones first"),
            (
                "检查公众号是否暂停、速率上限是否过低、微信是否变慢",
                "see whether the account stands still, its rate is too low, or WeChat is slow",
            ),
        ),
        Metric::QuotaForecast => (
            ("最后十分之一额度只留给紧急通道", "the last tenth of the quota is kept for urgent messages"),
            ("推迟群发，或在微信后台提高额度", "put off bulk messages, or have the quota raised at WeChat"),
        ),
        Metric::TokenFailure => (
            (
                "退避重试中；消息保留排队，不消耗重试次数",
                "it is tried again with waits; messages stay queued and spend no attempt",
            ),
            (
                "检查 AppSecret、IP 白名单与到微信的网络",
                "check AppSecret, IP allow-list and the network to WeChat",
            ),
        ),
        Metric::CallbackSilence => (
            (
                "消息照常发送；三天内没有回执的记为 unknown",
                "messages go on; without a receipt in three days they become unknown",
            ),
            (
                "检查公众号后台的服务器配置与本服务的公网地址",
                "check the server settings in WeChat's console and this server's public address",
            ),
        ),
        Metric::UserBlockRate => (
            ("拒收的接收者已列入禁发", "those who blocked are suppressed"),
            ("减少营销类消息，检查内容与频次", "send less marketing, look at content and frequency"),
        ),
        Metric::WebhookFailure => (
            (
                "按 5 秒到 24 小时退避重试；失败五天后停用，结果保留七天可重放",
                "it is tried again after 5 s to 24 h; after five days it is switched off; seven days can be replayed",
            ),
            ("检查业务系统的接收地址，恢复后重放", "mend the receiver, then replay"),
        ),
        Metric::TemplateChanged => (
            (
                "已按微信的模板库更新；旧文本留有版本，用已删模板的消息微信会拒绝",
                "our list follows WeChat's; old texts are kept, and WeChat refuses messages by a template that is gone",
            ),
            (
                "运行 hongyan template notices 查看改动，并检查使用该模板的场景",
                "see `hongyan template notices`, and check the scenarios that use the template",
            ),
        ),
        Metric::ErrcodeCount | Metric::ErrcodeRate => (("—", "—"), ("—", "—")),
    }
}
