//! Applications for custom templates, from draft to answer.

use hongyan_store::StoredTemplate;
use http::StatusCode;
use serde_json::{Value, json};

use crate::server::{APPID, NOW, Reply, Server, TEMPLATE, problem};

const PATH: &str = "/api/v1/accounts/wxba5fad812f8e6fb9/applications";

fn sound() -> Value {
    json!({
        "title": "设备故障通知", "industry": 30,
        "keywords": [{"name": "工单编号", "type": "character_string"}, {"name": "故障时间", "type": "time"}],
        "sample": {"工单编号": "W-20261123", "故障时间": "2026-11-23 15:01"},
        "purpose": "业主报修后，设备状态变化时发给报修的业主", "links": ["https://example.com/repair"],
    })
}

impl Server {
    /// Writes an application; its path.
    async fn applied(&self) -> String {
        let made = self.post(PATH, sound().to_string()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        format!("{PATH}/{}", made.json()["id"].as_str().unwrap())
    }

    async fn submitted(&self) -> String {
        let path = self.applied().await;
        for deed in ["check", "submit"] {
            assert_eq!(self.deed(&path, deed, &json!({})).await.status, StatusCode::OK, "{deed}");
        }
        path
    }

    async fn deed(&self, path: &str, deed: &str, body: &Value) -> Reply {
        self.post(&format!("{path}/{deed}"), body.to_string()).await
    }

    async fn change(&self, path: &str, body: Value) -> Reply {
        self.call_as(&self.key, ("PATCH", path), body.to_string()).await
    }
}

#[tokio::test]
async fn an_application_goes_from_draft_to_approved_and_tells_every_step() {
    let server = Server::start().await;
    let path = server.submitted().await;
    let waiting = server.get(&path).await.json();

    let answer = json!({"reviewer": "微信", "template_id": TEMPLATE});
    let approved = server.deed(&path, "approve", &answer).await.json();

    assert_eq!((&waiting["state"], &waiting["review"]["overdue"]), (&json!("submitted"), &json!(false)));
    assert!(waiting["review"]["note"]["zh"].as_str().unwrap().contains("节假日"));
    assert_eq!(approved["content"], "工单编号{{character_string1.DATA}}\n故障时间{{time2.DATA}}");
    assert_eq!((&approved["state"], &approved["review"]), (&json!("approved"), &Value::Null));
    let steps = approved["steps"].as_array().unwrap();
    let states: Vec<_> = steps.iter().map(|step| step["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["draft", "checked", "submitted", "approved"]);
    assert_eq!((&steps[3]["template_id"], &steps[3]["reviewer"]), (&json!(TEMPLATE), &json!("微信")));
}

#[tokio::test]
async fn the_check_names_every_fault_with_its_mend_in_both_languages() {
    let server = Server::start().await;
    let path = server.applied().await;
    let wrong = json!({"title": "限时通知", "keywords": [{"name": "金额", "type": "money"}], "industry": 42});
    server.change(&path, wrong).await;

    let checked = server.deed(&path, "check", &json!({})).await.json();

    let faults = checked["faults"].as_array().unwrap();
    let found: Vec<_> = faults.iter().map(|one| (one["field"].as_str(), one["code"].as_str())).collect();
    let expected = [
        ("title", "marketing"),
        ("industry", "unknown_industry"),
        ("keywords.0", "unknown_type"),
        ("sample.金额", "missing"),
        ("sample.工单编号", "unknown_keyword"),
        ("sample.故障时间", "unknown_keyword"),
    ];
    assert_eq!(found, expected.map(|(field, code)| (Some(field), Some(code))));
    assert!(faults.iter().all(|one| one["zh"].is_string() && one["en"].is_string()));
    assert_eq!(checked["application"]["state"], "draft");
}

#[tokio::test]
async fn a_step_that_is_not_possible_is_409_and_says_what_is() {
    let server = Server::start().await;
    let path = server.applied().await;
    let answer = json!({"reviewer": "x", "reason": "y"});

    let unchecked = server.deed(&path, "submit", &json!({})).await;
    let early = server.deed(&path, "approve", &answer).await;
    server.deed(&path, "withdraw", &json!({})).await;
    let final_state = server.change(&path, json!({"title": "x"})).await;

    assert_eq!(unchecked.problem(), problem(409, "wrong_state"));
    assert!(unchecked.text.contains("check it first"), "{}", unchecked.text);
    assert_eq!(early.problem(), problem(409, "wrong_state"));
    assert_eq!(final_state.problem(), problem(409, "wrong_state"));
}

#[tokio::test]
async fn the_fourth_submit_of_a_month_is_refused_with_its_date() {
    let server = Server::start().await;
    for _ in 0..3 {
        server.submitted().await;
    }
    let path = server.applied().await;
    server.deed(&path, "check", &json!({})).await;

    let fourth = server.deed(&path, "submit", &json!({})).await;
    let month = server.get(PATH).await.json()["month"].clone();
    server.clock.advance_ms(NOW.next_month().ms() - NOW.ms());
    let next_month = server.deed(&path, "submit", &json!({})).await;

    assert_eq!(fourth.problem(), problem(409, "too_soon"));
    assert_eq!(fourth.json()["allowed_at"], "2024-04-30T16:00:00.000Z");
    assert_eq!(month, json!({"submitted": 3, "allowed": 3, "next_at": "2024-04-30T16:00:00.000Z"}));
    assert!(fourth.text.contains("2024-05-01"), "{}", fourth.text);
    assert_eq!(next_month.status, StatusCode::OK);
}

#[tokio::test]
async fn a_rejected_application_is_changed_and_handed_in_again() {
    let server = Server::start().await;
    let path = server.submitted().await;

    let bare = server.deed(&path, "reject", &json!({"reviewer": " ", "template_id": "T"})).await;
    let ahead = json!({"reviewer": "x", "reason": "y", "at": "2024-04-27T00:00:00Z"});
    let ahead = server.deed(&path, "reject", &ahead).await;
    let rejected = server.deed(&path, "reject", &json!({"reviewer": "微信", "reason": "类目不符"})).await;
    let changed = server.change(&path, json!({"industry": 29})).await.json();

    assert_eq!(bare.fields(), ["reviewer", "reason", "template_id"]);
    assert_eq!((ahead.problem(), ahead.fields()), (problem(422, "invalid"), vec!["at".to_owned()]));
    assert_eq!(rejected.json()["steps"][3]["reason"], "类目不符");
    assert_eq!((&changed["state"], &changed["industry"]), (&json!("draft"), &json!(29)));
    for deed in ["check", "submit"] {
        assert_eq!(server.deed(&path, deed, &json!({})).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_review_that_takes_longer_than_three_working_days_is_overdue() {
    let server = Server::start().await;
    let path = server.submitted().await;

    // NOW is a Friday: Monday, Tuesday, Wednesday count.
    server.clock.advance_ms(5 * 86_400_000);
    let wednesday = server.get(&path).await.json();
    server.clock.advance_ms(86_400_000);
    let thursday = server.get(&path).await.json();

    assert_eq!(wednesday["review"]["due_at"], "2024-05-01T16:00:00.000Z");
    assert_eq!([&wednesday["review"]["overdue"], &thursday["review"]["overdue"]], [false, true]);
}

#[tokio::test]
async fn what_the_library_has_already_is_not_applied_for() {
    let server = Server::start().await;
    let account = server.app.engine().catalog().account(Some(APPID)).unwrap().id();
    let known = StoredTemplate {
        template_id: "LIBRARY".to_owned(),
        title: "设备故障通知".to_owned(),
        content: "故障时间{{time1.DATA}}\n工单编号{{character_string2.DATA}}".to_owned(),
        example: String::new(),
        primary_industry: String::new(),
        deputy_industry: String::new(),
    };
    server.store.sync_templates(account, vec![known], NOW).await.unwrap();
    server.app.engine().reload().await.unwrap();

    let made = server.post(PATH, sound().to_string()).await;
    let draft = server.post(PATH, "{}").await.json();
    let path = format!("{PATH}/{}", draft["id"].as_str().unwrap());
    let changed = server.change(&path, sound()).await;

    assert_eq!(made.problem(), problem(409, "template_exists"));
    assert!(made.text.contains("LIBRARY") && made.text.contains("cannot be changed"), "{}", made.text);
    assert_eq!(changed.problem(), problem(409, "template_exists"));
}

#[tokio::test]
async fn applications_are_listed_by_state_and_page() {
    let server = Server::start().await;
    server.submitted().await;
    server.applied().await;

    let first = server.get(&format!("{PATH}?limit=1")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = server.get(&format!("{PATH}?limit=1&cursor={cursor}")).await.json();
    let drafts = server.get(&format!("{PATH}?state=draft")).await.json();
    let wrong = server.get(&format!("{PATH}?state=open&cursor=x&limit=0")).await;

    let ids = |page: &Value| -> Vec<Value> {
        page["applications"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
    };
    assert_eq!((ids(&first), ids(&second)), (vec![json!("app_2")], vec![json!("app_1")]));
    assert_eq!((&second["next_cursor"], ids(&drafts)), (&Value::Null, vec![json!("app_2")]));
    assert_eq!(wrong.fields(), ["state", "cursor", "limit"]);
}

#[tokio::test]
async fn bad_bodies_and_ids_are_told() {
    let server = Server::start().await;
    let path = server.submitted().await;

    let unknown_field = server.post(PATH, r#"{"heading":"x"}"#).await;
    let wrong_type = server.post(PATH, r#"{"keywords":[{"name":1,"type":"thing"}]}"#).await;
    let huge = server.post(PATH, json!({"purpose": "长".repeat(6_000)}).to_string()).await;
    let strange = server.deed(&path, "approve", &json!({"reviewer": "x", "template_id": "NONE"})).await;

    assert_eq!(unknown_field.fields(), ["heading"]);
    assert_eq!(wrong_type.fields(), ["keywords[0].name"]);
    assert_eq!(huge.problem(), problem(422, "invalid"));
    assert_eq!(strange.fields(), ["template_id"]);
    for id in ["app_9", "app_", "9", "%00"] {
        let reply = server.get(&format!("{PATH}/{id}")).await;
        assert_eq!(reply.problem(), problem(404, "unknown_application"), "{id}");
    }
}
