//! Accounts: put in, changed, shown without secrets, paused, checked.

use axum::body::Body;
use hongyan_server::Settings;
use hongyan_store::Scope;
use http::StatusCode;
use serde_json::{Value, json};

use crate::server::{APPID, OTHER, Reply, Server, message_with, problem};

const PATH: &str = "/api/v1/accounts";

async fn patch(server: &Server, change: Value) -> Reply {
    server.call_as(&server.key, ("PATCH", &format!("{PATH}/{APPID}")), change.to_string()).await
}

#[tokio::test]
async fn a_new_account_sends_at_once_and_its_secrets_never_come_back() {
    let server = Server::start().await;
    let new = json!({
        "appid": OTHER, "name": "茶", "kind": "subscription", "secret": "S3CRET-of-wechat",
        "callback": {"token": "T0KENofwechat", "aes_key": "Z".repeat(43)}, "proxy": "http://user:PASSW0RD@8.8.8.8:3128",
    });

    let made = server.post(PATH, new.to_string()).await;
    let shown = server.get(&format!("{PATH}/{OTHER}")).await;
    let listed = server.get(PATH).await;

    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    for reply in [&made, &shown, &listed] {
        for secret in ["S3CRET", "T0KEN", "ZZZ", "PASSW0RD", "10.0.0.1"] {
            assert!(!reply.text.contains(secret), "{secret} in {}", reply.text);
        }
    }
    let shown = shown.json();
    assert_eq!((&shown["secret"], &shown["proxy"]), (&json!("set"), &json!("set")));
    assert_eq!(shown["callback"]["path"], format!("/callback/{OTHER}"));
    assert_eq!(shown["limits"], json!({"base_per_s": 5, "peak_per_s": 10, "daily": 100_000}));
    assert_eq!(listed.json()["accounts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_account_that_exists_is_409_and_a_wrong_one_names_its_fields() {
    let server = Server::start().await;

    let twice =
        server.post(PATH, json!({"appid": APPID, "kind": "service", "secret": "s"}).to_string()).await;
    let wrong = server
        .post(
            PATH,
            json!({"appid": OTHER, "limits": {"base_per_s": 9, "peak_per_s": 1, "daily": 1}}).to_string(),
        )
        .await;
    let unnamed = server.post(PATH, "{}").await;
    let proxy =
        json!({"appid": OTHER, "kind": "service", "secret": "s", "proxy": "http://no-port"}).to_string();
    let proxy = server.post(PATH, proxy).await;

    assert_eq!(twice.problem(), problem(409, "account_exists"));
    assert_eq!(
        (wrong.problem(), wrong.fields()),
        (problem(422, "invalid"), vec!["kind".into(), "secret".into(), "limits.peak_per_s".into()])
    );
    assert_eq!(unnamed.fields(), ["appid"]);
    assert_eq!((proxy.problem(), proxy.fields()), (problem(422, "invalid"), vec!["proxy".into()]));
    assert_eq!(server.get(&format!("{PATH}/{OTHER}")).await.problem(), problem(404, "unknown_account"));
}

#[tokio::test]
async fn a_put_makes_an_account_or_changes_what_is_named() {
    let server = Server::start().await;
    let path = format!("{PATH}/{OTHER}");
    let put = |body: Value| server.call_as(&server.key, ("PUT", &path), body.to_string());

    let made = put(json!({"kind": "test", "secret": "s", "name": "一"})).await;
    let changed = put(json!({"name": "二"})).await;
    let other = put(json!({"appid": APPID})).await;

    assert_eq!((made.status, changed.status), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!((&changed.json()["name"], &changed.json()["kind"]), (&json!("二"), &json!("test")));
    assert_eq!(other.fields(), ["appid"]);
}

#[tokio::test]
async fn limits_are_changed_live_and_null_gives_back_the_kinds() {
    let server = Server::start().await;

    let own =
        patch(&server, json!({"limits": {"base_per_s": 7, "peak_per_s": 9, "daily": 1000}})).await.json();
    let in_force = server.app.engine().catalog().account(None).unwrap().record.effective_limits();
    let kinds = patch(&server, json!({"limits": null})).await.json();

    assert_eq!((&own["limits_from"], in_force.base_per_s), (&json!("own"), 7));
    assert_eq!((&kinds["limits_from"], &kinds["limits"]["base_per_s"]), (&json!("kind"), &json!(50)));
}

#[tokio::test]
async fn an_account_is_paused_with_a_reason_and_resumed() {
    let server = Server::start().await;
    let path = |verb: &str| format!("{PATH}/{APPID}/{verb}");

    let resumed = server.post(&path("resume"), "").await;
    let paused = server
        .post(&path("pause"), json!({"reason": "盘点", "until": "2024-04-27T00:00:00Z"}).to_string())
        .await;
    let wrong = server
        .post(&path("pause"), json!({"reason": " ", "until": "2024-01-01T00:00:00Z"}).to_string())
        .await;

    assert_eq!((resumed.status, &resumed.json()["live"]["pause"]), (StatusCode::OK, &Value::Null));
    let pause = &paused.json()["live"]["pause"];
    assert_eq!(
        (&pause["cause"], &pause["reason"], &pause["until"]),
        (&json!("ordered"), &json!("盘点"), &json!("2024-04-27T00:00:00.000Z"))
    );
    assert_eq!(wrong.fields(), ["reason", "until"]);
}

#[tokio::test]
async fn a_pause_need_not_say_why_and_neither_need_have_a_body() {
    let server = Server::start().await;
    let path = |verb: &str| format!("{PATH}/{APPID}/{verb}");
    let reason = |reply: &Reply| reply.json()["live"]["pause"]["reason"].clone();

    let bare = server.post(&path("pause"), "").await;
    let empty = server.post(&path("pause"), "{}").await;
    let resumed = server.post(&path("resume"), "").await;
    let broken = server.post(&path("pause"), "{").await;

    assert_eq!((reason(&bare), reason(&empty)), (json!("operator"), json!("operator")));
    assert_eq!(resumed.json()["live"]["pause"], Value::Null);
    assert_eq!(broken.problem(), problem(400, "malformed_json"));
}

#[tokio::test]
async fn the_check_names_the_pause_what_waits_and_the_command_that_ends_it() {
    let server = Server::start().await;
    server.send(&message_with(json!({}))).await;
    let sending = async || {
        let report = server.post(&format!("{PATH}/{APPID}/check"), "").await.json();
        report["checks"].as_array().unwrap().last().unwrap().clone()
    };

    let paused = sending().await;
    server.post(&format!("{PATH}/{APPID}/resume"), "").await;
    let going = sending().await;

    assert_eq!(
        (&paused["status"], &paused["found"]["en"]),
        (&json!("failed"), &json!("paused: a test, 1 waiting"))
    );
    assert_eq!(paused["mend"]["en"], format!("hongyan account resume --appid {APPID}"));
    assert_eq!((&going["name"], &going["status"]), (&json!("sending"), &json!("ok")));
}

#[tokio::test]
async fn the_check_of_a_missing_callback_names_the_address_to_enter_and_the_options() {
    let settings =
        Settings { public_url: Some("https://hongyan.example.com".to_owned()), ..Settings::default() };
    let server = Server::start_with(settings).await;
    patch(&server, json!({"callback": null})).await;

    let report = server.post(&format!("{PATH}/{APPID}/check"), "").await.json();

    let callback =
        report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "callback").unwrap();
    let mend = callback["mend"]["en"].as_str().unwrap();
    assert!(mend.contains(&format!("https://hongyan.example.com/callback/{APPID}")), "{mend}");
    assert!(mend.contains(&format!("hongyan account add --appid {APPID} --token … --aes-key …")), "{mend}");
}

#[tokio::test]
async fn an_account_shows_its_backlog_and_its_token() {
    let server = Server::start().await;
    server.send(&message_with(json!({}))).await;

    let shown = server.get(&format!("{PATH}/{APPID}")).await.json();

    assert_eq!(shown["counts"], json!({"pending": 1, "sent_today": 0}));
    assert_eq!(shown["live"]["token"]["state"], "none");
}

#[tokio::test]
async fn a_deleted_account_is_gone_with_its_messages() {
    let server = Server::start().await;
    let id = server.send(&message_with(json!({}))).await;

    let deleted = server.call_as(&server.key, ("DELETE", &format!("{PATH}/{APPID}")), "").await;

    assert_eq!((deleted.status, deleted.text.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(server.get(&format!("{PATH}/{APPID}")).await.problem(), problem(404, "unknown_account"));
    assert_eq!(
        server.get(&format!("/api/v1/messages/{id}")).await.problem(),
        problem(404, "unknown_message")
    );
}

#[tokio::test]
async fn accounts_come_in_pages_by_appid() {
    let server = Server::start().await;
    for n in 0..3 {
        server.add_account(&format!("wx_{n}")).await;
    }

    let first = server.get(&format!("{PATH}?limit=3")).await.json();
    let second =
        server.get(&format!("{PATH}?limit=3&cursor={}", first["next_cursor"].as_str().unwrap())).await.json();

    let appids = |page: &Value| {
        page["accounts"].as_array().unwrap().iter().map(|one| one["appid"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(appids(&first), ["wx_0", "wx_1", "wx_2"]);
    assert_eq!((appids(&second), &second["next_cursor"]), (vec![json!(APPID)], &Value::Null));
}

#[tokio::test]
async fn templates_are_listed_with_their_fields() {
    let server = Server::start().await;

    let listed = server.get(&format!("{PATH}/{APPID}/templates")).await.json();

    assert_eq!(listed["templates"][0]["template_id"], "TEMPLATE");
    assert_eq!(
        listed["templates"][0]["fields"][0],
        json!({"name": "thing1", "kind": "thing", "label": "商品"})
    );
}

#[tokio::test]
async fn what_needs_wechat_is_502_while_it_cannot_be_reached() {
    let server = Server::start().await;
    let add = json!({"short_id": "43216", "keywords": ["商品"]}).to_string();
    let industry = json!({"primary": 1, "secondary": 4}).to_string();
    let calls = [
        ("GET", "quota", String::new()),
        ("POST", "quota/clear", String::new()),
        ("GET", "industry", String::new()),
        ("PUT", "industry", industry),
        ("POST", "templates", add),
        ("POST", "templates/sync", String::new()),
        ("DELETE", "templates/TEMPLATE", String::new()),
    ];

    for (method, what, body) in calls {
        let reply = server.call_as(&server.key, (method, &format!("{PATH}/{APPID}/{what}")), body).await;
        assert_eq!(reply.problem(), problem(502, "wechat_unreachable"), "{method} {what}");
    }
}

#[tokio::test]
async fn what_wechat_would_refuse_is_told_before_it_is_asked() {
    let server = Server::start().await;
    let path = |what: &str| format!("{PATH}/{APPID}/{what}");

    let template = json!({"short_id": "", "keywords": vec!["x"; 11]}).to_string();
    let template = server.post(&path("templates"), template).await;
    let industry = json!({"primary": 0, "secondary": 42}).to_string();
    let industry = server.call_as(&server.key, ("PUT", &path("industry")), industry).await;
    let gone = server.call_as(&server.key, ("DELETE", &path("templates/NONE")), "").await;

    assert_eq!(template.fields(), ["short_id", "keywords"]);
    assert_eq!(industry.fields(), ["primary", "secondary"]);
    assert_eq!(gone.problem(), problem(404, "unknown_template"));
}

#[tokio::test]
async fn the_check_tells_what_failed_and_what_mends_it_in_both_languages() {
    let server = Server::start().await;

    let report = server.post(&format!("{PATH}/{APPID}/check"), Body::empty()).await.json();

    let stand: Vec<_> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].clone(), one["status"].clone()))
        .collect();
    let expected = [
        ("account", "ok"),
        ("token", "failed"),
        ("ip", "skipped"),
        ("permission", "skipped"),
        ("templates", "skipped"),
        ("quota", "skipped"),
        ("callback", "ok"),
        ("sending", "failed"),
    ];
    assert_eq!(stand, expected.map(|(name, status)| (json!(name), json!(status))));
    assert_eq!(report["ok"], false);
    let mend = &report["checks"][1]["mend"];
    assert!(
        mend["zh"].as_str().unwrap().contains("网络") && mend["en"].as_str().unwrap().contains("network")
    );
}

#[tokio::test]
async fn a_key_for_one_account_neither_sees_nor_changes_another() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let key = server.make_key(2, &Scope::ALL, &[OTHER]).await;
    let own = format!("{PATH}/{OTHER}");
    let foreign = format!("{PATH}/{APPID}");

    let calls = [
        ("GET", "", ""),
        ("PUT", "", r#"{"name":"x"}"#),
        ("PATCH", "", r#"{"name":"x"}"#),
        ("DELETE", "", ""),
        ("POST", "/check", ""),
        ("POST", "/pause", r#"{"reason":"x"}"#),
        ("POST", "/resume", ""),
        ("GET", "/quota", ""),
        ("POST", "/quota/clear", ""),
        ("GET", "/industry", ""),
        ("PUT", "/industry", r#"{"primary":1,"secondary":2}"#),
        ("GET", "/templates", ""),
        ("POST", "/templates", r#"{"short_id":"1"}"#),
        ("POST", "/templates/sync", ""),
        ("DELETE", "/templates/TEMPLATE", ""),
        ("GET", "/templates/TEMPLATE", ""),
        ("PATCH", "/templates/TEMPLATE", r#"{"relax":{}}"#),
        ("GET", "/templates/notices", ""),
        ("GET", "/applications", ""),
        ("POST", "/applications", "{}"),
        ("GET", "/applications/app_1", ""),
        ("PATCH", "/applications/app_1", "{}"),
        ("POST", "/applications/app_1/check", ""),
        ("POST", "/applications/app_1/submit", ""),
        ("POST", "/applications/app_1/approve", r#"{"reviewer":"x"}"#),
        ("POST", "/applications/app_1/reject", r#"{"reviewer":"x","reason":"y"}"#),
        ("POST", "/applications/app_1/withdraw", ""),
    ];
    for (method, what, body) in calls {
        let reply = server.call_as(&key, (method, &format!("{foreign}{what}")), body).await;
        assert_eq!(reply.problem(), problem(404, "unknown_account"), "{method} {what}");
    }
    let new = json!({"appid": "wx_new", "kind": "service", "secret": "s"}).to_string();
    assert_eq!(server.call_as(&key, ("POST", PATH), new).await.problem(), problem(403, "forbidden"));
    let listed = server.call_as(&key, ("GET", PATH), "").await.json();
    assert_eq!(
        (listed["accounts"].as_array().unwrap().len(), &listed["accounts"][0]["appid"]),
        (1, &json!(OTHER))
    );
    assert_eq!(server.call_as(&key, ("PATCH", &own), r#"{"name":"x"}"#).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_appid_of_an_official_account_makes_none() {
    let server = Server::start().await;
    let body = json!({ "appid": "nonsense", "kind": "service", "secret": "s" }).to_string();

    let refused = server.post(PATH, body).await;

    assert_eq!((refused.problem(), refused.fields()), (problem(422, "invalid"), vec!["appid".into()]));
    assert!(refused.text.contains("like wx"), "{}", refused.text);
}

#[tokio::test]
async fn a_proxy_inside_the_own_network_is_refused_unless_the_operator_allows_it() {
    let server = Server::start().await;
    let own = format!("{PATH}/{APPID}");
    let set = async |proxy: &str| {
        server.call_as(&server.key, ("PATCH", &own), json!({ "proxy": proxy }).to_string()).await
    };

    for place in ["127.0.0.1:80", "169.254.169.254:80", "[::1]:80", "user:pw@10.0.0.1:3128", "localhost:80/"]
    {
        let refused = set(&format!("http://{place}")).await;
        assert_eq!((refused.problem(), refused.fields()), (problem(422, "invalid"), vec!["proxy".into()]));
        assert!(refused.text.contains("outgoing.allow") && !refused.text.contains("pw@"), "{}", refused.text);
    }
    assert_eq!(set("http://user:pw@8.8.8.8:3128").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_proxy_that_is_taken_can_be_used() {
    let direct = hongyan_wechat::Client::new(hongyan_wechat::Settings::default()).unwrap();
    let proxies = [
        "http://p:1",
        "http://p:1/",
        "http://me:p%40ss@10.0.0.1:3128",
        "http://[::1]:3128",
        r#"http://a@b:"\{}@under_score.cn:65535"#,
    ];

    for proxy in proxies {
        assert_eq!(hongyan_domain::setting::check_proxy(proxy), Ok(()), "{proxy}");
        assert!(direct.through_proxy(proxy).is_ok(), "{proxy}");
    }
}

#[tokio::test]
async fn a_secret_with_a_quote_and_a_backslash_in_it_is_like_any_other() {
    let server = Server::start().await;
    let body = json!({ "appid": "wx_quote", "kind": "service", "secret": r#"a"\b"# });

    let made = server.post("/api/v1/accounts", body.to_string()).await;

    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let catalog = server.app.engine().catalog();
    assert_eq!(catalog.account(Some("wx_quote")).unwrap().record.secret.expose(), r#"a"\b"#);
}

#[tokio::test]
async fn a_key_for_one_account_does_not_learn_of_others() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let key = server.make_key(2, &[Scope::Admin], &[OTHER]).await;
    let new = |appid: &str| json!({ "appid": appid, "kind": "service", "secret": "s" }).to_string();

    for appid in [APPID, OTHER, "wx_nobody", "not an appid"] {
        let made = server.call_as(&key, ("POST", PATH), new(appid)).await;
        assert_eq!(made.problem(), problem(403, "forbidden"), "{appid}");
    }
    for appid in [APPID, "wx_nobody"] {
        let put = server.call_as(&key, ("PUT", &format!("{PATH}/{appid}")), new(appid)).await;
        assert_eq!(put.problem(), problem(404, "unknown_account"), "{appid}");
    }
}
