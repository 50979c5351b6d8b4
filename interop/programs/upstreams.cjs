// Four real upstreams in one Node process: HTTP/1.1 and HTTP/2, in clear and over TLS. Each says in `X-Upstream-Http` what
// reached it, and under `/seen` which targets did, with their `Via`; each that speaks HTTP/1.1 echoes WebSocket messages on any path.
// It is an IPP printer as well. Arguments: CERTIFICATE KEY (PEM files; none: only the ones in clear). Prints one line of JSON: the ports by name.
const fs = require("node:fs");
const http = require("node:http");
const http2 = require("node:http2");
const https = require("node:https");
const { WebSocketServer } = require("ws");

const [certificate, key] = process.argv.slice(2);
const seen = {};

function answer(request, response) {
  if (request.url !== "/seen") seen[request.url] = request.headers.via;
  let length = 0, head = Buffer.alloc(0);
  request.on("data", (chunk) => {
    length += chunk.length;
    if (head.length < 8) head = Buffer.concat([head, chunk]);
  });
  request.on("end", () => {
    if (request.headers["content-type"] === "application/ipp") return print(head, response);
    // CUPS does not read the content of what it is answered to `OPTIONS *`.
    if (request.url === "*") return response.writeHead(200, { "Content-Length": 0 }).end();
    response.setHeader("X-Upstream-Http", request.httpVersion);
    response.setHeader("X-Length", length);
    response.setHeader("Content-Type", "text/plain");
    response.end(request.url === "/seen" ? JSON.stringify(seen) : `upstream ${request.method} ${request.url}`);
  });
}

// RFC 8010 §3.1: `successful-ok` to the request with that head, and one printer.
function print(head, response) {
  const attribute = (tag, name, value) => [tag, 0, name.length, ...Buffer.from(name), 0, value.length, ...Buffer.from(value)];
  const reply = [...head.subarray(0, 2), 0, 0, ...head.subarray(4, 8), 1, ...attribute(0x47, "attributes-charset", "utf-8"),
    ...attribute(0x48, "attributes-natural-language", "en"), 4, ...attribute(0x42, "printer-name", "upshift"), 3];
  response.setHeader("Content-Type", "application/ipp");
  response.end(Buffer.from(reply));
}

const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 << 20, perMessageDeflate: true,
  handleProtocols: (offered) => [...offered].find((name) => name === "chat.v2") ?? false });
sockets.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});

function tunnelling(server) {
  server.on("upgrade", (request, socket, head) => {
    seen[request.url] = request.headers.via;
    socket.on("error", () => {});
    sockets.handleUpgrade(request, socket, head, (open) => sockets.emit("connection", open, request));
  });
  return server;
}

const servers = { h1: tunnelling(http.createServer(answer)), h2c: http2.createServer(answer) };
if (certificate) {
  const tls = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) };
  servers["https-h1"] = tunnelling(https.createServer(tls, answer));
  servers["https-h2"] = tunnelling(http2.createSecureServer({ ...tls, allowHTTP1: true }, answer));
}

const ports = {};
for (const [name, server] of Object.entries(servers)) {
  server.on("sessionError", () => {});
  server.listen(0, "127.0.0.1", () => {
    ports[name] = server.address().port;
    if (Object.keys(ports).length === Object.keys(servers).length) console.log(JSON.stringify(ports));
  });
}
