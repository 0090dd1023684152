//! The built-in scenarios, and how they find their place in a template.
#![expect(clippy::unwrap_used, reason = "the exception for tests does not cover the functions they share")]

use std::time::Duration;

use hongyan_domain::{AccountKind, Category, FieldCode, FieldRules, InteractionKind, Template};
use hongyan_scenario::catalogue::find;
use hongyan_scenario::{Binding, ParamKind, Timing, bind, catalogue, check};

const MINUTE: Duration = Duration::from_secs(60);

fn bound(name: &str, content: &str) -> Binding {
    bind(find(name).unwrap(), &Template::parse("T", "t", content))
}

fn fields(binding: &Binding) -> Vec<(&str, &str)> {
    binding.scenario.fields.iter().map(|(name, expression)| (name.as_str(), expression.as_str())).collect()
}

#[test]
fn the_catalogue_has_every_scenario_that_is_asked_for() {
    let names: Vec<_> = catalogue().iter().map(|entry| entry.scenario.name.as_str()).collect();

    let expected = [
        "payment_success",
        "order_shipped",
        "order_signed",
        "points_changed",
        "level_up",
        "benefit_expiring",
        "coupon_issued",
        "group_buy_progress",
        "lottery_result",
        "logistics_update",
        "service_appointment",
    ];
    assert_eq!(names, expected);
    for entry in catalogue() {
        assert!(!entry.title_en.is_empty() && !entry.scenario.title.is_ascii(), "{}", entry.scenario.name);
    }
}

#[test]
fn every_entry_is_sound_and_its_needs_are_params_with_examples() {
    for entry in catalogue() {
        let name = &entry.scenario.name;
        let found = check(&entry.scenario, None, FieldRules::of(AccountKind::Service));
        assert!(found.is_ok(), "{name}: {found:?}");
        for (param, declared) in &entry.scenario.params {
            assert!(declared.example.is_some(), "{name} {param}");
            let needed = entry.needs.iter().any(|need| need.param == *param);
            assert!(needed || entry.scenario.subject.as_deref() == Some(param), "{name} {param}");
        }
        for need in &entry.needs {
            assert!(entry.scenario.params.contains_key(&need.param), "{name} {}", need.param);
        }
    }
}

#[test]
fn the_three_named_scenarios_keep_their_times_and_contents() {
    let required = |name: &str, params: &[&str]| {
        let scenario = &find(name).unwrap().scenario;
        assert!(params.iter().all(|param| scenario.params[*param].required), "{name}");
        scenario
    };

    let payment = required("payment_success", &["order_no", "amount", "paid_at"]);
    assert_eq!((&payment.timing, payment.tolerance), (&Timing::Once, MINUTE));
    assert_eq!((payment.basis, payment.category), (Some(InteractionKind::Payment), Category::Transactional));
    assert_eq!(payment.occurred_param.as_deref(), Some("paid_at"));
    let logistics = required("logistics_update", &["carrier", "waybill_no"]);
    assert_eq!((&logistics.timing, logistics.tolerance), (&Timing::Within(10 * MINUTE), 30 * MINUTE));
    let appointment = required("service_appointment", &["appointment_at", "place"]);
    let ahead = Timing::Before { param: "appointment_at".to_owned(), by: 60 * MINUTE };
    assert_eq!((&appointment.timing, appointment.tolerance), (&ahead, 5 * MINUTE));
    assert_eq!(appointment.params["appointment_at"].kind, ParamKind::Time);
}

#[test]
fn a_category_template_is_bound_by_its_labels() {
    let binding = bound(
        "payment_success",
        "订单编号{{character_string1.DATA}}\n商品名称{{thing2.DATA}}\n支付金额{{amount3.DATA}}\n支付时间{{time4.DATA}}",
    );

    let expected = [
        ("amount3", "{{ amount | yuan }}"),
        ("character_string1", "{{ order_no }}"),
        ("thing2", "{{ goods | default(\"您购买的商品\") | shorten(20) }}"),
        ("time4", "{{ paid_at | cn_time }}"),
    ];
    assert_eq!(fields(&binding), expected);
    assert_eq!((&binding.guessed, &binding.open), (&vec![], &vec![]));
    assert_eq!(binding.scenario.template_id.as_deref(), Some("T"));
}

#[test]
fn what_may_be_absent_and_has_no_place_is_left_out_so_that_nothing_is_advised_of_it() {
    let content = "订单编号{{character_string1.DATA}}\n支付金额{{amount3.DATA}}\n支付时间{{time4.DATA}}";

    let whole = bound("payment_success", content);
    let open = bound("payment_success", &format!("{content}\n提示{{{{thing5.DATA}}}}"));

    let advice = check(
        &whole.scenario,
        Some(&Template::parse("T", "t", content)),
        FieldRules::of(AccountKind::Service),
    );
    assert_eq!(advice, Ok(vec![]));
    assert!(!whole.scenario.params.contains_key("shop"));
    assert!(open.scenario.params.contains_key("shop"), "it may go into the field that is open");
}

#[test]
fn a_legacy_template_is_bound_by_its_labels_alone() {
    let binding = bound(
        "logistics_update",
        "{{first.DATA}}\n快递公司：{{keyword1.DATA}}\n快递单号：{{keyword2.DATA}}\n物流状态：{{keyword3.DATA}}\n{{remark.DATA}}",
    );

    let expected = [
        ("keyword1", "{{ carrier | shorten(20) }}"),
        ("keyword2", "{{ waybill_no | shorten(20) }}"),
        ("keyword3", "{{ status | shorten(20) }}"),
    ];
    assert_eq!(fields(&binding), expected);
    assert_eq!(binding.open, []);
}

#[test]
fn what_is_told_by_its_type_alone_is_a_guess() {
    let binding =
        bound("payment_success", "合计{{amount1.DATA}}\n何时{{date2.DATA}}\n单号{{character_string3.DATA}}");

    assert_eq!(binding.guessed, ["amount1", "date2"]);
    assert_eq!(fields(&binding)[1], ("character_string3", "{{ order_no }}"));
    assert_eq!(fields(&binding)[2], ("date2", "{{ paid_at | cn_date }}"));
}

#[test]
fn what_could_not_be_told_is_said() {
    let binding = bound(
        "payment_success",
        "订单状态{{phrase1.DATA}}\n备注{{thing2.DATA}}\n提示{{const3.DATA}}\n订单号{{thing4.DATA}}",
    );

    let open: Vec<_> = binding.open.iter().map(|finding| (&*finding.field, finding.code)).collect();
    let expected = [
        ("fields.phrase1", FieldCode::Missing),
        ("fields.thing2", FieldCode::Missing),
        ("fields.const3", FieldCode::Missing),
        ("params.amount", FieldCode::Unused),
        ("params.paid_at", FieldCode::Unused),
    ];
    assert_eq!(open, expected);
    assert!(binding.open[2].message.to_string().contains("approved"));
}

#[test]
fn a_specific_label_is_not_taken_by_a_general_word() {
    let binding = bound(
        "order_shipped",
        "快递单号{{character_string1.DATA}}\n订单编号{{character_string2.DATA}}\n快递公司{{thing3.DATA}}",
    );

    let expected = [
        ("character_string1", "{{ waybill_no }}"),
        ("character_string2", "{{ order_no }}"),
        ("thing3", "{{ carrier | shorten(20) }}"),
    ];
    assert_eq!(fields(&binding), expected);
}

#[test]
fn every_entry_fits_a_template_made_of_its_own_words() {
    for entry in catalogue() {
        let field = |(place, need): (usize, &hongyan_scenario::Need)| {
            let kind = match entry.scenario.params[&need.param].kind {
                ParamKind::Money => "amount",
                ParamKind::Time => "time",
                ParamKind::Number => "number",
                ParamKind::Phone => "phone_number",
                ParamKind::Text | ParamKind::Bool => "thing",
            };
            format!("{}{{{{{kind}{place}.DATA}}}}\n", need.words[0])
        };
        let template =
            Template::parse("T", "t", &entry.needs.iter().enumerate().map(field).collect::<String>());

        let binding = bind(entry, &template);

        assert_eq!((&binding.guessed, &binding.open), (&vec![], &vec![]), "{}", entry.scenario.name);
        let found = check(&binding.scenario, Some(&template), FieldRules::of(AccountKind::Service));
        assert_eq!(found, Ok(vec![]), "{}", entry.scenario.name);
    }
}
