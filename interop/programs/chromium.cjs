// Chromium, once with HTTP/2 and once forced to QUIC: CERTIFICATE HTTPS-PORT. Prints two lines of what came of it.
const { chromium } = require("playwright-core");
const { X509Certificate, createHash } = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");

const [certificate, port] = process.argv.slice(2);
const key = new X509Certificate(fs.readFileSync(certificate)).publicKey.export({ type: "spki", format: "der" });
const pin = createHash("sha256").update(key).digest("base64");
const quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--host-resolver-rules=MAP localhost 127.0.0.1", `--ignore-certificate-errors-spki-list=${pin}`];

async function browse(flags, path, act) {
  const profile = fs.mkdtempSync(`${os.tmpdir()}/upshift-chromium-`);
  const context = await chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", headless: true, args: [...quiet, ...flags] });
  try {
    const page = await context.newPage();
    const reply = await page.goto(`https://localhost:${port}${path}`);
    const protocol = await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
    return `${protocol} ${reply.status()}${await act(page)}`;
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
}

const socket = (page) => page.evaluate(() => new Promise((told) => {
  const socket = new WebSocket(`wss://${location.host}/chat?by=chromium`);
  socket.onopen = () => socket.send("hello");
  socket.onmessage = ({ data }) => told(data === "hello" ? "; socket: echoed" : "; socket: not echoed");
  socket.onerror = () => told("; no socket");
}));

(async () => {
  console.log(await browse(["--disable-quic"], "/orders", socket));
  console.log(await browse(["--enable-quic", `--origin-to-force-quic-on=localhost:${port}`], "/video/a", async () => ""));
})().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
