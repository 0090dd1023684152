//! Step accept, where several triggers become one message: which message each goes into, and what that says then.

use std::collections::HashMap;

use hongyan_domain::request::check_url;
use hongyan_domain::validate::{FieldRules, fill};
use hongyan_domain::{AccountId, Content, Data, FieldError, Timestamp};
use hongyan_scenario::{ITEMS_MAX, Params, Trigger, render};
use hongyan_store::{GATHERED_MAX, Joining, NewMessage, OpenWindow, WindowAsked};
use serde_json::value::RawValue;

use crate::account::catalog::{Account, Catalog};
use crate::content::links;
use crate::path::accept::Fresh;
use crate::path::trigger::variant;
use crate::{EngineError, Shared};

const _: () = assert!(GATHERED_MAX <= ITEMS_MAX, "a full message can be rendered");

/// Whose triggers belong together: account, openid, scenario, subject.
type Key = (AccountId, String, String, String);

/// Sends each trigger into the message that its window has now, which is written anew with it. What is to be said of each:
/// fields that are not shown as they were given; `None`: what was said of the trigger alone.
pub(crate) async fn place(
    shared: &Shared,
    catalog: &Catalog,
    triggers: &mut [Fresh],
    now: Timestamp,
) -> Result<Vec<Option<Vec<FieldError>>>, EngineError> {
    let asked: Vec<_> = triggers.iter().map(|fresh| asked(&fresh.message)).collect();
    let keys: Vec<_> = asked.iter().map(key).collect();
    let windows = shared.store.windows(asked, now).await?;
    let mut open: HashMap<&Key, OpenWindow> =
        keys.iter().zip(windows).filter_map(|(key, window)| Some((key, window?))).collect();
    let mut told = Vec::with_capacity(triggers.len());
    for (fresh, key) in triggers.iter_mut().zip(&keys) {
        let Some(account) = catalog.by_id(fresh.message.account) else {
            told.push(None);
            continue;
        };
        let joined = open.get_mut(key).and_then(|window| join(account, fresh, window, now));
        if joined.is_none() {
            begin(shared, fresh, open.contains_key(key), (account, now));
            open.remove(key);
            open.extend(window_of(&fresh.message, now).map(|window| (key, window)));
        }
        told.push(joined);
    }
    Ok(told)
}

fn asked(message: &NewMessage) -> WindowAsked {
    let (account, openid) = (message.account, message.openid.clone());
    let scenario = message.scenario.as_deref().unwrap_or_default().to_owned();
    let by = message.gather().map_or_else(String::new, |gather| gather.by.clone());
    WindowAsked { account, openid, scenario, by }
}

fn key(asked: &WindowAsked) -> Key {
    (asked.account, asked.openid.expose().to_owned(), asked.scenario.clone(), asked.by.clone())
}

/// Sends the trigger into this window's message. `None`: there is no room, or together they cannot be said.
fn join(
    account: &Account,
    fresh: &mut Fresh,
    window: &mut OpenWindow,
    now: Timestamp,
) -> Option<Vec<FieldError>> {
    if window.had >= GATHERED_MAX {
        return None;
    }
    let gather = fresh.message.gather()?;
    let before = window.items.strip_suffix(']').unwrap_or(&window.items);
    let items = format!("{before},{}]", gather.params);
    let (content, warnings) = said(account, fresh, &items, now)?;
    let message = &mut *fresh.message;
    (message.content, message.id) = (content, window.message);
    window.items.clone_from(&items);
    settle_in(message, Joining::Joins { had: window.had }, items);
    window.had += 1;
    Some(warnings)
}

fn begin(shared: &Shared, fresh: &mut Fresh, is_open: bool, (account, now): (&Account, Timestamp)) {
    let items = fresh.message.gather().map_or_else(String::new, |gather| format!("[{}]", gather.params));
    let said = said(account, fresh, &items, now);
    let message = &mut *fresh.message;
    if let Some((content, _)) = said {
        message.content = content;
    }
    // In a round before, it may have been meant for another message.
    message.id = shared.ids.lock().next(now);
    settle_in(message, if is_open { Joining::Apart } else { Joining::Opens }, items);
}

fn settle_in(message: &mut NewMessage, joining: Joining, items: String) {
    if let Some(gather) = message.ties.as_mut().and_then(|ties| ties.gather.as_mut()) {
        (gather.joining, gather.items) = (joining, items);
    }
}

/// The window that a new message opens; a trigger that came late opens none.
fn window_of(message: &NewMessage, now: Timestamp) -> Option<OpenWindow> {
    let gather = message.gather().filter(|gather| gather.until > now)?;
    Some(OpenWindow { message: message.id, had: 1, items: gather.items.clone() })
}

/// What the message says of all these triggers, and what is not shown of it as it was given; `None`: together they do not
/// fit into it.
fn said(
    account: &Account,
    Fresh { message, overflow, .. }: &Fresh,
    items: &str,
    now: Timestamp,
) -> Option<(Content, Vec<FieldError>)> {
    let compiled = account.scenario(message.scenario.as_deref()?)?;
    let items: Vec<&RawValue> = serde_json::from_str(items).ok()?;
    let items = items.iter().map(|params| Params::parse(params.get()));
    let items = items.collect::<Result<Vec<_>, _>>().ok()?;
    let variant = variant(compiled, &message.openid);
    let trigger =
        Trigger { params: items.last()?, occurred_at: None, items: &items, variant: variant.as_deref() };
    let mut rendered = render(compiled, &trigger, now).ok()?;
    links::mark(compiled.scenario(), variant.as_deref(), &mut rendered).ok()?;
    rendered.url.as_deref().map_or(Ok(()), check_url).ok()?;
    let template = account.template(&message.template_id)?;
    let data = Data::parse(&rendered.data).ok()?;
    let rules = FieldRules::of(account.record.kind).on_overflow(*overflow);
    let filled = fill(template, &data, rules).ok()?;
    let content = Content { url: rendered.url, miniprogram: rendered.miniprogram, data: filled.data };
    Some((content, filled.warnings))
}
