//! Templates: what was granted, what others did, what kind of account it takes; and the industries.

use hongyan_domain::AccountId;
use hongyan_store::StoredTemplate;
use http::StatusCode;
use serde_json::{Value, json};

use crate::server::{APPID, NOW, Reply, Server, TEMPLATE, message_with, problem};

const PATH: &str = "/api/v1/accounts/wxba5fad812f8e6fb9";

fn stored(template_id: &str, content: &str) -> StoredTemplate {
    StoredTemplate {
        template_id: template_id.to_owned(),
        title: "下单成功通知".to_owned(),
        content: content.to_owned(),
        example: String::new(),
        primary_industry: String::new(),
        deputy_industry: String::new(),
    }
}

impl Server {
    fn account_id(&self) -> AccountId {
        self.app.engine().catalog().account(Some(APPID)).unwrap().id()
    }

    async fn sync(&self, templates: Vec<StoredTemplate>) {
        self.store.sync_templates(self.account_id(), templates, NOW).await.unwrap();
        self.app.engine().reload().await.unwrap();
    }

    async fn relax(&self, relax: Value) -> Reply {
        let path = format!("{PATH}/templates/{TEMPLATE}");
        self.call_as(&self.key, ("PATCH", &path), json!({"relax": relax}).to_string()).await
    }
}

#[tokio::test]
async fn a_field_that_wechat_granted_more_takes_more_until_that_is_taken_back() {
    let server = Server::start().await;
    let data = json!({"thing1": "字".repeat(30), "time2": "2026-11-23 12:00"});
    let long = message_with(json!({"data": data})).to_string();

    let strict = server.post("/api/v1/messages", long.clone()).await;
    let relaxed = server.relax(json!({"thing1": 30})).await;
    let accepted = server.post("/api/v1/messages", long.clone()).await;
    let back = server.relax(json!({"thing1": null})).await;
    let again = server.post("/api/v1/messages", long).await;

    assert_eq!(strict.fields(), ["data.thing1"]);
    assert_eq!(relaxed.json()["fields"][0]["limit"], 30);
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    assert_eq!((back.status, &back.json()["fields"][0]["limit"]), (StatusCode::OK, &Value::Null));
    assert_eq!(again.fields(), ["data.thing1"]);
}

#[tokio::test]
async fn a_grant_that_cannot_be_names_every_wrong_field() {
    let server = Server::start().await;

    let wrong = server.relax(json!({"thing1": 19, "thing9": 30, "time2": 30})).await;
    let many: serde_json::Map<_, _> = (0..65).map(|n| (format!("f{n}"), json!(1))).collect();
    let many = server.relax(Value::Object(many)).await;
    let typed = server.relax(json!({"thing1": -1})).await;
    let path = format!("{PATH}/templates/NONE");
    let unknown = server.call_as(&server.key, ("PATCH", &path), r#"{"relax":{}}"#).await;

    assert_eq!(wrong.fields(), ["relax.thing1", "relax.thing9", "relax.time2"]);
    assert_eq!(many.fields(), ["relax"]);
    assert_eq!(typed.fields(), ["relax.thing1"]);
    assert_eq!(unknown.problem(), problem(404, "unknown_template"));
}

#[tokio::test]
async fn a_long_text_is_shortened_where_that_is_asked_and_the_answer_says_so() {
    let server = Server::start().await;
    let data = json!({"thing1": "字".repeat(30), "time2": "2026-11-23 12:00"});
    let with = |more: Value| {
        let mut message = message_with(json!({"data": data, "overflow": "shorten"}));
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        message.to_string()
    };

    let accepted = server.post("/api/v1/messages", with(json!({}))).await;
    let preview = server.post("/api/v1/messages", with(json!({"dry_run": true}))).await.json();
    let error = server.post("/api/v1/messages", with(json!({"overflow": "error"}))).await;
    let unknown = server.post("/api/v1/messages", with(json!({"overflow": "cut"}))).await;

    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    let warning = &accepted.json()["warnings"][0];
    assert_eq!((&warning["field"], &warning["code"]), (&json!("data.thing1"), &json!("shortened")));
    assert_eq!(preview["preview"]["rows"][0]["value"], format!("{}…", "字".repeat(19)));
    assert_eq!(preview["preview"]["dropped"][0]["reason"], "shortened");
    assert_eq!((error.fields(), unknown.fields()), (vec!["data.thing1".into()], vec!["overflow".into()]));
}

#[tokio::test]
async fn a_template_shows_its_versions_its_use_and_its_end() {
    let server = Server::start().await;
    server.send(&message_with(json!({}))).await;
    server.sync(vec![stored(TEMPLATE, "物：{{thing1.DATA}}")]).await;

    let now = server.get(&format!("{PATH}/templates/{TEMPLATE}")).await.json();
    let listed = server.get(&format!("{PATH}/templates")).await.json();
    server.sync(vec![]).await;
    let gone = server.get(&format!("{PATH}/templates/{TEMPLATE}")).await.json();
    let unknown = server.get(&format!("{PATH}/templates/NONE")).await;

    assert_eq!(now["template"]["messages_30_days"], 1);
    assert_eq!(listed["templates"][0]["messages_30_days"], 1);
    assert_eq!((&listed["templates"][0]["version"], &now["template"]["version"]), (&json!(2), &json!(2)));
    assert!(listed["templates"][0]["since"].is_string());
    let versions: Vec<_> = now["versions"].as_array().unwrap().iter().map(|one| &one["version"]).collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!((&gone["template"], gone["removed_at"].is_string()), (&Value::Null, true));
    assert_eq!(unknown.problem(), problem(404, "unknown_template"));
}

#[tokio::test]
async fn what_others_did_at_wechat_is_a_list_of_notices() {
    let server = Server::start().await;
    server.sync(vec![stored(TEMPLATE, "物：{{thing1.DATA}}"), stored("NEW", "{{thing1.DATA}}")]).await;

    let all = server.get(&format!("{PATH}/templates/notices")).await.json();
    let page = server.get(&format!("{PATH}/templates/notices?limit=1")).await.json();
    let wrong = server.get(&format!("{PATH}/templates/notices?cursor=x&limit=x")).await;

    let notices = all["notices"].as_array().unwrap();
    assert_eq!((&notices[0]["kind"], &notices[0]["template_id"]), (&json!("added"), &json!("NEW")));
    assert_eq!((&notices[1]["kind"], &notices[1]["changed"]), (&json!("changed"), &json!(["content"])));
    assert_eq!((all["next_cursor"].is_null(), &page["next_cursor"]), (true, &json!("2")));
    assert_eq!(wrong.fields(), ["limit", "cursor"]);
}

#[tokio::test]
async fn the_twenty_sixth_template_is_refused_before_wechat_is_asked() {
    let server = Server::start().await;
    server.sync((0..25).map(|n| stored(&format!("T{n}"), "物{{thing1.DATA}}")).collect()).await;

    let refused = server.post(&format!("{PATH}/templates"), r#"{"short_id":"43216"}"#).await;

    assert_eq!(refused.problem(), problem(409, "library_full"));
}

#[tokio::test]
async fn an_account_that_wechat_gives_no_template_messages_is_told_so_and_still_sends() {
    let server = Server::start().await;
    let change = |body: Value| server.call_as(&server.key, ("PATCH", PATH), body.to_string());

    let unverified = change(json!({"verified": false})).await.json();
    let listed = server.get(&format!("{PATH}/templates")).await.json();
    let checked = server.post(&format!("{PATH}/check"), "").await.json();
    let id = server.send(&message_with(json!({}))).await;
    let subscription = change(json!({"verified": true, "kind": "subscription"})).await.json();
    let service = change(json!({"kind": "service"})).await.json();

    assert_eq!(unverified["template_messages"]["right"], "not_verified");
    assert!(unverified["template_messages"]["mend"]["zh"].as_str().unwrap().contains("微信认证"));
    assert_eq!(listed["account"]["right"], "not_verified");
    assert_eq!(
        (&checked["checks"][0]["name"], &checked["checks"][0]["status"]),
        (&json!("account"), &json!("warning"))
    );
    assert!(id.starts_with("msg_"));
    assert_eq!(subscription["template_messages"]["right"], "not_service");
    assert_eq!(
        (&service["template_messages"]["right"], &service["template_messages"]["mend"]),
        (&json!("given"), &Value::Null)
    );
}

#[tokio::test]
async fn the_industries_are_one_table_in_two_languages() {
    let server = Server::start().await;

    let table = server.get("/api/v1/industries").await.json();

    let industries = table["industries"].as_array().unwrap();
    assert_eq!(industries.len(), 41);
    let expected = json!({"code": 13, "primary_zh": "运输与仓储", "secondary_zh": "快递",
        "primary_en": "Transport and storage", "secondary_en": "Express delivery"});
    assert_eq!(industries[12], expected);
}

#[tokio::test]
async fn a_second_change_of_the_industries_in_a_month_says_when_it_is_allowed() {
    let server = Server::start().await;
    server.store.put_industry_change(server.account_id(), (1, 2), NOW).await.unwrap();
    let set = |force: bool| {
        let body = json!({"primary": 1, "secondary": 4, "force": force}).to_string();
        server.call_as(&server.key, ("PUT", "/api/v1/accounts/wxba5fad812f8e6fb9/industry"), body)
    };

    let early = set(false).await;
    let forced = set(true).await;
    server.clock.advance_ms(NOW.next_month().ms() - NOW.ms());
    let later = set(false).await;

    assert_eq!(early.problem(), problem(409, "too_soon"));
    assert_eq!(early.json()["allowed_at"], "2024-04-30T16:00:00.000Z");
    for asked in [forced, later] {
        assert_eq!(asked.problem(), problem(502, "wechat_unreachable"), "WeChat was asked");
    }
}
