"""wechatpy in a plain loop, one message after another over one kept-alive connection."""

from client import data, measured, openid, wechatpy_client
from requests import RequestException
from wechatpy.exceptions import WeChatException


def start(job):
    client = wechatpy_client(job)

    def send(numbers):
        return sum(sent(client, job, i) for i in numbers)

    return send, lambda: None


def sent(client, job, i):
    try:
        client.message.send_template(openid(job, i), job["template_id"], data(job, i), job["url"])
        return True
    except (WeChatException, RequestException):
        return False


measured(start)
