//! Tells businesses what became of their messages: from the log of settled messages, in order, at least once.

use std::sync::Arc;
use std::time::Duration;

use hongyan_domain::{State, Timestamp};
use hongyan_outgoing::{Target, sign};
use hongyan_store::{
    Delivery, MessageRecord, Progress, SettledEvent, SettledRow, StoreError, Webhook, WebhookOpen,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::account::catalog::Catalog;
use crate::{EngineError, Shared};

/// Messages in one call: about 60 KB.
const BATCH: usize = 100;
/// Rows of the log read at once.
const ROWS: usize = 50;
/// Calls to one webhook in one round; the next round is a second later.
const CALLS: usize = 50;
/// The waits between tries of one call; the last is taken again and again.
const WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(12 * 3_600),
    Duration::from_secs(24 * 3_600),
];
/// A webhook that failed for so long is switched off: nobody is there.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5 * 86_400);
/// The log is kept for so long: what can be replayed.
pub(crate) const KEEP: Duration = Duration::from_secs(7 * 86_400);
/// HTTP's word for "nobody is here any more".
const GONE: u16 = 410;

/// Starts telling those for whom something waits, each beside the sweep.
pub(crate) async fn tell(shared: &Arc<Shared>, now: Timestamp) -> Result<(), StoreError> {
    for webhook in shared.store.webhooks().await? {
        let is_due = webhook.open.enabled && webhook.progress.next_at <= now;
        if !is_due || !shared.telling.lock().insert(webhook.id.clone()) {
            continue;
        }
        let running = shared.clone();
        shared.errands.spawn(async move {
            if let Err(error) = tell_one(&running, &webhook.id).await {
                tracing::error!(webhook = webhook.id, %error, "a webhook could not be told");
            }
            running.telling.lock().remove(&webhook.id);
        });
    }
    Ok(())
}

async fn tell_one(shared: &Shared, id: &str) -> Result<(), EngineError> {
    for _ in 0..CALLS {
        // Before every call anew: a round may take minutes, and somebody may have changed it, switched it off or deleted it.
        let Some(webhook) = shared.store.webhook(id).await?.filter(|webhook| webhook.open.enabled) else {
            return Ok(());
        };
        let stands = webhook.progress;
        let rows = shared.store.settled_since(stands, ROWS).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let (events, reached) = wanted(&webhook.open, stands, &rows);
        let (to, delivery) = if events.is_empty() {
            (reached, None)
        } else {
            let delivery = post(shared, &webhook, stands, &events).await?;
            let to = after(stands, reached, &delivery);
            (to, Some(delivery))
        };
        let gone = delivery.as_ref().is_some_and(|delivery| delivery.status == Some(GONE));
        let failed = to.failures > 0;
        if !shared.store.webhook_told(&webhook.id, (stands, to), delivery).await? {
            return Ok(());
        }
        if failed {
            return give_up(shared, &webhook, to, gone).await;
        }
    }
    Ok(())
}

/// The next events this webhook wants to hear of, and how far that brings it.
fn wanted(open: &WebhookOpen, stands: Progress, rows: &[SettledRow]) -> (Vec<SettledEvent>, Progress) {
    let (mut events, mut reached) = (Vec::new(), stands);
    for row in rows {
        for (nth, event) in (row.from..).zip(&row.events) {
            if events.len() == BATCH {
                return (events, Progress { nth, ..reached });
            }
            let fits = (open.states.is_empty() || open.states.contains(&event.state))
                && (open.accounts.is_empty() || open.accounts.contains(&event.account.0));
            events.extend(fits.then_some(*event));
        }
        (reached.seq, reached.nth) = (row.seq, 0);
    }
    (events, reached)
}

async fn post(
    shared: &Shared,
    webhook: &Webhook,
    stands: Progress,
    events: &[SettledEvent],
) -> Result<Delivery, EngineError> {
    let ids = events.iter().map(|event| (event.account, event.message)).collect();
    let records = shared.store.messages_by_id(ids).await?;
    let catalog = shared.catalog.load_full();
    let messages: Vec<_> = events
        .iter()
        .zip(&records)
        .filter(|(_, record)| webhook.open.wants_scenario(record.as_ref()))
        .map(|(event, record)| told(&webhook.open, event, record.as_ref(), &catalog))
        .collect();
    // The same for every try of the same events, so that a receiver can tell that it had them.
    let id = format!("{}_{}_{}", webhook.id, stands.seq, stands.nth);
    let (now, count) = (shared.clock.now(), messages.len());
    if messages.is_empty() {
        return Ok(Delivery { at: now, webhook_id: id, events: 0, status: None, error: None, took_ms: 0 });
    }
    let body = json!({ "type": "message.settled", "timestamp": now, "data": { "messages": messages } });
    Ok(call(shared, webhook, (id, count), &body).await)
}

/// One call, signed, and what it came to.
pub(crate) async fn call(
    shared: &Shared,
    webhook: &Webhook,
    (id, events): (String, usize),
    body: &Value,
) -> Delivery {
    let (at, body) = (shared.clock.now(), body.to_string());
    let headers = sign::headers(webhook.secret.expose(), &id, at.ms() / 1_000, body.as_bytes());
    let headers = headers.unwrap_or_default();
    let answer = match Target::parse(webhook.url.expose()) {
        Ok(target) => {
            let sent = shared.outgoing.post(&target, &headers, body.into());
            sent.await.map_err(|failure| failure.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    let took_ms = u32::try_from(shared.clock.now().since(at).as_millis()).unwrap_or(u32::MAX);
    let (status, error) = match answer {
        Ok(reply) if (200..300).contains(&reply.status) => (Some(reply.status), None),
        Ok(reply) => (Some(reply.status), Some(format!("HTTP {}", reply.status))),
        Err(error) => (None, Some(error)),
    };
    let events = u32::try_from(events).unwrap_or(u32::MAX);
    Delivery { at, webhook_id: id, events, status, error, took_ms }
}

/// How far a webhook is after a call: on, or as before with a wait.
fn after(stands: Progress, reached: Progress, delivery: &Delivery) -> Progress {
    if delivery.error.is_none() {
        return Progress { failures: 0, failing_since: None, next_at: stands.next_at, ..reached };
    }
    let wait = WAITS[usize::try_from(stands.failures).unwrap_or(usize::MAX).min(WAITS.len() - 1)];
    Progress {
        failures: stands.failures.saturating_add(1),
        failing_since: stands.failing_since.or(Some(delivery.at)),
        next_at: delivery.at.plus(wait),
        ..stands
    }
}

async fn give_up(shared: &Shared, webhook: &Webhook, to: Progress, gone: bool) -> Result<(), EngineError> {
    let since = to.failing_since.unwrap_or(to.next_at);
    let for_long = shared.clock.now().since(since) >= GIVE_UP_AFTER;
    if !gone && !for_long {
        return Ok(());
    }
    let because = if gone { "HTTP 410" } else { "it failed for five days" };
    let open =
        WebhookOpen { enabled: false, disabled_because: Some(because.to_owned()), ..webhook.open.clone() };
    if shared.store.switch_webhook_off(&webhook.id, (&webhook.open, &open)).await? {
        tracing::warn!(webhook = webhook.id, because, "a webhook is switched off");
    }
    Ok(())
}

/// A message as a business is told it.
#[derive(Serialize)]
struct ToldMessage<'a> {
    id: String,
    appid: &'a str,
    client_msg_id: Option<&'a str>,
    state: State,
    cause: Option<hongyan_domain::Cause>,
    template_id: Option<&'a str>,
    scenario: Option<&'a str>,
    msgid: Option<String>,
    accepted_at: Option<Timestamp>,
    sent_at: Option<Timestamp>,
    settled_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    touser: Option<&'a str>,
}

fn told(
    open: &WebhookOpen,
    event: &SettledEvent,
    record: Option<&MessageRecord>,
    catalog: &Catalog,
) -> Value {
    let appid = catalog.by_id(event.account).map_or("", |account| account.appid().as_str());
    // Where it moved on since (an unknown that was delivered after all), that is an event of its own.
    let now_so = record.filter(|record| record.standing.state == event.state);
    let openid = record.and_then(|record| record.openid.as_ref()).filter(|_| open.with_openid);
    let told = ToldMessage {
        id: event.message.to_string(),
        appid,
        client_msg_id: record.and_then(|record| record.client_msg_id.as_deref()),
        state: event.state,
        cause: now_so.and_then(|record| record.cause),
        template_id: record.map(|record| &*record.template_id),
        scenario: record.and_then(|record| record.scenario.as_deref()),
        msgid: record.and_then(|record| record.msgid).map(|msgid| msgid.to_string()),
        accepted_at: record.map(|record| record.accepted_at),
        sent_at: record.and_then(|record| record.sent_at),
        settled_at: event.at,
        touser: openid.map(hongyan_domain::Openid::expose),
    };
    serde_json::to_value(&told).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hongyan_domain::{AccountId, MessageId};

    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

    fn open() -> WebhookOpen {
        WebhookOpen {
            name: String::new(),
            host: String::new(),
            enabled: true,
            disabled_because: None,
            states: Vec::new(),
            accounts: Vec::new(),
            scenarios: Vec::new(),
            with_openid: false,
            created_at: NOW,
        }
    }

    fn row(seq: i64, from: i64, count: i64) -> SettledRow {
        let event = |id| SettledEvent {
            account: AccountId(1 + id % 2),
            message: MessageId::from_raw(id).unwrap(),
            state: State::Delivered,
            at: NOW,
        };
        SettledRow { seq, from, events: (from..from + count).map(event).collect() }
    }

    #[test]
    fn a_call_takes_a_batch_and_the_next_goes_on_inside_the_row() {
        let rows = [row(5, 0, 60), row(6, 0, 60)];

        let (events, reached) = wanted(&open(), Progress::default(), &rows);

        assert_eq!((events.len(), reached.seq, reached.nth), (BATCH, 5, 40));
        let (events, reached) = wanted(&open(), reached, &[row(6, 40, 20)]);
        assert_eq!((events.len(), reached.seq, reached.nth), (20, 6, 0));
    }

    #[test]
    fn what_nobody_asked_for_is_passed_over() {
        let one = WebhookOpen { accounts: vec![1], states: vec![State::Failed, State::Delivered], ..open() };
        let none = WebhookOpen { states: vec![State::Failed], ..open() };

        assert_eq!(wanted(&one, Progress::default(), &[row(1, 0, 10)]).0.len(), 5);
        let (events, reached) = wanted(&none, Progress::default(), &[row(1, 0, 10)]);
        assert_eq!((events.len(), reached.seq), (0, 1));
    }

    #[test]
    fn waits_grow_and_end_with_a_success() {
        let failed = |at: Timestamp| Delivery {
            at,
            webhook_id: String::new(),
            events: 1,
            status: Some(500),
            error: Some("HTTP 500".to_owned()),
            took_ms: 1,
        };
        let mut stands = Progress::default();
        let mut waits = Vec::new();
        for _ in 0..10 {
            stands = after(stands, Progress { seq: 9, ..stands }, &failed(NOW));
            waits.push(stands.next_at.since(NOW).as_secs());
        }

        assert_eq!(waits, [5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400, 86_400]);
        assert_eq!((stands.seq, stands.failing_since), (0, Some(NOW)));
        let good = Delivery { error: None, status: Some(204), ..failed(NOW) };
        let on = after(stands, Progress { seq: 9, ..stands }, &good);
        assert_eq!((on.seq, on.failures, on.failing_since), (9, 0, None));
    }
}
