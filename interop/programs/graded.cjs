// One Node client, asked to fetch a URL: CLIENT URL. Each fails for an error status.
const [client, url] = process.argv.slice(2);
const LIMIT = 5000;

async function checked(response) {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text;
}

const clients = {
  async fetch() {
    return checked(await fetch(url, { signal: AbortSignal.timeout(LIMIT) }));
  },

  async undici() {
    const { Agent, fetch } = require("undici");
    const dispatcher = new Agent({ allowH2: true });
    return checked(await fetch(url, { dispatcher, signal: AbortSignal.timeout(LIMIT) }));
  },

  async axios() {
    return (await require("axios").get(url, { timeout: LIMIT, proxy: false })).data;
  },

  http() {
    const { get } = url.startsWith("https") ? require("node:https") : require("node:http");
    return new Promise((resolve, reject) => {
      const request = get(url, { timeout: LIMIT }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part) => { text += part; });
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode >= 400) reject(new Error(`${response.statusCode} ${text}`));
          else resolve(text);
        });
      });
      request.on("timeout", () => request.destroy(new Error("no answer in time")));
      request.on("error", reject);
    });
  },

  ws() {
    const { WebSocket } = require("ws");
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, { handshakeTimeout: LIMIT });
      const limit = setTimeout(() => reject(new Error("no message in time")), LIMIT);
      socket.on("open", () => socket.send("hello"));
      socket.on("message", (message) => { clearTimeout(limit); socket.close(); resolve(String(message)); });
      socket.on("error", reject);
    });
  },
};

clients[client]().then(
  (text) => { console.log(text); process.exit(0); },
  (error) => { console.error(String(error.message ?? error)); process.exit(1); },
);
