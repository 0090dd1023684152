//! Traces (OpenTelemetry), where the operator wants them: a span for each try to send a message, in the trace of the
//! request that brought it. Without a tracer nothing of this runs.
//!
//! A message is not where its trace is kept: of those on their way in memory the request is remembered beside them. What
//! is read from the store, after a restart or hours later, begins a trace of its own; both spans name the message.

use std::collections::{HashMap, VecDeque};

use hongyan_domain::{Event, MessageId};
use hongyan_store::Ready;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use parking_lot::Mutex;

use crate::path::send::Finished;

/// Messages whose request is remembered, the newest: what memory holds of one account's lanes and more; 10 MB.
const KEPT: usize = 100_000;

/// The tracer, and the requests of messages on their way.
pub(crate) struct Traces {
    tracer: SdkTracer,
    origins: Mutex<Origins>,
}

#[derive(Default)]
struct Origins {
    of: HashMap<MessageId, SpanContext>,
    order: VecDeque<MessageId>,
}

impl Traces {
    pub(crate) fn new(tracer: SdkTracer) -> Self {
        Self { tracer, origins: Mutex::default() }
    }

    pub(crate) fn tracer(&self) -> &SdkTracer {
        &self.tracer
    }

    /// The request that is being answered, if it is traced. Read by whoever answers it, not by a task of its own.
    pub(crate) fn here() -> Option<SpanContext> {
        let context = Context::current();
        let span = context.span();
        let here = span.span_context();
        here.is_sampled().then(|| here.clone())
    }

    /// These messages came by that request.
    pub(crate) fn came(&self, messages: impl Iterator<Item = MessageId>, by: &SpanContext) {
        let mut origins = self.origins.lock();
        for id in messages {
            if origins.order.len() == KEPT {
                let oldest = origins.order.pop_front();
                oldest.and_then(|oldest| origins.of.remove(&oldest));
            }
            origins.of.insert(id, by.clone());
            origins.order.push_back(id);
        }
    }

    /// A try begins.
    pub(crate) fn begin(&self, message: &Ready) -> Span {
        let origin = self.origins.lock().of.get(&message.id).cloned();
        let parent =
            origin.map_or_else(Context::new, |origin| Context::new().with_remote_span_context(origin));
        let attributes = vec![
            KeyValue::new("messaging.system", "wechat"),
            KeyValue::new("messaging.operation.type", "send"),
            KeyValue::new("messaging.message.id", message.id.to_string()),
            KeyValue::new("hongyan.account", message.account.0),
            KeyValue::new("hongyan.template_id", message.template_id.to_string()),
            KeyValue::new("hongyan.lane", message.lane.as_str()),
            KeyValue::new("hongyan.attempt", i64::from(message.standing.attempts) + 1),
        ];
        let builder = SpanBuilder::from_name("send template_message").with_kind(SpanKind::Client);
        self.tracer.build_with_context(builder.with_attributes(attributes), &parent)
    }
}

/// A try is over.
pub(crate) fn end(mut span: Span, finished: &Finished) {
    if let Some(dispatch) = &finished.dispatch {
        span.set_attribute(KeyValue::new("hongyan.outcome", dispatch.outcome));
        if let Some(errcode) = dispatch.errcode {
            span.set_attribute(KeyValue::new("wechat.errcode", errcode));
        }
        if let Some(rid) = &dispatch.rid {
            span.set_attribute(KeyValue::new("wechat.rid", rid.clone()));
        }
        if dispatch.outcome != "sent" {
            span.set_status(Status::error(dispatch.outcome));
        }
    } else if matches!(finished.event, Event::Released) {
        span.set_attribute(KeyValue::new("hongyan.outcome", "released"));
    }
    span.end();
}
