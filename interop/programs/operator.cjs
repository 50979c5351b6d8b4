// An operator at the dashboard, in Chromium: SCENARIO ADMIN-URL TOKEN GATEWAY-URL. Prints JSON of what was seen.
const { chromium } = require("playwright-core");
const fs = require("node:fs");
const http = require("node:http");

const [scenario, admin, token, gateway] = process.argv.slice(2);
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync"];
const SCREENS = [[390, "light"], [390, "dark"], [1280, "light"], [1280, "dark"]];

const ask = (path) => new Promise((answered, failed) => {
  const request = http.get(`${gateway}${path}`, (reply) => { reply.resume(); answered(reply.statusCode); });
  request.on("error", failed);
});
const text = (page) => page.locator("main").innerText();

async function openPage(browser, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => page.complaints.push(message.text()));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  return page;
}

async function logIn(page, path = "/") {
  await page.goto(`${admin}${path}`);
  await page.fill("#token", token);
  await page.fill("#name", "Ada");
  await page.click("main button[type=submit]");
}

// What axe-core and a look at the width find, on any screen. `name` names the picture.
async function examine(page, name) {
  const found = [];
  for (const [width, colorScheme] of SCREENS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (overflow > 0) found.push(`${name}: ${overflow} pixels too wide at ${width}`);
    await page.evaluate(axe);
    const checked = await page.evaluate(() => window.axe.run(document, { preload: false }));
    if (checked.passes.length < 10) found.push(`${name}: axe checked nothing`);
    for (const { id, impact, nodes } of checked.violations) {
      if (["serious", "critical"].includes(impact)) found.push(`${name} ${colorScheme}: ${id} ${nodes[0].html}`);
    }
    if (process.env.UPSHIFT_PICTURES) {
      await page.screenshot({ path: `${process.env.UPSHIFT_PICTURES}/${name}-${width}-${colorScheme}.png`, fullPage: true });
    }
  }
  return found;
}

// Presses Tab until the element has the focus.
async function tabTo(page, selector) {
  for (let pressed = 0; pressed < 200; pressed += 1) {
    if (await page.evaluate((selector) => document.activeElement?.matches(selector), selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not reach ${selector}`);
}

const scenarios = {
  // A phase is set for two hours and the change is undone, with a look at every page on the way.
  async verbs(browser) {
    const page = await openPage(browser);
    await page.goto(`${admin}/rules/relay`);
    const findings = await examine(page, "login");
    await logIn(page, "/rules/relay");
    const landed = page.url();
    findings.push(...await examine(page, "rule"));
    await page.selectOption("#set-phase", "off");
    await page.fill("#set-for", "2h");
    await page.fill("#set-reason", "a try <b>");
    await page.click("text=Set the phase…");
    const shown = await text(page);
    findings.push(...await examine(page, "confirm"));
    const before = await ask("/derp");
    await page.click("text=Set now");
    const made = await text(page);
    const during = await ask("/derp");
    findings.push(...await examine(page, "change"));
    await page.click("main button:has-text('Undo')");
    const undo = await text(page);
    findings.push(...await examine(page, "undo"));
    await page.click("text=Undo now");
    const stayed = await ask("/derp");
    await page.check("#confirm");
    await page.click("text=Undo now");
    const undone = await text(page);
    const after = await ask("/derp");
    await page.goto(`${admin}/changes`);
    findings.push(...await examine(page, "history"));
    return { landed, shown, made, undo, undone, statuses: [before, during, stayed, after], findings, complaints: page.complaints };
  },

  // The same without a mouse.
  async keyboard(browser) {
    const page = await openPage(browser);
    await page.goto(`${admin}/rules/relay`);
    // The page puts the focus into this field, shortly after it has loaded.
    await page.waitForFunction(() => document.activeElement?.id === "token");
    await page.keyboard.type(token);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/rules/relay");
    await tabTo(page, "form[aria-label=Pause] button");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/changes/preview");
    const focus = await page.evaluate(() => document.activeElement?.innerText);
    await tabTo(page, "form[aria-label=Confirm] button");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => /^\/changes\/[0-9a-f]+$/.test(url.pathname));
    const status = await ask("/derp");
    await tabTo(page, "main form button");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/changes/preview");
    await tabTo(page, "#confirm");
    await page.keyboard.press("Space");
    await tabTo(page, "form[aria-label=Confirm] button");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => /^\/changes\/[0-9a-f]+$/.test(url.pathname));
    return { focus, statuses: [status, await ask("/derp")] };
  },

  async scriptless(browser) {
    const page = await openPage(browser, { javaScriptEnabled: false });
    await logIn(page, "/rules/relay");
    const rule = await text(page);
    await page.click("text=Pause…");
    await page.click("text=Pause now");
    const made = await text(page);
    const status = await ask("/derp");
    await page.click("text=Log out");
    return { rule, made, status, left: page.url() };
  },

  // Pages of other origins send forms to the admin listener, from a browser that is logged in to it.
  async forged(browser) {
    const page = await openPage(browser);
    await logIn(page, "/rules/relay");
    const key = await page.locator("input[name=key]").first().inputValue();
    const host = http.createServer((request, reply) => {
      const { searchParams } = new URL(request.url, "http://a");
      const json = "{\"rule\":\"relay\",\"actor\":\"x\",\"reason\":\"";
      const form = searchParams.get("path").startsWith("/api")
        ? `<form method=post enctype=text/plain action="${admin}/api/pause"><input name='${json}' value='"}'></form>`
        : `<form method=post action="${admin}${searchParams.get("path")}"><input name=key value=${key}><input name=verb value=pause>`
          + "<input name=rule value=relay></form>";
      reply.writeHead(200, { "content-type": "text/html" });
      reply.end(`<!doctype html>${form}<script>document.forms[0].submit()</script>`);
    });
    await new Promise((bound) => host.listen(0, "127.0.0.1", bound));
    const statuses = [];
    for (const name of ["127.0.0.1", "evil.localhost"]) {
      for (const path of ["/changes/preview", "/changes", "/logout", "/api/pause"]) {
        const answered = page.waitForResponse((reply) => reply.request().method() === "POST");
        await page.goto(`http://${name}:${host.address().port}/?path=${path}`, { waitUntil: "commit" });
        const reply = await answered;
        await page.waitForLoadState();
        statuses.push(`${name} ${path} ${reply.status()}`);
      }
    }
    host.close();
    await page.goto(`${admin}/rules/relay`);
    return { statuses, page: await text(page), status: await ask("/derp") };
  },

  async feed(browser) {
    const page = await openPage(browser);
    await logIn(page);
    await page.waitForFunction(() => document.getElementById("live-state").textContent === "Running");
    const status = await ask("/derp");
    const rows = page.locator("#live-rows tr");
    await rows.first().waitFor();
    const first = await rows.first().innerText();
    const numbers = await page.locator("#live-numbers").innerText();
    const findings = await examine(page, "feed");
    await page.click("#live-pause");
    const paused = [await page.locator("#live-state").innerText(), await page.locator("#live-pause").innerText()];
    await ask("/derp");
    await page.waitForTimeout(1_500);
    const whilePaused = await rows.count();
    await page.click("#live-pause");
    await page.waitForFunction(() => document.getElementById("live-state").textContent === "Running");
    await ask("/other");
    await page.waitForFunction(() => document.querySelectorAll("#live-rows tr").length > 1);
    const second = await rows.first().innerText();
    return { status, first, numbers, paused, whilePaused, second, findings, complaints: page.complaints };
  },

  // The phase of a rule changes while its page is open.
  async refreshed(browser) {
    const page = await openPage(browser);
    await logIn(page, "/rules/relay");
    await page.waitForFunction(() => document.getElementById("live-state").textContent === "Running");
    const lead = page.locator("main .lead .badge").first();
    const before = await lead.innerText();
    const other = await page.context().newPage();
    await other.goto(`${admin}/rules/relay`);
    await other.click("text=Pause…");
    await other.click("text=Pause now");
    await other.close();
    await page.bringToFront();
    await page.waitForFunction(() => document.querySelector("main .lead .badge").innerText === "paused", null, { timeout: 40_000 });
    return { before, after: await lead.innerText(), complaints: page.complaints };
  },
};

(async () => {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: FLAGS });
  try {
    console.log(JSON.stringify(await scenarios[scenario](browser)));
  } finally {
    await browser.close();
  }
})().catch((error) => { console.error(error); process.exit(1); });
