//! Logs: to standard error, so that what a command prints stays clean.

mod calm;

use std::io::IsTerminal as _;

use hongyan_engine::Clock;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use self::calm::Calm;
use crate::config::{LogConfig, LogFormat};

/// Starts logging as the settings say. A second start does nothing.
pub(crate) fn start(config: &LogConfig) {
    let ours =
        Targets::new().with_target("hongyan", config.level).with_default(config.level.min(Level::WARN));
    let registry = tracing_subscriber::registry().with(ours);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A file or a collector wants no colours.
    let lines = if std::io::stderr().is_terminal() { lines } else { lines.with_ansi(false) };
    let _ = match config.format {
        LogFormat::Text => {
            let calm = |inner| Calm::new(inner, LogFormat::Text, Clock::System);
            registry.with(lines.map_event_format(calm)).try_init()
        }
        LogFormat::Json => {
            let calm = |inner| Calm::new(inner, LogFormat::Json, Clock::System);
            registry.with(lines.json().flatten_event(true).map_event_format(calm)).try_init()
        }
    };
}

/// For commands that are no server: only what is wrong.
pub(crate) fn start_quiet() {
    start(&LogConfig { level: Level::WARN, format: LogFormat::Text });
}
