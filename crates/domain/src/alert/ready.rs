//! The rules that are there from the start. Each may be changed or switched off; deleted, it is as here again.

use super::{AlertRule, Metric, Scope, Severity};

/// The ready rules.
pub fn ready() -> Vec<AlertRule> {
    vec![
        // The requirements name this code as "too often"; officially it is "POST required", a fault of a program.
        errcode("errcode-43002", "43002 请求方式错误", 43002, (1.0, Severity::Critical)),
        errcode("errcode-45009", "45009 当日额度用完", 45009, (1.0, Severity::Critical)),
        errcode("errcode-45011", "45011 每分钟频率超限", 45011, (10.0, Severity::Warning)),
        errcode("errcode-40001", "40001 令牌失效", 40001, (5.0, Severity::Critical)),
        AlertRule {
            scope: Scope::Template,
            ..errcode("errcode-40037", "40037 模板无效", 40037, (1.0, Severity::Critical))
        },
        errcode("errcode-48004", "48004 接口被封禁", 48004, (1.0, Severity::Critical)),
        AlertRule {
            at_least: 50,
            for_minutes: 5,
            window_minutes: 15,
            ..rule("success-rate", "送达率过低", Metric::SuccessRate, (0.9, Severity::Critical))
        },
        AlertRule {
            at_least: 50,
            for_minutes: 5,
            window_minutes: 15,
            ..rule("late-share", "超时发送过多", Metric::LateShare, (0.05, Severity::Warning))
        },
        AlertRule {
            for_minutes: 5,
            ..rule("backlog-age", "队列积压", Metric::BacklogAge, (600.0, Severity::Critical))
        },
        AlertRule {
            for_minutes: 5,
            ..rule("quota-forecast", "额度即将用完", Metric::QuotaForecast, (2.0, Severity::Warning))
        },
        AlertRule {
            for_minutes: 2,
            ..rule("token-failure", "取不到令牌", Metric::TokenFailure, (1.0, Severity::Critical))
        },
        AlertRule {
            at_least: 20,
            window_minutes: 30,
            ..rule("callback-silence", "收不到微信回调", Metric::CallbackSilence, (30.0, Severity::Critical))
        },
        AlertRule {
            at_least: 50,
            window_minutes: 60,
            ..rule("user-block-rate", "用户拒收过多", Metric::UserBlockRate, (0.05, Severity::Warning))
        },
        AlertRule {
            at_least: 500,
            window_minutes: 24 * 60,
            ..rule("complaint-rate", "用户投诉过多", Metric::ComplaintRate, (0.001, Severity::Critical))
        },
        AlertRule {
            scope: Scope::Template,
            ..rule("brake-pulled", "模板已熔断", Metric::BrakePulled, (1.0, Severity::Critical))
        },
        rule("approval-wait", "有消息待人工审核", Metric::ApprovalWait, (30.0, Severity::Warning)),
        rule("webhook-failure", "业务回调持续失败", Metric::WebhookFailure, (1.0, Severity::Warning)),
        AlertRule {
            scope: Scope::Template,
            window_minutes: 60,
            ..rule(
                "template-changed",
                "模板在微信后台被改动",
                Metric::TemplateChanged,
                (1.0, Severity::Warning),
            )
        },
    ]
}

fn errcode(id: &str, name: &str, errcode: i64, limit: (f64, Severity)) -> AlertRule {
    AlertRule { errcode: Some(errcode), ..rule(id, name, Metric::ErrcodeCount, limit) }
}

fn rule(id: &str, name: &str, metric: Metric, (threshold, severity): (f64, Severity)) -> AlertRule {
    AlertRule {
        id: id.to_owned(),
        name: name.to_owned(),
        enabled: true,
        severity,
        metric,
        errcode: None,
        scope: Scope::Account,
        appids: Vec::new(),
        window_minutes: 5,
        threshold,
        clear: None,
        at_least: 0,
        for_minutes: 0,
        repeat_minutes: 240,
        channels: Vec::new(),
    }
}
