//! The same warning or error again is not written again: a full disk would write dozens a second, onto the full disk.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hongyan_domain::Timestamp;
use hongyan_engine::Clock;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogFormat;

/// What is said again within this is counted instead.
const EVERY: Duration = Duration::from_secs(60);
/// Different lines remembered; with more of them, all begin anew.
const LINES_MAX: usize = 1_024;

/// A format that leaves out what it has just said: it is said once, and then once a minute with how often it was left out.
pub(super) struct Calm<F> {
    inner: F,
    form: LogFormat,
    clock: Clock,
    said: Mutex<HashMap<u64, Said>>,
}

struct Said {
    at: Timestamp,
    left_out: u64,
}

impl<F> Calm<F> {
    pub(super) fn new(inner: F, form: LogFormat, clock: Clock) -> Self {
        Self { inner, form, clock, said: Mutex::default() }
    }

    /// How often the line was left out, if it is its turn now.
    fn turn(&self, line: u64) -> Option<u64> {
        let now = self.clock.now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= LINES_MAX && !said.contains_key(&line) {
            said.clear();
        }
        match said.get_mut(&line) {
            Some(before) if now.since(before.at) < EVERY => {
                before.left_out += 1;
                None
            }
            before => {
                let left_out = before.map_or(0, |before| before.left_out);
                said.insert(line, Said { at: now, left_out: 0 });
                Some(left_out)
            }
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for Calm<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if *event.metadata().level() > Level::WARN {
            return self.inner.format_event(context, writer, event);
        }
        let Some(left_out) = self.turn(line(event)) else { return Ok(()) };
        match (left_out, self.form) {
            (0, _) => {}
            (times, LogFormat::Text) => writeln!(writer, "the next line was left out {times} times:")?,
            (times, LogFormat::Json) => {
                writeln!(
                    writer,
                    r#"{{"level":"WARN","message":"the next line was left out","times":{times}}}"#
                )?;
            }
        }
        self.inner.format_event(context, writer, event)
    }
}

/// What makes it the same line: where it comes from, and every word of it.
fn line(event: &Event<'_>) -> u64 {
    let mut words = Words(DefaultHasher::new());
    event.metadata().callsite().hash(&mut words.0);
    event.record(&mut words);
    words.0.finish()
}

struct Words(DefaultHasher);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        field.name().hash(&mut self.0);
        format!("{value:?}").hash(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use tracing_subscriber::prelude::*;

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn full(times: usize) {
        for _ in 0..times {
            tracing::error!(reason = "the disk is full", "could not settle");
        }
    }

    #[test]
    fn the_same_error_is_said_once_and_then_once_a_minute_with_a_count() {
        let (paper, clock) = (Paper::default(), Clock::manual(Timestamp::from_ms(0)));
        let (to, shared) = (paper.clone(), clock.clone());
        let lines = tracing_subscriber::fmt::layer().without_time().with_ansi(false);
        let lines = lines.map_event_format(|inner| Calm::new(inner, LogFormat::Text, shared));
        let log = tracing_subscriber::registry().with(lines.with_writer(move || to.clone()));

        tracing::subscriber::with_default(log, || {
            full(60);
            tracing::error!(reason = "read-only", "could not settle");
            tracing::info!("same");
            tracing::info!("same");
            clock.advance_ms(60_000);
            full(60);
        });

        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split(": ").last().unwrap()).collect();
        assert_eq!(lines.len(), 6, "{text}");
        assert!(lines[0].contains("disk is full") && lines[1].contains("read-only"), "{text}");
        assert!(lines[4].contains("left out 59 times") && lines[5].contains("disk is full"), "{text}");
    }
}
