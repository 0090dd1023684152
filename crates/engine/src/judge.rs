//! Step: judge, the early answer. A message that the rules refuse now is refused to its caller's face; one they hold
//! is accepted for later. Nothing is taken yet: the claim asks again, where it counts.

use hongyan_domain::policy::{Mode, Policy, Rule};
use hongyan_domain::{Asked, Judgement, Recipient, Timestamp, Verdict, judge};
use hongyan_store::{Acceptance, Heard, NewMessage};

use crate::accept::{Rejected, SCHEDULED_AFTER};
use crate::catalog::Catalog;
use crate::{EngineError, Shared};

/// A message as it goes on: to be committed, there already, or refused.
pub(crate) enum Judged {
    /// To be committed.
    Message(Box<NewMessage>),
    /// It was committed before, under the same client_msg_id.
    Before(Acceptance),
    /// Refused.
    Rejected(Rejected),
}

/// Judges new messages, in order.
pub(crate) async fn early(
    shared: &Shared,
    catalog: &Catalog,
    messages: Vec<NewMessage>,
    now: Timestamp,
) -> Result<Vec<Judged>, EngineError> {
    let mut facts = read(shared, catalog, &messages).await?.into_iter();
    let nobody = Recipient::default();
    let mut judged = Vec::with_capacity(messages.len());
    for message in messages {
        let policy = policy_of(catalog, &message);
        let Some(policy) = policy.filter(|policy| policy.asks()) else {
            judged.push(Judged::Message(Box::new(message)));
            continue;
        };
        let facts = if policy.asks_for_the_person() { facts.next() } else { None };
        let judgement = ask(policy, facts.as_ref().unwrap_or(&nobody), &message, now);
        judged.push(answer(shared, message, &judgement).await?);
    }
    Ok(judged)
}

fn policy_of<'c>(catalog: &'c Catalog, message: &NewMessage) -> Option<&'c Policy> {
    catalog
        .by_id(message.account)
        .map(|account| &**account.policies.of(message.category, message.scenario.as_deref()))
}

/// What is known of the recipients of those messages whose rules ask for it, in order.
async fn read(
    shared: &Shared,
    catalog: &Catalog,
    messages: &[NewMessage],
) -> Result<Vec<Recipient>, EngineError> {
    let asks = |message: &&NewMessage| {
        policy_of(catalog, message).is_some_and(|policy| policy.asks() && policy.asks_for_the_person())
    };
    let people: Vec<_> =
        messages.iter().filter(asks).map(|message| (message.account, message.openid.clone())).collect();
    if people.is_empty() { Ok(Vec::new()) } else { Ok(shared.store.recipients(people).await?) }
}

fn ask(policy: &Policy, facts: &Recipient, message: &NewMessage, now: Timestamp) -> Judgement {
    let asked = Asked {
        category: message.category,
        scenario: message.scenario.as_deref(),
        basis: message.basis,
        // What went lately is asked by the claim: the same body under the same client_msg_id is no repetition.
        fingerprint: 0,
    };
    if message.due_at > now.plus(SCHEDULED_AFTER) {
        // What the person will have done and got by then nobody knows.
        let mut later = policy.clone();
        [Rule::Reach, Rule::Frequency, Rule::Repeat].iter().for_each(|rule| later.set_mode(*rule, Mode::Off));
        return judge(&later, facts, &asked, message.due_at);
    }
    judge(policy, facts, &asked, message.due_at)
}

async fn answer(
    shared: &Shared,
    mut message: NewMessage,
    judgement: &Judgement,
) -> Result<Judged, EngineError> {
    if let Verdict::Refuse { rule, .. } = judgement.verdict {
        // Given again, it gets the answer it got, whatever the rules say of another one like it.
        let before = shared.store.accepted_before(&message).await?;
        if let Some(before) = before {
            return Ok(Judged::Before(before));
        }
        shared.refused.note(&message, rule);
        return Ok(Judged::Rejected(Rejected::Refused(judgement.verdict)));
    }
    let observed = judgement.observed.iter().map(|verdict| Heard { verdict: *verdict, observed: true });
    message.verdicts.extend(observed);
    if let Verdict::Hold { until, .. } = judgement.verdict {
        message.verdicts.push(Heard { verdict: judgement.verdict, observed: false });
        put_off(&mut message, until);
    }
    Ok(Judged::Message(Box::new(message)))
}

/// Moves due time and deadline on; what the caller said of its expiry stands.
fn put_off(message: &mut NewMessage, until: Timestamp) {
    let tolerance = message.deadline_at.since(message.due_at);
    message.due_at = until;
    message.deadline_at = until.plus(tolerance);
}
