//! What holds of the SQLite file: nothing readable in it, whole after a crash, and opened by nobody it is not for.
#![allow(clippy::unwrap_used, reason = "a test may: it fails")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hongyan_domain::{
    AccountKind, Appid, Category, Content, Event, Lane, MessageId, OnUnknown, Openid, Outcome, SentAs,
    Standing, State, Timestamp, decide,
};
use hongyan_store::{
    AccountDraft, CallbackKeys, Dispatch, MasterKey, NewMessage, Receipt, Secret, Settings, Settlement,
    Store, StoreError, StoredToken, TokenSource,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

fn master() -> MasterKey {
    MasterKey::generate(&mut StdRng::seed_from_u64(1))
}

async fn open(path: &Path) -> Result<Store, StoreError> {
    Store::open(Settings::new(format!("sqlite:{}", path.display()), master()), NOW).await
}

async fn with_account(path: &Path) -> Store {
    let store = open(path).await.unwrap();
    let draft = AccountDraft {
        appid: Appid::new("wx1").unwrap(),
        name: "咖啡".to_owned(),
        kind: AccountKind::Service,
        verified: true,
        secret: Secret::new("PLAIN-app-secret"),
        callback: Some(CallbackKeys {
            token: Secret::new("PLAINcallbackToken"),
            aes_key: Some(Secret::new(format!("PLAIN{}", "K".repeat(38)))),
            previous_aes_key: None,
        }),
        limits: None,
        proxy: Some(Secret::new("http://u:PLAIN-proxy-password@h:1")),
        token_source: TokenSource::Stable,
        paused: None,
    };
    store.put_account(draft, NOW).await.unwrap();
    store
}

fn message(number: i64) -> NewMessage {
    NewMessage {
        account: hongyan_domain::AccountId(1),
        id: MessageId::from_raw(number).unwrap(),
        client_msg_id: Some(format!("order-{number}")),
        openid: Openid::new("PLAIN-openid").unwrap(),
        recipient: None,
        template_id: "T1".into(),
        content: Content {
            url: Some("https://PLAIN-url".to_owned()),
            miniprogram: None,
            data: r#"{"thing1":{"value":"PLAIN-value"}}"#.into(),
        },
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

fn sent(number: i64) -> Settlement {
    let from =
        Standing { state: State::Claimed, attempts: 0, doubt_since: None, on_unknown: OnUnknown::Park };
    let outcome = Outcome::Sent { msgid: Some(7), how: SentAs::Accepted };
    let dispatch = Dispatch {
        claimed_at: NOW,
        outcome: outcome.as_str(),
        errcode: Some(0),
        errmsg: None,
        rid: None,
        msgid: Some(7),
        took_ms: 1,
        paused_ms: None,
    };
    Settlement {
        account: hongyan_domain::AccountId(1),
        message: MessageId::from_raw(number).unwrap(),
        from,
        to: decide(&from, &Event::Answered { claimed_at: NOW, outcome }, NOW).unwrap(),
        claim: None,
        at: NOW,
        dispatch: Some(dispatch),
        refused: None,
        taken: None,
    }
}

/// All bytes of the database and of what lies beside it.
fn bytes(dir: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(dir).unwrap();
    files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn no_openid_secret_token_or_content_can_be_read_in_the_files() {
    let dir = TempDir::new().unwrap();
    let store = with_account(&dir.path().join("test.db")).await;
    let account = hongyan_domain::AccountId(1);
    store.accept(vec![message(1)]).await.unwrap();
    store.settle(vec![sent(1)], vec![]).await.unwrap();
    let token = StoredToken { value: Secret::new("PLAIN-access-token"), expires_at: NOW, fetched_at: NOW };
    store.put_token(account, token).await.unwrap();
    let receipt = Receipt {
        account,
        openid: Openid::new("PLAIN-openid").unwrap(),
        msgid: Some(7),
        status: hongyan_domain::DeliveryStatus::Other,
        raw: "PLAIN-status".to_owned(),
        created_at: NOW,
        received_at: NOW,
    };
    store.receive(vec![receipt]).await.unwrap();

    let files = bytes(dir.path());

    assert!(contains(&files, b"order-1"), "the search finds what is there in plain");
    assert!(!contains(&files, b"PLAIN"));
}

/// The sealed bytes of a message, as whoever holds the file finds them.
fn kept_of(path: &Path, id: MessageId) -> Vec<u8> {
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.query_row("SELECT body FROM message WHERE id = ?1", [id.raw()], |row| row.get(0)).unwrap()
}

/// Of how many bodies any part lies anywhere in the files: in a page, in what a page does not use, in a page of
/// overflow, in the WAL.
fn residue(dir: &Path, kept: &[Vec<u8>]) -> usize {
    let files = bytes(dir);
    let here: std::collections::HashSet<_> = files.windows(16).collect();
    // Version and key id are those of everybody.
    let is_left = |body: &&Vec<u8>| body[5..].chunks_exact(16).any(|part| here.contains(part));
    kept.iter().filter(is_left).count()
}

#[tokio::test]
async fn what_was_erased_is_in_no_file_not_even_sealed() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("test.db");
    let store = with_account(&path).await;
    let person = |number: i64| Openid::new(&format!("oPerson{}", number % 20)).unwrap();
    // Some need pages of their own.
    let content = |number: i64| Content {
        data: format!(r#"{{"thing1":{{"value":"{}"}}}}"#, "x".repeat((number as usize % 7) * 700)).into(),
        ..message(number).content
    };
    let new = |number: i64| {
        let (openid, content) = (person(number), content(number));
        NewMessage { openid, content, client_msg_id: None, ..message(number) }
    };
    for first in (1..=400).step_by(10) {
        store.accept((first..first + 10).map(new).collect()).await.unwrap();
    }
    let mine = (1..=400).filter(|number| number % 20 == 3).map(|number| MessageId::from_raw(number).unwrap());
    let mine: Vec<_> = mine.map(|id| kept_of(&path, id)).collect();
    assert_eq!(residue(dir.path(), &mine), mine.len(), "the search finds what is there");

    store.erase_recipient(hongyan_domain::AccountId(1), &person(3), NOW).await.unwrap();

    assert_eq!(residue(dir.path(), &mine), 0);
    assert_eq!(store.check_tally().await.unwrap(), []);
}

#[tokio::test]
async fn a_copy_taken_between_commits_opens_and_holds_all_that_was_answered() {
    let dir = TempDir::new().unwrap();
    let store = with_account(&dir.path().join("test.db")).await;

    for number in 1..=5 {
        store.accept(vec![message(number)]).await.unwrap();
        // What a crash would leave: the file and its WAL, without the shared memory.
        let crash = TempDir::new().unwrap();
        for name in ["test.db", "test.db-wal"] {
            std::fs::copy(dir.path().join(name), crash.path().join(name)).unwrap();
        }
        let after = open(&crash.path().join("test.db")).await.unwrap();

        assert_eq!(after.last_message_id().await.unwrap(), MessageId::from_raw(number));
        assert_eq!(after.check_tally().await.unwrap(), []);
    }
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("test.db");
    drop(with_account(&path).await);
    let other = MasterKey::generate(&mut StdRng::seed_from_u64(2));

    let opened = Store::open(Settings::new(format!("sqlite:{}", path.display()), other), NOW).await;

    assert!(matches!(opened, Err(StoreError::WrongKey)));
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("test.db");
    drop(open(&path).await.unwrap());
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (99, 'x', 'x', '0')",
    )
    .unwrap();

    let opened = open(&path).await;

    assert!(matches!(opened, Err(StoreError::Newer { found: 99, .. })));
}

#[tokio::test]
async fn an_url_that_names_no_store_of_ours_is_refused_without_its_password() {
    for url in
        ["mysql://user:password@host/db", "hongyan.db", "sqlite:", "sqlite::memory:", "sqlite:file:a.db"]
    {
        let opened = Store::open(Settings::new(url, master()), NOW).await;

        let Err(error @ StoreError::Url(_)) = opened else { panic!("{url} was opened") };
        assert!(!error.to_string().contains("password"), "{error}");
    }
}

#[tokio::test]
async fn a_row_copied_over_another_does_not_open() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("test.db");
    let store = with_account(&path).await;
    store.accept(vec![message(1), message(2)]).await.unwrap();
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("UPDATE message SET body = (SELECT body FROM message WHERE id = 1) WHERE id = 2")
        .unwrap();

    let swapped = store.message(MessageId::from_raw(2).unwrap()).await;

    assert!(matches!(swapped, Err(StoreError::Corrupt(_))));
}

#[test]
fn a_missing_key_file_is_made_for_its_owner_alone_and_read_again() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("master.key");

    let made = MasterKey::read_or_create(&path, &mut StdRng::seed_from_u64(1)).unwrap();
    let read = MasterKey::read_or_create(&path, &mut StdRng::seed_from_u64(2)).unwrap();

    assert_eq!(made.to_text(), read.to_text());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_key_file_that_others_may_read_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("master.key");
    MasterKey::read_or_create(&path, &mut StdRng::seed_from_u64(1)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();

    let read = MasterKey::read_or_create(&path, &mut StdRng::seed_from_u64(1));

    assert!(matches!(read, Err(StoreError::BadKey(reason)) if reason.contains("chmod 600")));
}

#[test]
fn a_text_that_is_no_master_key_is_refused_without_being_shown() {
    for text in ["", "hymk1_", "hymk1_AAAA", "secret-of-someone"] {
        let Err(error) = MasterKey::from_text(text) else { panic!("`{text}` was taken") };

        assert!(!error.to_string().contains("secret-of-someone"));
    }
}

#[tokio::test]
async fn every_file_that_is_made_is_its_owners_alone() {
    let dir = TempDir::new().unwrap();
    let store = with_account(&dir.path().join("test.db")).await;
    let _owner = store.own(NOW).await.unwrap();
    store.backup(&dir.path().join("copy.db")).await.unwrap();

    let modes = std::fs::read_dir(dir.path()).unwrap().map(|file| {
        let file = file.unwrap();
        (file.file_name(), file.metadata().unwrap().permissions().mode() & 0o777)
    });
    let modes: Vec<_> = modes.collect();

    assert!(modes.len() >= 5, "{modes:?}");
    assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
}

const TOKEN_URL: &str = "https://tokens.example/?key=PLAIN-token-key";

#[tokio::test]
async fn the_address_of_a_token_centre_is_sealed() {
    let dir = TempDir::new().unwrap();
    let store = with_account(&dir.path().join("test.db")).await;
    let account = store.accounts().await.unwrap().remove(0);
    let outside =
        AccountDraft { token_source: TokenSource::Outside(TOKEN_URL.to_owned()), ..account.draft() };

    store.put_account(outside.clone(), NOW).await.unwrap();

    assert_eq!(store.accounts().await.unwrap()[0].token_source, outside.token_source);
    assert!(!contains(&bytes(dir.path()), b"PLAIN-token-key"));
}

#[tokio::test]
async fn an_address_that_an_older_version_wrote_in_plain_is_sealed_when_the_store_is_opened() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("test.db");
    drop(with_account(&path).await);
    let older = rusqlite::Connection::open(&path).unwrap();
    older.execute("UPDATE account SET token_source = 'outside', token_url = ?1", [TOKEN_URL]).unwrap();
    drop(older);

    let store = open(&path).await.unwrap();

    assert_eq!(store.accounts().await.unwrap()[0].token_source, TokenSource::Outside(TOKEN_URL.to_owned()));
    assert!(!contains(&bytes(dir.path()), b"PLAIN-token-key"));
}
