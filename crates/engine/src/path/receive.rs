//! Steps receive and reconcile: WeChat's callbacks, durable before they are answered.
//!
//! They come in bursts of hundreds a second. They are gathered while the store commits the ones before
//! them, written and matched in one transaction, and only then answered.

use std::sync::Arc;

use hongyan_domain::policy::Policies;
use hongyan_domain::{
    AccountId, Category, DeliveryStatus, InteractionKind, Openid, Reason, Timestamp, opts_out,
};
use hongyan_store::{Interaction, Parting, Receipt, Received, Sign, StoreError};
use hongyan_wechat::callback;
use tokio::sync::{mpsc, oneshot};

use crate::account::catalog::Account;
use crate::path::settle::{count_receipt, count_transition};
use crate::{EngineError, OnUnsubscribe, Shared};

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
    if let Some(told) = told(account, push, shared.clock.now())? {
        keep(shared, told).await?;
    }
    // Before WeChat is answered: it tells again what was not done.
    part(shared, account, push).await
}

async fn keep(shared: &Shared, told: Told) -> Result<(), EngineError> {
    let (durable, answer) = oneshot::channel();
    shared.receipts.send(Incoming { told, durable }).await.map_err(|_| EngineError::Stopping)?;
    if answer.await.unwrap_or(false) { Ok(()) } else { Err(EngineError::Unavailable) }
}

/// What follows for a person who leaves, or takes back what they had allowed.
async fn part(shared: &Shared, account: &Account, push: &callback::Push) -> Result<(), EngineError> {
    use callback::Event;
    let (store, id, now) = (&shared.store, account.id(), shared.clock.now());
    let of =
        |openid: &hongyan_wechat::Openid| Openid::new(openid.as_str()).map_err(|_| EngineError::BadCallback);
    let went = match &push.event {
        // Told late, after they had come back: nothing follows from it.
        Event::Unsubscribe if !has_left(shared, (id, of(&push.openid)?)).await? => Vec::new(),
        Event::Unsubscribe if shared.settings.on_unsubscribe == OnUnsubscribe::Erase => {
            store.erase_departed(id, &of(&push.openid)?, now).await?.cancelled
        }
        Event::Unsubscribe => store.part(id, &of(&push.openid)?, Parting::Left, now).await?,
        // Their account at WeChat is closed: nobody comes back under this openid.
        Event::UserAuthorizationCancellation(whose) => {
            store.erase_recipient(id, &of(&whose.openid)?, now).await?.cancelled
        }
        Event::UserAuthorizationRevoke(whose) => {
            store.part(id, &of(&whose.openid)?, Parting::Revoked, now).await?
        }
        _ => Vec::new(),
    };
    went.iter().for_each(|to| count_transition(shared, to));
    Ok(())
}

async fn has_left(shared: &Shared, person: (AccountId, Openid)) -> Result<bool, EngineError> {
    let facts = shared.store.recipients(vec![person]).await?;
    let mut reasons = facts.iter().flat_map(|facts| facts.suppressions()).map(|one| one.reason);
    Ok(reasons.any(|reason| reason == Reason::Unsubscribed || reason == Reason::Erased))
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
        // Of `user_info_modified` nothing follows: WeChat cleaned up a person's picture or name and asks that copies of
        // them go, and none is ever kept here.
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

#[cfg(test)]
mod tests {
    use hongyan_wechat::callback::{Coordinates, Event, Revocation};

    use super::*;

    #[test]
    fn each_event_of_wechats_opens_what_the_house_rules_say() {
        use InteractionKind::{MenuClick, Message, ScanSubscribe};
        let text = String::new;
        let message = |kind: &str| Event::Message { kind: kind.to_owned(), content: None, msgid: None };
        let whose = || Revocation { openid: "oA".into(), appid: None, revoke_info: None };
        let other = |event: &str| Event::Other { event: event.to_owned() };
        let here = Coordinates { latitude: 0.0, longitude: 0.0 };
        let mut table = vec![
            (Event::Subscribe { scene: None }, Some(Sign::Seen)),
            (Event::Subscribe { scene: Some(text()) }, Some(Sign::Acted(ScanSubscribe))),
            (Event::Unsubscribe, Some(Sign::Left)),
            (Event::Scan { scene: text() }, Some(Sign::Acted(ScanSubscribe))),
            (Event::Click { key: text() }, Some(Sign::Acted(MenuClick))),
            (Event::View { url: text() }, Some(Sign::Acted(MenuClick))),
            (Event::ViewMiniprogram { page: text() }, Some(Sign::Acted(MenuClick))),
            (Event::Location(here), Some(Sign::Seen)),
            (Event::SubscriptionPopup(Vec::new()), Some(Sign::Seen)),
            (Event::SubscriptionChange(Vec::new()), None),
            (Event::SubscriptionSent(Vec::new()), None),
            (Event::UserInfoModified(whose()), None),
            (Event::UserAuthorizationRevoke(whose()), None),
            (Event::UserAuthorizationCancellation(whose()), Some(Sign::Left)),
            (other("merchant_order"), Some(Sign::Acted(InteractionKind::Payment))),
            (other("MASSSENDJOBFINISH"), None),
        ];
        for kind in ["text", "image", "voice", "video", "shortvideo", "location", "link", "file"] {
            table.push((message(kind), Some(Sign::Acted(Message))));
        }

        for (event, expected) in table {
            assert_eq!(sign(&event), expected, "{event:?}");
        }
    }
}
