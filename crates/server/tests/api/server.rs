//! What the tests have in common.

use axum::Router;
use axum::body::Body;
use hongyan_domain::{AccountKind, Appid, Timestamp};
use hongyan_engine::{Clock, Engine, Metrics};
use hongyan_server::{App, Parts, Settings};
use hongyan_store::{
    AccountDraft, CallbackKeys, KeyText, MasterKey, NewKey, Paused, Scope, Secret, Store, StoredTemplate,
    TokenSource,
};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use prometheus_client::registry::Registry;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tower::ServiceExt;

/// That of WeChat's official example of an encrypted callback.
pub(crate) const NOW: Timestamp = Timestamp::from_ms(1_714_112_445_000);
/// The account of the same example.
pub(crate) const APPID: &str = "wxba5fad812f8e6fb9";
pub(crate) const OTHER: &str = "wx_other";
pub(crate) const TEMPLATE: &str = "TEMPLATE";

/// A server with one account and a key for everything. The account is paused: messages stay where they are.
pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) app: App,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) key: String,
    _folder: tempfile::TempDir,
}

/// An answer, read.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Status and code of a problem; checks that it is one.
    pub(crate) fn problem(&self) -> (u16, String) {
        let json = self.json();
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{json}");
        assert_eq!(json["status"], self.status.as_u16(), "{json}");
        (self.status.as_u16(), json["code"].as_str().unwrap().to_owned())
    }

    /// The fields a problem names.
    pub(crate) fn fields(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().unwrap_or_else(|| panic!("{json}"));
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        let empty = Self::start_empty(settings).await;
        empty.add_account(APPID).await;
        let key = empty.make_key(1, &Scope::ALL, &[]).await;
        Self { key, ..empty }
    }

    /// Neither account nor key.
    pub(crate) async fn start_empty(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let master_key = MasterKey::generate(&mut StdRng::seed_from_u64(7));
        let store = Store::open(hongyan_store::Settings::new(url, master_key), NOW).await.unwrap();
        hongyan_engine::rules::turn_off(&store, NOW).await.unwrap();
        // Port 9 (discard) is closed.
        let wechat = hongyan_wechat::Settings {
            api_bases: vec!["http://127.0.0.1:9".to_owned()],
            ..Default::default()
        };
        let client = hongyan_wechat::Client::new(wechat).unwrap();
        let (clock, mut registry) = (Clock::manual(NOW), Registry::default());
        let metrics = Metrics::register(&mut registry);
        let engine = hongyan_engine::Parts {
            store: store.clone(),
            client,
            clock: clock.clone(),
            metrics,
            settings: hongyan_engine::Settings::default(),
        };
        let engine = Engine::start(engine).await.unwrap();
        let app = App::new(Parts { engine, registry, rng: StdRng::seed_from_u64(8), settings });
        let router = hongyan_server::router(app.clone());
        Self { router, app, store, clock, key: String::new(), _folder: folder }
    }

    pub(crate) async fn add_account(&self, appid: &str) {
        let callback = CallbackKeys {
            token: Secret::new("AAAAA"),
            aes_key: Some(Secret::new("A".repeat(43))),
            previous_aes_key: None,
        };
        let draft = AccountDraft {
            appid: Appid::new(appid).unwrap(),
            name: "咖啡".to_owned(),
            kind: AccountKind::Service,
            verified: true,
            secret: Secret::new("the-app-secret"),
            callback: Some(callback),
            limits: None,
            proxy: None,
            token_source: TokenSource::Stable,
            paused: Some(Paused { until: None, reason: "a test".to_owned() }),
        };
        let account = self.store.put_account(draft, NOW).await.unwrap();
        let template = StoredTemplate {
            template_id: TEMPLATE.to_owned(),
            title: "下单成功通知".to_owned(),
            content: "商品：{{thing1.DATA}}\n时间：{{time2.DATA}}".to_owned(),
            example: String::new(),
            primary_industry: String::new(),
            deputy_industry: String::new(),
        };
        self.store.sync_templates(account.id, vec![template], NOW).await.unwrap();
        self.app.engine().reload().await.unwrap();
    }

    /// Puts a key in, as another process would, and lets the server notice.
    pub(crate) async fn make_key(&self, seed: u64, scopes: &[Scope], appids: &[&str]) -> String {
        let text = KeyText::generate(&mut StdRng::seed_from_u64(seed));
        let catalog = self.app.engine().catalog();
        let accounts = appids.iter().map(|appid| catalog.account(Some(appid)).unwrap().id()).collect();
        let name = format!("key {seed}");
        let new = NewKey { text: text.clone(), name, scopes: scopes.to_vec(), accounts, expires_at: None };
        self.store.put_key(new, NOW).await.unwrap();
        self.app.engine().reload().await.unwrap();
        text.expose().to_owned()
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, mut body) = response.into_parts();
        // A stream has no end: its first event is the answer.
        let bytes =
            match parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
                true => body.frame().await.unwrap().unwrap().into_data().unwrap(),
                false => body.collect().await.unwrap().to_bytes(),
            };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, text }
    }

    /// With a key, or with none where it is empty.
    pub(crate) async fn call_as(
        &self,
        key: &str,
        (method, path): (&str, &str),
        body: impl Into<Body>,
    ) -> Reply {
        let mut request =
            Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        if !key.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        self.call(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call_as(&self.key, ("GET", path), Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.call_as(&self.key, ("POST", path), body).await
    }

    /// Accepts a message and gives its id.
    pub(crate) async fn send(&self, body: &Value) -> String {
        let reply = self.post("/api/v1/messages", body.to_string()).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text);
        reply.json()["id"].as_str().unwrap().to_owned()
    }
}

/// A good message.
pub(crate) fn message() -> Value {
    serde_json::json!({
        "touser": "oOPENID",
        "template_id": TEMPLATE,
        "data": {"thing1": {"value": "拿铁"}, "time2": "2026-11-23 12:00"},
    })
}

/// A good message with some fields changed.
pub(crate) fn message_with(changes: Value) -> Value {
    let (mut message, Value::Object(changes)) = (message(), changes) else { panic!("changes are an object") };
    message.as_object_mut().unwrap().extend(changes);
    message
}
