//! The last calls of template/send in full, for the ledger and the phone. Bounded in number and age.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::account::Account;
use crate::fingerprint;
use crate::phone;
use crate::reports::{Fate, LedgerEntry, LedgerQuery, PhoneMessage, PhoneMiniprogram};
use crate::send_body::SendBody;
use crate::template::Template;

/// WeChat remembers a client_msg_id for so long; nobody can ask about more.
const KEPT_MS: i64 = 600_000;
/// The entries a ledger lists unless told otherwise.
const LISTED: usize = 1_000;

/// One call of template/send.
pub(crate) struct Entry {
    pub(crate) at_ms: i64,
    pub(crate) account: Arc<Account>,
    /// Its template, when it could be sent.
    pub(crate) template: Option<Arc<Template>>,
    pub(crate) openid: u64,
    pub(crate) client_msg_id: u64,
    pub(crate) body: Box<[u8]>,
    pub(crate) errcode: i32,
    pub(crate) msgid: Option<u64>,
    pub(crate) fate: Fate,
}

impl Entry {
    /// The name by which [`Journal`] finds an openid or a client_msg_id.
    pub(crate) fn name_of(text: Option<&str>) -> u64 {
        text.map_or(0, |text| fingerprint::of(&[text]))
    }

    fn is_on_phone(&self) -> bool {
        matches!(self.fate, Fate::Delivered | Fate::Duplicate | Fate::Released)
    }
}

/// The last entries, the oldest first.
pub(crate) struct Journal {
    entries: Mutex<VecDeque<Entry>>,
    most: usize,
}

impl Journal {
    pub(crate) fn new(most: usize) -> Journal {
        Journal { entries: Mutex::default(), most }
    }

    pub(crate) fn write(&self, entry: Entry) {
        if self.most == 0 {
            return;
        }
        let now_ms = entry.at_ms;
        let mut entries = self.entries.lock();
        let stale = |first: &Entry| first.at_ms + KEPT_MS < now_ms;
        let full = entries.len() >= self.most;
        // Up to two go for one that comes: the stale are worn away without one long call.
        let oldest = if full || entries.front().is_some_and(stale) { entries.pop_front() } else { None };
        let next_oldest = if entries.front().is_some_and(stale) { entries.pop_front() } else { None };
        entries.push_back(entry);
        drop(entries);
        drop((oldest, next_oldest));
    }

    /// The latest entries that fit the query, the oldest first.
    pub(crate) fn list(&self, query: &LedgerQuery) -> Vec<LedgerEntry> {
        let openid = query.openid.as_deref().map(|openid| fingerprint::of(&[openid]));
        let client_msg_id = query.client_msg_id.as_deref().map(|id| fingerprint::of(&[id]));
        let entries = self.entries.lock();
        let fitting = entries.iter().rev().filter(|entry| {
            openid.is_none_or(|openid| entry.openid == openid)
                && client_msg_id.is_none_or(|id| entry.client_msg_id == id)
                && query.appid.as_deref().is_none_or(|appid| *entry.account.appid == *appid)
        });
        let limit = query.limit.unwrap_or(LISTED).min(self.most);
        let mut listed: Vec<LedgerEntry> = fitting.take(limit).map(listed).collect();
        listed.reverse();
        listed
    }

    /// What came to one phone, the oldest first.
    pub(crate) fn phone(&self, openid: &str) -> Vec<PhoneMessage> {
        let name = fingerprint::of(&[openid]);
        let entries = self.entries.lock();
        entries.iter().filter(|entry| entry.openid == name && entry.is_on_phone()).filter_map(shown).collect()
    }
}

fn listed(entry: &Entry) -> LedgerEntry {
    let send = SendBody::parse(&entry.body).ok();
    let send = send.as_ref();
    LedgerEntry {
        at_ms: entry.at_ms,
        appid: entry.account.appid.to_string(),
        openid: send.and_then(|send| send.touser.owned()),
        client_msg_id: send.and_then(|send| send.client_msg_id.owned()),
        template_id: send.and_then(|send| send.template_id.owned()),
        errcode: entry.errcode,
        msgid: entry.msgid,
        fate: entry.fate,
    }
}

fn shown(entry: &Entry) -> Option<PhoneMessage> {
    let send = SendBody::parse(&entry.body).ok()?;
    let template = entry.template.as_ref()?;
    let miniprogram = send.miniprogram().map(|mini| PhoneMiniprogram {
        appid: mini.appid.owned().unwrap_or_default(),
        pagepath: mini.pagepath().map(str::to_owned),
    });
    Some(PhoneMessage {
        at_ms: entry.at_ms,
        appid: entry.account.appid.to_string(),
        title: template.title.to_string(),
        lines: phone::lines(template, &send, entry.account.profile().kind),
        url: send.url.owned(),
        miniprogram,
        msgid: entry.msgid?,
        client_msg_id: send.client_msg_id.owned(),
        duplicate: entry.fate == Fate::Duplicate,
    })
}
