//! Alerts by e-mail: over a way that is encrypted as it should be, to whoever of the mailboxes is there.

use std::sync::Arc;
use std::time::Duration;

use hongyan_outgoing::mail::{Encryption, Letter, Server};
use hongyan_outgoing::{Failure, Guard, Outgoing, Resolver, Settings};
use hongyan_testkit::{Begins, MailServer, Manner, World};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
/// Of real time: only the test of a server that hangs waits for it.
const TIMEOUT: Duration = Duration::from_millis(300);

fn settings(server: &MailServer, timeout: Duration) -> Settings {
    let guard = Guard { allowed: vec!["127.0.0.1".parse().unwrap()] };
    let resolver = Resolver::Fixed(Arc::new(|_| vec!["127.0.0.1".parse().unwrap()]));
    Settings { guard, resolver, timeout, extra_roots: vec![server.certificate()] }
}

async fn world(server: &MailServer) -> World {
    let outgoing = settings(server, Duration::from_secs(15));
    World::build().engine(|settings| settings.outgoing = outgoing).start().await
}

fn channel(server: &MailServer, tls: &str, to: &[&str]) -> Value {
    let mail = json!({ "host": "localhost", "port": server.port(), "tls": tls, "user": "robot",
        "from": "鸿雁 <robot@example.com>", "to": to });
    json!({ "id": "mail", "name": "值班邮箱", "kind": "email", "lang": "en", "mail": mail, "secret": "pass" })
}

async fn tested(world: &World) -> Value {
    world.api().post("/api/v1/alerts/channels/mail/test", &json!({})).await.expect(200)
}

async fn hand_over(
    outgoing: &Outgoing,
    server: &MailServer,
    encryption: Encryption,
) -> Result<usize, Failure> {
    let to = ["ops@example.com".to_owned(), "gone@example.com".to_owned()];
    let letter = Letter { from: "robot@example.com", to: &to, subject: "S", text: "T", id: "i@h", at_ms: 0 };
    let server =
        Server { host: "localhost", port: server.port(), encryption, login: Some(("robot", "pass")) };
    outgoing.mail(&server, &letter).await
}

#[tokio::test]
async fn an_alert_comes_by_mail_and_says_what_to_do() {
    let server = MailServer::start(Begins::AtOnce).await;
    let world = world(&server).await;
    let both = ["ops@example.com", "值班 <duty@example.com>"];
    world.api().post("/api/v1/alerts/channels", &channel(&server, "implicit", &both)).await.expect(201);

    world.faults(json!({ "errcodes": [{ "errcode": 43002, "rate": 1.0 }] }));
    world.send(&world.body(0)).await;
    world.drain().await;
    world.pass(1, MINUTE).await;

    let posted = server.take();
    assert_eq!(
        (posted.len(), &*posted[0].to),
        (1, &["ops@example.com", "duty@example.com"].map(String::from)[..])
    );
    // base64 of \0robot\0pass
    assert_eq!(
        (posted[0].login.as_deref(), posted[0].is_encrypted),
        (Some("AUTH PLAIN AHJvYm90AHBhc3M="), true)
    );
    for part in ["43002", "Message-ID: <note_", "Auto-Submitted: auto-generated"] {
        assert!(posted[0].text.contains(part), "{part} is missing: {}", posted[0].text);
    }
    world.finish().await;
}

#[tokio::test]
async fn a_letter_that_is_wanted_later_is_sent_again_and_is_the_same() {
    let server = MailServer::start(Begins::Later).await;
    let world = world(&server).await;
    world
        .api()
        .post("/api/v1/alerts/channels", &channel(&server, "starttls", &["ops@example.com"]))
        .await
        .expect(201);
    server.be(Manner::Later);
    world.faults(json!({ "errcodes": [{ "errcode": 43002, "rate": 1.0 }] }));
    world.send(&world.body(0)).await;
    world.drain().await;
    world.pass(1, MINUTE).await;
    let notes = world.api().get("/api/v1/alerts/notes").await.expect(200);
    let error = notes["notes"][0]["error"].as_str().unwrap();
    assert!(error.contains("localhost refused the letter: 451 4.3.0 later, please"), "{error}");

    server.be(Manner::Takes);
    world.pass(1, MINUTE).await;

    let posted = server.take();
    assert_eq!((posted.len(), posted[0].is_encrypted), (1, true));
    assert!(posted[0].text.contains("Message-ID: <note_1.mail@hongyan>"), "{}", posted[0].text);
    world.finish().await;
}

#[tokio::test]
async fn a_test_says_what_the_server_said_and_tells_no_password_and_no_mailbox() {
    let server = MailServer::start(Begins::AtOnce).await;
    let world = world(&server).await;
    let both = ["ops@example.com", "gone@example.com"];
    world.api().post("/api/v1/alerts/channels", &channel(&server, "implicit", &both)).await.expect(201);

    server.be(Manner::RefusesLogin);
    let stranger = tested(&world).await;
    server.be(Manner::RefusesMailbox("gone@example.com"));
    let half = tested(&world).await;
    server.be(Manner::Takes);
    let whole = tested(&world).await;

    assert_eq!(stranger["error"], "localhost refused the login: 535 5.7.8 nobody here is …");
    assert_eq!(half, json!({ "sent": true, "error": "localhost refused 1 of 2 mailboxes" }));
    assert_eq!(whole, json!({ "sent": true, "error": null }));
    assert_eq!(server.take().iter().map(|letter| letter.to.len()).collect::<Vec<_>>(), [1, 2]);
    world.finish().await;
}

#[tokio::test]
async fn mailboxes_are_shown_to_admins_only_and_a_password_to_nobody() {
    let server = MailServer::start(Begins::AtOnce).await;
    let world = world(&server).await;
    world
        .api()
        .post("/api/v1/alerts/channels", &channel(&server, "implicit", &["ops@example.com"]))
        .await
        .expect(201);
    let key = world.api().post("/api/v1/keys", &json!({ "name": "r", "scopes": ["read"] })).await.expect(201);

    let admin = world.api().get("/api/v1/alerts/channels").await.expect(200)["channels"][0].clone();
    let reader = world.api_with(key["key"].as_str().unwrap());
    let reader = reader.get("/api/v1/alerts/channels").await.expect(200)["channels"][0].clone();

    assert_eq!((&admin["mail"]["to"][0], &admin["secret"]), (&json!("ops@example.com"), &json!("set")));
    assert_eq!((&reader["mail"], &reader["host"]), (&json!(null), &json!("localhost")));
    let dropped = json!({ "mail": { "host": "localhost", "port": server.port(), "tls": "none",
        "from": "a@example.com", "to": ["ops@example.com"] } });
    let changed = world.api().patch("/api/v1/alerts/channels/mail", &dropped).await.expect(200);
    assert_eq!(changed["secret"], json!(null), "who logs in no more needs no password");
    world.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_channel_of_mail_is_told_field_by_field() {
    let world = World::start().await;
    let wrong = json!({ "id": "m", "name": "n", "kind": "email", "url": "https://h.example/", "secret": "p",
        "mail": { "host": "127.0.0.1", "tls": "ssl", "from": "nobody", "to": ["ops@example.com", "x"] } });
    let plain = json!({ "id": "m", "name": "n", "kind": "email", "secret": "p",
        "mail": { "host": "smtp.invalid", "tls": "none", "user": "u", "from": "a@example.com", "to": [] } });
    let empty = json!({ "id": "m", "name": "n", "kind": "email" });
    let mut found = Vec::new();

    for body in [wrong, plain, empty] {
        let answer = world.api().post("/api/v1/alerts/channels", &body).await.expect(422);
        let errors = answer["errors"].as_array().unwrap().clone();
        found
            .push(errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
    }

    assert_eq!(found[0], ["url", "mail.tls", "mail.user", "mail.from", "mail.to", "mail.host"]);
    assert_eq!((&*found[1].join(" "), &*found[2].join(" ")), ("mail.tls mail.to", "mail"));
    world.finish().await;
}

#[tokio::test]
async fn a_server_without_tls_is_sent_neither_password_nor_letter() {
    let server = MailServer::start(Begins::Never).await;
    let outgoing = Outgoing::new(settings(&server, Duration::from_secs(15)));

    let told = hand_over(&outgoing, &server, Encryption::StartTls).await;

    assert!(matches!(&told, Err(Failure::Refused { step: "STARTTLS", .. })), "{told:?}");
    assert_eq!(server.take().len(), 0);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_ends_it() {
    for (begins, encryption) in
        [(Begins::AtOnce, Encryption::Implicit), (Begins::Later, Encryption::StartTls)]
    {
        let server = MailServer::start(begins).await;
        let strict = Settings { extra_roots: Vec::new(), ..settings(&server, Duration::from_secs(15)) };

        let told = hand_over(&Outgoing::new(strict), &server, encryption).await;

        assert!(matches!(&told, Err(Failure::Tls(..) | Failure::Connect(..))), "{told:?}");
        assert_eq!(server.take().len(), 0);
    }
}

#[tokio::test]
async fn a_server_that_hangs_or_hangs_up_is_a_failure() {
    let server = MailServer::start(Begins::AtOnce).await;

    server.be(Manner::HangsUp);
    let outgoing = Outgoing::new(settings(&server, Duration::from_secs(15)));
    let told = hand_over(&outgoing, &server, Encryption::Implicit).await;
    assert!(matches!(&told, Err(Failure::Broken(_) | Failure::Refused { .. })), "{told:?}");

    server.be(Manner::Hangs);
    let outgoing = Outgoing::new(settings(&server, TIMEOUT));
    let told = hand_over(&outgoing, &server, Encryption::Implicit).await;
    assert!(matches!(&told, Err(Failure::Timeout(_))), "{told:?}");
}

#[tokio::test]
async fn a_mail_server_behind_the_wall_is_not_called() {
    let server = MailServer::start(Begins::AtOnce).await;
    let closed = Settings { guard: Guard::default(), ..settings(&server, Duration::from_secs(15)) };

    let told = hand_over(&Outgoing::new(closed), &server, Encryption::Implicit).await;

    assert!(matches!(&told, Err(Failure::Closed { .. })), "{told:?}");
}
