//! The processes a benchmark measures: this same binary, started as `simulate` and as `serve`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::bench::measure;

/// Opening a database with a million waiting messages takes a second or two; a minute is a defect.
const START_LIMIT: Duration = Duration::from_secs(60);
/// A server that is asked to end finishes its sends first.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// A child that listens. It dies with this process.
pub(super) struct Running {
    child: Child,
    pub(super) pid: u32,
    /// `host:port`.
    pub(super) authority: String,
}

impl Running {
    /// Starts `hongyan WORDS --json` with these settings and no others, and waits until it says where it listens.
    pub(super) async fn start(words: &[&str], settings: &[(&str, String)], folder: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("where this program lies")?);
        command
            .args(words)
            .arg("--json")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HONGYAN_") {
                command.env_remove(name);
            }
        }
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().context("starting a process of this program")?;
        let pid = child.id().context("the process ended at once")?;
        let out = child.stdout.take().context("its output is piped")?;
        let mut lines = BufReader::new(out).lines();
        let first =
            tokio::time::timeout(START_LIMIT, lines.next_line()).await.context("it does not start")??;
        let Some(first) = first else { bail!("`hongyan {}` ended at its start", words.join(" ")) };
        let said: Value = serde_json::from_str(&first).with_context(|| first.clone())?;
        let authority = said["listening"].as_str().context("it does not say where it listens")?.to_owned();
        Ok(Self { child, pid, authority })
    }

    /// Processor time so far.
    pub(super) fn cpu(&self) -> Result<Duration> {
        measure::cpu_of(self.pid)
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub(super) async fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").arg(self.pid.to_string()).status().await.context("kill")?;
        if !asked.success() {
            bail!("process {} could not be asked to end", self.pid);
        }
        tokio::time::timeout(STOP_LIMIT, self.child.wait()).await.context("it does not end")??;
        Ok(())
    }
}
