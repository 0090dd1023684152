//! Whatever happens in whatever order: a message is in exactly one state, counters equal the ledger, and nothing
//! leaves a final state but `unknown`. And nobody gets more in a day than the rules allow, whatever is claimed at once.
#![allow(clippy::unwrap_used, reason = "a test may: it fails")]

use std::collections::HashMap;

use hongyan_domain::policy::Policies;
use hongyan_domain::{
    AccountId, AccountKind, Appid, Category, Cause, Content, DeliveryStatus, Event, InteractionKind, Lane,
    MessageId, OnUnknown, Openid, Outcome, Policy, SentAs, Standing, State, Taken, Timestamp, decide,
};
use hongyan_store::{
    AccountDraft, Claim, ClaimId, Claimed, Dispatch, Interaction, MasterKey, MessageFilter, NewMessage,
    Ready, Receipt, Secret, Settings, Settlement, Sign, Store, TokenSource,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rand::SeedableRng;
use rand::rngs::StdRng;

const START: Timestamp = Timestamp::from_ms(1_790_000_000_000);
const ACCOUNT: AccountId = AccountId(1);

/// Something that happens to the message of this number.
#[derive(Clone, Copy, Debug)]
enum Step {
    Accept(i64),
    Claim(i64),
    Answer(i64, Answer),
    Receive(i64, Named),
    Cancel(i64),
    Unreported,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Sent,
    SentUnnamed,
    Refused,
    Retry,
    Silence,
}

#[derive(Clone, Copy, Debug)]
enum Named {
    ByMsgid,
    ByPerson,
}

fn step() -> impl Strategy<Value = Step> {
    let message = 1..6_i64;
    let answer = prop_oneof![
        3 => Just(Answer::Sent),
        1 => Just(Answer::SentUnnamed),
        1 => Just(Answer::Refused),
        1 => Just(Answer::Retry),
        2 => Just(Answer::Silence),
    ];
    let named = prop_oneof![Just(Named::ByMsgid), Just(Named::ByPerson)];
    prop_oneof![
        3 => message.clone().prop_map(Step::Accept),
        3 => message.clone().prop_map(Step::Claim),
        5 => (message.clone(), answer).prop_map(|(message, answer)| Step::Answer(message, answer)),
        3 => (message.clone(), named).prop_map(|(message, named)| Step::Receive(message, named)),
        1 => message.prop_map(Step::Cancel),
        1 => Just(Step::Unreported),
    ]
}

struct World {
    store: Store,
    now: Timestamp,
    seen: HashMap<MessageId, State>,
}

fn id(number: i64) -> MessageId {
    MessageId::from_raw(number).unwrap()
}

/// Two messages share a person.
fn person(number: i64) -> Openid {
    Openid::new(&format!("o{}", number / 2)).unwrap()
}

fn draft(number: i64, now: Timestamp) -> NewMessage {
    NewMessage {
        account: ACCOUNT,
        id: id(number),
        client_msg_id: Some(format!("c{number}")),
        openid: person(number),
        template_id: "T".into(),
        content: Content { url: None, miniprogram: None, data: "{}".into() },
        lane: Lane::Normal,
        scenario: None,
        category: Category::Service,
        verdicts: Vec::new(),
        basis: None,
        accepted_at: now,
        due_at: now,
        deadline_at: now,
        expires_at: None,
        on_unknown: OnUnknown::Park,
        marks: Default::default(),
        in_memory: false,
        recipient: None,
        asking: None,
        ties: None,
        given: String::new(),
    }
}

fn dispatch(outcome: &Outcome, claimed_at: Timestamp) -> Dispatch {
    let msgid = match outcome {
        Outcome::Sent { msgid, .. } => *msgid,
        _ => None,
    };
    Dispatch {
        claimed_at,
        outcome: outcome.as_str(),
        errcode: None,
        errmsg: None,
        rid: None,
        msgid,
        took_ms: 1,
        paused_ms: None,
    }
}

impl World {
    async fn take(&mut self, step: Step) {
        self.now = Timestamp::from_ms(self.now.ms() + 60_000);
        match step {
            Step::Accept(number) => self.accept(number).await,
            Step::Claim(number) => self.claim(number).await,
            Step::Answer(number, answer) => self.answer(number, answer).await,
            Step::Receive(number, named) => self.receive(number, named).await,
            Step::Cancel(number) => drop(self.store.cancel(ACCOUNT, id(number), self.now).await.unwrap()),
            Step::Unreported => self.give_up_receipts().await,
        }
    }

    async fn accept(&mut self, number: i64) {
        self.store.accept(vec![draft(number, self.now)]).await.unwrap();
        self.seen.entry(id(number)).or_insert(State::Pending);
    }

    async fn claim(&mut self, number: i64) {
        let (messages, policies) = (&[draft(number, self.now).ready()], &Policies::off());
        let claim = Claim { account: ACCOUNT, id: ClaimId(self.now.ms()), at: self.now, messages, policies };
        self.store.claim(&[claim]).await.unwrap();
    }

    async fn answer(&mut self, number: i64, answer: Answer) {
        let open = self.store.open_claims().await.unwrap();
        let held = open.iter().find_map(|claim| {
            claim.messages.iter().find(|ready| ready.id == id(number)).map(|ready| (claim, ready))
        });
        let Some((claim, ready)) = held else { return };
        let msgid = matches!(answer, Answer::Sent).then_some(number.unsigned_abs());
        let outcome = match answer {
            Answer::Sent | Answer::SentUnnamed => Outcome::Sent { msgid, how: SentAs::Accepted },
            Answer::Refused => Outcome::Refused { cause: Cause::NotFollowing },
            Answer::Retry => Outcome::Retry { after: std::time::Duration::from_secs(1), cause: Cause::Busy },
            Answer::Silence => Outcome::Unknown,
        };
        let dispatch = dispatch(&outcome, claim.at);
        let to =
            decide(&ready.standing, &Event::Answered { claimed_at: claim.at, outcome }, self.now).unwrap();
        let settlement = Settlement {
            account: ACCOUNT,
            message: id(number),
            from: ready.standing,
            to,
            claim: Some(claim.claim),
            at: self.now,
            dispatch: Some(dispatch),
            refused: None,
            taken: ready.taken,
        };
        self.store.settle(vec![settlement], vec![(ACCOUNT, claim.claim)]).await.unwrap();
    }

    async fn receive(&mut self, number: i64, named: Named) {
        let receipt = Receipt {
            account: ACCOUNT,
            openid: person(number),
            msgid: matches!(named, Named::ByMsgid).then_some(number.unsigned_abs()),
            status: DeliveryStatus::Success,
            raw: String::new(),
            created_at: self.now,
            received_at: self.now,
        };
        self.store.receive(vec![receipt]).await.unwrap();
    }

    async fn give_up_receipts(&mut self) {
        let old =
            self.store.unreported(self.now.minus(std::time::Duration::from_secs(600)), 100).await.unwrap();
        let give_up = old.into_iter().map(|old| Settlement {
            account: old.account,
            message: old.message,
            from: old.standing,
            to: decide(&old.standing, &Event::Unreported, self.now).unwrap(),
            claim: None,
            at: self.now,
            dispatch: None,
            refused: None,
            taken: None,
        });
        self.store.settle(give_up.collect(), vec![]).await.unwrap();
    }

    async fn check(&mut self) {
        let page = self.store.find_messages(&MessageFilter::default(), None, 500).await.unwrap();
        assert_eq!(page.items.len(), self.seen.len(), "every accepted message is there once");
        for item in &page.items {
            let before = self.seen.insert(item.id, item.standing.state).expect("it was accepted");
            let may_leave = !before.is_final() || before == State::Unknown || before == item.standing.state;
            assert!(may_leave, "{} left {before:?} for {:?}", item.id, item.standing.state);
        }
        assert_eq!(self.store.check_tally().await.unwrap(), []);
        let counted: i64 =
            self.store.tally(0..i64::MAX, None).await.unwrap().iter().map(|row| row.count).sum();
        assert_eq!(counted, i64::try_from(self.seen.len()).unwrap());
    }
}

async fn opened() -> (tempfile::TempDir, Store) {
    let dir = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite:{}", dir.path().join("test.db").display());
    let key = MasterKey::generate(&mut StdRng::seed_from_u64(1));
    let store = Store::open(Settings::new(url, key), START).await.unwrap();
    let draft = AccountDraft {
        appid: Appid::new("wx1").unwrap(),
        name: "wx1".to_owned(),
        kind: AccountKind::Service,
        verified: true,
        secret: Secret::new("s"),
        callback: None,
        limits: None,
        proxy: None,
        token_source: TokenSource::Stable,
        paused: None,
    };
    store.put_account(draft, START).await.unwrap();
    (dir, store)
}

async fn live(steps: Vec<Step>) {
    let (_dir, store) = opened().await;
    let _owner = store.own(START).await.unwrap();
    let mut world = World { store, now: START, seen: HashMap::new() };
    for step in steps {
        world.take(step).await;
        world.check().await;
    }
}

/// What happens at once on a day on which a person may get three: so many messages are claimed, one claim each, and
/// of those under way some are answered.
#[derive(Clone, Debug)]
struct Rush {
    claims: Vec<usize>,
    answers: Vec<(Index, bool)>,
}

fn rush() -> impl Strategy<Value = Rush> {
    let answers = proptest::collection::vec((any::<Index>(), prop::bool::weighted(0.8)), 0..4);
    (proptest::collection::vec(1..5_usize, 0..4), answers)
        .prop_map(|(claims, answers)| Rush { claims, answers })
}

/// A message that was let go and not answered yet.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    message: MessageId,
    claim: ClaimId,
    taken: Option<Taken>,
}

/// A message like no other, to the one person.
fn distinct(number: i64) -> NewMessage {
    let data = format!(r#"{{"thing1":{{"value":"{number}"}}}}"#).into();
    let content = Content { url: None, miniprogram: None, data };
    NewMessage { openid: person(0), content, ..draft(number, START) }
}

/// Accepts so many and claims them by the house rules.
async fn claimed(store: Store, first: i64, count: usize) -> Vec<UnderWay> {
    let batch: Vec<_> = (first..).take(count).map(distinct).collect();
    let messages: Vec<_> = batch.iter().map(NewMessage::ready).collect();
    store.accept(batch).await.unwrap();
    let (claim, policies) = (ClaimId(first), Policies::new(Policy::house));
    let asked = Claim { account: ACCOUNT, id: claim, at: START, messages: &messages, policies: &policies };
    let answers = store.claim(&[asked]).await.unwrap();
    let gone = |(ready, answer): (&Ready, Claimed)| match answer {
        Claimed::Go(taken) => Some(UnderWay { message: ready.id, claim, taken }),
        _ => None,
    };
    messages.iter().zip(answers).filter_map(gone).collect()
}

/// WeChat took it, or certainly did not.
async fn answered(store: Store, one: UnderWay, fails: bool) {
    let outcome = match fails {
        true => Outcome::Refused { cause: Cause::ArgumentInvalid },
        false => Outcome::Sent { msgid: Some(one.message.raw().unsigned_abs()), how: SentAs::Accepted },
    };
    let from = Standing { state: State::Claimed, ..distinct(1).ready().standing };
    let to = decide(&from, &Event::Answered { claimed_at: START, outcome: outcome.clone() }, START).unwrap();
    let settlement = Settlement {
        account: ACCOUNT,
        message: one.message,
        from,
        to,
        claim: Some(one.claim),
        at: START,
        dispatch: Some(dispatch(&outcome, START)),
        refused: None,
        taken: one.taken,
    };
    store.settle(vec![settlement], vec![]).await.unwrap();
}

async fn a_day_of_three(kind: InteractionKind, rushes: Vec<Rush>) {
    let (_dir, store) = opened().await;
    let _owner = store.own(START).await.unwrap();
    let acted = Interaction { account: ACCOUNT, openid: person(0), sign: Sign::Acted(kind), at: START };
    store.interact(vec![acted]).await.unwrap();
    let (mut under_way, mut sent, mut next) = (Vec::<UnderWay>::new(), 0, 1);
    for Rush { claims, answers } in rushes {
        let mut answering = tokio::task::JoinSet::new();
        for (which, fails) in answers.into_iter().take(under_way.len()) {
            let one = under_way.swap_remove(which.index(under_way.len()));
            sent += usize::from(!fails);
            answering.spawn(answered(store.clone(), one, fails));
        }
        let mut claiming = tokio::task::JoinSet::new();
        for count in claims {
            claiming.spawn(claimed(store.clone(), next, count));
            next += i64::try_from(count).unwrap();
        }
        answering.join_all().await;
        under_way.extend(claiming.join_all().await.into_iter().flatten());
        assert!(sent + under_way.len() <= 3, "{sent} sent and {under_way:?}");
    }
    for one in under_way {
        answered(store.clone(), one, true).await;
    }
    assert_eq!(claimed(store.clone(), next, 10).await.len(), 3 - sent, "what failed has left its room");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// By the window of a click the window and the cap have three; by that of a payment the cap alone has.
    #[test]
    fn never_a_fourth_goes_on_a_day_of_three_and_what_fails_leaves_its_room(
        kind in select(vec![InteractionKind::MenuClick, InteractionKind::Payment]),
        rushes in proptest::collection::vec(rush(), 1..8),
    ) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(a_day_of_three(kind, rushes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_are_conserved(steps in proptest::collection::vec(step(), 1..30)) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(live(steps));
    }
}
