//! Finished messages for a benchmark: put in by the store's own accept and settle, so that no row differs from a real one.

use std::time::Duration;

use anyhow::Result;
use hongyan_domain::id::MessageIds;
use hongyan_domain::{
    AccountId, Category, Cause, Content, DeliveryStatus, Event, Lane, MessageId, OnUnknown, Openid, Outcome,
    SentAs, Standing, State, Timestamp, decide,
};
use hongyan_store::{Dispatch, MAX_BATCH, NewMessage, Receipt, Settlement, Store};

use crate::bench::cast::{self, Cast};
use crate::local;

/// The first was accepted so long ago: before the days that counters show, within what retention keeps.
const AGE: Duration = Duration::from_secs(10 * 86_400);
/// And the last so much later, where they are mixed.
const OVER: Duration = Duration::from_secs(8 * 86_400);
/// WeChat's numbers begin here.
const MSGIDS: u64 = 3_000_000_000_000_000_000;

/// Of the template and the scenario that went out of use after the first hundredth.
pub(super) const OLD_TEMPLATE: &str = "TemplateThatWentOutOfUse";
pub(super) const OLD_SCENARIO: &str = "notice_of_old";
/// Of every third.
pub(super) const SCENARIO: &str = "order_paid";
/// What every thousandth was answered.
pub(super) const ERRCODE: i64 = 43004;

/// How they differ from one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mix {
    /// Not at all: delivered in one moment.
    Alike,
    /// As people look for them: over days, with ids of the caller's, receipts, scenarios, and some that failed.
    Mixed,
}

/// Finished messages to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished {
    pub(super) rows: usize,
    pub(super) mix: Mix,
}

impl Finished {
    /// Puts them into the first account of a store.
    pub(super) async fn put(self, store: &Store, cast: &Cast) -> Result<()> {
        let accounts = store.accounts().await?;
        let Some(account) = accounts.first() else { return Ok(()) };
        let begin = local::now().minus(AGE);
        let mut ids = MessageIds::new(0, store.last_message_id().await?);
        for from in (0..self.rows).step_by(MAX_BATCH) {
            let mut batch = Vec::with_capacity(MAX_BATCH);
            for n in from..self.rows.min(from + MAX_BATCH) {
                let at = self.at(begin, n);
                batch.push(self.dressed(message(cast, (account.id, ids.next(at)), n, at)?, n));
            }
            let numbered = || (from..).zip(&batch);
            let settled = numbered().map(|(n, message)| self.settlement(message, n)).collect();
            let receipts: Vec<_> = numbered().filter_map(|(n, message)| self.receipt(message, n)).collect();
            store.accept(batch).await?;
            store.settle(settled, vec![]).await?;
            if !receipts.is_empty() {
                store.receive(receipts).await?;
            }
        }
        while store.fold_series().await? > 0 {}
        Ok(())
    }

    /// When message `n` was accepted.
    pub(super) fn at(self, begin: Timestamp, n: usize) -> Timestamp {
        match self.mix {
            Mix::Alike => begin,
            Mix::Mixed => begin.plus(OVER.mul_f64(n as f64 / self.rows as f64)),
        }
    }

    /// When the first was accepted, if they are put in now.
    pub(super) fn begin() -> Timestamp {
        local::now().minus(AGE)
    }

    fn is_old(self, n: usize) -> bool {
        n < self.rows / 100 && n.is_multiple_of(100)
    }

    fn fails(self, n: usize) -> bool {
        self.mix == Mix::Mixed && n % 1_000 == 999
    }

    fn dressed(self, message: NewMessage, n: usize) -> NewMessage {
        if self.mix == Mix::Alike {
            return message;
        }
        let client_msg_id = Some(client_msg_id(n));
        if self.is_old(n) {
            let (template_id, scenario) = (OLD_TEMPLATE.into(), Some(OLD_SCENARIO.into()));
            return NewMessage { client_msg_id, template_id, scenario, ..message };
        }
        let scenario = n.is_multiple_of(3).then(|| SCENARIO.into());
        NewMessage { client_msg_id, scenario, ..message }
    }

    /// Taken by WeChat, and delivered in one step where they are alike; or refused.
    fn settlement(self, message: &NewMessage, n: usize) -> Settlement {
        let at = message.accepted_at;
        let outcome = match self.fails(n) {
            true => Outcome::Refused { cause: Cause::NotFollowing },
            false => Outcome::Sent { msgid: Some(msgid(n)), how: SentAs::Accepted },
        };
        let from =
            Standing { state: State::Claimed, attempts: 0, doubt_since: None, on_unknown: OnUnknown::Park };
        let answered = Event::Answered { claimed_at: at, outcome };
        let answered = decide(&from, &answered, at).expect("a claimed message may be answered");
        let standing = Standing { state: answered.to, attempts: answered.attempts, ..from };
        let reported = Event::Reported(DeliveryStatus::Success);
        let to = match self.mix {
            Mix::Alike => decide(&standing, &reported, at).expect("a sent message may be reported"),
            Mix::Mixed => answered,
        };
        let dispatch = Some(self.dispatch(at, n));
        let (account, message) = (message.account, message.id);
        Settlement { account, message, from, to, claim: None, at, dispatch, refused: None, taken: None }
    }

    fn dispatch(self, at: Timestamp, n: usize) -> Dispatch {
        let fails = self.fails(n);
        Dispatch {
            claimed_at: at,
            outcome: if fails { "refused" } else { "sent" },
            errcode: Some(if fails { ERRCODE } else { 0 }),
            errmsg: None,
            rid: None,
            msgid: (!fails).then(|| msgid(n)),
            took_ms: 300,
            paused_ms: None,
        }
    }

    fn receipt(self, message: &NewMessage, n: usize) -> Option<Receipt> {
        if self.mix == Mix::Alike || self.fails(n) {
            return None;
        }
        let at = message.accepted_at;
        Some(Receipt {
            account: message.account,
            openid: message.openid.clone(),
            msgid: Some(msgid(n)),
            status: DeliveryStatus::Success,
            raw: String::new(),
            created_at: at,
            received_at: at,
        })
    }
}

/// WeChat's number of message `n`.
pub(super) fn msgid(n: usize) -> u64 {
    MSGIDS + n as u64
}

/// The caller's id of message `n`.
pub(super) fn client_msg_id(n: usize) -> String {
    format!("order-{n}-paid")
}

fn message(cast: &Cast, key: (AccountId, MessageId), n: usize, at: Timestamp) -> Result<NewMessage> {
    let mut data = Vec::with_capacity(256);
    cast::write_data(n, &mut data);
    let url = Some(format!("https://shop.example.com/orders/{n}?utm_source=wechat"));
    Ok(NewMessage {
        account: key.0,
        id: key.1,
        client_msg_id: None,
        openid: Openid::new(cast.openid(n))?,
        template_id: cast.account(n).template_id.as_str().into(),
        content: Content { url, miniprogram: None, data: String::from_utf8(data)?.into() },
        lane: Lane::Normal,
        scenario: None,
        category: Category::Service,
        verdicts: Vec::new(),
        basis: None,
        accepted_at: at,
        due_at: at,
        deadline_at: at,
        expires_at: None,
        on_unknown: OnUnknown::Park,
        marks: Default::default(),
        asking: None,
        ties: None,
        given: String::new(),
    })
}
