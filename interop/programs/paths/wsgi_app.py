"""A plain WSGI app on wsgiref that routes on PATH_INFO. Prints its port as one line of JSON."""

import json
import re
from wsgiref.simple_server import WSGIRequestHandler, make_server

PREFIXES = ("/account/", "/p@q/", "/café/")
ORDERS = re.compile("/api/v[^/]+/orders")


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


def app(environ, start_response):
    # PEP 3333: PATH_INFO holds each byte of the decoded path as one character.
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    known = path == "/chat" or path.startswith(PREFIXES) or ORDERS.fullmatch(path)
    start_response("200 OK" if known else "404 Not Found", [("Content-Type", "text/plain")])
    return [f"resource: {path if known else 'none'}\n".encode()]


server = make_server("127.0.0.1", 0, app, handler_class=QuietHandler)
print(json.dumps({"wsgiref": server.server_port}), flush=True)
server.serve_forever()
