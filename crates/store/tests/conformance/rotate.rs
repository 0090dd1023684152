//! New keys: in force at once, in every process, and nothing is ever unreadable.

use std::collections::BTreeSet;

use hongyan_domain::{AccountId, Appid, DeliveryStatus, InteractionKind, MessageId, Reason, Suppression};
use hongyan_store::{
    Happening, Interaction, NewMessage, SealStatus, Secret, Settings, Sign, Store, StoreError, StoredToken,
};

use crate::bed::{Bed, NOW, after_s, draft, master, openid};

/// Another process on the same database.
async fn another(bed: &Bed) -> Store {
    Store::open(Settings::new(bed.url("test.db"), master(1)), NOW).await.unwrap()
}

/// By which keys the blobs of any table are sealed, as `table.column 2`.
fn sealed_by(bed: &Bed) -> BTreeSet<String> {
    let conn = rusqlite::Connection::open(bed.path("test.db")).unwrap();
    let texts = |sql: &str| {
        let mut rows = conn.prepare(sql).unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<String>, _>>().unwrap()
    };
    let mut keys = BTreeSet::new();
    for table in texts("SELECT name FROM sqlite_master WHERE type = 'table'") {
        for column in texts(&format!("SELECT name FROM pragma_table_info('{table}') WHERE type = 'BLOB'")) {
            // The form: 1, four bytes of key id, nonce, text, tag. Under key 0, the master key, are the keys.
            let sealed = format!(
                "SELECT DISTINCT HEX(SUBSTR({column}, 2, 4)) FROM {table}
                 WHERE LENGTH({column}) > 32 AND SUBSTR({column}, 1, 1) = x'01'"
            );
            let ids = texts(&sealed).into_iter().map(|id| u32::from_str_radix(&id, 16).unwrap());
            keys.extend(ids.filter(|id| *id != 0).map(|id| format!("{table}.{column} {id}")));
        }
    }
    keys
}

fn all_by(version: u32) -> BTreeSet<String> {
    let columns =
        ["account.secrets", "message.body", "receipt.raw", "recipient_openid.openid", "token.value"];
    columns.into_iter().map(|column| format!("{column} {version}")).collect()
}

fn paid(bed: &Bed, to: &str) -> Interaction {
    let sign = Sign::Acted(InteractionKind::Payment);
    Interaction { account: bed.account, openid: openid(to), sign, at: NOW }
}

/// A message in every state of its body, a token, a receipt with words of WeChat's.
async fn filled(bed: &Bed) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(bed.sent(&format!("o{number}"), Some(100 + number)).await);
    }
    let mut strange = bed.receipt("o1", Some(101));
    (strange.status, strange.raw) = (DeliveryStatus::Other, "failed: strange".to_owned());
    bed.receive(strange).await;
    for number in 0..20 {
        bed.store.interact(vec![paid(bed, &format!("o{number}"))]).await.unwrap();
    }
    let token = StoredToken { value: Secret::new("token"), expires_at: after_s(9), fetched_at: NOW };
    bed.store.put_token(bed.account, token).await.unwrap();
    ids
}

async fn everything_reads_back(store: &Store, ids: &[MessageId]) {
    for (number, id) in ids.iter().enumerate() {
        let record = store.message(*id).await.unwrap().unwrap();
        assert_eq!(record.openid, Some(openid(&format!("o{number}"))));
    }
    let timeline = store.message(ids[1]).await.unwrap().unwrap().timeline;
    let raw = timeline.iter().find_map(|moment| match &moment.what {
        Happening::Reported { raw, .. } => raw.clone(),
        _ => None,
    });
    assert_eq!(raw.as_deref(), Some("failed: strange"));
    assert_eq!(store.tokens().await.unwrap()[0].1.value, Secret::new("token"));
    let account = store.account(&Appid::new("wx1").unwrap()).await.unwrap().unwrap();
    assert_eq!(account.secret, draft("wx1").secret);
}

async fn reseal_all(store: &Store, limit: usize) {
    while store.reseal(limit).await.unwrap() {}
}

async fn status(bed: &Bed) -> SealStatus {
    bed.store.seal_status().await.unwrap().remove(0)
}

pub(crate) async fn a_new_key_seals_at_once_in_every_process(bed: &Bed) {
    let server = another(bed).await;
    let first = bed.draft_to("o0");
    server.accept(vec![first]).await.unwrap();

    bed.store.rotate_data_key(bed.account, NOW).await.unwrap();
    bed.spoil("DELETE FROM message");
    let second = bed.draft_to("o0");
    let id = second.id;
    server.accept(vec![second]).await.unwrap();

    assert!(sealed_by(bed).contains("message.body 2") && !sealed_by(bed).contains("message.body 1"));
    assert_eq!(bed.record(id).await.openid, Some(openid("o0")));
}

pub(crate) async fn a_batch_over_several_accounts_is_sealed_by_the_new_keys_of_each(bed: &Bed) {
    let other = bed.store.put_account(draft("wx2"), NOW).await.unwrap().id;
    let server = another(bed).await;
    let batch = || vec![bed.draft_to("o0"), NewMessage { account: other, ..bed.draft_to("o1") }];
    server.accept(batch()).await.unwrap();
    for account in [bed.account, other] {
        bed.store.rotate_data_key(account, NOW).await.unwrap();
    }
    bed.spoil("DELETE FROM message");

    server.accept(batch()).await.unwrap();

    let bodies: Vec<_> = sealed_by(bed).into_iter().filter(|by| by.starts_with("message")).collect();
    assert_eq!(bodies, ["message.body 2"]);
}

pub(crate) async fn people_are_sealed_by_the_new_key_in_every_process(bed: &Bed) {
    let server = another(bed).await;
    server.interact(vec![paid(bed, "oBefore")]).await.unwrap();
    bed.store.rotate_data_key(bed.account, NOW).await.unwrap();
    bed.spoil("DELETE FROM recipient");
    bed.spoil("DELETE FROM recipient_openid");

    server.interact(vec![paid(bed, "oA")]).await.unwrap();
    bed.store.rotate_data_key(bed.account, NOW).await.unwrap();
    let suppression =
        Suppression { reason: Reason::Manual, category: None, since: NOW, until: None, source: None };
    server.suppress(bed.account, vec![(openid("oB"), suppression)]).await.unwrap();

    let people: Vec<_> = sealed_by(bed).into_iter().filter(|by| by.starts_with("recipient")).collect();
    assert_eq!(people, ["recipient_openid.openid 2", "recipient_openid.openid 3"]);
    reseal_all(&bed.store, 100).await;
    let listed = server.suppressed(bed.account, None, 10).await.unwrap();
    assert_eq!(listed.items[0].openid, openid("oB"));
}

pub(crate) async fn everything_is_sealed_anew_and_the_old_key_dropped(bed: &Bed) {
    let ids = filled(bed).await;
    let server = another(bed).await;
    everything_reads_back(&server, &ids).await;
    assert_eq!(sealed_by(bed), all_by(1));

    bed.store.rotate_data_key(bed.account, NOW).await.unwrap();
    reseal_all(&bed.store, 7).await;

    assert_eq!(sealed_by(bed), all_by(2));
    let expected = SealStatus { account: bed.account, version: 2, older: vec![], resealed: None };
    assert_eq!(status(bed).await, expected);
    for store in [&bed.store, &server, &another(bed).await] {
        everything_reads_back(store, &ids).await;
    }
    server.accept(vec![bed.draft_to("oLate")]).await.unwrap();
    assert_eq!(sealed_by(bed), all_by(2), "a process that slept through it all seals by the new key");
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn a_resealing_that_was_cut_off_leaves_all_readable_and_goes_on(bed: &Bed) {
    let ids = filled(bed).await;
    bed.store.rotate_data_key(bed.account, NOW).await.unwrap();

    for _ in 0..40 {
        let store = another(bed).await;
        everything_reads_back(&store, &ids).await;
        if !store.reseal(3).await.unwrap() {
            break;
        }
    }

    assert_eq!(sealed_by(bed), all_by(2));
    everything_reads_back(&another(bed).await, &ids).await;
}

pub(crate) async fn a_key_made_while_the_last_is_being_put_in_force_takes_its_place(bed: &Bed) {
    let ids = filled(bed).await;
    bed.store.rotate_data_key(bed.account, NOW).await.unwrap();
    bed.store.reseal(7).await.unwrap();
    let halfway = status(bed).await;

    bed.store.rotate_data_key(bed.account, NOW).await.unwrap();
    let begun_anew = status(bed).await;
    reseal_all(&bed.store, 7).await;

    assert_eq!((halfway.version, halfway.older.clone()), (2, vec![1]));
    assert!(halfway.resealed.is_some_and(|share| share > 0.0 && share < 1.0), "{halfway:?}");
    assert_eq!((begun_anew.version, begun_anew.older, begun_anew.resealed), (3, vec![1, 2], Some(0.0)));
    assert_eq!(sealed_by(bed), all_by(3));
    everything_reads_back(&bed.store, &ids).await;
}

pub(crate) async fn what_was_erased_is_not_sealed_anew(bed: &Bed) {
    let ids = filled(bed).await;
    bed.store.erase_recipient(bed.account, &openid("o5"), NOW).await.unwrap();
    bed.store.rotate_data_key(bed.account, NOW).await.unwrap();

    reseal_all(&bed.store, 100).await;

    assert_eq!(bed.record(ids[5]).await.openid, None);
    assert_eq!(sealed_by(bed), all_by(2));
}

pub(crate) async fn an_account_deleted_meanwhile_ends_its_resealing(bed: &Bed) {
    filled(bed).await;
    bed.store.rotate_data_key(bed.account, NOW).await.unwrap();
    bed.store.reseal(3).await.unwrap();

    bed.store.delete_account(bed.account, NOW).await.unwrap();

    assert!(!bed.store.reseal(3).await.unwrap());
    assert!(bed.store.seal_status().await.unwrap().is_empty());
}

pub(crate) async fn a_new_key_that_cannot_be_written_changes_nothing(bed: &Bed) {
    let ids = filled(bed).await;
    bed.spoil("CREATE TRIGGER full BEFORE INSERT ON data_key BEGIN SELECT RAISE(ABORT, 'no room'); END");

    assert!(bed.store.rotate_data_key(bed.account, NOW).await.is_err());

    bed.store.accept(vec![bed.draft_to("o0")]).await.unwrap();
    assert_eq!(sealed_by(bed), all_by(1));
    everything_reads_back(&bed.store, &ids).await;
    let nobody = bed.store.rotate_data_key(AccountId(99), NOW).await;
    assert!(matches!(nobody, Err(StoreError::NoAccount(_))), "{nobody:?}");
}

pub(crate) async fn a_master_key_that_cannot_be_put_in_place_leaves_the_old_one(bed: &Bed) {
    let ids = filled(bed).await;
    // Pepper comes last: by then all others are wrapped anew.
    bed.spoil(
        "CREATE TRIGGER full BEFORE UPDATE ON data_key WHEN NEW.purpose = 'index'
         BEGIN SELECT RAISE(ABORT, 'no room'); END",
    );

    assert!(bed.store.rewrap(&master(2), NOW).await.is_err());

    everything_reads_back(&another(bed).await, &ids).await;
    bed.store.put_account(draft("wx2"), NOW).await.unwrap();
    let with_new = Store::open(Settings::new(bed.url("test.db"), master(2)), NOW).await;
    assert!(matches!(with_new, Err(StoreError::WrongKey)));
}

pub(crate) async fn a_process_with_the_master_key_of_before_goes_on_with_what_it_knows(bed: &Bed) {
    let server = another(bed).await;
    server.accept(vec![bed.draft_to("o0")]).await.unwrap();

    bed.store.rewrap(&master(2), NOW).await.unwrap();

    let message = bed.draft_to("o1");
    let id = message.id;
    server.accept(vec![message]).await.unwrap();
    assert_eq!(server.message(id).await.unwrap().unwrap().openid, Some(openid("o1")));
    let refused = server.rotate_data_key(bed.account, NOW).await;
    assert!(matches!(refused, Err(StoreError::WrongKey)), "{refused:?}");
    assert_eq!(bed.record(id).await.openid, Some(openid("o1")));
}
