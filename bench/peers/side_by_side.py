"""Runs the peers one after another, round by round, and prints the medians; `./run --help` tells the options."""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median

import measured_run
import redis_server
import stand_in

HERE = Path(__file__).parent
PYTHON, NODE = [sys.executable], ["node"]
# name: program, interpreter, packages whose versions are told, whether it works through Redis
PEERS = {
    "bullmq": ("peers/bullmq_queue.mjs", NODE, ["bullmq", "ioredis", "undici"], True),
    "celery": ("peers/celery_queue.py", PYTHON, ["celery", "redis", "wechatpy"], True),
    "wechatpy": ("peers/wechatpy_loop.py", PYTHON, ["wechatpy", "requests"], False),
    "aiohttp": ("peers/aiohttp_loop.py", PYTHON, ["aiohttp"], False),
    "undici": ("peers/undici_loop.mjs", NODE, ["undici"], False),
}
FOLLOWERS = 1000
# A bare run of Hongyan over a few thousand messages is too short to time.
HONGYAN_MESSAGES = 100_000
HONGYAN_BENCH = ["--accounts", "1", "--batch", "1000", "--latency", "0", "--pace", "off", "--store", "sqlite", "--json"]


def main():
    options = parsed()
    with redis_server.running() as redis:
        try:
            results = rounds(options.runs, subjects(options, redis))
            told = {name: versions(name, options, redis) for name in results}
        finally:
            redis_server.forget(redis, queue_name())
    report([summary(name, runs, told[name]) for name, runs in results.items()], options.json)


def subjects(options, redis):
    """What is measured: a name, and what makes one run of it."""
    job = common_job(options, redis)
    measured = {name: partial(peer_run, name, job, redis) for name in options.peers.split(",")}
    if options.hongyan:
        measured["hongyan"] = partial(hongyan_run, options.hongyan)
    return measured


def parsed():
    parser = argparse.ArgumentParser(prog="run", description="Hongyan's peers, side by side")
    parser.add_argument("--messages", type=int, default=5000, help="in each run (5000; at most 100000)")
    parser.add_argument("--runs", type=int, default=3, help="interleaved runs of each peer (3; at most 20)")
    parser.add_argument("--warm-up", type=int, default=5000, help="messages before the clock starts (5000)")
    parser.add_argument("--in-flight", type=int, default=64, help="of bullmq, aiohttp and undici (64)")
    parser.add_argument("--base", default="http://127.0.0.1:9090", help="the WeChat stand-in")
    parser.add_argument("--appid", default="wx00000000000peers", help="the account that is made there")
    parser.add_argument("--secret", default="0123456789abcdef0123456789abcdef")
    parser.add_argument("--peers", default=",".join(PEERS), help="which, by comma")
    parser.add_argument("--bullmq-workers", type=int, default=2, help="processes that share --in-flight (2)")
    parser.add_argument("--celery-pool", default="prefork", choices=["prefork", "threads"])
    parser.add_argument("--celery-concurrency", type=int, default=4)
    parser.add_argument("--hongyan", type=Path, help="the binary, to measure it in the same rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return checked(parser, parser.parse_args())


def checked(parser, options):
    unknown = set(options.peers.split(",")) - set(PEERS)
    if unknown:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    if not 1 <= options.messages <= 100_000 or not 1 <= options.runs <= 20:
        parser.error("--messages is 1 to 100000, --runs 1 to 20")
    if options.hongyan and not options.hongyan.is_file():
        parser.error(f"--hongyan: there is no {options.hongyan}; build it with cargo build --release")
    return options


def common_job(options, redis):
    """The account, template and followers at the stand-in, and what every peer is told."""
    control = stand_in.Control(options.base)
    control.account(options.appid, options.secret)
    return {
        "base": options.base.rstrip("/"),
        "appid": options.appid,
        "secret": options.secret,
        "template_id": control.template(options.appid),
        "openids": control.followers(options.appid, FOLLOWERS),
        "data": stand_in.DATA,
        "url": stand_in.URL,
        "messages": options.messages,
        "warm_up": options.warm_up,
        "in_flight": options.in_flight,
        "redis": redis_server.url(redis),
        "queue": queue_name(),
        "bullmq_workers": options.bullmq_workers,
        "celery_pool": options.celery_pool,
        "celery_concurrency": options.celery_concurrency,
    }


def queue_name():
    return f"hongyan-peers-{os.getpid()}"


def rounds(runs, subjects):
    """Each round runs every subject once, so that a slow minute of the machine falls on all of them."""
    results = {name: [] for name in subjects}
    for number in range(1, runs + 1):
        for name, run in subjects.items():
            results[name].append(run())
            print(f"round {number}: {name} {results[name][-1]['rate_per_sec']:,.0f}/s", file=sys.stderr)
    return results


def peer_run(name, job, redis):
    program, interpreter, _, queued = PEERS[name]
    control = stand_in.Control(job["base"])
    sends_before, redis_before = control.sends(), redis_server.cpu_seconds(redis)
    run = measured_run.run([*interpreter, HERE / program], {**job, "orders": str(time.time_ns() // 1000)})
    accepted = control.sends() - sends_before - job["warm_up"]
    if accepted != run["ok"]:
        raise RuntimeError(f"{name} counted {run['ok']} sends, the stand-in accepted {accepted}")
    run["messages"] = job["messages"]
    run["rate_per_sec"] = run["ok"] / run["seconds"]
    run["cpu_us_per_message"] = run["cpu_seconds"] * 1e6 / max(run["ok"], 1)
    if queued:
        # Redis is asked before and after the whole run, so its warm-up messages count too.
        served = run["ok"] + job["warm_up"]
        run["redis_cpu_us_per_message"] = (redis_server.cpu_seconds(redis) - redis_before) * 1e6 / served
    return run


def hongyan_run(binary):
    command = [binary.resolve(), "bench", "send", "--messages", str(HONGYAN_MESSAGES), *HONGYAN_BENCH]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout)
    kept = {key: answer[key] for key in ("messages", "seconds", "rate_per_sec", "cpu_us_per_message")}
    return {**kept, "ok": answer["messages"], "failed": 0}


def summary(name, runs, told):
    """Medians of the figures; of the counts the worst run."""
    figures = ["seconds", "rate_per_sec", "cpu_us_per_message", "redis_cpu_us_per_message"]
    medians = {key: round(median(run[key] for run in runs), 3) for key in figures if key in runs[0]}
    worst = {"ok": min(run["ok"] for run in runs), "failed": max(run["failed"] for run in runs)}
    return {"peer": name, "messages": runs[0]["messages"], **medians, **worst, "runs": len(runs), "versions": told}


def versions(name, options, redis):
    if name == "hongyan":
        return hongyan_version(options.hongyan)
    _, interpreter, packages, queued = PEERS[name]
    told = node_versions(packages) if interpreter is NODE else python_versions(packages)
    if queued:
        told["redis-server"] = redis.info("server")["redis_version"]
    return told


def python_versions(packages):
    return {"python": platform.python_version(), **{each: importlib.metadata.version(each) for each in packages}}


def node_versions(packages):
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    manifests = {each: json.loads((HERE / "node_modules" / each / "package.json").read_text()) for each in packages}
    return {"node": node.lstrip("v"), **{each: manifest["version"] for each, manifest in manifests.items()}}


def hongyan_version(binary):
    answer = subprocess.run([binary.resolve(), "--version"], check=True, capture_output=True, text=True)
    return {"hongyan": answer.stdout.split()[-1]}


def report(results, as_json):
    hongyan = next((each for each in results if each["peer"] == "hongyan"), None)
    ratios = {each["peer"]: round(hongyan["rate_per_sec"] / each["rate_per_sec"], 1) for each in results if hongyan}
    if as_json:
        for each in [*results, *([{"hongyan_is_times": ratios}] if hongyan else [])]:
            print(json.dumps(each, ensure_ascii=False))
        return
    print(f"{'peer':10} {'messages/s':>11} {'CPU µs':>8} {'Redis µs':>9} {'failed':>7} {'Hongyan is':>11}")
    for each in results:
        times = f"{ratios[each['peer']]:.1f} ×" if hongyan else "-"
        redis_us = f"{each['redis_cpu_us_per_message']:.0f}" if "redis_cpu_us_per_message" in each else "-"
        figures = f"{each['rate_per_sec']:11,.0f} {each['cpu_us_per_message']:8,.0f} {redis_us:>9}"
        print(f"{each['peer']:10} {figures} {each['failed']:7} {times:>11}")


if __name__ == "__main__":
    main()
