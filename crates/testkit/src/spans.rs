//! What is traced, kept for a test to look at.

use std::sync::Arc;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use parking_lot::Mutex;

/// The spans that ended, in that order.
#[derive(Clone, Debug, Default)]
pub struct Spans(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().extend(batch);
        Ok(())
    }
}

impl Spans {
    /// A tracer that keeps all it traces here: of callers that want it, and of others.
    pub fn tracer(&self) -> SdkTracer {
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .with_simple_exporter(self.clone())
            .build();
        provider.tracer("hongyan")
    }

    /// What ended since the last look.
    pub fn take(&self) -> Vec<SpanData> {
        std::mem::take(&mut self.0.lock())
    }
}
