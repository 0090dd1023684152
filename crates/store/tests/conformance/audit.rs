//! The audit: what is written down, and that no later hand goes unseen.

use std::net::{IpAddr, Ipv4Addr};

use hongyan_domain::{Limits, Timestamp};
use hongyan_store::{
    Action, Actor, AuditFault, AuditFilter, AuditRow, Deed, KeyId, Paused, Secret, StoreError, StoredTemplate,
};

use crate::bed::{Bed, NOW, after_s, draft};
use crate::keys;

fn caller() -> Actor {
    let address = Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)));
    Actor::Key { id: KeyId("AbCd1234".to_owned()), address }
}

fn deed(subject: &str, at: Timestamp) -> Deed {
    let detail = serde_json::json!({ "n": 1 });
    Deed { action: Action::QuotaClear, account: None, subject: subject.to_owned(), detail, at }
}

async fn rows(bed: &Bed) -> Vec<AuditRow> {
    let mut rows = bed.store.audit(&AuditFilter::default(), None, 500).await.unwrap().items;
    rows.reverse();
    rows
}

/// The account of the bed is row 1; these are rows 2 to 6.
async fn five(bed: &Bed) {
    for number in 2..=6 {
        bed.store.by(caller()).note(deed(&format!("s{number}"), after_s(number))).await.unwrap();
    }
}

async fn fault(bed: &Bed) -> Option<AuditFault> {
    bed.store.verify_audit().await.unwrap().fault
}

/// What whoever holds the file can do.
fn spoil(bed: &Bed, sql: &str) {
    let triggers =
        ["changed", "deleted", "replaced"].map(|word| format!("DROP TRIGGER IF EXISTS audit_is_not_{word};"));
    bed.spoil(&format!("{} {sql}", triggers.concat()));
}

pub(crate) async fn every_change_is_written_down_with_who_did_it_and_from_where(bed: &Bed) {
    let store = bed.store.by(caller());
    let template = StoredTemplate {
        template_id: "T1".to_owned(),
        title: String::new(),
        content: String::new(),
        example: String::new(),
        primary_industry: String::new(),
        deputy_industry: String::new(),
    };
    store.sync_templates(bed.account, vec![template], after_s(1)).await.unwrap();
    let key = keys::put(bed, 1).await;
    store.revoke_key(&key.id(), after_s(2)).await.unwrap();
    store.put_setup_secret(&Secret::new("x"), after_s(3)).await.unwrap();
    store.delete_account(bed.account, after_s(4)).await.unwrap();

    let rows = rows(bed).await;

    let told: Vec<_> = rows.iter().map(|row| (row.seq, &*row.actor, &*row.action, &*row.subject)).collect();
    let id = key.id().0;
    let expected = [
        (1, "system", "account.create", "wx1"),
        (2, "AbCd1234", "template.sync", "wx1"),
        (3, "system", "key.create", &*id),
        (4, "AbCd1234", "key.revoke", &*id),
        (5, "AbCd1234", "setup.link", ""),
        (6, "AbCd1234", "account.delete", "wx1"),
    ];
    assert_eq!(told, expected);
    assert_eq!((&*rows[3].address, rows[3].at), ("203.0.113.7", after_s(2)));
    assert_eq!((rows[1].account, rows[3].account), (Some(bed.account), None));
    assert_eq!(rows[1].detail["added"], serde_json::json!(["T1"]));
}

pub(crate) async fn a_change_that_changes_nothing_writes_nothing(bed: &Bed) {
    bed.store.put_account(draft("wx1"), after_s(1)).await.unwrap();
    bed.store.sync_templates(bed.account, vec![], after_s(1)).await.unwrap();
    bed.store.revoke_key(&KeyId("nothing1".to_owned()), NOW).await.unwrap();
    bed.store.delete_account(hongyan_domain::AccountId(99), NOW).await.unwrap();

    assert_eq!(rows(bed).await.len(), 1);
}

pub(crate) async fn a_change_that_is_refused_writes_nothing(bed: &Bed) {
    keys::put(bed, 1).await;
    let before = rows(bed).await;

    let again = bed.store.put_key(keys::new(1), NOW).await;

    assert!(again.is_err(), "a key's id is there once");
    assert_eq!(rows(bed).await, before);
    assert_eq!(fault(bed).await, None);
}

pub(crate) async fn the_audit_holds_no_secret(bed: &Bed) {
    let mut other = draft("wx1");
    other.secret = Secret::new("another-secret-in-plain");
    other.proxy = Some(Secret::new("http://user:in-plain@proxy:1"));
    bed.store.put_account(other, after_s(1)).await.unwrap();
    let key = keys::put(bed, 1).await;

    let rows = rows(bed).await;

    assert_eq!(rows[1].detail["changed"], serde_json::json!(["secret", "proxy"]));
    let text = format!("{rows:?}");
    assert!(!text.contains("in-plain") && !text.contains(key.expose()), "{text}");
}

pub(crate) async fn a_pause_and_a_change_are_told_apart(bed: &Bed) {
    let paused = Some(Paused { until: Some(after_s(60)), reason: "stocktaking".to_owned() });
    let limits = Some(Limits { base_per_s: 1, peak_per_s: 2, daily: 3 });

    bed.store.put_account(hongyan_store::AccountDraft { paused, limits, ..draft("wx1") }, NOW).await.unwrap();
    bed.store.put_account(hongyan_store::AccountDraft { limits, ..draft("wx1") }, NOW).await.unwrap();

    let rows = rows(bed).await;
    let words: Vec<_> = rows.iter().map(|row| &*row.action).collect();
    assert_eq!(words, ["account.create", "account.change", "account.pause", "account.resume"]);
    assert_eq!(rows[2].detail["reason"], "stocktaking");
}

pub(crate) async fn no_row_is_changed_deleted_or_replaced_by_a_statement(bed: &Bed) {
    five(bed).await;
    let conn = rusqlite::Connection::open(bed.path("test.db")).unwrap();

    for sql in [
        "UPDATE audit SET actor = 'nobody' WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 6",
        "DELETE FROM audit WHERE seq = 1",
        "INSERT OR REPLACE INTO audit SELECT account, seq, at, 'nobody', address, action, subject, detail, prev, hash
         FROM audit WHERE seq = 3",
    ] {
        let refused = conn.execute_batch(sql).unwrap_err().to_string();
        assert!(refused.contains("audit rows are"), "{sql}: {refused}");
    }
    assert_eq!(fault(bed).await, None);
}

pub(crate) async fn a_whole_chain_is_found_whole(bed: &Bed) {
    five(bed).await;

    let state = bed.store.verify_audit().await.unwrap();

    let last = rows(bed).await.pop().unwrap();
    assert_eq!((state.rows, state.fault), (6, None));
    assert_eq!(state.newest, Some((6, last.hash)));
}

pub(crate) async fn any_column_that_was_edited_is_named_by_its_row(bed: &Bed) {
    five(bed).await;
    for change in [
        "at = at + 1",
        "actor = 'cli'",
        "address = ''",
        "action = 'key.create'",
        "subject = 's4'",
        "detail = '{}'",
        "account = 1",
        "prev = zeroblob(32)",
        "hash = zeroblob(32)",
        "subject = x'00'",
        // The same bytes, shared out in another way.
        "actor = actor || address, address = ''",
    ] {
        spoil(bed, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM audit WHERE seq = 3;");
        spoil(bed, &format!("UPDATE audit SET {change} WHERE seq = 3"));

        assert_eq!(fault(bed).await, Some(AuditFault::Edited(3)), "{change}");
        spoil(bed, "DELETE FROM audit WHERE seq = 3; INSERT INTO audit SELECT * FROM kept;");
        assert_eq!(fault(bed).await, None, "{change}");
    }
}

pub(crate) async fn a_row_removed_from_the_middle_or_the_beginning_is_named(bed: &Bed) {
    five(bed).await;

    spoil(bed, "DELETE FROM audit WHERE seq = 4");
    assert_eq!(fault(bed).await, Some(AuditFault::Removed(4)));

    spoil(bed, "DELETE FROM audit WHERE seq = 1");
    assert_eq!(fault(bed).await, Some(AuditFault::Removed(1)));
}

pub(crate) async fn a_cut_end_is_named_even_when_the_head_was_set_back(bed: &Bed) {
    five(bed).await;
    spoil(bed, "DELETE FROM audit WHERE seq > 4");
    let cut = fault(bed).await;

    spoil(bed, "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)");
    let set_back = fault(bed).await;
    spoil(bed, "DELETE FROM audit_head");
    let gone = fault(bed).await;

    assert_eq!(
        (cut, set_back, gone),
        (Some(AuditFault::Cut(5)), Some(AuditFault::Head), Some(AuditFault::Head))
    );
}

pub(crate) async fn what_is_done_after_a_cut_does_not_hide_it(bed: &Bed) {
    five(bed).await;
    spoil(bed, "DELETE FROM audit WHERE seq > 4");
    spoil(bed, "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)");

    bed.store.note(deed("later", after_s(10))).await.unwrap();
    bed.store.note(deed("later still", after_s(11))).await.unwrap();

    assert_eq!(fault(bed).await, Some(AuditFault::Unlinked(5)));
}

pub(crate) async fn pages_of_the_audit_go_through_everything_once(bed: &Bed) {
    five(bed).await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = bed.store.audit(&AuditFilter::default(), cursor.as_deref(), 4).await.unwrap();
        seen.extend(page.items.iter().map(|row| row.seq));
        let Some(next) = page.next_cursor else { break };
        cursor = Some(next);
    }

    assert_eq!(seen, [6, 5, 4, 3, 2, 1]);
    for (cursor, limit) in [(Some("x"), 4), (None, 0), (None, 501)] {
        let refused = bed.store.audit(&AuditFilter::default(), cursor, limit).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{cursor:?} {limit}");
    }
}

pub(crate) async fn each_filter_of_the_audit_finds_its_own(bed: &Bed) {
    five(bed).await;
    let any = AuditFilter::default;
    let cases = [
        (AuditFilter { accounts: vec![bed.account], ..any() }, vec![1]),
        (AuditFilter { actor: Some("AbCd1234".to_owned()), until: Some(after_s(4)), ..any() }, vec![3, 2]),
        (AuditFilter { actor: Some("nobody".to_owned()), ..any() }, vec![]),
        (AuditFilter { action: Some(Action::AccountCreate), ..any() }, vec![1]),
        (AuditFilter { since: Some(after_s(5)), ..any() }, vec![6, 5]),
    ];

    for (filter, expected) in cases {
        let found = bed.store.audit(&filter, None, 10).await.unwrap();
        assert_eq!(found.items.iter().map(|row| row.seq).collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

/// Days after the bed began.
fn after_days(days: i64) -> Timestamp {
    after_s(days * 86_400)
}

pub(crate) async fn old_rows_go_and_the_rest_stays_a_whole_chain(bed: &Bed) {
    five(bed).await;
    bed.store.note(deed("young", after_days(5))).await.unwrap();

    let early = bed.store.purge_audit(after_s(3600), 100, after_days(5)).await.unwrap();
    let part = bed.store.purge_audit(after_days(2), 4, after_days(5)).await.unwrap();
    let rest = bed.store.purge_audit(after_days(2), 100, after_days(5)).await.unwrap();

    assert_eq!((early, part, rest), (0, 4, 2));
    let left: Vec<_> = rows(bed).await.iter().map(|row| (row.seq, row.action.clone())).collect();
    let expected = [(7, "quota.clear"), (8, "audit.purge"), (9, "audit.purge")];
    assert_eq!(left, expected.map(|(seq, action)| (seq, action.to_owned())));
    assert_eq!(fault(bed).await, None);
    spoil(bed, "DELETE FROM audit WHERE seq = 7");
    assert_eq!(fault(bed).await, Some(AuditFault::Removed(7)));
}

pub(crate) async fn a_broken_chain_is_not_purged(bed: &Bed) {
    five(bed).await;
    spoil(bed, "UPDATE audit_head SET first = 3");

    assert_eq!(bed.store.purge_audit(after_days(100), 100, after_days(200)).await.unwrap(), 0);
    assert_eq!(rows(bed).await.len(), 6);
}
