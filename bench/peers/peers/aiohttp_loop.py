"""aiohttp with a fixed number of sends in flight, no queue, nothing durable."""

import asyncio

import aiohttp
from client import data, measured, openid


def start(job):
    loop = asyncio.new_event_loop()
    session, url = loop.run_until_complete(connect(job))

    def send(numbers):
        return loop.run_until_complete(send_all(session, url, job, iter(numbers)))

    return send, lambda: loop.run_until_complete(session.close())


async def connect(job):
    connector = aiohttp.TCPConnector(limit=job["in_flight"])
    session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=5))
    credentials = {"grant_type": "client_credential", "appid": job["appid"], "secret": job["secret"]}
    async with session.get(job["base"] + "/cgi-bin/token", params=credentials) as answer:
        token = (await answer.json(content_type=None))["access_token"]
    return session, f"{job['base']}/cgi-bin/message/template/send?access_token={token}"


async def send_all(session, url, job, numbers):
    lanes = [lane(session, url, job, numbers) for _ in range(job["in_flight"])]
    return sum(await asyncio.gather(*lanes))


async def lane(session, url, job, numbers):
    return sum([await sent(session, url, job, i) for i in numbers])


async def sent(session, url, job, i):
    body = {"touser": openid(job, i), "template_id": job["template_id"], "url": job["url"], "data": data(job, i)}
    try:
        async with session.post(url, json=body) as answer:
            return (await answer.json(content_type=None))["errcode"] == 0
    except (TimeoutError, aiohttp.ClientError):
        return False


measured(start)
