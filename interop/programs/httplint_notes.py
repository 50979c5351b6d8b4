"""Runs httplint on responses.

Argument: a file with a JSON list of {"url": text or null, "response": text}, with one response
over HTTP/1 each, in which a character is an octet. Prints a JSON list of the same length: httplint's
notes with their levels, as ["BAD", "HSTS_INVALID"].
"""

import json
import sys

from httplint.message import HttpResponseLinter


def split_response(octets):
    """The status line, the fields and the content. Lines may end with LF alone."""
    end = b"\r\n\r\n" if b"\r\n\r\n" in octets else b"\n\n"
    head, _, content = octets.partition(end)
    status_line, *lines = head.split(b"\n")
    fields = [tuple(part.strip() for part in line.split(b":", 1)) for line in lines if line]
    return status_line, fields, content


def notes_on(response):
    status_line, fields, content = split_response(response["response"].encode("latin-1"))
    version, status, reason = (status_line.split(b" ", 2) + [b""])[:3]
    linter = HttpResponseLinter()
    if response["url"]:
        linter.base_uri = response["url"]
    linter.process_response_topline(version.removeprefix(b"HTTP/"), status, reason)
    linter.process_headers(fields)
    linter.feed_content(content)
    linter.finish_content(True, [])
    return [[note.level.name, type(note).__name__] for note in linter.notes]


with open(sys.argv[1], encoding="utf-8") as file:
    json.dump([notes_on(response) for response in json.load(file)], sys.stdout)
