//! The stage of the demo: WeChat played by the simulator, an account with its people, a server on a temporary store.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use hongyan_domain::{AccountKind, Appid, Limits};
use hongyan_simulator::{
    AccountBody, ErrcodeFault, EventBody, EventKind, FaultsBody, FollowersBody, Latency, Settings, Share,
    Simulator, TemplateBody,
};
use hongyan_store::{
    AccountDraft, CallbackKeys, KeyText, MasterKey, NewKey, NewUser, PasswordHash, Role, Salt, Scope, Secret,
    Store, TokenSource,
};
use rand::seq::SliceRandom;
use rand::{CryptoRng, RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::context::Context;
use crate::node::{Node, Parts};
use crate::{listen, local};

pub(super) const APPID: &str = "wx5d0demo26hongyan";
/// The console's first admin.
const ADMIN: &str = "admin";
const LATENCY: Latency = Latency::Uniform { min_ms: 200, max_ms: 500 };
/// The peak of a verified service account: a thousand messages in ten seconds. More messages get a faster account, so
/// that a demo never takes much longer.
const USUAL_PACE: usize = 100;
const SECONDS: usize = 10;
/// People who did something before they are written to.
const INTERACTIONS: usize = 40;
/// Always the same people in the same order.
const SEED: u64 = 2026;

pub(super) struct Stage {
    pub(super) node: Node,
    pub(super) simulator: Simulator,
    /// One to be written to for each message, in the order of the messages.
    pub(super) people: Vec<String>,
    pub(super) template_id: String,
    pub(super) key: KeyText,
    /// Of the console's first admin.
    password: Secret,
    pub(super) pace: usize,
    wechat: SocketAddr,
    folder: TempDir,
    stop: CancellationToken,
}

impl Stage {
    pub(super) async fn set(context: &Context, messages: usize) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("hongyan-demo-").tempdir()?;
        let stop = CancellationToken::new();
        let (simulator, wechat) = play_wechat(context, &stop).await?;
        let node = start_node(context, &folder, wechat).await?;
        let secrets = Secrets::draw(&mut local::chance());
        let template_id = tell_wechat(&simulator, &node, &secrets)?;
        let people = invite_people(&simulator, messages)?;
        let pace = USUAL_PACE.max(messages / SECONDS);
        let key = tell_hongyan(&node, &secrets, pace).await?;
        let password = make_admin(&node).await?;
        greet(&simulator, &people)?;
        Ok(Self { node, simulator, people, template_id, key, password, pace, wechat, folder, stop })
    }

    /// What is about to happen.
    pub(super) fn introduce(&self, context: &Context) {
        let (folder, messages) = (self.folder.path().display(), self.people.len());
        context.say("demo.stage", &[("wechat", &self.wechat), ("url", &self.url()), ("folder", &folder)]);
        context.say("demo.plan", &[("messages", &messages), ("pace", &self.pace)]);
    }

    /// Where it goes on running, and what to try.
    pub(super) fn invite(&self, context: &Context) {
        let (url, key) = (self.url(), self.key.expose());
        let (person, template_id) = (&self.people[0], &self.template_id);
        let password = self.password.expose();
        let values: [(&str, &dyn std::fmt::Display); 8] = [
            ("url", &url),
            ("key", &key),
            ("admin", &ADMIN),
            ("password", &password),
            ("person", person),
            ("template_id", template_id),
            ("appid", &APPID),
            ("wechat", &self.wechat),
        ];
        context.say("demo.goes_on", &values);
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.node.address)
    }

    /// Everything ends, and the folder goes.
    pub(super) async fn leave(self) {
        self.node.stop().await;
        self.stop.cancel();
    }
}

/// The secrets of the account, new for every demo.
struct Secrets {
    secret: String,
    token: String,
    aes_key: String,
}

impl Secrets {
    fn draw(chance: &mut impl CryptoRng) -> Self {
        let mut text = |len: usize| {
            (0..len).map(|_| char::from(b"0123456789abcdef"[chance.random_range(0..16)])).collect()
        };
        Self { secret: text(32), token: text(16), aes_key: text(43) }
    }
}

async fn play_wechat(context: &Context, stop: &CancellationToken) -> Result<(Simulator, SocketAddr)> {
    let listener = listen::on(&context.texts, SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let wechat = listener.local_addr()?;
    let mut settings = Settings { latency: LATENCY, ..Settings::default() };
    settings.receipts.delay = LATENCY;
    let simulator = Simulator::new(settings);
    tokio::spawn(simulator.clone().serve(listener, stop.clone()));
    Ok((simulator, wechat))
}

async fn start_node(context: &Context, folder: &TempDir, wechat: SocketAddr) -> Result<Node> {
    let mut config = Config::defaults(&context.texts)?;
    config.store.url = format!("sqlite:{}", folder.path().join("hongyan.db").display());
    config.http.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.wechat.api_bases = vec![format!("http://{wechat}")];
    let key = MasterKey::generate(&mut local::chance());
    let store = Store::open(hongyan_store::Settings::new(&*config.store.url, key), local::now()).await?;
    Node::start(&context.texts, Parts { store, config }).await
}

/// Whoever looks round in the console; the password is as short-lived as the demo.
async fn make_admin(node: &Node) -> Result<Secret> {
    let mut chance = local::chance();
    let password = Secret::new(
        (0..12)
            .map(|_| char::from(b"abcdefghijkmnpqrstuvwxyz23456789"[chance.random_range(0..32)]))
            .collect::<String>(),
    );
    let hash = PasswordHash::of(&password, &Salt::generate(&mut chance))?;
    let user = NewUser {
        name: ADMIN.to_owned(),
        password: hash,
        role: Role::Admin,
        accounts: Vec::new(),
        language: None,
    };
    node.engine.store().put_user(user, local::now()).await?;
    Ok(password)
}

fn tell_wechat(simulator: &Simulator, node: &Node, secrets: &Secrets) -> Result<String> {
    let control = simulator.control();
    control.put_account(&AccountBody {
        appid: APPID.to_owned(),
        secret: Some(secrets.secret.clone()),
        callback_url: Some(format!("http://{}/callback/{APPID}", node.address)),
        token: Some(secrets.token.clone()),
        aes_key: Some(secrets.aes_key.clone()),
        ..AccountBody::default()
    })?;
    let template = |title: &str, content: &str| {
        let body = TemplateBody {
            appid: APPID.to_owned(),
            title: title.to_owned(),
            content: content.to_owned(),
            ..TemplateBody::default()
        };
        control.put_template(&body)
    };
    template("预约成功通知", "预约项目{{thing1.DATA}}\n预约时间{{time2.DATA}}\n预约地点{{thing3.DATA}}")?;
    let shipped = template(
        "订单发货通知",
        "商品名称{{thing1.DATA}}\n订单编号{{character_string2.DATA}}\n发货时间{{time3.DATA}}\n订单金额{{amount4.DATA}}",
    )?;
    // What goes wrong now and then: WeChat is busy, or takes a message and the answer is lost on the way.
    let busy = ErrcodeFault { errcode: -1, rate: 0.01, next: None, path: None, after: false };
    let faults = FaultsBody {
        appid: Some(APPID.to_owned()),
        errcodes: vec![busy],
        drop_after: Share::rate(0.01),
        ..FaultsBody::default()
    };
    control.set_faults(&faults)?;
    Ok(shipped)
}

/// Most follow the account; some switched its messages off, some left, some are on its blacklist, some never were.
fn invite_people(simulator: &Simulator, messages: usize) -> Result<Vec<String>> {
    let share = |percent: usize| (messages * percent / 100) as u32;
    let strangers = share(1);
    let body = FollowersBody {
        appid: APPID.to_owned(),
        count: messages as u32 - strangers,
        user_blocked: share(2),
        unfollowed: share(2),
        blacklisted: share(1),
        ..FollowersBody::default()
    };
    let mut people = simulator.control().put_followers(&body)?;
    people.extend((0..strangers).map(|nth| format!("oNobodyKnowsThisOpenid{nth:06}")));
    people.shuffle(&mut StdRng::seed_from_u64(SEED));
    Ok(people)
}

async fn tell_hongyan(node: &Node, secrets: &Secrets, pace: usize) -> Result<KeyText> {
    let store = node.engine.store();
    let pace = u32::try_from(pace).unwrap_or(u32::MAX);
    let callback = CallbackKeys {
        token: Secret::new(&*secrets.token),
        aes_key: Some(Secret::new(&*secrets.aes_key)),
        previous_aes_key: None,
    };
    let draft = AccountDraft {
        appid: Appid::new(APPID)?,
        name: "鸿雁演示".to_owned(),
        kind: AccountKind::Service,
        verified: true,
        secret: Secret::new(&*secrets.secret),
        callback: Some(callback),
        limits: Some(Limits { base_per_s: pace, peak_per_s: pace, daily: u32::MAX }),
        proxy: None,
        token_source: TokenSource::Stable,
        paused: None,
    };
    store.put_account(draft, local::now()).await?;
    let text = KeyText::generate(&mut local::chance());
    let key = NewKey {
        text: text.clone(),
        name: "demo".to_owned(),
        scopes: Scope::ALL.to_vec(),
        accounts: vec![],
        expires_at: None,
    };
    store.put_key(key, local::now()).await?;
    node.engine.reload().await?;
    let catalog = node.engine.catalog();
    let account = catalog.account(Some(APPID)).context("the account that was just put in")?;
    node.engine.sync_templates(account).await?;
    Ok(text)
}

/// Some people tap, scan, pay and write first: their events come to the callback, signed and encrypted.
fn greet(simulator: &Simulator, people: &[String]) -> Result<()> {
    let kinds = [EventKind::Click, EventKind::Scan, EventKind::Pay, EventKind::Text];
    for (nth, person) in
        people.iter().filter(|person| !person.starts_with("oNobody")).take(INTERACTIONS).enumerate()
    {
        let kind = kinds[nth % kinds.len()];
        let text = (kind == EventKind::Text).then(|| "你好".to_owned());
        simulator.control().event(&EventBody {
            appid: APPID.to_owned(),
            openid: person.clone(),
            kind,
            key: None,
            text,
            forged: None,
        })?;
    }
    Ok(())
}
