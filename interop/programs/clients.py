"""One Python client, doing one transition: CLIENT HTTP-ADDRESS HTTPS-ADDRESS. Prints what came of it in one line."""

import asyncio
import io
import ssl
import sys

client, clear, secure = sys.argv[1:]
TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE


def echoed(text):
    return 'echoed' if text == 'hello' else f'not echoed, but {text}'


def libcurl(url, version, body=None):
    import pycurl

    lines = []
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.HTTP_VERSION, version)
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    curl.setopt(pycurl.NOPROXY, "*")
    curl.setopt(pycurl.TIMEOUT, 20)
    curl.setopt(pycurl.HEADERFUNCTION, lambda line: lines.append(line.decode("latin-1")))
    curl.setopt(pycurl.WRITEFUNCTION, io.BytesIO().write)
    if body is not None:
        curl.setopt(pycurl.POSTFIELDS, body)
    curl.perform()
    curl.close()
    return " → ".join(" ".join(line.split()[:2]) for line in lines if line.startswith("HTTP/")).replace("HTTP/1.1 101", "101")


def pycurl_h2c():
    from pycurl import CURL_HTTP_VERSION_2_0

    get = libcurl(f"http://{clear}/orders", CURL_HTTP_VERSION_2_0)
    return f"GET: {get}; POST: {libcurl(f'http://{clear}/orders', CURL_HTTP_VERSION_2_0, 'one order')}"


def pycurl_h3():
    return libcurl(f"https://{secure}/video/a", 31)


def websockets_clear_and_tls():
    from websockets.sync.client import connect

    told = []
    for url, context in [(f"ws://{clear}/chat", None), (f"wss://{secure}/chat", TRUSTING)]:
        with connect(url, ssl=context, proxy=None, subprotocols=["chat.v2"]) as socket:
            socket.send("hello")
            told.append(f"{url.split(':')[0]}: {socket.response.status_code}, {echoed(socket.recv(20))}, {socket.subprotocol}")
    return "; ".join(told)


def websocket_client():
    import websocket

    told = []
    for url in [f"ws://{clear}/chat", f"wss://{secure}/chat"]:
        socket = websocket.create_connection(url, timeout=20, sslopt={"cert_reqs": ssl.CERT_NONE, "check_hostname": False})
        socket.send("hello")
        told.append(f"{url.split(':')[0]}: {socket.getstatus()}, {echoed(socket.recv())}")
        socket.close()
    return "; ".join(told)


def websockets_426():
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    try:
        with connect(f"ws://{clear}/no-sockets", proxy=None):
            return "opened"
    except InvalidStatus as refusal:
        return f"{refusal.response.status_code}, Upgrade: {refusal.response.headers['Upgrade']}"


def aioquic_get():
    from aioquic.asyncio import QuicConnectionProtocol
    from aioquic.asyncio.client import connect
    from aioquic.h3.connection import H3_ALPN, H3Connection
    from aioquic.h3.events import HeadersReceived
    from aioquic.quic.configuration import QuicConfiguration

    class Client(QuicConnectionProtocol):
        def quic_event_received(self, event):
            for received in self.http.handle_event(event) if hasattr(self, "http") else []:
                if isinstance(received, HeadersReceived) and not self.answer.done():
                    self.answer.set_result(dict(received.headers)[b":status"].decode())

    async def ask():
        configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
        host, _, port = secure.rpartition(":")
        async with connect(host, int(port), configuration=configuration, create_protocol=Client) as protocol:
            protocol.http, protocol.answer = H3Connection(protocol._quic), asyncio.get_running_loop().create_future()
            stream = protocol._quic.get_next_available_stream_id()
            head = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", secure.encode()), (b":path", b"/video/a")]
            protocol.http.send_headers(stream, head, end_stream=True)
            protocol.transmit()
            return await asyncio.wait_for(protocol.answer, 20)

    return f"HTTP/3 {asyncio.run(ask())}"


def niquests_alt_svc():
    import niquests

    # The gateway listens on 127.0.0.1, and Debian names ::1 localhost, too.
    with niquests.Session(disable_ipv6=True) as session:
        told = []
        for _ in range(2):
            reply = session.get(f"https://localhost:{secure.rpartition(':')[2]}/orders", verify=False)
            told.append(f"HTTP/{reply.raw.version / 10:g} {reply.status_code}")
    return " → ".join(told)


print({name: run for name, run in globals().items() if callable(run)}[client]())
