//! What is known of people, the rules they are judged by, and the claims that take from them.

use hongyan_domain::policy::{Mode, Policies, Policy, Rule};
use hongyan_domain::{
    Category, Cause, InteractionKind, Miniprogram, Outcome, Reason, Recipient, State, Suppression, Timestamp,
    Transition,
};
use hongyan_store::{Claimed, Interaction, NewMessage, PolicyChange, Sign, SuppressedFor, Which};
use serde_json::json;

use crate::bed::{Bed, NOW, after_s, openid, standing};

async fn acted(bed: &Bed, to: &str, kind: InteractionKind) {
    learned(bed, to, Sign::Acted(kind), NOW).await;
}

async fn learned(bed: &Bed, to: &str, sign: Sign, at: Timestamp) {
    let interaction = Interaction { account: bed.account, openid: openid(to), sign, at };
    bed.store.interact(vec![interaction]).await.unwrap();
}

async fn known(bed: &Bed, to: &str) -> Recipient {
    (*bed.store.recipients(vec![(bed.account, openid(to))]).await.unwrap().remove(0)).clone()
}

/// Claims messages of one batch by the house rules.
async fn claim(bed: &Bed, batch: Vec<hongyan_store::NewMessage>) -> Vec<Claimed> {
    let ready: Vec<_> = batch.iter().map(hongyan_store::NewMessage::ready).collect();
    bed.store.accept(batch).await.unwrap();
    let policies = Policies::new(Policy::house);
    bed.store.claim(&[bed.claim_of(bed.claim_id(), &ready, &policies)]).await.unwrap()
}

/// Messages of different content to one person.
fn drafts(bed: &Bed, to: &str, count: usize) -> Vec<hongyan_store::NewMessage> {
    let draft = |number| {
        let mut new = bed.draft_to(to);
        new.content.data = format!(r#"{{"thing1":{{"value":"{number}"}}}}"#).into();
        new
    };
    (0..count).map(draft).collect()
}

fn gone(answers: &[Claimed]) -> usize {
    answers.iter().filter(|answer| matches!(answer, Claimed::Go(Some(_)))).count()
}

pub(crate) async fn of_one_never_heard_of_nothing_is_known(bed: &Bed) {
    assert_eq!(known(bed, "oNobody").await, Recipient::default());
}

pub(crate) async fn an_interaction_opens_its_window_and_the_first_of_an_account_is_noticed(bed: &Bed) {
    let before = bed.store.revision().await.unwrap();
    assert_eq!(bed.store.accounts_with_interactions().await.unwrap(), []);

    acted(bed, "oA", InteractionKind::MenuClick).await;
    let after = bed.store.revision().await.unwrap();
    acted(bed, "oB", InteractionKind::MenuClick).await;

    assert_eq!(known(bed, "oA").await.opened()[0].at, NOW);
    assert_eq!(bed.store.accounts_with_interactions().await.unwrap(), [bed.account]);
    assert!(after > before);
    assert_eq!(bed.store.revision().await.unwrap(), after);
}

pub(crate) async fn a_message_that_proves_something_makes_the_first_of_an_account_known_too(bed: &Bed) {
    let before = bed.store.revision().await.unwrap();
    let proving = || NewMessage { basis: Some(InteractionKind::Payment), ..bed.draft_to("oA") };

    bed.store.accept(vec![bed.draft_to("oA")]).await.unwrap();
    assert_eq!(bed.store.accounts_with_interactions().await.unwrap(), []);
    bed.store.accept(vec![proving(), proving()]).await.unwrap();
    let after = bed.store.revision().await.unwrap();
    bed.store.accept(vec![proving()]).await.unwrap();

    assert_eq!(bed.store.accounts_with_interactions().await.unwrap(), [bed.account]);
    assert!(after > before);
    assert_eq!(bed.store.revision().await.unwrap(), after);
}

pub(crate) async fn the_same_text_that_leads_to_another_page_is_no_repetition(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA", InteractionKind::Payment).await;
    let leading_to = |page: &str| {
        let mut new = bed.draft_to("oA");
        let (appid, pagepath) = ("wxmini".to_owned(), Some(page.to_owned()));
        new.content.miniprogram = Some(Miniprogram { appid, pagepath });
        new
    };
    let pages = ["pages/order?id=1", "pages/order?id=2", "pages/order?id=1"];

    let answers = claim(bed, pages.map(leading_to).to_vec()).await;

    let repeated =
        |answer: &Claimed| matches!(answer, Claimed::Moved(Transition { cause: Some(Cause::Repeat), .. }));
    assert_eq!(answers.iter().map(repeated).collect::<Vec<_>>(), [false, false, true], "{answers:?}");
}

pub(crate) async fn who_leaves_is_suppressed_until_they_are_seen_again(bed: &Bed) {
    learned(bed, "oA", Sign::Left, NOW).await;
    let gone = bed.store.suppressed(bed.account, None, 10).await.unwrap().items;
    learned(bed, "oA", Sign::Seen, after_s(1)).await;

    assert_eq!((gone.len(), gone[0].suppressions[0].reason), (1, Reason::Unsubscribed));
    assert!(bed.store.suppressed(bed.account, None, 10).await.unwrap().items.is_empty());
}

pub(crate) async fn the_suppression_list_is_paged_and_lifted(bed: &Bed) {
    let suppression =
        Suppression { reason: Reason::Manual, category: None, since: NOW, until: None, source: None };
    let people = (0..5).map(|number| (openid(&format!("o{number}")), suppression)).collect();
    bed.store.suppress(bed.account, people).await.unwrap();

    let (mut seen, mut cursor) = (0, None);
    loop {
        let page = bed.store.suppressed(bed.account, cursor.as_deref(), 2).await.unwrap();
        seen += page.items.len();
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }

    assert_eq!(seen, 5);
    let lift = async |which: Which| bed.store.lift(bed.account, &openid("o1"), which, NOW).await.unwrap();
    assert_eq!(lift(Which { reason: Some(Reason::Complained), ..Which::default() }).await, 0);
    assert_eq!(lift(Which { about: SuppressedFor::Only(Category::Marketing), ..Which::default() }).await, 0);
    assert_eq!(lift(Which { about: SuppressedFor::AllMessages, ..Which::default() }).await, 1);
    assert_eq!(bed.store.suppressed(bed.account, None, 10).await.unwrap().items.len(), 4);
    assert!(bed.store.suppressed(bed.account, Some("nonsense"), 10).await.is_err());
}

pub(crate) async fn a_claim_lets_three_of_ten_through_on_a_day_of_three(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA", InteractionKind::MenuClick).await;

    let answers = claim(bed, drafts(bed, "oA", 10)).await;

    assert_eq!(gone(&answers), 3);
    let ended = |answer: &&Claimed| {
        matches!(answer, Claimed::Moved(Transition { to: State::Suppressed, cause: Some(Cause::Reach), .. }))
    };
    assert_eq!(answers.iter().filter(ended).count(), 7);
    assert_eq!(bed.store.open_claims().await.unwrap()[0].messages.len(), 3);
}

pub(crate) async fn claims_at_the_same_time_take_no_more_than_there_is(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA", InteractionKind::MenuClick).await;
    let some = || claim(bed, drafts(bed, "oA", 10));

    let (first, second, third) = tokio::join!(some(), some(), some());

    assert_eq!(gone(&[first, second, third].concat()), 3);
}

pub(crate) async fn what_a_refused_send_took_is_given_back_with_its_settlement(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA", InteractionKind::ScanSubscribe).await;
    let (first, second) = (drafts(bed, "oA", 1), drafts(bed, "oA", 1));
    let id = first[0].id;
    let Claimed::Go(taken) = claim(bed, first).await[0] else { panic!("it may go") };
    let outcome = Outcome::Refused { cause: Cause::ArgumentInvalid };
    let settlement = bed.settlement(id, standing(State::Claimed, 0), &outcome, NOW);

    bed.store.settle(vec![hongyan_store::Settlement { taken, ..settlement }], vec![]).await.unwrap();

    assert_eq!(gone(&claim(bed, second).await), 1);
}

pub(crate) async fn an_open_claim_tells_what_it_took(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA", InteractionKind::MenuClick).await;

    let answers = claim(bed, drafts(bed, "oA", 1)).await;

    let open = bed.store.open_claims().await.unwrap();
    assert_eq!(answers, [Claimed::Go(open[0].messages[0].taken)]);
    assert_eq!(open[0].messages[0].taken.unwrap().window, Some(InteractionKind::MenuClick));
}

pub(crate) async fn a_receipt_of_a_block_puts_its_person_on_the_list(bed: &Bed) {
    let _owner = bed.own().await;
    acted(bed, "oA", InteractionKind::MenuClick).await;
    let draft = drafts(bed, "oA", 1);
    let id = draft[0].id;
    claim(bed, draft).await;
    bed.settle_sent(id, Some(7)).await;
    let mut receipt = bed.receipt("oA", Some(7));
    receipt.status = hongyan_domain::DeliveryStatus::UserBlocked;

    bed.store.receive(vec![receipt]).await.unwrap();

    assert_eq!(known(bed, "oA").await.suppressions()[0].reason, Reason::UserBlocked);
}

pub(crate) async fn policies_come_general_first_and_an_empty_change_takes_one_away(bed: &Bed) {
    let change = |account, mode: Mode| PolicyChange {
        account,
        category: None,
        rule: Rule::Reach,
        change: json!({ "mode": mode }).as_object().cloned().unwrap(),
    };
    bed.store.put_policy(change(Some(bed.account), Mode::Off), NOW).await.unwrap();
    bed.store.put_policy(change(None, Mode::Observe), NOW).await.unwrap();
    bed.store.put_policy(change(None, Mode::Enforce), NOW).await.unwrap();

    let all = bed.store.policy_changes().await.unwrap();
    let none = PolicyChange { change: serde_json::Map::new(), ..change(None, Mode::Off) };
    bed.store.put_policy(none, NOW).await.unwrap();

    assert_eq!(all, [change(None, Mode::Enforce), change(Some(bed.account), Mode::Off)]);
    assert_eq!(bed.store.policy_changes().await.unwrap().len(), 1);
}

pub(crate) async fn scenarios_keep_every_text(bed: &Bed) {
    let put = |text: &str| bed.store.put_scenario(bed.account, "paid", text.to_owned(), NOW);
    put("1").await.unwrap();
    put("1").await.unwrap();
    put("2").await.unwrap();

    assert_eq!(bed.store.scenarios().await.unwrap()[0].definition, "2");
    assert!(bed.store.remove_scenario(bed.account, "paid", NOW).await.unwrap());
    assert!(!bed.store.remove_scenario(bed.account, "paid", NOW).await.unwrap());
    assert!(bed.store.scenarios().await.unwrap().is_empty());
    let versions = bed.store.scenario_versions(bed.account, "paid").await.unwrap();
    assert_eq!(versions.iter().map(|one| one.version).collect::<Vec<_>>(), [2, 1]);
}
