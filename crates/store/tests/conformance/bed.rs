//! A store with one account, and the shortest ways to move a message along.

use std::path::PathBuf;
use std::sync::Mutex;

use hongyan_domain::id::MessageIds;
use hongyan_domain::policy::Policies;
use hongyan_domain::{
    AccountId, AccountKind, Appid, Category, Content, DeliveryStatus, Event, Lane, MessageId, OnUnknown,
    Openid, Outcome, SentAs, Standing, State, Timestamp, decide,
};
use hongyan_store::{
    AccountDraft, CallbackKeys, Claim, ClaimId, Claimed, Dispatch, MasterKey, MessageRecord, NewMessage,
    Ownership, Ready, Receipt, Received, Secret, Settings, Settled, Settlement, Store, TokenSource,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;

pub(crate) const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

pub(crate) fn after_s(seconds: i64) -> Timestamp {
    Timestamp::from_ms(NOW.ms() + seconds * 1000)
}

pub(crate) fn master(seed: u64) -> MasterKey {
    MasterKey::generate(&mut StdRng::seed_from_u64(seed))
}

pub(crate) fn openid(text: &str) -> Openid {
    Openid::new(text).unwrap()
}

pub(crate) struct Bed {
    pub(crate) store: Store,
    pub(crate) account: AccountId,
    dir: TempDir,
    ids: Mutex<MessageIds>,
}

impl Bed {
    pub(crate) async fn sqlite() -> Self {
        let dir = TempDir::new().unwrap();
        let url = format!("sqlite:{}", dir.path().join("test.db").display());
        let store = Store::open(Settings::new(url, master(1)), NOW).await.unwrap();
        let account = store.put_account(draft("wx1"), NOW).await.unwrap().id;
        Self { store, account, dir, ids: Mutex::new(MessageIds::new(0, None)) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("sqlite:{}", self.path(name).display())
    }

    /// Another process's store on the database that has this name too.
    pub(crate) async fn another_by(&self, name: &str) -> hongyan_store::Result<Store> {
        Store::open(Settings::new(self.url(name), master(1)), NOW).await
    }

    /// Changes the database behind the store's back.
    pub(crate) fn spoil(&self, sql: &str) {
        rusqlite::Connection::open(self.path("test.db")).unwrap().execute_batch(sql).unwrap();
    }

    pub(crate) fn id(&self) -> MessageId {
        self.ids.lock().unwrap().next(NOW)
    }

    /// An id as it is given to what is accepted then.
    pub(crate) fn id_at(&self, at: Timestamp) -> MessageId {
        self.ids.lock().unwrap().next(at)
    }

    pub(crate) fn claim_id(&self) -> ClaimId {
        ClaimId(self.id().raw())
    }

    pub(crate) fn draft_to(&self, to: &str) -> NewMessage {
        NewMessage {
            account: self.account,
            id: self.id(),
            client_msg_id: None,
            openid: openid(to),
            recipient: None,
            template_id: "T1".into(),
            content: Content {
                url: None, miniprogram: None, data: r#"{"thing1":{"value":"拿铁"}}"#.into()
            },
            lane: Lane::Normal,
            scenario: None,
            category: Category::Service,
            verdicts: Vec::new(),
            basis: None,
            accepted_at: NOW,
            due_at: NOW,
            deadline_at: after_s(60),
            expires_at: None,
            on_unknown: OnUnknown::Park,
            marks: Default::default(),
            in_memory: false,
            asking: None,
            ties: None,
            given: String::new(),
        }
    }

    /// Accepts a message to `to`.
    pub(crate) async fn accepted(&self, to: &str) -> MessageId {
        let new = self.draft_to(to);
        let id = new.id;
        self.store.accept(vec![new]).await.unwrap();
        id
    }

    pub(crate) async fn own(&self) -> Ownership {
        self.store.own(NOW).await.unwrap()
    }

    /// Claims these; the claim stays open.
    pub(crate) async fn claimed(&self, messages: &[MessageId]) -> ClaimId {
        let id = self.claim_id();
        let messages: Vec<_> = messages.iter().map(|id| self.ready(*id)).collect();
        let policies = Policies::off();
        let answers = self.store.claim(&[self.claim_of(id, &messages, &policies)]).await.unwrap();
        assert!(answers.iter().all(|answer| *answer == Claimed::Go(None)), "{answers:?}");
        id
    }

    /// A claim of messages by these rules.
    pub(crate) fn claim_of<'a>(
        &self,
        id: ClaimId,
        messages: &'a [Ready],
        policies: &'a Policies,
    ) -> Claim<'a> {
        Claim { account: self.account, id, at: NOW, messages, policies }
    }

    /// A message as the dispatcher holds it; nobody asks for what is in it.
    pub(crate) fn ready(&self, id: MessageId) -> Ready {
        Ready { id, ..self.draft_to("nobody").ready() }
    }

    /// Accepts, claims and settles a message as sent under this msgid.
    pub(crate) async fn sent(&self, to: &str, msgid: Option<u64>) -> MessageId {
        let id = self.accepted(to).await;
        assert!(matches!(self.settle_sent(id, msgid).await, Settled::Applied(_)));
        id
    }

    pub(crate) async fn settle_sent(&self, id: MessageId, msgid: Option<u64>) -> Settled {
        let outcome = Outcome::Sent { msgid, how: SentAs::Accepted };
        self.answer(id, standing(State::Claimed, 0), outcome, NOW).await
    }

    pub(crate) async fn answer(
        &self,
        id: MessageId,
        from: Standing,
        outcome: Outcome,
        at: Timestamp,
    ) -> Settled {
        let settlement = self.settlement(id, from, &outcome, at);
        self.store.settle(vec![settlement], vec![]).await.unwrap().settled[0]
    }

    pub(crate) fn settlement(
        &self,
        id: MessageId,
        from: Standing,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Settlement {
        let event = Event::Answered { claimed_at: at, outcome: outcome.clone() };
        let msgid = if let Outcome::Sent { msgid, .. } = outcome { *msgid } else { None };
        let errcode = if let Outcome::Sent { .. } = outcome { Some(0) } else { None };
        Settlement {
            account: self.account,
            message: id,
            from,
            to: decide(&from, &event, at).unwrap(),
            claim: Some(self.claim_id()),
            at,
            dispatch: Some(Dispatch {
                claimed_at: at,
                outcome: outcome.as_str(),
                errcode,
                errmsg: None,
                rid: None,
                msgid,
                took_ms: 7,
                paused_ms: None,
            }),
            refused: None,
            taken: None,
        }
    }

    pub(crate) fn receipt(&self, to: &str, msgid: Option<u64>) -> Receipt {
        Receipt {
            account: self.account,
            openid: openid(to),
            msgid,
            status: DeliveryStatus::Success,
            raw: String::new(),
            created_at: after_s(1),
            received_at: after_s(2),
        }
    }

    pub(crate) async fn receive(&self, receipt: Receipt) -> Received {
        self.store.receive(vec![receipt]).await.unwrap()[0]
    }

    pub(crate) async fn record(&self, id: MessageId) -> MessageRecord {
        self.store.message(id).await.unwrap().expect("the message is there")
    }

    pub(crate) async fn state(&self, id: MessageId) -> State {
        self.record(id).await.standing.state
    }

    pub(crate) async fn counters_equal_the_ledger(&self) {
        assert_eq!(self.store.check_tally().await.unwrap(), []);
    }
}

pub(crate) fn standing(state: State, attempts: u16) -> Standing {
    Standing { state, attempts, doubt_since: None, on_unknown: OnUnknown::Park }
}

pub(crate) fn draft(appid: &str) -> AccountDraft {
    AccountDraft {
        appid: Appid::new(appid).unwrap(),
        name: "咖啡馆".to_owned(),
        kind: AccountKind::Service,
        verified: true,
        secret: Secret::new("app-secret-in-plain"),
        callback: Some(CallbackKeys {
            token: Secret::new("CallbackTokenInPlain"),
            aes_key: Some(Secret::new("K".repeat(43))),
            previous_aes_key: None,
        }),
        limits: None,
        proxy: None,
        token_source: TokenSource::Stable,
        paused: None,
    }
}
