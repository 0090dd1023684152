//! The adviser: how a message could be read and tapped more. Advice comes with its reason and never blocks.

use hongyan_domain::{FieldKind, Tap, Template};
use serde::Serialize;

use crate::industry::Industry;
use crate::links::utm;

mod text;

/// Fields a reader takes in: 3.2 on average, so what matters belongs in the first three.
const READ_FIELDS: usize = 3;

/// A message as it stands, to be advised on.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The template it fills.
    pub template: &'a Template,
    /// What was given for its fields, in any order.
    pub fields: &'a [DraftField<'a>],
    /// Where a tap leads.
    pub tap: &'a Tap,
    /// The trade to compare with; none leaves out what only figures by trade can tell.
    pub industry: Option<Industry>,
}

/// What was given for one field.
#[derive(Clone, Copy, Debug)]
pub struct DraftField<'a> {
    /// Its name in the template: `thing1`.
    pub name: &'a str,
    /// The value.
    pub value: &'a str,
    /// Whether a colour was given.
    pub coloured: bool,
}

/// What a piece of advice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdviceCode {
    /// The first line says neither what happened nor what to do.
    FirstFieldNotActionLed,
    /// Something minor stands before something that matters, and pushes it past the third line.
    ImportantFieldLate,
    /// Fewer fields than serve best.
    TooFewFields,
    /// More fields than serve best.
    TooManyFields,
    /// Colours are ignored since 2023-05-04.
    ColourIgnored,
    /// `first` and `remark` are not shown since 2023-05-04.
    HeadAndTailNotShown,
    /// A tap leads nowhere.
    NoLink,
    /// The link cannot be told apart in the statistics of the site.
    NoUtm,
}

/// One piece of advice, in two languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What it is about.
    pub code: AdviceCode,
    /// What to do.
    pub text_zh: String,
    /// The same in English.
    pub text_en: String,
    /// Why.
    pub reason_zh: String,
    /// The same in English.
    pub reason_en: String,
}

/// What a phone shows as a line.
struct Line<'a> {
    label: &'a str,
    kind: FieldKind,
    value: &'a str,
}

/// All that could be better, the most telling first. An empty list is praise.
pub fn advise(draft: &Draft<'_>) -> Vec<Advice> {
    let lines = shown_lines(draft);
    let mut advice = Vec::new();
    advice.extend(lines.first().filter(|line| !is_action_led(line)).map(text::first_field));
    advice.extend(late_field(&lines).map(|(minor, major)| text::late_field(minor, major)));
    advice.extend(draft.industry.and_then(|industry| text::field_count(lines.len(), industry)));
    advice.extend(tap_advice(draft));
    if draft.fields.iter().any(|field| field.coloured) {
        advice.push(text::colour());
    }
    if draft.fields.iter().any(|field| is_hidden(FieldKind::of_name(field.name)) && !field.value.is_empty()) {
        advice.push(text::head_and_tail());
    }
    advice
}

/// The lines that are seen, in the template's order.
fn shown_lines<'a>(draft: &Draft<'a>) -> Vec<Line<'a>> {
    let fields = draft.template.fields.iter().filter(|field| !is_hidden(field.kind));
    let lines = fields.filter_map(|field| {
        let given = draft.fields.iter().find(|given| given.name == field.name)?;
        Some(Line { label: &field.label, kind: field.kind, value: given.value })
    });
    lines.collect()
}

fn is_hidden(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::First | FieldKind::Remark)
}

/// Whether the line says that something happened, will happen or is to be done.
fn is_action_led(line: &Line<'_>) -> bool {
    const ACTIONS: [&str; 28] = [
        "已", "请", "待", "将", "成功", "完成", "失败", "开始", "到账", "发货", "签收", "取消", "到期",
        "过期", "派送", "送达", "退款", "支付", "缴费", "预约", "开课", "上课", "就诊", "取件", "审核",
        "通过", "升级", "到店",
    ];
    ACTIONS.iter().any(|action| line.value.contains(action))
}

/// The first minor line among the first three, and the first that matters after them.
fn late_field<'a>(lines: &'a [Line<'a>]) -> Option<(&'a str, &'a str)> {
    let minor = lines.iter().take(READ_FIELDS).find(|line| weight(line) == Weight::Minor)?;
    let major = lines.iter().skip(READ_FIELDS).find(|line| weight(line) == Weight::Major)?;
    Some((minor.label, major.label))
}

/// How much a reader wants to know a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Minor,
    Plain,
    Major,
}

fn weight(line: &Line<'_>) -> Weight {
    const MINOR: [&str; 9] = ["备注", "说明", "温馨提示", "客服", "咨询", "商户", "公司", "姓名", "昵称"];
    const MAJOR: [&str; 9] = ["状态", "进度", "结果", "金额", "费用", "时间", "日期", "地点", "地址"];
    let says = |words: &[&str]| words.iter().any(|word| line.label.contains(word));
    match line.kind {
        _ if says(&MINOR) => Weight::Minor,
        FieldKind::Amount | FieldKind::Time | FieldKind::Date | FieldKind::Phrase => Weight::Major,
        _ if says(&MAJOR) => Weight::Major,
        _ => Weight::Plain,
    }
}

fn tap_advice(draft: &Draft<'_>) -> Option<Advice> {
    let link = match draft.tap {
        Tap::Nothing => return Some(text::no_link(draft.industry)),
        Tap::Url { url } => url,
        Tap::Miniprogram { pagepath, .. } => pagepath.as_deref()?,
    };
    (!utm::has_source(link)).then(text::no_utm)
}

#[cfg(test)]
mod tests;
