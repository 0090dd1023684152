"""wechatpy in a plain loop, one message after another over one kept-alive connection."""

from client import measured, openid, wechatpy_client
from requests import RequestException
from wechatpy.exceptions import WeChatException


def start(job):
    client = wechatpy_client(job)

    def send(messages):
        return sum(sent(client, job, openid(job, i)) for i in range(messages))

    return send, lambda: None


def sent(client, job, recipient):
    try:
        client.message.send_template(recipient, job["template_id"], job["data"], job["url"])
        return True
    except (WeChatException, RequestException):
        return False


measured(start)
