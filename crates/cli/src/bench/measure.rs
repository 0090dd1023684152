//! What another process has used, as Linux tells it.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// Linux counts processor time for `/proc` in hundredths of a second on every architecture (USER_HZ).
const TICK: Duration = Duration::from_millis(10);

/// Processor time of the process, all its threads, user and system.
pub(super) fn cpu_of(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    cpu_in(&stat).with_context(|| format!("{path} is not understood"))
}

/// utime and stime are the fields 14 and 15; the second, the name, may hold blanks and brackets.
fn cpu_in(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some(TICK * ticks()? + TICK * ticks()?)
}

/// The most memory the process has had resident, in MiB.
pub(super) fn peak_mib(pid: u32) -> Result<f64> {
    status_mib(pid, "VmHWM:")
}

/// The memory the process has resident, in MiB.
pub(super) fn resident_mib(pid: u32) -> Result<f64> {
    status_mib(pid, "VmRSS:")
}

fn status_mib(pid: u32, name: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    kib_in(&status, name).map(|kib| kib / 1024.0).with_context(|| format!("{path} has no {name}"))
}

fn kib_in(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 7 8 20 0 4 0 100 1 1";

        assert_eq!(cpu_in(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu_in("nonsense"), None);
    }

    #[test]
    fn memory_is_read_in_kib() {
        assert_eq!(kib_in("Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n", "VmHWM:"), Some(2048.0));
        assert_eq!(kib_in("Name:\tx\n", "VmHWM:"), None);
    }

    #[test]
    fn this_process_can_be_measured() {
        assert!(cpu_of(std::process::id()).is_ok());
        assert!(peak_mib(std::process::id()).unwrap() >= resident_mib(std::process::id()).unwrap() * 0.5);
    }
}
