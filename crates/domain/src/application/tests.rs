use super::*;

fn at(text: &str) -> Timestamp {
    serde_json::from_str(&format!("\"{text}\"")).unwrap()
}

fn good() -> Application {
    serde_json::from_str(
        r#"{"title": "设备故障通知", "industry": 30,
            "keywords": [{"name": "工单编号", "type": "character_string"}, {"name": "故障时间", "type": "time"},
              {"name": "设备名称", "type": "thing"}, {"name": "备注", "type": "thing"}],
            "sample": {"工单编号": "W-20261123", "故障时间": "2026-11-23 15:01", "设备名称": "三号电梯", "备注": "维修中"},
            "purpose": "业主报修后，设备状态变化时发给报修的业主", "links": ["https://example.com/repair"]}"#,
    )
    .unwrap()
}

fn with(change: impl FnOnce(&mut Application)) -> Application {
    let mut application = good();
    change(&mut application);
    application
}

fn faults(application: &Application) -> Vec<(String, FaultCode)> {
    check(application).faults.into_iter().map(|found| (found.field, found.code)).collect()
}

fn answer(at: Timestamp) -> Answer {
    Answer { at, reviewer: "李".to_owned(), reason: "ok".to_owned(), template_id: None }
}

/// Every state by every event, as it is decided for a sound application with room in the month.
#[test]
fn an_application_moves_by_this_table_and_no_other() {
    use ApplicationState::{Approved, Checked, Draft, Rejected, Submitted, Withdrawn};
    let (application, now) = (good(), at("2026-11-23T10:00:00+08:00"));
    let events = [
        Event::Edited(Box::default()),
        Event::Checked,
        Event::Submitted,
        Event::Approved(answer(now)),
        Event::Rejected(answer(now)),
        Event::Withdrawn,
    ];
    let table = [
        (Draft, [Some(Draft), Some(Checked), None, None, None, Some(Withdrawn)]),
        (Checked, [Some(Draft), Some(Checked), Some(Submitted), None, None, Some(Withdrawn)]),
        (Submitted, [None, None, None, Some(Approved), Some(Rejected), Some(Withdrawn)]),
        (Rejected, [Some(Draft), None, None, None, None, Some(Withdrawn)]),
        (Approved, [None; 6]),
        (Withdrawn, [None; 6]),
    ];
    assert_eq!(table.len(), ApplicationState::ALL.len());

    for (state, expected) in table {
        for (event, expected) in events.iter().zip(expected) {
            let standing =
                Standing { state, application: &application, submitted_at: Some(now), submits_this_month: 0 };
            let expected = expected.ok_or(Refused::State(state));
            assert_eq!(decide(&standing, event, now), expected, "{state:?} {}", event.as_str());
        }
    }
}

#[test]
fn an_application_with_a_fault_is_never_checked() {
    let application = with(|application| application.title.clear());
    let now = at("2026-11-23T10:00:00+08:00");

    for state in [ApplicationState::Draft, ApplicationState::Checked] {
        let standing =
            Standing { state, application: &application, submitted_at: None, submits_this_month: 0 };
        assert_eq!(decide(&standing, &Event::Checked, now), Ok(ApplicationState::Draft));
    }
}

#[test]
fn the_fourth_submit_of_a_month_is_refused_with_the_date_of_the_next() {
    let application = good();
    let now = at("2026-11-30T23:59:59+08:00");
    let decided = |submits_this_month| {
        let state = ApplicationState::Checked;
        let standing = Standing { state, application: &application, submitted_at: None, submits_this_month };
        decide(&standing, &Event::Submitted, now)
    };

    assert_eq!(decided(2), Ok(ApplicationState::Submitted));
    let allowed_at = at("2026-12-01T00:00:00+08:00");
    assert_eq!(decided(3), Err(Refused::MonthIsFull { allowed_at }));
    assert_eq!(decided(9), Err(Refused::MonthIsFull { allowed_at }));
}

#[test]
fn an_answer_lies_between_the_submit_and_now() {
    let application = good();
    let (submitted, now) = (at("2026-11-23T10:00:00+08:00"), at("2026-11-25T10:00:00+08:00"));
    let standing = Standing {
        state: ApplicationState::Submitted,
        application: &application,
        submitted_at: Some(submitted),
        submits_this_month: 1,
    };
    let early = at("2026-11-23T09:59:59+08:00");
    let ahead = at("2026-11-25T10:00:01+08:00");

    for wrong in [early, ahead] {
        assert_eq!(decide(&standing, &Event::Approved(answer(wrong)), now), Err(Refused::AnswerDate));
        assert_eq!(decide(&standing, &Event::Rejected(answer(wrong)), now), Err(Refused::AnswerDate));
    }
    assert_eq!(decide(&standing, &Event::Rejected(answer(submitted)), now), Ok(ApplicationState::Rejected));
}

#[test]
fn a_review_is_due_at_the_end_of_the_third_working_day() {
    let cases = [
        ("Monday", "2026-11-23T10:00:00+08:00", "2026-11-27T00:00:00+08:00"),
        ("Thursday", "2026-11-26T10:00:00+08:00", "2026-12-02T00:00:00+08:00"),
        ("Saturday", "2026-11-28T10:00:00+08:00", "2026-12-03T00:00:00+08:00"),
        ("Sunday, in UTC still Saturday", "2026-11-28T16:00:00Z", "2026-12-03T00:00:00+08:00"),
    ];

    for (day, submitted, due) in cases {
        assert_eq!(review_due(at(submitted)), at(due), "{day}");
    }
}

#[test]
fn a_good_application_has_no_fault_and_needs_no_advice() {
    assert_eq!(check(&good()), super::Checked::default());
}

#[test]
fn an_empty_application_is_told_everything_it_lacks() {
    let found = faults(&Application::default());

    let missing =
        ["title", "industry", "keywords", "purpose"].map(|field| (field.to_owned(), FaultCode::Missing));
    assert_eq!(found, missing);
}

#[test]
fn a_title_names_a_kind_of_message_in_twenty_characters_without_marketing() {
    use FaultCode::{BadCharacter, Marketing, Missing, SaysNothing, TooLong};
    let cases: [(&str, &[FaultCode]); 12] = [
        ("  ", &[Missing]),
        ("一二三四五六七八九十一二三四五六七八通知", &[]),
        ("一二三四五六七八九十一二三四五六七八九通知", &[TooLong]),
        ("通知", &[SaysNothing]),
        ("消息", &[SaysNothing]),
        ("您的重要系统消息提醒", &[SaysNothing]),
        ("——", &[SaysNothing]),
        ("预约成功提醒", &[]),
        ("限时秒杀通知", &[Marketing]),
        ("优惠通知", &[Marketing]),
        ("订单\n发货通知", &[BadCharacter]),
        ("VIP到期提醒", &[]),
    ];

    for (title, expected) in cases {
        let found = faults(&with(|application| application.title = title.to_owned()));
        let expected: Vec<_> = expected.iter().map(|code| ("title".to_owned(), *code)).collect();
        assert_eq!(found, expected, "{title}");
    }
}

#[test]
fn keywords_are_few_named_once_and_of_a_known_type() {
    let keyword = |name: &str, kind: &str| Keyword { name: name.to_owned(), kind: kind.to_owned() };
    let wrong = with(|application| {
        application.keywords.push(keyword("备注 ", "thing"));
        application.keywords.push(keyword(" ", "thing"));
        application.keywords.push(keyword("金额", "money"));
        application.keywords.push(keyword("首行", "first"));
        application.keywords.push(keyword("a}}{{b", "keyword"));
    });
    let many = with(|application| {
        application.keywords = (0..11).map(|n| keyword(&format!("项{n}"), "thing")).collect();
        application.sample = (0..11).map(|n| (format!("项{n}"), "x".to_owned())).collect();
    });

    let expected = [
        ("keywords.4", FaultCode::Doubled),
        ("keywords.5", FaultCode::Missing),
        ("keywords.6", FaultCode::UnknownType),
        ("keywords.7", FaultCode::UnknownType),
        ("keywords.8", FaultCode::BadCharacter),
        ("keywords.8", FaultCode::UnknownType),
    ];
    let of_keywords = |application: &Application| -> Vec<_> {
        faults(application).into_iter().filter(|(field, _)| field.starts_with("keywords")).collect()
    };
    assert_eq!(of_keywords(&wrong), expected.map(|(field, code)| (field.to_owned(), code)));
    assert_eq!(faults(&many), [("keywords".to_owned(), FaultCode::TooMany)]);
}

#[test]
fn a_sample_fills_every_keyword_as_its_type_wants_it_and_no_other() {
    let application = with(|application| {
        let sample = &mut application.sample;
        sample.remove("备注");
        sample.insert("工单编号".to_owned(), "工单一".to_owned());
        sample.insert("故障时间".to_owned(), "昨天".to_owned());
        sample.insert("设备名称".to_owned(), "电梯\n三号".to_owned());
        sample.insert("地址".to_owned(), "人民路".to_owned());
    });

    let expected = [
        ("sample.工单编号", FaultCode::BadValue),
        ("sample.故障时间", FaultCode::BadValue),
        ("sample.设备名称", FaultCode::BadCharacter),
        ("sample.备注", FaultCode::Missing),
        ("sample.地址", FaultCode::UnknownKeyword),
    ];
    assert_eq!(faults(&application), expected.map(|(field, code)| (field.to_owned(), code)));
}

#[test]
fn remarks_before_numbers_and_another_ending_are_advice_and_no_fault() {
    let application = with(|application| {
        application.keywords.swap(0, 3);
        application.title = "设备故障".to_owned();
    });

    let checked = check(&application);

    assert_eq!(checked.faults, []);
    let advice: Vec<_> = checked.advice.iter().map(|found| (found.field.as_str(), found.code)).collect();
    assert_eq!(advice, [("title", FaultCode::Ending), ("keywords.0", FaultCode::Order)]);
}

#[test]
fn purpose_and_links_are_bounded_and_the_industry_is_wechats() {
    let application = with(|application| {
        application.industry = Some(42);
        application.purpose = "长".repeat(201);
        application.links = vec!["ftp://x".to_owned(); 6];
    });

    let found = faults(&application);

    assert_eq!(found[0], ("industry".to_owned(), FaultCode::UnknownIndustry));
    assert_eq!(found[1], ("purpose".to_owned(), FaultCode::TooLong));
    assert_eq!(found[2], ("links".to_owned(), FaultCode::TooMany));
    assert_eq!(found.iter().filter(|(_, code)| *code == FaultCode::BadLink).count(), 6);
}

#[test]
fn every_finding_says_what_to_do_in_both_languages() {
    let all = [Application::default(), with(|application| application.title = "限时".repeat(20))];

    for found in all.iter().flat_map(|application| check(application).faults) {
        assert!(found.zh.contains(['：', '。']) && found.en.contains(':'), "{found:?}");
    }
}

#[test]
fn the_content_is_what_wechat_would_list() {
    let expected = "工单编号{{character_string1.DATA}}\n故障时间{{time2.DATA}}\n设备名称{{thing3.DATA}}\n备注{{thing4.DATA}}";

    assert_eq!(good().content(), expected);
}

#[test]
fn a_template_with_the_same_title_and_keywords_is_recognised_in_any_order() {
    let mut template = Template::parse("T", "设备故障通知", &good().content());
    assert!(good().is_like(&template));
    assert!(with(|application| application.keywords.reverse()).is_like(&template));
    assert!(!with(|application| drop(application.keywords.pop())).is_like(&template));

    template.title = "设备恢复通知".to_owned();
    assert!(!good().is_like(&template));
}

#[test]
fn an_id_reads_back_from_its_text() {
    assert_eq!(ApplicationId(7).to_string().parse(), Ok(ApplicationId(7)));
    for text in ["", "app_", "app_-1", "app_x", "7", "app_99999999999999999999"] {
        assert!(text.parse::<ApplicationId>().is_err(), "{text}");
    }
}
