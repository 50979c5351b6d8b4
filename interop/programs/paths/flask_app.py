"""A Flask app on Werkzeug's server. Prints its port as one line of JSON."""

import json
import logging

from flask import Flask, request
from werkzeug.serving import make_server

app = Flask(__name__, static_folder=None)


@app.get("/account/<path:rest>")
@app.get("/p@q/<path:rest>")
@app.get("/café/<path:rest>")
@app.get("/chat")
@app.get("/api/v<version>/orders")
def show_resource(**_parts):
    return f"resource: {request.path}\n"


@app.errorhandler(404)
def show_nothing(_error):
    return "resource: none\n", 404


logging.getLogger("werkzeug").disabled = True
server = make_server("127.0.0.1", 0, app, threaded=True)
print(json.dumps({"flask": server.port}), flush=True)
server.serve_forever()
