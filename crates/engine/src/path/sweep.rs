//! Step: what time brings without anything else happening. Once a second, all of it in one place.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use hongyan_domain::{Event, Timestamp, decide};
use hongyan_store::{ComplianceBefore, PeopleReached, Settlement, StoreError, Unreported};
use hongyan_wechat::SEND_PATH;
use parking_lot::Mutex;

use crate::account::catalog::{Account, Catalog};
use crate::account::templates;
use crate::account::token::Want;
use crate::content::links;
use crate::metrics::Word;
use crate::path::dispatch::Hint;
use crate::path::refused;
use crate::path::settle::{count_transition, count_written};
use crate::watch::{alerts, heard, notes, standstill, webhooks};
use crate::{EngineError, Shared, compliance};

/// Scheduled messages that fall due are brought into their lanes so many at a time.
const PROMOTE_ROWS: usize = 1_000;
/// Rows are tidied up so many at a time, one time after the other until nothing is left: what else waits for the
/// writer has its turn between two of them, and the urgent go before. 500 are about 10 ms of its work.
const TIDY_ROWS: usize = 500;
/// People looked at in one round: with a round every 10 s, seventeen million a day.
const PEOPLE_ROWS: usize = 2_000;
/// Receipts without a message that are looked at again in one round: each may read a day of a person's messages.
const RECEIPTS_AGAIN: usize = 100;
/// Values sealed anew in one round: about 20 ms of the writer's time, and ten million in under three hours.
const RESEAL_ROWS: usize = 1_000;
/// WeChat's own count of today's quota is read so often.
const QUOTA_EVERY: Duration = Duration::from_secs(600);
/// So many accounts' counts are read at once: three thousand at 200 ms in under a minute, and one that hangs holds up
/// its own place alone.
const QUOTA_READS: usize = 16;
/// Old rows are looked for so often.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// The time is kept so often: a row write, and little beside the minutes that WeChat remembers a try for.
const TIME_EVERY: Duration = Duration::from_secs(10);
/// What commits changed of the counters is added into them so often: so many changes are read with every look at them.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// People's rows are brought up to date so often, or when so many are behind (some 15 MB of memory): a page of them is
/// written once for all that are on it.
const PEOPLE_EVERY: Duration = Duration::from_secs(30);
const PEOPLE_AHEAD: usize = 32_768;
/// Old counters are looked for so often.
const COUNTERS_EVERY: Duration = Duration::from_secs(3_600);

/// What is kept, and for how long.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Finished messages are kept for so long after they were accepted.
    pub keep: Duration,
    /// Where removed messages go as NDJSON; `None`: nowhere.
    pub archive: Option<PathBuf>,
    /// How long a receipt is awaited before a sent message becomes unknown.
    pub await_receipt: Duration,
    /// Rows of the audit are kept for so long.
    pub keep_audit: Duration,
    /// People of whom nothing was heard for so long are forgotten, unless they are not to be written to.
    pub keep_people: Duration,
    /// Blocked messages and complaints are kept for so long.
    pub keep_incidents: Duration,
    /// Daily reports, their counters and released brakes are kept for so long.
    pub keep_reports: Duration,
    /// Counters by the minute are kept for so long: two days, for a chart of yesterday beside today.
    pub keep_minutes: Duration,
    /// Counters by the hour are kept for so long. Those by the day stay.
    pub keep_hours: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let day = Duration::from_secs(86_400);
        Self {
            keep: 30 * day,
            archive: None,
            await_receipt: 3 * day,
            keep_audit: 1_095 * day,
            keep_people: 1_095 * day,
            keep_incidents: 180 * day,
            keep_reports: 1_095 * day,
            keep_minutes: 2 * day,
            keep_hours: 90 * day,
        }
    }
}

/// When the slower duties are due again.
#[derive(Default)]
pub(crate) struct Duties {
    tidy_at: Mutex<Option<Timestamp>>,
    /// Held while a round of tidying is under way.
    tidying: Arc<tokio::sync::Mutex<()>>,
    quota_at: Mutex<Option<Timestamp>>,
    /// Held while a round of reading quotas is under way.
    reading_quotas: Arc<tokio::sync::Mutex<()>>,
    time_at: Mutex<Option<Timestamp>>,
    /// How far the look at people has come.
    people: Mutex<PeopleReached>,
    pub(crate) compliance: compliance::Duties,
    pub(crate) libraries: templates::Reading,
    fold_at: Mutex<Option<Timestamp>>,
    people_at: Mutex<Option<Timestamp>>,
    counters_at: Mutex<Option<Timestamp>>,
    alerts_at: Mutex<Option<Timestamp>>,
    notes_at: Mutex<Option<Timestamp>>,
    told_at: Mutex<Option<Timestamp>>,
    heard_at: Mutex<Option<Timestamp>>,
}

/// One round of everything. Errors are logged here: the next round tries again.
pub(crate) async fn tick(shared: &Arc<Shared>) {
    let now = shared.clock.now();
    let rounds = [
        ("ownership", keep_ownership(shared).await),
        ("catalog", follow_changes(shared).await),
        ("counts", compliance::add_counts(shared).await),
        ("brakes", compliance::look_at_brakes(shared, now).await),
        ("schedule", promote(shared, now).await),
        ("keys", reseal(shared).await),
        ("time", note_time(shared, now).await),
        ("clicks", links::write_clicks(shared).await),
        ("callbacks", note_heard(shared, now).await),
        ("self-check", compliance::self_check(shared, now).await),
        ("series", count(shared, now).await),
        ("people", fold_people(shared, now).await),
        ("alerts", watch(shared, now).await),
    ];
    for (duty, result) in rounds {
        if let Err(error) = result {
            tracing::error!(duty, %error, "a round of the sweep failed");
            shared.metrics.store_failures.inc();
        }
    }
    // A copy of a database that runs elsewhere must not take its tokens from it either.
    if shared.catalog.load().held_since.is_none() {
        refresh_tokens(shared, now);
        read_quotas(shared, now);
        compliance::read_blocked(shared, now);
        templates::read_libraries(shared, now);
    }
    begin_to_tidy(shared, now);
    standstill::look(shared, now);
    shared.metrics.damaged_rows.set(shared.store.damaged_rows() as i64);
    shared.hint(Hint::Tick).await;
}

/// Two processes that believe to own one store: the later one does, and the earlier must end.
async fn keep_ownership(shared: &Shared) -> Result<(), EngineError> {
    match shared.store.check_ownership().await {
        Err(error @ (StoreError::Fenced { .. } | StoreError::Owned(_))) => {
            if !shared.fatal.is_cancelled() {
                tracing::error!(%error, "the ownership of the store is lost: this process ends");
                shared.fatal.cancel();
            }
            Ok(())
        }
        checked => Ok(checked?),
    }
}

/// Accounts, templates and limits may be changed by another process on the same store.
pub(crate) async fn follow_changes(shared: &Shared) -> Result<(), EngineError> {
    let current = shared.catalog.load_full();
    if shared.store.revision().await? != current.revision {
        reload(shared).await?;
    }
    Ok(())
}

/// Reads the catalog anew and lets the dispatcher know.
pub(crate) async fn reload(shared: &Shared) -> Result<(), EngineError> {
    let _one_at_a_time = shared.reloading.lock().await;
    let current = shared.catalog.load_full();
    let catalog = Catalog::read((&shared.store, &shared.client), &current, &shared.prepared).await?;
    shared.catalog.store(Arc::new(catalog));
    shared.hint(Hint::CatalogChanged).await;
    Ok(())
}

async fn promote(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    loop {
        let due = shared.store.scheduled_promote(now, PROMOTE_ROWS).await?;
        let last = due.len() < PROMOTE_ROWS;
        if !due.is_empty() {
            shared.hint(Hint::Offered(due)).await;
        }
        if last {
            return Ok(());
        }
    }
}

/// Tidies up beside the sweep, one round at a time: after a day of millions a round takes minutes.
fn begin_to_tidy(shared: &Arc<Shared>, now: Timestamp) {
    let Ok(alone) = shared.duties.tidying.clone().try_lock_owned() else { return };
    if !is_due(&shared.duties.tidy_at, now, TIDY_EVERY) {
        return;
    }
    let running = shared.clone();
    shared.errands.spawn(async move {
        let rounds = [
            ("receipts", judge_open_receipts(&running, now).await),
            ("unreported", give_up_on_the_silent(&running, now).await),
            ("purge", purge(&running, now).await),
            ("purge_people", purge_people(&running, now).await),
            ("purge_compliance", purge_compliance(&running, now).await),
            ("purge_audit", purge_audit(&running, now).await),
        ];
        for (duty, result) in rounds {
            if let Err(error) = result {
                tracing::error!(duty, %error, "could not tidy up; the next round tries again");
                running.metrics.store_failures.inc();
            }
        }
        drop(alone);
    });
}

/// Receipts that could not be told to belong to a message as long as another was on its way.
async fn judge_open_receipts(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let moved = shared.store.judge_open_receipts(RECEIPTS_AGAIN, now).await?;
    moved.iter().for_each(|to| count_transition(shared, to));
    Ok(())
}

async fn give_up_on_the_silent(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let waited = now.minus(shared.settings.retention.await_receipt);
    loop {
        let silent = shared.store.unreported(waited, TIDY_ROWS).await?;
        give_up_on(shared, &silent, now).await?;
        if silent.len() < TIDY_ROWS {
            return Ok(());
        }
    }
}

async fn purge(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let retention = &shared.settings.retention;
    let before = now.minus(retention.keep);
    while shared.store.purge(before, TIDY_ROWS, retention.archive.as_deref()).await? > 0 {}
    shared.store.purge_ties(now, TIDY_ROWS).await?;
    Ok(())
}

/// Looks at some people, and forgets those nobody has heard of for long.
async fn purge_people(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let from = shared.duties.people.lock().clone();
    let unseen = now.minus(shared.settings.retention.keep_people);
    let (_, reached) = shared.store.purge_people(from, unseen, PEOPLE_ROWS).await?;
    *shared.duties.people.lock() = reached;
    Ok(())
}

async fn purge_compliance(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let retention = &shared.settings.retention;
    let (incidents, counts) = (now.minus(retention.keep_incidents), now.minus(retention.keep_reports));
    let before = ComplianceBefore { blocked: incidents, complaints: incidents, counts };
    shared.store.purge_compliance(before, TIDY_ROWS).await?;
    Ok(())
}

async fn purge_audit(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let before = now.minus(shared.settings.retention.keep_audit);
    while shared.store.purge_audit(before, TIDY_ROWS, now).await? > 0 {}
    Ok(())
}

/// Keeps the time where the next process finds it: it must know of a clock that was set back meanwhile.
async fn note_time(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    if is_due(&shared.duties.time_at, now, TIME_EVERY) {
        shared.store.note_seen(now).await?;
    }
    Ok(())
}

/// Keeps when WeChat last called, for the next process.
async fn note_heard(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    if is_due(&shared.duties.heard_at, now, heard::WRITE_EVERY) {
        heard::write(shared).await?;
    }
    Ok(())
}

/// Brings a new data key into what older ones sealed, a little at a time.
async fn reseal(shared: &Shared) -> Result<(), EngineError> {
    shared.store.reseal(RESEAL_ROWS).await?;
    Ok(())
}

/// Brings the counters over time up to date.
async fn count(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    refused::write(shared, now).await?;
    if is_due(&shared.duties.fold_at, now, FOLD_EVERY) {
        while shared.store.fold_series().await? > 0 {}
    }
    if is_due(&shared.duties.counters_at, now, COUNTERS_EVERY) {
        let Retention { keep_minutes, keep_hours, .. } = shared.settings.retention;
        shared.store.purge_series(now.minus(keep_minutes), now.minus(keep_hours)).await?;
    }
    Ok(())
}

/// Brings the rows of people up to date. A duty of its own: memory holds them until it is done.
async fn fold_people(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let many = shared.store.people_ahead() >= PEOPLE_AHEAD;
    if is_due(&shared.duties.people_at, now, PEOPLE_EVERY) || many {
        shared.store.fold_people().await?;
    }
    Ok(())
}

/// Looks for alerts, and sets going what is to be told outside: it may take long, and the sweep does not wait.
async fn watch(shared: &Arc<Shared>, now: Timestamp) -> Result<(), EngineError> {
    if is_due(&shared.duties.alerts_at, now, alerts::LOOK_EVERY) {
        alerts::look(shared, now).await?;
    }
    if is_due(&shared.duties.notes_at, now, notes::TELL_EVERY) {
        shared.errands.spawn(notes::tell(shared.clone(), now));
    }
    webhooks::tell(shared, now).await?;
    if is_due(&shared.duties.told_at, now, COUNTERS_EVERY) {
        notes::tidy(shared, now).await?;
        shared.store.purge_settled(now.minus(webhooks::KEEP)).await?;
    }
    Ok(())
}

async fn give_up_on(shared: &Shared, silent: &[Unreported], now: Timestamp) -> Result<(), EngineError> {
    let rows: Vec<Settlement> = silent.iter().filter_map(|message| unreported(message, now)).collect();
    if !rows.is_empty() {
        count_written(shared, &shared.store.settle(rows, Vec::new()).await?);
    }
    Ok(())
}

fn unreported(message: &Unreported, now: Timestamp) -> Option<Settlement> {
    Some(Settlement {
        account: message.account,
        message: message.message,
        from: message.standing,
        to: decide(&message.standing, &Event::Unreported, now)?,
        claim: None,
        at: now,
        dispatch: None,
        refused: None,
        taken: None,
    })
}

/// Fetches new tokens while the old ones still work. Each runs beside the sweep: a slow one holds up none.
fn refresh_tokens(shared: &Arc<Shared>, now: Timestamp) {
    for account in shared.catalog.load().accounts().filter(|account| account.token.is_ripe(now)) {
        let (running, account) = (shared.clone(), account.clone());
        shared.errands.spawn(async move {
            let stale = account.token.held();
            let want = stale.as_deref().map_or(Want::Any, Want::Fresher);
            let renewed = running.centre.renew(&account, want).await;
            let kind = if renewed.is_ok() { "fetched" } else { "failed" };
            running.metrics.token_fetches.get_or_create(&Word { kind }).inc();
            if let Err(trouble) = renewed {
                tracing::warn!(appid = %account.appid(), detail = trouble.detail, "no access_token");
            }
        });
    }
}

/// Reads WeChat's counts of all accounts beside the sweep, one round at a time.
fn read_quotas(shared: &Arc<Shared>, now: Timestamp) {
    let Ok(alone) = shared.duties.reading_quotas.clone().try_lock_owned() else { return };
    if !is_due(&shared.duties.quota_at, now, QUOTA_EVERY) {
        return;
    }
    let (running, accounts) = (shared.clone(), shared.catalog.load().accounts().cloned().collect::<Vec<_>>());
    shared.errands.spawn(async move {
        let read = |account: Arc<Account>| {
            let running = &running;
            async move { read_quota(running, &account).await }
        };
        stream::iter(accounts).for_each_concurrent(QUOTA_READS, read).await;
        drop(alone);
    });
}

/// Reads WeChat's count of today's sends of one account. That it fails is no trouble: ours still counts.
pub(crate) async fn read_quota(shared: &Shared, account: &Account) {
    let Ok(token) = shared.centre.token(account).await else { return };
    match account.client.quota(token.value.expose(), SEND_PATH).await {
        // 0 and -1 are told by accounts and at times where WeChat does not know: no reason to send nothing.
        Ok(quota) if quota.daily_limit == 0 => {
            tracing::debug!(appid = %account.appid(), "WeChat does not tell the quota");
        }
        Ok(quota) => {
            let fit = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
            let (limit, used) = (fit(quota.daily_limit), fit(quota.used));
            shared.hint(Hint::Quota { account: account.id(), limit, used }).await;
        }
        Err(error) => tracing::debug!(appid = %account.appid(), %error, "could not read the quota"),
    }
}

pub(crate) fn is_due(at: &Mutex<Option<Timestamp>>, now: Timestamp, every: Duration) -> bool {
    let mut at = at.lock();
    // Further ahead than `every`, it is of a clock that was set back since.
    let due = at.is_none_or(|at| now >= at || at.since(now) > every);
    if due {
        *at = Some(now.plus(every));
    }
    due
}
