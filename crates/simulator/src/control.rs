//! The control side without HTTP: what tests and the demo call directly, and `/_sim/*` calls for others.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::account::{Account, Profile};
use crate::bodies::{
    AccountBody, EventBody, EventKind, FaultsBody, FollowerStatus, FollowersBody, TemplateBody,
};
use crate::faults::Faults;
use crate::outbox::Push;
use crate::push_text::{Subject, Value};
use crate::receipts;
use crate::reports::{LedgerEntry, LedgerQuery, PhoneMessage, Stats};
use crate::template::{Template, template_id_from};
use crate::world::World;

/// Why a control call changed nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ControlError {
    /// No account has that appid.
    #[error("there is no account {0}; POST /_sim/accounts makes one")]
    UnknownAccount(String),
    /// The body says something that cannot be; the sentence begins with the field.
    #[error("{0}")]
    Invalid(String),
}

/// Followers made in one call; a million openids are 31 MB of JSON.
const FOLLOWERS_A_CALL: usize = 1_000_000;

/// The control side of one simulator.
pub struct Control<'a> {
    pub(crate) world: &'a Arc<World>,
}

impl Control<'_> {
    /// What has happened since the start.
    pub fn stats(&self) -> Stats {
        let waiting = self.world.outbox.waiting() + self.world.hosts.backlog();
        self.world.counters.read(waiting as u64)
    }

    /// Makes an account, or changes the fields given of one that is there.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a field that is missing or wrong.
    pub fn put_account(&self, body: &AccountBody) -> Result<(), ControlError> {
        let mut accounts = self.world.accounts.write();
        if let Some(account) = accounts.get(&*body.appid) {
            let changed = account.profile().changed_by(body).map_err(ControlError::Invalid)?;
            *account.profile.write() = Arc::new(changed);
            return Ok(());
        }
        let profile = Profile::new(body, &self.world.settings).map_err(ControlError::Invalid)?;
        let account = Account::new(self.world.settings.seed, profile);
        accounts.insert(account.appid.clone(), Arc::new(account));
        Ok(())
    }

    /// Gives an account a template, or changes the one named. Answers its id.
    ///
    /// # Errors
    /// An unknown account, or a content without a field.
    pub fn put_template(&self, body: &TemplateBody) -> Result<String, ControlError> {
        let account = self.account(&body.appid)?;
        let mut templates = account.templates.write();
        let known = body.template_id.as_deref().and_then(|id| templates.find(id)).cloned();
        let given = |text: &str, known: Option<&str>| match text {
            "" => known.unwrap_or_default().to_owned(),
            _ => text.to_owned(),
        };
        let title = given(&body.title, known.as_ref().map(|template| &*template.title));
        let content = given(&body.content, known.as_ref().map(|template| &*template.content));
        let made = || template_id_from(account.next_template_seed());
        let template_id = body.template_id.clone().unwrap_or_else(made);
        let mut template = Template::new(&template_id, &title, &content);
        if template.fields.is_empty() {
            let wrong = "content: it has no field; one looks like {{thing1.DATA}} or {{keyword1.DATA}}";
            return Err(ControlError::Invalid(wrong.to_owned()));
        }
        template.state = body.state.or(known.map(|template| template.state)).unwrap_or_default();
        templates.put(template);
        Ok(template_id)
    }

    /// Makes followers, or sets the state of those named. Answers their openids in order.
    ///
    /// # Errors
    /// An unknown account, or numbers that do not add up.
    pub fn put_followers(&self, body: &FollowersBody) -> Result<Vec<String>, ControlError> {
        let account = self.account(&body.appid)?;
        let special = [
            (FollowerStatus::UserBlocked, body.user_blocked),
            (FollowerStatus::Unfollowed, body.unfollowed),
            (FollowerStatus::Blacklisted, body.blacklisted),
        ];
        let count = body.count as usize;
        let special_count: usize = special.iter().map(|(_, count)| *count as usize).sum();
        let invalid = |sentence: &str| Err(ControlError::Invalid(sentence.to_owned()));
        if count > FOLLOWERS_A_CALL || body.openids.len() > FOLLOWERS_A_CALL {
            return invalid("count: at most 1000000 followers a call");
        }
        if special_count > count {
            return invalid("count: it is less than user_blocked, unfollowed and blacklisted together");
        }
        if body.openids.iter().any(|openid| openid.is_empty() || openid.len() > 64 || !is_openid(openid)) {
            return invalid("openids: each is 1 to 64 of [A-Za-z0-9_-]");
        }
        let ordinary = std::iter::repeat_n(body.status, count - special_count);
        let special =
            special.iter().flat_map(|(status, count)| std::iter::repeat_n(*status, *count as usize));
        let mut followers = account.followers.write();
        body.openids.iter().for_each(|openid| followers.set(openid, body.status));
        let made = ordinary.chain(special).map(|status| followers.make(account.seed, status));
        Ok(body.openids.iter().cloned().chain(made.collect::<Vec<_>>()).collect())
    }

    /// Lets a person do something; the account's callback hears of it, if it has one.
    ///
    /// # Errors
    /// An unknown account, or an openid that is none of its people.
    pub fn event(&self, body: &EventBody) -> Result<(), ControlError> {
        let account = self.account(&body.appid)?;
        let status = account.followers.read().status(&body.openid);
        let unknown = || ControlError::Invalid("openid: the account does not know this person".to_owned());
        let follows = status.ok_or_else(unknown)? != FollowerStatus::Unfollowed;
        let becomes = match body.kind {
            EventKind::Unfollow => Some(FollowerStatus::Unfollowed),
            EventKind::Follow | EventKind::Scan if !follows => Some(FollowerStatus::Following),
            _ => None,
        };
        if let Some(status) = becomes.filter(|_| body.forged.is_none()) {
            account.followers.write().set(&body.openid, status);
        }
        let now_ms = self.world.now_ms();
        let subject = self.subject(body, follows);
        if account.profile().callback.is_some() {
            let openid = body.openid.as_str().into();
            let (at_seconds, forged) = (now_ms / 1000, body.forged);
            let push = Push { account, openid, subject, at_seconds, tries: 0, forged };
            receipts::queue(self.world, now_ms, push);
        }
        Ok(())
    }

    fn subject(&self, body: &EventBody, follows: bool) -> Subject {
        let key = |usual: &str| Value::Text(body.key.clone().unwrap_or_else(|| usual.to_owned()));
        let text = |text: &str| Value::Text(text.to_owned());
        let serial = self.world.msgid_of(self.world.next_serial());
        let (event, details) = match body.kind {
            EventKind::Text => {
                let content = body.text.clone().unwrap_or_else(|| "你好".to_owned());
                return Subject::Text { content, msgid: serial };
            }
            EventKind::Follow => ("subscribe", Vec::new()),
            EventKind::Unfollow => ("unsubscribe", Vec::new()),
            EventKind::Click => ("CLICK", vec![("EventKey", key("V1001_TODAY"))]),
            EventKind::View => (
                "VIEW",
                vec![("EventKey", key("https://example.com/")), ("MenuId", Value::Number(419_141_231))],
            ),
            EventKind::Scan if follows => {
                ("SCAN", vec![("EventKey", key("123123")), ("Ticket", text("TICKET"))])
            }
            EventKind::Scan => {
                let scene = format!("qrscene_{}", body.key.as_deref().unwrap_or("123123"));
                ("subscribe", vec![("EventKey", Value::Text(scene)), ("Ticket", text("TICKET"))])
            }
            EventKind::Pay => {
                let order = format!("order_{serial}");
                let details = [("OrderId", key(&order)), ("OrderStatus", Value::Number(2))];
                let goods = [("ProductId", text("product_1")), ("SkuInfo", text("10001:1000012"))];
                ("merchant_order", details.into_iter().chain(goods).collect())
            }
        };
        Subject::Event { event, details }
    }

    /// What goes wrong from now on. Replaces what was set for the same scope; an empty body clears everything.
    ///
    /// # Errors
    /// An unknown account or path, or a rate out of range; nothing has changed then.
    pub fn set_faults(&self, body: &FaultsBody) -> Result<(), ControlError> {
        let faults = Arc::new(Faults::new(body).map_err(ControlError::Invalid)?);
        let accounts: Vec<Arc<Account>> = match body.appid.as_deref() {
            Some(appid) => vec![self.account(appid)?],
            None => self.world.accounts.read().values().cloned().collect(),
        };
        let clears_all = *body == FaultsBody::default();
        match body.appid {
            Some(_) => accounts.iter().for_each(|account| account.set_faults(&faults)),
            None => *self.world.faults_of_all.write() = Some(faults),
        }
        if clears_all {
            accounts.iter().for_each(|account| account.clear_faults());
        }
        self.world.any_faults.store(!clears_all, Ordering::Relaxed);
        if body.token_revoked {
            let now_ms = self.world.now_ms();
            accounts.iter().for_each(|account| self.world.tokens.revoke(&account.tokens, now_ms));
        }
        Ok(())
    }

    /// What one person sees, the oldest first; the last 10 minutes, as far as [`crate::Settings::details`] goes.
    pub fn phone(&self, openid: &str) -> Vec<PhoneMessage> {
        self.world.journal.phone(openid)
    }

    /// The calls of template/send that fit, the oldest first, as far as [`crate::Settings::details`] goes.
    pub fn ledger(&self, query: &LedgerQuery) -> Vec<LedgerEntry> {
        self.world.journal.list(query)
    }

    pub(crate) fn account(&self, appid: &str) -> Result<Arc<Account>, ControlError> {
        self.world.account(appid).ok_or_else(|| ControlError::UnknownAccount(appid.to_owned()))
    }
}

fn is_openid(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
