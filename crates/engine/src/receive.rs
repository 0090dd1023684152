//! Steps receive and reconcile: WeChat's callbacks, durable before they are answered.
//!
//! Receipts come in bursts of hundreds a second. They are gathered while the store commits the ones before
//! them, written and matched in one transaction, and only then answered.

use std::sync::Arc;

use hongyan_domain::{DeliveryStatus, Openid, Timestamp};
use hongyan_store::{Receipt, Received, StoreError};
use hongyan_wechat::callback;
use tokio::sync::{mpsc, oneshot};

use crate::catalog::Account;
use crate::settle::{count_receipt, count_transition};
use crate::{EngineError, Shared};

/// Receipts written in one transaction.
const BATCH: usize = 512;

/// A receipt and whoever waits for it to be durable.
pub(crate) struct Incoming {
    receipt: Receipt,
    durable: oneshot::Sender<bool>,
}

/// Takes in one event. When this returns `Ok`, WeChat may be answered `success`.
pub(crate) async fn receive(
    shared: &Shared,
    account: &Account,
    push: &callback::Push,
) -> Result<(), EngineError> {
    match &push.event {
        callback::Event::TemplateSendJobFinish { msgid, status, .. } => {
            let receipt = receipt(account, push, *msgid, status, shared.clock.now())?;
            let (durable, answer) = oneshot::channel();
            let incoming = Incoming { receipt, durable };
            shared.receipts.send(incoming).await.map_err(|_| EngineError::Stopping)?;
            if answer.await.unwrap_or(false) { Ok(()) } else { Err(EngineError::Unavailable) }
        }
        // Interactions are not kept yet: nothing depends on them, so nothing is lost by answering.
        _ => Ok(()),
    }
}

fn receipt(
    account: &Account,
    push: &callback::Push,
    msgid: Option<u64>,
    status: &callback::DeliveryStatus,
    now: Timestamp,
) -> Result<Receipt, EngineError> {
    let openid = Openid::new(push.openid.as_str()).map_err(|_| EngineError::BadCallback)?;
    let created_at = Timestamp::from_ms(push.created_at_s.saturating_mul(1_000));
    let (status, raw) = understood(status);
    Ok(Receipt { account: account.id(), openid, msgid, status, raw, created_at, received_at: now })
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

/// Writes receipts until the engine is gone.
pub(crate) async fn run(shared: Arc<Shared>, mut incoming: mpsc::Receiver<Incoming>) {
    let mut batch = Vec::with_capacity(BATCH);
    while incoming.recv_many(&mut batch, BATCH).await > 0 {
        let (receipts, waiting): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|incoming| (incoming.receipt, incoming.durable)).unzip();
        let statuses: Vec<_> = receipts.iter().map(|receipt| receipt.status).collect();
        let written = shared.store.receive(receipts).await;
        let durable = written.is_ok();
        match written {
            Ok(received) => {
                statuses.iter().zip(&received).for_each(|(status, one)| count(&shared, *status, one));
            }
            Err(error) => failed(&shared, &error),
        }
        for done in waiting {
            // A callback whose connection broke has nobody waiting; WeChat sends it again.
            let _ = done.send(durable);
        }
    }
}

fn count(shared: &Shared, status: DeliveryStatus, received: &Received) {
    count_receipt(shared, status);
    if let Received::Matched { to, .. } = received {
        count_transition(shared, to);
    }
}

fn failed(shared: &Shared, error: &StoreError) {
    tracing::error!(%error, "could not keep receipts; WeChat will send them again");
    shared.metrics.store_failures.inc();
}
