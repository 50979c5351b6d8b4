// One Node client, doing one transition: CLIENT HTTP-ADDRESS HTTPS-ADDRESS. Prints what came of it in one line.
const [client, clear, secure] = process.argv.slice(2);
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
process.removeAllListeners("warning");

const echoed = (text) => (text === "hello" ? "echoed" : `not echoed, but ${text}`);

function conversation(socket, name) {
  return new Promise((told, failed) => {
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => { told(`${name}: ${echoed(data)}`); socket.close(); };
    socket.onerror = (error) => failed(error.error ?? error);
  });
}

const clients = {
  async ws() {
    const { WebSocket } = require("ws");
    const told = [];
    for (const url of [`ws://${clear}/chat`, `wss://${secure}/chat`]) {
      const socket = new WebSocket(url, ["chat.v2"]);
      told.push(`${await conversation(socket, url.split(":")[0])}, ${socket.protocol}`);
    }
    return told.join("; ");
  },

  // RFC 8441, as Node's own HTTP/2 client does it: the stream carries the frames of `ws`.
  async http2() {
    const http2 = require("node:http2");
    const { WebSocket } = require("ws");
    const session = http2.connect(`https://${secure}`);
    await new Promise((ready) => session.once("remoteSettings", ready));
    const announced = session.remoteSettings.enableConnectProtocol;
    const stream = session.request({ ":method": "CONNECT", ":protocol": "websocket", ":path": "/chat", "sec-websocket-version": "13" });
    const status = await new Promise((ready) => stream.once("response", (fields) => ready(fields[":status"])));
    const socket = new WebSocket(null, undefined, {});
    stream.setNoDelay = stream.setKeepAlive = () => {};
    socket._isServer = false;
    socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 0, skipUTF8Validation: false, allowSynchronousEvents: true });
    const echo = new Promise((ready) => socket.once("message", (data) => ready(echoed(String(data)))));
    socket.send("hello");
    const told = `announced: ${announced}; ${status}, ${await echo}`;
    session.destroy();
    return told;
  },

  async undici() {
    const { Agent, WebSocket, fetch } = require("undici");
    const dispatcher = new Agent({ allowH2: true, connect: { rejectUnauthorized: false } });
    const seen = [];
    for (const url of [`ws://${clear}/chat`, `wss://${secure}/chat`]) {
      seen.push(await conversation(new WebSocket(url, { dispatcher: new Agent({ connect: { rejectUnauthorized: false } }) }), url.split(":")[0]));
    }
    const reply = await fetch(`https://${secure}/feeds/a`, { dispatcher });
    return `${seen.join("; ")}; fetch of a path that requires HTTP/2: ${reply.status}`;
  },
};

clients[client]().then(
  (told) => { console.log(told); process.exit(0); },
  (error) => { console.error(error); process.exit(1); },
);
