//! The stage of a benchmark: a folder, a simulator, accounts at both sides, a store, a server on it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use hongyan_domain::{AccountId, AccountKind, Appid, InteractionKind, Limits, Openid};
use hongyan_engine::rules;
use hongyan_simulator::Latency;
use hongyan_store::{
    AccountDraft, CallbackKeys, Interaction, KeyText, MAX_BATCH, MasterKey, NewKey, Paused, Scope, Secret,
    Sign, Store, StoredTemplate, TokenSource,
};
use serde_json::json;
use tempfile::TempDir;

use crate::bench::Pace;
use crate::bench::cast::{Account, CONTENT, Cast, TITLE};
use crate::bench::children::Running;
use crate::http::Connection;
use crate::local;

/// The callback's secrets; WeChat's own example of an EncodingAESKey.
pub(super) const CALLBACK_TOKEN: &str = "hongyanbench";
pub(super) const AES_KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
/// No limit of the simulator should be what is measured.
const BEYOND_REACH: u64 = 1_000_000_000_000;
/// People of one account: many enough that pages of the index differ, few enough to make in a moment.
const PEOPLE_MAX: usize = 10_000;

/// Whether WeChat reports what became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Reports {
    /// No callback: a message is settled when WeChat took it.
    Off,
    /// Signed and encrypted: a message is settled when it is delivered.
    On,
    /// The server could read them; the benchmark makes them, not the simulator.
    #[value(skip)]
    ByHand,
}

/// Which rules messages are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Rules {
    /// None.
    Off,
    /// The house's, and everybody tapped the menu just now.
    House,
    /// None, with the people of the house's, taps and all: what those are compared with.
    #[value(skip)]
    Lifted,
}

/// What stands on the stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) accounts: usize,
    pub(super) messages: usize,
    pub(super) latency: Latency,
    pub(super) pace: Pace,
    pub(super) reports: Reports,
    pub(super) rules: Rules,
}

impl Plan {
    /// Nothing in the way: WeChat answers at once, no pace, no rules, and nothing is reported.
    pub(super) fn bare(accounts: usize, messages: usize) -> Self {
        let (latency, pace, reports, rules) = (Latency::None, Pace::Off, Reports::Off, Rules::Off);
        Self { accounts, messages, latency, pace, reports, rules }
    }
}

pub(super) struct Stage {
    folder: TempDir,
    plan: Plan,
    pub(super) simulator: Running,
    pub(super) cast: Arc<Cast>,
    key: KeyText,
}

impl Stage {
    /// Starts the simulator and makes the accounts there and in a new store. No server runs yet.
    pub(super) async fn set(plan: Plan) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("hongyan-bench-").tempdir()?;
        let (latency, quota) = (latency_word(plan.latency), BEYOND_REACH.to_string());
        let words = ["simulate", "--listen", "127.0.0.1:0", "--latency", &latency, "--daily-quota", &quota];
        let simulator = Running::start(&words, &[], folder.path()).await?;
        let mut control = Connection::open(&simulator.authority, None).await?;
        let mut accounts = Vec::with_capacity(plan.accounts);
        for nth in 0..plan.accounts {
            accounts.push(make_account(&mut control, nth, plan).await?);
        }
        let key = KeyText::generate(&mut local::chance());
        let stage = Self { folder, plan, simulator, cast: Arc::new(Cast { accounts }), key };
        stage.fill_store().await?;
        Ok(stage)
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("hongyan.db").display())
    }

    fn key_file(&self) -> PathBuf {
        self.folder.path().join("master.key")
    }

    /// The store, while no server has it.
    pub(super) async fn store(&self) -> Result<Store> {
        let key = MasterKey::read_or_create(&self.key_file(), &mut local::chance())?;
        Ok(Store::open(hongyan_store::Settings::new(self.url(), key), local::now()).await?)
    }

    async fn fill_store(&self) -> Result<()> {
        let store = self.store().await?;
        if self.plan.rules != Rules::House {
            rules::turn_off(&store, local::now()).await?;
        }
        for account in &self.cast.accounts {
            let kept = store.put_account(draft(account, self.plan)?, local::now()).await?;
            store.sync_templates(kept.id, vec![template(account)], local::now()).await?;
            if self.plan.rules != Rules::Off {
                tap_the_menu(&store, kept.id, &account.openids).await?;
            }
        }
        let key = NewKey {
            text: self.key.clone(),
            name: "bench".to_owned(),
            scopes: Scope::ALL.to_vec(),
            accounts: vec![],
            expires_at: None,
        };
        store.put_key(key, local::now()).await?;
        Ok(())
    }

    /// Stops all accounts, or lets them go on: while no server runs.
    pub(super) async fn set_paused(&self, paused: Option<Paused>) -> Result<()> {
        let store = self.store().await?;
        for account in store.accounts().await? {
            store
                .put_account(AccountDraft { paused: paused.clone(), ..account.draft() }, local::now())
                .await?;
        }
        Ok(())
    }

    /// Starts a server on the store and, with reports on, tells the simulator where it is.
    pub(super) async fn serve(&self) -> Result<Running> {
        self.serve_with(&[]).await
    }

    /// The same, with more settings.
    pub(super) async fn serve_with(&self, more: &[(&'static str, String)]) -> Result<Running> {
        let settings = [
            ("HONGYAN_STORE__URL", self.url()),
            ("HONGYAN_SECRETS__MASTER_KEY_FILE", self.key_file().display().to_string()),
            ("HONGYAN_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
            ("HONGYAN_WECHAT__API_BASE", format!("http://{}", self.simulator.authority)),
            ("HONGYAN_LOG__LEVEL", "warn".to_owned()),
        ];
        let settings: Vec<_> = settings.into_iter().chain(more.iter().cloned()).collect();
        let server = Running::start(&["serve"], &settings, self.folder.path()).await?;
        if self.plan.reports == Reports::On {
            self.point_callbacks(&server).await?;
        }
        Ok(server)
    }

    async fn point_callbacks(&self, server: &Running) -> Result<()> {
        let mut control = self.control().await?;
        for account in &self.cast.accounts {
            let url = format!("http://{}/callback/{}", server.authority, account.appid);
            let body = json!({ "appid": account.appid, "callback_url": url, "token": CALLBACK_TOKEN, "aes_key": AES_KEY });
            control.post("/_sim/accounts", &body).await?;
        }
        Ok(())
    }

    /// The key that opens everything.
    pub(super) fn key(&self) -> &str {
        self.key.expose()
    }

    /// A connection to the simulator.
    pub(super) async fn control(&self) -> Result<Connection> {
        Connection::open(&self.simulator.authority, None).await
    }

    /// A connection to a server of this stage, with a key that opens everything.
    pub(super) async fn connect(&self, server: &Running) -> Result<Connection> {
        Connection::open(&server.authority, Some(self.key.expose())).await
    }
}

fn latency_word(latency: Latency) -> String {
    match latency {
        Latency::None => "none".to_owned(),
        Latency::Uniform { min_ms, max_ms } => format!("{min_ms}..{max_ms}"),
    }
}

async fn tap_the_menu(store: &Store, account: AccountId, openids: &[String]) -> Result<()> {
    let sign = Sign::Acted(InteractionKind::MenuClick);
    for some in openids.chunks(MAX_BATCH) {
        let taps = some
            .iter()
            .map(|openid| Ok(Interaction { account, openid: Openid::new(openid)?, sign, at: local::now() }));
        store.interact(taps.collect::<Result<_>>()?).await?;
    }
    Ok(())
}

async fn make_account(control: &mut Connection, nth: usize, plan: Plan) -> Result<Account> {
    let (appid, secret) = (format!("wxbench{nth:09}"), format!("{nth:032x}"));
    let account = json!({
        "appid": appid, "secret": secret, "kind": "service", "same_content": "allow",
        "daily_quota": BEYOND_REACH, "minute_limit": BEYOND_REACH,
    });
    control.post("/_sim/accounts", &account).await?;
    let template = json!({ "appid": appid, "title": TITLE, "content": CONTENT });
    let template = control.post("/_sim/templates", &template).await?;
    // By the house rules nobody gets more than three a day.
    let most = if plan.rules == Rules::Off { PEOPLE_MAX } else { usize::MAX };
    let count = (plan.messages / plan.accounts).clamp(1, most);
    let people = control.post("/_sim/followers", &json!({ "appid": appid, "count": count })).await?;
    let openids = people["openids"].as_array().context("the simulator names no openids")?;
    Ok(Account {
        appid,
        secret: Secret::new(secret),
        template_id: template["template_id"]
            .as_str()
            .context("the simulator names no template_id")?
            .to_owned(),
        openids: openids.iter().filter_map(|openid| openid.as_str().map(str::to_owned)).collect(),
    })
}

fn draft(account: &Account, plan: Plan) -> Result<AccountDraft> {
    // A base of 0 is no limit on rate.
    let rate = match plan.pace {
        Pace::Off => 0,
        Pace::PerSecond(rate) => rate,
    };
    let keys = CallbackKeys {
        token: Secret::new(CALLBACK_TOKEN),
        aes_key: Some(Secret::new(AES_KEY)),
        previous_aes_key: None,
    };
    Ok(AccountDraft {
        appid: Appid::new(&account.appid)?,
        name: account.appid.clone(),
        kind: AccountKind::Service,
        verified: true,
        secret: account.secret.clone(),
        callback: (plan.reports != Reports::Off).then_some(keys),
        limits: Some(Limits { base_per_s: rate, peak_per_s: rate, daily: u32::MAX }),
        proxy: None,
        token_source: TokenSource::Stable,
        paused: None,
    })
}

fn template(account: &Account) -> StoredTemplate {
    StoredTemplate {
        template_id: account.template_id.clone(),
        title: TITLE.to_owned(),
        content: CONTENT.to_owned(),
        example: String::new(),
        primary_industry: String::new(),
        deputy_industry: String::new(),
    }
}
