"""Celery on Redis with wechatpy: a worker in its own processes, the producer here."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from client import measured, wechatpy_client

import stand_in

# How long nothing may move before the rest counts as failed; the first task waits for the workers' start.
STALL_SECONDS = 15


def start(job):
    # One token for all workers, as a shared session store would give them, without its two look-ups a send.
    job["token"] = wechatpy_client(job).fetch_access_token()["access_token"]
    os.environ["PEER_JOB"] = json.dumps(job)
    from celery_app import app
    from celery_app import send as task

    # Celery warns of root at each start; PYTHONWARNINGS keeps the report readable.
    settings = {**os.environ, "PYTHONWARNINGS": "ignore"}
    worker = subprocess.Popen(worker_command(job), stdout=subprocess.DEVNULL, cwd=Path(__file__).parent, env=settings)
    control = stand_in.Control(job["base"])

    def send(numbers):
        before = control.sends()
        with app.producer_pool.acquire(block=True) as producer:
            for i in numbers:
                task.apply_async((i,), producer=producer)
        return arrived(control, before, len(numbers))

    def stop():
        worker.terminate()
        worker.wait(timeout=20)

    return send, stop


def worker_command(job):
    flags = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
    pool = [f"--pool={job['celery_pool']}", f"--concurrency={job['celery_concurrency']}"]
    return [sys.executable, "-m", "celery", "-A", "celery_app", "worker", *pool, *flags]


def arrived(control, before, messages):
    """Waits until the stand-in has accepted them all, or nothing has moved for STALL_SECONDS."""
    seen, moved_at = 0, time.monotonic()
    while seen < messages and time.monotonic() - moved_at < STALL_SECONDS:
        time.sleep(0.02)
        now = control.sends() - before
        if now > seen:
            seen, moved_at = now, time.monotonic()
    return seen


measured(start)
