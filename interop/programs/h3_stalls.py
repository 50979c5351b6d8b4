"""A client of HTTP/3 that stalls, or is slow, and keeps its connection alive by PINGs.

Arguments: HOST:PORT SCENARIO PATH SECONDS. Prints {"begun": true} when there is something to wait for, and at the end
{"over", "seconds", "closed", "streams"}: whether all streams or the connection have ended, when, the connection's error
code, and what came on each stream (see `h3_raw.py`).
"""

import asyncio
import json
import sys

from h3_raw import DATA, HEADERS, dial, encode_uint_var, frame, section

BEAT = 0.2
PACE = 0.1
GIBIBYTE = 1 << 30
FLOOD = 32 << 20
BLOCK = b"\x00" * (128 << 10)
# RFC 9114 §7.2.8: reserved, to be ignored.
GREASE = 0x21


def head(method, path, *fields):
    pseudo = [(":method", method), (":scheme", "https"), (":authority", "h"), (":path", path)]
    return frame(HEADERS, section([*pseudo, *fields]))


def is_over(raw):
    done = [stream.ended or stream.reset is not None or stream.stopped is not None for stream in raw.streams.values()]
    return raw.closed is not None or (bool(done) and all(done))


async def flood(raw, *stream_ids):
    """Sends on and on, as fast as the gateway takes it."""
    left = {stream_id: FLOOD // len(stream_ids) for stream_id in stream_ids}
    while any(left.values()) and not is_over(raw):
        for stream_id in left:
            sender = raw._quic._streams[stream_id].sender
            if left[stream_id] > 0 and sender._buffer_stop - sender._buffer_start < len(BLOCK):
                raw.send(stream_id, BLOCK)
                left[stream_id] -= len(BLOCK)
        await asyncio.sleep(0.005)


async def flood_frame(raw, kind, begun):
    """Frames of a gibibyte, each on a stream of its own: one stream alone is too slow."""
    stream_ids = [raw.open() for _ in range(4)]
    for stream_id in stream_ids:
        raw.send(stream_id, frame(kind, begun, GIBIBYTE))
    await flood(raw, *stream_ids)


async def window(raw, path):
    """Asks for much, and lets nothing come."""
    for _ in range(20):
        raw.send(raw.open(), head("GET", path), end=True)


async def upload(raw, path):
    """Stops in the middle of its content."""
    raw.send(raw.open(), head("POST", path, ("content-length", "1000")) + frame(DATA, b"x" * 10))


async def deaf(raw, path):
    """Uploads to an upstream that takes nothing."""
    stream_id = raw.open()
    raw.send(stream_id, head("POST", path, ("content-length", str(GIBIBYTE))) + frame(DATA, b"", GIBIBYTE))
    await flood(raw, stream_id)


async def headers(raw, path):
    """A field section without end."""
    await flood_frame(raw, HEADERS, b"\x00\x00")


async def headers_begun(raw, path):
    """A field section that is begun and not finished."""
    raw.send(raw.open(), frame(HEADERS, b"\x00\x00" + section([(":method", "GET")])[2:], 1000))


async def grease(raw, path):
    """A frame to be ignored, without end."""
    await flood_frame(raw, GREASE, b"")


async def settings(raw, path):
    """A setting that goes on and on, on a control stream of its own connection."""
    stream_id = raw._quic.get_next_available_stream_id(is_unidirectional=True)
    raw._quic.send_stream_data(stream_id, b"\x00" + frame(0x4, b"", GIBIBYTE))
    await flood(raw, stream_id)


async def idle(raw, path):
    """Asks nothing."""


async def get(raw, path):
    """Reads an answer."""
    raw.send(raw.open(), head("GET", path), end=True)


async def slow_download(raw, path):
    """Takes 1 KiB every 100 ms."""
    stream_id = raw.open()
    raw.send(stream_id, head("GET", path), end=True)
    stream = raw._quic._streams[stream_id]
    while not is_over(raw):
        await asyncio.sleep(PACE)
        stream.max_stream_data_local += 1024
        raw.transmit()


async def slow_upload(raw, path):
    """Sends 1 KiB every 100 ms."""
    stream_id = raw.open()
    raw.send(stream_id, head("POST", path, ("content-length", "81920")))
    for left in reversed(range(80)):
        await asyncio.sleep(PACE)
        raw.send(stream_id, frame(DATA, b"x" * 1024), end=left == 0)


def hold_windows(raw, scenario):
    """For those that let the gateway send only what they ask for."""
    if scenario not in ("window", "slow_download"):
        return
    raw._quic._local_max_stream_data_bidi_local = 0 if scenario == "window" else 1024
    written = raw._quic._write_stream_limits

    def write(builder, space, stream):
        # aioquic doubles a limit by itself, in the copy that it compares with what was received.
        received, stream.receiver.highest_offset = stream.receiver.highest_offset, 0
        try:
            written(builder=builder, space=space, stream=stream)
        finally:
            stream.receiver.highest_offset = received

    raw._quic._write_stream_limits = write


async def keep_alive(raw):
    while raw.closed is None:
        raw._quic.send_ping(0)
        raw.transmit()
        await asyncio.sleep(0.5)


async def main(address, scenario, path, seconds):
    async with dial(address, prepare=lambda raw: hold_windows(raw, scenario)) as raw:
        if scenario != "settings":
            raw.control()
        begun = asyncio.get_running_loop().time()
        print(json.dumps({"begun": True}), flush=True)
        tasks = [asyncio.create_task(keep_alive(raw)), asyncio.create_task(globals()[scenario](raw, path))]
        await raw.until(lambda: is_over(raw), seconds)
        taken = asyncio.get_running_loop().time() - begun
        streams = [stream.report(stream_id) for stream_id, stream in raw.streams.items()]
        outcome = {"over": is_over(raw), "seconds": round(taken, 1), "closed": raw.closed, "streams": streams}
        print(json.dumps(outcome), flush=True)
        for task in tasks:
            task.cancel()


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])))
