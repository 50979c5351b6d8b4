"""Reads cases, a line of hexadecimal each, as h11 does, and prints what it made of each.

`h11_reader.py requests` reads requests, `h11_reader.py responses` the response to a GET.
A line of output is the end (`waits`, `closes` or `refused NAME`), and the messages in hexadecimal.
"""

import sys

import h11


def join(start, content):
    return start + b" " + content if content else start


def read_requests(data):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    messages = []
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                start, content = event.method + b" " + event.target, b""
            elif isinstance(event, h11.Data):
                content += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                messages.append(join(start, content))
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is h11.MUST_CLOSE:
                    return "closes", messages
                connection.start_next_cycle()
            else:
                return "waits", messages
    except h11.RemoteProtocolError as error:
        return "refused " + str(error).split(":")[0].split("(")[0][:60], messages


def read_responses(data):
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    ended = False
    messages = []
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA and not ended:
                connection.receive_data(b"")
                ended = True
            elif isinstance(event, h11.InformationalResponse):
                messages.append(b"%d" % event.status_code)
            elif isinstance(event, h11.Response):
                start, content = b"%d" % event.status_code, b""
            elif isinstance(event, h11.Data):
                content += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                messages.append(join(start, content))
                return "waits", messages
            else:
                return "waits", messages
    except h11.RemoteProtocolError as error:
        return "refused " + str(error).split(":")[0].split("(")[0][:60], messages


READ = {"requests": read_requests, "responses": read_responses}[sys.argv[1]]
for line in sys.stdin:
    end, messages = READ(bytes.fromhex(line))
    print("\t".join([end] + [message.hex() for message in messages]))
