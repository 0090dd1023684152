//! What the engine counts: one struct, closed label sets, never an openid.

use hongyan_wechat::callback::Event;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The state a message entered, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Entered {
    /// A state's word.
    pub state: &'static str,
    /// A cause's word, or empty.
    pub cause: &'static str,
}

/// A closed word of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Word {
    /// The word.
    pub kind: &'static str,
}

/// WeChat's errcode.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Code {
    /// Only codes of WeChat's table; any other is 0.
    pub errcode: i64,
}

/// All metrics of the path of a message.
#[derive(Clone)]
pub struct Metrics {
    /// `hongyan_messages_total{state,cause}`: transitions into a state.
    pub messages: Family<Entered, Counter>,
    /// `hongyan_dispatches_total{kind}`: tries, by outcome.
    pub dispatches: Family<Word, Counter>,
    /// `hongyan_errcodes_total{errcode}`: error codes WeChat answered a send with.
    pub errcodes: Family<Code, Counter>,
    /// `hongyan_errcode_classes_total{kind}`: the same by what a sender can do about them; `method`, `gone` and
    /// `unknown` are alarmed.
    pub errcode_classes: Family<Word, Counter>,
    /// `hongyan_receipts_total{kind}`: receipts, by delivery status.
    pub receipts: Family<Word, Counter>,
    /// `hongyan_callbacks_total{kind}`: callbacks that WeChat signed, by what they tell, or `failed` where they could
    /// not be kept.
    pub callbacks: Family<Word, Counter>,
    /// `hongyan_token_fetches_total{kind}`: token fetches, `fetched` or `failed`.
    pub token_fetches: Family<Word, Counter>,
    /// `hongyan_send_seconds`: from first byte out to last byte in.
    pub send_seconds: Histogram,
    /// `hongyan_wait_seconds{kind}`: by lane, from due to claim.
    pub wait_seconds: Family<Word, Histogram>,
    /// `hongyan_in_flight`: claimed and not yet settled.
    pub in_flight: Gauge,
    /// `hongyan_held`: messages waiting in memory.
    pub held: Gauge,
    /// `hongyan_damaged_rows`: rows found unreadable since the start; they are passed over.
    pub damaged_rows: Gauge,
    /// `hongyan_store_failures_total`: writes the store could not do.
    pub store_failures: Counter,
}

impl Metrics {
    /// Registers everything under its name.
    pub fn register(registry: &mut Registry) -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let metrics = Self {
            messages: Family::default(),
            dispatches: Family::default(),
            errcodes: Family::default(),
            errcode_classes: Family::default(),
            receipts: Family::default(),
            callbacks: Family::default(),
            token_fetches: Family::default(),
            send_seconds: seconds(),
            wait_seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.001, 2.0, 20))
            }),
            in_flight: Gauge::default(),
            held: Gauge::default(),
            damaged_rows: Gauge::default(),
            store_failures: Counter::default(),
        };
        metrics.name(registry);
        metrics
    }

    fn name(&self, registry: &mut Registry) {
        let all = registry.sub_registry_with_prefix("hongyan");
        all.register("messages", "Messages that entered a state", self.messages.clone());
        all.register("dispatches", "Tries to hand a message to WeChat", self.dispatches.clone());
        all.register("errcodes", "Error codes WeChat answered a send with", self.errcodes.clone());
        all.register(
            "errcode_classes",
            "Error codes WeChat answered a send with, by class",
            self.errcode_classes.clone(),
        );
        all.register("receipts", "Receipts by delivery status", self.receipts.clone());
        all.register("callbacks", "Callbacks by what they tell", self.callbacks.clone());
        all.register("token_fetches", "Fetches of an access_token", self.token_fetches.clone());
        all.register_with_unit(
            "send",
            "Time WeChat took to answer a send",
            Unit::Seconds,
            self.send_seconds.clone(),
        );
        all.register_with_unit("wait", "Time from due to claim", Unit::Seconds, self.wait_seconds.clone());
        all.register("in_flight", "Messages claimed and not settled", self.in_flight.clone());
        all.register("held", "Messages waiting in memory", self.held.clone());
        all.register(
            "damaged_rows",
            "Rows that cannot be read and are passed over",
            self.damaged_rows.clone(),
        );
        all.register("store_failures", "Writes the store could not do", self.store_failures.clone());
    }
}

/// The closed word for what a callback tells: what people wrote, and events without a type here, have one for all.
pub(crate) fn kind_of(event: &Event) -> &'static str {
    match event {
        Event::TemplateSendJobFinish { .. } => "receipt",
        Event::Subscribe { .. } => "subscribe",
        Event::Unsubscribe => "unsubscribe",
        Event::Scan { .. } => "scan",
        Event::Click { .. } => "click",
        Event::View { .. } | Event::ViewMiniprogram { .. } => "view",
        Event::Message { .. } => "message",
        _ => "other",
    }
}
