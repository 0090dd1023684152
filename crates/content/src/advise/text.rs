//! What the adviser says.

use super::{Advice, AdviceCode, Line};
use crate::industry::Industry;

fn advice(code: AdviceCode, text: [String; 2], reason: [&str; 2]) -> Advice {
    let [text_zh, text_en] = text;
    let [reason_zh, reason_en] = reason.map(str::to_owned);
    Advice { code, text_zh, text_en, reason_zh, reason_en }
}

pub(super) fn first_field(line: &Line<'_>) -> Advice {
    let label = shown(line.label);
    advice(
        AdviceCode::FirstFieldNotActionLed,
        [
            format!("首行“{label}”请直接写明发生了什么或需要做什么，例如“您的订单已发货”。"),
            format!(
                "Let the first line ({label}) say what happened or what to do, such as \"your order has shipped\"."
            ),
        ],
        [
            "以动作开头的首行（“您的订单已发货”）比“订单状态更新”多 27% 的点击。",
            "An action-led first line (\"your order has shipped\") gets 27 % more clicks than \"order status update\".",
        ],
    )
}

pub(super) fn late_field(minor: &str, major: &str) -> Advice {
    let (minor, major) = (shown(minor), shown(major));
    advice(
        AdviceCode::ImportantFieldLate,
        [
            format!("把“{major}”移到前三行，“{minor}”放到后面。"),
            format!("Move {major} into the first three lines and {minor} further down."),
        ],
        ["读者平均只看 3.2 个字段。", "Readers take in 3.2 fields on average."],
    )
}

pub(super) fn field_count(count: usize, industry: Industry) -> Option<Advice> {
    let (best, (name_zh, name_en)) = (industry.best_fields(), industry.names());
    if best.contains(&count) {
        return None;
    }
    let (code, zh, en) = if count < *best.start() {
        (AdviceCode::TooFewFields, "补充到", "add some, up to")
    } else {
        (AdviceCode::TooManyFields, "精简到", "cut them down to")
    };
    let (low, high) = (best.start(), best.end());
    Some(advice(
        code,
        [
            format!("现有 {count} 个字段，建议{zh} {low}–{high} 个。"),
            format!("It has {count} fields: {en} {low} to {high}."),
        ],
        [
            &format!("{name_zh}行业阅读效果最好的是 {low}–{high} 个字段。"),
            &format!("In {name_en}, {low} to {high} fields are read best."),
        ],
    ))
}

pub(super) fn colour() -> Advice {
    advice(
        AdviceCode::ColourIgnored,
        [
            "不必设置颜色：173177（重点）和 888888（次要）都不再生效，请用字段顺序突出重点。".to_owned(),
            "Leave colours out: neither 173177 (what matters) nor 888888 (the rest) has any effect; put what matters first."
                .to_owned(),
        ],
        [
            "自 2023 年 5 月 4 日起，微信不再显示模板消息的自定义颜色。",
            "Since 2023-05-04 WeChat ignores the colours of template messages.",
        ],
    )
}

pub(super) fn head_and_tail() -> Advice {
    advice(
        AdviceCode::HeadAndTailNotShown,
        [
            "first 和 remark 的内容请移到其他字段。".to_owned(),
            "Move what first and remark say into other fields.".to_owned(),
        ],
        [
            "自 2023 年 5 月 4 日起，微信不再显示模板消息的首行（first）和备注（remark）。",
            "Since 2023-05-04 WeChat shows neither first nor remark.",
        ],
    )
}

pub(super) fn no_link(industry: Option<Industry>) -> Advice {
    let (zh, en) = industry.map_or(("详情页", "a page with the details"), Industry::landing_page);
    advice(
        AdviceCode::NoLink,
        [format!("加上跳转链接，例如{zh}。"), format!("Add a link, to {en} for example.")],
        ["没有链接的消息点开后无处可去。", "A tap on a message without a link leads nowhere."],
    )
}

pub(super) fn no_utm() -> Advice {
    advice(
        AdviceCode::NoUtm,
        ["给链接加上 UTM 参数。".to_owned(), "Add UTM parameters to the link.".to_owned()],
        [
            "带 UTM 参数、按来源优化的链接转化率高 43%。",
            "Links with UTM parameters, tuned by source, convert 43 % better.",
        ],
    )
}

/// A label as it is spoken of; a field may have none.
fn shown(label: &str) -> &str {
    if label.is_empty() { "…" } else { label }
}
