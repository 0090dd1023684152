//! Check: what WeChat's reviewers would refuse, all of it at once, each fault with its mend. About a third of all
//! applications is rejected; a fault found here costs none of the three submits of a month.

use serde::Serialize;

use super::{Application, Keyword};
use crate::message::words;
use crate::request::check_url;
use crate::{FieldKind, field_rule, industry, text};

/// Characters of a title.
const TITLE_MAX: usize = 20;
/// Keywords of a template.
const KEYWORDS_MAX: usize = 10;
/// Characters of the purpose; a bound of ours, for people read it.
const PURPOSE_MAX: usize = 200;
/// Links; a bound of ours, for people open them.
const LINKS_MAX: usize = 5;

/// What a title ends with.
const ENDINGS: [&str; 2] = ["通知", "提醒"];
/// Words that say nothing of the kind of message: what is left of a title without them must be something.
const EMPTY_WORDS: [&str; 20] = [
    "通知",
    "提醒",
    "消息",
    "公告",
    "信息",
    "模板",
    "推送",
    "系统",
    "重要",
    "最新",
    "温馨",
    "服务",
    "微信",
    "公众号",
    "用户",
    "客户",
    "您的",
    "测试",
    "相关",
    "的",
];
/// Wording of 运营规范 3.9 in a title: marketing, lotteries, induced sharing.
const MARKETING: [&str; 20] = [
    "促销", "特价", "秒杀", "抢购", "红包", "抽奖", "大奖", "返现", "折扣", "打折", "优惠", "福利", "免费",
    "限时", "推广", "广告", "营销", "活动", "分享", "邀请",
];
/// Names of lines that explain and so come last.
const CLOSING: [&str; 5] = ["备注", "提示", "说明", "注意", "留言"];

/// What the check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// To be mended before it is handed in.
    pub faults: Vec<Finding>,
    /// What would make it better.
    pub advice: Vec<Finding>,
}

/// One finding, with what to do, in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The path: `title`, `keywords.2`, `sample.订单编号`.
    pub field: String,
    /// The kind, for programs.
    pub code: FaultCode,
    /// 中文
    pub zh: String,
    /// English.
    pub en: String,
}

words! {
    /// The kinds of finding.
    FaultCode {
        /// It has to be given.
        Missing = "missing",
        /// Longer than is taken.
        TooLong = "too_long",
        /// More than are taken.
        TooMany = "too_many",
        /// Given twice.
        Doubled = "doubled",
        /// A title that names no kind of message.
        SaysNothing = "says_nothing",
        /// Marketing wording.
        Marketing = "marketing",
        /// No type of field.
        UnknownType = "unknown_type",
        /// No industry of WeChat's.
        UnknownIndustry = "unknown_industry",
        /// A sample for no keyword.
        UnknownKeyword = "unknown_keyword",
        /// A sample that its type does not allow.
        BadValue = "bad_value",
        /// A character that cannot be shown.
        BadCharacter = "bad_character",
        /// No web address.
        BadLink = "bad_link",
        /// Advice: another order reads better.
        Order = "order",
        /// Advice: titles of the library end otherwise.
        Ending = "ending",
    }
}

/// Checks an application: all faults, and advice.
pub fn check(application: &Application) -> Checked {
    let mut checked = Checked::default();
    title(&mut checked, application.title.trim());
    industry(&mut checked, application.industry);
    keywords(&mut checked, &application.keywords);
    order(&mut checked, &application.keywords);
    sample(&mut checked, application);
    purpose(&mut checked, application.purpose.trim());
    links(&mut checked, &application.links);
    checked
}

impl Checked {
    fn fault(&mut self, field: impl Into<String>, code: FaultCode, (zh, en): (String, String)) {
        self.faults.push(Finding { field: field.into(), code, zh, en });
    }

    fn advise(&mut self, field: impl Into<String>, code: FaultCode, (zh, en): (String, String)) {
        self.advice.push(Finding { field: field.into(), code, zh, en });
    }
}

fn words(zh: &str, en: &str) -> (String, String) {
    (zh.to_owned(), en.to_owned())
}

fn title(checked: &mut Checked, title: &str) {
    if title.is_empty() {
        return checked.fault(
            "title",
            FaultCode::Missing,
            words(
                "缺少标题：写明是哪一类消息，如“订单发货通知”",
                "is missing: name the kind of message, like 订单发货通知",
            ),
        );
    }
    let count = text::count(title);
    if count > TITLE_MAX {
        let zh = format!("标题有 {count} 个字符，最多 {TITLE_MAX} 个：请缩短");
        let en = format!("has {count} characters: at most {TITLE_MAX} are allowed, shorten it");
        checked.fault("title", FaultCode::TooLong, (zh, en));
    }
    if title.chars().any(char::is_control) {
        checked.fault("title", FaultCode::BadCharacter, control_character());
    }
    let rest = EMPTY_WORDS.iter().fold(title.to_owned(), |rest, word| rest.replace(word, ""));
    if !rest.chars().any(char::is_alphanumeric) {
        let zh = "标题没有说明是哪一类消息：加上业务和事件，如“订单发货通知”";
        let en = "names no kind of message: add the business and what happened, like 订单发货通知";
        checked.fault("title", FaultCode::SaysNothing, words(zh, en));
    }
    let marketing: Vec<_> = MARKETING.into_iter().filter(|word| title.contains(word)).collect();
    if !marketing.is_empty() {
        let found = marketing.join("、");
        let zh = format!("标题含营销用语“{found}”（运营规范 3.9）：只写用户触发的事件");
        let en = format!(
            "has marketing wording ({found}; 运营规范 3.9): name what the person did or is waiting for"
        );
        checked.fault("title", FaultCode::Marketing, (zh, en));
    }
    if !ENDINGS.iter().any(|ending| title.ends_with(ending)) {
        let zh = "模板库的标题以“通知”或“提醒”结尾";
        let en = "titles of WeChat's library end with 通知 or 提醒";
        checked.advise("title", FaultCode::Ending, words(zh, en));
    }
}

fn control_character() -> (String, String) {
    words("含有换行或控制字符：请删除", "has a line break or a control character: remove it")
}

fn industry(checked: &mut Checked, code: Option<u8>) {
    match code {
        None => {
            let en = "is missing: give WeChat's code, 1 to 41, that fits the business licence";
            checked.fault(
                "industry",
                FaultCode::Missing,
                words("缺少行业：填写与营业执照相符的行业代码（1–41）", en),
            );
        }
        Some(code) if industry::of_code(code).is_none() => {
            let zh = format!("没有代码为 {code} 的行业：1–41");
            let en = format!("{code} is no industry of WeChat's: 1 to 41");
            checked.fault("industry", FaultCode::UnknownIndustry, (zh, en));
        }
        Some(_) => {}
    }
}

fn keywords(checked: &mut Checked, keywords: &[Keyword]) {
    if keywords.is_empty() {
        let en = "are missing: give 1 to 10, in the order of the business";
        checked.fault("keywords", FaultCode::Missing, words("缺少关键词：按业务顺序给出 1–10 个", en));
    }
    if keywords.len() > KEYWORDS_MAX {
        let count = keywords.len();
        let zh = format!("有 {count} 个关键词，最多 {KEYWORDS_MAX} 个：删去次要的");
        let en = format!("are {count}: at most {KEYWORDS_MAX} are allowed, leave out what matters least");
        checked.fault("keywords", FaultCode::TooMany, (zh, en));
    }
    for (at, keyword) in keywords.iter().enumerate() {
        let (field, name) = (format!("keywords.{at}"), keyword.name.trim());
        if name.is_empty() {
            let en = "has no name: give the label that people read";
            checked.fault(&*field, FaultCode::Missing, words("没有名称：填写用户看到的标签", en));
        } else if keywords[..at].iter().any(|before| before.name.trim() == name) {
            let zh = format!("关键词“{name}”重复：删去一个或改名");
            let en = format!("“{name}” is there already: leave one out, or call it otherwise");
            checked.fault(&*field, FaultCode::Doubled, (zh, en));
        }
        if name.chars().any(|c| c.is_control() || c == '{' || c == '}') {
            checked.fault(&*field, FaultCode::BadCharacter, control_character());
        }
        if keyword.kind().is_none() {
            checked.fault(field, FaultCode::UnknownType, unknown_type(&keyword.kind));
        }
    }
}

fn unknown_type(given: &str) -> (String, String) {
    let kinds = FieldKind::ALL.iter().filter(|kind| kind.family() == crate::Family::Category);
    let kinds = kinds.map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    let given: String = given.chars().filter(|c| !c.is_control()).take(32).collect();
    (
        format!("没有类型“{given}”：可用的有 {kinds}"),
        format!("“{given}” is no type of field: there are {kinds}"),
    )
}

/// What explains comes after what was done, when and for how much.
fn order(checked: &mut Checked, keywords: &[Keyword]) {
    let closes = |keyword: &Keyword| CLOSING.iter().any(|word| keyword.name.contains(word));
    let is_core = |keyword: &Keyword| {
        use FieldKind::{Amount, CharacterString, Date, Number, Time};
        matches!(keyword.kind(), Some(Amount | CharacterString | Date | Number | Time)) && !closes(keyword)
    };
    for (at, keyword) in keywords.iter().enumerate().filter(|(_, keyword)| closes(keyword)) {
        if let Some(later) = keywords[at + 1..].iter().find(|later| is_core(later)) {
            let (name, later) = (keyword.name.trim(), later.name.trim());
            let zh = format!("“{name}”排在“{later}”之前：单号、金额、时间在前，备注在后");
            let en = format!("“{name}” stands before “{later}”: number, amount and time first, remarks last");
            checked.advise(format!("keywords.{at}"), FaultCode::Order, (zh, en));
        }
    }
}

fn sample(checked: &mut Checked, application: &Application) {
    for keyword in application.keywords.iter().filter(|keyword| !keyword.name.trim().is_empty()) {
        let name = keyword.name.trim();
        let given = application.sample.iter().find(|(of, _)| of.trim() == name);
        match given.map(|(_, value)| value.trim()).filter(|value| !value.is_empty()) {
            Some(value) => sample_value(checked, (name, keyword.kind()), value),
            None => {
                let zh = format!("样例缺少“{name}”：每个关键词都要有值");
                let en = format!("has no value for “{name}”: every keyword needs one");
                checked.fault(format!("sample.{name}"), FaultCode::Missing, (zh, en));
            }
        }
    }
    let known = |name: &str| application.keywords.iter().any(|keyword| keyword.name.trim() == name.trim());
    for name in application.sample.keys().filter(|name| !known(name)) {
        let zh = format!("没有关键词“{name}”：删去，或加到关键词里");
        let en = format!("“{name}” is no keyword: leave it out, or add the keyword");
        checked.fault(format!("sample.{name}"), FaultCode::UnknownKeyword, (zh, en));
    }
}

fn sample_value(checked: &mut Checked, (name, kind): (&str, Option<FieldKind>), value: &str) {
    let field = format!("sample.{name}");
    if value.chars().any(|c| c.is_control() || text::is_line_break(c)) {
        return checked.fault(field, FaultCode::BadCharacter, control_character());
    }
    let Some(kind) = kind else { return };
    if let Err(misfit) = field_rule::check(kind, value, kind.usual_limit().unwrap_or(0)) {
        let zh = format!("“{name}”的样例不符合类型 {}：{}", kind.as_str(), allowed(kind));
        checked.fault(field, FaultCode::BadValue, (zh, misfit.message));
    }
}

/// What a type allows, in Chinese; the misfit itself says it in English.
fn allowed(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Number => "32 位以内数字，可带小数",
        FieldKind::Letter => "32 个以内字母",
        FieldKind::Symbol => "5 个以内符号",
        FieldKind::CharacterString => "32 个以内数字、字母或符号，不能有汉字",
        FieldKind::Time => "24 小时制时间，如 2026年11月23日 15:01",
        FieldKind::Date => "日期，如 2026年11月23日",
        FieldKind::Amount => "1 个币种符号加 10 位以内数字，可带小数，结尾可带“元”",
        FieldKind::PhoneNumber => "17 个以内数字和符号",
        FieldKind::CarNumber => "8 个字符以内，首尾可为汉字",
        FieldKind::Name => "10 个以内汉字，或 20 个以内字母和符号",
        FieldKind::Phrase => "5 个以内汉字",
        _ => "20 个字符以内",
    }
}

fn purpose(checked: &mut Checked, purpose: &str) {
    let count = text::count(purpose);
    if purpose.is_empty() {
        let en = "is missing: say who gets it, and upon what";
        checked.fault("purpose", FaultCode::Missing, words("缺少用途：写明谁在什么情况下收到", en));
    } else if count > PURPOSE_MAX {
        let zh = format!("用途有 {count} 个字符，最多 {PURPOSE_MAX} 个：请缩短");
        let en = format!("has {count} characters: at most {PURPOSE_MAX} are allowed, shorten it");
        checked.fault("purpose", FaultCode::TooLong, (zh, en));
    }
}

fn links(checked: &mut Checked, links: &[String]) {
    if links.len() > LINKS_MAX {
        let zh = format!("最多 {LINKS_MAX} 个链接：留下最能说明业务的");
        let en = format!(
            "are {}: at most {LINKS_MAX} are allowed, keep those that show the business",
            links.len()
        );
        checked.fault("links", FaultCode::TooMany, (zh, en));
    }
    for (at, link) in links.iter().enumerate() {
        if let Err(fault) = check_url(link) {
            let zh = "不是网址：以 http:// 或 https:// 开头，不含空格，2 KiB 以内".to_owned();
            checked.fault(format!("links.{at}"), FaultCode::BadLink, (zh, fault.message));
        }
    }
}
