//! Step judge, asked beforehand: what would become of a message that nobody gave yet. It asks as the door does, writes
//! and counts nothing, and looks besides at what stands still.

use std::sync::Arc;

use hongyan_domain::pace::allows;
use hongyan_domain::policy::{Policy, Rule};
use hongyan_domain::{Appid, Cause, Judgement, Lane, Openid, Recipient, Timestamp, Verdict, Wording, braked};

use crate::account::catalog::{Account, Catalog};
use crate::path::accept::{Fresh, SCHEDULED_AFTER};
pub use crate::path::judge::Described;
use crate::path::judge::ask;
use crate::{Engine, EngineError, Shared};

/// A message that might be given.
pub struct Question<'a> {
    /// By which account.
    pub account: &'a Account,
    /// To whom.
    pub openid: Openid,
    /// By which template; `None`: any.
    pub template_id: Option<&'a str>,
    /// What it is and when it is due.
    pub described: Described<'a>,
    /// What the word list says of it.
    pub wording: Wording,
    /// How urgent it is.
    pub lane: Lane,
    /// From when on it would not go.
    pub expires_at: Option<Timestamp>,
}

/// What would become of it.
#[derive(Clone, Debug)]
pub struct Foretold {
    /// What the rules say.
    pub judgement: Judgement,
    /// What holds it up, whatever the rules say.
    pub still: Option<Still>,
}

/// Why nothing of an account goes, or nothing of that lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// Whose.
    pub appid: Appid,
    /// Why.
    pub why: Why,
    /// Until then; `None`: until a person lets it go on, or mends it.
    pub until: Option<Timestamp>,
}

/// What stands still, and by whose word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Everything is held.
    Held,
    /// A person paused the account: their words.
    Ordered(String),
    /// What WeChat answers, or the day's budget.
    Cause(Cause),
}

impl Foretold {
    /// Of a message that the rules let go while something stands still: it waits.
    pub fn waits(&self) -> bool {
        self.still.is_some() && !matches!(self.judgement.verdict, Verdict::Refuse { .. })
    }

    /// From when on it may go, or would not be refused: of rule and stand-still the later; `None`: nobody knows.
    pub fn until(&self) -> Option<Timestamp> {
        let held = match self.judgement.verdict {
            Verdict::Send => None,
            // It goes when a person lets it.
            Verdict::Hold { rule: Rule::Brake | Rule::Content, .. } => return None,
            verdict @ Verdict::Refuse { .. } => return verdict.until(),
            Verdict::Hold { until, .. } => Some(until),
        };
        match &self.still {
            None => held,
            Some(still) => still.until.map(|until| held.map_or(until, |held| held.max(until))),
        }
    }
}

impl Engine {
    /// Tells what would become of a message that is given now.
    pub async fn foretell(&self, question: Question<'_>) -> Result<Foretold, EngineError> {
        let catalog = self.catalog();
        Ok(foretell(&self.shared, &catalog, &[question], self.now()).await?.pop().expect("one each"))
    }
}

/// The same of messages that passed every check, in order.
pub(crate) async fn of_fresh(
    shared: &Shared,
    catalog: &Catalog,
    fresh: &[Fresh],
    now: Timestamp,
) -> Result<Vec<Foretold>, EngineError> {
    let questions = fresh.iter().map(|fresh| question(catalog, fresh)).collect::<Option<Vec<_>>>();
    foretell(shared, catalog, &questions.ok_or(EngineError::Unavailable)?, now).await
}

/// `None`: its account is gone.
fn question<'a>(catalog: &'a Catalog, fresh: &'a Fresh) -> Option<Question<'a>> {
    let Fresh { message, worded, .. } = fresh;
    Some(Question {
        account: catalog.by_id(message.account)?,
        openid: message.openid.clone(),
        template_id: Some(&*message.template_id),
        described: Described::of(message),
        wording: worded.as_ref().map_or(Wording::Clean, |worded| worded.wording),
        lane: message.lane,
        expires_at: message.expires_at,
    })
}

/// One answer each, in order.
async fn foretell(
    shared: &Shared,
    catalog: &Catalog,
    questions: &[Question<'_>],
    now: Timestamp,
) -> Result<Vec<Foretold>, EngineError> {
    let people = questions.iter().map(|asked| (asked.account.id(), asked.openid.clone())).collect();
    let known = shared.store.recipients(people).await?;
    let one = |(asked, person): (&Question<'_>, &Arc<Recipient>)| {
        let still = still(shared, catalog, (asked.account, asked.lane), now);
        Foretold { judgement: judged(asked, person, now), still }
    };
    Ok(questions.iter().zip(&known).map(one).collect())
}

fn judged(asked: &Question<'_>, person: &Recipient, now: Timestamp) -> Judgement {
    let (policies, described) = (&asked.account.policies, &asked.described);
    let is_due = described.due_at <= now.plus(SCHEDULED_AFTER);
    let policy: &Policy = policies.of(described.category, described.scenario);
    let mut judgement = ask(policy, person, (described, asked.wording), now);
    if is_due && asked.template_id.is_some_and(|template| policies.is_braked(template)) {
        // As at the door: it is taken in, and the other rules are asked when a person lets it go.
        judgement.verdict = braked(asked.expires_at, now);
        judgement.observed.clear();
    }
    judgement
}

/// What holds messages of a lane up now. A person's order goes before what WeChat's answers caused.
fn still(
    shared: &Shared,
    catalog: &Catalog,
    (account, lane): (&Account, Lane),
    now: Timestamp,
) -> Option<Still> {
    let because = |why, until| Some(Still { appid: account.appid().clone(), why, until });
    if catalog.held_since.is_some() {
        return because(Why::Held, None);
    }
    if let Some(paused) = account.record.paused.as_ref().filter(|_| account.is_paused(now)) {
        return because(Why::Ordered(paused.reason.clone()), paused.until);
    }
    let status = shared.status.lock().get(&account.id()).copied();
    if let Some(pause) = status.and_then(|status| status.pause).filter(|pause| now < pause.until) {
        return because(Why::Cause(pause.cause), Some(pause.until));
    }
    if status.is_some_and(|status| !allows(lane, (status.quota_used, status.quota_limit))) {
        return because(Why::Cause(Cause::DailyQuota), Some(now.next_day()));
    }
    let is_held = account.token.held().is_some_and(|held| now < held.expires_at);
    let trouble = account.token.trouble().filter(|_| !is_held)?;
    because(Why::Cause(trouble.cause), None)
}
