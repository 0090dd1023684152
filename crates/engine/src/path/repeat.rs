//! Step: accept, of what was accepted before. A repeat under the same `client_msg_id` gets the answer that the first one
//! got, also when what it says would not be taken any more: its time is over, its template is gone. Else a caller whose
//! 202 got lost would take it for not accepted, and write to the person a second time.

use hongyan_domain::request::check_client_msg_id;
use hongyan_domain::validate::Overflow;
use hongyan_domain::{Category, Data, InteractionKind, Lane, OnUnknown, Timestamp};
use hongyan_store::{Repeat, Store};
use serde_json::value::RawValue;

use crate::EngineError;
use crate::account::catalog::Catalog;
use crate::path::accept::{Answer, GivenMiniprogram, Rejected, Request, correct, find_account, openid};

/// Corrects the answers to those requests that are not acceptable and repeat one that was.
pub(crate) async fn recall(
    store: &Store,
    catalog: &Catalog,
    requests: &[Request<'_>],
    answers: &mut [Answer],
) -> Result<(), EngineError> {
    let invalid = |answer: &Answer| matches!(answer, Err(Rejected::Invalid(_)));
    let (mut open, mut asked) = (Vec::new(), Vec::new());
    for (request, answer) in requests.iter().zip(answers).filter(|(_, answer)| invalid(answer)) {
        if let Some(repeat) = repeat(catalog, request) {
            open.push(answer);
            asked.push(repeat);
        }
    }
    if asked.is_empty() {
        return Ok(());
    }
    for (answer, before) in open.into_iter().zip(store.accepted_before(asked).await?) {
        if let Some(before) = before {
            correct(answer, &before);
        }
    }
    Ok(())
}

/// `None`: whatever was accepted before, this is no repeat of it.
fn repeat(catalog: &Catalog, request: &Request<'_>) -> Option<Repeat> {
    let client_msg_id = request.client_msg_id.as_deref().filter(|_| !request.dry_run)?;
    check_client_msg_id(client_msg_id, &request.touser).ok()?;
    let account = find_account(catalog, request).ok()?.id();
    let openid = openid(&request.touser).ok()?;
    Some(Repeat { account, client_msg_id: client_msg_id.to_owned(), openid, given: given(request) })
}

/// All that its caller said besides the person, as it was said and not what was made of it, since that depends on the
/// time and the template. Two ways to write the same are the same: the order of the fields, a number or its text.
pub(crate) fn given(request: &Request<'_>) -> String {
    let ms = |at: Option<Timestamp>| at.map(Timestamp::ms);
    let params = request.params.map(|params| {
        let read = serde_json::from_str::<serde_json::Value>(params.get());
        read.map_or_else(|_| params.get().to_owned(), |params| params.to_string())
    });
    let overflow = request.overflow.map(|overflow| match overflow {
        Overflow::Error => "error",
        Overflow::Shorten => "shorten",
    });
    let words = [
        request.lane.map(Lane::as_str),
        request.category.map(Category::as_str),
        request.basis.map(InteractionKind::as_str),
        request.on_unknown.map(OnUnknown::as_str),
        overflow,
        request.scenario.as_deref(),
        params.as_deref(),
        request.track.map(|track| if track { "track" } else { "no track" }),
        Some(&*request.template_id),
        request.url.as_deref().filter(|url| !url.trim().is_empty()),
    ];
    let times = [ms(request.send_at), ms(request.expires_at), ms(request.occurred_at)];
    let data = request.data.map_or("{}", RawValue::get);
    let read = Data::parse(data);
    let fields = read.as_ref().map_err(|_| data).map(Data::sorted);
    let program = request.miniprogram.as_ref().and_then(program);
    serde_json::to_string(&(words, times, fields, program)).expect("words and numbers are JSON")
}

/// Appid and page; an empty one is none, as where it is checked.
fn program(given: &GivenMiniprogram) -> Option<(&str, &str)> {
    let program = (&*given.appid, given.pagepath.as_deref().unwrap_or_default());
    (program != ("", "")).then_some(program)
}
