use super::*;

const ORDER: &str = "订单状态{{thing1.DATA}}\n订单编号{{character_string2.DATA}}\n金额{{amount3.DATA}}\n\
                     时间{{time4.DATA}}\n商品{{thing5.DATA}}";

fn advised(content: &str, values: &[(&str, &str)], tap: &Tap, industry: Option<Industry>) -> Vec<Advice> {
    let template = Template::parse("t", "订单通知", content);
    let fields: Vec<_> =
        values.iter().map(|&(name, value)| DraftField { name, value, coloured: false }).collect();
    advise(&Draft { template: &template, fields: &fields, tap, industry })
}

fn codes(advice: &[Advice]) -> Vec<AdviceCode> {
    advice.iter().map(|advice| advice.code).collect()
}

fn link() -> Tap {
    Tap::of(Some("https://shop.example/o/1?utm_source=wechat"), None)
}

const VALUES: [(&str, &str); 5] = [
    ("thing1", "您的订单已发货"),
    ("character_string2", "A1"),
    ("amount3", "¥12.00"),
    ("time4", "2026-11-24 10:00"),
    ("thing5", "拿铁"),
];

#[test]
fn a_good_message_gets_no_advice() {
    assert_eq!(advised(ORDER, &VALUES, &link(), Some(Industry::Retail)), []);
}

#[test]
fn a_first_line_that_says_nothing_is_advised_on_with_its_label_and_reason() {
    let mut values = VALUES;
    values[0].1 = "订单状态更新";

    let advice = advised(ORDER, &values, &link(), None);

    assert_eq!(codes(&advice), [AdviceCode::FirstFieldNotActionLed]);
    assert!(advice[0].text_zh.contains("订单状态"), "{}", advice[0].text_zh);
    assert!(advice[0].reason_en.contains("27 %"), "{}", advice[0].reason_en);
}

#[test]
fn a_minor_field_that_pushes_an_important_one_past_the_third_line_is_named() {
    let content = "通知{{thing1.DATA}}\n备注{{thing2.DATA}}\n商品{{thing3.DATA}}\n支付金额{{amount4.DATA}}";
    let values = [("thing1", "已付款"), ("thing2", "谢谢"), ("thing3", "拿铁"), ("amount4", "¥1")];

    let advice = advised(content, &values, &link(), None);

    assert_eq!(codes(&advice), [AdviceCode::ImportantFieldLate]);
    assert!(advice[0].text_en.contains("支付金额") && advice[0].text_en.contains("备注"));
}

#[test]
fn the_number_of_fields_is_measured_against_the_trade() {
    let cases = [
        (Industry::Retail, 4, Some(AdviceCode::TooFewFields)),
        (Industry::Retail, 5, None),
        (Industry::Education, 5, None),
        (Industry::Education, 2, Some(AdviceCode::TooFewFields)),
        (Industry::Services, 3, Some(AdviceCode::TooFewFields)),
        (Industry::Services, 4, None),
    ];

    for (industry, count, expected) in cases {
        let advice = advised(ORDER, &VALUES[..count], &link(), Some(industry));

        assert_eq!(codes(&advice), Vec::from_iter(expected), "{industry:?} {count}");
    }
}

#[test]
fn too_many_fields_are_told_with_the_best_range() {
    let content: String = (1..=6).map(|n| format!("项{n}{{{{thing{n}.DATA}}}}\n")).collect();
    let names: Vec<String> = (1..=6).map(|n| format!("thing{n}")).collect();
    let values: Vec<_> = names.iter().map(|name| (name.as_str(), "已完成")).collect();

    let advice = advised(&content, &values, &link(), Some(Industry::Education));

    assert_eq!(codes(&advice), [AdviceCode::TooManyFields]);
    assert_eq!(advice[0].text_zh, "现有 6 个字段，建议精简到 3–5 个。");
    assert_eq!(advice[0].reason_en, "In education, 3 to 5 fields are read best.");
}

#[test]
fn links_are_advised_on_when_absent_or_without_utm() {
    let bare = Tap::of(Some("https://shop.example/o/1"), None);

    assert_eq!(codes(&advised(ORDER, &VALUES, &bare, None)), [AdviceCode::NoUtm]);
    let none = advised(ORDER, &VALUES, &Tap::Nothing, Some(Industry::Retail));
    assert_eq!(codes(&none), [AdviceCode::NoLink]);
    assert!(none[0].text_zh.contains("订单详情"));
}

#[test]
fn a_colour_is_said_to_have_no_effect() {
    let template = Template::parse("t", "订单通知", "状态{{thing1.DATA}}");
    let fields = [DraftField { name: "thing1", value: "已发货", coloured: true }];

    let advice = advise(&Draft { template: &template, fields: &fields, tap: &link(), industry: None });

    assert_eq!(codes(&advice), [AdviceCode::ColourIgnored]);
    assert!(
        ["173177", "888888", "2023"]
            .iter()
            .all(|part| advice[0].text_zh.contains(part) || advice[0].reason_zh.contains(part))
    );
}

#[test]
fn head_and_tail_of_a_legacy_template_are_neither_lines_nor_shown() {
    let content = "{{first.DATA}}\n状态：{{keyword1.DATA}}\n{{remark.DATA}}";
    let values = [("first", "您好"), ("keyword1", "已发货"), ("remark", "谢谢")];

    assert_eq!(codes(&advised(content, &values, &link(), None)), [AdviceCode::HeadAndTailNotShown]);
}
