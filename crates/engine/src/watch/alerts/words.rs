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
        let reading = reading(self.rule);
        let mut lines = vec![self.measured(lang), self.meaning(lang, reading.meaning)];
        if self.news != News::Resolved {
            lines.push(pick(lang, ("系统已处理：", "Already done: ")).to_owned() + pick(lang, reading.done));
            lines.push(pick(lang, ("建议：", "To do: ")).to_owned() + pick(lang, reading.advice));
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
            // A thousandth is much of it already.
            Metric::ComplaintRate => format!("{:.3}%", value * 100.0),
            _ if value.fract() == 0.0 => format!("{value:.0}"),
            _ => format!("{value:.1}"),
        }
    }

    fn meaning(&self, lang: Lang, meaning: Pair) -> String {
        let code = self.rule.errcode.map(|code| format!("{code}: ")).unwrap_or_default();
        let template = if self.subject.is_empty() || self.account.is_none() {
            String::new()
        } else {
            format!(" · {} {}", pick(lang, ("模板", "template")), self.subject)
        };
        format!("{code}{}{template}", pick(lang, meaning))
    }
}

/// A sentence in Chinese and in English.
type Pair = (&'static str, &'static str);

/// What a person has to know of what a rule finds, each in Chinese and in English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it means.
    pub meaning: (&'static str, &'static str),
    /// What Hongyan does about it by itself.
    pub done: (&'static str, &'static str),
    /// What to do.
    pub advice: (&'static str, &'static str),
}

/// How to read what this rule finds.
pub fn reading(rule: &AlertRule) -> Reading {
    let Some(code) = rule.errcode else {
        let (done, advice) = mend(rule.metric);
        return Reading { meaning: meaning(rule.metric), done, advice };
    };
    let unknown = ("微信返回了未收录的错误码", "WeChat answers with a code that is not in the tables");
    let (meaning, advice) = errcode::lookup(code)
        .map_or((unknown, ("查看消息时间线", "look at a message's timeline")), |row| {
            ((row.zh, row.en), (row.advice_zh, row.advice_en))
        });
    Reading { meaning, done: done_about(code), advice }
}

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
        Metric::ComplaintRate => ("用户投诉比例", "Share of messages complained of"),
        Metric::BrakePulled => ("模板熔断", "Template braked"),
        Metric::ApprovalWait => ("最早一条待审核（分钟）", "Minutes the first has waited for approval"),
        Metric::WebhookFailure => ("业务回调持续失败（小时）", "Hours a webhook has failed"),
        Metric::TemplateChanged => ("模板被他人改动次数", "Changes of templates by others"),
    }
}

fn meaning(metric: Metric) -> Pair {
    match metric {
        Metric::SuccessRate => {
            ("已有结果的消息中，送达的太少", "of the messages that ended, too few were delivered")
        }
        Metric::LateShare => {
            ("超过期限才交给微信的消息太多", "too many messages were with WeChat after their deadline")
        }
        Metric::BacklogAge => {
            ("最早的消息已超过期限，仍在排队", "the first message is past its deadline and still waits")
        }
        Metric::QuotaForecast => {
            ("按现在的速率，今日额度很快用完", "at the present rate today's quota is used up soon")
        }
        Metric::TokenFailure => {
            ("没有可用的 access_token，消息发不出去", "there is no access_token, so nothing can be sent")
        }
        Metric::CallbackSilence => (
            "消息在发送，微信却没有回调，不知道是否送达",
            "messages go and WeChat does not call back: whether they arrive is not known",
        ),
        Metric::UserBlockRate => ("关闭消息的用户太多", "too many people have switched the messages off"),
        Metric::ComplaintRate => {
            ("投诉消息的用户太多，微信会处罚模板", "too many people complain: WeChat punishes the template")
        }
        Metric::BrakePulled => (
            "模板风险过高，熔断已触发，等待人工解除",
            "a template makes too much trouble: its brake was pulled and waits for a person",
        ),
        Metric::ApprovalWait => (
            "含疑似敏感词的消息等待人工审核，过期未审核即不再发送",
            "messages with doubtful words wait for a person; those that expire first are not sent",
        ),
        Metric::WebhookFailure => {
            ("业务系统收不到消息的最终结果", "a business is not told what became of its messages")
        }
        Metric::TemplateChanged => {
            ("模板在微信被他人修改或删除", "a template was changed or removed at WeChat by others")
        }
        Metric::ErrcodeCount | Metric::ErrcodeRate => ("—", "—"),
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
        Metric::ComplaintRate => (
            ("投诉者已列入禁发名单", "those who complained are suppressed"),
            (
                "运行 hongyan complaint list 查看投诉，修改文案或停用该模板",
                "see `hongyan complaint list`; change the wording or stop the template",
            ),
        ),
        Metric::BrakePulled => (
            (
                "该模板的消息保留等待；仅观察时照常发送",
                "messages by the template wait; where the brake is only observed they go",
            ),
            (
                "查看原因，改好后运行 hongyan compliance release ID --reason …",
                "look at what made the trouble, mend it, then hongyan compliance release ID --reason …",
            ),
        ),
        Metric::ApprovalWait => (
            ("消息保留等待，不会自行发出", "the messages wait and do not go by themselves"),
            (
                "在控制台“审核”页或用 hongyan approval 批准或拒绝",
                "approve or reject them on the console's approvals page or by hongyan approval",
            ),
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
