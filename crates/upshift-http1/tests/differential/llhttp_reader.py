"""Reads cases, a line of hexadecimal each, as llhttp does, and prints what it made of each.

`llhttp_reader.py requests` reads requests, `llhttp_reader.py responses` the response to a GET.
A line of output is the end (`waits`, `closes` or `refused NAME`), and the messages in hexadecimal.
"""

import sys

import llhttp

KIND = sys.argv[1]
BASE = {"requests": llhttp.Request, "responses": llhttp.Response}[KIND]


def join(start, content):
    return start + b" " + content if content else start


class Reader(BASE):
    def __init__(self):
        super().__init__()
        self.messages = []
        self.clear()

    def clear(self):
        self.target, self.content, self.closes = b"", b"", False

    def on_url(self, part):
        self.target += bytes(part)

    def on_body(self, part):
        self.content += bytes(part)

    def on_message_complete(self):
        if KIND == "requests":
            start = self.method.encode() + b" " + self.target
        else:
            start = b"%d" % self.status
        self.messages.append(join(start, self.content))
        self.clear()


def read(data):
    reader = Reader()
    try:
        reader.execute(data)
        if KIND == "responses":
            reader.finish()
    except llhttp.ClosedConnectionError:
        # It refuses what comes after `Connection: close`, which is to be discarded.
        return "closes", reader.messages
    except llhttp.Error as error:
        return "refused " + type(error).__name__, reader.messages
    return "waits", reader.messages


for line in sys.stdin:
    end, messages = read(bytes.fromhex(line))
    print("\t".join([end] + [message.hex() for message in messages]))
