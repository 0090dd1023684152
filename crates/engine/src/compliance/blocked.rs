//! What the platform blocked: WeChat tells it only when asked, template by template (queryblocktmplmsg).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hongyan_domain::{AccountId, Openid, Timestamp};
use hongyan_store::{BlockedDraft, BlockedRead, StoreError};
use hongyan_wechat::BlockedMessage;
use parking_lot::Mutex;

use crate::account::catalog::Account;
use crate::{EngineError, Shared};

/// Each template is asked about so often. WeChat documents no limit for this call: 24 a day and template is little beside
/// any it has for others.
const ASK_EVERY: Duration = Duration::from_secs(3_600);
/// A template that this process has just come to know is asked about so much later, so that a start asks for nothing.
const FIRST_AFTER: Duration = Duration::from_secs(600);
/// Calls in one round, one after the other: 2,500 templates take ten minutes at most.
const CALLS: usize = 5;
/// Blocked messages in one call; WeChat gives no more.
const PAGE: u32 = 100;

/// What is asked when.
#[derive(Default)]
pub(crate) struct Reading {
    due: Mutex<HashMap<(AccountId, Arc<str>), Timestamp>>,
    /// A round is on its way: the next waits for its end.
    busy: AtomicBool,
}

/// Asks about the templates that are due, beside the sweep.
pub(crate) fn read_blocked(shared: &Arc<Shared>, now: Timestamp) {
    let due = due(shared, now);
    let reading = &shared.duties.compliance.blocked;
    if due.is_empty() || reading.busy.swap(true, Ordering::AcqRel) {
        return;
    }
    let running = shared.clone();
    shared.errands.spawn(async move {
        if let Err(error) = read(&running, due, now).await {
            tracing::warn!(%error, "could not keep what WeChat blocked; it is asked again");
        }
        running.duties.compliance.blocked.busy.store(false, Ordering::Release);
    });
}

/// The first few that are due, the longest due first.
fn due(shared: &Shared, now: Timestamp) -> Vec<(Arc<Account>, Arc<str>)> {
    let catalog = shared.catalog.load();
    let mut next = shared.duties.compliance.blocked.due.lock();
    let (mut found, mut seen) = (Vec::new(), 0);
    for account in catalog.accounts() {
        for template in account.templates() {
            seen += 1;
            let place = (account.id(), template.template_id.clone());
            let at = *next.entry(place).or_insert(now.plus(FIRST_AFTER));
            if at <= now {
                found.push((at, account.clone(), template.template_id.clone()));
            }
        }
    }
    // Templates that are gone leave their places.
    if next.len() > seen {
        next.retain(|(account, template), _| {
            catalog.by_id(*account).is_some_and(|account| account.template(template).is_some())
        });
    }
    found.sort_by_key(|(at, ..)| *at);
    found.into_iter().take(CALLS).map(|(_, account, template)| (account, template)).collect()
}

async fn read(
    shared: &Shared,
    due: Vec<(Arc<Account>, Arc<str>)>,
    now: Timestamp,
) -> Result<(), EngineError> {
    let reads = shared.store.blocked_reads().await?;
    for (account, template) in due {
        let of = |read: &&BlockedRead| (read.account, &*read.template_id) == (account.id(), &*template);
        let largest = reads.iter().find(of).map_or(0, |read| read.largest_id);
        let more = read_page(shared, (&account, &template), largest, now).await?;
        // A full page: the next is behind it, and is asked for in the next round.
        let next = if more { now } else { now.plus(ASK_EVERY) };
        shared.duties.compliance.blocked.due.lock().insert((account.id(), template), next);
    }
    Ok(())
}

/// Whether there may be more. That WeChat cannot tell, or will not, is no trouble: it is asked again in an hour.
async fn read_page(
    shared: &Shared,
    (account, template): (&Account, &str),
    largest: u64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Ok(token) = shared.centre.token(account).await else { return Ok(false) };
    let answer = account.client.blocked_messages(token.value.expose(), template, largest, PAGE).await;
    let blocked = match answer {
        Ok(blocked) => blocked,
        Err(error) => {
            tracing::debug!(appid = %account.appid(), template, %error, "could not read what was blocked");
            return Ok(false);
        }
    };
    let full = blocked.len() >= PAGE as usize;
    let batch: Vec<_> = blocked.into_iter().filter_map(draft).collect();
    // A page without a number larger than before would be read for ever.
    let on = batch.iter().any(|draft| draft.id > largest);
    let written = shared.store.put_blocked((account.id(), template), batch, now).await?;
    if written.new > 0 {
        let (new, joined) = (written.new, written.joined);
        tracing::warn!(appid = %account.appid(), template, new, joined, "WeChat blocked messages of this template");
    }
    Ok(full && on)
}

fn draft(blocked: BlockedMessage) -> Option<BlockedDraft> {
    let openid = Openid::new(blocked.openid.as_str()).ok()?;
    let blocked_at = Timestamp::from_ms(blocked.sent_at_s.saturating_mul(1_000));
    Some(BlockedDraft { id: blocked.id, openid, title: blocked.title, blocked_at })
}
