//! What is counted of HTTP: by route template and class of status, never by path, key or person.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use utoipa::openapi::OpenApi;

use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;

/// The label of requests that no route answers.
const UNMATCHED: &str = "unmatched";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    /// A route's template, `/api/v1/messages/{id}`, or `unmatched`.
    route: String,
    /// `2xx` to `5xx`.
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

/// All metrics of HTTP.
pub(crate) struct HttpMetrics {
    /// `hongyan_http_requests_total{route,class}`: answered requests.
    /// `hongyan_http_request_seconds{route}`: from the whole head to the answer.
    routes: HashMap<String, RouteMetrics>,
    unmatched: RouteMetrics,
}

/// One route's, looked up once, at the start.
struct RouteMetrics {
    classes: [Counter; CLASSES.len()],
    seconds: Histogram,
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl HttpMetrics {
    /// Registers everything under its name.
    pub(crate) fn register(registry: &mut Registry, openapi: &OpenApi) -> Self {
        let requests = Family::<RequestLabels, Counter>::default();
        let seconds = Family::<RouteLabel, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.0001, 2.0, 18))
        });
        let all = registry.sub_registry_with_prefix("hongyan_http");
        all.register("requests", "Answered requests by route and class of status", requests.clone());
        all.register_with_unit("request", "Time from head to answer", Unit::Seconds, seconds.clone());
        let of = |route: &str| RouteMetrics {
            classes: CLASSES.map(|class| {
                requests.get_or_create(&RequestLabels { route: route.to_owned(), class }).clone()
            }),
            seconds: seconds.get_or_create(&RouteLabel { route: route.to_owned() }).clone(),
        };
        let routes = openapi.paths.paths.keys().map(|path| (path.clone(), of(path))).collect();
        Self { routes, unmatched: of(UNMATCHED) }
    }

    /// Counts one answer.
    pub(crate) fn count(&self, route: Option<&str>, status: StatusCode, took: Duration) {
        let metrics = route.and_then(|route| self.routes.get(route)).unwrap_or(&self.unmatched);
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        metrics.classes[class].inc();
        metrics.seconds.observe(took.as_secs_f64());
    }
}

/// Everything this process counts, as Prometheus text (OpenMetrics). Needs no key: it names no person and no account.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn show(State(app): State<App>) -> Answer {
    let mut text = String::with_capacity(64 * 1024);
    encode(&mut text, app.registry())
        .map_err(|_| Problem::new(Code::Internal, "the metrics cannot be written"))?;
    Ok(metrics_text(text))
}

fn metrics_text(text: String) -> Response {
    answer::bytes(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text)
}
