//! How the engine is to run.

use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracer;

use crate::path::sweep::Retention;

/// How the engine is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Calls to WeChat that may wait for an answer at once, all accounts together. At 500 ms a call, 4,096
    /// are 8,192 sends a second.
    pub max_in_flight: usize,
    /// What is kept, and for how long.
    pub retention: Retention,
    /// How long after it is due a message should be with WeChat, by lane.
    pub tolerance: Tolerance,
    /// A message that says nothing of it expires so long after it is due.
    pub expires_after: Duration,
    /// The address that phones reach this server by, and people its console; `None`: taps on links cannot be counted.
    pub public_url: Option<String>,
    /// What becomes of what is held of a person who unsubscribes.
    pub on_unsubscribe: OnUnsubscribe,
    /// Which addresses may be called that people entered.
    pub outgoing: hongyan_outgoing::Settings,
    /// By what requests and sends are traced; `None`: they are not, and that costs nothing.
    pub tracer: Option<SdkTracer>,
}

/// What becomes of what is held of a person who unsubscribes. Either way they are not written to until they come back,
/// and what waits for them does not go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnsubscribe {
    /// It is kept as long as of anybody: what was sent stays provable, and who comes back is not asked anew.
    #[default]
    Keep,
    /// It is removed, as WeChat asks developers to.
    Erase,
}

/// The tolerated delay of each lane, for messages of no scenario.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Somebody is looking at the phone.
    pub urgent: Duration,
    /// The default.
    pub normal: Duration,
    /// Campaigns.
    pub bulk: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self {
            max_in_flight: 4_096,
            retention: Retention::default(),
            tolerance: Tolerance { urgent: minutes(1), normal: minutes(30), bulk: minutes(24 * 60) },
            expires_after: minutes(3 * 24 * 60),
            public_url: None,
            on_unsubscribe: OnUnsubscribe::Keep,
            outgoing: hongyan_outgoing::Settings::default(),
            tracer: None,
        }
    }
}
