//! Applications for custom templates, and the industries' last change.

use hongyan_domain::application::{Answer, Event, Refused};
use hongyan_domain::{AccountId, Application, ApplicationId, ApplicationState, Timestamp};
use hongyan_store::{ApplicationFilter, ApplicationMove, ApplicationRecord, StoreError};

use crate::bed::{Bed, NOW, after_s, draft};

fn sound() -> Application {
    serde_json::from_str(
        r#"{"title": "设备故障通知", "industry": 30, "keywords": [{"name": "设备名称", "type": "thing"}],
            "sample": {"设备名称": "三号电梯"}, "purpose": "报修后发给报修的业主"}"#,
    )
    .unwrap()
}

fn answer(at: Timestamp) -> Answer {
    Answer {
        at,
        reviewer: "李".to_owned(),
        reason: "类目不符".to_owned(),
        template_id: Some("T9".to_owned()),
    }
}

async fn created(bed: &Bed) -> ApplicationId {
    bed.store.create_application(bed.account, &sound(), NOW).await.unwrap()
}

async fn moved(bed: &Bed, id: ApplicationId, event: Event, now: Timestamp) -> ApplicationRecord {
    match bed.store.move_application(bed.account, id, event, now).await.unwrap() {
        ApplicationMove::Moved(record) => *record,
        other => panic!("{other:?}"),
    }
}

async fn submitted(bed: &Bed, now: Timestamp) -> ApplicationId {
    let id = created(bed).await;
    moved(bed, id, Event::Checked, now).await;
    moved(bed, id, Event::Submitted, now).await;
    id
}

pub(crate) async fn an_application_reads_back_with_every_state_it_entered(bed: &Bed) {
    let id = created(bed).await;
    moved(bed, id, Event::Checked, after_s(1)).await;
    moved(bed, id, Event::Checked, after_s(2)).await;
    moved(bed, id, Event::Submitted, after_s(3)).await;

    let rejected = moved(bed, id, Event::Rejected(answer(after_s(4))), after_s(9)).await;

    let found = bed.store.application(bed.account, id).await.unwrap().unwrap();
    assert_eq!(found, rejected);
    assert_eq!((found.id, &found.application), (ApplicationId(1), &sound()));
    assert_eq!((found.created_at, found.updated_at, found.submitted_at), (NOW, after_s(9), Some(after_s(3))));
    let steps: Vec<_> = found.steps.iter().map(|step| (step.state.as_str(), step.at)).collect();
    let expected =
        [("draft", NOW), ("checked", after_s(1)), ("submitted", after_s(3)), ("rejected", after_s(4))];
    assert_eq!(steps, expected);
    let last = found.steps.last().unwrap();
    assert_eq!((last.reviewer.as_deref(), last.reason.as_deref()), (Some("李"), Some("类目不符")));
    assert_eq!(last.template_id.as_deref(), Some("T9"));
}

pub(crate) async fn a_changed_application_is_a_draft_again_with_the_new_body(bed: &Bed) {
    let id = created(bed).await;
    moved(bed, id, Event::Checked, NOW).await;
    let changed = Application { title: "设备恢复通知".to_owned(), ..sound() };

    let record = moved(bed, id, Event::Edited(Box::new(changed.clone())), after_s(1)).await;

    assert_eq!((record.state, record.application), (ApplicationState::Draft, changed));
}

pub(crate) async fn what_is_not_possible_changes_nothing(bed: &Bed) {
    let id = created(bed).await;

    let refused = bed.store.move_application(bed.account, id, Event::Submitted, after_s(1)).await.unwrap();
    let unknown =
        bed.store.move_application(bed.account, ApplicationId(9), Event::Checked, NOW).await.unwrap();

    assert_eq!(refused, ApplicationMove::Refused(Refused::State(ApplicationState::Draft)));
    assert_eq!(unknown, ApplicationMove::Unknown);
    let found = bed.store.application(bed.account, id).await.unwrap().unwrap();
    assert_eq!((found.updated_at, found.steps.len()), (NOW, 1));
}

pub(crate) async fn three_submits_fill_a_month_of_one_account_even_at_once(bed: &Bed) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        let id = created(bed).await;
        moved(bed, id, Event::Checked, NOW).await;
        ids.push(id);
    }

    let submit = |id| bed.store.move_application(bed.account, id, Event::Submitted, NOW);
    let (a, b, c, d, e) =
        tokio::join!(submit(ids[0]), submit(ids[1]), submit(ids[2]), submit(ids[3]), submit(ids[4]));

    let all = [a, b, c, d, e].map(Result::unwrap);
    let full = ApplicationMove::Refused(Refused::MonthIsFull { allowed_at: NOW.next_month() });
    assert_eq!(all.iter().filter(|answer| **answer == full).count(), 2, "{all:?}");
    let waiting = ApplicationFilter { state: Some(ApplicationState::Checked), before: None, limit: 9 };
    let waiting = bed.store.applications(bed.account, waiting).await.unwrap();
    assert_eq!(waiting.len(), 2);
    assert_eq!(bed.store.application_submits(bed.account, NOW).await.unwrap(), 3);
    assert_eq!(bed.store.application_submits(bed.account, NOW.next_month()).await.unwrap(), 0);
    moved(bed, waiting[0].id, Event::Submitted, NOW.next_month()).await;
    let other = bed.store.put_account(draft("wx2"), NOW).await.unwrap().id;
    let id = bed.store.create_application(other, &sound(), NOW).await.unwrap();
    for event in [Event::Checked, Event::Submitted] {
        let answer = bed.store.move_application(other, id, event, NOW).await.unwrap();
        assert!(matches!(answer, ApplicationMove::Moved(_)), "{answer:?}");
    }
}

pub(crate) async fn applications_are_listed_from_the_newest_by_state_and_page(bed: &Bed) {
    let first = submitted(bed, NOW).await;
    let second = created(bed).await;
    let list = |filter| bed.store.applications(bed.account, filter);
    let all = ApplicationFilter { limit: 9, ..ApplicationFilter::default() };

    let ids = |page: Vec<ApplicationRecord>| page.into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(list(all).await.unwrap()), [second, first]);
    assert_eq!(ids(list(ApplicationFilter { limit: 1, ..all }).await.unwrap()), [second]);
    assert_eq!(ids(list(ApplicationFilter { before: Some(second), ..all }).await.unwrap()), [first]);
    let drafts = ApplicationFilter { state: Some(ApplicationState::Draft), ..all };
    assert_eq!(ids(list(drafts).await.unwrap()), [second]);
    assert_eq!(ids(bed.store.applications(AccountId(99), all).await.unwrap()), []);
}

pub(crate) async fn an_application_over_its_bounds_is_refused(bed: &Bed) {
    let long = Application { purpose: "长".repeat(6_000), ..sound() };
    let id = created(bed).await;

    let created_long = bed.store.create_application(bed.account, &long, NOW).await;
    let edited = bed.store.move_application(bed.account, id, Event::Edited(Box::new(long)), NOW).await;
    let nowhere = bed.store.create_application(AccountId(99), &sound(), NOW).await;
    for _ in 1..100 {
        created(bed).await;
    }
    let another = bed.store.create_application(bed.account, &sound(), NOW).await;

    assert!(matches!(created_long, Err(StoreError::Invalid(_))), "{created_long:?}");
    assert!(matches!(edited, Err(StoreError::Invalid(_))), "{edited:?}");
    assert!(matches!(nowhere, Err(StoreError::NoAccount(_))), "{nowhere:?}");
    assert!(matches!(another, Err(StoreError::Invalid(_))), "{another:?}");
}

pub(crate) async fn the_last_change_of_the_industries_is_kept(bed: &Bed) {
    assert_eq!(bed.store.industry_changed_at(bed.account).await.unwrap(), None);

    bed.store.put_industry_change(bed.account, (1, 2), NOW).await.unwrap();
    bed.store.put_industry_change(bed.account, (3, 4), after_s(5)).await.unwrap();

    assert_eq!(bed.store.industry_changed_at(bed.account).await.unwrap(), Some(after_s(5)));
}
