//! Step: claim. The durable intent to send, one row a batch. What the rules let through is taken from its recipient in
//! the same transaction; no message row is touched but of those they hold or end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hongyan_domain::{
    AccountId, Asked, Category, Content, Event, InteractionKind, Judgement, MessageId, Openid, Policy,
    Recipient, Rule, Standing, State, Taken, Timestamp, Verdict, Wording, braked, decide, judge_worded,
};
use rusqlite::{Connection, params};

use crate::message::Heard;
use crate::path::moves::{self, Move};
use crate::path::{approvals, own, shelve, verdicts};
use crate::people::person::{Owner, Person};
use crate::seal::keyring::AccountKeys;
use crate::seal::{self, Blind};
use crate::sqlite::queue::Turn;
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::store::{KeysOf, check_batch};
use crate::{Asking, Claim, ClaimId, Claimed, Ready, Result, Store, StoreError, Worded};

impl Store {
    /// Commits the intent to send, and judges what was not judged before. One answer a message, in the order of the
    /// claims; only those answered `Go` are in the claim.
    ///
    /// # Errors
    /// `Fenced`: this process does not own the database (any more); nothing is claimed.
    pub async fn claim(&self, claims: &[Claim<'_>]) -> Result<Vec<Claimed>> {
        claims.iter().try_for_each(|claim| check_batch(claim.messages.len()))?;
        let held = self.shared.epoch.load(Ordering::Acquire);
        let keys = self.keys_of(claims.iter().map(|claim| claim.account)).await?;
        let batches = claims.iter().map(|claim| Batch::of(keys.of(claim.account)?, claim));
        let batches = batches.collect::<Result<Vec<_>>>()?;
        let rows = batches.iter().map(Batch::rows).sum();
        let turn = Turn::of_claims(claims.iter().flat_map(|claim| claim.messages).map(|ready| ready.lane));
        self.write_in(turn, rows, move |ledger| claim_all(ledger, &keys, held, &batches)).await
    }
}

/// A claim on its way to the writer: what is dear to compute is computed.
struct Batch {
    account: AccountId,
    claim: ClaimId,
    at: Timestamp,
    messages: Vec<Wanted>,
}

/// A message that is to go.
struct Wanted {
    id: MessageId,
    standing: Standing,
    /// What an earlier try took and keeps.
    taken: Option<Taken>,
    /// `None`: nothing has to be asked.
    question: Option<Question>,
    /// Its template and scenario, where a rule may have something to say.
    of: Option<(Arc<str>, Option<Arc<str>>)>,
    /// What a brake that is on says.
    braked: Option<Verdict>,
}

/// What its judge has to know.
struct Question {
    policy: Arc<Policy>,
    openid: Openid,
    recipient: Blind,
    category: Category,
    scenario: Option<Arc<str>>,
    basis: Option<InteractionKind>,
    fingerprint: u64,
    /// What a newer word list says, and when the message was to go.
    worded: Option<Box<(Worded, Timestamp, Timestamp)>>,
}

impl Batch {
    fn of(keys: &AccountKeys, claim: &Claim<'_>) -> Result<Self> {
        let messages = claim.messages.iter().map(|ready| Wanted::of(keys, claim, ready)).collect();
        Ok(Self { account: claim.account, claim: claim.id, at: claim.at, messages })
    }

    fn rows(&self) -> usize {
        let asked = self.messages.iter().filter(|wanted| wanted.question.is_some()).count();
        asked + self.messages.len() / 8 + 1
    }
}

impl Wanted {
    fn of(keys: &AccountKeys, claim: &Claim<'_>, ready: &Ready) -> Self {
        let policy = claim.policies.of(ready.category, ready.scenario.as_deref());
        let is_asked = ready.taken.is_none() && (policy.asks() || ready.worded.is_some());
        let question = is_asked.then(|| Question::of(keys, policy, ready));
        // What may have gone already goes again inside WeChat's window, or it could never be told what became of it.
        let is_braked = claim.policies.is_braked(&ready.template_id) && ready.standing.doubt_since.is_none();
        let braked = is_braked.then(|| braked(ready.expires_at, claim.at));
        let of =
            (question.is_some() || is_braked).then(|| (ready.template_id.clone(), ready.scenario.clone()));
        Self { id: ready.id, standing: ready.standing, taken: ready.taken, question, of, braked }
    }
}

impl Question {
    fn of(keys: &AccountKeys, policy: &Arc<Policy>, ready: &Ready) -> Self {
        Self {
            policy: policy.clone(),
            openid: ready.openid.clone(),
            recipient: ready.recipient.map_or_else(|| keys.recipient(&ready.openid), |index| index.0),
            category: ready.category,
            scenario: ready.scenario.clone(),
            basis: ready.basis,
            fingerprint: fingerprint(keys, &ready.template_id, &ready.content),
            worded: ready
                .worded
                .as_deref()
                .map(|worded| Box::new((worded.clone(), ready.due_at, ready.deadline_at))),
        }
    }

    fn wording(&self) -> Wording {
        self.worded.as_deref().map_or(Wording::Clean, |(worded, ..)| worded.wording)
    }

    /// What a person is asked, where the words are held.
    fn asking(&self, expires_at: Timestamp) -> Option<Asking> {
        let (Worded { alike, findings, .. }, due_at, deadline_at) = self.worded.as_deref()?;
        let (alike, findings) = (alike.clone(), findings.clone());
        Some(Asking { alike, findings, due_at: *due_at, deadline_at: *deadline_at, expires_at })
    }

    fn asked(&self) -> Asked<'_> {
        let Self { category, basis, fingerprint, .. } = *self;
        Asked { category, scenario: self.scenario.as_deref(), basis, fingerprint }
    }
}

/// Tells contents apart, under a key: the same content to one person gives the same number.
pub(crate) fn fingerprint(keys: &AccountKeys, template_id: &str, content: &Content) -> u64 {
    let url = content.url.as_deref().unwrap_or_default();
    let page = content.miniprogram.as_ref();
    let (appid, pagepath) =
        page.map_or(("", ""), |page| (&page.appid, page.pagepath.as_deref().unwrap_or("")));
    let texts = [template_id, "\0", url, "\0", appid, "\0", pagepath, "\0", &content.data];
    let parts = texts.map(str::as_bytes);
    let [a, b, c, d, e, f, g, h, ..] = seal::blind(keys.body(), &parts);
    // JSON numbers are kept exactly by everybody up to 53 bits.
    u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 11
}

// A copy from before a try is out of date though the row waits again: it knows nothing of that try.
pub(crate) const IS_WAITING: &str = "
SELECT 1
FROM message
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'
  AND attempts = ?3";

const INSERT: &str = "
INSERT INTO claim (account, id, epoch, at, messages)
VALUES (?1, ?2, ?3, ?4, ?5)";

fn claim_all(ledger: &mut Ledger<'_>, keys: &KeysOf, held: i64, batches: &[Batch]) -> Result<Vec<Claimed>> {
    let current = own::current_epoch(ledger.conn)?;
    if held == 0 || held != current {
        return Err(StoreError::Fenced { held, current });
    }
    let mut insert = ledger.conn.prepare_cached(INSERT)?;
    let mut answers = Vec::new();
    for batch in batches {
        let mut packed = Vec::with_capacity(batch.messages.len() * PACKED_LEN);
        for wanted in &batch.messages {
            let answer = claim(ledger, keys.of(batch.account)?, batch, wanted)?;
            if let Claimed::Go(taken) = answer {
                pack(wanted.id, taken, &mut packed);
            }
            answers.push(answer);
        }
        if !packed.is_empty() {
            insert.execute(params![batch.account.0, batch.claim.0, held, batch.at.ms(), packed])?;
        }
    }
    Ok(answers)
}

fn claim(ledger: &mut Ledger<'_>, keys: &AccountKeys, batch: &Batch, wanted: &Wanted) -> Result<Claimed> {
    let stands = params![batch.account.0, wanted.id.raw(), wanted.standing.attempts];
    if !ledger.conn.prepare_cached(IS_WAITING)?.exists(stands)? {
        // It is read again, if it waits at all.
        shelve::let_go(ledger.conn, batch.account, wanted.id)?;
        return Ok(Claimed::Stale);
    }
    if let Some(verdict) = wanted.braked {
        let judgement = Judgement { verdict, taken: nothing_taken(batch.at), observed: Vec::new() };
        note(ledger, (batch.account, wanted), &judgement)?;
        return refuse(ledger, batch, wanted, verdict);
    }
    let Some(question) = &wanted.question else { return Ok(Claimed::Go(wanted.taken)) };
    let asked = question.asked();
    let person = match question.policy.asks_for_the_person() {
        true => Some(Person::read(ledger, (batch.account, question.recipient))?),
        false => None,
    };
    let nobody = Recipient::default();
    let facts = person.as_ref().map_or(&nobody, |person| &person.facts);
    let judgement = judge_worded(&question.policy, facts, &asked, question.wording(), batch.at);
    note(ledger, (batch.account, wanted), &judgement)?;
    if judgement.verdict != Verdict::Send {
        return refuse(ledger, batch, wanted, judgement.verdict);
    }
    if let Some(mut person) = person
        && person.facts.take(&question.policy, &asked, judgement.taken)
    {
        person.write_counts(ledger, Owner { keys, openid: &question.openid }, batch.at)?;
    }
    Ok(Claimed::Go(Some(judgement.taken)))
}

/// Of a message that does not go.
fn nothing_taken(at: Timestamp) -> Taken {
    Taken { at, window: None, counted: false, fingerprint: 0 }
}

fn note(
    ledger: &mut Ledger<'_>,
    (account, wanted): (AccountId, &Wanted),
    judgement: &Judgement,
) -> Result<()> {
    let at = judgement.taken.at;
    let observed = judgement.observed.iter().map(|verdict| Heard { verdict: *verdict, observed: true });
    for heard in observed.chain([Heard { verdict: judgement.verdict, observed: false }]) {
        verdicts::note(ledger, (account, wanted.id), at, heard)?;
        if let Some((template, scenario)) = &wanted.of {
            ledger.tally.judged((account, at), heard, (template, scenario.as_ref()));
        }
    }
    Ok(())
}

fn refuse(ledger: &mut Ledger<'_>, batch: &Batch, wanted: &Wanted, verdict: Verdict) -> Result<Claimed> {
    let event = match verdict {
        Verdict::Hold { until, rule } => Event::Held { until, rule },
        Verdict::Refuse { rule, .. } => Event::Forbidden(rule),
        Verdict::Send => return Ok(Claimed::Go(None)),
    };
    let (account, message, at) = (batch.account, wanted.id, batch.at);
    let Some(to) = decide(&wanted.standing, &event, at) else { return Ok(Claimed::Stale) };
    let step = Move::of((account, message), (&wanted.standing, &to), at);
    if moves::apply(ledger, &step)?.is_none() {
        return Ok(Claimed::Stale);
    }
    if let (State::Pending, Verdict::Hold { until, rule: Rule::Content }) = (to.to, verdict)
        && let Some(asking) = wanted.question.as_ref().and_then(|question| question.asking(until))
    {
        approvals::open(ledger.conn, (account, message), &asking, at)?;
    }
    Ok(Claimed::Moved(to))
}

/// A message in a claim's row: its id, the window it goes by and whether it was counted, its fingerprint.
const PACKED_LEN: usize = 17;
/// Nothing was taken for it.
const NOTHING: u8 = 0;
/// Something was taken; the lower bits are the window.
const TAKEN: u8 = 0x80;
/// The caps counted it.
const COUNTED: u8 = 0x40;

fn pack(id: MessageId, taken: Option<Taken>, packed: &mut Vec<u8>) {
    packed.extend_from_slice(&id.raw().to_le_bytes());
    packed.push(taken.map_or(NOTHING, |taken| {
        let window = taken.window.map_or(0, |kind| kind as u8 + 1);
        TAKEN | if taken.counted { COUNTED } else { 0 } | window
    }));
    packed.extend_from_slice(&taken.map_or(0, |taken| taken.fingerprint).to_le_bytes());
}

/// What a claim's row holds of a message.
#[derive(Clone, Copy)]
pub(crate) struct Packed {
    pub(crate) id: MessageId,
    flags: u8,
    fingerprint: u64,
}

impl Packed {
    /// What the claim made at `at` took for it.
    pub(crate) fn taken(self, at: Timestamp) -> Option<Taken> {
        let window = usize::from(self.flags & !(TAKEN | COUNTED)).checked_sub(1);
        let window = window.and_then(|index| InteractionKind::ALL.get(index).copied());
        let counted = self.flags & COUNTED != 0;
        (self.flags != NOTHING).then_some(Taken { at, window, counted, fingerprint: self.fingerprint })
    }
}

/// What is packed in a claim's row.
pub(crate) fn unpack(packed: &[u8]) -> impl Iterator<Item = Packed> + '_ {
    let (parts, _) = packed.as_chunks::<PACKED_LEN>();
    parts.iter().filter_map(|part| {
        let (id, rest) = part.split_first_chunk::<8>()?;
        let (flags, fingerprint) = rest.split_first()?;
        let fingerprint = u64::from_le_bytes(*fingerprint.first_chunk::<8>()?);
        Some(Packed { id: MessageId::from_raw(i64::from_le_bytes(*id))?, flags: *flags, fingerprint })
    })
}

const HELD: &str = "
SELECT id, at, messages
FROM claim
WHERE account = ?1";

const IS_ANSWERED: &str = "
SELECT 1
FROM dispatch
WHERE account = ?1
  AND message = ?2
  AND claim = ?3
UNION ALL
SELECT 1
FROM message
WHERE account = ?1
  AND id = ?2
  AND claim = ?3";

/// What the open claims of an account hold: at most what is in flight.
pub(crate) struct Held<'a> {
    conn: &'a Connection,
    account: AccountId,
    claims: HashMap<MessageId, (ClaimId, Timestamp)>,
}

impl<'a> Held<'a> {
    pub(crate) fn read(conn: &'a Connection, account: AccountId) -> Result<Self> {
        let mut open = conn.prepare_cached(HELD)?;
        let mut rows = open.query([account.0])?;
        let mut claims = HashMap::new();
        while let Some(row) = rows.next()? {
            let claim = (ClaimId(row.get(0)?), row::at(row, 1)?);
            let packed = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            claims.extend(unpack(packed).map(|packed| (packed.id, claim)));
        }
        Ok(Self { conn, account, claims })
    }

    /// As if no claim were open.
    pub(crate) fn none(conn: &'a Connection, account: AccountId) -> Self {
        Self { conn, account, claims: HashMap::new() }
    }

    /// The claim that holds this message: it was not answered under it yet.
    pub(crate) fn by(&self, message: MessageId) -> Result<Option<ClaimId>> {
        Ok(self.find(message)?.map(|(claim, _)| claim))
    }

    /// When that claim was made.
    pub(crate) fn at(&self, message: MessageId) -> Result<Option<Timestamp>> {
        Ok(self.find(message)?.map(|(_, at)| at))
    }

    fn find(&self, message: MessageId) -> Result<Option<(ClaimId, Timestamp)>> {
        let Some((claim, at)) = self.claims.get(&message).copied() else { return Ok(None) };
        let answered = is_answered(self.conn, self.account, message, claim)?;
        Ok((!answered).then_some((claim, at)))
    }

    /// All it holds.
    pub(crate) fn all(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.claims.keys().copied()
    }
}

/// Whether a try of this message under this claim came back.
pub(crate) fn is_answered(
    conn: &Connection,
    account: AccountId,
    message: MessageId,
    claim: ClaimId,
) -> Result<bool> {
    Ok(conn.prepare_cached(IS_ANSWERED)?.exists([account.0, message.raw(), claim.0])?)
}
