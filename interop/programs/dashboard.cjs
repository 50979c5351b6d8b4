// Visits each URL at two widths, in light and dark. Prints a JSON list of what was found there: the width of what
// sticks out, messages of the console, what was loaded, what axe-core complains about, and the numbers of the page.
const { chromium } = require("playwright-core");
const fs = require("node:fs");
const os = require("node:os");

const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [390, 1280];
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync"];

// Everything is opened first: what is closed is not checked.
const openDetails = () => document.querySelectorAll("details").forEach((details) => { details.open = true; });

const read = () => ({
  // The tables that are wider than their region, and those of them without a sign that they go on: shadows at the
  // edges, and covers that scroll with the table.
  wide: [...document.querySelectorAll(".scroller")].filter((region) => region.scrollWidth > region.clientWidth).length,
  unhinted: [...document.querySelectorAll(".scroller")].filter((region) => region.scrollWidth > region.clientWidth
    && !getComputedStyle(region).backgroundAttachment.startsWith("local, local, scroll")).length,
  title: document.title,
  text: document.body.innerText,
  overflow: document.documentElement.scrollWidth - innerWidth,
  numbers: [...document.querySelectorAll("data")].map((data) => [data.className, data.dataset.verdict ?? "", Number(data.value)]),
  requests: Number(document.querySelector("#total-requests")?.dataset.requests ?? -1),
  charts: document.querySelectorAll("figure svg[role=img]").length,
  cut: [...document.querySelectorAll("figure svg[role=img]")].filter((svg) => svg.getBoundingClientRect().width < 200).length,
});

// The dark colours change nothing but contrasts.
const RULES = { light: {}, dark: { runOnly: ["color-contrast"] } };

async function complain(page, colorScheme) {
  await page.emulateMedia({ colorScheme });
  const options = { preload: false, resultTypes: ["violations"], ...RULES[colorScheme] };
  const checked = await page.evaluate((options) => window.axe.run(document, options), options);
  const violations = checked.violations
    .filter((violation) => ["serious", "critical"].includes(violation.impact))
    .map((violation) => `${colorScheme} ${violation.id}: ${violation.nodes[0].html} ${violation.nodes[0].failureSummary}`);
  return { violations, passed: checked.passes.length };
}

async function visit(context, url, width) {
  const page = await context.newPage();
  const complaints = [];
  const loaded = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => loaded.push(request.url()));
  await page.setViewportSize({ width, height: 900 });
  const reply = await page.goto(url);
  await page.evaluate(openDetails);
  const found = await page.evaluate(read);
  const seen = { url, width, status: reply?.status() ?? 0, complaints: [...complaints], loaded: [...loaded], ...found };
  await page.evaluate(axe);
  const [light, dark] = [await complain(page, "light"), await complain(page, "dark")];
  await page.close();
  return { ...seen, violations: [...light.violations, ...dark.violations], passed: light.passed, passedDark: dark.passed };
}

(async () => {
  const profile = fs.mkdtempSync(`${os.tmpdir()}/upshift-chromium-`);
  const context = await chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", headless: true, args: FLAGS });
  const seen = [];
  try {
    for (const url of process.argv.slice(2)) {
      for (const width of WIDTHS) seen.push(await visit(context, url, width));
    }
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
  console.log(JSON.stringify(seen));
})().catch((error) => { console.error(error); process.exit(1); });
