//! An account's templates: read from WeChat, kept in the store, parsed once. People change them in WeChat's console too,
//! so they are read again once an hour.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hongyan_domain::template::Template;
use hongyan_domain::{AccountId, Timestamp, industry};
use hongyan_store::{Actor, Changes, StoredTemplate};
use hongyan_wechat::PrivateTemplate;
use parking_lot::Mutex;

use crate::account::catalog::Account;
use crate::path::sweep;
use crate::{Engine, EngineError, Shared};

/// Each account's library is read so often. WeChat documents no limit for the call; what somebody changed there is
/// known within the hour.
const READ_EVERY: Duration = Duration::from_secs(3_600);
/// The library of an account that this process has just come to know is read so much later, so that a start asks for
/// nothing.
const FIRST_AFTER: Duration = Duration::from_secs(600);
/// Accounts read in one round, one after the other: five thousand in under twenty minutes.
const ACCOUNTS: usize = 5;

/// Which library is read when.
#[derive(Default)]
pub(crate) struct Reading {
    due: Mutex<HashMap<AccountId, Timestamp>>,
    /// A round is on its way: the next waits for its end.
    busy: AtomicBool,
}

/// Reads the libraries that are due, beside the sweep.
pub(crate) fn read_libraries(shared: &Arc<Shared>, now: Timestamp) {
    let due = due(shared, now);
    if due.is_empty() || shared.duties.libraries.busy.swap(true, Ordering::AcqRel) {
        return;
    }
    let running = shared.clone();
    shared.errands.spawn(async move {
        for account in due {
            running.duties.libraries.due.lock().insert(account.id(), now.plus(READ_EVERY));
            read_one(&running, &account).await;
        }
        running.duties.libraries.busy.store(false, Ordering::Release);
    });
}

/// The first few that are due, the longest due first. Accounts that are gone leave their places.
fn due(shared: &Shared, now: Timestamp) -> Vec<Arc<Account>> {
    let catalog = shared.catalog.load();
    let mut next = shared.duties.libraries.due.lock();
    next.retain(|account, _| catalog.by_id(*account).is_some());
    let mut found = Vec::new();
    for account in catalog.accounts() {
        let at = *next.entry(account.id()).or_insert(now.plus(FIRST_AFTER));
        if at <= now {
            found.push((at, account.clone()));
        }
    }
    found.sort_by_key(|(at, account)| (*at, account.id()));
    found.into_iter().take(ACCOUNTS).map(|(_, account)| account).collect()
}

/// That WeChat cannot tell, or will not, is no trouble: it is asked again in an hour.
async fn read_one(shared: &Shared, account: &Account) {
    let appid = account.appid();
    match sync(shared, &Actor::System, (account, None)).await {
        Ok(changes) if changes != Changes::default() => {
            let Changes { added, changed, removed } = changes;
            tracing::warn!(%appid, ?added, ?changed, ?removed, "somebody changed the templates at WeChat");
        }
        Ok(_) => {}
        Err(error) => tracing::debug!(%appid, %error, "could not read the templates; they are read again"),
    }
}

/// Makes our list equal to WeChat's; what is not our own doing, of the template `ours`, is noted. With it comes what
/// WeChat says of the account's industries.
async fn sync(
    shared: &Shared,
    actor: &Actor,
    (account, ours): (&Account, Option<&str>),
) -> Result<Changes, EngineError> {
    let token = shared.centre.token(account).await?;
    let listed = account.client.list_templates(token.value.expose()).await?;
    let templates = listed.into_iter().map(stored).collect();
    let store = shared.store.by(actor.clone());
    let changes = store.sync_templates_after(account.id(), ours, templates, shared.clock.now()).await?;
    read_industries(shared, account, token.value.expose()).await?;
    sweep::follow_changes(shared).await?;
    Ok(changes)
}

/// An account that never chose any has none to tell: that is no trouble.
async fn read_industries(shared: &Shared, account: &Account, token: &str) -> Result<(), EngineError> {
    let Ok(industries) = account.client.get_industry(token).await else { return Ok(()) };
    let code = |one: &hongyan_wechat::Industry| {
        industry::of_second_class(&one.second_class).map_or(0, |found| found.code)
    };
    let codes = (code(&industries.primary), code(&industries.secondary));
    shared.store.put_industries(account.id(), codes).await?;
    Ok(())
}

/// Parses what the store keeps of a template.
pub(crate) fn parse(stored: &StoredTemplate) -> Template {
    let mut template = Template::parse(stored.template_id.as_str(), &stored.title, &stored.content);
    template.example.clone_from(&stored.example);
    template.primary_industry.clone_from(&stored.primary_industry);
    template.deputy_industry.clone_from(&stored.deputy_industry);
    template
}

impl Engine {
    /// Makes our list of an account's templates equal to WeChat's. What others did there is noted.
    pub async fn sync_templates(&self, account: &Account) -> Result<Changes, EngineError> {
        self.sync_after(account, None).await
    }

    async fn sync_after(&self, account: &Account, ours: Option<&str>) -> Result<Changes, EngineError> {
        sync(&self.shared, &self.actor, (account, ours)).await
    }

    /// Adds a template of WeChat's library by its short id, with keywords in the wanted order; answers its id.
    pub async fn add_template(
        &self,
        account: &Account,
        short_id: &str,
        keywords: &[&str],
    ) -> Result<String, EngineError> {
        let token = self.token(account).await?;
        let template_id = account.client.add_template(token.value.expose(), short_id, keywords).await?;
        self.sync_after(account, Some(&template_id)).await?;
        Ok(template_id)
    }

    /// Deletes a template at WeChat and here.
    pub async fn delete_template(&self, account: &Account, template_id: &str) -> Result<(), EngineError> {
        let token = self.token(account).await?;
        account.client.delete_template(token.value.expose(), template_id).await?;
        self.sync_after(account, Some(template_id)).await?;
        Ok(())
    }
}

impl Engine {
    /// Sets both industries at WeChat and keeps the time: it allows that once a month. Whether it is time is the
    /// caller's to know ([`hongyan_domain::industry::may_change`]). WeChat deletes the templates of an industry that
    /// is left.
    pub async fn set_industry(
        &self,
        account: &Account,
        (primary, secondary): (u8, u8),
    ) -> Result<(), EngineError> {
        let token = self.token(account).await?;
        account.client.set_industry(token.value.expose(), primary, secondary).await?;
        let store = self.shared.store.by(self.actor.clone());
        store.put_industry_change(account.id(), (primary, secondary), self.now()).await?;
        store.put_industries(account.id(), (primary, secondary)).await?;
        self.reload().await
    }
}

fn stored(template: PrivateTemplate) -> StoredTemplate {
    StoredTemplate {
        template_id: template.template_id,
        title: template.title,
        content: template.content,
        example: template.example,
        primary_industry: template.primary_industry,
        deputy_industry: template.deputy_industry,
    }
}
