//! The accounts and templates in force, as one value that is swapped whole when they change.

use std::collections::HashMap;
use std::sync::Arc;

use hongyan_content::Industry;
use hongyan_domain::policy::{Cap, Over, Per, Policies};
use hongyan_domain::template::Template;
use hongyan_domain::{AccountId, Appid, Timestamp};
use hongyan_scenario::Compiled;
use hongyan_store::{
    Account as Record, Braked, Brakes, Grants, Store, StoredScenario, StoredTemplate, StoredToken,
};
use hongyan_wechat::{Client, SettingsError};

use crate::EngineError;
use crate::account::rules::Rules;
use crate::account::token::TokenCell;
use crate::content::{self, Lists, Prepared, Words, advice};

/// One official account, ready for use.
pub struct Account {
    /// As it is stored.
    pub record: Record,
    /// Its token; the same cell in every catalog that holds this account.
    pub token: Arc<TokenCell>,
    /// Its way to WeChat.
    pub client: Client,
    /// The rules its messages are judged by.
    pub policies: Policies,
    /// The words its messages are held against.
    pub words: Arc<Words>,
    /// The trade whose figures its messages are compared with, by what WeChat said of its industries; `None`: it has
    /// none of those, or nobody has asked yet.
    pub industry: Option<Industry>,
    templates: HashMap<Arc<str>, Arc<Template>>,
    scenarios: HashMap<String, Arc<Compiled>>,
    /// By an event's name, the scenarios that it takes back and the param that names their subject.
    taken_back: HashMap<String, Vec<(String, String)>>,
}

impl Account {
    /// Our number for it.
    pub fn id(&self) -> AccountId {
        self.record.id
    }

    /// WeChat's name for it.
    pub fn appid(&self) -> &Appid {
        &self.record.appid
    }

    /// Whether a person paused it, and the pause is not over.
    pub fn is_paused(&self, now: Timestamp) -> bool {
        self.record.paused.as_ref().is_some_and(|paused| paused.until.is_none_or(|until| now < until))
    }

    /// The template `template_id`, if the account has it.
    pub fn template(&self, template_id: &str) -> Option<&Arc<Template>> {
        self.templates.get(template_id)
    }

    /// The scenario `name`, if the account has it.
    pub fn scenario(&self, name: &str) -> Option<&Arc<Compiled>> {
        self.scenarios.get(name)
    }

    /// The names of the scenarios that fill this template, in order.
    pub fn scenarios_of<'a>(&'a self, template_id: &'a str) -> impl Iterator<Item = &'a str> {
        let fills = |one: &&Arc<Compiled>| one.scenario().template_id.as_deref() == Some(template_id);
        let found = self.scenarios().filter(move |one| fills(one));
        found.map(|one| one.scenario().name.as_str())
    }

    /// The scenarios that an event takes back, each with the param that names its subject.
    pub fn taken_back_by(&self, event: &str) -> &[(String, String)] {
        self.taken_back.get(event).map_or(&[], Vec::as_slice)
    }

    /// All its scenarios, by name.
    pub fn scenarios(&self) -> impl Iterator<Item = &Arc<Compiled>> {
        let mut names: Vec<_> = self.scenarios.keys().collect();
        names.sort_unstable();
        names.into_iter().map(|name| &self.scenarios[name])
    }

    /// All its templates.
    pub fn templates(&self) -> impl Iterator<Item = &Arc<Template>> {
        self.templates.values()
    }
}

/// Everything in force at one time.
#[derive(Default)]
pub struct Catalog {
    /// The store's revision it was read at.
    pub revision: u64,
    /// Since when nothing may be sent, by a person's order or because a backup was put back.
    pub held_since: Option<Timestamp>,
    lists: Lists,
    by_appid: HashMap<String, Arc<Account>>,
    by_id: HashMap<AccountId, Arc<Account>>,
}

impl Catalog {
    /// The account that `appid` names, or the only one there is when it names none.
    pub fn account(&self, appid: Option<&str>) -> Option<&Arc<Account>> {
        match appid {
            Some(appid) => self.by_appid.get(appid),
            None if self.by_id.len() == 1 => self.by_id.values().next(),
            None => None,
        }
    }

    /// The account with our number `id`.
    pub fn by_id(&self, id: AccountId) -> Option<&Arc<Account>> {
        self.by_id.get(&id)
    }

    /// Whether this account may send nothing now: paused, or everything is held.
    pub fn is_halted(&self, id: AccountId, now: Timestamp) -> bool {
        self.held_since.is_some() || self.by_id(id).is_none_or(|account| account.is_paused(now))
    }

    /// The words that messages of accounts without a list of their own are held against.
    pub fn words(&self) -> &Arc<Words> {
        self.lists.general()
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.by_id.values()
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is no account yet.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Reads everything from the store, for a command that needs no running engine.
    pub async fn from_store(store: &Store, client: &Client) -> Result<Self, EngineError> {
        Self::read((store, client), &Self::default(), &Prepared::default()).await
    }

    /// Reads everything from the store. Token cells and connections of `previous` go on being used, and word lists that
    /// were made ready.
    pub(crate) async fn read(
        (store, client): (&Store, &Client),
        previous: &Self,
        prepared: &Prepared,
    ) -> Result<Self, EngineError> {
        let (revision, held_since) = (store.revision().await?, store.held_since().await?);
        let lists = Lists::read(store, &previous.lists, prepared).await?;
        let mut catalog = Self { revision, held_since, lists, ..Self::default() };
        let rules = Rules::read(store).await?;
        let mut scenarios = compiled(store.scenarios().await?);
        let mut tokens: HashMap<_, _> = store.tokens().await?.into_iter().collect();
        let (grants, brakes) = (store.grants().await?, store.brakes(Brakes::On).await?);
        let industries = store.industries().await?;
        for record in store.accounts().await? {
            let templates = store.templates(record.id).await?;
            let token = cell(previous, &record, tokens.remove(&record.id));
            let client = match way_to_wechat(client, &record, previous) {
                Ok(client) => client,
                Err(error) => {
                    // One account that cannot be reached must not take the others with it, nor go past its proxy.
                    tracing::error!(appid = %record.appid, %error, "left out: its proxy cannot be used");
                    continue;
                }
            };
            let scenarios = scenarios.remove(&record.id).unwrap_or_default();
            let mut policies = with_caps(rules.of(record.id), &scenarios);
            brakes.iter().filter(|brake| brake.account == record.id && !brake.observed).for_each(|brake| {
                let Braked::Template(template_id) = &brake.braked;
                policies.brake(template_id);
            });
            let templates = parsed(record.id, &templates, &grants);
            let words = catalog.lists.of(record.id).clone();
            if policies.ask_for_words() {
                content::make_ready(words.clone()).await;
            }
            let taken_back = taken_back(&scenarios);
            let industry = industries.get(&record.id).copied().and_then(advice::industry_of_codes);
            let account = Arc::new(Account {
                record,
                token,
                client,
                policies,
                words,
                industry,
                scenarios,
                templates,
                taken_back,
            });
            catalog.by_appid.insert(account.appid().as_str().to_owned(), account.clone());
            catalog.by_id.insert(account.id(), account);
        }
        Ok(catalog)
    }
}

/// What scenarios cap for themselves, besides the caps of their categories.
fn with_caps(mut policies: Policies, scenarios: &HashMap<String, Arc<Compiled>>) -> Policies {
    for compiled in scenarios.values() {
        let scenario = compiled.scenario();
        let cap = |per, limit: Option<u32>| limit.map(|limit| Cap { per, over: Over::Scenario, limit });
        let caps = [cap(Per::Day, scenario.caps.per_day), cap(Per::Week, scenario.caps.per_week)];
        let caps: Vec<_> = caps.into_iter().flatten().collect();
        if !caps.is_empty() {
            policies.cap(scenario.name.as_str(), scenario.category, &caps);
        }
    }
    policies
}

fn taken_back(scenarios: &HashMap<String, Arc<Compiled>>) -> HashMap<String, Vec<(String, String)>> {
    let mut by_event: HashMap<String, Vec<_>> = HashMap::new();
    for (name, compiled) in scenarios {
        let scenario = compiled.scenario();
        let Some(subject) = &scenario.subject else { continue };
        for event in &scenario.cancelled_by {
            by_event.entry(event.as_str().to_owned()).or_default().push((name.clone(), subject.clone()));
        }
    }
    by_event
}

fn compiled(stored: Vec<StoredScenario>) -> HashMap<AccountId, HashMap<String, Arc<Compiled>>> {
    let mut all: HashMap<_, HashMap<_, _>> = HashMap::new();
    for one in stored {
        // It was sound when it was put in; an older binary may know less than the one that did.
        let read = serde_json::from_str(&one.definition).ok().map(Compiled::new);
        let Some(Ok(compiled)) = read else {
            tracing::error!(account = one.account.0, scenario = one.name, "left out: it cannot be read");
            continue;
        };
        all.entry(one.account).or_default().insert(one.name, Arc::new(compiled));
    }
    all
}

/// A token that was fetched with another secret, or elsewhere, says nothing about the account as it is now.
fn cell(previous: &Catalog, record: &Record, stored: Option<StoredToken>) -> Arc<TokenCell> {
    let is_same =
        |before: &Record| before.secret == record.secret && before.token_source == record.token_source;
    match previous.by_id(record.id) {
        Some(running) if is_same(&running.record) => running.token.clone(),
        Some(_) => Arc::default(),
        None => Arc::new(TokenCell::restored(stored)),
    }
}

/// A proxy has connections of its own; an unchanged one keeps them.
fn way_to_wechat(client: &Client, record: &Record, previous: &Catalog) -> Result<Client, SettingsError> {
    let before = previous.by_id(record.id).filter(|account| account.record.proxy == record.proxy);
    match (before, &record.proxy) {
        (Some(account), _) => Ok(account.client.clone()),
        (None, None) => Ok(client.clone()),
        (None, Some(proxy)) => client.through_proxy(proxy.expose()),
    }
}

fn parsed(
    account: AccountId,
    templates: &[StoredTemplate],
    grants: &Grants,
) -> HashMap<Arc<str>, Arc<Template>> {
    let parse = |stored: &StoredTemplate| {
        let mut template = crate::account::templates::parse(stored);
        let granted = grants.get(&(account, stored.template_id.clone())).into_iter().flatten();
        template.relax(granted.map(|(field, limit)| (field.as_str(), *limit)));
        (template.template_id.clone(), Arc::new(template))
    };
    templates.iter().map(parse).collect()
}
