"""HTTP/3 by hand, on a QUIC connection of aioquic: any frame, and field sections of any shape.

aioquic's own HTTP/3 layer refuses to send what RFC 9114 forbids, so frames are written onto the streams here.
"""

import asyncio
import ssl

import pylsqpack
from aioquic.asyncio import QuicConnectionProtocol
from aioquic.asyncio.client import connect
from aioquic.buffer import Buffer, BufferReadError, encode_uint_var
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StopSendingReceived, StreamDataReceived, StreamReset

# RFC 9114 §7.2.
DATA, HEADERS, SETTINGS = 0x0, 0x1, 0x4


def frame(kind, payload, declared=None):
    """A frame; `declared` is written as its length in place of the true one."""
    length = len(payload) if declared is None else declared
    return encode_uint_var(kind) + encode_uint_var(length) + payload


def section(fields):
    """RFC 9204 §4.5.6: literal field lines with literal names, and no dynamic table."""
    block = bytearray(b"\x00\x00")
    for name, value in fields:
        block += text(name.encode("latin-1"), 0x20, 3) + text(value.encode("latin-1"), 0x00, 7)
    return bytes(block)


def text(octets, flags, bits):
    """RFC 9204 §4.1.2: a string whose length has a prefix of so many bits, without Huffman code."""
    most = (1 << bits) - 1
    if len(octets) < most:
        return bytes([flags | len(octets)]) + octets
    head, rest = bytearray([flags | most]), len(octets) - most
    while rest >= 128:
        head.append(rest % 128 | 0x80)
        rest //= 128
    head.append(rest)
    return bytes(head) + octets


class Stream:
    """The answer on one request stream, as far as it has come."""

    def __init__(self):
        self.received, self.ended, self.reset, self.stopped = b"", False, None, None

    def frames(self):
        """The frames that have come whole."""
        buffer, frames = Buffer(data=self.received), []
        try:
            while not buffer.eof():
                kind, length = buffer.pull_uint_var(), buffer.pull_uint_var()
                frames.append((kind, buffer.pull_bytes(length)))
        except BufferReadError:
            pass
        return frames

    def report(self, stream_id):
        """The answer; without status where none has come."""
        fields, interim, content, status = [], [], b"", None
        for kind, payload in self.frames():
            if kind == HEADERS:
                lines = pylsqpack.Decoder(0, 0).feed_header(stream_id, payload)[1]
                pairs = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in lines]
                code = int(dict(map(tuple, pairs)).get(":status", 0))
                if 100 <= code < 200:
                    interim.append(code)
                elif status is None:
                    status, fields = code, pairs
            elif kind == DATA:
                content += payload
        return {"status": status, "interim": interim, "fields": fields, "body": content.decode("latin-1"),
                "ended": self.ended, "reset": self.reset, "stopped": self.stopped}


class Raw(QuicConnectionProtocol):
    """A connection whose streams are written by hand."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.streams, self.closed, self.changed = {}, None, asyncio.Event()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.closed = event.error_code
        stream = self.streams.get(getattr(event, "stream_id", None))
        if stream is not None:
            if isinstance(event, StreamDataReceived):
                stream.received += event.data
                stream.ended = stream.ended or event.end_stream
            elif isinstance(event, StreamReset):
                stream.reset = event.error_code
            else:
                stream.stopped = event.error_code
        self.changed.set()

    def control(self):
        """RFC 9114 §6.2.1: the control stream, with empty SETTINGS."""
        stream_id = self._quic.get_next_available_stream_id(is_unidirectional=True)
        self._quic.send_stream_data(stream_id, b"\x00" + frame(SETTINGS, b""))
        self.transmit()

    def open(self):
        """A new request stream."""
        stream_id = self._quic.get_next_available_stream_id()
        self.streams[stream_id] = Stream()
        # aioquic counts a stream once something is sent on it.
        self._quic.send_stream_data(stream_id, b"")
        return stream_id

    def send(self, stream_id, octets, end=False):
        """Writes onto a stream; on one that was reset or stopped, nothing."""
        try:
            self._quic.send_stream_data(stream_id, octets, end)
            self.transmit()
            return True
        except AssertionError:
            return False

    async def until(self, done, seconds):
        """Waits until `done`, or the connection has ended, or the time is over; tells whether it is done."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + seconds
        while not done() and self.closed is None and (left := limit - loop.time()) > 0:
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), left)
            except asyncio.TimeoutError:
                break
        return done()


def dial(address, prepare=lambda raw: None):
    """A connection to HOST:PORT, `prepare`d before the handshake; `async with` closes it."""
    host, _, port = address.rpartition(":")
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE)

    def create(*arguments, **options):
        raw = Raw(*arguments, **options)
        prepare(raw)
        return raw

    return connect(host, int(port), configuration=configuration, create_protocol=create)
