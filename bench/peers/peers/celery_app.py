"""The Celery application that the worker and the producer share; its job comes from the environment."""

import json
import os
import threading

from celery import Celery
from client import data, openid, wechatpy_client

job = json.loads(os.environ["PEER_JOB"])
app = Celery("peers", broker=job["redis"])
# No results, no events, no rates: the cheapest settings that still deliver.
app.conf.update(
    task_default_queue=job["queue"],
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    worker_prefetch_multiplier=64,
    worker_disable_rate_limits=True,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
_of_thread = threading.local()


@app.task
def send(i):
    # A client for each thread and process: requests' session is not meant to be shared.
    if not hasattr(_of_thread, "client"):
        _of_thread.client = wechatpy_client(job)
    _of_thread.client.message.send_template(openid(job, i), job["template_id"], data(job, i), job["url"])
