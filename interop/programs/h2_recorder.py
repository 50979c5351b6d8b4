"""An HTTP/2 upstream by prior knowledge, which prints what reaches it: first {"port": N}, then one line of JSON per
request, {"fields": [[name, value]], "trailers": [[name, value]], "length": N}. It answers each with 200 and `origin`.
Nothing that comes in is checked.
"""

import json
import socketserver

import h2.config
import h2.connection
import h2.events

CONFIGURATION = h2.config.H2Configuration(client_side=False, header_encoding="latin-1", validate_inbound_headers=False)


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        self.codec, self.requests = h2.connection.H2Connection(CONFIGURATION), {}
        self.codec.initiate_connection()
        self.request.sendall(self.codec.data_to_send())
        while octets := self.request.recv(65536):
            for event in self.codec.receive_data(octets):
                self.take(event)
            self.request.sendall(self.codec.data_to_send())

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.requests[event.stream_id] = {"fields": event.headers, "trailers": [], "length": 0}
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id]["length"] += len(event.data)
            self.codec.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            self.requests[event.stream_id]["trailers"] = event.headers
        elif isinstance(event, h2.events.StreamEnded):
            print(json.dumps(self.requests.pop(event.stream_id)), flush=True)
            self.codec.send_headers(event.stream_id, [(":status", "200"), ("content-length", "6")])
            self.codec.send_data(event.stream_id, b"origin", end_stream=True)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Server(("127.0.0.1", 0), Connection) as server:
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()
