//! What rules refused at the door: such requests leave no row, so they are counted here and written once a second.

use std::collections::HashMap;

use hongyan_domain::{Rule, Timestamp};
use hongyan_store::{NewMessage, Refusal, StoreError};
use parking_lot::Mutex;

use crate::Shared;

/// Different refusals in one second; more are of a caller who makes up templates, and are not counted apart.
const KINDS_MAX: usize = 10_000;

/// Refusals that are not yet written. A crash loses those of a second.
#[derive(Default)]
pub(crate) struct Refused(Mutex<HashMap<Refusal, i64>>);

impl Refused {
    /// A rule refused this message.
    pub(crate) fn note(&self, message: &NewMessage, rule: Rule) {
        let refusal = Refusal {
            account: message.account,
            rule,
            template: message.template_id.clone(),
            scenario: message.scenario.clone().unwrap_or_else(|| "".into()),
            lane: message.lane,
        };
        let mut refused = self.0.lock();
        if refused.len() < KINDS_MAX || refused.contains_key(&refusal) {
            *refused.entry(refusal).or_default() += 1;
        }
    }
}

/// Writes them down.
pub(crate) async fn write(shared: &Shared, now: Timestamp) -> Result<(), StoreError> {
    let refused: Vec<_> = shared.refused.0.lock().drain().collect();
    if refused.is_empty() {
        return Ok(());
    }
    shared.store.count_refusals(refused, now).await
}
