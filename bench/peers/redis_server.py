"""The Redis that the queues run on: the one that answers at its usual port, or one of our own."""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import redis

USUAL_PORT = 6379
# Away from database 0, which a developer's own programs use.
DATABASE = 15
START_SECONDS = 10


@contextlib.contextmanager
def running():
    """Gives a client of a Redis that answers; one that was started here is stopped at the end."""
    usual = client(USUAL_PORT)
    if answers(usual):
        yield usual
        return
    with tempfile.TemporaryDirectory() as folder:
        server, own = started(folder)
        try:
            yield own
        finally:
            server.terminate()
            server.wait(timeout=10)


def client(port):
    return redis.Redis(host="127.0.0.1", port=port, db=DATABASE, socket_timeout=5)


def answers(connection):
    try:
        return connection.ping()
    except redis.RedisError:
        return False


def started(folder):
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("BullMQ and Celery need Redis: apt-get install redis-server")
    port = free_port()
    # Nothing goes to disk: Redis at its fastest, in the queues' favour.
    in_memory = ["--save", "", "--appendonly", "no"]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, *in_memory]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    own = client(port)
    give_up_at = time.monotonic() + START_SECONDS
    while not answers(own):
        if server.poll() is not None or time.monotonic() > give_up_at:
            server.kill()
            sys.exit(f"redis-server did not start on port {port}")
        time.sleep(0.05)
    return server, own


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def url(connection):
    return f"redis://127.0.0.1:{connection.connection_pool.connection_kwargs['port']}/{DATABASE}"


def cpu_seconds(connection):
    """CPU of the server process since its start."""
    used = connection.info("cpu")
    return used["used_cpu_user"] + used["used_cpu_sys"]


def forget(connection, queue):
    """Removes what the queue of that name left behind, in a Redis that may be somebody else's."""
    for key in connection.scan_iter(f"*{queue}*"):
        connection.delete(key)
    names = (member for member, _ in connection.zscan_iter("_kombu.binding_deadlines", f"*{queue}*"))
    for name in list(names):
        connection.zrem("_kombu.binding_deadlines", name)
