"""Asks over HTTP/3 with requests that need not be well formed.

Arguments: HOST:PORT, and JSON: a list of connections, each a list of requests, which go one after the other. A request is
{"fields": [[name, value]], "content": [text, one per DATA frame], "trailers": [[name, value]]}; the last two may be left
out. Prints JSON of the same shape: per request {"status", "interim", "fields", "body", "ended", "reset", "stopped",
"closed"}, where the last three are error codes or null.
"""

import asyncio
import json
import sys

from h3_raw import DATA, HEADERS, dial, frame, section

PATIENCE = 5


def message(request):
    """The frames of a request."""
    frames = frame(HEADERS, section(request["fields"]))
    for content in request.get("content", []):
        frames += frame(DATA, content.encode("latin-1"))
    if request.get("trailers"):
        frames += frame(HEADERS, section(request["trailers"]))
    return frames


async def ask(raw, request):
    stream_id = raw.open()
    stream = raw.streams[stream_id]
    raw.send(stream_id, message(request), end=True)
    await raw.until(lambda: stream.ended or stream.reset is not None, PATIENCE)
    return stream.report(stream_id) | {"closed": raw.closed}


async def connection(address, requests, turn):
    async with turn, dial(address) as raw:
        raw.control()
        return [await ask(raw, request) for request in requests]


async def main(address, connections):
    turn = asyncio.Semaphore(8)
    return await asyncio.gather(*(connection(address, requests, turn) for requests in connections))


print(json.dumps(asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))))
