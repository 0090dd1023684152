//! Step: take messages in. Everything that can be known is checked first (`check`); then they are committed
//! together; only then they are offered to the dispatcher. Accepted means committed.

mod check;
mod request;

use std::sync::Arc;
use std::time::Duration;

use hongyan_content::Advice;
use hongyan_domain::preview::Preview;
use hongyan_domain::validate::Overflow;
use hongyan_domain::{FieldError, MessageId, Rule, State, Timestamp, Verdict, Wording};
use hongyan_store::{Acceptance, NewMessage, Withdrawal, Worded};

use crate::account::catalog::Catalog;
use crate::content::{Found, Told};
use crate::metrics::Entered;
use crate::path::dispatch::Hint;
use crate::path::foretell::{self, Foretold};
use crate::path::gather;
use crate::path::judge::{self, Judged};
use crate::path::repeat;
use crate::path::settle::count_transition;
use crate::path::trigger::withdrawal;
use crate::trace::Traces;
use crate::{Engine, EngineError, Shared};

use self::check::Checked;
pub(crate) use self::check::{find_account, openid};
pub use self::request::{GivenMiniprogram, Request};

/// Messages that fall due later than this are scheduled: they wait in the store, not in memory.
pub(crate) const SCHEDULED_AFTER: Duration = Duration::from_secs(60);

/// What became of an acceptable request.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// It is committed.
    New(Place),
    /// It was committed before, under the same client_msg_id.
    Same(Place),
    /// A dry run: nothing is committed.
    Previewed(Box<Previewed>),
    /// An event that makes no message and only takes some back.
    Event {
        /// How many it took back now.
        cancelled: usize,
    },
}

/// What a dry run tells.
#[derive(Clone, Debug)]
pub struct Previewed {
    /// What the phone will show.
    pub preview: Preview,
    /// What the word list says.
    pub content: Told,
    /// What could be better; nothing of it blocks.
    pub advice: Vec<Advice>,
    /// What would become of it; `None` only until the rules were asked.
    pub foretold: Option<Foretold>,
}

/// A message's id and times, as the caller is told.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its id.
    pub id: MessageId,
    /// Where it stands.
    pub state: State,
    /// When it may go.
    pub due_at: Timestamp,
    /// When it should be with WeChat.
    pub deadline_at: Timestamp,
    /// What the phone will not show as it was given.
    pub warnings: Vec<FieldError>,
    /// The rule that holds it until `due_at`.
    pub held: Option<Rule>,
    /// How many triggers it is made of by now, where several become one.
    pub merged: Option<usize>,
    /// Messages that the trigger took back.
    pub cancelled: usize,
}

pub(crate) type Answer = Result<Accepted, Rejected>;

/// Why a request is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// No account has this appid.
    UnknownAccount,
    /// There are several accounts (or none), and the request names none.
    AccountNeeded,
    /// What is wrong with its fields: all of it.
    Invalid(Vec<FieldError>),
    /// Another message has this client_msg_id.
    Conflict(MessageId),
    /// A rule refuses it; for its words, these.
    Refused(Verdict, Vec<Found>),
    /// The triggers it was to join changed again and again at the same moment: give it again.
    Moved,
}

/// A new message, and what is said of its words where that is not plainly `send`.
#[derive(Clone)]
pub(crate) struct Fresh {
    pub(crate) message: Box<NewMessage>,
    pub(crate) worded: Option<Box<Worded>>,
    /// What is done with a text that is too long.
    pub(crate) overflow: Overflow,
}

impl Fresh {
    /// A trigger that joins others: its own words are looked at now only for what no message may say. What all say
    /// together is looked at when it is claimed.
    fn for_gathering(mut self) -> Self {
        self.message.marks.words = None;
        self.worded = self.worded.filter(|worded| worded.wording == Wording::Forbidden);
        self
    }
}

/// How often a trigger looks for its window anew. Only another process can open or close one meanwhile; in one batch,
/// only what a rule or a client_msg_id keeps out.
const ROUNDS: usize = 64;

/// A trigger that joins others: its place in the request, and the message of it.
type Gathering = (usize, Fresh, Vec<FieldError>);

impl Engine {
    /// Takes a batch in: answers in the order given, one for each. `Err`: nothing at all was accepted.
    pub async fn accept(&self, requests: &[Request<'_>]) -> Result<Vec<Answer>, EngineError> {
        let (catalog, now) = (self.catalog(), self.now());
        let mut messages = Vec::with_capacity(requests.len());
        let mut answers = Vec::with_capacity(requests.len());
        let (mut gathering, mut withdrawals, mut dry) = (Vec::new(), Vec::new(), Vec::new());
        for request in requests {
            let checked = self.check(&catalog, request, now);
            if checked.is_ok() {
                withdrawals.extend(withdrawn(&catalog, request, now).map(|one| (answers.len(), one)));
            }
            answers.push(match checked {
                Ok(Checked::Message(fresh, warnings)) if fresh.message.gather().is_some() => {
                    gathering.push((answers.len(), fresh.for_gathering(), warnings));
                    Err(Rejected::Moved)
                }
                Ok(Checked::Message(fresh, warnings)) => {
                    let place = place_of(&fresh.message, State::Pending, warnings);
                    messages.push(fresh);
                    Ok(Accepted::New(place))
                }
                Ok(Checked::Previewed(preview, fresh)) => {
                    dry.push(fresh);
                    Ok(Accepted::Previewed(preview))
                }
                Ok(Checked::Event) => Ok(Accepted::Event { cancelled: 0 }),
                Err(rejected) => Err(rejected),
            });
        }
        self.foretell_dry(&catalog, &dry, &mut answers, now).await?;
        repeat::recall(&self.shared.store, &catalog, requests, &mut answers).await?;
        let cancelled = self.withdraw(withdrawals, now).await?;
        let gathered = self.gather(&catalog, gathering, now).await?;
        let messages = self.judge(&catalog, messages, &mut answers, now).await?;
        if !messages.is_empty() {
            self.commit(messages, &mut answers, now).await?;
        }
        gathered.into_iter().for_each(|(place, answer)| answers[place] = answer);
        cancelled.into_iter().for_each(|(place, count)| tell_cancelled(&mut answers[place], count));
        Ok(answers)
    }

    /// Asks the rules about dry runs, which are in the order of their answers.
    async fn foretell_dry(
        &self,
        catalog: &Catalog,
        dry: &[Fresh],
        answers: &mut [Answer],
        now: Timestamp,
    ) -> Result<(), EngineError> {
        if dry.is_empty() {
            return Ok(());
        }
        let foretold = foretell::of_fresh(&self.shared, catalog, dry, now).await?;
        let previews = answers.iter_mut().filter_map(|answer| match answer {
            Ok(Accepted::Previewed(preview)) => Some(preview),
            _ => None,
        });
        previews.zip(foretold).for_each(|(preview, foretold)| preview.foretold = Some(foretold));
        Ok(())
    }

    /// Takes back what triggers take back; how many, by their places in the request. Before anything else: a trigger
    /// whose own message is refused has happened all the same.
    async fn withdraw(
        &self,
        withdrawals: Vec<(usize, Withdrawal)>,
        now: Timestamp,
    ) -> Result<Vec<(usize, usize)>, EngineError> {
        if withdrawals.is_empty() {
            return Ok(Vec::new());
        }
        let (places, withdrawals): (Vec<_>, Vec<_>) = withdrawals.into_iter().unzip();
        let went = self.shared.store.withdraw(withdrawals, now).await?;
        went.iter().flatten().for_each(|to| count_transition(&self.shared, to));
        Ok(places.into_iter().zip(went.iter().map(Vec::len)).collect())
    }

    /// Takes in triggers that become part of a message, one batch after the other: each reads what the one before wrote.
    async fn gather(
        &self,
        catalog: &Catalog,
        mut waiting: Vec<Gathering>,
        now: Timestamp,
    ) -> Result<Vec<(usize, Answer)>, EngineError> {
        let mut answered = Vec::with_capacity(waiting.len());
        if waiting.is_empty() {
            return Ok(answered);
        }
        let _one_at_a_time = self.shared.gathering.lock().await;
        for _ in 0..ROUNDS {
            let mut fresh: Vec<_> = waiting.iter().map(|(_, fresh, _)| fresh.clone()).collect();
            let warnings = gather::place(&self.shared, catalog, &mut fresh, now).await?;
            let place = |((fresh, (.., own)), said): ((&Fresh, &Gathering), Option<Vec<FieldError>>)| {
                let warnings = said.unwrap_or_else(|| own.clone());
                Ok(Accepted::New(place_of(&fresh.message, State::Pending, warnings)))
            };
            let mut answers: Vec<_> = fresh.iter().zip(&waiting).zip(warnings).map(place).collect();
            let messages = self.judge(catalog, fresh, &mut answers, now).await?;
            if !messages.is_empty() {
                self.commit(messages, &mut answers, now).await?;
            }
            let mut moved = Vec::new();
            for (one, answer) in waiting.into_iter().zip(answers) {
                match answer {
                    Err(Rejected::Moved) => moved.push(one),
                    answer => answered.push((one.0, answer)),
                }
            }
            waiting = moved;
            if waiting.is_empty() {
                break;
            }
        }
        answered.extend(waiting.into_iter().map(|(place, ..)| (place, Err(Rejected::Moved))));
        Ok(answered)
    }

    /// Asks the rules; gives what is to be committed, and corrects the answers of the others and of those held.
    async fn judge(
        &self,
        catalog: &Catalog,
        messages: Vec<Fresh>,
        answers: &mut [Answer],
        now: Timestamp,
    ) -> Result<Vec<NewMessage>, EngineError> {
        let judged = judge::early(&self.shared, catalog, messages, now).await?;
        let mut go = Vec::with_capacity(judged.len());
        for (answer, judged) in open(answers).zip(judged) {
            match judged {
                Judged::Message(message) => {
                    if let Ok(Accepted::New(place)) = answer {
                        (place.due_at, place.deadline_at) = (message.due_at, message.deadline_at);
                        place.held = held(&message);
                    }
                    go.push(*message);
                }
                Judged::Before(acceptance) => correct(answer, &acceptance),
                Judged::Rejected(rejected) => *answer = Err(rejected),
            }
        }
        Ok(go)
    }

    /// Commits, corrects the answers of those that were there already, and offers the new ones.
    ///
    /// In a task of its own: a caller that goes away must not leave a committed message that nobody offers.
    async fn commit(
        &self,
        messages: Vec<NewMessage>,
        answers: &mut [Answer],
        now: Timestamp,
    ) -> Result<(), EngineError> {
        if let Some(traces) = &self.shared.traces
            && let Some(here) = Traces::here()
        {
            traces.came(messages.iter().map(|message| message.id), &here);
        }
        let committing = tokio::spawn(commit_and_offer(self.shared.clone(), messages, now));
        let acceptances = committing.await.map_err(|_| EngineError::Unavailable)??;
        open(answers).zip(acceptances).for_each(|(answer, acceptance)| correct(answer, &acceptance));
        Ok(())
    }
}

async fn commit_and_offer(
    shared: Arc<Shared>,
    mut messages: Vec<NewMessage>,
    now: Timestamp,
) -> Result<Vec<Acceptance>, EngineError> {
    let soon = now.plus(SCHEDULED_AFTER);
    let offer = |one: &mut NewMessage| {
        let goes_soon = is_soon(one, soon) && !one.gathers();
        one.in_memory = goes_soon && shared.room.is_in(one.account, one.lane);
        goes_soon.then(|| one.ready())
    };
    let waiting: Vec<_> = messages.iter_mut().map(offer).collect();
    let acceptances = shared.store.accept(messages).await?;
    let is_fresh = |one: &&Acceptance| matches!(one, Acceptance::New | Acceptance::Withdrawn(_));
    let fresh = acceptances.iter().filter(is_fresh).count();
    let entered = Entered { state: State::Pending.as_str(), cause: "" };
    shared.metrics.messages.get_or_create(&entered).inc_by(fresh as u64);
    for acceptance in &acceptances {
        if let Acceptance::Withdrawn(to) = acceptance {
            count_transition(&shared, to);
        }
    }
    let offers = waiting.into_iter().zip(&acceptances);
    let offers = offers.filter_map(|(offer, acceptance)| offer.filter(|_| *acceptance == Acceptance::New));
    shared.hint(Hint::Offered(offers.collect())).await;
    Ok(acceptances)
}

/// What waits for a person is offered when they have decided.
fn is_soon(message: &NewMessage, soon: Timestamp) -> bool {
    message.due_at <= soon && message.asking.is_none()
}

fn place_of(message: &NewMessage, state: State, warnings: Vec<FieldError>) -> Place {
    let NewMessage { id, due_at, deadline_at, .. } = *message;
    let merged = message.gather().map(|_| 1);
    Place { id, state, due_at, deadline_at, warnings, held: None, merged, cancelled: 0 }
}

/// What an acceptable trigger takes back; a dry run nothing.
fn withdrawn(catalog: &Catalog, request: &Request<'_>, now: Timestamp) -> Option<Withdrawal> {
    let account = find_account(catalog, request).ok().filter(|_| !request.dry_run)?;
    withdrawal(account, request, now).ok()?
}

fn tell_cancelled(answer: &mut Answer, count: usize) {
    match answer {
        Ok(Accepted::Event { cancelled }) => *cancelled = count,
        Ok(Accepted::New(place) | Accepted::Same(place)) => place.cancelled = count,
        _ => {}
    }
}

/// The answers that say so far that the message is new.
fn open(answers: &mut [Answer]) -> impl Iterator<Item = &mut Answer> {
    answers.iter_mut().filter(|answer| matches!(answer, Ok(Accepted::New(_))))
}

pub(crate) fn correct(answer: &mut Answer, acceptance: &Acceptance) {
    match *acceptance {
        Acceptance::New => {}
        Acceptance::Same { id, state, due_at, deadline_at } => {
            let warnings = Vec::new();
            let (held, merged, cancelled) = (None, None, 0);
            let place = Place { id, state, due_at, deadline_at, warnings, held, merged, cancelled };
            *answer = Ok(Accepted::Same(place));
        }
        Acceptance::Joined { due_at, deadline_at, count } => {
            if let Ok(Accepted::New(place)) = answer {
                (place.due_at, place.deadline_at, place.merged) = (due_at, deadline_at, Some(count));
            }
        }
        Acceptance::Moved => *answer = Err(Rejected::Moved),
        Acceptance::Withdrawn(to) => {
            if let Ok(Accepted::New(place)) = answer {
                place.state = to.to;
            }
        }
        Acceptance::Conflict { id } => *answer = Err(Rejected::Conflict(id)),
    }
}

fn held(message: &NewMessage) -> Option<Rule> {
    let holds = message.verdicts.iter().find(|heard| !heard.observed);
    holds.and_then(|heard| heard.verdict.rule())
}
