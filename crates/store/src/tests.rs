//! What only the inside can bring about: a full disk, and the plans that SQLite makes.

use hongyan_domain::{
    AccountKind, Appid, Category, Content, Lane, MessageId, OnUnknown, Openid, Step, Timestamp,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::compliance::{near, reports};
use crate::message::{find, waiting};
use crate::numbers::{clicks, on_time, tally};
use crate::path::{attribute, claim, moves, ready, reconcile};
use crate::series::{fold, read};
use crate::sqlite::writer::Ledger;
use crate::{
    AccountDraft, MasterKey, NewMessage, Secret, SeriesQuery, Settings, Store, StoreError, TokenSource, Whose,
};

pub(crate) const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

fn settings(dir: &tempfile::TempDir) -> Settings {
    let url = format!("sqlite:{}", dir.path().join("test.db").display());
    Settings::new(url, MasterKey::generate(&mut StdRng::seed_from_u64(1)))
}

pub(crate) async fn store(dir: &tempfile::TempDir) -> Store {
    let store = Store::open(settings(dir), NOW).await.unwrap();
    let draft = AccountDraft {
        appid: Appid::new("wx1").unwrap(),
        name: "咖啡".to_owned(),
        kind: AccountKind::Service,
        verified: true,
        secret: Secret::new("s"),
        callback: None,
        limits: None,
        proxy: None,
        token_source: TokenSource::Stable,
        paused: None,
    };
    store.put_account(draft, NOW).await.unwrap();
    store
}

fn new(id: i64) -> NewMessage {
    NewMessage {
        account: hongyan_domain::AccountId(1),
        id: MessageId::from_raw(id).unwrap(),
        client_msg_id: None,
        openid: Openid::new("oA").unwrap(),
        recipient: None,
        template_id: "T1".into(),
        content: Content { url: None, miniprogram: None, data: "x".repeat(3000).into() },
        lane: Lane::Normal,
        scenario: None,
        category: Category::Service,
        verdicts: Vec::new(),
        basis: None,
        accepted_at: NOW,
        due_at: NOW,
        deadline_at: NOW,
        expires_at: None,
        on_unknown: OnUnknown::Park,
        marks: Default::default(),
        in_memory: false,
        asking: None,
        ties: None,
        given: String::new(),
    }
}

/// Lets the file grow by so many pages and no further.
async fn leave_room(store: &Store, pages: i64) {
    let limit = move |ledger: &mut Ledger<'_>| {
        let now: i64 = ledger.conn.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let sql = format!("PRAGMA max_page_count = {}", now + pages);
        Ok(ledger.conn.query_row(&sql, [], |_| Ok(()))?)
    };
    store.write(1, limit).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_all_goes_on_when_there_is_room_again() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(&dir).await;
    store.accept(vec![new(1)]).await.unwrap();
    leave_room(&store, 20).await;

    let full = store.accept((2..500).map(new).collect()).await;
    let again = store.accept((2..500).map(new).collect()).await;
    leave_room(&store, 100_000).await;
    let room = store.accept((2..500).map(new).collect()).await;

    assert!(matches!(full, Err(StoreError::Unavailable(_))), "{full:?}");
    assert!(matches!(again, Err(StoreError::Unavailable(_))), "{again:?}");
    assert_eq!(room.unwrap().len(), 498);
    assert_eq!(store.ready(hongyan_domain::AccountId(1), Lane::Normal, None, 1000).await.unwrap().len(), 499);
    assert_eq!(store.check_tally().await.unwrap(), []);
}

#[tokio::test]
async fn after_an_io_error_the_store_takes_nothing_more() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(&dir).await;
    store.shared.writer.stop();

    let accepted = store.accept(vec![new(1)]).await;

    assert!(matches!(accepted, Err(StoreError::Broken(_))));
    assert!(store.message(MessageId::from_raw(1).unwrap()).await.unwrap().is_none(), "reading goes on");
}

/// Each table with the first column of its primary key.
const FIRST_OF_KEYS: &str = "
SELECT t.name, c.name
FROM pragma_table_list AS t
LEFT JOIN pragma_table_info(t.name) AS c ON c.pk = 1
WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";

#[tokio::test]
async fn the_primary_key_of_every_table_of_ours_begins_with_the_account() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(&dir).await;
    let firsts = |conn: &rusqlite::Connection| {
        let mut tables = conn.prepare(FIRST_OF_KEYS)?;
        let firsts = tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(firsts.collect::<rusqlite::Result<Vec<(String, Option<String>)>>>()?)
    };

    let firsts = store.read(firsts).await.unwrap();

    let others = firsts.iter().filter(|(_, first)| first.as_deref() != Some("account"));
    let others: Vec<_> = others.map(|(table, _)| &**table).collect();
    assert_eq!(others, ["refinery_schema_history"], "that one is the migrations' own");
    assert!(firsts.iter().any(|(table, _)| table == "message"), "{firsts:?}");
}

const OLD_MESSAGE: &str = "
INSERT INTO account (account, appid, name, kind, verified, secrets, token_source, paused, created_at, updated_at)
VALUES (1, 'wx1', 'wx1', 'service', TRUE, x'', 'stable', FALSE, 0, 0);
INSERT INTO message (account, id, state, attempts, scheduled, lane, accepted_at, due_at, deadline_at, on_unknown, msgid,
  sent_at, recipient, template_id, category, counted, body)
VALUES (1, 5, 'sent', 1, FALSE, 1, 10, 10, 10, 'park', 7, 20, x'', 'T1', 'service', FALSE, x'');
INSERT INTO dispatch (account, message, claim, claimed_at, at, outcome, errcode, msgid, took_ms)
VALUES (1, 5, 6, 15, 20, 'sent', 0, 7, 3);
INSERT INTO tally (account, day, state, cause, count, kept) VALUES (1, 0, 'sent', '', 1, 1);
INSERT INTO sends (account, day, count, kept) VALUES (1, 0, 1, 1);";

#[tokio::test]
async fn a_message_of_an_older_schema_is_there_with_its_tries_after_the_migration() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("test.db");
    crate::sqlite::migrate_to(&path, 6).execute_batch(OLD_MESSAGE).unwrap();

    let key = MasterKey::generate(&mut StdRng::seed_from_u64(1));
    let store = Store::open(Settings::new(format!("sqlite:{}", path.display()), key), NOW).await.unwrap();
    let found = store.message(MessageId::from_raw(5).unwrap()).await.unwrap().unwrap();

    assert_eq!((found.msgid, found.sent_at), (Some(7), Some(Timestamp::from_ms(20))));
    assert_eq!(found.timeline.len(), 2, "accepted, dispatched: {:?}", found.timeline);
    assert_eq!(store.check_tally().await.unwrap(), []);
    let query = SeriesQuery {
        whose: Whose::All,
        step: Step::Day,
        since: Timestamp::from_ms(0),
        until: Timestamp::from_ms(30),
    };
    let counted = store.series(query).await.unwrap();
    assert_eq!(
        counted.iter().map(|row| row.cells.len()).sum::<usize>(),
        3,
        "accepted, tried, sent: {counted:?}"
    );
}

#[tokio::test]
async fn whoever_waits_for_it_is_told_when_the_store_has_stopped() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(&dir).await;
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.stopped().await }
    });

    store.shared.writer.stop();

    waiting.await.unwrap();
}

async fn plan(store: &Store, sql: &'static str) -> String {
    let explain = move |conn: &rusqlite::Connection| {
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let given = vec![rusqlite::types::Value::Integer(1); plan.parameter_count()];
        let steps = plan.query_map(rusqlite::params_from_iter(given), |row| row.get::<_, String>(3))?;
        Ok(steps.collect::<rusqlite::Result<Vec<_>>>()?.join("; "))
    };
    store.read(explain).await.unwrap()
}

/// Trap 29: pages that take tens of seconds at a million rows. What counts reads counters, whose number is that of days
/// and accounts; what lists goes by an index, a bounded number of rows.
#[tokio::test]
async fn pages_count_by_counters_and_list_by_an_index() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(&dir).await;
    for sql in [tally::TALLY, tally::SENDS, on_time::ROWS, fold::READ, read::SPANS, clicks::ROWS] {
        let plan = plan(&store, sql).await;
        assert!(!plan.contains(" message") && !plan.contains(" dispatch"), "{plan} for {sql}");
    }
    let lists = [
        (find::sql::BY_AGE, "sqlite_autoindex_message_1 (account=? AND id<?)"),
        (find::sql::BY_CLIENT, "message_client (account=? AND client_msg_id=?)"),
        (find::sql::BY_MSGID, "message_awaited (msgid=? AND account=?)"),
        (find::sql::BY_MSGID, "PRIMARY KEY (account=? AND msgid=?)"),
        (find::sql::READY, "message_ready (account=?)"),
        (find::sql::SCHEDULED, "message_scheduled"),
        (find::sql::IN_MEMORY, "message_in_memory"),
        (find::sql::SENT, "message_sent"),
        (find::OLDEST, "PRIMARY KEY (account=? AND step=?)"),
        (find::sql::BY_ERRCODE, "dispatch_errcode (account=? AND errcode=? AND message<?)"),
        (waiting::HEAD, "message_ready (account=? AND lane=?)"),
        (waiting::SCHEDULE, "message_scheduled"),
        (waiting::IN_MEMORY, "COVERING INDEX message_in_memory"),
    ];
    for (sql, index) in lists {
        let plan = plan(&store, sql).await;
        assert!(plan.contains(index), "{plan} for {sql}");
    }
}

#[tokio::test]
async fn hot_statements_go_through_the_index_made_for_them() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(&dir).await;
    let by_key = "sqlite_autoindex_message_1 (account=? AND id=?)";
    let wanted = [
        (attribute::BY_MSGID, "message_awaited (msgid=? AND account=?)"),
        (attribute::HAS_UNNAMED, "message_awaited (msgid=? AND account=?)"),
        (attribute::UNNAMED, "message_unnamed (account=? AND recipient=?)"),
        (attribute::BY_RECIPIENT, "message_recipient (<expr>=? AND account=? AND recipient=?)"),
        (attribute::WAITED, "message_waited (account=? AND recipient=?)"),
        (reconcile::OPEN_BY_MSGID, "PRIMARY KEY (account=? AND msgid=?)"),
        (reconcile::OPEN_BY_RECIPIENT, "receipt_open (account=? AND recipient=? AND created_at>?)"),
        (find::HOUR_BEFORE, "message_recipient (<expr><?)"),
        (ready::READY, "message_ready (account=? AND lane=? AND (deadline_at,id)>(?,?))"),
        (ready::EXPIRED, "message_ready (account=? AND lane=? AND deadline_at<?)"),
        (ready::DUE, "message_scheduled (due_at<?)"),
        (ready::NEXT_LANE, "message_ready ((account,lane)>(?,?))"),
        (find::sql::BY_TROUBLE, "message_trouble (account=? AND state=? AND id<?)"),
        (ready::UNREPORTED, "message_sent (sent_at<?)"),
        (moves::MOVE, by_key),
        (moves::WAS, by_key),
        (claim::IS_WAITING, by_key),
        (near::OF_HOUR, "message_recipient (<expr>=? AND account=? AND recipient=?)"),
        (near::LATER, "message_later_person (account=? AND recipient=? AND <expr>>? AND <expr><?)"),
        (reports::SENT_LATER, "message_later_day (account=? AND <expr>=? AND id>? AND id<?)"),
    ];

    for (sql, index) in wanted {
        let plan = plan(&store, sql).await;
        assert!(plan.contains(index), "{plan} for {sql}");
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan} for {sql}");
    }
}

#[tokio::test]
async fn a_database_that_was_deleted_in_use_takes_no_more_and_no_second_one_is_made() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = store(&dir).await;
    let _owner = store.own(NOW).await.unwrap();
    store.check_ownership().await.unwrap();
    let path = store.shared.path.clone();

    std::fs::remove_file(&path).unwrap();
    let second = Store::open(settings(&dir), NOW).await;
    let looked = store.check_ownership().await;
    let written = store.note_seen(NOW).await;

    assert!(matches!(second, Err(StoreError::Owned(_))), "{second:?}");
    assert!(!path.exists(), "a new database hides that the old one is gone");
    assert!(matches!(looked, Err(StoreError::Broken(_))), "{looked:?}");
    assert!(matches!(written, Err(StoreError::Broken(_))), "{written:?}");
}
