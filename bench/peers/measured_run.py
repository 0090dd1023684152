"""One run of one peer: started, warmed up, timed, and its CPU read over all its processes."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

# A peer that takes longer than this is ended; the slowest seen needs 10 s for 5,000 messages.
LIMIT_SECONDS = 300


def run(command, job):
    """Gives {"ok", "failed", "seconds", "cpu_seconds"} of the measured part, the warm-up left out."""
    peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    with Deadline(peer.pid):
        try:
            return measure(peer, job)
        finally:
            peer.stdin.close()
            ended(peer)


def measure(peer, job):
    say(peer, json.dumps(job))
    heard(peer)
    cpu_before, started_at = cpu_seconds(peer.pid), time.perf_counter()
    say(peer, "go")
    counts = json.loads(heard(peer))
    seconds = time.perf_counter() - started_at
    return {**counts, "seconds": seconds, "cpu_seconds": cpu_seconds(peer.pid) - cpu_before}


def say(peer, line):
    peer.stdin.write(line + "\n")
    peer.stdin.flush()


def heard(peer):
    line = peer.stdout.readline()
    if not line:
        raise RuntimeError(f"{' '.join(map(str, peer.args))} ended without an answer")
    return line


def ended(peer):
    try:
        peer.wait(timeout=30)
    except subprocess.TimeoutExpired:
        end_session(peer.pid)
        peer.wait()


def end_session(session):
    try:
        os.killpg(session, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Deadline:
    """Ends the peer's whole session when LIMIT_SECONDS are over; its closed stdout then ends the run."""

    def __init__(self, session):
        self._session = session

    def __enter__(self):
        signal.signal(signal.SIGALRM, lambda *_: end_session(self._session))
        signal.alarm(LIMIT_SECONDS)

    def __exit__(self, *_):
        signal.alarm(0)


def cpu_seconds(session):
    """CPU of all living processes of a session, to the nanosecond (the kernel's per-process CPU clock)."""
    return sum(process_cpu_seconds(pid) for pid in processes(session))


def processes(session):
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and session_of(entry) == session:
            yield int(entry.name)


def session_of(entry):
    try:
        # After the program's name, which may hold blanks: state, parent, group, session.
        return int((entry / "stat").read_text().rpartition(")")[2].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return None


def process_cpu_seconds(pid):
    try:
        # clock_getcpuclockid(3): the pid's complement, then 2 for the scheduler's clock.
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    except OSError:
        return 0.0
