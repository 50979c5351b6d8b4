// A server that answers each request with its method, target and content, in hexadecimal with commas
// between them. Prints its port as a line of JSON.
const http = require("node:http");

const hex = (text) => Buffer.from(text, "latin1").toString("hex");

const server = http.createServer((request, response) => {
  let content = "";
  request.on("data", (piece) => (content += piece.toString("hex")));
  request.on("end", () => response.end(`${hex(request.method)},${hex(request.url)},${content}`));
  request.on("error", () => {});
});
// The client shuts down its side after the last request.
server.httpAllowHalfOpen = true;
server.on("clientError", (error, socket) => {
  // After the answers to the requests before it.
  setImmediate(() => {
    if (socket.writable) {
      socket.end(`HTTP/1.1 400 Bad Request\r\nX-Error: ${error.code}\r\nConnection: close\r\n\r\n`);
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ node: server.address().port })));
