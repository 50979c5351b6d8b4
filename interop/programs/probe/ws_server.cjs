// A WebSocket server with the package `ws`: it prints its port as JSON.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
server.on("listening", () => console.log(JSON.stringify({ ws: server.address().port })));
