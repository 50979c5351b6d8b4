"""A server of HTTP/3 whose answers end too early. Arguments: certificate and key. Prints the port that it listens on.

Every answer has the content `0123456789` and, as its length, the number that is the path; that to `/426` is a 426 with
an Upgrade field.
"""

import asyncio
import sys

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated


class Answers(QuicConnectionProtocol):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.http = None

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        for came in self.http.handle_event(event) if self.http else ():
            if isinstance(came, HeadersReceived):
                self.answer(came.stream_id, dict(came.headers)[b":path"].strip(b"/"))

    def answer(self, stream_id, path):
        fields = [(b":status", b"200"), (b"content-length", path)]
        if path == b"426":
            fields = [(b":status", b"426"), (b"upgrade", b"TLS/1.3"), (b"content-length", b"10")]
        self.http.send_headers(stream_id, fields)
        self.http.send_data(stream_id, b"0123456789", end_stream=True)
        self.transmit()


async def main(certificate, key):
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    configuration.load_cert_chain(certificate, key)
    server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Answers)
    print("port", server._transport.get_extra_info("sockname")[1], flush=True)
    await asyncio.Future()


asyncio.run(main(sys.argv[1], sys.argv[2]))
