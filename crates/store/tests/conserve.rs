//! Whatever happens in whatever order: a message is in exactly one state, counters equal the ledger, and nothing
//! leaves a final state but `unknown`.
#![allow(clippy::unwrap_used, reason = "a test may: it fails")]

use std::collections::HashMap;

use hongyan_domain::policy::Policies;
use hongyan_domain::{
    AccountId, AccountKind, Appid, Category, Cause, Content, DeliveryStatus, Event, Lane, MessageId,
    OnUnknown, Openid, Outcome, SentAs, State, Timestamp, decide,
};
use hongyan_store::{
    AccountDraft, Claim, ClaimId, Dispatch, MasterKey, MessageFilter, NewMessage, Receipt, Secret, Settings,
    Settlement, Store, TokenSource,
};
use proptest::prelude::*;
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
        self.store.accept(vec![self.draft(number)]).await.unwrap();
        self.seen.entry(id(number)).or_insert(State::Pending);
    }

    fn draft(&self, number: i64) -> NewMessage {
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
            accepted_at: self.now,
            due_at: self.now,
            deadline_at: self.now,
            expires_at: None,
            on_unknown: OnUnknown::Park,
            marks: Default::default(),
            asking: None,
            ties: None,
            given: String::new(),
        }
    }

    async fn claim(&mut self, number: i64) {
        let (messages, policies) = (&[self.draft(number).ready()], &Policies::off());
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
        let word = outcome.as_str();
        let to =
            decide(&ready.standing, &Event::Answered { claimed_at: claim.at, outcome }, self.now).unwrap();
        let dispatch = Dispatch {
            claimed_at: claim.at,
            outcome: word,
            errcode: None,
            errmsg: None,
            rid: None,
            msgid,
            took_ms: 1,
            paused_ms: None,
        };
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

async fn live(steps: Vec<Step>) {
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
    let _owner = store.own(START).await.unwrap();
    let mut world = World { store, now: START, seen: HashMap::new() };
    for step in steps {
        world.take(step).await;
        world.check().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_are_conserved(steps in proptest::collection::vec(step(), 1..30)) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(live(steps));
    }
}
