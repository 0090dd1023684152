//! Where spans go: to a collector, by OTLP over HTTP, in batches, from a thread of their own. What the collector does not
//! take is dropped and counted in the log: a message is worth more than its trace.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use hongyan_outgoing::{Guard, Outgoing, Settings, Target};
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Request, Response};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;

use crate::config::TraceConfig;

/// A collector stands near: one that takes longer holds up the next batch.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The spans of this process, on their way. The last clone flushes when it is dropped.
#[derive(Clone)]
pub(crate) struct Tracing(Arc<SdkTracerProvider>);

impl Tracing {
    /// Begins to send. Nothing is sent yet: whether the collector is there shows with the first batch.
    pub(crate) fn start(config: &TraceConfig) -> Result<Self> {
        let target = Target::parse(&config.endpoint)?;
        let authorization = config.authorization.as_ref();
        let authorization = authorization.map(|text| HeaderValue::try_from(text.expose())).transpose();
        let authorization = authorization.context("trace.authorization is no text of a header")?;
        let collector =
            Collector { target, authorization, outgoing: outgoing()?, runtime: Handle::current() };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_endpoint(&config.endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(TIMEOUT)
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_resource(Resource::builder().with_service_name(config.service.clone()).build())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample))))
            .with_batch_exporter(exporter)
            .build();
        Ok(Self(Arc::new(provider)))
    }

    /// What makes spans.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.0.tracer("hongyan")
    }

    /// Sends what is left.
    pub(crate) async fn stop(&self) {
        let provider = self.0.clone();
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(TIMEOUT)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last spans did not reach the collector");
        }
    }
}

/// The operator names the collector: it may stand anywhere.
fn outgoing() -> Result<Outgoing> {
    let guard = Guard { allowed: vec!["0.0.0.0/0".parse()?, "::/0".parse()?] };
    Ok(Outgoing::new(Settings { guard, timeout: TIMEOUT, ..Settings::default() }))
}

struct Collector {
    target: Target,
    authorization: Option<HeaderValue>,
    outgoing: Outgoing,
    /// The exporter's thread has none.
    runtime: Handle,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("host", &self.target.host()).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let own = self.authorization.clone().map(|value| (AUTHORIZATION, value));
        let named = parts.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
        let headers: Vec<_> = named.chain(own).collect();
        let (outgoing, target) = (self.outgoing.clone(), self.target.clone());
        let posted = self.runtime.spawn(async move { outgoing.post(&target, &headers, body).await });
        let reply = posted.await??;
        let mut response = Response::new(reply.body);
        *response.status_mut() = reply.status.try_into()?;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use hongyan_store::Secret;
    use opentelemetry::trace::{Span as _, Tracer as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_span_reaches_the_collector_as_protobuf_at_the_latest_when_it_stops() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let collector = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut seen, mut part) = (Vec::new(), [0; 4_096]);
            while !seen.windows(4).any(|end| end == b"span") {
                let read = stream.read(&mut part).await.unwrap();
                seen.extend_from_slice(&part[..read]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&seen).into_owned()
        });
        let authorization = Some(Secret::new("Bearer collector-key"));
        let config = TraceConfig { endpoint, sample: 1.0, service: "mailroom".to_owned(), authorization };
        let tracing = Tracing::start(&config).unwrap();

        tracing.tracer().start("a span").end();
        tracing.stop().await;

        let seen = collector.await.unwrap();
        for part in [
            "POST /v1/traces HTTP/1.1",
            "content-type: application/x-protobuf",
            "authorization: Bearer collector-key",
            "mailroom",
            "a span",
        ] {
            assert!(seen.contains(part), "{part} is missing: {seen}");
        }
    }
}
