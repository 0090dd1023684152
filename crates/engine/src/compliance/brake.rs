//! The automatic brake: a template that makes too much trouble waits for a person.

use std::collections::HashMap;
use std::time::Duration;

use hongyan_domain::policy::{BRAKE_DAYS_MAX, Mode};
use hongyan_domain::{AccountId, Category, Signals, Timestamp};
use hongyan_store::{Brake, BrakeDraft, Braked, Brakes, RiskRow, WOKEN_AFTER};

use crate::account::catalog::Catalog;
use crate::path::sweep::{is_due, reload};
use crate::{Engine, EngineError, Shared};

/// Signs of trouble come by callbacks and polls: seconds do not matter, and the look costs a read.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Messages woken in one transaction: about 20 ms of the writer's time.
const WAKE_ROWS: usize = 1_000;
/// Transactions of waking in one round of the sweep.
const WAKE_STEPS: usize = 10;

/// Wakes what released brakes held, and pulls new ones.
pub(crate) async fn look_at_brakes(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    wake(shared, now).await?;
    if is_due(&shared.duties.compliance.brakes_at, now, LOOK_EVERY) {
        pull(shared, now).await?;
    }
    Ok(())
}

/// What was judged before a release may be committed after the first look: a second one ends it, a minute later.
async fn wake(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let releasing = shared.store.brakes(Brakes::Releasing).await?;
    let looked_at = |id: i64| shared.duties.compliance.woken_once.lock().contains(&id);
    for brake in &releasing {
        let last_at = brake.released_at.unwrap_or(now).plus(WOKEN_AFTER);
        if looked_at(brake.id) && now < last_at {
            continue;
        }
        for _ in 0..WAKE_STEPS {
            if shared.store.wake_braked(brake, WAKE_ROWS, now).await? < WAKE_ROWS {
                shared.duties.compliance.woken_once.lock().insert(brake.id);
                break;
            }
        }
    }
    let goes_on = |id: &i64| releasing.iter().any(|brake| brake.id == *id);
    shared.duties.compliance.woken_once.lock().retain(goes_on);
    Ok(())
}

async fn pull(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let days = now.day() + 1 - i64::from(BRAKE_DAYS_MAX)..now.day() + 1;
    let risk = shared.store.risk(None, days).await?;
    if risk.is_empty() {
        return Ok(());
    }
    let catalog = shared.catalog.load_full();
    let drafts = due(&catalog, &risk, &shared.store.brakes(Brakes::All).await?, now);
    let mut pulled = false;
    for draft in drafts {
        pulled |= pull_one(shared, &catalog, draft, now).await?;
    }
    if pulled { reload(shared).await } else { Ok(()) }
}

async fn pull_one(
    shared: &Shared,
    catalog: &Catalog,
    draft: BrakeDraft,
    now: Timestamp,
) -> Result<bool, EngineError> {
    let appid = catalog.by_id(draft.account).map(|account| account.appid().to_string()).unwrap_or_default();
    let (template, score, observed) = (draft.braked.subject().to_owned(), draft.score, draft.observed);
    let Some(brake) = shared.store.pull_brake(draft, now).await? else { return Ok(false) };
    tracing::error!(
        appid,
        template,
        brake,
        score,
        observed,
        "the brake is pulled: this template makes too much trouble"
    );
    Ok(true)
}

/// The brakes that are to be pulled.
fn due(catalog: &Catalog, risk: &[RiskRow], brakes: &[Brake], now: Timestamp) -> Vec<BrakeDraft> {
    let mut templates: HashMap<(AccountId, &str), Vec<&RiskRow>> = HashMap::new();
    for row in risk {
        templates.entry((row.account, &row.template_id)).or_default().push(row);
    }
    let draft = |((account, template), rows): ((AccountId, &str), Vec<&RiskRow>)| {
        // One rule for all categories: WeChat punishes the template.
        let rule = &catalog.by_id(account)?.policies.of(Category::Service, None).brake;
        let of = |brake: &&Brake| (brake.account, brake.braked.subject()) == (account, template);
        let is_on = brakes.iter().filter(of).any(|brake| brake.released_at.is_none());
        if rule.mode == Mode::Off || is_on {
            return None;
        }
        let from = now.day() + 1 - i64::from(rule.days);
        let signals = since_release(&rows, from, brakes.iter().find(of));
        let risk = rule.brakes(&signals)?;
        let (braked, observed) = (Braked::Template(template.to_owned()), rule.mode == Mode::Observe);
        Some(BrakeDraft { account, braked, observed, score: risk.score, signals })
    };
    templates.into_iter().filter_map(draft).collect()
}

/// What counts from that day on; of what a person has looked at already, nothing does.
fn since_release(rows: &[&RiskRow], from: i64, last: Option<&Brake>) -> Signals {
    let released_on = last.and_then(|brake| brake.released_at).map_or(i64::MIN, Timestamp::day);
    let mut signals = Signals::default();
    for row in rows.iter().filter(|row| row.day >= from.max(released_on)) {
        let before = last.and_then(|brake| brake.before).filter(|_| row.day == released_on);
        signals.add(&row.signals.without(&before.unwrap_or_default()));
    }
    signals
}

impl Engine {
    /// Lets go what a brake stops, by this engine's actor. `false`: it was not on. What waits goes with the next round.
    pub async fn release_brake(&self, brake: &Brake, reason: &str) -> Result<bool, EngineError> {
        let (store, now) = (self.shared.store.by(self.actor.clone()), self.now());
        super::add_counts(&self.shared).await?;
        let today = store.risk(Some(brake.account), now.day()..now.day() + 1).await?;
        let of = |row: &&RiskRow| row.template_id == brake.braked.subject();
        let before = today.iter().find(of).map(|row| row.signals).unwrap_or_default();
        let released = store.release_brake(brake.id, reason, before, now).await?;
        self.reload().await?;
        Ok(released)
    }
}
