//! Logs: to standard error, so that what a command prints stays clean.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::config::{LogConfig, LogFormat};

/// Starts logging as the settings say. A second start does nothing.
pub(crate) fn start(config: &LogConfig) {
    let ours =
        Targets::new().with_target("hongyan", config.level).with_default(config.level.min(Level::WARN));
    let registry = tracing_subscriber::registry().with(ours);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let _ = match config.format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
}

/// For commands that are no server: only what is wrong.
pub(crate) fn start_quiet() {
    start(&LogConfig { level: Level::WARN, format: LogFormat::Text });
}
