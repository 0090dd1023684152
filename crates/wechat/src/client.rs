//! The client: a handle on the transport, and the two ways every call goes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{read, read_ok};
use crate::error::{CallError, NotSent};
use crate::percent;
use crate::settings::{Proxy, Settings, SettingsError};
use crate::transport::{Answer, Call, Transport};

/// Answers to sends, tokens and the like have under 1 KiB.
pub(crate) const SMALL_ANSWER: usize = 64 * 1024;

/// 25 templates of some 2 KiB, or 100 blocked messages.
pub(crate) const LARGE_ANSWER: usize = 1024 * 1024;

/// A send with five fields and a link; what is longer grows.
const USUAL_BODY: usize = 1024;

/// A client of WeChat's API. Clones share connections; any number of calls can be under way.
///
/// Calls never repeat themselves once a byte may have left; see [`CallError`].
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    transport: Transport,
}

impl Client {
    /// A client that connects directly.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        for (name, bound) in [("timeout", settings.timeout), ("connect_timeout", settings.connect_timeout)] {
            if bound.is_zero() {
                return Err(SettingsError::Zero(name));
            }
        }
        let transport = Transport::new(&settings)?;
        Ok(Self { shared: Arc::new(Shared { settings, transport }) })
    }

    /// The same settings by way of a proxy, with connections of its own: `http://[user:password@]host:port`, the two words
    /// percent-encoded where they hold `@`, `:` or `%`. HTTPS is tunnelled (CONNECT), plain HTTP is forwarded.
    pub fn through_proxy(&self, proxy: &str) -> Result<Self, SettingsError> {
        let settings = self.shared.settings.clone();
        let transport = self.shared.transport.through(&settings, Proxy::parse(proxy)?)?;
        Ok(Self { shared: Arc::new(Shared { settings, transport }) })
    }

    /// What this client was made with.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, limit: usize) -> Result<T, CallError> {
        read(&self.answer(&Call { path, body: None, limit }).await?)
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        read(&self.answer(&Call { path, body: Some(json(body)?), limit: LARGE_ANSWER }).await?)
    }

    /// A POST whose answer says no more than ok.
    pub(crate) async fn order(&self, path: &str, body: &impl Serialize) -> Result<(), CallError> {
        read_ok(&self.answer(&Call { path, body: Some(json(body)?), limit: SMALL_ANSWER }).await?)
    }

    pub(crate) async fn answer(&self, call: &Call<'_>) -> Result<Answer, CallError> {
        self.shared.transport.call(call).await
    }

    pub(crate) async fn answer_of_url(&self, url: &str) -> Result<Answer, CallError> {
        self.shared.transport.call_url(url, SMALL_ANSWER).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("api_bases", &self.shared.settings.api_bases)
            .finish_non_exhaustive()
    }
}

/// Raw UTF-8: WeChat refuses `\uXXXX` in places (40033, 47002), and `serde_json` writes none for letters.
pub(crate) fn json(body: &impl Serialize) -> Result<Bytes, CallError> {
    let mut bytes = Vec::with_capacity(USUAL_BODY);
    serde_json::to_writer(&mut bytes, body)
        .map_err(|_| CallError::NotSent(NotSent::Unwritable("a body that is not JSON")))?;
    Ok(Bytes::from(bytes))
}

/// `path?access_token=…`
pub(crate) fn with_token(path: &str, token: &str) -> String {
    let mut target = String::with_capacity(path.len() + token.len() + 16);
    target.push_str(path);
    target.push_str("?access_token=");
    percent::encode_into(&mut target, token);
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_token_stays_inside_its_parameter() {
        assert_eq!(with_token("/p", "a_-9"), "/p?access_token=a_-9");
        assert_eq!(with_token("/p", "a&b=#\r\n"), "/p?access_token=a%26b%3D%23%0D%0A");
    }

    #[test]
    fn settings_without_time_are_refused() {
        let settings = Settings { timeout: std::time::Duration::ZERO, ..Settings::default() };

        assert!(matches!(Client::new(settings), Err(SettingsError::Zero("timeout"))));
    }
}
