//! API keys and the set-up secret.

use hongyan_domain::{AccountId, Timestamp};
use hongyan_store::{ApiKey, KeyText, NewKey, Scope, Secret, StoreError, generate_setup_secret};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::bed::{Bed, NOW, after_s};

fn text(seed: u64) -> KeyText {
    KeyText::generate(&mut StdRng::seed_from_u64(seed))
}

pub(crate) fn new(seed: u64) -> NewKey {
    let scopes = vec![Scope::Send, Scope::Admin];
    let (text, name) = (text(seed), "ci".to_owned());
    NewKey { text, name, scopes, accounts: vec![], expires_at: Some(after_s(60)) }
}

async fn put_for(bed: &Bed, seed: u64, accounts: Vec<AccountId>) -> KeyText {
    bed.store.put_key(NewKey { accounts, ..new(seed) }, NOW).await.unwrap();
    text(seed)
}

async fn found(bed: &Bed, text: &KeyText) -> Option<ApiKey> {
    bed.store.key_ring().await.unwrap().find(text).map(|key| (**key).clone())
}

pub(crate) async fn put(bed: &Bed, seed: u64) -> KeyText {
    put_for(bed, seed, vec![]).await
}

pub(crate) async fn a_key_is_found_by_its_text_and_by_no_other(bed: &Bed) {
    let key = put_for(bed, 1, vec![bed.account]).await;
    let mut forged = key.expose().to_owned();
    let last = if forged.pop() == Some('a') { 'b' } else { 'a' };
    forged.push(last);

    let kept = found(bed, &key).await.unwrap();

    assert_eq!((kept.id, kept.name.as_str()), (key.id(), "ci"));
    assert_eq!((kept.scopes, kept.accounts), (vec![Scope::Send, Scope::Admin], vec![bed.account]));
    assert!(found(bed, &KeyText::parse(&forged).unwrap()).await.is_none());
    assert!(found(bed, &text(2)).await.is_none());
}

pub(crate) async fn a_key_with_unusable_fields_is_not_put_in(bed: &Bed) {
    let far = Timestamp::from_ms(8_640_001_795_401_781_073);
    for (name, scopes, expires_at, field) in [
        ("\n\u{1b}[31m", vec![Scope::Send], None, "name"),
        ("ci", vec![], None, "scopes"),
        ("ci", vec![Scope::Send], Some(NOW), "expires_at"),
        ("ci", vec![Scope::Send], Some(far), "expires_at"),
    ] {
        let key = NewKey { text: text(1), name: name.to_owned(), scopes, accounts: vec![], expires_at };

        let Err(StoreError::Fields(faults)) = bed.store.put_key(key, NOW).await else { panic!("{name}") };

        assert_eq!(faults.iter().map(|fault| &*fault.field).collect::<Vec<_>>(), [field]);
    }
    assert_eq!(bed.store.keys().await.unwrap(), []);
}

pub(crate) async fn a_revoked_key_is_not_live(bed: &Bed) {
    let key = put(bed, 1).await;

    assert!(bed.store.revoke_key(&key.id(), NOW).await.unwrap());

    assert!(found(bed, &key).await.is_none());
    assert!(!bed.store.keys().await.unwrap()[0].is_live(NOW));
    assert!(!bed.store.revoke_key(&key.id(), NOW).await.unwrap());
    assert!(!bed.store.revoke_key(&text(2).id(), NOW).await.unwrap());
}

pub(crate) async fn a_key_past_its_time_is_not_live(bed: &Bed) {
    let key = put(bed, 1).await;

    let key = found(bed, &key).await.unwrap();

    assert!(key.is_live(after_s(59)));
    assert!(!key.is_live(after_s(60)));
}

pub(crate) async fn a_key_remembers_its_last_use(bed: &Bed) {
    let key = put(bed, 1).await;

    bed.store.touch_keys(vec![(key.id(), after_s(5)), (key.id(), after_s(3))]).await.unwrap();

    assert_eq!(bed.store.keys().await.unwrap()[0].last_used_at, Some(after_s(5)));
}

pub(crate) async fn a_key_for_a_deleted_account_does_not_become_one_for_all(bed: &Bed) {
    let key = put_for(bed, 1, vec![bed.account]).await;

    bed.store.delete_account(bed.account, NOW).await.unwrap();

    let key = found(bed, &key).await.unwrap();
    assert_eq!(key.accounts, [AccountId(0)], "no account has this number");
}

fn setup(seed: u64) -> Secret {
    generate_setup_secret(&mut StdRng::seed_from_u64(seed))
}

pub(crate) async fn a_setup_secret_works_once(bed: &Bed) {
    bed.store.put_setup_secret(&setup(1), NOW).await.unwrap();

    assert!(!bed.store.use_setup_secret(&setup(2), NOW).await.unwrap());
    assert!(bed.store.use_setup_secret(&setup(1), NOW).await.unwrap());
    assert!(!bed.store.use_setup_secret(&setup(1), NOW).await.unwrap());
}

pub(crate) async fn a_setup_secret_ends_after_a_day(bed: &Bed) {
    bed.store.put_setup_secret(&setup(1), NOW).await.unwrap();

    assert!(!bed.store.use_setup_secret(&setup(1), after_s(24 * 3600)).await.unwrap());
    assert!(bed.store.use_setup_secret(&setup(1), after_s(24 * 3600 - 1)).await.unwrap());
}

pub(crate) async fn a_new_setup_secret_ends_the_one_before(bed: &Bed) {
    bed.store.put_setup_secret(&setup(1), NOW).await.unwrap();

    bed.store.put_setup_secret(&setup(2), NOW).await.unwrap();

    assert!(!bed.store.use_setup_secret(&setup(1), NOW).await.unwrap());
    assert!(bed.store.use_setup_secret(&setup(2), NOW).await.unwrap());
}
