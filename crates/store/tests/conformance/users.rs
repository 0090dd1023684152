//! Users and their sessions.

use hongyan_store::{
    NewUser, PasswordHash, Role, Salt, Secret, SessionToken, StoreError, UserAnswer, UserChange, Visitor,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::bed::{Bed, NOW, after_s};

fn new(name: &str, role: Role) -> NewUser {
    let salt = Salt::generate(&mut StdRng::seed_from_u64(1));
    let password = PasswordHash::of(&Secret::new("correct horse"), &salt).unwrap();
    NewUser { name: name.to_owned(), password, role, accounts: vec![], language: None }
}

fn token(seed: u64) -> SessionToken {
    SessionToken::generate(&mut StdRng::seed_from_u64(seed))
}

async fn enter(bed: &Bed, name: &str, seed: u64) -> SessionToken {
    assert!(bed.store.begin_session(name, &token(seed), Visitor::default(), NOW).await.unwrap());
    token(seed)
}

pub(crate) async fn a_user_is_found_by_their_name_and_a_name_is_given_once(bed: &Bed) {
    assert!(bed.store.put_user(new("zhang", Role::Operator), NOW).await.unwrap());
    assert!(!bed.store.put_user(new("zhang", Role::Admin), NOW).await.unwrap());
    assert!(matches!(bed.store.put_user(new("Z H", Role::Admin), NOW).await, Err(StoreError::Fields(_))));

    let user = bed.store.user("zhang").await.unwrap().unwrap();

    assert_eq!((user.role, bed.store.users().await.unwrap().len()), (Role::Operator, 1));
    assert!(user.password.fits(&Secret::new("correct horse")));
    assert!(bed.store.user("li").await.unwrap().is_none());
    assert_eq!(bed.store.delete_user("zhang", NOW).await.unwrap(), UserAnswer::Done);
    assert_eq!(bed.store.delete_user("zhang", NOW).await.unwrap(), UserAnswer::NotFound);
}

pub(crate) async fn the_last_admin_stays(bed: &Bed) {
    bed.store.put_user(new("root", Role::Admin), NOW).await.unwrap();
    let less = || UserChange { role: Some(Role::Viewer), ..UserChange::default() };
    let off = UserChange { disabled: Some(true), ..UserChange::default() };

    assert_eq!(bed.store.change_user("root", less(), NOW).await.unwrap(), UserAnswer::LastAdmin);
    assert_eq!(bed.store.change_user("root", off, NOW).await.unwrap(), UserAnswer::LastAdmin);
    assert_eq!(bed.store.delete_user("root", NOW).await.unwrap(), UserAnswer::LastAdmin);
    bed.store.put_user(new("other", Role::Admin), NOW).await.unwrap();
    assert_eq!(bed.store.change_user("root", less(), NOW).await.unwrap(), UserAnswer::Done);
    assert_eq!(bed.store.change_user("nobody", less(), NOW).await.unwrap(), UserAnswer::NotFound);
}

pub(crate) async fn a_session_is_found_by_its_token_until_it_ends(bed: &Bed) {
    bed.store.put_user(new("zhang", Role::Viewer), NOW).await.unwrap();
    let shown = enter(bed, "zhang", 1).await;
    assert!(!bed.store.begin_session("nobody", &token(2), Visitor::default(), NOW).await.unwrap());

    let (session, user) = bed.store.session(&shown, NOW).await.unwrap().unwrap();
    let (half_a_day, later) = (after_s(12 * 3600), after_s(20 * 3600));
    assert!(bed.store.session(&shown, half_a_day).await.unwrap().is_none());
    bed.store
        .touch_sessions(vec![(session.id.clone(), after_s(11 * 3600))], after_s(11 * 3600))
        .await
        .unwrap();

    assert_eq!((session.user.as_str(), user.name.as_str()), ("zhang", "zhang"));
    assert!(bed.store.session(&token(2), NOW).await.unwrap().is_none());
    assert!(bed.store.session(&shown, later).await.unwrap().is_some());
    assert_eq!(bed.store.sessions(Some("zhang"), later).await.unwrap().len(), 1);
    assert_eq!(bed.store.sessions(Some("li"), later).await.unwrap().len(), 0);
    assert!(!bed.store.end_session(&session.id, Some("li"), later).await.unwrap());
    assert!(bed.store.end_session(&session.id, Some("zhang"), later).await.unwrap());
    assert!(bed.store.session(&shown, later).await.unwrap().is_none());
}

pub(crate) async fn a_step_of_the_second_factor_is_used_once(bed: &Bed) {
    bed.store.put_user(new("zhang", Role::Viewer), NOW).await.unwrap();
    let on = UserChange { totp: Some(Some(Secret::new("GEZDGNBVGY3TQOJQ"))), ..UserChange::default() };
    bed.store.change_user("zhang", on, NOW).await.unwrap();

    let kept = bed.store.user("zhang").await.unwrap().unwrap().totp;

    assert_eq!(kept, Some(Secret::new("GEZDGNBVGY3TQOJQ")));
    assert!(bed.store.use_totp_step("zhang", 7).await.unwrap());
    assert!(!bed.store.use_totp_step("zhang", 7).await.unwrap());
    assert!(!bed.store.use_totp_step("zhang", 6).await.unwrap());
    assert!(bed.store.use_totp_step("zhang", 8).await.unwrap());
}

pub(crate) async fn a_change_of_rights_ends_the_other_sessions(bed: &Bed) {
    bed.store.put_user(new("zhang", Role::Viewer), NOW).await.unwrap();
    let (one, two) = (enter(bed, "zhang", 1).await, enter(bed, "zhang", 2).await);
    let (kept, _) = bed.store.session(&one, NOW).await.unwrap().unwrap();
    let change = UserChange { role: Some(Role::Operator), keep: Some(kept.id), ..UserChange::default() };

    bed.store.change_user("zhang", change, NOW).await.unwrap();

    assert!(bed.store.session(&one, NOW).await.unwrap().is_some());
    assert!(bed.store.session(&two, NOW).await.unwrap().is_none());
    for seed in 10..40 {
        enter(bed, "zhang", seed).await;
    }
    assert_eq!(bed.store.sessions(Some("zhang"), NOW).await.unwrap().len(), 20);
}
