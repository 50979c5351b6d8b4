#!/usr/bin/env python3
"""The ramp of Upshift, written a second time from its description, so that two programs have to agree.

    bucket = first 8 bytes of SHA-256(rule id, 0x00, identity), big-endian, modulo 10 000
    share  = floor(10 000 * (now - from) / (to - from)) in whole seconds, from 0 to 10 000
    an identity is refused while bucket < share

Texts are UTF-8; an identity is the field's value without outer spaces and tabs.

    reference.py buckets   reads lines of `rule TAB identity`, prints the bucket of each
    reference.py vectors   prints buckets.toml anew
"""

import hashlib
import json
import sys


def bucket(rule: bytes, identity: bytes) -> int:
    digest = hashlib.sha256(rule + b"\0" + identity.strip(b" \t")).digest()
    return int.from_bytes(digest[:8], "big") % 10_000


def share(start: int, end: int, now: int) -> int:
    return max(0, min(10_000, 10_000 * (now - start) // (end - start)))


RULES = ["orders-v2", "old-apps", "a", "règle-é", "feeds-need-http2"]
IDENTITIES = ["alice", "bob", "key-0001", "ÅNGSTRÖM", "日本語", "0", "550e8400-e29b-41d4-a716-446655440000",
              "192.0.2.1", "2001:db8::1", "two words", "x" * 300]


def vectors() -> None:
    print("# Who comes when in a ramp. Written by reference.py; any implementation has to find the same buckets.\n")
    rows = [(rule, identity) for rule in RULES for identity in IDENTITIES]
    rows += [("orders-v2", " \talice \t"), ("orders-v2", "alice\u00a0"), ("orders", "-v2\0alice")]
    for rule, identity in rows:
        found = bucket(rule.encode(), identity.encode())
        quoted = [json.dumps(text, ensure_ascii=False) for text in (rule, identity)]
        print(f"[[bucket]]\nrule     = {quoted[0]}\nidentity = {quoted[1]}\nbucket   = {found}\n")


def buckets() -> None:
    out = []
    for line in sys.stdin.buffer:
        rule, _, identity = line.rstrip(b"\n").partition(b"\t")
        out.append(b"%d" % bucket(rule, identity))
    sys.stdout.buffer.write(b"\n".join(out) + b"\n")


if __name__ == "__main__":
    {"vectors": vectors, "buckets": buckets}[sys.argv[1]]()
