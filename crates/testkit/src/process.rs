//! The real binary, in processes of its own: started, listened to, asked to end, and killed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The binary `hongyan`, built as this test was, at most once a process.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut build = std::process::Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "hongyan-cli"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo is there").success(), "the binary cannot be built");
        // This test is `target/<profile>/deps/<name>`.
        let test = std::env::current_exe().expect("a process knows its file");
        test.ancestors().nth(2).expect("it lies in target/").join("hongyan")
    })
}

/// Runs a command to its end. Its words are in the first language of the texts, English.
pub async fn run(folder: &Path, settings: &[(&str, String)], words: &[&str]) -> Ended {
    let output = command(folder, settings, words).output().await.expect("the binary can be started");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said of errors, and its log.
    pub stderr: String,
}

impl Ended {
    /// The JSON of a command that has to have succeeded.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert!(self.status.success(), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn command(folder: &Path, settings: &[(&str, String)], words: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(words).current_dir(folder).env("HONGYAN_LANG", "en").kill_on_drop(true);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command
}

/// A running `serve` or `simulate`.
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Running {
    /// Starts it and waits until it says where it listens. Its log goes to `log` in `folder`.
    pub async fn start(folder: &Path, settings: &[(&str, String)], words: &[&str]) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(folder.join("log"));
        let log = log.expect("the folder takes a file");
        let words = [words, &["--json"]].concat();
        let mut command = command(folder, settings, &words);
        command.stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the binary can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.next_line().await.expect("its output can be read");
        let line = line.unwrap_or_else(|| panic!("it ended: see {}", folder.join("log").display()));
        let said: Value = serde_json::from_str(&line).expect("it says where it listens");
        let address = said["listening"].as_str().and_then(|address| address.parse().ok());
        Self { child, address: address.expect("an address") }
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it ran until now");
    }

    /// Waits until it ends by itself; how it ended.
    pub async fn end(mut self) -> ExitStatus {
        self.child.wait().await.expect("it ends")
    }

    /// SIGTERM; how it ended.
    pub async fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().expect("it runs").to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(told.expect("there is kill").success());
        self.child.wait().await.expect("it ends")
    }
}
