//! Links that go through us: made when a message is sent, followed by whoever taps, counted a batch a second. A link
//! leads to the address its own message holds and nowhere else.

use std::collections::HashMap;

use hongyan_content::links::{LinkCode, LinkKey, Utm, add_utm};
use hongyan_domain::request::PAGEPATH_MAX;
use hongyan_domain::{AccountId, FieldCode, FieldError, MessageId};
use hongyan_scenario::{Rendered, Scenario, Utm as Marks};
use hongyan_store::{Clicked, Store};
use parking_lot::Mutex;

use crate::{Engine, EngineError, Shared};

/// Messages whose taps wait to be written; what comes on top in the same second is not counted. 65,536 are 3 MiB.
const WAITING_MAX: usize = 65_536;

/// How links are made and read.
pub(crate) struct Links {
    /// The address that phones reach this server by; `None`: nobody said, and links stay as they are.
    base: Option<String>,
    key: LinkKey,
    waiting: Mutex<HashMap<(AccountId, MessageId), Clicked>>,
}

impl Links {
    pub(crate) fn new(store: &Store, public_url: Option<&str>) -> Self {
        let key = LinkKey::new(store.link_key()).expect("the store's key has 32 bytes");
        let base = public_url.map(|url| url.trim_end_matches('/').to_owned());
        Self { base, key, waiting: Mutex::default() }
    }

    /// Whether links can be counted at all.
    pub(crate) fn are_possible(&self) -> bool {
        self.base.is_some()
    }

    /// The address that goes out in place of the message's own.
    pub(crate) fn of(&self, account: AccountId, message: MessageId) -> Option<String> {
        let code = LinkCode { account, message, link: 0 }.encode(&self.key);
        Some(format!("{}/l/{code}", self.base.as_deref()?))
    }
}

impl Engine {
    /// What a code names and where it leads; `None`: nothing that we know.
    pub async fn follow(&self, code: &str) -> Result<Option<(LinkCode, String)>, EngineError> {
        let Some(found) = LinkCode::verify(code, &[&self.shared.links.key]) else { return Ok(None) };
        let url = self.shared.store.link_of(found.account, found.message).await?;
        Ok(url.map(|url| (found, url)))
    }

    /// A person followed a link. It is written within a second; nobody waits for that.
    pub fn note_click(&self, code: LinkCode) {
        let at = self.now();
        let mut waiting = self.shared.links.waiting.lock();
        let key = (code.account, code.message);
        if waiting.len() >= WAITING_MAX && !waiting.contains_key(&key) {
            return;
        }
        let (account, message) = key;
        let one =
            waiting.entry(key).or_insert(Clicked { account, message, first_at: at, last_at: at, count: 0 });
        (one.last_at, one.count) = (at, one.count.saturating_add(1));
    }
}

/// Writes the taps of the last second.
pub(crate) async fn write_clicks(shared: &Shared) -> Result<(), EngineError> {
    let waiting: Vec<_> = std::mem::take(&mut *shared.links.waiting.lock()).into_values().collect();
    for batch in waiting.chunks(hongyan_store::MAX_BATCH) {
        shared.store.record_clicks(batch.to_vec()).await?;
    }
    Ok(())
}

/// Whether a message's link is to be counted. Asked for by the request itself, it has to be possible.
pub(crate) fn tracking(
    links: &Links,
    (asked, scenario): (Option<bool>, Option<&Scenario>),
    url: Option<&str>,
) -> Result<bool, FieldError> {
    let fault = |message: &'static str| Err(FieldError::new("track", FieldCode::Missing, message));
    match asked {
        Some(true) if url.is_none() => fault("needs a `url` to count taps on"),
        Some(true) if !links.are_possible() => {
            fault("needs http.public_url: phones would not find this server")
        }
        Some(asked) => Ok(asked),
        None => {
            let wanted = scenario.is_some_and(|scenario| scenario.track_clicks);
            Ok(wanted && url.is_some() && links.are_possible())
        }
    }
}

/// Adds the marks that its scenario, or the variant's own link, asks for to where a tap leads: the web address, and the
/// page of a mini-program.
pub fn mark(scenario: &Scenario, variant: Option<&str>, rendered: &mut Rendered) -> Result<(), FieldError> {
    let own = scenario.variants.iter().find(|one| Some(one.name.as_str()) == variant);
    let link = own.and_then(|own| own.link.as_ref()).or(scenario.link.as_ref());
    let Some(asked) = link.and_then(|link| link.utm.as_ref()) else { return Ok(()) };
    let Marks { source, medium, campaign, content } = asked;
    let ours = Utm::of(scenario.name.as_str(), None);
    let utm = Utm {
        source: source.as_deref().unwrap_or(ours.source),
        medium: medium.as_deref().unwrap_or(ours.medium),
        campaign: campaign.as_deref().unwrap_or(ours.campaign),
        content: content.as_deref().or(variant).unwrap_or(ours.content),
    };
    if let Some(url) = &mut rendered.url {
        *url = add_utm(url, &utm)
            .map_err(|_| too_long("is too long with its UTM marks: at most 2,048 bytes"))?;
    }
    if let Some(page) = rendered.miniprogram.as_mut().and_then(|miniprogram| miniprogram.pagepath.as_mut()) {
        let marked = add_utm(page, &utm).ok().filter(|marked| marked.len() <= PAGEPATH_MAX);
        *page = marked.ok_or_else(|| {
            too_long("leads to a page that is too long with its UTM marks: at most 1,024 bytes")
        })?;
    }
    Ok(())
}

fn too_long(message: &'static str) -> FieldError {
    FieldError::new("link", FieldCode::TooLong, message)
}
