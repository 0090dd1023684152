//! The settings: `config.default.toml` in the binary, then the operator's file, then the environment.

mod layers;
mod oidc;
mod read;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hongyan_domain::request::check_web_address;
use hongyan_engine::{OnUnsubscribe, Retention, Tolerance};
use hongyan_store::Secret;

use crate::environment::Environment;
use crate::exit::Failure;
use crate::lang::Texts;

pub(crate) use self::layers::Effective;
use self::layers::Layers;
use self::read::Reader;
pub(crate) use self::read::parse_duration;

/// The file that is read when none is named, if it is there.
const USUAL_FILE: &str = "hongyan.toml";

/// Everything that can be set, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) store: StoreConfig,
    pub(crate) http: HttpConfig,
    pub(crate) wechat: hongyan_wechat::Settings,
    pub(crate) secrets: Secrets,
    pub(crate) engine: hongyan_engine::Settings,
    /// At shutdown, so long for answers of WeChat.
    pub(crate) engine_grace: Duration,
    pub(crate) log: LogConfig,
    /// Where spans go; `None`: nothing is traced.
    pub(crate) trace: Option<TraceConfig>,
    /// The house's identity provider.
    pub(crate) oidc: Option<hongyan_server::Oidc>,
    /// Every key with its value and origin, secrets redacted, in the order of the manual.
    pub(crate) effective: Vec<Effective>,
}

#[derive(Debug)]
pub(crate) struct StoreConfig {
    pub(crate) url: String,
    pub(crate) cache_mib: u32,
    pub(crate) readers: usize,
}

#[derive(Debug)]
pub(crate) struct HttpConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Option<String>,
    pub(crate) body_limit: usize,
    pub(crate) request_timeout: Duration,
    pub(crate) header_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_address: usize,
    pub(crate) proxies: Vec<hongyan_outgoing::Range>,
    pub(crate) grace: Duration,
}

#[derive(Debug)]
pub(crate) struct Secrets {
    pub(crate) master_key: Option<Secret>,
    pub(crate) master_key_file: PathBuf,
}

#[derive(Debug)]
pub(crate) struct LogConfig {
    pub(crate) level: tracing::Level,
    pub(crate) format: LogFormat,
}

#[derive(Debug)]
pub(crate) struct TraceConfig {
    pub(crate) endpoint: String,
    pub(crate) sample: f64,
    pub(crate) service: String,
    pub(crate) authorization: Option<Secret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads all layers. Everything that is wrong is told at once.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: &Environment,
        texts: &Texts,
    ) -> Result<Self, Failure> {
        let usual = Path::new(USUAL_FILE);
        Self::laid(file.or_else(|| usual.exists().then_some(usual)), environment, texts)
    }

    fn laid(file: Option<&Path>, environment: &Environment, texts: &Texts) -> Result<Self, Failure> {
        let mut faults = Vec::new();
        let layers = Layers::gather(file, environment, &mut faults, texts);
        let mut reader = Reader { layers: &layers, texts, faults };
        let config = Self::read(&mut reader);
        let faults = reader.faults;
        if faults.is_empty() { Ok(config) } else { Err(Failure::Usage(faults.join("\n"))) }
    }

    /// The defaults alone, whatever file and environment there are.
    pub(crate) fn defaults(texts: &Texts) -> Result<Self, Failure> {
        Self::laid(None, &Environment::default(), texts)
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let http = read_http(reader);
        let public_url = http.public_url.clone();
        let engine = read_engine(reader);
        let oidc = oidc::read(reader, public_url.as_deref());
        Self {
            store: StoreConfig {
                url: read_store_url(reader),
                cache_mib: reader.number("store.cache_mib", 4..=65_536) as u32,
                readers: reader.number("store.readers", 1..=64) as usize,
            },
            http,
            wechat: read_wechat(reader, engine.outgoing.guard.clone()),
            secrets: read_secrets(reader),
            engine: hongyan_engine::Settings { public_url, ..engine },
            engine_grace: reader.duration("engine.grace", 0..=600),
            log: read_log(reader),
            trace: read_trace(reader),
            oidc,
            effective: reader.layers.effective(),
        }
    }

    /// The address that people outside reach it by.
    pub(crate) fn outside_url(&self, listening: SocketAddr) -> String {
        self.http.public_url.clone().unwrap_or_else(|| format!("http://{listening}"))
    }
}

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

/// `sqlite:` is the only store that this build has.
fn read_store_url(reader: &mut Reader<'_>) -> String {
    let url = reader.text("store.url");
    if url.strip_prefix("sqlite:").is_none_or(str::is_empty) {
        reader.wrong("store.url", reader.texts.get("config.allowed_store"));
    }
    url
}

fn read_http(reader: &mut Reader<'_>) -> HttpConfig {
    let public_url = reader.text("http.public_url");
    if !public_url.is_empty() && check_web_address("http.public_url", &public_url).is_err() {
        reader.wrong("http.public_url", reader.texts.get("config.allowed_web_address"));
    }
    HttpConfig {
        listen: reader
            .parsed("http.listen", "config.allowed_listen")
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
        public_url: Some(public_url.trim_end_matches('/').to_owned()).filter(|url| !url.is_empty()),
        body_limit: reader.number("http.body_limit_mib", 1..=64) as usize * 1024 * 1024,
        request_timeout: reader.duration("http.request_timeout", 1..=10 * MINUTE),
        header_timeout: reader.duration("http.header_timeout", 1..=10 * MINUTE),
        idle_timeout: reader.duration("http.idle_timeout", 1..=10 * MINUTE),
        max_connections: reader.number("http.max_connections", 16..=65_536) as usize,
        max_connections_per_address: reader.number("http.max_connections_per_address", 1..=65_536) as usize,
        proxies: reader.ranges("http.proxies"),
        grace: reader.duration("http.grace", 0..=10 * MINUTE),
    }
}

fn read_wechat(reader: &mut Reader<'_>, guard: hongyan_outgoing::Guard) -> hongyan_wechat::Settings {
    let settings = hongyan_wechat::Settings {
        api_bases: reader.list("wechat.api_base"),
        timeout: Duration::from_millis(reader.number("wechat.timeout_ms", 100..=120_000)),
        connect_timeout: Duration::from_millis(reader.number("wechat.connect_timeout_ms", 100..=60_000)),
        idle_timeout: reader.duration("wechat.idle_timeout", 1..=10 * MINUTE),
        max_idle: read_max_idle(reader),
        extra_roots: Vec::new(),
        proxy_guard: hongyan_wechat::AddressGuard::new(move |address| guard.allows(address)),
    };
    if reader.faults.is_empty()
        && let Err(error) = hongyan_wechat::Client::new(settings.clone())
    {
        reader.wrong("wechat.api_base", &error.to_string());
    }
    check_longest_call(reader, &settings);
    settings
}

/// A try that begins while WeChat still knows the first one must also be there while it does, or it comes twice.
fn check_longest_call(reader: &mut Reader<'_>, settings: &hongyan_wechat::Settings) {
    let (longest, most) = (settings.longest_call(), hongyan_domain::LONGEST_CALL);
    if reader.faults.is_empty() && longest > most {
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("most", &most.as_secs()), ("longest", &longest.as_secs_f64())];
        let allowed = reader.texts.fill("config.allowed_longest_call", &values);
        reader.wrong("wechat.timeout_ms", &allowed);
    }
}

/// A connection that waits for an answer is idle a moment later: as many as may be in flight are kept, or each burst
/// begins with thousands of handshakes.
fn read_max_idle(reader: &mut Reader<'_>) -> usize {
    match reader.number("wechat.max_idle", 0..=65_536) {
        0 => reader.number("engine.max_in_flight", 1..=65_536) as usize,
        most => most as usize,
    }
}

fn read_secrets(reader: &mut Reader<'_>) -> Secrets {
    let (file, key) = ("secrets.master_key_file", "secrets.master_key");
    if reader.layers.is_given(file) && reader.layers.is_given(key) {
        reader.wrong(key, reader.texts.get("config.allowed_one_of_two"));
    }
    let text = reader.text(key);
    if !text.is_empty() && hongyan_store::MasterKey::from_text(&text).is_err() {
        reader.wrong(key, reader.texts.get("config.allowed_master_key"));
    }
    if text.is_empty() && reader.text(file).is_empty() {
        reader.wrong(file, reader.texts.get("config.allowed_key_file"));
    }
    Secrets {
        master_key: Some(Secret::new(text)).filter(|text| !text.expose().is_empty()),
        master_key_file: PathBuf::from(reader.text(file)),
    }
}

fn read_engine(reader: &mut Reader<'_>) -> hongyan_engine::Settings {
    let archive = reader.text("retention.archive");
    if !archive.is_empty() && !has_folder(Path::new(&archive)) {
        reader.wrong("retention.archive", reader.texts.get("config.allowed_archive"));
    }
    hongyan_engine::Settings {
        max_in_flight: reader.number("engine.max_in_flight", 1..=65_536) as usize,
        retention: Retention {
            keep: reader.duration("retention.keep", DAY..=3650 * DAY),
            archive: Some(archive).filter(|path| !path.is_empty()).map(PathBuf::from),
            await_receipt: reader.duration("retention.await_receipt", MINUTE..=30 * DAY),
            keep_audit: reader.duration("retention.keep_audit", DAY..=3650 * DAY),
            keep_people: reader.duration("retention.keep_people", DAY..=3650 * DAY),
            keep_incidents: reader.duration("retention.keep_incidents", DAY..=3650 * DAY),
            keep_reports: reader.duration("retention.keep_reports", 35 * DAY..=3650 * DAY),
            keep_minutes: reader.duration("retention.keep_minutes", DAY..=31 * DAY),
            keep_hours: reader.duration("retention.keep_hours", DAY..=3650 * DAY),
        },
        tolerance: Tolerance {
            urgent: reader.duration("engine.tolerance_urgent", 1..=30 * DAY),
            normal: reader.duration("engine.tolerance_normal", 1..=30 * DAY),
            bulk: reader.duration("engine.tolerance_bulk", 1..=30 * DAY),
        },
        expires_after: reader.duration("engine.expires_after", MINUTE..=90 * DAY),
        // Told in the section of the server.
        public_url: None,
        on_unsubscribe: reader.word(
            "privacy.on_unsubscribe",
            &[("keep", OnUnsubscribe::Keep), ("erase", OnUnsubscribe::Erase)],
        ),
        outgoing: hongyan_outgoing::Settings {
            guard: hongyan_outgoing::Guard { allowed: reader.ranges("outgoing.allow") },
            timeout: reader.duration("outgoing.timeout", 1..=60),
            ..hongyan_outgoing::Settings::default()
        },
        // Made of the section `trace` by whoever serves.
        tracer: None,
    }
}

/// Whether it is a folder, or a file in one that is there.
fn has_folder(archive: &Path) -> bool {
    let parent = archive.parent().filter(|parent| !parent.as_os_str().is_empty());
    archive.is_dir() || parent.unwrap_or(Path::new(".")).is_dir()
}

fn read_log(reader: &mut Reader<'_>) -> LogConfig {
    use tracing::Level;
    let levels =
        [("error", Level::ERROR), ("warn", Level::WARN), ("info", Level::INFO), ("debug", Level::DEBUG)];
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    LogConfig { level: reader.word("log.level", &levels), format: reader.word("log.format", &formats) }
}

fn read_trace(reader: &mut Reader<'_>) -> Option<TraceConfig> {
    let (endpoint, sample) = (reader.text("trace.endpoint"), reader.share("trace.sample"));
    let (service, authorization) = (reader.text("trace.service"), reader.text("trace.authorization"));
    if !endpoint.is_empty() && hongyan_outgoing::Target::parse(&endpoint).is_err() {
        reader.wrong("trace.endpoint", reader.texts.get("config.allowed_collector"));
    }
    let authorization = Some(Secret::new(authorization)).filter(|text| !text.expose().is_empty());
    (!endpoint.is_empty()).then_some(TraceConfig { endpoint, sample, service, authorization })
}

#[cfg(test)]
mod tests;
