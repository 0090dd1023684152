//! Accounts, tokens, templates, data keys.

use hongyan_domain::{Appid, Limits, Timestamp};
use hongyan_store::{
    CallbackKeys, Changes, Paused, Secret, StoreError, StoredTemplate, StoredToken, TokenSource,
};

use crate::bed::{Bed, NOW, after_s, draft, openid};

pub(crate) async fn an_account_reads_back_with_its_secrets(bed: &Bed) {
    let mut given = draft("wx2");
    given.limits = Some(Limits { base_per_s: 1, peak_per_s: 2, daily: 3 });
    given.proxy = Some(Secret::new(r#"http://user:"pass\word"@proxy:3128"#));
    given.token_source = TokenSource::Outside("https://token.example.com".to_owned());
    given.paused = Some(Paused { until: Some(after_s(9)), reason: "ip_not_allowed".to_owned() });

    let put = bed.store.put_account(given.clone(), NOW).await.unwrap();

    let found = bed.store.account(&given.appid).await.unwrap().unwrap();
    assert_eq!(
        (found.id, &found.appid, &found.name, found.kind),
        (put.id, &given.appid, &given.name, given.kind)
    );
    assert_eq!(
        (&found.secret, &found.callback, &found.proxy),
        (&given.secret, &given.callback, &given.proxy)
    );
    assert_eq!((found.limits, found.verified, &found.paused), (given.limits, true, &given.paused));
    assert_eq!((found.token_source, found.created_at, found.updated_at), (given.token_source, NOW, NOW));
}

pub(crate) async fn an_account_with_unusable_fields_is_not_put_in(bed: &Bed) {
    let mut given = draft("wx2");
    given.name = "\u{1b}[31m".to_owned();
    given.secret = Secret::new("AAAA\nBBBB");
    given.callback = Some(CallbackKeys { token: Secret::new("a\0b"), aes_key: None, previous_aes_key: None });
    given.limits = Some(Limits { base_per_s: 100, peak_per_s: 1, daily: 3 });
    given.proxy = Some(Secret::new("socks5://x"));
    given.token_source = TokenSource::Outside("http://".to_owned());
    given.paused = Some(Paused { until: Some(Timestamp::from_ms(i64::MAX)), reason: String::new() });
    let appid = given.appid.clone();

    let Err(StoreError::Fields(faults)) = bed.store.put_account(given, NOW).await else { panic!() };

    let fields: Vec<_> = faults.iter().map(|fault| &*fault.field).collect();
    let expected = ["name", "secret", "callback.token", "limits.peak_per_s", "proxy", "token_url"];
    assert_eq!(fields, [&expected[..], &["reason", "until"]].concat());
    assert!(bed.store.account(&appid).await.unwrap().is_none());
}

pub(crate) async fn an_account_that_cannot_be_read_is_left_out_and_can_be_deleted(bed: &Bed) {
    let token = StoredToken { value: Secret::new("t"), expires_at: NOW, fetched_at: NOW };
    let damaged = bed.store.put_account(draft("wx2"), NOW).await.unwrap();
    bed.store.put_token(damaged.id, token).await.unwrap();
    bed.spoil(
        "UPDATE account SET secrets = zeroblob(99) WHERE account = 2; UPDATE token SET value = zeroblob(99)",
    );

    let readable = bed.store.accounts().await.unwrap();
    let number = bed.store.account_id(&damaged.appid).await.unwrap();

    assert_eq!(readable.iter().map(|account| account.id).collect::<Vec<_>>(), [bed.account]);
    assert!(bed.store.tokens().await.unwrap().is_empty());
    assert_eq!(number, Some(damaged.id));
    assert!(bed.store.delete_account(damaged.id, NOW).await.unwrap());
}

pub(crate) async fn putting_an_account_again_keeps_its_number(bed: &Bed) {
    let mut changed = draft("wx1");
    changed.callback =
        Some(CallbackKeys { token: Secret::new("token2"), aes_key: None, previous_aes_key: None });

    let again = bed.store.put_account(changed.clone(), after_s(5)).await.unwrap();

    assert_eq!((again.id, again.created_at, again.updated_at), (bed.account, NOW, after_s(5)));
    assert_eq!(again.callback, changed.callback);
    assert_eq!(bed.store.accounts().await.unwrap().len(), 1);
}

pub(crate) async fn a_deleted_account_is_gone_with_all_it_had(bed: &Bed) {
    let id = bed.sent("oA", Some(1)).await;
    bed.receive(bed.receipt("oB", Some(2))).await;

    assert!(bed.store.delete_account(bed.account, NOW).await.unwrap());

    assert!(bed.store.message(id).await.unwrap().is_none());
    assert!(bed.store.account(&Appid::new("wx1").unwrap()).await.unwrap().is_none());
    assert!(!bed.store.delete_account(bed.account, NOW).await.unwrap());
    let next = bed.store.put_account(draft("wx1"), NOW).await.unwrap().id;
    assert!(next > bed.account, "a number is never used again");
    bed.counters_equal_the_ledger().await;
}

pub(crate) async fn accepting_for_a_deleted_account_is_refused(bed: &Bed) {
    bed.store.delete_account(bed.account, NOW).await.unwrap();

    let answer = bed.store.accept(vec![bed.draft_to("oA")]).await;

    assert!(matches!(answer, Err(StoreError::NoAccount(_))));
}

pub(crate) async fn a_token_reads_back(bed: &Bed) {
    let token = |text| StoredToken { value: Secret::new(text), expires_at: after_s(7200), fetched_at: NOW };
    bed.store.put_token(bed.account, token("first")).await.unwrap();

    bed.store.put_token(bed.account, token("second")).await.unwrap();

    assert_eq!(bed.store.tokens().await.unwrap(), [(bed.account, token("second"))]);
}

pub(crate) async fn a_token_goes_with_the_secret_or_the_source_it_was_fetched_with(bed: &Bed) {
    let token = StoredToken { value: Secret::new("t"), expires_at: after_s(7200), fetched_at: NOW };
    let mut kept = Vec::new();
    let (mut renamed, mut resecreted, mut resourced) = (draft("wx1"), draft("wx1"), draft("wx1"));
    renamed.name = "another name".to_owned();
    resecreted.secret = Secret::new("another");
    resourced.secret = Secret::new("another");
    resourced.token_source = TokenSource::Classic;

    for changed in [renamed, resecreted, resourced] {
        bed.store.put_token(bed.account, token.clone()).await.unwrap();
        bed.store.put_account(changed, NOW).await.unwrap();
        kept.push(bed.store.tokens().await.unwrap().len());
    }

    assert_eq!(kept, [1, 0, 0]);
}

fn template(template_id: &str, content: &str) -> StoredTemplate {
    let text = |text: &str| text.to_owned();
    StoredTemplate {
        template_id: text(template_id),
        title: text("订单"),
        content: text(content),
        example: text("e"),
        primary_industry: text("IT"),
        deputy_industry: text("互联网"),
    }
}

pub(crate) async fn a_sync_tells_what_changed(bed: &Bed) {
    let sync = |templates| bed.store.sync_templates(bed.account, templates, NOW);
    sync(vec![template("a", "1"), template("b", "1"), template("c", "1")]).await.unwrap();

    let changes = sync(vec![template("b", "2"), template("c", "1"), template("d", "1")]).await.unwrap();

    let list = |id: &str| vec![id.to_owned()];
    assert_eq!(changes, Changes { added: list("d"), changed: list("b"), removed: list("a") });
    let kept = bed.store.templates(bed.account).await.unwrap();
    assert_eq!(kept, [template("b", "2"), template("c", "1"), template("d", "1")]);
}

pub(crate) async fn a_template_that_comes_back_keeps_counting_its_versions(bed: &Bed) {
    let sync = |templates| bed.store.sync_templates(bed.account, templates, NOW);
    sync(vec![template("a", "1")]).await.unwrap();
    sync(vec![]).await.unwrap();

    let changes = sync(vec![template("a", "2")]).await.unwrap();

    assert_eq!(changes.added, ["a"]);
    assert_eq!(bed.store.templates(bed.account).await.unwrap(), [template("a", "2")]);
}

pub(crate) async fn the_revision_grows_with_accounts_templates_and_keys(bed: &Bed) {
    let mut seen = vec![bed.store.revision().await.unwrap()];

    bed.store.put_account(draft("wx2"), NOW).await.unwrap();
    seen.push(bed.store.revision().await.unwrap());
    bed.store.sync_templates(bed.account, vec![template("a", "1")], NOW).await.unwrap();
    seen.push(bed.store.revision().await.unwrap());
    let key = crate::keys::put(bed, 1).await;
    seen.push(bed.store.revision().await.unwrap());
    bed.store.revoke_key(&key.id(), NOW).await.unwrap();
    seen.push(bed.store.revision().await.unwrap());
    bed.accepted("oA").await;
    let after_a_message = bed.store.revision().await.unwrap();

    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    assert_eq!(seen.last(), Some(&after_a_message));
}

pub(crate) async fn what_an_old_data_key_sealed_stays_readable(bed: &Bed) {
    let before = bed.accepted("oBefore").await;

    let version = bed.store.rotate_data_key(bed.account, NOW).await.unwrap();
    let after = bed.accepted("oAfter").await;

    assert_eq!(version, 2);
    assert_eq!(bed.record(before).await.openid, Some(openid("oBefore")));
    assert_eq!(bed.record(after).await.openid, Some(openid("oAfter")));
    assert!(matches!(
        bed.store.rotate_data_key(hongyan_domain::AccountId(99), NOW).await,
        Err(StoreError::NoAccount(_))
    ));
}
