//! A URL that may be called: `https://host[:port]/path` or `http://…`, nothing hidden in it.

use http::Uri;

/// Longest URL, in bytes.
const URL_MAX: usize = 2_048;
/// Longest name, and part of one between dots, in bytes: what DNS carries.
const HOST_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
    /// Path and query.
    pub(crate) path: String,
    /// What stands in the `Host` header.
    pub(crate) authority: String,
}

/// What cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("want a URL like https://host/path: http or https, without user and password, at most 2,048 bytes")]
pub struct BadAddress;

impl Target {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, BadAddress> {
        let uri: Uri = url.parse().map_err(|_| BadAddress)?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(BadAddress),
        };
        let authority =
            uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(BadAddress)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        if !is_host(host) || url.len() > URL_MAX || authority.port_u16() == Some(0) {
            return Err(BadAddress);
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            is_tls,
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            authority: authority.as_str().to_owned(),
        })
    }

    /// The name or address it goes to: what may be logged of it; robots keep their key in the query.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Whether DNS could know it, or it is an address.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| (1..=LABEL_MAX).contains(&label.len());
    host.parse::<std::net::Ipv6Addr>().is_ok() || (host.len() <= HOST_MAX && host.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_with_its_port_and_path() {
        let target = Target::parse("https://Example.com/hook?key=1").unwrap();
        assert_eq!((&*target.host, target.port, &*target.path), ("example.com", 443, "/hook?key=1"));

        let target = Target::parse("http://[::1]:8080").unwrap();
        assert_eq!((&*target.host, target.port, &*target.authority), ("::1", 8080, "[::1]:8080"));
    }

    #[test]
    fn what_hides_something_is_refused() {
        let bad = [
            "",
            "host/path",
            "ftp://host/",
            "file:///etc/passwd",
            "https://user:pw@host/",
            "https:///x",
            "gopher://h",
        ];
        for url in bad {
            assert_eq!(Target::parse(url), Err(BadAddress), "{url}");
        }
        for host in ["x".repeat(300), "x".repeat(64), "x.".repeat(127) + "x", "a..b".to_owned()] {
            assert_eq!(Target::parse(&format!("https://{host}/")), Err(BadAddress), "{host}");
        }
        assert_eq!(Target::parse("https://host:0/"), Err(BadAddress));
        assert!(Target::parse(&format!("https://{}.example/", "x".repeat(63))).is_ok());
        assert!(Target::parse(&format!("https://host/{}", "x".repeat(URL_MAX))).is_err());
    }
}
