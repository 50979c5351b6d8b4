//! The page that a person without technical knowledge reads, in a real browser.

use interop::{Gateway, Nginx, node, peers};
use serde_json::Value;

/// What the browser is asked to do: load a URL at a phone's and at a desktop's width, take a
/// picture of each, click.
const VISIT: &str = r#"
import { chromium } from "playwright-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
const [url, name, agent, field] = process.argv.slice(2);
const profile = mkdtempSync(tmpdir() + "/upshift-chromium-");
const context = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium", headless: true, ignoreHTTPSErrors: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"],
  ...(agent ? { userAgent: agent } : {}), ...(field ? { extraHTTPHeaders: JSON.parse(field) } : {}),
});
const seen = {};
for (const [kind, width, height, colorScheme] of [["phone", 360, 740, "light"], ["desktop", 1280, 800, "dark"]]) {
  const page = await context.newPage();
  const asked = [], complaints = [];
  page.on("request", request => asked.push(request.url()));
  page.on("console", message => complaints.push(message.text()));
  page.on("pageerror", error => complaints.push(String(error)));
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height });
  const reply = await page.goto(url);
  seen[kind] = {
    status: reply.status(), type: reply.headers()["content-type"], asked, complaints,
    ...await page.evaluate(() => {
      const button = document.querySelector("a.button, a[role=button], main a, a");
      const luminance = colour => {
        const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map(v => v / 255)
          .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const behind = element => {
        for (let at = element; at; at = at.parentElement) {
          const colour = getComputedStyle(at).backgroundColor;
          if (!/, 0\)$|transparent/.test(colour)) return colour;
        }
        return matchMedia("(prefers-color-scheme: dark)").matches ? "rgb(18, 18, 18)" : "rgb(255, 255, 255)";
      };
      const contrast = element => {
        const [a, b] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => b - a);
        return (a + 0.05) / (b + 0.05);
      };
      const texts = [...document.querySelectorAll("h1, h2, p, li, dt, dd, a")].filter(e => e.innerText.trim());
      return {
        title: document.title, language: document.documentElement.lang, text: document.body.innerText,
        button: button && { text: button.innerText, href: button.href, height: button.getBoundingClientRect().height },
        heading: document.querySelector("h1")?.innerText, elements: document.querySelectorAll("script, img, iframe, link[href^=http]").length,
        injected: Boolean(window.injected), overflow: document.documentElement.scrollWidth - innerWidth,
        contrast: Math.min(...texts.map(contrast)), font: Math.min(...texts.map(e => parseFloat(getComputedStyle(e).fontSize))),
      };
    }),
  };
  await page.screenshot({ path: `${name}-${kind}.png`, fullPage: true });
  await page.close();
}
await context.close();
rmSync(profile, { recursive: true, force: true });
console.log(JSON.stringify(seen));
"#;

const RULES: &str = r#"
[[rule]]
id          = "old-apps"
paths       = ["/app/**"]
require     = { client = { read = ["user-agent"], minimum = { Chrome = "109", AcmeApp = "5.1" } } }
message     = "Your browser is too old for this shop."
upgrade-url = { default = "https://acme.example/browsers" }

[[rule]]
id      = "orders"
paths   = ["/orders/**"]
require = { api = { minimum = "2026-01-01", scheme = "date", read = ["header:X-Api-Version"] } }
message = "Orders by the old API are no longer taken."
docs    = "https://docs.example.com/orders"
"#;

fn visit(url: &str, name: &str, agent: &str, field: &str) -> Value {
    let pictures = std::env::var("UPSHIFT_PEERS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers").to_owned());
    let seen = node(VISIT, &[url, &format!("{pictures}/page-{name}"), agent, field]).ok();
    serde_json::from_str(&seen).unwrap_or_else(|error| panic!("{error}: {seen}"))
}

/// What holds for every page, at either width.
fn is_readable(seen: &Value) {
    for kind in ["phone", "desktop"] {
        let page = &seen[kind];
        assert_eq!(
            (&page["status"], &page["type"]),
            (&426.into(), &"text/html; charset=utf-8".into()),
            "{page:#}"
        );
        assert_eq!(page["overflow"], 0, "{kind}: one has to scroll sideways: {page:#}");
        assert!(
            page["contrast"].as_f64().is_some_and(|ratio| ratio >= 4.5),
            "{kind}: too little contrast (WCAG AA): {page:#}"
        );
        assert!(
            page["font"].as_f64().is_some_and(|size| size >= 12.0),
            "{kind}: the print is too small: {page:#}"
        );
        assert!(
            page["language"] == "en"
                && page["title"].as_str().is_some_and(|title| !title.is_empty()),
            "{page:#}"
        );
        let asked = page["asked"].as_array().map(Vec::len);
        assert_eq!(
            (asked, &page["elements"]),
            (Some(1), &0.into()),
            "{kind}: something else is loaded: {page:#}"
        );
        assert_eq!(page["injected"], false, "{page:#}");
    }
}

#[test]
fn a_person_reads_what_is_wrong_and_finds_the_button() {
    peers!("nginx", "chromium", "node", "node packages");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    // The browser without a window calls itself HeadlessChrome, which no rule names.
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0.0.0 Safari/537.36";
    let seen = visit(&gateway.url("/app/cart"), "browser", agent, "");
    is_readable(&seen);
    for kind in ["phone", "desktop"] {
        let page = &seen[kind];
        assert!(
            page["text"]
                .as_str()
                .is_some_and(|text| text.contains("Your browser is too old for this shop.")),
            "{page:#}"
        );
        assert_eq!(page["button"]["href"], "https://acme.example/browsers", "{page:#}");
        assert!(
            page["button"]["height"].as_f64().is_some_and(|height| height >= 40.0),
            "too small for a thumb: {page:#}"
        );
        let jargon = ["HTTP", "426", "TLS", "JSON", "header", "protocol"];
        let heading = page["heading"].as_str().unwrap_or_default();
        assert!(
            !heading.is_empty() && !jargon.iter().any(|word| heading.contains(word)),
            "{page:#}"
        );
    }
}

/// An injection attempt in `User-Agent`, path or version is shown as text.
#[test]
fn what_a_request_says_is_shown_as_text() {
    peers!("nginx", "chromium", "node", "node packages");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let attempt = "<img src=x onerror=window.injected=1><script>window.injected=1</script>";
    let path = "/app/%3Cscript%3Ewindow.injected=1%3C/script%3E?q=%3Cimg%20src=x%20onerror=window.injected=1%3E";
    is_readable(&visit(&gateway.url(path), "agent", &format!("AcmeApp/5.0 {attempt}"), ""));
    // A date's suffix is ignored when it is compared, and all of the value may be shown.
    let field = serde_json::json!({ "X-Api-Version": format!("2020-01-01-{attempt}") });
    let seen = visit(&gateway.url("/orders/7"), "version", "", &field.to_string());
    is_readable(&seen);
    assert_eq!(seen["phone"]["button"]["href"], "https://docs.example.com/orders", "{seen:#}");
    assert!(
        seen["phone"]["text"].as_str().is_some_and(|text| text.contains("<img src=x onerror")),
        "{seen:#}"
    );
}
