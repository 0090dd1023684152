//! Step: judge, the early answer. A message that the rules refuse now is refused to its caller's face; one they hold
//! is accepted for later. Nothing is taken yet: the claim asks again, where it counts.

use std::sync::Arc;

use hongyan_domain::policy::{Mode, Policy, Rule};
use hongyan_domain::{
    Asked, Category, InteractionKind, Judgement, Recipient, Timestamp, Verdict, Wording, braked, judge_worded,
};
use hongyan_store::{Acceptance, Asking, Heard, NewMessage, PersonIndex, Worded};

use crate::account::catalog::Catalog;
use crate::path::accept::{Fresh, Rejected, SCHEDULED_AFTER};
use crate::{EngineError, Shared, content};

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
    messages: Vec<Fresh>,
    now: Timestamp,
) -> Result<Vec<Judged>, EngineError> {
    let mut facts = read(shared, catalog, &messages, now).await?.into_iter();
    let nobody = Recipient::default();
    let mut judged = Vec::with_capacity(messages.len());
    for Fresh { mut message, worded, .. } in messages {
        if let Some(verdict) = brake(catalog, &message, now) {
            judged.push(Judged::Message(braked_at_the_door(message, verdict)));
            continue;
        }
        let policy = policy_of(catalog, &message);
        let Some(policy) = policy.filter(|policy| policy.asks() || worded.is_some()) else {
            judged.push(Judged::Message(message));
            continue;
        };
        let (index, facts) = if policy.asks_for_the_person() { facts.next().unzip() } else { (None, None) };
        message.recipient = index;
        let wording = worded.as_ref().map_or(Wording::Clean, |worded| worded.wording);
        let judgement =
            ask(policy, facts.as_deref().unwrap_or(&nobody), (&Described::of(&message), wording), now);
        judged.push(answer(shared, message, worded, &judgement).await?);
    }
    Ok(judged)
}

fn policy_of<'c>(catalog: &'c Catalog, message: &NewMessage) -> Option<&'c Policy> {
    catalog
        .by_id(message.account)
        .map(|account| &**account.policies.of(message.category, message.scenario.as_deref()))
}

/// What a brake says of a message that is due. One for later is asked when it is claimed.
fn brake(catalog: &Catalog, message: &NewMessage, now: Timestamp) -> Option<Verdict> {
    let account = catalog.by_id(message.account)?;
    let is_braked = account.policies.is_braked(&message.template_id);
    (is_braked && message.due_at <= now.plus(SCHEDULED_AFTER)).then(|| braked(message.expires_at, now))
}

/// It is accepted and waits for a person; the other rules are asked when it goes.
fn braked_at_the_door(mut message: Box<NewMessage>, verdict: Verdict) -> Box<NewMessage> {
    message.verdicts.push(Heard { verdict, observed: false });
    if let Verdict::Hold { until, .. } = verdict {
        put_off(&mut message, until);
    }
    message
}

/// What is known of the recipients of those messages whose rules ask for it, in order.
async fn read(
    shared: &Shared,
    catalog: &Catalog,
    messages: &[Fresh],
    now: Timestamp,
) -> Result<Vec<(PersonIndex, Arc<Recipient>)>, EngineError> {
    let asks = |fresh: &&Fresh| {
        brake(catalog, &fresh.message, now).is_none()
            && policy_of(catalog, &fresh.message).is_some_and(Policy::asks_for_the_person)
    };
    let people: Vec<_> = messages
        .iter()
        .filter(asks)
        .map(|fresh| (fresh.message.account, fresh.message.openid.clone()))
        .collect();
    if people.is_empty() { Ok(Vec::new()) } else { Ok(shared.store.look_up(people).await?) }
}

/// What of a message the rules are asked about at the door.
#[derive(Clone, Copy, Debug)]
pub struct Described<'a> {
    /// What kind of word it is.
    pub category: Category,
    /// Its scenario.
    pub scenario: Option<&'a str>,
    /// The interaction that it proves.
    pub basis: Option<InteractionKind>,
    /// When it may go.
    pub due_at: Timestamp,
}

impl<'a> Described<'a> {
    pub(crate) fn of(message: &'a NewMessage) -> Self {
        let NewMessage { category, basis, due_at, .. } = *message;
        Self { category, scenario: message.scenario.as_deref(), basis, due_at }
    }
}

/// Asks the rules of a message that is given now.
pub(crate) fn ask(
    policy: &Policy,
    facts: &Recipient,
    (message, wording): (&Described<'_>, Wording),
    now: Timestamp,
) -> Judgement {
    let asked = Asked {
        category: message.category,
        scenario: message.scenario,
        basis: message.basis,
        // What went lately is asked by the claim: the same body under the same client_msg_id is no repetition.
        fingerprint: 0,
    };
    if message.due_at > now.plus(SCHEDULED_AFTER) {
        // What the person will have done and got by then nobody knows.
        let mut later = policy.clone();
        [Rule::Reach, Rule::Frequency, Rule::Repeat].iter().for_each(|rule| later.set_mode(*rule, Mode::Off));
        return judge_worded(&later, facts, &asked, wording, message.due_at);
    }
    // What it proves is on record once it is accepted; the claim finds it there.
    let proving = asked.basis.map(|basis| facts.proving(basis, now));
    judge_worded(policy, proving.as_ref().unwrap_or(facts), &asked, wording, message.due_at)
}

async fn answer(
    shared: &Shared,
    mut message: Box<NewMessage>,
    worded: Option<Box<Worded>>,
    judgement: &Judgement,
) -> Result<Judged, EngineError> {
    if let Verdict::Refuse { rule, .. } = judgement.verdict {
        // Given again, it gets the answer it got, whatever the rules say of another one like it.
        let before = match message.repeat() {
            Some(repeat) => shared.store.accepted_before(vec![repeat]).await?.pop().flatten(),
            None => None,
        };
        let words = worded.filter(|_| judgement.verdict.rule() == Some(Rule::Content));
        let findings = words.map_or_else(Vec::new, |worded| content::read_findings(&worded.findings));
        let refused = Judged::Rejected(Rejected::Refused(judgement.verdict, findings));
        if before.is_none() {
            shared.refused.note(&message, rule);
            let of = (&message.template_id, message.scenario.as_ref());
            let day = message.accepted_at.day();
            shared.counts.lock().refused((message.account, day), rule, of);
        }
        return Ok(before.map_or(refused, Judged::Before));
    }
    let observed = judgement.observed.iter().map(|verdict| Heard { verdict: *verdict, observed: true });
    message.verdicts.extend(observed);
    if let Verdict::Hold { until, rule } = judgement.verdict {
        message.verdicts.push(Heard { verdict: judgement.verdict, observed: false });
        if let (Rule::Content, Some(worded)) = (rule, worded) {
            message.asking = Some(Box::new(asking(&message, *worded, until)));
        }
        put_off(&mut message, until);
    }
    Ok(Judged::Message(message))
}

fn asking(message: &NewMessage, worded: Worded, expires_at: Timestamp) -> Asking {
    let Worded { alike, findings, .. } = worded;
    let (due_at, deadline_at) = (message.due_at, message.deadline_at);
    Asking { alike, findings, due_at, deadline_at, expires_at }
}

/// Moves the due time on. The deadline stays, as where a claim holds it: what a rule held is late, and in that step. What
/// the caller said of its expiry stands too.
fn put_off(message: &mut NewMessage, until: Timestamp) {
    message.due_at = until;
}
