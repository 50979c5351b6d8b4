// Four apps on Node's `http` module, one for each usual way to find the path in a request target.
// Prints their ports by name, as one line of JSON.
const http = require("node:http");

const pathReaders = {
  "node-url": (target) => new URL(target, "http://localhost").pathname,
  "node-url-decoded": (target) => decodeURIComponent(new URL(target, "http://localhost").pathname),
  "node-raw": (target) => target.split("?")[0],
  "node-raw-decoded": (target) => decodeURIComponent(target.split("?")[0]),
};

const prefixes = ["/account/", "/p@q/", "/café/"];
const orders = /^\/api\/v[^/]+\/orders$/;

// An app that does not decode the path has to compare it with the encoded prefix.
function createApp(name, readPath) {
  const ownPrefixes = name.endsWith("-decoded") ? prefixes : prefixes.map(encodeURI);
  const isKnown = (path) =>
    path === "/chat" || orders.test(path) || ownPrefixes.some((prefix) => path.startsWith(prefix));
  return (request, response) => {
    let path;
    try {
      path = readPath(request.url);
    } catch {
      response.writeHead(400).end("resource: none\n");
      return;
    }
    const known = isKnown(path);
    response.writeHead(known ? 200 : 404).end(`resource: ${known ? path : "none"}\n`);
  };
}

const ports = {};
for (const [name, readPath] of Object.entries(pathReaders)) {
  const server = http.createServer(createApp(name, readPath)).listen(0, "127.0.0.1", () => {
    ports[name] = server.address().port;
    if (Object.keys(ports).length === Object.keys(pathReaders).length) {
      console.log(JSON.stringify(ports));
    }
  });
}
