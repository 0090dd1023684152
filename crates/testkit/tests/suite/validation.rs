//! What is checked before a message is accepted, over the real templates of a simulated account.

use bytes::Bytes;
use hongyan_testkit::{World, with};
use http::Method;
use serde_json::{Value, json};

async fn fields_of(world: &World, body: &Value) -> Vec<(String, String)> {
    let problem = world.api().post("/api/v1/messages", body).await.expect(422);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let errors = problem["errors"].as_array().unwrap();
    errors.iter().map(|error| (text(&error["field"]), text(&error["code"]))).collect()
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once_and_nothing_is_accepted() {
    let world = World::start().await;
    let data = json!({
        "thing1": "一二三四五六七八九十一二三四五六七八九十多",
        "amount2": "much",
        "time4": "2026-13-40 25:61",
        "thing9": "?",
    });
    let body =
        with(world.body(0), &json!({ "data": data, "url": "ftp://x", "send_at": world.at(91 * 86_400) }));

    let fields = fields_of(&world, &body).await;

    for wrong in ["url", "send_at", "data.thing1", "data.amount2", "data.character_string3", "data.time4"] {
        assert!(fields.iter().any(|(field, _)| field == wrong), "{wrong} is not in {fields:?}");
    }
    world.drain().await;
    world.assert_counts(&[]).await;
    world.finish().await;
}

/// Trap 24: template fields hard-coded to title and content.
#[tokio::test]
async fn the_fields_are_those_of_the_template_whatever_they_are_called() {
    let world = World::start().await;
    let content = "{{first.DATA}}\n取餐号：{{keyword1.DATA}}\n门店：{{shop_name.DATA}}\n{{remark.DATA}}";
    let template_id = world.add_template("取餐提醒", content).await;
    let data = json!({ "first": "您好", "keyword1": "A17", "shop_name": "人民路店", "remark": "谢谢" });

    world.send(&with(world.body(0), &json!({ "template_id": template_id, "data": data }))).await;
    world.drain().await;

    assert_eq!(world.phone(0)[0].lines, ["取餐号：A17", "门店：人民路店"]);
    world.finish().await;
}

/// Trap 21: what the phone strips silently.
#[tokio::test]
async fn the_preview_shows_what_the_phone_shows() {
    let world = World::start().await;
    let content = "{{first.DATA}}\n取餐号：{{keyword1.DATA}}\n门店：{{keyword2.DATA}}\n{{remark.DATA}}";
    let template_id = world.add_template("取餐提醒", content).await;
    let long = "一二三四五六七八九十一二三四五六七八九十多余";
    let data = json!({ "first": "您好", "keyword1": "A17😀", "keyword2": long, "remark": "谢谢" });
    let body = with(world.body(0), &json!({ "template_id": template_id, "data": data }));

    let dry = with(body.clone(), &json!({ "dry_run": true }));
    let preview = world.api().post("/api/v1/messages", &dry).await.expect(200)["preview"].clone();
    world.send(&body).await;
    world.drain().await;

    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = preview["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(&row["label"]) + "：" + &text(&row["value"]));
    let phone = &world.phone(0)[0];
    assert_eq!(
        (text(&preview["title"]), rows.collect::<Vec<_>>()),
        (phone.title.clone(), phone.lines.clone())
    );
    world.finish().await;
}

/// Trap 22: a body that begins with a single variable shows only its title.
#[tokio::test]
async fn the_preview_warns_of_a_template_that_shows_only_its_title() {
    let world = World::start().await;
    let template_id = world.add_template("提醒", "{{content.DATA}}").await;
    let changes = json!({ "template_id": template_id, "data": { "content": "您好" }, "dry_run": true });

    let preview = world.api().post("/api/v1/messages", &with(world.body(0), &changes)).await.expect(200);

    assert!(preview["preview"]["dropped"].to_string().contains("title_only"), "{preview}");
    world.assert_counts(&[]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_bad_message_in_a_batch_spoils_no_other() {
    let world = World::start().await;
    let wrong = with(world.body(1), &json!({ "data": {} }));
    let misspelt = with(world.body(2), &json!({ "tuoser": "o" }));
    let batch = json!({ "messages": [world.body(0), wrong, misspelt, 7, world.body(3)] });

    let results = world.api().post("/api/v1/messages/batch", &batch).await.expect(200)["results"].clone();
    world.drain().await;

    let accepted: Vec<_> =
        results.as_array().unwrap().iter().map(|result| result["id"].is_string()).collect();
    assert_eq!(accepted, [true, false, false, false, true]);
    world.assert_counts(&[("delivered", 2)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_body_that_is_broken_in_any_way_is_an_error_and_never_a_message() {
    let world = World::start().await;
    let whole = world.body(0).to_string();
    let (nest, nul) = ("[".repeat(100_000), whole.replace("拿铁", "\\u0000"));
    let number = whole.replace("\"拿铁\"", "1e400");
    let cases: [(&[u8], &[u16]); 7] = [
        (b"", &[400]),
        (b"{\"touser\":", &[400]),
        (b"\xff\xfe{}", &[400]),
        (nest.as_bytes(), &[400, 422]),
        (nul.as_bytes(), &[400, 422]),
        (number.as_bytes(), &[400, 422]),
        (b"[1,2,3]", &[400, 422]),
    ];

    for (body, statuses) in cases {
        let body = Bytes::copy_from_slice(body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        let reply =
            world.another_api().call(Method::POST, "/api/v1/messages", "application/json", body).await;
        assert!(statuses.contains(&reply.status), "{shown}: {} {}", reply.status, reply.text());
        assert!(reply.json()["code"].is_string(), "{shown}");
    }
    world.assert_counts(&[]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_answered_413_to_a_client_that_writes_before_it_reads() {
    let world = World::start().await;
    let huge = world.body(0).to_string().replace("拿铁", &"x".repeat(10 << 20));

    let reply = world.api().try_call(Method::POST, "/api/v1/messages", "application/json", huge.into()).await;

    let reply = reply.expect("the connection is not cut before the answer is read");
    assert_eq!(reply.expect(413)["code"], "body_too_large");
    world.assert_counts(&[]).await;
    world.finish().await;
}

/// Trap 27: a limit of 0 or nonsense that silently blocks all, or allows all.
#[tokio::test]
async fn limits_that_make_no_sense_are_refused_and_the_old_ones_stay() {
    let world = World::start().await;
    let path = format!("/api/v1/accounts/{}", world.official().appid);
    let senseless = [
        json!({ "base_per_s": 5, "peak_per_s": 4, "daily": 1 }),
        json!({ "base_per_s": 5, "peak_per_s": 5, "daily": 0 }),
        json!({ "base_per_s": -1, "peak_per_s": 5, "daily": 1 }),
        json!({ "base_per_s": "many", "peak_per_s": 5, "daily": 1 }),
    ];

    for limits in senseless {
        let reply = world.api().patch(&path, &json!({ "limits": limits })).await;
        assert_eq!(reply.status, 422, "{limits}: {}", reply.text());
    }
    world.send_many(10).await;
    world.drain().await;

    world.assert_counts(&[("delivered", 10)]).await;
    world.finish().await;
}
