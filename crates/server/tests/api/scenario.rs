//! Scenarios over HTTP: whose they are, and what is told of them.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use crate::server::{APPID, OTHER, Reply, Server, TEMPLATE, problem};

const PATH: &str = "/api/v1/scenarios/paid";

fn scenario() -> Value {
    json!({
        "title": "支付成功", "category": "transactional", "template_id": TEMPLATE,
        "params": {
            "goods": { "type": "text", "required": true, "example": "拿铁" },
            "paid_at": { "type": "time", "required": true, "example": "2024-04-26 12:00" },
        },
        "fields": { "thing1": "{{ goods }}", "time2": "{{ paid_at | cn_time }}" },
    })
}

fn with(changes: Value) -> Value {
    let (mut scenario, Value::Object(changes)) = (scenario(), changes) else { panic!("an object") };
    scenario.as_object_mut().unwrap().extend(changes);
    scenario
}

fn trigger() -> Value {
    json!({ "touser": "oOPENID", "params": { "goods": "拿铁", "paid_at": "2024-04-26 12:00" } })
}

async fn in_chinese(server: &Server, (method, path): (&str, &str), body: &Value) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", server.key))
        .header(header::ACCEPT_LANGUAGE, "zh");
    server.call(request.body(Body::from(body.to_string())).unwrap()).await
}

fn messages(reply: &Reply) -> Vec<String> {
    let json = reply.json();
    let errors = json["errors"].as_array().unwrap_or_else(|| panic!("{json}"));
    errors.iter().map(|error| error["message"].as_str().unwrap().to_owned()).collect()
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[tokio::test]
async fn the_query_names_the_account_as_well_as_the_body() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let (of_other, nobody) = (format!("{PATH}?appid={OTHER}"), format!("{PATH}?appid=wx_nobody"));
    let put =
        async |path: &str, body: Value| server.call_as(&server.key, ("PUT", path), body.to_string()).await;

    assert_eq!(put(PATH, scenario()).await.problem(), problem(400, "account_needed"));
    assert_eq!(put(&nobody, scenario()).await.problem(), problem(404, "unknown_account"));
    assert_eq!(put(&of_other, with(json!({ "appid": APPID }))).await.fields(), ["appid"]);
    assert_eq!(put(&of_other, with(json!({ "appid": 7 }))).await.fields(), ["appid"]);
    assert_eq!(put(&of_other, with(json!({ "appid": OTHER }))).await.status, StatusCode::OK);

    let names = |reply: Reply| reply.json()["scenarios"].as_array().unwrap().len();
    assert_eq!(names(server.get(&format!("/api/v1/scenarios?appid={OTHER}")).await), 1);
    assert_eq!(names(server.get(&format!("/api/v1/scenarios?appid={APPID}")).await), 0);
}

#[tokio::test]
async fn a_trigger_goes_to_the_account_of_the_query() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let put = ("PUT", &*format!("{PATH}?appid={OTHER}"));
    assert_eq!(server.call_as(&server.key, put, scenario().to_string()).await.status, StatusCode::OK);

    let one = server.post(&format!("{PATH}/trigger?appid={OTHER}"), trigger().to_string()).await;
    let many = json!([trigger(), { "appid": APPID, "touser": "oOPENID" }]).to_string();
    let many = server.post(&format!("{PATH}/trigger/batch?appid={OTHER}"), many).await.json();

    assert_eq!(one.status, StatusCode::ACCEPTED, "{}", one.text);
    let shown = server.get(&format!("/api/v1/messages/{}", one.json()["id"].as_str().unwrap())).await.json();
    assert_eq!(shown["appid"], OTHER);
    assert!(many["results"][0]["id"].is_string(), "{many}");
    assert_eq!(many["results"][1]["error"]["errors"][0]["field"], "appid", "{many}");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_scenario_is_told_in_chinese_to_whoever_asks_for_it() {
    let server = Server::start().await;
    let wrong = [
        json!({ "title": "" }),
        json!({ "fields": {} }),
        json!({ "fields": { "thing1": "{{ nothing }}", "time2": "{{ paid_at | yuam }}" } }),
        json!({ "fields": { "thing1": "{{ goods", "time2": "x" } }),
        json!({ "fields": { "thing1": "{{ goods + 1.5 }}", "time2": "{{ paid_at }}" } }),
        json!({ "fields": { "thing1": "很长很长很长很长很长很长很长很长很长很长很长很长", "time2": "x" } }),
        json!({ "max_age": "1s", "tolerance": "never" }),
        json!({ "max_age": "1s" }),
        json!({ "timing": { "before": { "param": "x", "by": "1h" } }, "merge": { "within": "1h", "by": "subject" } }),
        json!({ "link": { "url": "{{ goods }}" }, "caps": { "per_day": 0 } }),
        json!({ "params": { "goods": { "type": "money", "example": "x" }, "1a": { "type": "text" } } }),
    ];

    for changes in wrong {
        let refused = in_chinese(&server, ("PUT", PATH), &with(changes.clone())).await;

        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{changes}: {}", refused.text);
        for message in messages(&refused) {
            assert!(is_chinese(&message), "{changes}: {message}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_trigger_and_what_could_be_better_is_told_in_chinese() {
    let server = Server::start().await;
    let idle = json!({ "params": {
        "goods": { "type": "text", "required": true, "example": "拿铁" },
        "paid_at": { "type": "time", "required": true, "example": "2024-04-26 12:00" },
        "shop": { "type": "text" },
    }, "occurred_param": "paid_at" });

    let kept = in_chinese(&server, ("PUT", PATH), &with(idle)).await.json();
    let old = json!({ "touser": "oOPENID", "params": { "goods": "拿铁", "paid_at": "2020-01-01", "nothing": "x" } });
    let old = in_chinese(&server, ("POST", &format!("{PATH}/trigger")), &old).await;
    let bare =
        in_chinese(&server, ("POST", &format!("{PATH}/trigger")), &json!({ "touser": "oOPENID" })).await;

    assert_eq!(kept["advice"][0]["field"], "params.shop", "{kept}");
    assert_eq!(kept["advice"][0]["message"], "已声明但没有用到：请在字段中显示它，或删除它");
    for message in messages(&old).into_iter().chain(messages(&bare)) {
        assert!(is_chinese(&message), "{message}");
    }
}
