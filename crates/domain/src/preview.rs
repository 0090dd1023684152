//! Preview: what the phone will show, since WeChat strips silently (rule change of 2023-05-04).

use serde::Serialize;

use crate::message::{Miniprogram, words};
pub use crate::text::shown;
use crate::{Data, Family, Field, FieldKind, FieldRules, Template, TypeLimits, data, text};

/// What the person will see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The card's title.
    pub title: String,
    /// The lines below it.
    pub rows: Vec<Row>,
    /// What was given and will not be seen.
    pub dropped: Vec<Dropped>,
    /// Where a tap leads.
    pub tap: Tap,
}

/// One line of the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// From the template; may be empty.
    pub label: String,
    /// As it is shown.
    pub value: String,
}

/// Something that was given and is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The field's name.
    pub field: String,
    /// Why.
    pub reason: DropReason,
}

words! {
    /// Why something is not shown.
    DropReason {
        /// `first` and `remark` are not shown since 2023-05-04.
        NotShown = "not_shown",
        /// Colours are ignored since 2023-05-04.
        Colour = "colour",
        /// Emoji are removed.
        Emoji = "emoji",
        /// Line breaks are removed.
        LineBreak = "line_break",
        /// What follows the last character that the phone shows.
        Cut = "cut",
        /// What does not fit, as the caller asked.
        Shortened = "shortened",
        /// The body begins with a variable that stands alone: only the title is shown.
        TitleOnly = "title_only",
        /// The template has no such field.
        UnknownField = "unknown_field",
    }
}

/// Where a tap on the card leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Tap {
    /// Nowhere.
    Nothing,
    /// To a web page.
    Url {
        /// The page.
        url: String,
    },
    /// To a mini-program.
    Miniprogram {
        /// Its appid.
        appid: String,
        /// The page in it.
        pagepath: Option<String>,
        /// Where clients go that cannot open mini-programs.
        fallback_url: Option<String>,
    },
}

impl Tap {
    /// A mini-program goes before a url; the url serves clients that cannot open it.
    pub fn of(url: Option<&str>, miniprogram: Option<&Miniprogram>) -> Self {
        let url = url.filter(|url| !url.is_empty()).map(str::to_owned);
        match (miniprogram.cloned(), url) {
            (Some(Miniprogram { appid, pagepath }), fallback_url) => {
                Self::Miniprogram { appid, pagepath, fallback_url }
            }
            (None, Some(url)) => Self::Url { url },
            (None, None) => Self::Nothing,
        }
    }
}

/// What the phone will show of `data` in `template`. Nothing is refused here: a value that is missing is
/// blank, and what WeChat would refuse is shown as it was given.
pub fn preview(template: &Template, data: &Data<'_>, tap: Tap, rules: FieldRules) -> Preview {
    let mut card = Card { rules, rows: Vec::new(), dropped: Vec::new() };
    for field in &template.fields {
        if data.is_coloured(&field.name) {
            card.drop(&field.name, DropReason::Colour);
        }
        let value = data.value(&field.name).unwrap_or("");
        let fitted = rules.fit(field, value);
        if fitted.len() != value.len() {
            card.drop(&field.name, DropReason::Shortened);
        }
        let value = &*fitted;
        match field.kind {
            FieldKind::First | FieldKind::Remark if value.is_empty() => {}
            FieldKind::First | FieldKind::Remark => card.drop(&field.name, DropReason::NotShown),
            _ if template.shows_title_only() => card.drop(&field.name, DropReason::TitleOnly),
            _ => card.show(field, value),
        }
    }
    for name in data.names().filter(|name| template.field(name).is_none()) {
        card.drop(&data::shown_name(name), DropReason::UnknownField);
    }
    Preview { title: template.title.clone(), rows: card.rows, dropped: card.dropped, tap }
}

struct Card {
    rules: FieldRules,
    rows: Vec<Row>,
    dropped: Vec<Dropped>,
}

impl Card {
    fn drop(&mut self, field: &str, reason: DropReason) {
        self.dropped.push(Dropped { field: field.to_owned(), reason });
    }

    fn show(&mut self, field: &Field, value: &str) {
        if text::has_emoji(value) {
            self.drop(&field.name, DropReason::Emoji);
        }
        if value.contains(text::is_line_break) {
            self.drop(&field.name, DropReason::LineBreak);
        }
        let line = shown(value);
        let cuts = field.kind.family() == Family::Legacy && self.rules.limits == TypeLimits::Enforced;
        let shortened = if cuts { cut(&line, self.rules.limit_of(field)) } else { None };
        if shortened.is_some() {
            self.drop(&field.name, DropReason::Cut);
        }
        self.rows
            .push(Row { label: field.label.clone(), value: shortened.unwrap_or_else(|| line.into_owned()) });
    }
}

/// The first units of a legacy value and …; `None` when it has no more than those.
fn cut(line: &str, limit: usize) -> Option<String> {
    let mut units = text::legacy_units(line);
    let shown: String = units.by_ref().take(limit).collect();
    units.next().map(|_| format!("{shown}…"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Overflow;

    const LEGACY: &str =
        "{{first.DATA}}\n订单号：{{keyword1.DATA}}\n状态: {{keyword2.DATA}}\n{{remark.DATA}}";
    const ENFORCED: FieldRules =
        FieldRules { limits: TypeLimits::Enforced, amount_digits: 10, overflow: Overflow::Error };

    fn shown(content: &str, data: &str) -> Preview {
        let template = Template::parse("T", "订单通知", content);
        preview(&template, &Data::parse(data).unwrap(), Tap::Nothing, ENFORCED)
    }

    fn values(preview: &Preview) -> Vec<&str> {
        preview.rows.iter().map(|row| row.value.as_str()).collect()
    }

    fn reasons(preview: &Preview) -> Vec<(&str, DropReason)> {
        preview.dropped.iter().map(|dropped| (dropped.field.as_str(), dropped.reason)).collect()
    }

    #[test]
    fn first_remark_and_colours_are_not_shown() {
        let card = shown(
            LEGACY,
            r##"{"first":"您好","keyword1":{"value":"A1","color":"#173177"},"keyword2":"已发货","remark":"再见"}"##,
        );

        let rows =
            [("订单号", "A1"), ("状态", "已发货")].map(|(label, value)| (label.to_owned(), value.to_owned()));
        assert_eq!(card.title, "订单通知");
        assert!(card.rows.iter().map(|row| (row.label.clone(), row.value.clone())).eq(rows));
        let (gone, colour) = (DropReason::NotShown, DropReason::Colour);
        assert_eq!(reasons(&card), [("first", gone), ("keyword1", colour), ("remark", gone)]);
    }

    #[test]
    fn emoji_and_line_breaks_are_taken_out_before_the_value_is_cut() {
        let card =
            shown(LEGACY, r#"{"keyword1":"🎉一二三四五\n六七八九十一二三四五六七八九十","keyword2":"👍🏽好"}"#);

        assert_eq!(values(&card), ["一二三四五六七八九十一二三四五六七八九十", "好"]);
        let (emoji, line) = (DropReason::Emoji, DropReason::LineBreak);
        assert_eq!(reasons(&card), [("keyword1", emoji), ("keyword1", line), ("keyword2", emoji)]);
    }

    #[test]
    fn a_legacy_value_ends_after_twenty_units_and_a_run_of_letters_is_one() {
        let card = shown(
            LEGACY,
            r#"{"keyword1":"一二三四五六七八九十一二三四五六七八九十一","keyword2":"订单ABCDEFGHIJ1234567890已发"}"#,
        );

        let values = values(&card);
        assert_eq!(values, ["一二三四五六七八九十一二三四五六七八九十…", "订单ABCDEFGHIJ1234567890已发"]);
        assert_eq!(reasons(&card), [("keyword1", DropReason::Cut)]);
    }

    #[test]
    fn an_ellipsis_of_the_callers_own_is_no_cut() {
        let card = shown(LEGACY, r#"{"keyword1":"等等…","keyword2":""}"#);

        assert_eq!(values(&card), ["等等…", ""]);
        assert_eq!(reasons(&card), []);
    }

    #[test]
    fn a_template_that_is_granted_more_shows_more_and_a_shortened_text_is_shown_as_it_goes() {
        let mut template = Template::parse("T", "t", "a：{{keyword1.DATA}}\nb{{thing2.DATA}}");
        template.relax([("keyword1", 25)]);
        let data = format!("{{\"keyword1\":\"{0}\",\"thing2\":\"{0}\"}}", "字".repeat(25));
        let rules = ENFORCED.on_overflow(Overflow::Shorten);

        let card = preview(&template, &Data::parse(&data).unwrap(), Tap::Nothing, rules);

        assert_eq!(values(&card), ["字".repeat(25), format!("{}…", "字".repeat(19))]);
        assert_eq!(reasons(&card), [("thing2", DropReason::Shortened)]);
    }

    #[test]
    fn a_test_account_cuts_nothing() {
        let template = Template::parse("T", "t", "a：{{keyword1.DATA}}");
        let long = format!("{{\"keyword1\":\"{}\"}}", "字".repeat(30));
        let rules = FieldRules { limits: TypeLimits::Advised, ..ENFORCED };

        let card = preview(&template, &Data::parse(&long).unwrap(), Tap::Nothing, rules);

        assert_eq!(values(&card), ["字".repeat(30)]);
    }

    #[test]
    fn a_body_that_begins_with_a_lone_variable_shows_only_its_title() {
        let data = r#"{"content":"好","other":"x"}"#;

        let lone = shown("{{content.DATA}}\n金额：{{other.DATA}}", data);
        let labelled = shown("内容：{{content.DATA}}\n{{other.DATA}}", data);

        assert_eq!(values(&lone), [""; 0]);
        let title_only = DropReason::TitleOnly;
        assert_eq!(reasons(&lone), [("content", title_only), ("other", title_only)]);
        assert_eq!(values(&labelled), ["好", "x"]);
    }

    #[test]
    fn a_tap_leads_to_the_mini_program_first() {
        let shop = Miniprogram { appid: "wxa".to_owned(), pagepath: None };
        let url = Some("https://a.cn");
        let both = Tap::Miniprogram {
            appid: "wxa".to_owned(),
            pagepath: None,
            fallback_url: Some("https://a.cn".to_owned()),
        };

        assert_eq!(Tap::of(None, None), Tap::Nothing);
        assert_eq!(Tap::of(Some(""), None), Tap::Nothing);
        assert_eq!(Tap::of(url, None), Tap::Url { url: "https://a.cn".to_owned() });
        assert_eq!(Tap::of(url, Some(&shop)), both);
    }
}
