//! What is known of templates besides their text.

use hongyan_store::{NoticeKind, StoredTemplate};

use crate::bed::{Bed, NOW, after_s, draft};

fn template(template_id: &str, content: &str) -> StoredTemplate {
    StoredTemplate {
        template_id: template_id.to_owned(),
        title: "订单".to_owned(),
        content: content.to_owned(),
        example: String::new(),
        primary_industry: String::new(),
        deputy_industry: String::new(),
    }
}

async fn notices(bed: &Bed) -> Vec<(NoticeKind, String, Vec<String>)> {
    let notices = bed.store.template_notices(bed.account, None, 99).await.unwrap();
    notices.into_iter().map(|one| (one.kind, one.template_id, one.changed)).collect()
}

pub(crate) async fn a_sync_notes_what_others_did_and_the_first_one_nothing(bed: &Bed) {
    let sync = |templates, at| bed.store.sync_templates(bed.account, templates, at);
    sync(vec![template("a", "1"), template("b", "1"), template("c", "1")], NOW).await.unwrap();
    assert_eq!(notices(bed).await, []);

    let changed = StoredTemplate { title: "退款".to_owned(), ..template("b", "2") };
    sync(vec![changed, template("c", "1"), template("d", "1")], after_s(1)).await.unwrap();

    let none = Vec::new;
    let expected = [
        (NoticeKind::Removed, "a".to_owned(), none()),
        (NoticeKind::Added, "d".to_owned(), none()),
        (NoticeKind::Changed, "b".to_owned(), vec!["title".to_owned(), "content".to_owned()]),
    ];
    assert_eq!(notices(bed).await, expected);
    let page = bed.store.template_notices(bed.account, Some(3), 1).await.unwrap();
    assert_eq!((page.len(), page[0].id, page[0].at), (1, 2, after_s(1)));
}

pub(crate) async fn what_we_did_ourselves_is_not_noted(bed: &Bed) {
    bed.store.sync_templates(bed.account, vec![template("a", "1")], NOW).await.unwrap();

    let both = vec![template("a", "1"), template("ours", "1"), template("theirs", "1")];
    bed.store.sync_templates_after(bed.account, Some("ours"), both, NOW).await.unwrap();
    let left = vec![template("ours", "1"), template("theirs", "1")];
    bed.store.sync_templates_after(bed.account, Some("a"), left, NOW).await.unwrap();

    assert_eq!(notices(bed).await, [(NoticeKind::Added, "theirs".to_owned(), vec![])]);
}

pub(crate) async fn a_template_keeps_every_text_and_is_remembered_when_it_is_gone(bed: &Bed) {
    let sync = |templates, at| bed.store.sync_templates(bed.account, templates, at);
    sync(vec![template("a", "1")], NOW).await.unwrap();
    sync(vec![template("a", "2")], after_s(1)).await.unwrap();
    let versions = bed.store.template_versions(bed.account).await.unwrap();
    assert_eq!(versions, [("a".to_owned(), (2, after_s(1)))].into());
    sync(vec![], after_s(2)).await.unwrap();

    let history = bed.store.template_history(bed.account, "a").await.unwrap().unwrap();

    assert_eq!(history.removed_at, Some(after_s(2)));
    assert_eq!(history.versions, [(1, NOW, template("a", "1")), (2, after_s(1), template("a", "2"))]);
    assert_eq!(bed.store.template_history(bed.account, "b").await.unwrap(), None);
    assert!(bed.store.template_versions(bed.account).await.unwrap().is_empty());
}

pub(crate) async fn a_grant_outlives_a_sync_and_is_taken_back(bed: &Bed) {
    bed.store.sync_templates(bed.account, vec![template("a", "1")], NOW).await.unwrap();
    let revision = bed.store.revision().await.unwrap();
    let grant = |id: &'static str, field: &str, max| {
        bed.store.grant(bed.account, id, vec![(field.to_owned(), max)], NOW)
    };

    assert!(grant("a", "thing1", Some(30)).await.unwrap());
    assert!(grant("a", "thing1", Some(40)).await.unwrap());
    assert!(grant("a", "thing2", Some(30)).await.unwrap());
    assert!(grant("a", "thing2", None).await.unwrap());
    assert!(!grant("none", "thing1", Some(40)).await.unwrap());
    bed.store.sync_templates(bed.account, vec![template("a", "2")], NOW).await.unwrap();

    let grants = bed.store.grants().await.unwrap();
    assert_eq!(grants.len(), 1);
    assert_eq!(grants[&(bed.account, "a".to_owned())], [("thing1".to_owned(), 40)]);
    assert!(bed.store.revision().await.unwrap() > revision);
}

pub(crate) async fn messages_are_counted_by_template_and_day(bed: &Bed) {
    bed.accepted("oA").await;
    bed.accepted("oB").await;
    let mut other = bed.draft_to("oC");
    other.template_id = "T2".into();
    bed.store.accept(vec![other.clone()]).await.unwrap();
    let doubled = hongyan_store::NewMessage { client_msg_id: Some("1".into()), ..bed.draft_to("oD") };
    let again = hongyan_store::NewMessage { id: bed.id(), ..doubled.clone() };
    bed.store.accept(vec![doubled, again]).await.unwrap();

    let uses = bed.store.template_uses(bed.account, 30, NOW).await.unwrap();

    assert_eq!(uses, [("T1".to_owned(), 3), ("T2".to_owned(), 1)].into());
    let later = after_s(30 * 86_400);
    assert!(bed.store.template_uses(bed.account, 30, later).await.unwrap().is_empty());
}

pub(crate) async fn a_deleted_account_takes_its_notices_grants_and_applications_along(bed: &Bed) {
    let sync = |templates| bed.store.sync_templates(bed.account, templates, NOW);
    sync(vec![template("a", "1")]).await.unwrap();
    sync(vec![template("a", "2")]).await.unwrap();
    bed.store.grant(bed.account, "a", vec![("thing1".to_owned(), Some(30))], NOW).await.unwrap();
    bed.store.put_industry_change(bed.account, (1, 2), NOW).await.unwrap();
    let application = hongyan_domain::Application::default();
    let id = bed.store.create_application(bed.account, &application, NOW).await.unwrap();
    bed.accepted("oA").await;

    bed.store.delete_account(bed.account, NOW).await.unwrap();

    let store = &bed.store;
    assert!(store.template_notices(bed.account, None, 9).await.unwrap().is_empty());
    assert!(store.grants().await.unwrap().is_empty());
    assert!(store.application(bed.account, id).await.unwrap().is_none());
    assert!(store.industry_changed_at(bed.account).await.unwrap().is_none());
    assert!(store.template_uses(bed.account, 30, NOW).await.unwrap().is_empty());
    assert!(store.template_history(bed.account, "a").await.unwrap().is_none());
    store.put_account(draft("wx1"), NOW).await.unwrap();
}
