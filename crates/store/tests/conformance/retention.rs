//! Purge, counters, backup, master key.

use hongyan_domain::{Cause, Event, State, decide};
use hongyan_store::{MessageFilter, Received, Settings, Store, StoreError, TallyRow};

use crate::bed::{Bed, NOW, after_s, master, openid};

async fn delivered(bed: &Bed, to: &str, msgid: u64) -> hongyan_domain::MessageId {
    let id = bed.sent(to, Some(msgid)).await;
    bed.receive(bed.receipt(to, Some(msgid))).await;
    id
}

pub(crate) async fn purge_takes_what_is_final_and_old_and_nothing_else(bed: &Bed) {
    let gone = delivered(bed, "oA", 1).await;
    let (sent, pending) = (bed.sent("oB", Some(2)).await, bed.accepted("oC").await);
    let mut late = bed.receipt("oD", Some(3));
    late.received_at = after_s(100);
    let too_new = bed.sent("oD", Some(3)).await;
    bed.receive(late).await;

    let went = bed.store.purge(after_s(50), 100, None).await.unwrap();

    assert_eq!((went, bed.store.purge(after_s(50), 100, None).await.unwrap()), (1, 0));
    assert!(bed.store.message(gone).await.unwrap().is_none());
    for kept in [sent, pending, too_new] {
        assert!(bed.store.message(kept).await.unwrap().is_some());
    }
}

pub(crate) async fn purge_archives_before_it_deletes(bed: &Bed) {
    let archive = bed.path("archive.ndjson");
    let (first, second) = (delivered(bed, "oPerson", 1).await, delivered(bed, "oPerson", 2).await);

    bed.store.purge(after_s(50), 1, Some(&archive)).await.unwrap();
    bed.store.purge(after_s(50), 1, Some(&archive)).await.unwrap();

    let text = std::fs::read_to_string(&archive).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains(&first.to_string()) && lines[1].contains(&second.to_string()), "{text}");
    assert!(lines[0].contains(r#""state":"delivered""#) && !text.contains("oPerson"), "{text}");
}

pub(crate) async fn purge_passes_over_live_rows(bed: &Bed) {
    for _ in 0..30 {
        bed.accepted("oLive").await;
    }
    delivered(bed, "oA", 1).await;

    assert_eq!(bed.store.purge(after_s(50), 2, None).await.unwrap(), 1);
    assert_eq!(bed.store.purge(after_s(50), 2, None).await.unwrap(), 0);
}

pub(crate) async fn purge_keeps_the_counters(bed: &Bed) {
    delivered(bed, "oA", 1).await;
    let before = bed.store.tally(0..i64::MAX, None).await.unwrap();

    bed.store.purge(after_s(50), 10, None).await.unwrap();

    assert_eq!(bed.store.tally(0..i64::MAX, None).await.unwrap(), before);
    assert_eq!(bed.store.sends_today(NOW.day()).await.unwrap()[&bed.account], 1);
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn purge_takes_receipts_that_never_found_a_message(bed: &Bed) {
    bed.receive(bed.receipt("oA", Some(7))).await;

    bed.store.purge(after_s(50), 10, None).await.unwrap();

    assert_eq!(bed.receive(bed.receipt("oA", Some(7))).await, Received::Early, "nothing is left to double");
}

pub(crate) async fn the_tally_says_where_messages_stand(bed: &Bed) {
    delivered(bed, "oA", 1).await;
    let cancelled = bed.accepted("oB").await;
    bed.store.cancel(bed.account, cancelled, NOW).await.unwrap();
    bed.accepted("oC").await;

    let tally = bed.store.tally(NOW.day()..NOW.day() + 1, Some(bed.account)).await.unwrap();

    let row = |state, cause| TallyRow { account: bed.account, day: NOW.day(), state, cause, count: 1 };
    let expected = [
        row(State::Cancelled, Some(Cause::ByRequest)),
        row(State::Delivered, None),
        row(State::Pending, None),
    ];
    assert_eq!(tally, expected);
    assert!(bed.store.tally(NOW.day() + 1..NOW.day() + 2, None).await.unwrap().is_empty());
}

pub(crate) async fn a_tally_that_is_wrong_is_found(bed: &Bed) {
    bed.sent("oA", Some(1)).await;
    bed.spoil("UPDATE tally SET kept = kept + 5 WHERE state = 'sent'");
    bed.spoil("DELETE FROM sends");

    let differences = bed.store.check_tally().await.unwrap();

    let found: Vec<_> = differences.iter().map(|one| (one.counted, one.found)).collect();
    assert_eq!(found, [(6, 1), (0, 1)]);
}

pub(crate) async fn sends_are_counted_on_the_day_they_went(bed: &Bed) {
    let id = bed.accepted("oA").await;
    let outcome = hongyan_domain::Outcome::Sent { msgid: None, how: hongyan_domain::SentAs::Accepted };
    let tomorrow = NOW.next_day();

    bed.answer(id, crate::bed::standing(State::Claimed, 0), outcome, tomorrow).await;

    assert!(bed.store.sends_today(NOW.day()).await.unwrap().is_empty());
    assert_eq!(bed.store.sends_today(tomorrow.day()).await.unwrap()[&bed.account], 1);
}

pub(crate) async fn a_backup_opens_and_holds_everything(bed: &Bed) {
    let id = delivered(bed, "oA", 1).await;

    bed.store.backup(&bed.path("copy.db")).await.unwrap();

    let copy = Store::open(Settings::new(bed.url("copy.db"), master(1)), NOW).await.unwrap();
    let found = copy.message(id).await.unwrap().unwrap();
    assert_eq!((found.openid, found.standing.state), (Some(openid("oA")), State::Delivered));
    assert_eq!(copy.check_tally().await.unwrap(), []);
}

pub(crate) async fn a_backup_does_not_overwrite(bed: &Bed) {
    std::fs::write(bed.path("copy.db"), "precious").unwrap();

    let answer = bed.store.backup(&bed.path("copy.db")).await;

    assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    assert_eq!(std::fs::read_to_string(bed.path("copy.db")).unwrap(), "precious");
}

pub(crate) async fn a_new_master_key_opens_and_the_old_one_does_not(bed: &Bed) {
    let id = bed.accepted("oA").await;

    bed.store.rewrap(&master(2), NOW).await.unwrap();

    let open = |seed| Store::open(Settings::new(bed.url("test.db"), master(seed)), NOW);
    assert!(matches!(open(1).await, Err(StoreError::WrongKey)));
    let reopened = open(2).await.unwrap();
    assert_eq!(reopened.message(id).await.unwrap().unwrap().openid, Some(openid("oA")));
    let all = reopened.find_messages(&MessageFilter::default(), None, 10).await.unwrap();
    assert_eq!(all.items.len(), 1);
    assert!(decide(&all.items[0].standing, &Event::Cancelled, NOW).is_some());
}

pub(crate) async fn purge_archives_into_a_folder_as_well(bed: &Bed) {
    let folder = bed.path("archives");
    std::fs::create_dir(&folder).unwrap();
    let gone = delivered(bed, "oA", 1).await;

    bed.store.purge(after_s(50), 10, Some(&folder)).await.unwrap();

    let text = std::fs::read_to_string(folder.join("hongyan-archive.ndjson")).unwrap();
    assert!(text.contains(&gone.to_string()), "{text}");
}

pub(crate) async fn purge_and_the_unreported_pass_over_a_damaged_row(bed: &Bed) {
    let (damaged, silent) = (bed.sent("oA", Some(1)).await, bed.sent("oB", Some(2)).await);
    let (odd, gone) = (delivered(bed, "oC", 3).await, delivered(bed, "oD", 4).await);
    bed.spoil(&format!("UPDATE message SET on_unknown = 'perhaps' WHERE id = {}", damaged.raw()));
    bed.spoil(&format!("UPDATE message SET cause = 'perhaps' WHERE id = {}", odd.raw()));

    let unreported = bed.store.unreported(after_s(50), 10).await.unwrap();
    let went = bed.store.purge(after_s(50), 10, None).await.unwrap();

    assert_eq!((unreported.len(), unreported[0].message), (1, silent));
    assert_eq!((went, bed.store.message(gone).await.unwrap().is_none()), (1, true));
    assert_eq!(bed.store.damaged_rows(), 2);
}
