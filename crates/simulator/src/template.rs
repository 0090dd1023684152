//! Templates of an account: their content taken apart, and the category library they are added from.

use std::sync::Arc;

use crate::bodies::TemplateState;
use crate::chance::spell;
use crate::errcode::Refusal;
use crate::fields::FieldKind;

/// Templates an account may have at a time (45026 beyond).
pub(crate) const TEMPLATES_AT_MOST: usize = 25;
/// WeChat's full template ids are so long.
const TEMPLATE_ID_LENGTH: usize = 43;

/// One template of one account.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) template_id: Box<str>,
    pub(crate) title: Box<str>,
    pub(crate) content: Box<str>,
    pub(crate) example: Box<str>,
    pub(crate) fields: Vec<Field>,
    pub(crate) state: TemplateState,
}

/// One `{{name.DATA}}` of a template.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    pub(crate) kind: FieldKind,
}

impl Template {
    pub(crate) fn new(template_id: &str, title: &str, content: &str) -> Template {
        let fields = pieces(content).filter_map(|piece| match piece {
            Piece::Field(name) => Some(Field { name: name.into(), kind: FieldKind::of(name) }),
            Piece::Text(_) => None,
        });
        Template {
            template_id: template_id.into(),
            title: title.into(),
            content: content.into(),
            example: "".into(),
            fields: fields.collect(),
            state: TemplateState::Usable,
        }
    }

    /// Whether the names of its fields are those of the category library; nothing else marks the kind.
    pub(crate) fn is_of_category(&self) -> bool {
        self.fields.iter().any(|field| !field.kind.is_legacy())
    }
}

/// A stretch of a template's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Field(&'a str),
}

/// The content as text and fields in order. What looks like a field but is none (`{{1.DATA}}`) is text.
pub(crate) fn pieces(content: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = first_piece(rest);
        rest = after;
        Some(piece)
    })
}

fn first_piece(content: &str) -> (Piece<'_>, &str) {
    let mut from = 0;
    while let Some(at) = content[from..].find("{{").map(|offset| from + offset) {
        if let Some((name, length)) = field_at(&content[at..]) {
            return match at {
                0 => (Piece::Field(name), &content[length..]),
                _ => (Piece::Text(&content[..at]), &content[at..]),
            };
        }
        from = at + 2;
    }
    (Piece::Text(content), "")
}

/// The name in a leading `{{name.DATA}}`, and the length of the whole.
fn field_at(content: &str) -> Option<(&str, usize)> {
    let end = content.find("}}")?;
    let name = content[2..end].trim().strip_suffix(".DATA")?;
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (starts_well && is_name).then_some((name, end + 2))
}

/// An id that follows from `seed`.
pub(crate) fn template_id_from(seed: u64) -> String {
    spell(seed, TEMPLATE_ID_LENGTH)
}

/// The templates of one account, in the order they were added.
#[derive(Default)]
pub(crate) struct Templates(Vec<Arc<Template>>);

impl Templates {
    pub(crate) fn find(&self, template_id: &str) -> Option<&Arc<Template>> {
        self.0.iter().find(|template| &*template.template_id == template_id)
    }

    pub(crate) fn all(&self) -> &[Arc<Template>] {
        &self.0
    }

    /// Adds the template, or puts it in the place of the one with its id.
    pub(crate) fn put(&mut self, template: Template) {
        let same = self.0.iter().position(|known| known.template_id == template.template_id);
        match same {
            Some(index) => self.0[index] = Arc::new(template),
            None => self.0.push(Arc::new(template)),
        }
    }

    pub(crate) fn remove(&mut self, template_id: &str) -> Result<(), Refusal> {
        let index = self.0.iter().position(|template| &*template.template_id == template_id);
        self.0.remove(index.ok_or(Refusal::of(40037))?);
        Ok(())
    }

    /// `api_add_template`: 45026, 40247 for the closed industry library, 40037, 40246.
    pub(crate) fn add_from_library(
        &mut self,
        short_id: &str,
        keywords: &[String],
        seed: u64,
    ) -> Result<String, Refusal> {
        if self.0.len() >= TEMPLATES_AT_MOST {
            return Err(Refusal::of(45026));
        }
        if !short_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::of(40247));
        }
        let entry = LIBRARY.iter().find(|entry| entry.short_id == short_id).ok_or(Refusal::of(40037))?;
        let content = entry.content_of(keywords).ok_or(Refusal::of(40246))?;
        let template_id = template_id_from(seed);
        self.put(Template::new(&template_id, entry.title, &content));
        Ok(template_id)
    }
}

/// One entry of the category library: a title and the keywords to choose from, each with its type.
struct LibraryEntry {
    short_id: &'static str,
    title: &'static str,
    keywords: &'static [(&'static str, &'static str)],
}

impl LibraryEntry {
    /// The chosen keywords in the wanted order; `None` when there are none, too many, or unknown ones.
    fn content_of(&self, chosen: &[String]) -> Option<String> {
        if chosen.is_empty() || chosen.len() > self.keywords.len() {
            return None;
        }
        let lines: Option<Vec<String>> = chosen
            .iter()
            .map(|name| {
                let index = self.keywords.iter().position(|(known, _)| known == name)?;
                Some(format!("{name}{{{{{}{}.DATA}}}}", self.keywords[index].1, index + 1))
            })
            .collect();
        lines.map(|lines| lines.join("\n"))
    }
}

const fn entry(
    short_id: &'static str,
    title: &'static str,
    keywords: &'static [(&'static str, &'static str)],
) -> LibraryEntry {
    LibraryEntry { short_id, title, keywords }
}

const ORDER: (&str, &str) = ("订单编号", "character_string");
const AMOUNT: (&str, &str) = ("支付金额", "amount");
const GOODS: (&str, &str) = ("商品名称", "thing");
const NOTE: (&str, &str) = ("温馨提示", "thing");
const SHOP: (&str, &str) = ("门店名称", "thing");
const PHONE: (&str, &str) = ("联系电话", "phone_number");

/// Entries in the manner of the real library; the real one has thousands.
const LIBRARY: [LibraryEntry; 20] = [
    entry("43216", "订单支付成功通知", &[ORDER, GOODS, AMOUNT, ("支付时间", "time"), SHOP]),
    entry(
        "42984",
        "订单发货通知",
        &[ORDER, ("快递公司", "thing"), ("快递单号", "character_string"), GOODS, ("发货时间", "time")],
    ),
    entry("47123", "下单成功通知", &[ORDER, ("下单时间", "time"), GOODS, ("订单金额", "amount"), NOTE]),
    entry("45678", "订单签收通知", &[ORDER, GOODS, ("签收时间", "time"), ("签收人", "name")]),
    entry(
        "43877",
        "退款成功通知",
        &[ORDER, ("退款金额", "amount"), ("退款时间", "time"), ("退款原因", "thing")],
    ),
    entry(
        "44102",
        "预约成功通知",
        &[("预约项目", "thing"), ("预约时间", "time"), SHOP, PHONE, ("预约人", "name")],
    ),
    entry(
        "44103",
        "预约服务提醒",
        &[("服务项目", "thing"), ("服务时间", "time"), ("服务地址", "thing"), PHONE],
    ),
    entry("44260", "预约取消通知", &[("预约项目", "thing"), ("预约时间", "time"), ("取消原因", "thing")]),
    entry(
        "46001",
        "会员积分变动通知",
        &[
            ("会员卡号", "character_string"),
            ("变动积分", "number"),
            ("当前积分", "number"),
            ("变动时间", "time"),
        ],
    ),
    entry(
        "46002",
        "会员等级变更通知",
        &[("会员姓名", "name"), ("原等级", "phrase"), ("现等级", "phrase"), ("变更时间", "time")],
    ),
    entry(
        "46003",
        "会员到期提醒",
        &[("会员卡号", "character_string"), ("到期日期", "date"), ("会员等级", "phrase"), NOTE],
    ),
    entry(
        "46120",
        "账户余额变动提醒",
        &[("变动金额", "amount"), ("账户余额", "amount"), ("变动时间", "time"), ("变动类型", "phrase")],
    ),
    entry(
        "48010",
        "课程上课提醒",
        &[("课程名称", "thing"), ("上课时间", "time"), ("上课地点", "thing"), ("授课老师", "name")],
    ),
    entry("48011", "作业发布通知", &[("课程名称", "thing"), ("作业内容", "thing"), ("截止时间", "time")]),
    entry(
        "48200",
        "缴费提醒",
        &[("缴费项目", "thing"), ("应缴金额", "amount"), ("截止日期", "date"), ("户号", "character_string")],
    ),
    entry("48300", "排队到号通知", &[("排队号码", "character_string"), SHOP, ("前方等待", "number"), NOTE]),
    entry(
        "49001",
        "工单处理通知",
        &[("工单编号", "character_string"), ("工单状态", "phrase"), ("处理人", "name"), ("处理时间", "time")],
    ),
    entry(
        "49002",
        "设备故障提醒",
        &[
            ("设备名称", "thing"),
            ("故障时间", "time"),
            ("故障描述", "thing"),
            ("设备编号", "character_string"),
        ],
    ),
    entry("49100", "车辆入场通知", &[("车牌号码", "car_number"), ("入场时间", "time"), ("停车场", "thing")]),
    entry(
        "49200",
        "审核结果通知",
        &[("申请人", "name"), ("审核结果", "phrase"), ("审核时间", "time"), ("备注", "thing")],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn names(content: &str) -> Vec<String> {
        Template::new("id", "t", content).fields.iter().map(|field| field.name.to_string()).collect()
    }

    fn keywords(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_fields_of_a_content_are_found_in_order() {
        let content = "{{first.DATA}}\n订单号：{{ keyword1.DATA }}\n{{remark.DATA}}";

        assert_eq!(names(content), ["first", "keyword1", "remark"]);
        assert!(!Template::new("id", "t", content).is_of_category());
        assert!(Template::new("id", "t", "编号{{character_string1.DATA}}").is_of_category());
    }

    #[test]
    fn what_only_looks_like_a_field_stays_text() {
        let content = "a{{1.DATA}}b{{x}}{{thing1.DATA}}{{";

        let found: Vec<Piece<'_>> = pieces(content).collect();

        assert_eq!(found, [Piece::Text("a{{1.DATA}}b{{x}}"), Piece::Field("thing1"), Piece::Text("{{")]);
    }

    #[test]
    fn keywords_of_the_library_are_taken_in_the_order_asked_for() {
        let mut templates = Templates::default();

        let id = templates.add_from_library("47123", &keywords(&["下单时间", "订单编号"]), 1).unwrap();

        let template = templates.find(&id).unwrap();
        assert_eq!(id.len(), 43);
        assert_eq!(&*template.title, "下单成功通知");
        assert_eq!(&*template.content, "下单时间{{time2.DATA}}\n订单编号{{character_string1.DATA}}");
    }

    #[test]
    fn the_library_refuses_unknown_keywords_old_ids_and_the_26th_template() {
        let mut templates = Templates::default();
        let mut code = |short_id: &str, names: &[&str], seed: u64| {
            templates
                .add_from_library(short_id, &keywords(names), seed)
                .map_or_else(|refusal| refusal.errcode, |_| 0)
        };

        assert_eq!(code("47123", &[], 0), 40246);
        assert_eq!(code("47123", &["没有"], 0), 40246);
        assert_eq!(code("TM00015", &["订单编号"], 0), 40247);
        assert_eq!(code("99999", &["订单编号"], 0), 40037);
        assert!((0..25).all(|seed| code("47123", &["订单编号"], seed) == 0));
        assert_eq!(code("47123", &["订单编号"], 25), 45026);
    }

    #[test]
    fn every_entry_of_the_library_has_fields_of_known_types() {
        for entry in &LIBRARY {
            let all: Vec<String> = entry.keywords.iter().map(|(name, _)| (*name).to_owned()).collect();
            let template = Template::new("id", entry.title, &entry.content_of(&all).unwrap());
            assert_eq!(template.fields.len(), entry.keywords.len(), "{}", entry.title);
            assert!(template.fields.iter().all(|field| !field.kind.is_legacy()), "{}", entry.title);
        }
    }
}
