//! Where WeChat's API is found and how long a call may take: the operator's side of the client.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::uri::{PathAndQuery, Uri};
use rustls::pki_types::CertificateDer;

/// WeChat's general entry and its disaster-recovery entry, in the order they are tried.
pub const OFFICIAL_BASES: [&str; 2] = ["https://api.weixin.qq.com", "https://api2.weixin.qq.com"];

/// More bases than WeChat has entries (five) are a mistake in a file.
const MOST_BASES: usize = 8;

/// How the client reaches WeChat.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `http(s)://host[:port][/prefix]`, at most 8, tried in order. Default: [`OFFICIAL_BASES`].
    pub api_bases: Vec<String>,
    /// Bound on one exchange: from the first byte of the request to the last of the answer. Default 5 s.
    pub timeout: Duration,
    /// Bound on DNS, TCP, proxy and TLS together, for each base. Default 3 s.
    pub connect_timeout: Duration,
    /// An idle connection older than this is not used again. Default 25 s, under the 60 s usual of front ends.
    pub idle_timeout: Duration,
    /// Idle connections kept for each base. Default 4096: what is in flight beyond that opens and closes connections.
    pub max_idle: usize,
    /// DER certificates trusted beside the web's roots: the authority of a gateway of one's own.
    pub extra_roots: Vec<Vec<u8>>,
    /// Which addresses an account's proxy may have, asked at every connection. Default: all.
    pub proxy_guard: AddressGuard,
}

/// Says of an address whether it may be called.
#[derive(Clone)]
pub struct AddressGuard(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl AddressGuard {
    /// As `allows` says.
    pub fn new(allows: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(allows))
    }

    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        (self.0)(address)
    }
}

impl Default for AddressGuard {
    fn default() -> Self {
        Self::new(|_| true)
    }
}

impl fmt::Debug for AddressGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressGuard")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_bases: OFFICIAL_BASES.map(str::to_owned).to_vec(),
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(25),
            max_idle: 4096,
            extra_roots: Vec::new(),
            proxy_guard: AddressGuard::default(),
        }
    }
}

impl Settings {
    /// The longest a call can take: each base waited for and dialled once, then one exchange.
    pub fn longest_call(&self) -> Duration {
        let waits = u32::try_from(self.api_bases.len()).unwrap_or(u32::MAX).saturating_mul(2);
        self.connect_timeout.saturating_mul(waits).saturating_add(self.timeout)
    }

    pub(crate) fn bases(&self) -> Result<Vec<Base>, SettingsError> {
        if self.api_bases.is_empty() || self.api_bases.len() > MOST_BASES {
            return Err(SettingsError::Bases { given: self.api_bases.len(), most: MOST_BASES });
        }
        self.api_bases.iter().map(|text| Base::parse(text)).collect()
    }

    pub(crate) fn roots(&self) -> Result<rustls::RootCertStore, SettingsError> {
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for der in &self.extra_roots {
            roots.add(CertificateDer::from(der.as_slice())).map_err(SettingsError::Root)?;
        }
        Ok(roots)
    }
}

/// Settings that cannot be used. Never carries a proxy's password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No base, or too many.
    #[error("{given} API bases given; 1 to {most} are possible")]
    Bases {
        /// How many were given.
        given: usize,
        /// How many are possible.
        most: usize,
    },
    /// Not of the form `http(s)://host[:port][/prefix]`.
    #[error("{0:?} is not an API base: want http(s)://host[:port][/prefix], without user, query or fragment")]
    Base(String),
    /// Not of the form `http://[user:password@]host:port`.
    #[error("not a proxy address: want http://[user:password@]host:port")]
    Proxy,
    /// A certificate in `extra_roots` that cannot be read.
    #[error("a certificate in extra_roots cannot be used")]
    Root(#[source] rustls::Error),
    /// TLS could not be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// A zero duration, which no call could meet.
    #[error("{0} must be longer than nothing")]
    Zero(&'static str),
}

/// One entry of WeChat's API.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) tls: Option<rustls::pki_types::ServerName<'static>>,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host header, `host[:port]`.
    pub(crate) authority: HeaderValue,
    /// Path prefix without a slash at its end; empty as a rule.
    pub(crate) prefix: String,
}

impl Base {
    fn parse(text: &str) -> Result<Self, SettingsError> {
        let bad = || SettingsError::Base(without_user(text).chars().take(80).collect());
        let (secure, uri) = plain_uri(text).ok_or_else(bad)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = || rustls::pki_types::ServerName::try_from(bare.clone()).map_err(|_| bad());
        Ok(Self {
            tls: if secure { Some(name()?) } else { None },
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            authority: HeaderValue::from_str(uri.authority().ok_or_else(bad)?.as_str()).map_err(|_| bad())?,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            host: bare,
        })
    }

    /// Origin-form target, as sent to WeChat itself.
    pub(crate) fn origin_form(&self, path: &str) -> Option<Uri> {
        if self.prefix.is_empty() {
            return PathAndQuery::try_from(path).ok().map(Uri::from);
        }
        PathAndQuery::try_from(format!("{}{path}", self.prefix)).ok().map(Uri::from)
    }

    /// Absolute-form target, as sent to a proxy that forwards plain HTTP.
    pub(crate) fn absolute_form(&self, path: &str) -> Option<Uri> {
        let authority = self.authority.to_str().ok()?;
        Uri::try_from(format!("http://{authority}{}{path}", self.prefix)).ok()
    }

    /// Splits an absolute URL into its base and the path with query.
    pub(crate) fn of_url(url: &str) -> Option<(Self, String)> {
        let parsed: Uri = url.parse().ok()?;
        let origin = format!("{}://{}", parsed.scheme_str()?, parsed.authority()?);
        let path = parsed.path_and_query().map_or("/", PathAndQuery::as_str);
        Some((Self::parse(&origin).ok()?, path.to_owned()))
    }
}

/// What may be repeated of an address: whatever stands before an @ may be a password.
fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, place)) => format!("…@{place}"),
        None => text.to_owned(),
    }
}

fn plain_uri(text: &str) -> Option<(bool, Uri)> {
    let uri: Uri = text.parse().ok()?;
    let secure = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let userless = !uri.authority()?.as_str().contains('@');
    (userless && uri.query().is_none() && !text.contains('#')).then_some((secure, uri))
}

/// An HTTP proxy on the way to WeChat. Its password is in no Debug and no error.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// `Basic …`, where the address names a user.
    pub(crate) authorization: Option<HeaderValue>,
}

impl Proxy {
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        let rest = text.strip_prefix("http://").ok_or(SettingsError::Proxy)?.trim_end_matches('/');
        let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let uri: Uri = format!("http://{place}/").parse().map_err(|_| SettingsError::Proxy)?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(SettingsError::Proxy);
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(SettingsError::Proxy)?;
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().ok_or(SettingsError::Proxy)?,
            authorization: user.map(basic).transpose()?,
        })
    }
}

fn basic(user: &str) -> Result<HeaderValue, SettingsError> {
    use base64::Engine as _;
    let decoded = crate::percent::decode(user).ok_or(SettingsError::Proxy)?;
    let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(decoded));
    let mut value = HeaderValue::from_str(&text).map_err(|_| SettingsError::Proxy)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_keeps_its_port_and_prefix() {
        let base = Base::parse("http://127.0.0.1:9090/x/").unwrap();

        assert_eq!((base.host.as_str(), base.port, base.prefix.as_str()), ("127.0.0.1", 9090, "/x"));
        assert_eq!(base.authority, "127.0.0.1:9090");
        assert!(base.tls.is_none());
        assert_eq!(base.origin_form("/cgi-bin/token").unwrap(), "/x/cgi-bin/token");
        assert_eq!(base.absolute_form("/a?b=c").unwrap().to_string(), "http://127.0.0.1:9090/x/a?b=c");
    }

    #[test]
    fn an_ipv6_base_is_connected_to_without_brackets_and_named_with_them() {
        let base = Base::parse("https://[::1]:8443").unwrap();

        assert_eq!((base.host.as_str(), base.authority.to_str().unwrap()), ("::1", "[::1]:8443"));
        assert!(base.tls.is_some());
    }

    #[test]
    fn what_is_not_a_base_is_refused() {
        for bad in
            ["", "api.weixin.qq.com", "ftp://x", "http://u:p@x", "http://x?y=1", "http://x/#f", "https://"]
        {
            assert!(Base::parse(bad).is_err(), "{bad}");
        }
        assert!(Settings { api_bases: vec![], ..Settings::default() }.bases().is_err());
        assert!(Settings { api_bases: vec!["http://x".into(); 9], ..Settings::default() }.bases().is_err());
    }

    #[test]
    fn the_fault_of_a_base_names_the_place_and_repeats_no_password() {
        for text in ["http://u:PASSWRD@127.0.0.1:1", "http://u:PASS@WRD@127.0.0.1:1", "u:PASSWRD@127.0.0.1:1"]
        {
            let fault = Base::parse(text).unwrap_err().to_string();
            assert!(fault.contains("127.0.0.1:1") && !fault.contains("PASS"), "{fault}");
        }
    }

    #[test]
    fn a_proxy_with_a_user_authorizes_with_the_decoded_words() {
        let proxy = Proxy::parse("http://me:p%40ss@10.0.0.1:3128").unwrap();

        assert_eq!((proxy.host.as_str(), proxy.port), ("10.0.0.1", 3128));
        assert_eq!(proxy.authorization.unwrap(), "Basic bWU6cEBzcw==");
    }

    #[test]
    fn what_is_not_a_proxy_is_refused_without_repeating_it() {
        for bad in ["", "https://h:1", "http://h", "http://u:secret@h", "http://h:1/path", "http://:1"] {
            let error = Proxy::parse(bad).err().expect(bad).to_string();
            assert!(!error.contains("secret"));
        }
    }
}
