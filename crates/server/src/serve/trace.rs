//! A request's span, where requests are traced: in the caller's trace, if it names one (W3C `traceparent`).

use axum::extract::Request;
use axum::response::Response;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

use crate::answer::problem::Problem;
use crate::monitor::requests::RequestId;

/// A request that is traced: by its route's template, never by its path, which may hold an openid.
pub(crate) struct Traced(Context);

impl Traced {
    /// The request comes in.
    pub(crate) fn begin(tracer: &SdkTracer, request: &Request, route: Option<&str>, id: RequestId) -> Self {
        let callers = HeaderExtractor(request.headers());
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &callers);
        let (method, route) = (request.method().as_str(), route.unwrap_or("unmatched"));
        let attributes = vec![
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("hongyan.request_id", id.to_string()),
        ];
        let builder = SpanBuilder::from_name(format!("{method} {route}")).with_kind(SpanKind::Server);
        let span = tracer.build_with_context(builder.with_attributes(attributes), &parent);
        Self(Context::new().with_span(span))
    }

    /// What whoever answers it runs in.
    pub(crate) fn context(&self) -> Context {
        self.0.clone()
    }

    /// It is answered.
    pub(crate) fn end(self, response: &Response) {
        let (span, status) = (self.0.span(), response.status());
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if let Some(problem) = response.extensions().get::<Problem>() {
            span.set_attribute(KeyValue::new("error.type", problem.code().as_str()));
        }
        if status.is_server_error() {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}
