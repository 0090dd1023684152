//! The wire: HTTP/1.1 to a list of bases, one request at a time on each connection.
//!
//! It never repeats a request whose bytes may have left, and leaves nothing behind in the kernel when a call is given up.

mod connection;
mod dial;
mod failover;
mod pool;
mod stream;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;

use self::connection::{Broken, Connection};
use self::dial::Dialer;
use self::failover::Failover;
use self::pool::Pool;
use crate::error::{CallError, NoAnswer, NotSent};
use crate::settings::{Base, Proxy, Settings, SettingsError};

type Outgoing = Request<Full<Bytes>>;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("hongyan-wechat/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// One call: what is asked, and how long its answer may be.
pub(crate) struct Call<'a> {
    /// Path with query.
    pub(crate) path: &'a str,
    /// A JSON body makes it a POST.
    pub(crate) body: Option<Bytes>,
    /// Bound on the answer's body in bytes.
    pub(crate) limit: usize,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

pub(crate) struct Transport {
    routes: Vec<Route>,
    dialer: Dialer,
    proxy: Option<Proxy>,
    failover: Failover,
    timeout: Duration,
}

/// A base and the idle connections to it.
struct Route {
    base: Base,
    pool: Pool,
}

impl Transport {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Self::with(settings, Dialer::new(settings)?, None)
    }

    /// The same by way of a proxy: TLS is set up once, connections are its own.
    pub(crate) fn through(&self, settings: &Settings, proxy: Proxy) -> Result<Self, SettingsError> {
        Self::with(settings, self.dialer.clone(), Some(proxy))
    }

    fn with(settings: &Settings, dialer: Dialer, proxy: Option<Proxy>) -> Result<Self, SettingsError> {
        let pool = || Pool::new(settings.max_idle, settings.idle_timeout);
        let routes = settings.bases()?.into_iter().map(|base| Route { base, pool: pool() }).collect();
        Ok(Self { routes, dialer, proxy, failover: Failover::new(), timeout: settings.timeout })
    }

    /// Tries the bases in turn until one can be connected to; only what was certainly not sent goes on to the next.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Answer, CallError> {
        let first = self.failover.preferred();
        let mut refusal = None;
        for used in (0..self.routes.len()).map(|nth| (first + nth) % self.routes.len()) {
            match self.call_by(&self.routes[used], call).await {
                Err(CallError::NotSent(NotSent::Unwritable(what))) => {
                    return Err(CallError::NotSent(NotSent::Unwritable(what)));
                }
                Err(CallError::NotSent(error)) => refusal = refusal.or(Some(error)),
                reached => {
                    self.failover.settle(first, used);
                    return reached;
                }
            }
        }
        Err(CallError::NotSent(refusal.unwrap_or(NotSent::Closed)))
    }

    /// Asks a place outside the list, directly and on a connection of its own.
    pub(crate) async fn call_url(&self, url: &str, limit: usize) -> Result<Answer, CallError> {
        let unwritable = || CallError::NotSent(NotSent::Unwritable("the URL is not http(s)://host/path"));
        let (base, path) = Base::of_url(url).ok_or_else(unwritable)?;
        let call = Call { path: &path, body: None, limit };
        let request = outgoing(&base, None, &call).map_err(CallError::NotSent)?;
        let mut fresh = self.dialer.dial(&base, None).await.map_err(CallError::NotSent)?;
        self.exchange(&mut fresh, request, limit).await.map_err(not_taken)
    }

    async fn call_by(&self, route: &Route, call: &Call<'_>) -> Result<Answer, CallError> {
        let proxy = self.proxy.as_ref();
        let mut request = outgoing(&route.base, proxy, call).map_err(CallError::NotSent)?;
        if let Some(mut idle) = route.pool.take() {
            match self.exchange(&mut idle, request, call.limit).await {
                Err(Broken::Untaken(untaken)) => request = *untaken,
                Err(Broken::Call(error)) => return Err(error),
                Ok(answer) => return self.finish(route, idle, answer),
            }
        }
        let mut fresh = self.connected(route).await.map_err(CallError::NotSent)?;
        let answer = self.exchange(&mut fresh, request, call.limit).await.map_err(not_taken)?;
        self.finish(route, fresh, answer)
    }

    /// A new connection, or one that fell idle while this call waited for its turn to dial.
    async fn connected(&self, route: &Route) -> Result<Connection, NotSent> {
        let _turn = self.dialer.turn().await?;
        match route.pool.take() {
            Some(idle) => Ok(idle),
            None => self.dialer.dial(&route.base, self.proxy.as_ref()).await,
        }
    }

    async fn exchange(
        &self,
        connection: &mut Connection,
        request: Outgoing,
        limit: usize,
    ) -> Result<Answer, Broken> {
        tokio::time::timeout(self.timeout, connection.exchange(request, limit))
            .await
            .unwrap_or(Err(Broken::Call(CallError::NoAnswer(NoAnswer::Timeout))))
    }

    /// A forwarding proxy that wants a password has not passed the request on.
    fn finish(&self, route: &Route, connection: Connection, answer: Answer) -> Result<Answer, CallError> {
        if answer.status == 407 && self.proxy.is_some() {
            return Err(CallError::NotSent(NotSent::Proxy { status: 407 }));
        }
        // A front end that reports an error of its own may be about to go.
        if answer.status < 500 {
            route.pool.put(connection);
        }
        Ok(answer)
    }
}

fn not_taken(broken: Broken) -> CallError {
    match broken {
        Broken::Untaken(_) => CallError::NotSent(NotSent::Closed),
        Broken::Call(error) => error,
    }
}

fn outgoing(base: &Base, proxy: Option<&Proxy>, call: &Call<'_>) -> Result<Outgoing, NotSent> {
    let forwarding = proxy.filter(|_| base.tls.is_none());
    let target =
        if forwarding.is_some() { base.absolute_form(call.path) } else { base.origin_form(call.path) };
    let mut request = connection::outgoing(call.body.clone().unwrap_or_default());
    *request.uri_mut() = target.ok_or(NotSent::Unwritable("a path or token with characters no URL has"))?;
    let headers = request.headers_mut();
    headers.insert(HOST, base.authority.clone());
    headers.insert(USER_AGENT, AGENT);
    if let Some(authorization) = forwarding.and_then(|proxy| proxy.authorization.clone()) {
        headers.insert(PROXY_AUTHORIZATION, authorization);
    }
    if call.body.is_some() {
        headers.insert(CONTENT_TYPE, JSON);
        *request.method_mut() = Method::POST;
    }
    Ok(request)
}
