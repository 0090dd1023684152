//! How a world begins: the simulator, the line to it, the daemon, and accounts on both sides.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use hongyan_domain::Appid;
use hongyan_engine::{Engine, Manual};
use hongyan_simulator::{
    AccountBody, Clock, FollowersBody, PushFormat, PushMode, Settings, Simulator, TemplateBody,
};
use hongyan_store::{AccountDraft, CallbackKeys, KeyText, MasterKey, NewKey, Scope, Secret, StoredTemplate};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::daemon::{Daemon, Plan, timestamp};
use crate::official::{CONTENT, Official, TITLE};
use crate::wire::Wire;
use crate::world::World;

/// 2026-11-23 12:00 in Shanghai, a Monday.
const NOON_MS: i64 = 1_795_406_400_000;

/// Longer than a test that hangs is let hang.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Whether and how WeChat reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipts {
    /// The account has no callback at WeChat.
    Off,
    /// Signed and encrypted, as XML: the usual.
    Safe,
    /// The same as JSON.
    SafeJson,
    /// Plain and encrypted side by side.
    Compatible,
}

/// A world to be.
pub struct Builder {
    accounts: usize,
    followers: u32,
    receipts: Receipts,
    /// Fields of `POST /api/v1/accounts` besides the usual ones.
    account: Value,
    simulated: AccountBody,
    simulator: Settings,
    wechat: hongyan_wechat::Settings,
    engine: hongyan_engine::Settings,
    server: hongyan_server::Settings,
    /// Whether messages are judged by the house rules, or by none.
    house_rules: bool,
    bases: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            accounts: 1,
            followers: 10,
            receipts: Receipts::Safe,
            account: json!({ "limits": { "base_per_s": 0, "peak_per_s": 0, "daily": 1_000_000 } }),
            simulated: AccountBody::default(),
            simulator: Settings::default(),
            // Of the machine's time, which no test counts on: a call that a test holds is held as long as that takes.
            wechat: hongyan_wechat::Settings { timeout: PATIENCE, ..hongyan_wechat::Settings::default() },
            engine: hongyan_engine::Settings::default(),
            server: hongyan_server::Settings::default(),
            house_rules: false,
            bases: 1,
        }
    }
}

impl Builder {
    /// With the house rules in force; without this, none is.
    #[must_use]
    pub fn house_rules(mut self) -> Self {
        self.house_rules = true;
        self
    }

    /// So many accounts, each with its own followers and template.
    #[must_use]
    pub fn accounts(mut self, count: usize) -> Self {
        self.accounts = count;
        self
    }

    /// So many followers an account; ten unless said.
    #[must_use]
    pub fn followers(mut self, count: u32) -> Self {
        self.followers = count;
        self
    }

    /// How WeChat reports.
    #[must_use]
    pub fn receipts(mut self, receipts: Receipts) -> Self {
        self.receipts = receipts;
        self
    }

    /// Sends a second, sustained and at most; without this there is no pace.
    #[must_use]
    pub fn pace(self, base_per_s: u32, peak_per_s: u32) -> Self {
        self.limits(base_per_s, peak_per_s, 1_000_000)
    }

    /// The same, and sends a day.
    #[must_use]
    pub fn limits(self, base_per_s: u32, peak_per_s: u32, daily: u32) -> Self {
        let limits = json!({ "base_per_s": base_per_s, "peak_per_s": peak_per_s, "daily": daily });
        self.account(&json!({ "limits": limits }))
    }

    /// Fields of the account as it is put in here.
    #[must_use]
    pub fn account(mut self, fields: &Value) -> Self {
        self.account = crate::with(self.account, fields);
        self
    }

    /// The account as WeChat has it; appid, secret and callback are put in.
    #[must_use]
    pub fn at_wechat(mut self, body: AccountBody) -> Self {
        self.simulated = body;
        self
    }

    /// How the simulator is set up; the clock is put in.
    #[must_use]
    pub fn simulator(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.simulator);
        self
    }

    /// How the engine runs.
    #[must_use]
    pub fn engine(mut self, change: impl FnOnce(&mut hongyan_engine::Settings)) -> Self {
        change(&mut self.engine);
        self
    }

    /// How the server runs.
    #[must_use]
    pub fn server(mut self, change: impl FnOnce(&mut hongyan_server::Settings)) -> Self {
        change(&mut self.server);
        self
    }

    /// `World::detour` is WeChat's second entry, as api2 is.
    #[must_use]
    pub fn two_bases(mut self) -> Self {
        self.bases = 2;
        self
    }

    /// How long a call may stay without an answer; without this, for ever. This one is real time: keep it short.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.wechat.timeout = timeout;
        self
    }

    /// Starts everything.
    pub async fn start(mut self) -> World {
        let clock = Arc::new(AtomicI64::new(NOON_MS));
        self.simulator.clock = Clock::Manual(clock.clone());
        let (simulator, wechat) = serve_simulator(self.simulator.clone()).await;
        let (wire, detour) = (Arc::new(Wire::to(wechat)), Arc::new(Wire::to(wechat)));
        self.wechat.api_bases = [wire.url(), detour.url()].into_iter().take(self.bases).collect();
        let mut rng = StdRng::seed_from_u64(1);
        let (wechat, engine, server) = (self.wechat.clone(), self.engine.clone(), self.server.clone());
        let ours = Manual { ms: clock.clone(), ..Manual::default() };
        let plan = Plan { master_key: MasterKey::generate(&mut rng), clock: ours, wechat, engine, server };
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        door.set_nonblocking(true).expect("a socket can");
        let files = tempfile::tempdir().expect("there is a folder for temporary files");
        let listener = door.try_clone().expect("a socket can be shared");
        let daemon = Daemon::start(&plan, files.path(), listener).await.expect("the first start succeeds");
        let address = door.local_addr().expect("it is bound");
        if !self.house_rules {
            turn_off(&daemon).await;
        }
        let key = first_key(&daemon, &mut rng).await;
        let api = Api::new(address, &key);
        let officials = self.officials(&simulator, &api, &daemon).await;
        let world = World {
            simulator,
            wire,
            detour,
            clock,
            files,
            plan,
            door,
            daemon: Some(daemon),
            api,
            key,
            officials,
        };
        first_tick(&world).await;
        world
    }

    /// Makes the accounts on both sides: here the first by the API, as an operator would, and the others as they
    /// would be after a thousand such calls.
    async fn officials(&self, simulator: &Simulator, api: &Api, daemon: &Daemon) -> Vec<Official> {
        let made = |number| self.official_at_wechat(simulator, api.address(), number);
        let officials: Vec<_> = (0..self.accounts).map(made).collect();
        let Some((first, others)) = officials.split_first() else { return officials };
        let created = api.post("/api/v1/accounts", &self.draft(first)).await;
        created.expect(201);
        let sync = format!("/api/v1/accounts/{}/templates/sync", first.appid);
        api.post(&sync, &json!({})).await.expect(200);
        if !others.is_empty() {
            put_more(daemon, first, others).await;
        }
        officials
    }

    fn draft(&self, official: &Official) -> Value {
        let Official { appid, secret, token, aes_key, .. } = official;
        let mut draft = json!({ "appid": appid, "secret": secret, "name": "测试", "kind": "service" });
        if self.receipts != Receipts::Off {
            draft = crate::with(draft, &json!({ "callback": { "token": token, "aes_key": aes_key } }));
        }
        crate::with(draft, &self.account)
    }

    fn official_at_wechat(&self, simulator: &Simulator, address: SocketAddr, number: usize) -> Official {
        let appid = format!("wx{:016x}", 0x00a0_0000_0000_0000_u64 + number as u64);
        let secret = format!("5ec2e7{number:026x}");
        let aes_key = format!("{number:0>42}A").replace('0', "k");
        let (token, callback_url) =
            ("callbackToken7".to_owned(), format!("http://{address}/callback/{appid}"));
        let mut body =
            AccountBody { appid: appid.clone(), secret: Some(secret.clone()), ..self.simulated.clone() };
        if self.receipts != Receipts::Off {
            let (mode, format) = push_of(self.receipts);
            (body.push_mode, body.push_format) = (Some(mode), Some(format));
            (body.callback_url, body.token) = (Some(callback_url.clone()), Some(token.clone()));
            body.aes_key = Some(aes_key.clone());
        }
        let control = simulator.control();
        control.put_account(&body).expect("the account is sound");
        let followers =
            FollowersBody { appid: appid.clone(), count: self.followers, ..FollowersBody::default() };
        let openids = control.put_followers(&followers).expect("the account is there");
        let template = TemplateBody {
            appid: appid.clone(),
            title: TITLE.to_owned(),
            content: CONTENT.to_owned(),
            ..TemplateBody::default()
        };
        let template_id = control.put_template(&template).expect("the template has fields");
        let bodies = AtomicU64::new(0);
        Official { appid, secret, token, aes_key, template_id, openids, callback_url, bodies }
    }
}

fn push_of(receipts: Receipts) -> (PushMode, PushFormat) {
    match receipts {
        Receipts::Off | Receipts::Safe => (PushMode::Safe, PushFormat::Xml),
        Receipts::SafeJson => (PushMode::Safe, PushFormat::Json),
        Receipts::Compatible => (PushMode::Compatible, PushFormat::Xml),
    }
}

async fn serve_simulator(settings: Settings) -> (Simulator, SocketAddr) {
    let simulator = Simulator::new(settings);
    let listener =
        tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(simulator.clone().serve(listener, CancellationToken::new()));
    (simulator, address)
}

/// Puts accounts into the store like the first, as the command line does.
async fn put_more(daemon: &Daemon, first: &Official, others: &[Official]) {
    let catalog = daemon.with(|engine| async move { engine.catalog() }).await;
    let record = catalog.account(Some(&first.appid)).expect("it was put in").record.clone();
    let templates = daemon.store().templates(record.id).await.expect("the store can be read");
    let put = |other: &Official| {
        let callback = record
            .callback
            .clone()
            .map(|keys| CallbackKeys { aes_key: Some(Secret::new(&*other.aes_key)), ..keys });
        let (appid, secret) = (Appid::new(&*other.appid), Secret::new(&*other.secret));
        let draft = AccountDraft { appid: appid.expect("it is one"), secret, callback, ..record.draft() };
        (draft, StoredTemplate { template_id: other.template_id.clone(), ..templates[0].clone() })
    };
    let accounts: Vec<_> = others.iter().map(put).collect();
    let put_all = |engine: Engine| async move {
        for (draft, template) in accounts {
            let account = engine.store().put_account(draft, timestamp(NOON_MS)).await?;
            engine.store().sync_templates(account.id, vec![template], timestamp(NOON_MS)).await?;
        }
        engine.reload().await
    };
    daemon.with(put_all).await.expect("the store takes accounts");
}

/// The first round of the sweep fetches tokens and reads each account's quota beside everything else: that is over
/// before a test begins.
async fn first_tick(world: &World) {
    let calls = world.stats().calls + 2 * world.officials.len() as u64 - 1;
    world.drain().await;
    world.wire.until(|| world.stats().calls >= calls).await;
    world.drain().await;
}

async fn turn_off(daemon: &Daemon) {
    let turn_off = |engine: Engine| async move {
        hongyan_engine::rules::turn_off(engine.store(), timestamp(NOON_MS)).await?;
        engine.reload().await
    };
    daemon.with(turn_off).await.expect("the store takes rules");
}

/// The key that the operator makes on the machine itself.
async fn first_key(daemon: &Daemon, rng: &mut StdRng) -> String {
    let text = KeyText::generate(rng);
    let shown = text.expose().to_owned();
    let (name, scopes) = ("first".to_owned(), Scope::ALL.to_vec());
    let key = NewKey { text, name, scopes, accounts: Vec::new(), expires_at: None };
    let made = daemon.with(|engine| async move { engine.store().put_key(key, timestamp(NOON_MS)).await });
    made.await.expect("the store takes a key");
    shown
}
