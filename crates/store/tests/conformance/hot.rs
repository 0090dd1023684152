//! What is known of people and stands in memory and deltas before it stands in their rows.

use hongyan_domain::policy::{Policies, Policy};
use hongyan_domain::{Cause, InteractionKind, Outcome, Reason, Recipient, Source, State, Suppression};
use hongyan_store::{Claimed, Interaction, Sign, Store};

use crate::bed::{Bed, NOW, after_s, openid, standing};

async fn known(bed: &Bed, store: &Store, to: &str) -> Recipient {
    (*store.recipients(vec![(bed.account, openid(to))]).await.unwrap().remove(0)).clone()
}

async fn acted(bed: &Bed, to: &str) {
    let sign = Sign::Acted(InteractionKind::MenuClick);
    bed.store
        .interact(vec![Interaction { account: bed.account, openid: openid(to), sign, at: NOW }])
        .await
        .unwrap();
}

/// A message goes to a person, which their window and their caps count.
async fn went(bed: &Bed, store: &Store, to: &str) -> Claimed {
    let mut new = bed.draft_to(to);
    new.content.data = format!(r#"{{"thing1":{{"value":"{}"}}}}"#, new.id).into();
    let ready = [new.ready()];
    store.accept(vec![new]).await.unwrap();
    let policies = Policies::new(Policy::house);
    store.claim(&[bed.claim_of(bed.claim_id(), &ready, &policies)]).await.unwrap()[0]
}

fn gone(answer: Claimed) -> bool {
    matches!(answer, Claimed::Go(Some(_)))
}

fn deltas(bed: &Bed) -> i64 {
    let conn = rusqlite::Connection::open(bed.path("test.db")).unwrap();
    conn.query_row("SELECT COUNT(*) FROM recipient_delta", [], |row| row.get(0)).unwrap()
}

fn manual() -> Suppression {
    let (reason, source) = (Reason::Manual, Some(Source::Api));
    Suppression { reason, category: None, since: NOW, until: None, source }
}

pub(crate) async fn what_a_claim_took_is_known_to_the_next_process(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA").await;
    assert!(gone(went(bed, &bed.store, "oA").await));
    let took = known(bed, &bed.store, "oA").await;

    let next = bed.another_by("test.db").await.unwrap();

    assert_eq!(took.opened()[0].at, NOW);
    assert_eq!(known(bed, &next, "oA").await, took);
}

pub(crate) async fn rows_follow_and_then_there_is_no_delta(bed: &Bed) {
    let _owner = bed.own().await;
    for to in ["oA", "oB"] {
        acted(bed, to).await;
        assert!(gone(went(bed, &bed.store, to).await));
    }
    let (took, ahead) = (known(bed, &bed.store, "oA").await, bed.store.people_ahead());

    let folded = bed.store.fold_people().await.unwrap();

    assert_eq!((ahead, folded, bed.store.people_ahead(), deltas(bed)), (4, 2, 0, 0));
    assert_eq!(bed.store.fold_people().await.unwrap(), 0);
    let next = bed.another_by("test.db").await.unwrap();
    assert_eq!((known(bed, &bed.store, "oA").await, known(bed, &next, "oA").await), (took.clone(), took));
}

pub(crate) async fn the_newest_of_deltas_and_rows_holds(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA").await;
    assert!(gone(went(bed, &bed.store, "oA").await));
    bed.store.suppress(bed.account, vec![(openid("oA"), manual())]).await.unwrap();
    let before = known(bed, &bed.store, "oA").await;

    let next = bed.another_by("test.db").await.unwrap();

    assert_eq!(before.suppressions(), [manual()]);
    assert_eq!(known(bed, &next, "oA").await, before);
    assert_eq!(next.suppressed(bed.account, None, 10).await.unwrap().items.len(), 1);
    bed.store.fold_people().await.unwrap();
    assert_eq!(known(bed, &bed.store, "oA").await, before);
    assert_eq!(known(bed, &bed.another_by("test.db").await.unwrap(), "oA").await, before);
}

pub(crate) async fn what_another_process_says_of_a_person_holds_for_the_next_claim(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA").await;
    assert!(gone(went(bed, &bed.store, "oA").await));

    let other = bed.another_by("test.db").await.unwrap();
    other.suppress(bed.account, vec![(openid("oA"), manual())]).await.unwrap();

    assert!(matches!(went(bed, &bed.store, "oA").await, Claimed::Moved(to) if to.to == State::Suppressed));
    assert_eq!(known(bed, &bed.store, "oA").await.suppressions(), [manual()]);
}

pub(crate) async fn what_is_given_back_is_given_back_after_a_fold_too(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA").await;
    let mut new = bed.draft_to("oA");
    new.content.data = r#"{"thing1":{"value":"x"}}"#.into();
    let (id, ready) = (new.id, [new.ready()]);
    bed.store.accept(vec![new]).await.unwrap();
    let policies = Policies::new(Policy::house);
    let claimed = bed.store.claim(&[bed.claim_of(bed.claim_id(), &ready, &policies)]).await.unwrap();
    let Claimed::Go(taken) = claimed[0] else { panic!("{claimed:?}") };
    bed.store.fold_people().await.unwrap();

    let refused = Outcome::Refused { cause: Cause::TemplateInvalid };
    let mut settlement = bed.settlement(id, standing(State::Claimed, 0), &refused, after_s(1));
    settlement.taken = taken;
    bed.store.settle(vec![settlement], vec![]).await.unwrap();

    // A day's window gives three: all of them are there again.
    for _ in 0..3 {
        assert!(gone(went(bed, &bed.store, "oA").await));
    }
    assert!(!gone(went(bed, &bed.store, "oA").await));
    let next = bed.another_by("test.db").await.unwrap();
    assert_eq!(known(bed, &next, "oA").await, known(bed, &bed.store, "oA").await);
}

pub(crate) async fn of_an_erased_person_no_delta_is_left(bed: &Bed) {
    let _owner = bed.own().await;
    for to in ["oA", "oB"] {
        acted(bed, to).await;
        assert!(gone(went(bed, &bed.store, to).await));
    }
    let other = known(bed, &bed.store, "oB").await;

    bed.store.erase_recipient(bed.account, &openid("oA"), after_s(1)).await.unwrap();

    assert_eq!(deltas(bed), 0);
    let next = bed.another_by("test.db").await.unwrap();
    for store in [&bed.store, &next] {
        let erased = known(bed, store, "oA").await;
        assert_eq!((erased.opened(), erased.suppressions()[0].reason), (&[][..], Reason::Erased));
        assert_eq!(known(bed, store, "oB").await, other);
    }
}

pub(crate) async fn one_written_to_lately_is_not_forgotten_for_an_old_row(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA").await;
    assert!(gone(went(bed, &bed.store, "oA").await));

    let (went, _) = bed.store.purge_people(None, after_s(3_600), 10).await.unwrap();
    bed.store.fold_people().await.unwrap();
    let (went_then, _) = bed.store.purge_people(None, after_s(3_600), 10).await.unwrap();

    assert_eq!((went, went_then), (0, 1));
    assert_eq!(known(bed, &bed.store, "oA").await, Recipient::default());
    acted(bed, "oA").await;
    assert_eq!(known(bed, &bed.store, "oA").await.opened().len(), 1);
}

pub(crate) async fn an_account_takes_its_people_with_it(bed: &Bed) {
    let owner = bed.own().await;
    acted(bed, "oA").await;
    assert!(gone(went(bed, &bed.store, "oA").await));
    drop(owner);

    assert!(bed.store.delete_account(bed.account, NOW).await.unwrap());

    assert_eq!((deltas(bed), bed.store.people_ahead()), (0, 0));
    assert_eq!(bed.store.fold_people().await.unwrap(), 0);
}

pub(crate) async fn a_delta_that_is_cut_off_is_told_and_keeps_the_store_closed(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA").await;
    assert!(gone(went(bed, &bed.store, "oA").await));
    bed.spoil("UPDATE recipient_delta SET people = SUBSTR(people, 1, LENGTH(people) - 1)");

    let opened = bed.another_by("test.db").await;

    assert!(opened.unwrap_err().to_string().contains("delta of people"));
}

pub(crate) async fn a_row_from_before_the_packed_form_is_read_and_written_anew(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA").await;
    let before = known(bed, &bed.store, "oA").await;
    let json = serde_json::to_string(&before).unwrap();
    bed.spoil(&format!("UPDATE recipient SET facts = '{json}'"));

    let next = bed.another_by("test.db").await.unwrap();
    let read = known(bed, &next, "oA").await;
    assert!(gone(went(bed, &bed.store, "oA").await));
    bed.store.fold_people().await.unwrap();

    assert_eq!(read, before);
    let conn = rusqlite::Connection::open(bed.path("test.db")).unwrap();
    let kind: String = conn.query_row("SELECT TYPEOF(facts) FROM recipient", [], |row| row.get(0)).unwrap();
    assert_eq!(kind, "blob");
    let next = bed.another_by("test.db").await.unwrap();
    assert_eq!(known(bed, &next, "oA").await, known(bed, &bed.store, "oA").await);
}

/// Each is written to, and that is in no row yet.
async fn all_went(bed: &Bed, people: &[String]) {
    for to in people {
        acted(bed, to).await;
    }
    let drafts: Vec<_> = people.iter().map(|to| bed.draft_to(to)).collect();
    let ready: Vec<_> = drafts.iter().map(hongyan_store::NewMessage::ready).collect();
    bed.store.accept(drafts).await.unwrap();
    let policies = Policies::new(Policy::house);
    let claimed = bed.store.claim(&[bed.claim_of(bed.claim_id(), &ready, &policies)]).await.unwrap();
    assert!(claimed.into_iter().all(gone));
}

pub(crate) async fn nothing_of_an_erased_person_is_in_a_free_page(bed: &Bed) {
    let _owner = bed.own().await;
    let people: Vec<_> = (0..200).map(|nth| format!("o{nth}")).collect();
    let (sign, at) = (Sign::Acted(InteractionKind::Message), after_s(-7));
    let acted = Interaction { account: bed.account, openid: openid("o7"), sign, at };
    bed.store.interact(vec![acted]).await.unwrap();
    all_went(bed, &people).await;
    bed.store.fold_people().await.unwrap();

    bed.store.erase_recipient(bed.account, &openid("o7"), after_s(1)).await.unwrap();

    let (mut wrote, mut told) = (Recipient::default(), Vec::new());
    wrote.acted(InteractionKind::Message, at);
    wrote.pack(&mut told);
    // What they did, and when: past the version and the number of such, before how often they were written to since.
    let told = &told[2..16];
    for name in ["test.db", "test.db-wal"] {
        let file = std::fs::read(bed.path(name)).unwrap();
        let is_there = file.windows(told.len()).any(|window| window == told);
        assert!(!is_there, "{name} tells when they last wrote");
    }
}

pub(crate) async fn one_who_was_forgotten_is_forgotten_after_a_crash_too(bed: &Bed) {
    // Told late: nothing was heard of them for long.
    acted(bed, "oA").await;
    let (went, _) = bed.store.purge_people(None, after_s(3_600), 10).await.unwrap();
    assert_eq!(went, 1);

    let next = bed.another_by("test.db").await.unwrap();

    assert_eq!(known(bed, &next, "oA").await, Recipient::default());
    let sign = Sign::Acted(InteractionKind::Message);
    let again = Interaction { account: bed.account, openid: openid("oA"), sign, at: after_s(7_200) };
    next.interact(vec![again]).await.unwrap();
    assert_eq!(known(bed, &next, "oA").await.opened().len(), 1);
}
