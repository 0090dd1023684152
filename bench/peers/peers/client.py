"""The Python peers' side of the measurement, and wechatpy pointed at the stand-in."""

import json
import sys

from requests.adapters import HTTPAdapter
from wechatpy import WeChatClient


def measured(start):
    """Reads the job, warms the peer up, waits for the word, answers with the counts, stays until stdin closes."""
    job = json.loads(sys.stdin.readline())
    send, stop = start(job)
    send(range(job["warm_up"]))
    print("ready", flush=True)

    sys.stdin.readline()
    ok = send(range(job["warm_up"], job["warm_up"] + job["messages"]))
    print(json.dumps({"ok": ok, "failed": job["messages"] - ok}), flush=True)

    sys.stdin.readline()
    stop()


def openid(job, i):
    """Recipients take turns."""
    return job["openids"][i % len(job["openids"])]


def data(job, i):
    """The fields of message `i` of this run; no two orders are alike."""
    return {"character_string1": {"value": f"{job['orders']}-{i}"}, **job["data"]}


def wechatpy_client(job):
    """A client whose every call goes to the stand-in; wechatpy has the token URL as a literal."""

    class Client(WeChatClient):
        API_BASE_URL = job["base"] + "/cgi-bin/"

        def fetch_access_token(self):
            credentials = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
            return self._fetch_access_token(url=job["base"] + "/cgi-bin/token", params=credentials)

    client = Client(job["appid"], job["secret"], access_token=job.get("token"), timeout=5)
    client._http.mount("http://", HTTPAdapter(pool_maxsize=job["in_flight"]))
    return client
