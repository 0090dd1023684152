//! Step: take messages in. Everything that can be known is checked first; then they are committed
//! together; only then they are offered to the dispatcher. Accepted means committed.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hongyan_content::Advice;
use hongyan_domain::preview::{Preview, Tap, preview};
use hongyan_domain::request::{Timing, check_client_msg_id, check_miniprogram, check_timing, check_url};
use hongyan_domain::validate::{FieldRules, Overflow, fill};
use hongyan_domain::{
    Category, Content, Data, FieldCode, FieldError, InteractionKind, Lane, MessageId, Miniprogram, OnUnknown,
    Openid, Rule, State, Template, Timestamp, Verdict, Wording,
};
use hongyan_store::{Acceptance, Marks, NewMessage, Withdrawal, Worded};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::account::catalog::{Account, Catalog};
use crate::content::{self, Found, Told, advice, links};
use crate::metrics::Entered;
use crate::path::dispatch::Hint;
use crate::path::gather;
use crate::path::judge::{self, Judged};
use crate::path::settle::count_transition;
use crate::path::trigger::{triggered, withdrawal};
use crate::{Engine, EngineError, Settings, Shared};

/// Messages that fall due later than this are scheduled: they wait in the store, not in memory.
pub(crate) const SCHEDULED_AFTER: Duration = Duration::from_secs(60);

/// A request to send: WeChat's own send body and a little more. Borrowed from the bytes it came in. It holds
/// personal data, which `Debug` does not show.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request<'a> {
    /// The account; may be left out where there is only one.
    #[serde(borrow)]
    pub appid: Option<Cow<'a, str>>,
    /// The recipient's openid.
    #[serde(borrow)]
    pub touser: Cow<'a, str>,
    /// The full template id.
    #[serde(borrow)]
    pub template_id: Cow<'a, str>,
    /// The fields, `{"thing1":{"value":"…"}}` or `{"thing1":"…"}`.
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    /// Where a tap leads.
    #[serde(borrow)]
    pub url: Option<Cow<'a, str>>,
    /// The mini-program a tap opens.
    pub miniprogram: Option<GivenMiniprogram>,
    /// The caller's own id, for idempotency.
    #[serde(borrow)]
    pub client_msg_id: Option<Cow<'a, str>>,
    /// `urgent`, `normal` (the default) or `bulk`.
    pub lane: Option<Lane>,
    /// Not before this.
    pub send_at: Option<Timestamp>,
    /// Not after this.
    pub expires_at: Option<Timestamp>,
    /// What kind of word it is to the person.
    pub category: Option<Category>,
    /// The interaction that the message itself proves.
    pub basis: Option<InteractionKind>,
    /// `park` (the default) or `resend`.
    pub on_unknown: Option<OnUnknown>,
    /// The scenario, in place of template and data.
    #[serde(borrow)]
    pub scenario: Option<Cow<'a, str>>,
    /// What the scenario's expressions are worked out with: `{"order_no":"…"}`.
    #[serde(borrow)]
    pub params: Option<&'a RawValue>,
    /// When it happened, of a scenario; now, if left out.
    pub occurred_at: Option<Timestamp>,
    /// Of a text that is too long: `error` (the default) or `shorten`.
    pub overflow: Option<Overflow>,
    /// Whether taps on the link are counted; left out: as the scenario says, and not without one.
    pub track: Option<bool>,
    /// Check only, and show what the phone will show.
    pub dry_run: bool,
    /// WeChat's old field; ignored since 2023, taken so that an old body can be pasted.
    #[serde(borrow)]
    pub topcolor: Option<&'a RawValue>,
    /// As `topcolor`.
    #[serde(borrow)]
    pub color: Option<&'a RawValue>,
}

/// A mini-program as callers write it; `path` is WeChat's old name of `pagepath`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GivenMiniprogram {
    /// Its appid.
    pub appid: String,
    /// Its page.
    #[serde(alias = "path")]
    pub pagepath: Option<String>,
}

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

type Answer = Result<Accepted, Rejected>;

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

/// A request that passed every check.
enum Checked {
    Message(Fresh, Vec<FieldError>),
    Previewed(Box<Previewed>),
    Event,
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
        let (mut gathering, mut withdrawals) = (Vec::new(), Vec::new());
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
                Ok(Checked::Previewed(preview)) => Ok(Accepted::Previewed(preview)),
                Ok(Checked::Event) => Ok(Accepted::Event { cancelled: 0 }),
                Err(rejected) => Err(rejected),
            });
        }
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
        let committing = tokio::spawn(commit_and_offer(self.shared.clone(), messages, now));
        let acceptances = committing.await.map_err(|_| EngineError::Unavailable)??;
        open(answers).zip(acceptances).for_each(|(answer, acceptance)| correct(answer, &acceptance));
        Ok(())
    }

    fn check(&self, catalog: &Catalog, request: &Request<'_>, now: Timestamp) -> Result<Checked, Rejected> {
        let account = find_account(catalog, request)?;
        let mut faults = Vec::new();
        let openid = keep(&mut faults, openid(&request.touser));
        if is_event(account, request) {
            keep_all(&mut faults, withdrawal(account, request, now));
            return if faults.is_empty() { Ok(Checked::Event) } else { Err(Rejected::Invalid(faults)) };
        }
        let Some(triggered) = keep_all(&mut faults, triggered(account, request, now)) else {
            return Err(Rejected::Invalid(faults));
        };
        let template_id =
            triggered.as_ref().map_or(&*request.template_id, |triggered| triggered.template_id());
        let template = keep(&mut faults, template(account, template_id));
        let miniprogram = match &triggered {
            Some(triggered) => Some(triggered.rendered.miniprogram.clone()),
            None => keep_all(&mut faults, miniprogram(request.miniprogram.as_ref())),
        };
        let timing = Timing { send_at: request.send_at, expires_at: request.expires_at };
        keep_all(&mut faults, check_timing(timing, now));
        let url = match &triggered {
            Some(triggered) => triggered.rendered.url.as_deref(),
            None => request.url.as_deref().filter(|url| !url.trim().is_empty()),
        };
        keep(&mut faults, url.map_or(Ok(()), check_url));
        let scenario = triggered.as_ref().map(|triggered| triggered.scenario);
        let tracked = keep(&mut faults, links::tracking(&self.shared.links, (request.track, scenario), url));
        let own_id = request.client_msg_id.as_deref();
        keep(&mut faults, own_id.map_or(Ok(()), |id| check_client_msg_id(id, &request.touser)));
        let overflow = request.overflow.unwrap_or(Overflow::Error);
        let rules = FieldRules::of(account.record.kind).on_overflow(overflow);
        let data = match &triggered {
            Some(triggered) => &triggered.rendered.data,
            None => request.data.map_or("{}", RawValue::get),
        };
        let filled = template.and_then(|template| keep_all(&mut faults, filled(template, data, rules)));
        let (Some(openid), Some(template), Some(miniprogram), Some((data, filled))) =
            (openid, template, miniprogram, filled)
        else {
            return Err(Rejected::Invalid(faults));
        };
        if !faults.is_empty() {
            return Err(Rejected::Invalid(faults));
        }
        let content = Content { url: url.map(str::to_owned), miniprogram, data: filled.data };
        if request.dry_run {
            let tap = Tap::of(content.url.as_deref(), content.miniprogram.as_ref());
            let category = match &triggered {
                Some(triggered) => triggered.scenario.category,
                None => request.category.unwrap_or(Category::Service),
            };
            return Ok(Checked::Previewed(Box::new(Previewed {
                content: content::tell(&account.words, template, &data, category),
                advice: advice::with(template, &data, &tap, advice::industry_of(account, template)),
                preview: preview(template, &data, tap, rules),
            })));
        }
        let mut message = self.message(account, template, request, (openid, content, now));
        if let Some(triggered) = &triggered {
            triggered.shape(&mut message, request);
        }
        message.marks.tracked = tracked.unwrap_or(false);
        let worded = content::worded(account, template, &data, &mut message);
        Ok(Checked::Message(Fresh { message: Box::new(message), worded, overflow }, filled.warnings))
    }

    fn message(
        &self,
        account: &Account,
        template: &Template,
        request: &Request<'_>,
        (openid, content, now): (Openid, Content, Timestamp),
    ) -> NewMessage {
        let lane = request.lane.unwrap_or(Lane::Normal);
        let due_at = request.send_at.map_or(now, |at| at.max(now));
        let expires_at =
            request.expires_at.unwrap_or_else(|| due_at.plus(self.shared.settings.expires_after));
        NewMessage {
            account: account.id(),
            id: self.shared.ids.lock().next(now),
            client_msg_id: request.client_msg_id.as_deref().map(str::to_owned),
            openid,
            template_id: template.template_id.clone(),
            content,
            lane,
            scenario: None,
            category: request.category.unwrap_or(Category::Service),
            basis: request.basis,
            verdicts: Vec::new(),
            accepted_at: now,
            due_at,
            deadline_at: due_at.plus(tolerance(&self.shared.settings, lane)).min(expires_at),
            expires_at: Some(expires_at),
            on_unknown: request.on_unknown.unwrap_or(OnUnknown::Park),
            marks: Marks::default(),
            asking: None,
            ties: None,
            given: request.client_msg_id.as_ref().map_or_else(String::new, |_| request.given()),
        }
    }
}

async fn commit_and_offer(
    shared: Arc<Shared>,
    messages: Vec<NewMessage>,
    now: Timestamp,
) -> Result<Vec<Acceptance>, EngineError> {
    let soon = now.plus(SCHEDULED_AFTER);
    let waiting: Vec<_> =
        messages.iter().map(|one| (is_soon(one, soon) && !one.gathers()).then(|| one.ready())).collect();
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

impl Request<'_> {
    /// What its caller said besides person, template and content, as it was said: not what was made of it, since that
    /// may depend on the time.
    fn given(&self) -> String {
        let ms = |at: Option<Timestamp>| at.map(Timestamp::ms);
        let params = self.params.map(|params| {
            let read = serde_json::from_str::<serde_json::Value>(params.get());
            read.map_or_else(|_| params.get().to_owned(), |params| params.to_string())
        });
        let overflow = self.overflow.map(|overflow| match overflow {
            Overflow::Error => "error",
            Overflow::Shorten => "shorten",
        });
        let words = [
            self.lane.map(Lane::as_str),
            self.category.map(Category::as_str),
            self.basis.map(InteractionKind::as_str),
            self.on_unknown.map(OnUnknown::as_str),
            overflow,
            self.scenario.as_deref(),
            params.as_deref(),
            self.track.map(|track| if track { "track" } else { "no track" }),
        ];
        let times = [ms(self.send_at), ms(self.expires_at), ms(self.occurred_at)];
        serde_json::to_string(&(words, times)).expect("words and numbers are JSON")
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("template_id", &self.template_id).finish_non_exhaustive()
    }
}

fn tolerance(settings: &Settings, lane: Lane) -> Duration {
    match lane {
        Lane::Urgent => settings.tolerance.urgent,
        Lane::Normal => settings.tolerance.normal,
        Lane::Bulk => settings.tolerance.bulk,
    }
}

fn find_account<'c>(catalog: &'c Catalog, request: &Request<'_>) -> Result<&'c Arc<Account>, Rejected> {
    let missing = if request.appid.is_some() { Rejected::UnknownAccount } else { Rejected::AccountNeeded };
    catalog.account(request.appid.as_deref()).ok_or(missing)
}

fn openid(touser: &str) -> Result<Openid, FieldError> {
    if touser.is_empty() {
        return Err(FieldError::new("touser", FieldCode::Missing, "is missing: give the recipient's openid"));
    }
    Openid::new(touser).map_err(|bad| FieldError::new("touser", FieldCode::BadFormat, bad.to_string()))
}

fn template<'a>(account: &'a Account, template_id: &str) -> Result<&'a Template, FieldError> {
    if template_id.is_empty() {
        return Err(FieldError::new(
            "template_id",
            FieldCode::Missing,
            "is missing: give the full template id",
        ));
    }
    account.template(template_id).map(|template| &**template).ok_or_else(|| {
        let message =
            "is not a template of this account: check the id, or sync its templates (hongyan template sync)";
        FieldError::new("template_id", FieldCode::UnknownTemplate, message)
    })
}

fn miniprogram(given: Option<&GivenMiniprogram>) -> Result<Option<Miniprogram>, Vec<FieldError>> {
    let Some(given) = given else { return Ok(None) };
    check_miniprogram(Miniprogram { appid: given.appid.clone(), pagepath: given.pagepath.clone() })
}

type FilledData<'a> = (Data<'a>, hongyan_domain::validate::Filled);

fn filled<'a>(
    template: &Template,
    data: &'a str,
    rules: FieldRules,
) -> Result<FilledData<'a>, Vec<FieldError>> {
    let data = Data::parse(data)?;
    let filled = fill(template, &data, rules)?;
    Ok((data, filled))
}

fn keep<T>(faults: &mut Vec<FieldError>, checked: Result<T, FieldError>) -> Option<T> {
    checked.map_err(|fault| faults.push(fault)).ok()
}

fn keep_all<T>(faults: &mut Vec<FieldError>, checked: Result<T, Vec<FieldError>>) -> Option<T> {
    checked.map_err(|found| faults.extend(found)).ok()
}

fn place_of(message: &NewMessage, state: State, warnings: Vec<FieldError>) -> Place {
    let NewMessage { id, due_at, deadline_at, .. } = *message;
    let merged = message.gather().map(|_| 1);
    Place { id, state, due_at, deadline_at, warnings, held: None, merged, cancelled: 0 }
}

/// Whether the trigger only takes back: its name is no scenario's.
fn is_event(account: &Account, request: &Request<'_>) -> bool {
    let name = request.scenario.as_deref();
    name.is_some_and(|name| account.scenario(name).is_none() && !account.taken_back_by(name).is_empty())
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

fn correct(answer: &mut Answer, acceptance: &Acceptance) {
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
