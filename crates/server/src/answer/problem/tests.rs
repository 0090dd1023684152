use super::*;

#[test]
fn a_problem_names_type_title_status_code_and_detail() {
    let problem = Problem::new(Code::UnknownAccount, "no account has this appid");

    let json: serde_json::Value = serde_json::to_value(&problem).unwrap();

    let expected = serde_json::json!({
        "type": "urn:hongyan:problem:unknown_account",
        "title": "There is no such account",
        "status": 404,
        "code": "unknown_account",
        "detail": "no account has this appid",
    });
    assert_eq!(json, expected);
}

#[test]
fn a_store_that_cannot_write_is_503_with_a_time_to_come_back() {
    for error in [StoreError::Unavailable("disk full".to_owned()), StoreError::Broken("fsync".to_owned())] {
        let response = Problem::from(EngineError::Store(error)).into_response();

        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}

#[test]
fn no_two_problems_share_a_code() {
    let mut words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    words.sort_unstable();
    words.dedup();

    assert_eq!(words.len(), Code::ALL.len());
}

#[test]
fn a_refusal_of_our_address_names_the_address() {
    let errmsg = "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist".to_owned();

    let problem = Problem::from(CallError::Errcode { code: 40164, errmsg, rid: None });

    assert_eq!(problem.0.wechat.unwrap().ip.as_deref(), Some("203.0.113.7"));
}
