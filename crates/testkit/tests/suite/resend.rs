//! What a message said, sent once more by a person's order.

use std::time::Duration;

use hongyan_testkit::{Reply, World, with};
use serde_json::{Value, json};

use crate::scenarios::{paid, put, trigger};

/// WeChat and our rules refuse the same words to the same person within a minute.
const LATER: Duration = Duration::from_secs(120);

async fn resend(world: &World, id: &str, body: &Value) -> Reply {
    world.api().post(&format!("/api/v1/messages/{id}/resend"), body).await
}

/// The other message that a timeline names, by the word for it.
fn named(message: &Value, what: &str) -> Vec<String> {
    let timeline = message["timeline"].as_array().unwrap().iter();
    let moments = timeline.filter(|moment| moment["what"] == what);
    moments.map(|moment| moment["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_a_message_said_goes_once_more_and_the_two_name_each_other() {
    let world = World::start().await;
    let body = json!({ "client_msg_id": "order-1", "lane": "urgent", "url": "https://shop.example.com/1", "basis": "payment" });
    let first = world.send(&with(world.body(0), &body)).await;
    world.drain().await;
    world.advance(LATER);

    let answer = resend(&world, &first, &json!({})).await.expect(202);
    world.drain().await;

    let again = answer["id"].as_str().unwrap();
    let (before, after) = (world.message(&first).await, world.message(again).await);
    assert_eq!((&before["state"], &after["state"]), (&json!("delivered"), &json!("delivered")));
    for field in ["appid", "touser", "template_id", "data", "url", "lane", "category"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    assert_eq!(after["client_msg_id"], json!(format!("{first}-again-1")));
    assert_eq!(after["basis"], json!(null), "it was not paid twice");
    assert_eq!((named(&before, "resent"), named(&after, "resends")), (vec![again.to_owned()], vec![first]));
    assert_eq!(world.phone(0).len(), 2);
    world.finish().await;
}

#[tokio::test]
async fn what_is_not_final_is_not_sent_once_more() {
    let world = World::start().await;
    let later = with(world.body(0), &json!({ "send_at": world.at(600) }));
    let id = world.send(&later).await;

    let waiting = resend(&world, &id, &json!({})).await.expect(409);
    world.api().post(&format!("/api/v1/messages/{id}/cancel"), &json!({})).await.expect(200);
    let taken_back = resend(&world, &id, &json!({})).await.expect(202);
    world.drain().await;

    assert_eq!((&waiting["code"], &waiting["message_id"]), (&json!("wrong_state"), &json!(id)));
    assert_eq!(world.state(taken_back["id"].as_str().unwrap()).await, "delivered");
    world.finish().await;
}

#[tokio::test]
async fn the_same_order_given_twice_makes_one_message() {
    let world = World::start().await;
    let id = world.send(&world.body(0)).await;
    world.drain().await;
    world.advance(LATER);
    let named = json!({ "client_msg_id": "mend-7" });

    let once = resend(&world, &id, &named).await.expect(202);
    let twice = resend(&world, &id, &named).await.expect(200);
    world.drain().await;

    assert_eq!((&twice["id"], &twice["repeated"]), (&once["id"], &json!(true)));
    assert_eq!(world.stats().sends, 2);
    world.finish().await;
}

#[tokio::test]
async fn rules_are_asked_anew_and_an_erased_person_is_not_written_to() {
    let world = World::start().await;
    let id = world.send(&world.body(0)).await;
    world.drain().await;
    world.advance(LATER);
    let (appid, openid) = (&world.official().appid, &world.official().openids[0]);
    let order = json!({ "appid": appid, "tousers": [openid], "reason": "opted_out" });
    world.api().post("/api/v1/suppressions", &order).await.expect(200);
    world.api().patch("/api/v1/policies/suppression", &json!({ "mode": "enforce" })).await.expect(200);

    let refused = resend(&world, &id, &json!({})).await.expect(422);
    let erase = format!("/api/v1/recipients/{openid}");
    world.api().call(http::Method::DELETE, &erase, "", Vec::new().into()).await.expect(200);
    let erased = resend(&world, &id, &json!({})).await.expect(409);

    assert_eq!((&refused["code"], &refused["rule"]), (&json!("refused"), &json!("suppression")));
    assert_eq!(erased["code"], json!("wrong_state"));
    world.finish().await;
}

#[tokio::test]
async fn a_message_of_a_scenario_stays_of_its_scenario() {
    let world = World::start().await;
    put(&world, "paid", &paid(&world)).await;
    let asked = trigger(&world, "NO7");
    let first = world.api().post("/api/v1/scenarios/paid/trigger", &asked).await.expect(202);
    world.drain().await;
    world.advance(LATER);

    let again = resend(&world, first["id"].as_str().unwrap(), &json!({})).await.expect(202);
    world.drain().await;

    let again = world.message(again["id"].as_str().unwrap()).await;
    assert_eq!((&again["scenario"], &again["state"]), (&json!("paid"), &json!("delivered")));
    assert_eq!(again["data"]["amount2"]["value"], json!("¥18.50"));
    world.finish().await;
}
