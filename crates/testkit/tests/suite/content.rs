//! What is written: words, approvals, links and variants, through the API.

use std::time::Duration;

use hongyan_testkit::process::run;
use hongyan_testkit::{World, with};
use serde_json::{Value, json};

use crate::compliance::late_in_the_hold;

const HOSTILE: &str = include_str!("../../../content/tests/data/hostile.tsv");
const ORDINARY: &str = include_str!("../../../content/tests/data/ordinary.txt");

/// A world in which only the words are asked about, and its free template's id.
async fn worded() -> (World, String) {
    let world = World::start().await;
    policy(&world, json!({ "mode": "enforce" })).await;
    let template_id = world.add_template("订单通知", "内容：{{keyword1.DATA}}").await;
    (world, template_id)
}

async fn policy(world: &World, change: Value) {
    world.api().patch("/api/v1/policies/content", &change).await.expect(200);
}

fn saying(world: &World, template_id: &str, text: &str) -> Value {
    let data = json!({ "keyword1": { "value": text } });
    with(world.body(0), &json!({ "template_id": template_id, "data": data }))
}

/// A spelling with its `\u{…}` turned into the invisible characters that they name.
fn unescaped(spelling: &str) -> String {
    let mut parts = spelling.split("\\u{");
    let mut text = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        text.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32).unwrap());
        text.push_str(rest);
    }
    text
}

/// What became of each text: `sent`, `held` or `refused`.
async fn became(world: &World, template_id: &str, texts: impl Iterator<Item = String>) -> Vec<&'static str> {
    let bodies: Vec<_> = texts.map(|text| saying(world, template_id, &text)).collect();
    let answer = world.api().post("/api/v1/messages/batch", &json!({ "messages": bodies })).await.expect(200);
    let one = |result: &Value| match (result["held_by"].as_str(), result["error"]["rule"].as_str()) {
        (Some("content"), _) => "held",
        (_, Some("content")) => "refused",
        _ if result["id"].is_string() => "sent",
        _ => panic!("{result}"),
    };
    answer["results"].as_array().unwrap().iter().map(one).collect()
}

async fn put_words(world: &World, list: &str) -> Value {
    let api = world.api();
    let body = list.to_owned().into();
    api.call(http::Method::PUT, "/api/v1/words", "text/csv", body).await.expect(200)
}

async fn waiting(world: &World) -> Vec<Value> {
    let list = world.api().get("/api/v1/approvals?state=waiting").await.expect(200);
    list["approvals"].as_array().unwrap().clone()
}

async fn decide(world: &World, approval: &Value, verb: &str, status: u16) -> Value {
    let path = format!("/api/v1/approvals/{}/{verb}", approval["id"].as_str().unwrap());
    world.api().post(&path, &json!({ "reason": "looked at it" })).await.expect(status)
}

/// Trap 25: words skipped for the very channel, and everything made ready anew for each message.
#[tokio::test]
async fn a_word_list_is_made_ready_once_and_every_message_is_held_against_it() {
    let (world, template_id) = worded().await;
    put_words(&world, "暗号,custom,refuse").await;
    let words = world.words().await;
    let scanner = std::ptr::from_ref(words.scanner());

    let said = (0..20).map(|number| format!("暗号{number}"));
    let stopped = became(&world, &template_id, said).await;
    world.add_template("退款通知", "退款金额{{amount1.DATA}}").await;

    assert_eq!(stopped, ["refused"; 20]);
    assert_eq!(scanner, std::ptr::from_ref(world.words().await.scanner()), "it was built again");
    put_words(&world, "暗号二,custom,refuse").await;
    assert_ne!(scanner, std::ptr::from_ref(world.words().await.scanner()), "the new one is in force");
    drop(words);
    world.finish().await;
}

/// Trap 25: words skipped.
#[tokio::test]
async fn a_hundred_hostile_spellings_are_held_or_refused_and_honest_notices_go() {
    let (world, template_id) = worded().await;
    let hostile = HOSTILE.lines().filter_map(|line| line.split_once('\t')).map(|(_, text)| unescaped(text));

    let stopped = became(&world, &template_id, hostile).await;
    let honest = became(&world, &template_id, ORDINARY.lines().map(str::to_owned)).await;

    assert_eq!((stopped.len(), honest.len()), (100, 1_000));
    assert!(stopped.iter().all(|one| *one != "sent"), "{stopped:?}");
    let alarms = honest.iter().filter(|one| **one != "sent").count();
    assert!(alarms <= 10, "{alarms} false alarms");
    world.drain().await;
    world.finish().await;
}

#[tokio::test]
async fn a_refusal_shows_the_word_and_its_place() {
    let (world, template_id) = worded().await;

    let refused = world
        .api()
        .post("/api/v1/messages", &saying(&world, &template_id, "请加薇*信领取"))
        .await
        .expect(422);

    assert_eq!((&refused["code"], &refused["rule"]), (&json!("refused"), &json!("content")));
    let found = &refused["findings"][0];
    assert_eq!(
        (&found["word"], &found["category"], &found["field"], &found["from"], &found["to"]),
        (&json!("加微信"), &json!("fraud"), &json!("keyword1"), &json!(1), &json!(5))
    );
    world.finish().await;
}

#[tokio::test]
async fn what_the_phone_leaves_out_hides_no_word_and_what_nobody_sees_stops_none() {
    let world = World::start().await;
    policy(&world, json!({ "mode": "enforce" })).await;
    let content = "{{first.DATA}}\n内容：{{keyword1.DATA}}\n{{remark.DATA}}";
    let template_id = world.add_template("订单通知", content).await;
    let hidden = ["出售冰😀😀😀😀😀毒", "请加微\n信领取", "请加👨‍👩‍👧👨‍👩‍👧微信"];

    let stopped = became(&world, &template_id, hidden.map(str::to_owned).into_iter()).await;
    let data = json!({ "first": "请加微信", "keyword1": "订单已发货", "remark": "请加微信" });
    let id = world.send(&with(world.body(0), &json!({ "template_id": template_id, "data": data }))).await;
    world.drain().await;

    assert_eq!(stopped, ["refused"; 3]);
    assert_eq!(world.state(&id).await, "delivered");
    world.finish().await;
}

#[tokio::test]
async fn a_rule_made_stricter_holds_for_what_was_accepted_before() {
    let (world, template_id) = worded().await;
    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);
    policy(&world, json!({ "mode": "observe" })).await;
    let forbidden = world.send(&saying(&world, &template_id, "请加薇*信领取")).await;
    policy(&world, json!({ "mode": "enforce", "doubtful": "allow" })).await;
    let doubtful = world.send(&saying(&world, &template_id, "送您优惠券")).await;

    policy(&world, json!({ "mode": "enforce", "doubtful": "hold" })).await;
    world.order("resume", &json!({})).await.expect(200);
    world.drain().await;

    assert_eq!(world.state(&forbidden).await, "suppressed: content");
    assert_eq!(world.state(&doubtful).await, "pending: content");
    world.finish().await;
}

#[tokio::test]
async fn what_waited_for_a_person_is_late_in_the_hold_by_its_own_deadline() {
    let (world, template_id) = worded().await;
    let id = world.send(&saying(&world, &template_id, "送您优惠券")).await;
    world.advance(Duration::from_secs(10 * 3_600));

    decide(&world, &waiting(&world).await[0], "approve", 200).await;
    world.drain().await;

    late_in_the_hold(&world.message(&id).await, Duration::from_secs(10 * 3_600));
    world.finish().await;
}

#[tokio::test]
async fn a_held_message_goes_when_a_person_approves_it() {
    let (world, template_id) = worded().await;
    let accepted = world.api().post("/api/v1/messages", &saying(&world, &template_id, "送您优惠券")).await;
    let id = accepted.expect(202)["id"].as_str().unwrap().to_owned();
    world.pass(3, Duration::from_secs(60)).await;
    assert_eq!((world.state(&id).await.as_str(), world.stats().sends), ("pending: content", 0));

    let asked = waiting(&world).await;
    let approved = decide(&world, &asked[0], "approve", 200).await;
    world.drain().await;

    assert_eq!((&approved["state"], &approved["message"]), (&json!("approved"), &json!(id)));
    assert_eq!(world.state(&id).await, "delivered");
    let message = world.message(&id).await;
    let told: Vec<_> =
        message["timeline"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(told[..4], ["accepted", "judged", "asked", "approved"]);
    assert_eq!(message["timeline"][2]["findings"][0]["word"], json!("优惠券"));
    assert_eq!(message["timeline"][3]["reason"], json!("looked at it"));
    let audit = world.api().get("/api/v1/audit?action=approval.approve").await.expect(200);
    assert_eq!(audit["rows"][0]["detail"]["reason"], json!("looked at it"));
    decide(&world, &asked[0], "reject", 409).await;
    world.finish().await;
}

#[tokio::test]
async fn a_rejected_message_is_suppressed_and_one_that_nobody_looks_at_expires() {
    let (world, template_id) = worded().await;
    let rejected = world.send(&saying(&world, &template_id, "送您优惠券")).await;
    decide(&world, &waiting(&world).await[0], "reject", 200).await;
    let left = with(saying(&world, &template_id, "送您红包"), &json!({ "expires_at": world.at(3_600) }));
    let left = world.send(&left).await;

    let asked = waiting(&world).await;
    world.advance(Duration::from_secs(3_600));
    world.drain().await;

    assert_eq!(world.state(&rejected).await, "suppressed: content");
    assert_eq!(world.state(&left).await, "failed: expired");
    assert!(waiting(&world).await.is_empty());
    decide(&world, &asked[0], "approve", 409).await;
    world.assert_counts(&[("failed: expired", 1), ("suppressed: content", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_message_for_later_that_is_approved_goes_at_its_time() {
    let (world, template_id) = worded().await;
    let body = with(saying(&world, &template_id, "送您优惠券"), &json!({ "send_at": world.at(7_200) }));
    let id = world.send(&body).await;

    decide(&world, &waiting(&world).await[0], "approve", 200).await;
    world.drain().await;
    assert_eq!((world.state(&id).await.as_str(), world.stats().sends), ("pending", 0));
    world.advance(Duration::from_secs(7_200));
    world.drain().await;

    assert_eq!(world.state(&id).await, "delivered");
    world.finish().await;
}

#[tokio::test]
async fn messages_with_the_same_words_are_decided_together() {
    let (world, template_id) = worded().await;
    for text in ["送您优惠券", "再送优惠券一张", "送您红包"] {
        world.send(&saying(&world, &template_id, text)).await;
    }
    let asked = waiting(&world).await;
    let alike = &asked[1]["alike"];
    assert_eq!((alike == &asked[2]["alike"], alike == &asked[0]["alike"]), (true, false));

    let decided = json!({ "decision": "approve", "reason": "a coupon that was earned", "alike": alike });
    let decided = world.api().post("/api/v1/approvals/decide", &decided).await.expect(200);
    world.drain().await;

    assert_eq!(decided["results"].as_array().unwrap().len(), 2);
    world.assert_counts(&[("delivered", 2), ("pending", 1)]).await;
    let wrong = json!({ "decision": "approve", "reason": "", "ids": ["msg_1"] });
    let wrong = world.api().post("/api/v1/approvals/decide", &wrong).await.expect(422);
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 2);
    world.finish().await;
}

#[tokio::test]
async fn what_waits_for_a_person_waits_through_a_crash() {
    let (mut world, template_id) = worded().await;
    let id = world.send(&saying(&world, &template_id, "送您优惠券")).await;
    world.restart().await;
    world.drain().await;
    assert_eq!((world.state(&id).await.as_str(), world.stats().sends), ("pending: content", 0));

    decide(&world, &waiting(&world).await[0], "approve", 200).await;
    world.restart().await;
    world.pass(2, Duration::from_secs(2)).await;

    assert_eq!(world.state(&id).await, "delivered");
    world.finish().await;
}

#[tokio::test]
async fn a_new_list_is_held_against_what_was_accepted_under_the_old() {
    let (world, template_id) = worded().await;
    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);
    let mut ids = Vec::new();
    for text in ["暗号一", "暗号二", "订单已发货"] {
        ids.push(world.send(&saying(&world, &template_id, text)).await);
    }
    put_words(&world, "暗号一,custom,refuse\n暗号二,custom,hold").await;

    world.order("resume", &json!({})).await.expect(200);
    world.drain().await;

    let mut states = Vec::new();
    for id in &ids {
        states.push(world.state(id).await);
    }
    assert_eq!(states, ["suppressed: content", "pending: content", "delivered"]);
    decide(&world, &waiting(&world).await[0], "approve", 200).await;
    put_words(&world, "暗号,custom,refuse").await;
    world.drain().await;
    assert_eq!(world.state(&ids[1]).await, "delivered");
    world.finish().await;
}

#[tokio::test]
async fn an_account_may_have_a_list_of_its_own_and_take_it_back() {
    let (world, template_id) = worded().await;
    let appid = world.official().appid.clone();
    let api = world.api();
    let put = |body: Value| async move {
        api.call(http::Method::PUT, "/api/v1/words", "application/json", body.to_string().into()).await
    };
    let shipped = api.get("/api/v1/words").await.expect(200);
    assert_eq!(shipped["version"], json!(0));

    put(json!({ "appid": appid, "list": "暗号,custom" })).await.expect(200);
    assert_eq!(
        became(&world, &template_id, ["加微信".to_owned(), "暗号".to_owned()].into_iter()).await,
        ["sent", "held"]
    );
    let own = api.get(&format!("/api/v1/words?appid={appid}")).await.expect(200);
    assert_eq!(
        (&own["list"], &own["appid"], &own["words"]),
        (&json!("暗号,custom"), &json!(appid), &json!(1))
    );
    let gone =
        api.call(http::Method::DELETE, &format!("/api/v1/words?appid={appid}"), "", Vec::new().into()).await;
    assert_eq!(gone.expect(200)["version"], json!(0));
    assert_eq!(became(&world, &template_id, ["加微信".to_owned()].into_iter()).await, ["refused"]);

    let wrong = put(json!({ "list": "红包\n暗号,mood", "pinyin": "loud" })).await.expect(422);
    assert_eq!(wrong["errors"][0]["field"], json!("pinyin"));
    let wrong = put(json!({ "list": "红包\n暗号,mood" })).await.expect(422);
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 2);
    put(json!({ "list": "***,custom" })).await.expect(422);
    world.drain().await;
    world.finish().await;
}

#[tokio::test]
async fn an_observed_list_speaks_in_the_timeline_and_doubt_may_be_refused_or_allowed() {
    let (world, template_id) = worded().await;
    policy(&world, json!({ "mode": "observe" })).await;
    let id = world.send(&saying(&world, &template_id, "请加微信")).await;
    world.drain().await;
    let message = world.message(&id).await;
    assert_eq!(message["state"], json!("delivered"));
    assert_eq!(
        (&message["timeline"][1]["rule"], &message["timeline"][1]["observed"]),
        (&json!("content"), &json!(true))
    );

    policy(&world, json!({ "mode": "enforce", "doubtful": "refuse" })).await;
    world.api().post("/api/v1/messages", &saying(&world, &template_id, "送您优惠券")).await.expect(422);
    policy(&world, json!({ "doubtful": "allow" })).await;
    world.api().post("/api/v1/messages", &saying(&world, &template_id, "送您优惠券")).await.expect(202);
    world.drain().await;
    world.finish().await;
}

#[tokio::test]
async fn a_list_is_swapped_under_load_and_nothing_is_lost() {
    let (world, template_id) = worded().await;
    let api = world.another_api();
    let lists = async {
        for round in 0..5 {
            let list = format!("暗号{round},custom,refuse\n甲乙{round},custom").into();
            api.call(http::Method::PUT, "/api/v1/words", "text/csv", list).await.expect(200);
        }
    };
    let sends = async {
        for number in 0..20 {
            let bodies: Vec<_> = (0..20)
                .map(|place| saying(&world, &template_id, &format!("订单{number}-{place}已发货")))
                .collect();
            world.send_all(&bodies).await;
        }
    };

    tokio::join!(lists, sends);
    world.drain().await;

    world.assert_counts(&[("delivered", 400)]).await;
    assert_eq!(became(&world, &template_id, ["暗号4".to_owned()].into_iter()).await, ["refused"]);
    world.finish().await;
}

#[tokio::test]
async fn a_text_is_checked_and_advised_on_without_being_sent() {
    let (world, template_id) = worded().await;
    let api = world.api();
    let lines = json!({ "title": "优惠券到账", "fields": [{ "label": "备注", "value": "请加微信" }] });

    let said = api.post("/api/v1/content/check", &lines).await.expect(200);
    assert_eq!((&said["verdict"], &said["findings"][0]["place"]), (&json!("refuse"), &json!("title")));
    let marketing = json!({ "fields": [{ "value": "送您优惠券" }], "category": "marketing" });
    assert_eq!(api.post("/api/v1/content/check", &marketing).await.expect(200)["verdict"], json!("pass"));
    let filled = json!({ "template_id": template_id, "data": { "keyword1": "送您优惠券" } });
    let held = api.post("/api/v1/content/check", &filled).await.expect(200);
    assert_eq!(held["verdict"], json!("hold"));
    assert_eq!(held["preview"]["rows"], json!([{ "label": "内容", "value": "送您优惠券" }]));

    let advised = with(lines, &json!({ "industry": "retail" }));
    let advised = api.post("/api/v1/content/advise", &advised).await.expect(200);
    let codes: Vec<_> =
        advised["advice"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"no_link") && codes.contains(&"too_few_fields"), "{codes:?}");
    let dry = with(saying(&world, &template_id, "送您优惠券"), &json!({ "dry_run": true }));
    let dry = api.post("/api/v1/messages", &dry).await.expect(200);
    assert_eq!(dry["content"]["verdict"], json!("hold"));
    assert!(dry["advice"].as_array().is_some_and(|advice| !advice.is_empty()));
    api.post("/api/v1/content/check", &json!({ "scenario": "none", "template_id": "x" })).await.expect(422);
    api.post("/api/v1/content/check", &json!({ "scenario": "none" })).await.expect(404);
    world.finish().await;
}

/// WeChat's category templates name no industry of their own; the simulated account's first one is e-commerce.
#[tokio::test]
async fn advice_goes_by_the_accounts_industry_and_sees_colours() {
    let world = World::start().await;
    let lines = with(
        world.body(0)["data"].clone(),
        &json!({ "thing1": { "value": "您的拿铁已完成", "color": "#173177" } }),
    );
    let dry = with(
        world.body(0),
        &json!({ "data": lines, "dry_run": true, "url": "https://a.example/?utm_source=x" }),
    );
    let advised = async || {
        let told = world.api().post("/api/v1/messages", &dry).await.expect(200);
        let codes = told["advice"].as_array().unwrap().iter().map(|one| one["code"].clone());
        codes.collect::<Vec<_>>()
    };
    world.order("templates/sync", &json!({})).await.expect(200);

    assert_eq!(
        advised().await,
        ["too_few_fields", "colour_ignored"],
        "four of the five that shops do best with"
    );
    let asked = json!({ "template_id": world.official().template_id, "data": lines });
    let said = world.api().post("/api/v1/content/advise", &asked).await.expect(200);
    assert_eq!(said["industry"], json!("retail"));
    world.finish().await;
}

const PHONE: &str = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 MicroMessenger/8.0.50";

/// A world whose links are counted, and one message with such a link that was delivered.
async fn tapped() -> (World, String, String) {
    let world = World::build()
        .engine(|settings| settings.public_url = Some("https://m.example.com".to_owned()))
        .start()
        .await;
    let body = with(world.body(0), &json!({ "url": "https://shop.example.com/o?id=1#top", "track": true }));
    let id = world.send(&body).await;
    world.drain().await;
    let url = world.phone(0)[0].url.clone().unwrap();
    let path = url.strip_prefix("https://m.example.com").unwrap().to_owned();
    (world, id, path)
}

/// Follows a link as this agent; status and Location.
async fn follow(world: &World, path: &str, headers: &[(&str, &str)]) -> (u16, Option<String>) {
    let reply = world.api().follow(path, headers).await;
    let location = reply.headers.get("location").map(|value| value.to_str().unwrap().to_owned());
    (reply.status, location)
}

#[tokio::test]
async fn a_tap_leads_to_the_messages_own_address_and_is_counted_once_a_person() {
    let (world, id, path) = tapped().await;
    let own = Some("https://shop.example.com/o?id=1#top".to_owned());

    for headers in [[("user-agent", PHONE)], [("user-agent", PHONE)], [("user-agent", "curl/8.0")]] {
        assert_eq!(follow(&world, &path, &headers).await, (302, own.clone()));
    }
    let ahead = [("user-agent", PHONE), ("sec-purpose", "prefetch")];
    assert_eq!(follow(&world, &path, &ahead).await, (302, own));
    world.drain().await;

    let message = world.message(&id).await;
    assert_eq!(message["clicks"]["count"], json!(2));
    assert!(message["timeline"].as_array().unwrap().iter().any(|one| one["what"] == json!("clicked")));
    let person =
        world.api().get(&format!("/api/v1/recipients/{}", world.official().openids[0])).await.expect(200);
    assert_eq!(person["recent"][0]["clicks"]["count"], json!(2));
    let stats = world.api().get("/api/v1/stats/clicks?by=template").await.expect(200);
    let row = &stats["rows"][0];
    assert_eq!((&row["sent"], &row["clicked"], &row["clicks"]), (&json!(1), &json!(1), &json!(2)));
    assert_eq!(stats["references"][0]["rate"], json!(0.187));
    world.finish().await;
}

#[tokio::test]
async fn a_code_that_is_not_ours_leads_nowhere() {
    let (world, _, path) = tapped().await;
    let mut forged = path.clone();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);

    for path in [forged.as_str(), "/l/x", "/l/https:%2F%2Fevil.example", "/l/AAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(follow(&world, path, &[("user-agent", PHONE)]).await, (404, None), "{path}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_crash_takes_the_taps_of_a_second_and_never_the_way() {
    let (mut world, id, path) = tapped().await;
    let phone = [("user-agent", PHONE)];
    follow(&world, &path, &phone).await;
    world.drain().await;
    follow(&world, &path, &phone).await;

    world.restart().await;

    assert_eq!(follow(&world, &path, &phone).await.0, 302);
    world.drain().await;
    assert_eq!(world.message(&id).await["clicks"]["count"], json!(2));
    world.finish().await;
}

#[tokio::test]
async fn an_erased_persons_taps_are_gone_and_their_links_lead_nowhere() {
    let (world, _, path) = tapped().await;
    let phone = [("user-agent", PHONE)];
    follow(&world, &path, &phone).await;
    world.drain().await;
    let touser = world.official().openids[0].clone();

    let erase = format!("/api/v1/recipients/{touser}");
    world.api().call(http::Method::DELETE, &erase, "", Vec::new().into()).await.expect(200);

    assert_eq!(follow(&world, &path, &phone).await.0, 404);
    world.drain().await;
    let stats = world.api().get("/api/v1/stats/clicks").await.expect(200);
    assert_eq!(stats["rows"][0]["clicks"], json!(1));
    world.finish().await;
}

#[tokio::test]
async fn without_an_address_of_our_own_links_stay_as_they_are() {
    let world = World::start().await;
    let body = with(world.body(0), &json!({ "url": "https://shop.example.com/o", "track": true }));

    let refused = world.api().post("/api/v1/messages", &body).await.expect(422);
    world.send(&with(body, &json!({ "track": false }))).await;
    world.drain().await;

    assert_eq!(refused["errors"][0]["field"], json!("track"));
    assert_eq!(world.phone(0)[0].url.as_deref(), Some("https://shop.example.com/o"));
    world.finish().await;
}

fn split(world: &World) -> Value {
    json!({
        "title": "支付成功", "category": "transactional", "template_id": world.official().template_id,
        "fields": { "thing1": "订单已支付", "amount2": "¥1.00", "character_string3": "NO1",
            "time4": "2026年11月23日 12:00" },
        "link": { "url": "https://shop.example.com/o", "utm": {} },
        "variants": [{ "name": "b", "weight": 1, "fields": { "thing1": "支付成功啦" } }, { "name": "a", "weight": 1 }],
    })
}

#[tokio::test]
async fn people_are_split_and_the_variants_are_compared_until_one_is_stopped() {
    let world = World::build()
        .engine(|settings| settings.public_url = Some("https://m.example.com".to_owned()))
        .start()
        .await;
    let api = world.api();
    let put = split(&world).to_string().into();
    api.call(http::Method::PUT, "/api/v1/scenarios/paid", "application/json", put).await.expect(200);
    let mut seen = Vec::new();
    for openid in &world.official().openids {
        let accepted =
            api.post("/api/v1/scenarios/paid/trigger", &json!({ "touser": openid, "params": {} })).await;
        let message = world.message(accepted.expect(202)["id"].as_str().unwrap()).await;
        assert_eq!(
            message["url"],
            json!(format!(
                "https://shop.example.com/o?utm_source=wechat&utm_medium=template_message&utm_campaign=paid&utm_content={}",
                message["variant"].as_str().unwrap()
            ))
        );
        seen.push(message["variant"].as_str().unwrap().to_owned());
    }
    world.drain().await;

    let stats = api.get("/api/v1/stats/clicks?by=variant").await.expect(200);
    assert_eq!(stats["rows"].as_array().unwrap().len(), 2, "{seen:?} {stats}");
    let compared = &stats["comparisons"][0];
    assert_eq!(compared["answer"], json!("too_few"));
    assert_eq!(
        (&compared["a"], &compared["b"]),
        (&json!("b"), &json!("a")),
        "against the one declared first"
    );
    assert!(stats["comparisons"][0]["text"]["zh"].is_string());
    api.post("/api/v1/scenarios/paid/variants/b/stop", &json!({})).await.expect(200);
    world.advance(Duration::from_secs(120));
    for openid in &world.official().openids {
        let accepted =
            api.post("/api/v1/scenarios/paid/trigger", &json!({ "touser": openid, "params": {} })).await;
        let message = world.message(accepted.expect(202)["id"].as_str().unwrap()).await;
        assert_eq!(message["variant"], json!("a"));
    }
    api.post("/api/v1/scenarios/paid/variants/a/stop", &json!({})).await.expect(409);
    api.post("/api/v1/scenarios/paid/variants/c/stop", &json!({})).await.expect(404);
    world.drain().await;
    world.finish().await;
}

#[tokio::test]
async fn words_approvals_variants_and_clicks_are_worked_with_at_the_command_line() {
    let (world, template_id) = worded().await;
    let folder = tempfile::tempdir().unwrap();
    let server = format!("http://{}", world.api().address());
    let cli = async |words: &str| {
        let settings = [("HONGYAN_KEY", world.key().to_owned())];
        let words: Vec<_> = words.split(' ').chain(["--server", &server, "--json"]).collect();
        run(folder.path(), &settings, &words).await.json()
    };
    for text in ["送您优惠券", "再送优惠券一张"] {
        world.send(&saying(&world, &template_id, text)).await;
    }
    let alike = waiting(&world).await[0]["alike"].as_str().unwrap().to_owned();
    let put = split(&world).to_string().into();
    world.api().call(http::Method::PUT, "/api/v1/scenarios/paid", "application/json", put).await.expect(200);
    put_words(&world, "暗号,custom").await;

    let decided = cli(&format!("approval approve --alike {alike} --reason earned")).await;
    let taken_back = cli("words delete").await;
    let stopped = cli("scenario stop paid b").await;
    let clicks = cli("clicks --by variant").await;
    let brake = cli("policy set brake --mode off").await;

    assert_eq!(decided["results"].as_array().unwrap().len(), 2);
    assert_eq!(taken_back["version"], json!(0));
    assert_eq!(stopped["scenario"]["variants"][0]["weight"], json!(0));
    assert_eq!(clicks["by"], json!("variant"));
    assert!(brake.is_object());
    world.drain().await;
    world.finish().await;
}

#[tokio::test]
async fn a_scenario_is_put_in_force_and_its_doubtful_texts_are_told() {
    let (world, _) = worded().await;
    let scenario = with(split(&world), &json!({ "title": "送您优惠券" }));
    let put = scenario.to_string().into();

    let told = world
        .api()
        .call(http::Method::PUT, "/api/v1/scenarios/paid", "application/json", put)
        .await
        .expect(200);

    let found = &told["content"][0];
    assert_eq!((&found["word"], &found["place"]), (&json!("优惠券"), &json!("title")));
    world.finish().await;
}
