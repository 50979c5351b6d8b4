"""Python's http.server with the files of FOLDER. Prints its port as one line of JSON."""

import functools
import json
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


handler = functools.partial(QuietHandler, directory=sys.argv[1])
server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(json.dumps({"http-server": server.server_port}), flush=True)
server.serve_forever()
