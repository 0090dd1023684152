//! Alerts and what is told of them; webhooks and how far they were told.

use std::time::Duration;

use hongyan_domain::alert::{AlertState, ChannelKind, MailTls, News, Standing, ready};
use hongyan_domain::{Lang, State, Timestamp};
use hongyan_store::{
    AlertKey, Channel, Delivery, MailWay, NewNote, NoteWords, Progress, Secret, Told, Way, Webhook,
    WebhookOpen,
};

use crate::bed::{Bed, NOW, after_s};

fn channel(id: &str) -> Channel {
    Channel {
        id: id.to_owned(),
        name: "值班群".to_owned(),
        kind: ChannelKind::DingTalk,
        lang: Lang::Zh,
        enabled: true,
        host: "oapi.dingtalk.com".to_owned(),
        way: Way::Url(Secret::new("https://oapi.dingtalk.com/robot/send?access_token=RobotKeyInPlain")),
        secret: Some(Secret::new("SECInPlain")),
    }
}

fn key(bed: &Bed) -> AlertKey {
    AlertKey { account: bed.account, rule: "r".to_owned(), template_id: String::new() }
}

fn firing() -> Standing {
    Standing {
        state: AlertState::Firing,
        since: NOW,
        fired_at: Some(NOW),
        resolved_at: None,
        told_at: Some(NOW),
        silenced_until: None,
        value: 2.5,
    }
}

fn note(bed: &Bed) -> NewNote {
    let words = NoteWords { title: "T".to_owned(), lines: vec!["L".to_owned()], link: None };
    NewNote { key: key(bed), channel: "dingtalk".to_owned(), news: News::Firing, words }
}

pub(crate) async fn a_rule_is_kept_changed_and_taken_back(bed: &Bed) {
    let mut rule = ready().remove(0);
    rule.threshold = 7.0;

    bed.store.put_alert_rule(rule.clone(), NOW).await.unwrap();

    assert_eq!(bed.store.alert_rules().await.unwrap(), [rule.clone()]);
    assert!(bed.store.delete_alert_rule(&rule.id, NOW).await.unwrap());
    assert!(!bed.store.delete_alert_rule(&rule.id, NOW).await.unwrap());
    assert_eq!(bed.store.alert_rules().await.unwrap(), []);
}

pub(crate) async fn a_channel_is_kept_sealed(bed: &Bed) {
    bed.store.put_alert_channel(channel("a"), NOW).await.unwrap();
    bed.store.put_alert_channel(Channel { enabled: false, ..channel("a") }, NOW).await.unwrap();

    let kept = bed.store.alert_channels().await.unwrap();

    assert_eq!((kept.len(), kept[0].enabled), (1, false));
    let Way::Url(url) = &kept[0].way else { panic!("it was put in with a URL") };
    assert!(url.expose().ends_with("access_token=RobotKeyInPlain"));
    for file in ["test.db", "test.db-wal"] {
        let bytes = std::fs::read(bed.path(file)).unwrap_or_default();
        for secret in [&b"RobotKeyInPlain"[..], b"SECInPlain"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{file} tells a secret");
        }
    }
    assert!(bed.store.delete_alert_channel("a", NOW).await.unwrap());
    assert!(!bed.store.delete_alert_channel("a", NOW).await.unwrap());
}

pub(crate) async fn a_channel_of_mail_is_kept_with_its_mailboxes_sealed(bed: &Bed) {
    let way = MailWay {
        host: "smtp.example.com".to_owned(),
        port: 465,
        tls: MailTls::Implicit,
        user: Some("robot".to_owned()),
        from: "robot@example.com".to_owned(),
        to: vec!["duty-officer@example.com".to_owned()],
    };
    let mail = Channel { kind: ChannelKind::Email, way: Way::Mail(way.clone()), ..channel("mail") };

    bed.store.put_alert_channel(mail, NOW).await.unwrap();

    let kept = bed.store.alert_channels().await.unwrap().remove(0);
    assert!(matches!(&kept.way, Way::Mail(kept) if *kept == way), "{kept:?}");
    assert!(!format!("{kept:?}").contains("duty-officer"));
    for file in ["test.db", "test.db-wal"] {
        let bytes = std::fs::read(bed.path(file)).unwrap_or_default();
        assert!(!bytes.windows(12).any(|window| window == b"duty-officer"), "{file} tells a mailbox");
    }
}

pub(crate) async fn alerts_and_their_notes_are_kept_together(bed: &Bed) {
    bed.store.keep_alerts(vec![(key(bed), Some(firing()))], vec![note(bed), note(bed)], NOW).await.unwrap();

    assert_eq!(bed.store.alerts().await.unwrap(), [(key(bed), firing())]);
    let due = bed.store.due_notes(NOW, 10).await.unwrap();
    assert_eq!((due.len(), &due[0].new.words), (2, &note(bed).words));

    bed.store.keep_alerts(vec![(key(bed), None)], vec![], NOW).await.unwrap();
    assert_eq!(bed.store.alerts().await.unwrap(), []);
}

pub(crate) async fn a_note_is_told_tried_again_or_given_up(bed: &Bed) {
    bed.store.keep_alerts(vec![], vec![note(bed), note(bed), note(bed)], NOW).await.unwrap();
    let due = bed.store.due_notes(NOW, 10).await.unwrap();
    let error = || "HTTP 500".to_owned();

    bed.store.note_told(bed.account, due[0].id, Told::Sent, NOW).await.unwrap();
    bed.store
        .note_told(bed.account, due[1].id, Told::Again { at: after_s(10), error: error() }, NOW)
        .await
        .unwrap();
    bed.store.note_told(bed.account, due[2].id, Told::Failed { error: error() }, NOW).await.unwrap();

    assert_eq!(bed.store.due_notes(after_s(9), 10).await.unwrap().len(), 0);
    let again = bed.store.due_notes(after_s(10), 10).await.unwrap();
    assert_eq!((again.len(), again[0].id, again[0].attempts), (1, due[1].id, 1));
    bed.store.purge_notes(after_s(1)).await.unwrap();
    let left = bed.store.notes(vec![bed.account], 10).await.unwrap();
    assert_eq!((left.len(), &*left[0].state), (1, "queued"));
}

pub(crate) async fn an_alert_is_silenced_and_one_that_is_not_there_is_not(bed: &Bed) {
    bed.store.keep_alerts(vec![(key(bed), Some(firing()))], vec![], NOW).await.unwrap();

    assert!(bed.store.silence_alert(key(bed), Some(after_s(60)), NOW).await.unwrap());
    assert_eq!(bed.store.alerts().await.unwrap()[0].1.silenced_until, Some(after_s(60)));
    let other = AlertKey { rule: "x".to_owned(), ..key(bed) };
    assert!(!bed.store.silence_alert(other, None, NOW).await.unwrap());
}

pub(crate) async fn a_silence_that_was_ordered_since_an_alert_was_read_holds(bed: &Bed) {
    let read = Standing { told_at: None, ..firing() };
    bed.store.keep_alerts(vec![(key(bed), Some(read))], vec![], NOW).await.unwrap();
    bed.store.silence_alert(key(bed), Some(after_s(60)), NOW).await.unwrap();
    let (other, now) = (AlertKey { rule: "x".to_owned(), ..key(bed) }, after_s(1));
    let (told, loud) = (Standing { told_at: Some(now), ..read }, NewNote { key: other.clone(), ..note(bed) });

    let changes = vec![(key(bed), Some(told)), (other, Some(told))];
    bed.store.keep_alerts(changes, vec![note(bed), loud], now).await.unwrap();

    let alerts = bed.store.alerts().await.unwrap();
    assert_eq!(alerts[0].1, Standing { silenced_until: Some(after_s(60)), ..read });
    assert_eq!(alerts[1].1, told);
    let due = bed.store.due_notes(now, 10).await.unwrap();
    assert_eq!(due.iter().map(|note| &*note.new.key.rule).collect::<Vec<_>>(), ["x"]);
}

pub(crate) async fn when_wechat_last_called_is_kept_and_goes_with_the_account(bed: &Bed) {
    bed.store
        .note_heard(vec![(bed.account, after_s(9)), (hongyan_domain::AccountId(99), NOW)])
        .await
        .unwrap();
    bed.store.note_heard(vec![(bed.account, NOW)]).await.unwrap();

    assert_eq!(bed.store.heard().await.unwrap(), [(bed.account, after_s(9))]);
}

pub(crate) async fn a_webhook_that_was_changed_meanwhile_is_not_switched_off(bed: &Bed) {
    bed.store.put_webhook(webhook(), NOW).await.unwrap();
    let (was, id) = (webhook().open, webhook().id);
    let off = WebhookOpen { enabled: false, ..was.clone() };
    let changed = WebhookOpen { name: "another".to_owned(), ..was.clone() };
    bed.store.put_webhook(Webhook { open: changed.clone(), ..webhook() }, NOW).await.unwrap();

    assert!(!bed.store.switch_webhook_off(&id, (&was, &off)).await.unwrap());
    assert_eq!(bed.store.webhook(&id).await.unwrap().unwrap().open, changed);
    assert!(bed.store.switch_webhook_off(&id, (&changed, &off)).await.unwrap());
    assert_eq!(bed.store.webhook(&id).await.unwrap().unwrap().open, off);
    assert!(bed.store.webhook("whk_none").await.unwrap().is_none());
}

fn webhook() -> Webhook {
    let open = WebhookOpen {
        name: "订单".to_owned(),
        host: "shop.example".to_owned(),
        enabled: true,
        disabled_because: None,
        states: vec![State::Failed],
        accounts: vec![],
        scenarios: vec![],
        with_openid: false,
        created_at: NOW,
    };
    let (url, secret) =
        (Secret::new("https://shop.example/hook?t=UrlTokenInPlain"), Secret::new("whsec_QUJD"));
    Webhook { id: "whk_1".to_owned(), open, url, secret, progress: Progress::default() }
}

async fn one(bed: &Bed) -> Webhook {
    bed.store.webhooks().await.unwrap().remove(0)
}

async fn delivered(bed: &Bed, msgid: u64) {
    bed.sent("oA", Some(msgid)).await;
    bed.receive(bed.receipt("oA", Some(msgid))).await;
}

pub(crate) async fn the_end_of_a_message_is_logged_only_while_somebody_listens(bed: &Bed) {
    delivered(bed, 1).await;
    assert_eq!(bed.store.settled_since(Progress::default(), 10).await.unwrap(), []);

    bed.store.put_webhook(webhook(), NOW).await.unwrap();
    delivered(bed, 2).await;

    let rows = bed.store.settled_since(one(bed).await.progress, 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].events.len(), rows[0].events[0].state), (1, 1, State::Delivered));
    let ids = vec![(bed.account, rows[0].events[0].message)];
    assert!(bed.store.messages_by_id(ids).await.unwrap()[0].is_some());
}

pub(crate) async fn a_webhook_goes_on_from_where_it_stood_and_is_set_back(bed: &Bed) {
    bed.store.put_webhook(webhook(), NOW).await.unwrap();
    delivered(bed, 1).await;
    let stood = one(bed).await.progress;
    let to = Progress { seq: 1, ..stood };
    let told = Delivery {
        at: NOW,
        webhook_id: "whk_1_0_0".to_owned(),
        events: 1,
        status: Some(200),
        error: None,
        took_ms: 3,
    };

    assert!(bed.store.webhook_told("whk_1", (stood, to), Some(told.clone())).await.unwrap());
    assert!(!bed.store.webhook_told("whk_1", (stood, to), None).await.unwrap());

    assert_eq!(bed.store.settled_since(one(bed).await.progress, 10).await.unwrap(), []);
    assert_eq!(bed.store.deliveries("whk_1", None, 10).await.unwrap(), [(1, told)]);
    assert!(bed.store.replay_webhook("whk_1", NOW, NOW).await.unwrap());
    assert_eq!(bed.store.settled_since(one(bed).await.progress, 10).await.unwrap().len(), 1);
    assert!(!bed.store.replay_webhook("whk_2", NOW, NOW).await.unwrap());
}

pub(crate) async fn a_webhook_is_kept_sealed_switched_off_and_deleted(bed: &Bed) {
    bed.store.put_webhook(webhook(), NOW).await.unwrap();
    let kept = one(bed).await;
    assert_eq!((kept.open.clone(), kept.url.expose()), (webhook().open, webhook().url.expose()));
    let bytes = std::fs::read(bed.path("test.db-wal")).unwrap_or_default();
    assert!(!bytes.windows(15).any(|window| window == b"UrlTokenInPlain"));

    let off = WebhookOpen { enabled: false, ..kept.open };
    assert!(bed.store.switch_webhook_off("whk_1", (&webhook().open, &off)).await.unwrap());
    bed.store.log_delivery("whk_1", delivery()).await.unwrap();
    assert_eq!(one(bed).await.open, off);
    assert!(bed.store.delete_webhook("whk_1", NOW).await.unwrap());
    assert!(!bed.store.delete_webhook("whk_1", NOW).await.unwrap());
    assert_eq!(bed.store.deliveries("whk_1", None, 10).await.unwrap(), []);
}

fn delivery() -> Delivery {
    let webhook_id = "test".to_owned();
    Delivery { at: NOW, webhook_id, events: 0, status: None, error: Some("x".to_owned()), took_ms: 1 }
}

pub(crate) async fn the_log_of_what_ended_is_purged_and_its_numbers_go_on(bed: &Bed) {
    bed.store.put_webhook(webhook(), NOW).await.unwrap();
    delivered(bed, 1).await;
    delivered(bed, 2).await;
    let late: Timestamp = NOW.plus(Duration::from_secs(86_400));

    bed.store.purge_settled(late).await.unwrap();
    delivered(bed, 3).await;

    let rows = bed.store.settled_since(Progress::default(), 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [2, 3]);
}
