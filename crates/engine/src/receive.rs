//! Steps receive and reconcile: WeChat's callbacks, durable before they are answered.
//!
//! They come in bursts of hundreds a second. They are gathered while the store commits the ones before
//! them, written and matched in one transaction, and only then answered.

use std::sync::Arc;

use hongyan_domain::policy::Policies;
use hongyan_domain::{Category, DeliveryStatus, InteractionKind, Openid, Timestamp, opts_out};
use hongyan_store::{Interaction, Receipt, Received, Sign, StoreError};
use hongyan_wechat::callback;
use tokio::sync::{mpsc, oneshot};

use crate::catalog::Account;
use crate::settle::{count_receipt, count_transition};
use crate::{EngineError, Shared};

/// Callbacks written in one transaction.
const BATCH: usize = 512;

/// A callback that is to be kept, and whoever waits for it to be durable.
pub(crate) struct Incoming {
    told: Told,
    durable: oneshot::Sender<bool>,
}

/// What WeChat told.
enum Told {
    Receipt(Receipt),
    Interaction(Interaction),
}

/// Takes in one event. When this returns `Ok`, WeChat may be answered `success`.
pub(crate) async fn receive(
    shared: &Shared,
    account: &Account,
    push: &callback::Push,
) -> Result<(), EngineError> {
    let Some(told) = told(account, push, shared.clock.now())? else { return Ok(()) };
    let (durable, answer) = oneshot::channel();
    shared.receipts.send(Incoming { told, durable }).await.map_err(|_| EngineError::Stopping)?;
    if answer.await.unwrap_or(false) { Ok(()) } else { Err(EngineError::Unavailable) }
}

/// `None`: nothing follows from it.
fn told(account: &Account, push: &callback::Push, now: Timestamp) -> Result<Option<Told>, EngineError> {
    let openid = Openid::new(push.openid.as_str()).map_err(|_| EngineError::BadCallback)?;
    let policies = &account.policies;
    let (account, created_at) = (account.id(), Timestamp::from_ms(push.created_at_s.saturating_mul(1_000)));
    if let callback::Event::TemplateSendJobFinish { msgid, status, .. } = &push.event {
        let (status, raw) = understood(status);
        let receipt = Receipt { account, openid, msgid: *msgid, status, raw, created_at, received_at: now };
        return Ok(Some(Told::Receipt(receipt)));
    }
    // A clock that runs ahead must not open a window for longer.
    let interaction =
        |sign| Told::Interaction(Interaction { account, openid, sign, at: created_at.min(now) });
    Ok(opted_out(policies, &push.event).or_else(|| sign(&push.event)).map(interaction))
}

/// Whoever writes an opt-out word wants no more. What they wrote is not kept.
fn opted_out(policies: &Policies, event: &callback::Event) -> Option<Sign> {
    let callback::Event::Message { content: Some(text), .. } = event else { return None };
    // The word is about marketing before all: the rule for that is the one that counts.
    let rule = &policies.of(Category::Marketing, None).suppression;
    opts_out(text, &rule.opt_out_words).then(|| Sign::OptedOut(rule.opt_out_of.category()))
}

/// What an event shows of the person (WeChat documents no windows for template messages: these are house rules).
fn sign(event: &callback::Event) -> Option<Sign> {
    use callback::Event;
    Some(match event {
        Event::Subscribe { scene: Some(_) } | Event::Scan { .. } => {
            Sign::Acted(InteractionKind::ScanSubscribe)
        }
        Event::Click { .. } | Event::View { .. } | Event::ViewMiniprogram { .. } => {
            Sign::Acted(InteractionKind::MenuClick)
        }
        Event::Message { .. } => Sign::Acted(InteractionKind::Message),
        // The one payment that WeChat pushes to an account: an order in the account's own shop.
        Event::Other { event } if event == "merchant_order" => Sign::Acted(InteractionKind::Payment),
        Event::Subscribe { scene: None } | Event::Location(_) | Event::SubscriptionPopup(_) => Sign::Seen,
        Event::Unsubscribe | Event::UserAuthorizationCancellation(_) => Sign::Left,
        _ => return None,
    })
}

fn understood(status: &callback::DeliveryStatus) -> (DeliveryStatus, String) {
    use callback::DeliveryStatus as Theirs;
    match status {
        Theirs::Success => (DeliveryStatus::Success, String::new()),
        Theirs::UserBlock => (DeliveryStatus::UserBlocked, String::new()),
        Theirs::SystemFailed => (DeliveryStatus::SystemFailed, String::new()),
        Theirs::FreqLimit => (DeliveryStatus::FreqLimited, String::new()),
        Theirs::Other(raw) => (DeliveryStatus::Other, raw.clone()),
    }
}

/// Writes what comes in until the engine is gone.
pub(crate) async fn run(shared: Arc<Shared>, mut incoming: mpsc::Receiver<Incoming>) {
    let mut batch = Vec::with_capacity(BATCH);
    while incoming.recv_many(&mut batch, BATCH).await > 0 {
        let (mut receipts, mut interactions) = (Waiting::default(), Waiting::default());
        for Incoming { told, durable } in batch.drain(..) {
            match told {
                Told::Receipt(receipt) => receipts.add(receipt, durable),
                Told::Interaction(interaction) => interactions.add(interaction, durable),
            }
        }
        tokio::join!(keep_receipts(&shared, receipts), keep_interactions(&shared, interactions));
    }
}

/// Things to be written and those who wait for that.
struct Waiting<T> {
    things: Vec<T>,
    callers: Vec<oneshot::Sender<bool>>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { things: Vec::new(), callers: Vec::new() }
    }
}

impl<T> Waiting<T> {
    fn add(&mut self, thing: T, caller: oneshot::Sender<bool>) {
        self.things.push(thing);
        self.callers.push(caller);
    }
}

async fn keep_receipts(shared: &Shared, receipts: Waiting<Receipt>) {
    if receipts.things.is_empty() {
        return;
    }
    let statuses: Vec<_> = receipts.things.iter().map(|receipt| receipt.status).collect();
    let written = shared.store.receive(receipts.things).await;
    if let Ok(received) = &written {
        statuses.iter().zip(received).for_each(|(status, one)| count(shared, *status, one));
    }
    answer(shared, receipts.callers, written.map(drop));
}

async fn keep_interactions(shared: &Shared, interactions: Waiting<Interaction>) {
    if !interactions.things.is_empty() {
        let written = shared.store.interact(interactions.things).await;
        answer(shared, interactions.callers, written);
    }
}

fn answer(shared: &Shared, callers: Vec<oneshot::Sender<bool>>, written: Result<(), StoreError>) {
    let durable = written.is_ok();
    if let Err(error) = written {
        tracing::error!(%error, "could not keep callbacks; WeChat will send them again");
        shared.metrics.store_failures.inc();
    }
    for caller in callers {
        // A callback whose connection broke has nobody waiting; WeChat sends it again.
        let _ = caller.send(durable);
    }
}

fn count(shared: &Shared, status: DeliveryStatus, received: &Received) {
    count_receipt(shared, status);
    if let Received::Matched { to, .. } = received {
        count_transition(shared, to);
    }
}
