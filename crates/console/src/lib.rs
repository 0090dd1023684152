//! The console: static files that speak to our own public API in the browser, embedded in the binary.
//!
//! Nothing of HTML is made here: one shell page stands for every route, and its scripts show the rest. So whatever a
//! page does, the API does too.

use std::io::Write;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// What browsers let the pages do: run and show what comes from here, call nobody else, be framed by nobody.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Files shorter than this are not worth compressing.
const GZIP_FROM: usize = 512;

/// The first parts of the paths that the shell page stands for.
pub const ROUTES: &[&str] = &[
    "",
    "login",
    "setup",
    "start",
    "messages",
    "templates",
    "scenarios",
    "campaigns",
    "recipients",
    "compliance",
    "approvals",
    "queue",
    "analytics",
    "alerts",
    "webhooks",
    "accounts",
    "developers",
    "admin",
    "me",
];

static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file as it is served.
#[derive(Debug)]
pub struct Asset {
    /// The bytes.
    pub bytes: Bytes,
    /// For `Content-Type`.
    pub content_type: &'static str,
    /// For `ETag`, quoted; another build has another.
    pub etag: String,
    gzip: OnceLock<Option<Bytes>>,
}

impl Asset {
    /// The bytes compressed, where that is shorter. The first call for a file compresses it: some milliseconds for the
    /// longest, so that a start costs nothing and no request waits for other files.
    pub fn gzip(&self) -> Option<&Bytes> {
        let compress =
            || Some(&self.bytes).filter(|bytes| bytes.len() >= GZIP_FROM).and_then(|bytes| gzip(bytes));
        self.gzip.get_or_init(compress).as_ref()
    }
}

/// The page that stands for every route; at an address that is none it says so, in the reader's language.
const SHELL: &str = "index.html";

/// The file at this path: `/assets/…`, the icon that browsers ask for unasked, or the shell page for a route of the
/// console.
pub fn find(path: &str) -> Option<&'static Asset> {
    let name = match path.strip_prefix("/assets/") {
        Some(name) if name != SHELL => name,
        Some(_) => return None,
        None if path == "/favicon.ico" => "icon.svg",
        None => is_route(path).then_some(SHELL)?,
    };
    named(name)
}

/// The shell page.
pub fn shell() -> &'static Asset {
    named(SHELL).expect("it is embedded")
}

fn is_route(path: &str) -> bool {
    let first = path.strip_prefix('/').and_then(|path| path.split('/').next());
    first.is_some_and(|first| ROUTES.contains(&first))
}

fn named(name: &str) -> Option<&'static Asset> {
    assets().iter().find(|(known, _)| *known == name).map(|(_, asset)| asset)
}

fn assets() -> &'static [(&'static str, Asset)] {
    static ASSETS: OnceLock<Vec<(&str, Asset)>> = OnceLock::new();
    ASSETS.get_or_init(|| FILES.iter().map(|(name, bytes)| (*name, Asset::of(name, bytes))).collect())
}

impl Asset {
    fn of(name: &str, bytes: &'static [u8]) -> Self {
        let (content_type, etag) = (content_type(name), etag(bytes));
        Self { bytes: Bytes::from_static(bytes), content_type, etag, gzip: OnceLock::new() }
    }
}

fn gzip(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    let shorter = encoder.finish().ok()?;
    (shorter.len() < bytes.len()).then(|| shorter.into())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

/// FNV-1a: tells one build's file from another's, which needs no secret.
fn etag(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("\"{hash:016x}-{:x}\"", bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_the_shell_and_every_file_its_type() {
        let shell = find("/").unwrap();

        assert_eq!(shell.content_type, "text/html; charset=utf-8");
        assert_eq!(find("/messages/msg_1").unwrap().etag, shell.etag);
        assert_eq!(shell.etag, super::shell().etag);
        assert_eq!(find("/assets/js/main.js").unwrap().content_type, "text/javascript; charset=utf-8");
        assert_eq!(find("/favicon.ico").unwrap().content_type, "image/svg+xml");
        for path in
            ["/api/v1/none", "/metrics", "/assets/none.js", "/assets/../Cargo.toml", "/assets/index.html", ""]
        {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_long_file_is_shorter_compressed_and_a_short_one_is_left_alone() {
        let long = find("/assets/vendor/uplot.js").unwrap();
        let short = find("/assets/icon.svg").unwrap();

        assert!(long.gzip().unwrap().len() < long.bytes.len() / 3);
        assert!(short.gzip().is_none());
    }

    /// Text goes in as text: with these, what a template's title holds could become markup, or the policy would break.
    #[test]
    fn no_script_makes_markup_of_text_or_asks_the_browser_for_a_dialog() {
        let forbidden = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "style=\"",
            "confirm(`",
            "window.confirm",
            "alert(",
            "prompt(",
            "http://",
            "javascript:",
        ];
        for (name, bytes) in FILES.iter().filter(|(name, _)| name.starts_with("js/") || *name == "index.html")
        {
            let text = std::str::from_utf8(bytes).unwrap();
            for word in forbidden {
                assert!(!text.contains(word), "{word} in {name}");
            }
        }
    }

    #[test]
    fn both_languages_have_the_same_keys() {
        let keys = |name: &str| {
            let (_, bytes) = FILES.iter().find(|(known, _)| *known == name).unwrap();
            let lines = std::str::from_utf8(bytes).unwrap().lines();
            let mut keys: Vec<_> = lines
                .filter_map(|line| line.trim().strip_prefix('\'')?.split_once("':"))
                .map(|(key, _)| key.to_owned())
                .collect();
            keys.sort();
            keys
        };

        let (zh, en) = (keys("js/i18n/zh.js"), keys("js/i18n/en.js"));

        assert!(zh.len() > 50, "the format of the texts has changed");
        let lone: Vec<_> = zh
            .iter()
            .filter(|key| !en.contains(key))
            .chain(en.iter().filter(|key| !zh.contains(key)))
            .collect();
        assert_eq!(lone, Vec::<&String>::new());
        let mut twice = zh.clone();
        twice.dedup();
        assert_eq!(twice.len(), zh.len(), "a key is there twice");
    }
}
