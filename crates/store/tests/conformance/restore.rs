//! A backup put back, and the hold it comes with.

use std::path::PathBuf;

use hongyan_domain::State;
use hongyan_store::{
    Actor, AuditFilter, MasterKey, Occupied, Restore, Restored, Settings, Store, StoreError,
};

use crate::bed::{Bed, NOW, after_s, master};

fn plan(from: PathBuf, occupied: Occupied) -> Restore {
    Restore { from, occupied, actor: Actor::Cli { user: "root".to_owned() } }
}

async fn backup(bed: &Bed) -> PathBuf {
    bed.store.backup(&bed.path("backup.db")).await.unwrap();
    bed.path("backup.db")
}

async fn restore_with(bed: &Bed, key: MasterKey, plan: Restore) -> Result<Restored, StoreError> {
    Store::restore(Settings::new(bed.url("restored.db"), key), plan, after_s(60)).await
}

async fn restored(bed: &Bed) -> Store {
    let from = backup(bed).await;
    restore_with(bed, master(1), plan(from, Occupied::Refuse)).await.unwrap();
    Store::open(Settings::new(bed.url("restored.db"), master(1)), NOW).await.unwrap()
}

/// What lies beside the bed's own database.
fn files(bed: &Bed) -> Vec<String> {
    let folder = bed.path("test.db").parent().unwrap().to_owned();
    let names =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with("test.db")).collect();
    names.sort();
    names
}

pub(crate) async fn a_hold_stays_until_it_is_released(bed: &Bed) {
    let before = bed.store.revision().await.unwrap();
    assert_eq!(bed.store.held_since().await.unwrap(), None);

    assert!(bed.store.hold("a rehearsal", NOW).await.unwrap());
    assert!(!bed.store.hold("another", after_s(5)).await.unwrap());
    assert_eq!(bed.store.held_since().await.unwrap(), Some(NOW));
    assert!(bed.store.revision().await.unwrap() > before, "running servers notice");

    assert!(bed.store.release(after_s(9)).await.unwrap());
    assert!(!bed.store.release(after_s(9)).await.unwrap());
    assert_eq!(bed.store.held_since().await.unwrap(), None);
    let rows = bed.store.audit(&AuditFilter::default(), None, 10).await.unwrap().items;
    let told: Vec<_> = rows.iter().map(|row| &*row.action).collect();
    assert_eq!(told, ["hold.release", "hold.set", "account.create"]);
}

pub(crate) async fn a_restored_backup_is_held_and_holds_everything(bed: &Bed) {
    let (sent, pending) = (bed.sent("oA", Some(1)).await, bed.accepted("oB").await);

    let store = restored(bed).await;

    assert_eq!(store.held_since().await.unwrap(), Some(after_s(60)));
    assert_eq!(store.message(sent).await.unwrap().unwrap().standing.state, State::Sent);
    assert_eq!(store.message(pending).await.unwrap().unwrap().standing.state, State::Pending);
    assert_eq!(store.check_tally().await.unwrap(), []);
    assert_eq!(store.verify_audit().await.unwrap().fault, None);
    let last = store.audit(&AuditFilter::default(), None, 1).await.unwrap().items.pop().unwrap();
    assert_eq!((&*last.action, &*last.actor, &*last.address), ("store.restore", "cli", "root"));
    assert_eq!(last.detail["file"], "backup.db");
    assert_eq!(bed.store.held_since().await.unwrap(), None, "the database it is a copy of goes on");
}

pub(crate) async fn a_backup_is_not_touched_by_being_restored(bed: &Bed) {
    let from = backup(bed).await;
    let before = std::fs::read(&from).unwrap();

    restore_with(bed, master(1), plan(from.clone(), Occupied::Refuse)).await.unwrap();

    assert_eq!(std::fs::read(&from).unwrap(), before);
    assert_eq!(files(bed), ["backup.db", "restored.db", "restored.db.owner"]);
}

pub(crate) async fn a_database_that_is_there_stays_or_is_set_aside(bed: &Bed) {
    let there = restored(bed).await;
    let only_there = bed.draft_to("oThere");
    let id = only_there.id;
    there.accept(vec![only_there]).await.unwrap();

    let refused = restore_with(bed, master(1), plan(bed.path("backup.db"), Occupied::Refuse)).await;
    let done = restore_with(bed, master(1), plan(bed.path("backup.db"), Occupied::SetAside)).await.unwrap();

    assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    let aside = format!("sqlite:{}", done.set_aside.unwrap().display());
    let aside = Store::open(Settings::new(aside, master(1)), NOW).await.unwrap();
    assert!(aside.message(id).await.unwrap().is_some(), "with its WAL");
    let new = Store::open(Settings::new(bed.url("restored.db"), master(1)), NOW).await.unwrap();
    assert!(new.message(id).await.unwrap().is_none());
}

pub(crate) async fn a_database_in_use_is_not_replaced(bed: &Bed) {
    let store = restored(bed).await;
    let _owner = store.own(NOW).await.unwrap();

    let refused = restore_with(bed, master(1), plan(bed.path("backup.db"), Occupied::SetAside)).await;

    assert!(matches!(refused, Err(StoreError::Owned(_))), "{refused:?}");
    assert_eq!(store.check_tally().await.unwrap(), []);
}

pub(crate) async fn what_is_no_whole_backup_of_ours_leaves_nothing_behind(bed: &Bed) {
    let from = backup(bed).await;
    let whole = std::fs::read(&from).unwrap();
    std::fs::write(bed.path("text.db"), "not a database, but a text of some length".repeat(100)).unwrap();
    std::fs::write(bed.path("cut.db"), &whole[..whole.len() / 2]).unwrap();
    let other = rusqlite::Connection::open(bed.path("other.db")).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(other);
    let before = files(bed);

    for (name, key) in [("text.db", 1), ("cut.db", 1), ("other.db", 1), ("nothing.db", 1), ("backup.db", 2)] {
        let refused = restore_with(bed, master(key), plan(bed.path(name), Occupied::Refuse)).await;
        assert!(refused.is_err(), "{name}: {refused:?}");
        let left: Vec<_> = files(bed).into_iter().filter(|file| file != "restored.db.owner").collect();
        assert_eq!(left, before, "{name}");
    }
}
