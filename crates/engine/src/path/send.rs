//! Step: hand claimed messages to WeChat, and say what each came to.
//!
//! A slot is for work, not for waiting: a call that has not answered within a few milliseconds gives its
//! slot to the next and goes on without it. So a fast WeChat is spoken to by few connections, which costs
//! least, and a slow one by thousands, which waits least.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hongyan_domain::{AccountId, Event, Outcome, Timestamp};
use hongyan_store::{ClaimId, Dispatch, Ready};
use hongyan_wechat::{CallError, Miniprogram, Sent, TemplateMessage};
use serde_json::value::RawValue;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::account::catalog::Account;
use crate::account::token::{Centre, Held, TokenTrouble, Want};
use crate::clock::Clock;
use crate::content::links::Links;
use crate::path::classify::classify;
use crate::path::crew::{Crew, Job};
use crate::path::doubt::DoubtClock;
use crate::trace::{self, Traces};

/// Calls that are being worked on; 64 saturate two cores (reference: 256 cost 15–20 % more).
const SLOTS: usize = 64;
/// After so long without an answer a call is waiting, not working.
const SLOT_FOR: Duration = Duration::from_millis(3);

/// A claim whose messages are on their way. The last one back closes it.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) account: AccountId,
    pub(crate) claim: ClaimId,
    pub(crate) at: Timestamp,
    /// The same by the clock that doubts are measured by.
    doubt_at: Timestamp,
    left: AtomicU32,
}

impl Ticket {
    pub(crate) fn new(
        account: AccountId,
        claim: ClaimId,
        (at, doubt_at): (Timestamp, Timestamp),
        messages: usize,
    ) -> Arc<Self> {
        Arc::new(Self { account, claim, at, doubt_at, left: AtomicU32::new(messages as u32) })
    }

    /// One message of the claim is settled; whether it was the last.
    pub(crate) fn settle_one(&self) -> bool {
        self.left.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

/// A message that is claimed, with everything its sending takes.
pub(crate) struct Claimed {
    pub(crate) message: Ready,
    pub(crate) account: Arc<Account>,
    pub(crate) ticket: Arc<Ticket>,
}

/// Something that happened to a message, on its way to be settled.
pub(crate) struct Finished {
    pub(crate) message: Ready,
    pub(crate) ticket: Option<Arc<Ticket>>,
    pub(crate) event: Event,
    /// When it happened: it may wait before it is written.
    pub(crate) at: Timestamp,
    pub(crate) dispatch: Option<Dispatch>,
    /// The try before it, whose token WeChat refused.
    pub(crate) refused: Option<Box<Dispatch>>,
}

/// A send may start: it has a slot to work in, and a place among those that wait for WeChat.
pub(crate) struct Permit {
    /// Until it is answered.
    flight: OwnedSemaphorePermit,
    slot: OwnedSemaphorePermit,
}

/// What sending takes, shared by all sends.
pub(crate) struct Sender {
    pub(crate) clock: Clock,
    pub(crate) doubt: DoubtClock,
    pub(crate) centre: Arc<Centre>,
    links: Arc<Links>,
    traces: Option<Arc<Traces>>,
    pub(crate) finished: mpsc::Sender<Finished>,
    slots: Arc<Semaphore>,
    /// At most this many calls wait for WeChat at once.
    in_flight: Arc<Semaphore>,
    /// Wakes the dispatcher when the queue before us runs low.
    pub(crate) wants_more: Arc<Notify>,
    crew: Crew,
}

impl Sender {
    pub(crate) fn new(
        (clock, doubt): (Clock, DoubtClock),
        (centre, links, traces): (Arc<Centre>, Arc<Links>, Option<Arc<Traces>>),
        finished: mpsc::Sender<Finished>,
        max_in_flight: usize,
    ) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(SLOTS));
        let in_flight = Arc::new(Semaphore::new(max_in_flight));
        let wants_more = Arc::default();
        let crew = Crew::of(SLOTS);
        let sender =
            Self { clock, doubt, centre, links, traces, finished, slots, in_flight, wants_more, crew };
        Arc::new(sender)
    }

    /// Waits until a send may start.
    pub(crate) async fn permit(&self) -> Permit {
        let flight = self.in_flight.clone().acquire_owned().await.expect("never closed");
        let slot = self.slots.clone().acquire_owned().await.expect("never closed");
        Permit { flight, slot }
    }

    /// Starts a send.
    pub(crate) fn launch(self: &Arc<Self>, claimed: Claimed, permit: Permit) {
        self.crew.take_on(Job { sender: self.clone(), claimed, permit });
    }

    /// Gives a claimed message back of which nothing was sent.
    pub(crate) async fn release(&self, Claimed { message, ticket, .. }: Claimed) {
        let (event, at) = (Event::Released, self.clock.now());
        let released = Finished { message, ticket: Some(ticket), event, at, dispatch: None, refused: None };
        // As in `send`.
        let _ = self.finished.send(released).await;
    }

    /// Sends it, and says what it came to. Its slot is free before it is answered, where that takes long.
    pub(crate) async fn send(&self, claimed: Claimed, Permit { flight, slot }: Permit) {
        let Claimed { message, account, ticket } = claimed;
        let span = self.traces.as_ref().map(|traces| traces.begin(&message));
        let tried = {
            let call = self.call(&message, &account);
            tokio::pin!(call);
            match tokio::time::timeout(SLOT_FOR, &mut call).await {
                Ok(tried) => {
                    drop(slot);
                    tried
                }
                Err(_) => {
                    drop(slot);
                    call.await
                }
            }
        };
        let finished = self.finish(message, ticket, &tried);
        note(&account, &tried.answer, &finished);
        if let Some(span) = span {
            trace::end(span, &finished);
        }
        // The receiver outlives all senders; if it is gone the process is ending and the claim stays open.
        let _ = self.finished.send(finished).await;
        drop(flight);
    }

    /// Those who wait for a message.
    pub(crate) fn crew(&self) -> &Crew {
        &self.crew
    }

    /// One try: with a refused token, one refresh and one replay.
    async fn call(&self, message: &Ready, account: &Account) -> Tried {
        let token = self.centre.token(account).await;
        let used = token.as_ref().ok().cloned();
        let tried = self.call_by(token, message, account).await;
        match (tried.answer, used) {
            (Err(Failure::Call(error)), Some(used)) if token_refused(&error) => {
                let token = self.centre.renew(account, Want::Other(&used)).await;
                let replay = self.call_by(token, message, account).await;
                Tried { refused: Some((error, tried.took_ms)), ..replay }
            }
            (answer, _) => Tried { answer, ..tried },
        }
    }

    async fn call_by(
        &self,
        token: Result<Arc<Held>, TokenTrouble>,
        message: &Ready,
        account: &Account,
    ) -> Tried {
        let started = Instant::now();
        let call = async {
            let token = token.map_err(Failure::Token)?;
            self.look_again(message)?;
            let link = self.link(message);
            post((message, link.as_deref()), account, &token).await.map_err(Failure::Call)
        };
        let answer = call.await;
        let took_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        Tried { answer, took_ms, refused: None }
    }

    /// The address that goes out in place of the message's own; `None`: its own.
    fn link(&self, message: &Ready) -> Option<String> {
        if !message.marks.tracked || message.content.url.is_none() {
            return None;
        }
        self.links.of(message.account, message.id)
    }

    /// Between claim and call a message may have waited, for a slot or for a token: too long where it is in doubt.
    fn look_again(&self, message: &Ready) -> Result<(), Failure> {
        if self.doubt.is_forgotten(&message.standing) { Err(Failure::Forgotten) } else { Ok(()) }
    }

    fn finish(&self, message: Ready, ticket: Arc<Ticket>, tried: &Tried) -> Finished {
        let (now, standing) = (self.clock.now(), message.standing);
        let by_error = |error: &CallError| classify(Err(error), &standing, now);
        let refused = tried.refused.as_ref().map(|(error, took_ms)| {
            let failure = Dispatch { took_ms: *took_ms, ..record(&ticket, &by_error(error)) };
            Box::new(failed(failure, error))
        });
        let outcome = match &tried.answer {
            Err(Failure::Forgotten) => {
                let at = self.doubt.judged_at(message.standing.doubt_since);
                let (ticket, event) = (Some(ticket), Event::Released);
                return Finished { message, ticket, event, at, dispatch: None, refused };
            }
            Err(Failure::Token(trouble)) => Outcome::Pause { until: trouble.until, cause: trouble.cause },
            Err(Failure::Call(error)) => by_error(error),
            Ok(sent) => classify(Ok(sent), &standing, now),
        };
        let dispatch = Dispatch { took_ms: tried.took_ms, ..record(&ticket, &outcome) };
        let dispatch = Some(answered(dispatch, &tried.answer));
        let event = Event::Answered { claimed_at: ticket.doubt_at, outcome };
        Finished { message, ticket: Some(ticket), event, at: now, dispatch, refused }
    }
}

/// What the answer says about our standing with the account.
fn note(account: &Account, answer: &Result<Sent, Failure>, finished: &Finished) {
    match (answer, &finished.event) {
        (Ok(_), _) => account.token.note_sent(),
        (Err(Failure::Call(error)), Event::Answered { outcome, .. }) => {
            account.token.note_refused(error, outcome, finished.at);
        }
        _ => {}
    }
}

/// What came of a try.
struct Tried {
    answer: Result<Sent, Failure>,
    took_ms: u32,
    /// The answer before it, that refused the token, and how long it took.
    refused: Option<(CallError, u32)>,
}

/// Why a try brought no success.
enum Failure {
    /// It was not made: WeChat has forgotten an earlier one whose answer never came.
    Forgotten,
    Token(TokenTrouble),
    Call(CallError),
}

async fn post(
    (message, link): (&Ready, Option<&str>),
    account: &Account,
    token: &Held,
) -> Result<Sent, CallError> {
    let client_msg_id = message.id.client_msg_id();
    let content = &message.content;
    let miniprogram = content
        .miniprogram
        .as_ref()
        .map(|program| Miniprogram { appid: &program.appid, pagepath: program.pagepath.as_deref() });
    let data: &RawValue =
        serde_json::from_str(&content.data).expect("stored data is the JSON that `fill` wrote");
    let body = TemplateMessage {
        touser: message.openid.expose(),
        template_id: &message.template_id,
        url: link.or(content.url.as_deref()),
        miniprogram,
        client_msg_id: &client_msg_id,
        data,
    };
    account.client.send_template(token.value.expose(), &body).await
}

fn token_refused(error: &CallError) -> bool {
    use hongyan_wechat::errcode::{Class, lookup};
    error.code().and_then(lookup).is_some_and(|row| row.class == Class::RefreshToken)
}

fn record(ticket: &Ticket, outcome: &Outcome) -> Dispatch {
    Dispatch {
        claimed_at: ticket.at,
        outcome: outcome.as_str(),
        errcode: None,
        errmsg: None,
        rid: None,
        msgid: None,
        took_ms: 0,
        paused_ms: None,
    }
}

fn answered(dispatch: Dispatch, answer: &Result<Sent, Failure>) -> Dispatch {
    match answer {
        Ok(sent) => Dispatch { errcode: Some(0), msgid: sent.msgid, rid: sent.rid.clone(), ..dispatch },
        Err(Failure::Call(error)) => failed(dispatch, error),
        Err(Failure::Forgotten) => dispatch,
        Err(Failure::Token(trouble)) => {
            Dispatch { errcode: trouble.errcode, errmsg: Some(trouble.detail.clone()), ..dispatch }
        }
    }
}

fn failed(dispatch: Dispatch, error: &CallError) -> Dispatch {
    match error {
        CallError::Errcode { code, errmsg, rid } => {
            Dispatch { errcode: Some(*code), errmsg: Some(errmsg.clone()), rid: rid.clone(), ..dispatch }
        }
        error => Dispatch { errmsg: Some(error.to_string()), ..dispatch },
    }
}
