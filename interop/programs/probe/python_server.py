"""The server of Python's standard library, in its own words: it prints its port as JSON."""

import functools
import http.server
import json
import sys

handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(json.dumps({"http.server": server.server_address[1]}), flush=True)
server.serve_forever()
