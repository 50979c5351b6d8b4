"""Asks a gateway over every front protocol there is, with clients that nobody here wrote.

Argument: a JSON file with a list of cells, each {"front", "outcome", "http", "https", "path", "fields"}: the addresses are
HOST:PORT. Prints one line of JSON per cell, in order: {"status", "version", "interim", "fields", "body", "tunnel"}, or
{"error"}. libcurl asks; `websockets` and `h2` open tunnels; `ssl` speaks TLS in band.
"""

import io
import json
import os
import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings
import pycurl
from websockets.frames import Close, Frame, Opcode
from websockets.sync.client import connect

MESSAGE = "through the tunnel, ünbroken"
LARGE = os.urandom(300_000)
PATIENCE = 20

VERSIONS = {
    "h1.0": (pycurl.CURL_HTTP_VERSION_1_0, False),
    "h1.1": (pycurl.CURL_HTTP_VERSION_1_1, False),
    "h2c-prior": (pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE, False),
    "h2c-upgrade": (pycurl.CURL_HTTP_VERSION_2_0, False),
    "h1.1-tls": (pycurl.CURL_HTTP_VERSION_1_1, True),
    "h2": (pycurl.CURL_HTTP_VERSION_2_0, True),
    "h3": (getattr(pycurl, "CURL_HTTP_VERSION_3ONLY", 31), True),
}


def trusting():
    """TLS without looking at who it is: the gateway's certificate is its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def plain(cell):
    """A GET with libcurl."""
    version, secure = VERSIONS[cell["front"]]
    blocks, body = [], io.BytesIO()

    def line(raw):
        text = raw.decode("latin-1").rstrip("\r\n")
        if text.startswith("HTTP/"):
            blocks.append((text, []))
        elif ":" in text and blocks:
            name, _, value = text.partition(":")
            blocks[-1][1].append([name.lower(), value.strip()])

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, f"{'https' if secure else 'http'}://{cell['https' if secure else 'http']}{cell['path']}")
    curl.setopt(pycurl.HTTP_VERSION, version)
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in cell["fields"]])
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    curl.setopt(pycurl.NOPROXY, "*")
    curl.setopt(pycurl.TIMEOUT, PATIENCE)
    curl.setopt(pycurl.HEADERFUNCTION, line)
    curl.setopt(pycurl.WRITEFUNCTION, body.write)
    curl.perform()
    curl.close()
    first, fields = blocks[-1]
    words = first.split()
    interim = [int(status.split()[1]) for status, _ in blocks[:-1]]
    text = body.getvalue().decode("utf-8", "replace")
    return {"status": int(words[1]), "version": words[0], "interim": interim, "fields": fields, "body": text}


def dial(address):
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), PATIENCE)


def read_head(sock):
    """Exactly one head of HTTP/1.x, not a byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(sock, 1)
    lines = head.decode("latin-1").split("\r\n")
    fields = [[name.lower(), value.strip()] for name, _, value in (line.partition(":") for line in lines[1:] if line)]
    return {"version": lines[0].split()[0], "status": int(lines[0].split()[1]), "interim": [], "fields": fields}


def read_reply(sock):
    reply = read_head(sock)
    fields, body = dict(reply["fields"]), b""
    if fields.get("transfer-encoding") == "chunked":
        while size := int(read_line(sock), 16):
            body += read_exactly(sock, size + 2)[:-2]
        read_line(sock)
    else:
        body = read_exactly(sock, int(fields.get("content-length", 0)))
    return reply | {"body": body.decode("utf-8", "replace")}


def read_line(sock):
    line = b""
    while not line.endswith(b"\r\n"):
        line += read_exactly(sock, 1)
    return line[:-2]


def read_exactly(sock, count):
    taken = b""
    while len(taken) < count:
        piece = sock.recv(count - len(taken))
        if not piece:
            raise EOFError(f"closed after {taken!r}")
        taken += piece
    return taken


def lines_of(cell, first, more=()):
    lines = [first, f"Host: {cell['http']}", *(f"{name}: {value}" for name, value in cell["fields"]), *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def in_band(cell):
    """RFC 2817 §3.2: OPTIONS *, 101, handshake, the owed answer; then the connection goes on inside TLS."""
    sock = dial(cell["http"])
    sock.sendall(f"OPTIONS * HTTP/1.1\r\nHost: {cell['http']}\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade\r\n\r\n".encode())
    switched = read_head(sock)
    if switched["status"] != 101:
        raise ConnectionError(f"no switch: {switched}")
    secure = trusting().wrap_socket(sock)
    owed = read_reply(secure)
    return secure, [101, owed["status"]]


def in_band_plain(cell):
    secure, interim = in_band(cell)
    secure.sendall(lines_of(cell, f"GET {cell['path']} HTTP/1.1"))
    return read_reply(secure) | {"interim": interim}


def converse(websocket):
    """What a tunnel must do: text, something large, and a close code that arrives."""
    websocket.send(MESSAGE)
    text = websocket.recv(PATIENCE)
    websocket.send(LARGE)
    large = websocket.recv(PATIENCE)
    websocket.close(4001, "enough")
    return "open" if (text, large) == (MESSAGE, LARGE) and websocket.close_code == 4001 else "wrong bytes"


def upgraded(cell, sock):
    """A WebSocket by HTTP/1.1 Upgrade."""
    try:
        with connect(f"ws://{cell['http']}{cell['path']}", sock=sock, proxy=None, max_size=None, open_timeout=PATIENCE) as websocket:
            reply = websocket.response
            fields = [[name.lower(), value] for name, value in reply.headers.raw_items()]
            return {"status": reply.status_code, "version": "HTTP/1.1", "interim": [], "fields": fields, "body": "", "tunnel": converse(websocket)}
    except Exception as error:
        reply = getattr(error, "response", None)
        if reply is None:
            raise
        body = (reply.body or b"").decode("utf-8", "replace")
        return {"status": reply.status_code, "version": "HTTP/1.1", "interim": [], "body": body,
                "fields": [[name.lower(), value] for name, value in reply.headers.raw_items()]}


def old_upgrade(cell):
    """The same offer in HTTP/1.0, where it has no meaning."""
    sock = dial(cell["http"])
    offer = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    sock.sendall(lines_of(cell, f"GET {cell['path']} HTTP/1.0", offer))
    return read_reply(sock)


class Http2:
    """A client connection of HTTP/2 that opens one stream by extended CONNECT (RFC 8441)."""

    def __init__(self, sock, switched=None):
        self.sock, self.events = sock, []
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        switched(self.h2) if switched else self.h2.initiate_connection()
        self.flush()

    def flush(self):
        if data := self.h2.data_to_send():
            self.sock.sendall(data)

    def pump(self):
        data = self.sock.recv(65_536)
        if not data:
            raise EOFError("the connection ended")
        events = self.h2.receive_data(data)
        for event in events:
            if isinstance(event, h2.events.DataReceived):
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.events += events
        self.flush()

    def until(self, wanted, stream=None):
        while True:
            for event in self.events:
                if isinstance(event, wanted) and (stream is None or event.stream_id == stream):
                    self.events.remove(event)
                    return event
                if isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    raise ConnectionError(str(event))
            self.pump()


def extended_connect(cell, connection, secure):
    connection.until(h2.events.RemoteSettingsChanged)
    if not connection.h2.remote_settings.enable_connect_protocol:
        raise ConnectionError("SETTINGS_ENABLE_CONNECT_PROTOCOL was not sent")
    stream = connection.h2.get_next_available_stream_id()
    head = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https" if secure else "http"), (":path", cell["path"]),
            (":authority", cell["http"]), ("sec-websocket-version", "13")]
    connection.h2.send_headers(stream, head + [(name.lower(), value) for name, value in cell["fields"]])
    connection.flush()
    fields = [list(field) for field in connection.until(h2.events.ResponseReceived, stream).headers]
    status = int(fields[0][1])
    reply = {"status": status, "version": "HTTP/2", "interim": [], "fields": fields[1:], "body": ""}
    if status == 200:
        return reply | {"tunnel": frames(connection, stream)}
    while not any(isinstance(event, h2.events.StreamEnded) for event in connection.events):
        connection.pump()
    body = b"".join(event.data for event in connection.events if isinstance(event, h2.events.DataReceived))
    return reply | {"body": body.decode("utf-8", "replace")}


def frames(connection, stream):
    """The same conversation as `converse`, over one stream: the frames of RFC 6455 by the library, the bytes by us."""

    def send(frame):
        data = frame.serialize(mask=True)
        while data:
            room = min(connection.h2.local_flow_control_window(stream), connection.h2.max_outbound_frame_size, len(data))
            if room:
                connection.h2.send_data(stream, data[:room])
                data = data[room:]
                connection.flush()
            else:
                connection.pump()

    received = bytearray()

    def take(count):
        while len(received) < count:
            received.extend(connection.until(h2.events.DataReceived, stream).data)
        taken = bytes(received[:count])
        del received[:count]
        return taken

    def receive():
        message = b""
        while True:
            first, second = take(2)
            length = second & 127
            if length > 125:
                length = int.from_bytes(take(2 if length == 126 else 8), "big")
            message += take(length)
            if first & 128:
                return message

    send(Frame(Opcode.TEXT, MESSAGE.encode()))
    text = receive()
    send(Frame(Opcode.BINARY, LARGE))
    large = receive()
    send(Frame(Opcode.CLOSE, Close(4001, "enough").serialize()))
    closed = receive()
    connection.h2.end_stream(stream)
    connection.flush()
    right = (text, large, closed[:2]) == (MESSAGE.encode(), LARGE, (4001).to_bytes(2, "big"))
    return "open" if right else "wrong bytes"


def over_tls(cell, *protocols):
    context = trusting()
    context.set_alpn_protocols(list(protocols))
    sock = context.wrap_socket(dial(cell["https"]), server_hostname="localhost")
    if sock.selected_alpn_protocol() != protocols[0]:
        raise ConnectionError(f"ALPN chose {sock.selected_alpn_protocol()}")
    return sock


def switched_h2c(cell):
    """RFC 7540 §3.2, with a request to an ordinary path first; its answer on stream 1 is read and left."""
    sock = dial(cell["http"])

    def switched(connection):
        value = connection.initiate_upgrade_connection().decode()
        offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", f"HTTP2-Settings: {value}"]
        sock.sendall(lines_of(cell, "GET / HTTP/1.1", offer))
        reply = read_head(sock)
        if reply["status"] != 101:
            raise ConnectionError(f"no switch: {reply}")

    return Http2(sock, switched)


def websocket_over_http3(cell):
    """Whether the gateway says that it takes extended CONNECT over HTTP/3 (RFC 9220): `setting`, or else it answers a GET."""
    import asyncio

    from aioquic.asyncio import QuicConnectionProtocol
    from aioquic.asyncio.client import connect as quic
    from aioquic.h3.connection import H3_ALPN, H3Connection
    from aioquic.quic.configuration import QuicConfiguration

    class Client(QuicConnectionProtocol):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            self.http, self.told = H3Connection(self._quic), asyncio.get_running_loop().create_future()

        def quic_event_received(self, event):
            self.http.handle_event(event)
            if self.http.received_settings is not None and not self.told.done():
                self.told.set_result(dict(self.http.received_settings))

    async def settings():
        configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
        host, _, port = cell["https"].rpartition(":")
        async with quic(host, int(port), configuration=configuration, create_protocol=Client) as client:
            return await asyncio.wait_for(client.told, PATIENCE)

    offered = asyncio.run(settings()).get(8, 0)
    return plain(cell) | {"tunnel": "setting" if offered else "no setting"}


TUNNELS = {
    "h1.0": old_upgrade,
    "h1.1": lambda cell: upgraded(cell, dial(cell["http"])),
    "h1.1-tls": lambda cell: upgraded(cell, over_tls(cell, "http/1.1")),
    "h2c-prior": lambda cell: extended_connect(cell, Http2(dial(cell["http"])), False),
    "h2c-upgrade": lambda cell: extended_connect(cell, switched_h2c(cell), False),
    "h2": lambda cell: extended_connect(cell, Http2(over_tls(cell, "h2")), True),
    "h3": websocket_over_http3,
    "tls-inband": lambda cell: upgraded(cell, in_band(cell)[0]),
}


def run(cell):
    try:
        if cell["outcome"] == "tunnel":
            return TUNNELS[cell["front"]](cell)
        return in_band_plain(cell) if cell["front"] == "tls-inband" else plain(cell)
    except Exception as error:  # the cell is named where it is judged
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        for cell in json.load(file):
            print(json.dumps(run(cell)), flush=True)
