//! The template library against WeChat: what others do there, what it allows once a month, what it grants; and
//! applications at the command line.

use std::time::Duration;

use hongyan_testkit::process::run;
use hongyan_testkit::{Reply, World, with};
use http::Method;
use serde_json::{Value, json};

use crate::scenarios::{paid, put};

const DAY: Duration = Duration::from_secs(86_400);

fn path(world: &World, rest: &str) -> String {
    format!("/api/v1/accounts/{}/{rest}", world.official().appid)
}

pub(crate) async fn notices(world: &World) -> Vec<(String, String)> {
    let page = world.api().get(&path(world, "templates/notices")).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let notices = page["notices"].as_array().unwrap();
    notices.iter().map(|one| (text(&one["kind"]), text(&one["template_id"]))).collect()
}

async fn set_industries(world: &World, body: Value) -> Reply {
    let body = body.to_string();
    world.api().call(Method::PUT, &path(world, "industry"), "application/json", body.into()).await
}

#[tokio::test]
async fn what_others_do_at_wechat_is_noted_and_what_we_do_is_not() {
    let world = World::start().await;
    let new = json!({ "short_id": "47123", "keywords": ["下单时间", "订单编号"] });
    let ours = world.order("templates", &new).await.expect(201)["template_id"].clone();

    let theirs = world.add_template("退款通知", "退款金额{{amount1.DATA}}").await;
    let gone = path(&world, &format!("templates/{}", ours.as_str().unwrap()));
    world.api().call(Method::DELETE, &gone, "", Default::default()).await.expect(204);

    assert_eq!(notices(&world).await, [("added".to_owned(), theirs)]);
    world.finish().await;
}

#[tokio::test]
async fn what_others_change_is_found_within_the_hour_and_gives_an_alert() {
    let world = World::start().await;
    let body = json!({ "appid": world.official().appid, "title": "退款通知", "content": "退款金额{{amount1.DATA}}" });
    let theirs = world.simulator.control().put_template(&serde_json::from_value(body).unwrap()).unwrap();

    world.pass(2, Duration::from_secs(660)).await;
    world.pass(2, Duration::from_secs(61)).await;

    assert_eq!(notices(&world).await, [("added".to_owned(), theirs.clone())]);
    let alerts = world.api().get("/api/v1/alerts").await.expect(200)["alerts"].clone();
    let alert = &alerts[0];
    assert_eq!(
        (&alert["rule"], &alert["state"], &alert["template_id"]),
        (&json!("template-changed"), &json!("firing"), &json!(theirs))
    );
    world.finish().await;
}

#[tokio::test]
async fn a_template_that_scenarios_fill_is_deleted_only_by_force() {
    let world = World::start().await;
    let template_id = world.official().template_id.clone();
    put(&world, "paid", &paid(&world)).await;
    let of_template = path(&world, &format!("templates/{template_id}"));
    let delete = |query: &'static str| {
        let (api, path) = (world.api(), format!("{of_template}{query}"));
        async move { api.call(Method::DELETE, &path, "", Default::default()).await }
    };

    let shown = world.api().get(&of_template).await.expect(200);
    let refused = delete("").await.expect(409);
    delete("?force=maybe").await.expect(422);
    delete("?force=true").await.expect(204);

    assert_eq!(shown["template"]["scenarios"], json!(["paid"]));
    assert_eq!(refused["code"], json!("template_in_use"));
    assert!(refused["detail"].as_str().unwrap().contains("paid"));
    world.finish().await;
}

#[tokio::test]
async fn the_industries_change_once_a_month_and_wechat_has_the_last_word() {
    let world = World::start().await;
    let wanted = json!({ "primary": 13, "secondary": 1 });

    set_industries(&world, wanted.clone()).await.expect(204);
    let shown = world.api().get(&path(&world, "industry")).await.expect(200);
    let early = set_industries(&world, wanted.clone()).await.expect(409);
    let forced = set_industries(&world, with(wanted.clone(), &json!({ "force": true }))).await.expect(502);
    world.advance(31 * DAY);
    let later = set_industries(&world, wanted).await;

    assert_eq!((&shown["primary"]["code"], &shown["secondary"]["code"]), (&json!(13), &json!(1)));
    assert_eq!((&early["code"], &early["allowed_at"]), (&json!("too_soon"), &shown["allowed_at"]));
    assert_eq!((&forced["code"], &forced["wechat"]["errcode"]), (&json!("wechat_refused"), &json!(43100)));
    assert!(forced["wechat"]["advice"]["zh"].as_str().unwrap().contains("下月"));
    assert_eq!(later.status, 204);
    world.finish().await;
}

#[tokio::test]
async fn a_shortened_text_arrives_as_the_preview_showed_it() {
    let world = World::start().await;
    let template_id = world.add_template("维修通知", "设备名称{{thing1.DATA}}").await;
    let long = "一二三四五六七八九十一二三四五六七八九十多余";
    let body = with(world.body(0), &json!({ "template_id": template_id, "data": { "thing1": long } }));
    let shorten = with(body.clone(), &json!({ "overflow": "shorten" }));

    world.api().post("/api/v1/messages", &body).await.expect(422);
    let dry = with(shorten.clone(), &json!({ "dry_run": true }));
    let preview = world.api().post("/api/v1/messages", &dry).await.expect(200)["preview"].clone();
    let accepted = world.api().post("/api/v1/messages", &shorten).await.expect(202);
    world.drain().await;

    let shown = "一二三四五六七八九十一二三四五六七八九…";
    assert_eq!(preview["rows"][0]["value"], shown);
    assert_eq!(accepted["warnings"][0]["code"], "shortened");
    assert_eq!(world.phone(0)[0].lines, [format!("设备名称{shown}")]);
    world.finish().await;
}

/// The simulator grants nothing, so what we let through here it refuses: WeChat has the last word.
#[tokio::test]
async fn a_grant_that_wechat_does_not_know_of_is_refused_by_wechat_and_told() {
    let world = World::start().await;
    let template_id = world.add_template("维修通知", "设备名称{{thing1.DATA}}").await;
    let long = json!({ "thing1": "字".repeat(30) });
    let body = with(world.body(0), &json!({ "template_id": template_id, "data": long }));
    let relax = json!({ "relax": { "thing1": 30 } });

    world.api().patch(&path(&world, &format!("templates/{template_id}")), &relax).await.expect(200);
    let id = world.send(&body).await;
    world.drain().await;

    assert!(world.state(&id).await.starts_with("failed: "), "{}", world.state(&id).await);
    world.finish().await;
}

#[tokio::test]
async fn a_grant_and_an_application_outlive_a_crash() {
    let mut world = World::start().await;
    let template_id = world.add_template("维修通知", "设备名称{{thing1.DATA}}").await;
    let relax = json!({ "relax": { "thing1": 30 } });
    let of_template = path(&world, &format!("templates/{template_id}"));
    world.api().patch(&of_template, &relax).await.expect(200);
    let made = world.order("applications", &json!({ "title": "设备故障通知" })).await.expect(201);

    world.restart().await;

    let template = world.api().get(&of_template).await.expect(200)["template"].clone();
    assert_eq!(template["fields"][0]["limit"], 30);
    let id = made["id"].as_str().unwrap();
    let kept = world.api().get(&path(&world, &format!("applications/{id}"))).await.expect(200);
    assert_eq!((&kept["title"], &kept["state"]), (&json!("设备故障通知"), &json!("draft")));
    world.finish().await;
}

/// An account and a file, and no server.
async fn command_line(folder: &std::path::Path, words: &str) -> hongyan_testkit::process::Ended {
    let settings = [
        ("HONGYAN_STORE__URL", "sqlite:./hongyan.db".to_owned()),
        ("HONGYAN_SECRETS__MASTER_KEY_FILE", "./master.key".to_owned()),
    ];
    run(folder, &settings, &words.split(' ').collect::<Vec<_>>()).await
}

#[tokio::test]
async fn an_application_is_written_checked_and_tracked_at_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let cli = |words: &'static str| command_line(folder.path(), words);
    let application = json!({
        "title": "设备故障通知", "industry": 30, "keywords": [{ "name": "设备名称", "type": "thing" }],
        "sample": { "设备名称": "三号电梯" }, "purpose": "报修后发给报修的业主",
    });
    std::fs::write(folder.path().join("good.json"), application.to_string()).unwrap();
    std::fs::write(folder.path().join("bad.json"), r#"{"title":"通知"}"#).unwrap();
    std::fs::write(folder.path().join("torn.json"), r#"{"heading":"#).unwrap();
    let added = cli("account add --appid wx1 --secret s --unverified").await;
    assert!(added.stdout.contains("not verified"), "{added:?}");

    assert_eq!(cli("template apply good.json --json").await.json()["id"], "app_1");
    assert_eq!(cli("template apply bad.json --json").await.json()["id"], "app_2");
    let torn = cli("template apply torn.json").await;
    let faults = cli("template check app_2 --json").await;
    let sound = cli("template check app_1 --json").await.json();
    let early = cli("template submit app_2").await;
    let submitted = cli("template submit app_1 --json").await.json();
    let rejected = cli("template reject app_1 --reviewer wechat --reason no --json").await.json();
    let revised = cli("template apply good.json --id app_1 --json").await.json();
    let listed = cli("template applications").await.stdout;
    let unknown = cli("template withdraw app_9").await;

    assert_eq!((torn.status.code(), unknown.status.code()), (Some(2), Some(4)));
    assert_eq!((faults.status.code(), early.status.code()), (Some(1), Some(1)));
    assert!(faults.stdout.contains("says_nothing") && early.stderr.contains("draft"), "{early:?}");
    assert_eq!((&sound["state"], &sound["faults"]), (&json!("checked"), &json!([])));
    assert_eq!((&submitted["overdue"], &rejected["state"]), (&json!(false), &json!("rejected")));
    assert_eq!(revised, json!({ "id": "app_1", "state": "draft" }));
    assert!(listed.contains("app_1") && listed.contains("app_2"), "{listed}");
}
