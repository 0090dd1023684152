//! template/send: what is refused, what is held, what reaches the phone. The hot path.

use std::sync::Arc;

use crate::account::{BLOCKED_AT_MOST, Blocked};
use crate::bodies::{FollowerStatus, SameContent, TemplateState};
use crate::clock::minute_of;
use crate::errcode::Refusal;
use crate::fields::FieldKind;
use crate::fingerprint::{self, Fingerprint, Key96};
use crate::journal::Entry;
use crate::outbox::{Arrival, Held, Push, Task};
use crate::push_text::Status;
use crate::receipts::{self, Sent};
use crate::reports::Fate;
use crate::seen::{Acceptance, Seen, Standing};
use crate::send_body::{Miniprogram, SendBody, has_escapes};
use crate::settings::{Escapes, RepeatAnswer};
use crate::template::Template;
use crate::wire::Call;

/// An accepted send.
pub(crate) struct Accepted {
    pub(crate) msgid: u64,
    /// The receipt that comes before the answer.
    pub(crate) early: Option<Box<Push>>,
}

/// A send that nothing speaks against: its template, and what its receipt will say.
struct Checked {
    template: Arc<Template>,
    status: Status,
}

/// What became of a send, for the journal.
struct Outcome {
    fate: Fate,
    accepted: Accepted,
    template: Option<Arc<Template>>,
}

/// A template message is a few hundred bytes; the journal keeps bodies, so they are bounded here.
const LONGEST_BODY: usize = 32_768;
/// A URL longer than this is 40039; the official page gives no number, browsers stop here.
const LONGEST_URL: usize = 2_048;
/// The longest path of a page in a mini program.
const LONGEST_PAGEPATH: usize = 1_024;

pub(crate) fn send(call: &Call<'_>) -> Result<Accepted, Refusal> {
    let body = call.request.body;
    if body.is_empty() {
        return Err(Refusal::of(44002));
    }
    if body.len() > LONGEST_BODY {
        return Err(Refusal::of(45002));
    }
    if call.profile.escapes == Escapes::Refuse && has_escapes(body) {
        return Err(Refusal::of(40033));
    }
    let send = SendBody::parse(body).map_err(|_| Refusal::of(47001))?;
    let outcome = check(call, &send).and_then(|checked| accept(call, &send, checked));
    match outcome {
        Ok(outcome) => {
            call.world.counters.sends.add_one();
            let msgid = Some(outcome.accepted.msgid);
            call.world.journal.write(entry(call, &send, (0, msgid, outcome.fate), outcome.template));
            Ok(outcome.accepted)
        }
        Err(refusal) => {
            let fate = if refusal.errcode == 40252 { Fate::Held } else { Fate::Refused };
            call.world.journal.write(entry(call, &send, (refusal.errcode, None, fate), None));
            Err(refusal)
        }
    }
}

fn entry(
    call: &Call<'_>,
    send: &SendBody<'_>,
    (errcode, msgid, fate): (i32, Option<u64>, Fate),
    template: Option<Arc<Template>>,
) -> Entry {
    Entry {
        at_ms: call.now_ms,
        account: Arc::clone(call.account),
        template,
        openid: Entry::name_of(send.touser.get()),
        client_msg_id: Entry::name_of(send.client_msg_id.get()),
        body: call.request.body.into(),
        errcode,
        msgid,
        fate,
    }
}

/// All that depends on the body and the account alone.
fn check(call: &Call<'_>, send: &SendBody<'_>) -> Result<Checked, Refusal> {
    let openid = send.touser.get().ok_or(Refusal::of(40003))?;
    let status = call.account.followers.read().status(openid);
    let status = match status {
        None => return Err(Refusal::of(40003)),
        Some(FollowerStatus::Unfollowed) => return Err(Refusal::of(43004)),
        Some(FollowerStatus::Blacklisted) => return Err(Refusal::of(43019)),
        Some(FollowerStatus::Following) => Status::Success,
        Some(FollowerStatus::UserBlocked) => Status::UserBlock,
        Some(FollowerStatus::SystemFailed) => Status::SystemFailed,
        Some(FollowerStatus::FreqLimited) => Status::FreqLimit,
    };
    let template_id = send.template_id.get().ok_or(Refusal::of(40036))?;
    let template = call.account.templates.read().find(template_id).cloned();
    let template = template.ok_or(Refusal::of(40037))?;
    if template.state == TemplateState::Banned {
        return Err(Refusal::of(43116));
    }
    check_links(call, send)?;
    check_data(call, send, &template)?;
    Ok(Checked { template, status })
}

fn check_links(call: &Call<'_>, send: &SendBody<'_>) -> Result<(), Refusal> {
    if send.url.get().is_some_and(|url| url.len() > LONGEST_URL) {
        return Err(Refusal::of(40039));
    }
    let Some(mini) = send.miniprogram() else { return Ok(()) };
    let appid = mini.appid.get().unwrap_or_default();
    if call.profile.miniprograms.as_ref().is_some_and(|linked| !linked.iter().any(|known| known == appid)) {
        return Err(Refusal::of(40013));
    }
    if mini.pagepath().is_some_and(|_| !has_good_pagepath(mini)) {
        return Err(Refusal::of(40165));
    }
    Ok(())
}

/// A page's path is relative, as app.json has it, and may have a query.
fn has_good_pagepath(mini: &Miniprogram<'_>) -> bool {
    let path = mini.pagepath().unwrap_or_default();
    path.len() <= LONGEST_PAGEPATH
        && !path.starts_with('/')
        && !path.contains("://")
        && !path.contains(char::is_whitespace)
}

/// Category templates refuse what does not fit their types, legacy ones strip it silently.
fn check_data(call: &Call<'_>, send: &SendBody<'_>, template: &Template) -> Result<(), Refusal> {
    if send.data.is_none() {
        return Err(Refusal::saying(47003, "argument invalid! data is empty".to_owned()));
    }
    if !template.is_of_category() || !call.profile.enforces_limits() {
        return Ok(());
    }
    for field in template.fields.iter().filter(|field| !field.kind.is_legacy()) {
        let value = send.value(&field.name).unwrap_or_default();
        if value.is_empty() && field.kind != FieldKind::Const {
            // Spelt so in live answers.
            return Err(Refusal::bad_field(&field.name, "is emtpy"));
        }
        if !field.kind.takes(value) {
            return Err(Refusal::bad_field(&field.name, "invalid"));
        }
    }
    Ok(())
}

/// Takes the send in: repeats come to nothing, the same content is refused, some are held.
fn accept(call: &Call<'_>, send: &SendBody<'_>, checked: Checked) -> Result<Outcome, Refusal> {
    let openid = send.touser.get().unwrap_or_default();
    let key = send.client_msg_id.get().map(|id| fingerprint::wide_of(&[&call.account.appid, openid, id]));
    let age_ms = call.world.age_ms(call.now_ms);
    if let Some(Seen::Within(first)) = key.map(|key| call.world.ids.look(key, age_ms)) {
        return repeated(call, first);
    }
    refuse_what_is_too_much(call, send, key)?;
    let review_ms = call.faults.iter().find_map(|faults| faults.review_ms(&call.world.chance));
    let standing = if review_ms.is_some() { Standing::Held } else { Standing::Accepted };
    let acceptance = Acceptance { serial: call.world.next_serial(), standing };
    let seen = key.map_or(Seen::Never, |key| call.world.ids.take(key, acceptance, age_ms));
    let arrival = match seen {
        Seen::Within(first) => return repeated(call, first),
        Seen::Never => Arrival::First,
        Seen::Before => Arrival::Second,
    };
    let msgid = call.world.msgid_of(acceptance.serial);
    match review_ms {
        Some(review_ms) => Err(hold(call, send, (checked, arrival, msgid), review_ms)),
        None => Ok(delivered(call, openid, checked, (arrival, msgid))),
    }
}

/// 40241 and 43117.
fn refuse_what_is_too_much(call: &Call<'_>, send: &SendBody<'_>, key: Option<Key96>) -> Result<(), Refusal> {
    let openid = send.touser.get().unwrap_or_default();
    if call.profile.same_content == SameContent::Refuse {
        let content = content_of(call, send, openid);
        if call.world.contents.came_before(content, key, call.world.age_ms(call.now_ms)) {
            return Err(Refusal::of(40241));
        }
    }
    let Some(limit) = call.profile.openid_minute_limit else { return Ok(()) };
    if call.account.openid_rates.lock().allows(openid, minute_of(call.now_ms), limit) {
        return Ok(());
    }
    Err(Refusal::of(43117))
}

fn content_of(call: &Call<'_>, send: &SendBody<'_>, openid: &str) -> u64 {
    let head = Fingerprint::new(1)
        .part(&call.account.appid)
        .part(openid)
        .part(send.template_id.get().unwrap_or_default())
        .part(send.url.get().unwrap_or_default());
    send.values().iter().fold(head, |sum, (name, value)| sum.part(name).part(value)).finish()
}

/// The answer to a client_msg_id that came within 10 minutes.
fn repeated(call: &Call<'_>, first: Acceptance) -> Result<Outcome, Refusal> {
    call.world.counters.repeats.add_one();
    let msgid = call.world.msgid_of(first.serial);
    if first.standing == Standing::Held {
        return Err(Refusal::of(40252));
    }
    match call.world.settings.repeats {
        RepeatAnswer::SameMsgid => {
            Ok(Outcome { fate: Fate::Repeat, accepted: Accepted { msgid, early: None }, template: None })
        }
        RepeatAnswer::Errcode45065 => Err(Refusal { msgid: Some(msgid), ..Refusal::of(45065) }),
    }
}

/// Keeps the send until its review ends; the caller learns 40252.
fn hold(
    call: &Call<'_>,
    send: &SendBody<'_>,
    (checked, arrival, msgid): (Checked, Arrival, u64),
    review_ms: u32,
) -> Refusal {
    call.world.counters.held.add_one();
    let openid = send.touser.get().unwrap_or_default();
    let entry = entry(call, send, (0, Some(msgid), Fate::Released), Some(checked.template));
    let held = Held { entry, openid: openid.into(), status: checked.status, arrival };
    let at_ms = call.now_ms + i64::from(review_ms);
    if call.world.outbox.put(at_ms, Task::Release(Box::new(held))).is_err() {
        call.world.counters.pushes_dropped.add_one();
    }
    Refusal::of(40252)
}

fn delivered(
    call: &Call<'_>,
    openid: &str,
    mut checked: Checked,
    (arrival, msgid): (Arrival, u64),
) -> Outcome {
    if call.faults.iter().any(|faults| faults.blocks(&call.world.chance)) {
        remember_blocked(call);
        checked.status = Status::SystemFailed;
    }
    let sent = Sent { account: call.account, openid, msgid, status: checked.status };
    let at_ms = call.now_ms + i64::from(call.delay_ms);
    let status = receipts::drawn_status(call.world, &call.faults, checked.status);
    let early = receipts::plan(call.world, &call.faults, Sent { status, ..sent }, at_ms);
    let fate = receipts::count_arrival(call.world, status, arrival);
    Outcome { fate, accepted: Accepted { msgid, early }, template: Some(checked.template) }
}

/// Remembers a send that the platform stopped (40249, or after it was accepted), for queryblocktmplmsg.
pub(crate) fn remember_blocked(call: &Call<'_>) {
    let Ok(send) = SendBody::parse(call.request.body) else { return };
    let template_id = send.template_id.get().unwrap_or_default();
    let template = call.account.templates.read().find(template_id).cloned();
    let lines = template.as_ref().map(|template| crate::phone::lines(template, &send, call.profile.kind));
    let mut blocked = call.account.blocked.lock();
    if blocked.len() >= BLOCKED_AT_MOST {
        return;
    }
    blocked.push(Blocked {
        template_id: template_id.into(),
        title: template.map_or_else(Box::default, |template| template.title.clone()),
        content: lines.unwrap_or_default().join("\n").into(),
        at_seconds: call.now_ms / 1000,
        openid: send.touser.get().unwrap_or_default().into(),
    });
}
