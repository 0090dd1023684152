"""The control side of the WeChat stand-in: what is set up before the runs, and what it has accepted."""

import http.client
import json
from urllib.parse import urlsplit

TITLE = "订单支付成功通知"
CONTENT = "订单号：{{character_string1.DATA}}\n商品：{{thing2.DATA}}\n金额：{{amount3.DATA}}\n支付时间：{{time4.DATA}}"
# Without the order number, which is each message's own: WeChat refuses the same content to the same person (40241).
DATA = {
    "thing2": {"value": "拿铁咖啡大杯"},
    "amount3": {"value": "32.50元"},
    "time4": {"value": "2026-11-23 12:00"},
}
URL = "https://shop.example/orders/20261123000001"


class Control:
    """One kept-alive connection to the control side."""

    def __init__(self, base):
        self._address = urlsplit(base).netloc
        self._connection = http.client.HTTPConnection(self._address, timeout=10)

    def sends(self):
        """Template messages accepted so far, over all accounts."""
        return self._call("GET", "/_sim/stats")["sends"]

    def account(self, appid, secret):
        self._call("POST", "/_sim/accounts", {"appid": appid, "secret": secret, "kind": "service"})

    def template(self, appid):
        body = {"appid": appid, "title": TITLE, "content": CONTENT}
        return self._call("POST", "/_sim/templates", body)["template_id"]

    def followers(self, appid, count):
        return self._call("POST", "/_sim/followers", {"appid": appid, "count": count})["openids"]

    def _call(self, method, path, body=None):
        payload = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {} if payload is None else {"Content-Type": "application/json"}
        try:
            self._connection.request(method, path, payload, headers)
        except OSError as error:
            raise SystemExit(f"no stand-in at {self._address}: {error}; start hongyan simulate") from error
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {text[:200]!r}")
        return json.loads(text) if text else {}
