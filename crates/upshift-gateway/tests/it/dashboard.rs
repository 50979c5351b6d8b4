//! Access to the dashboard, its verbs and its live feed, as a browser and its attackers use them.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;
use upshift_gateway::Settings;

use crate::support::{
    PATIENCE, Running, TestUpstream, connect, exchange, field, settings_with, status,
};

const TOKEN: &str = "a secret of some length";
const RULES: &str = "
[gateway]
http = \"127.0.0.1:0\"
upstream = \"http://127.0.0.1:9\"

[[rule]]
id = \"relay\"
paths = [\"/derp\"]
require = { protocol = \"derp/2\" }

[[rule]]
id = \"chat\"
paths = [\"/chat\"]
phase = \"warn\"
require = { protocol = \"chat/2\" }
";

/// A gateway with two rules, and its upstream.
struct Setup {
    upstream: TestUpstream,
    gateway: Running,
}

impl Setup {
    fn with_token(token: Option<&str>) -> Self {
        let upstream = TestUpstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let gateway = Running::start(settings(upstream.address, token));
        Self { upstream, gateway }
    }

    fn admin(&self) -> SocketAddr {
        self.gateway.addresses.admin.expect("an admin listener")
    }

    fn browser(&self) -> Browser {
        Browser { admin: self.admin(), cookie: None, key: String::new() }
    }

    /// A browser that is logged in, and has read the page of a rule.
    fn operator(&self) -> Browser {
        let mut browser = self.browser();
        let reply = browser.post("/login", &[("token", TOKEN), ("name", "Ada")]);
        assert_eq!(status(&reply), 303, "{reply}");
        let page = browser.get("/rules/relay");
        browser.key = hidden(&page, "key");
        browser
    }

    /// The phase of a rule, as the API reports it.
    fn phase(&self, rule: &str) -> String {
        let reply = exchange(
            self.admin(),
            &format!(
                "GET /api/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 Authorization: Bearer {TOKEN}\r\n\r\n"
            ),
        );
        let (_, body) = reply.split_once("\r\n\r\n").expect("a body");
        let record: Value = serde_json::from_str(body).expect("JSON");
        let rules = record["rules"].as_array().expect("rules");
        let found = rules.iter().find(|status| status["rule"] == rule).expect("the rule");
        found["phase"].as_str().expect("a phase").to_owned()
    }
}

fn settings(upstream: SocketAddr, token: Option<&str>) -> Settings {
    settings_with(upstream, |settings| {
        let loaded = upshift_config::load(RULES, "rules.toml").expect("valid rules");
        settings.file.policy = loaded.file.policy;
        settings.admin_token = token.map(str::to_owned);
    })
}

/// A browser: it keeps its cookie, and says where its forms come from.
struct Browser {
    admin: SocketAddr,
    cookie: Option<String>,
    key: String,
}

impl Browser {
    fn get(&self, path: &str) -> String {
        self.send("GET", path, "", "")
    }

    /// Sends a form, as a page of the listener does.
    fn post(&mut self, path: &str, form: &[(&str, &str)]) -> String {
        let origin = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", self.admin);
        let reply = self.send("POST", path, &origin, &encode(form));
        if let Some(cookie) = field(&reply, "set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        reply
    }

    /// Sends a form with the key of the session.
    fn act(&mut self, path: &str, form: &[(&str, &str)]) -> String {
        let key = self.key.clone();
        let form: Vec<_> = [("key", key.as_str())].iter().chain(form).copied().collect();
        self.post(path, &form)
    }

    fn send(&self, method: &str, path: &str, fields: &str, body: &str) -> String {
        let host = self.admin;
        let cookie = match &self.cookie {
            Some(cookie) => format!("Cookie: {cookie}\r\n"),
            None => String::new(),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{cookie}{fields}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        exchange(self.admin, &request)
    }

    /// Connects to the live feed.
    fn watch(&self) -> Feed {
        let mut stream = connect(self.admin);
        let cookie = self.cookie.clone().unwrap_or_default();
        let request =
            format!("GET /events HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", self.admin);
        stream.write_all(request.as_bytes()).expect("written");
        let mut feed = Feed { reader: BufReader::new(stream), head: String::new() };
        while !feed.head.ends_with("\r\n\r\n") {
            feed.reader.read_line(&mut feed.head).expect("a head");
        }
        feed
    }
}

/// A connection to the live feed.
struct Feed {
    reader: BufReader<TcpStream>,
    head: String,
}

impl Feed {
    /// The data of the next event with this name; `None` if the stream ends first.
    fn next(&mut self, event: &str) -> Option<Value> {
        let until = Instant::now() + PATIENCE;
        let mut named = false;
        while Instant::now() < until {
            let mut line = String::new();
            if self.reader.read_line(&mut line).expect("a line") == 0 {
                return None;
            }
            if line.trim() == "0" {
                return None;
            }
            if let Some(name) = line.strip_prefix("event: ") {
                named = name.trim() == event;
            }
            if let Some(data) = line.strip_prefix("data: ")
                && named
            {
                return Some(serde_json::from_str(data).expect("JSON"));
            }
        }
        panic!("no {event} came");
    }
}

fn encode(form: &[(&str, &str)]) -> String {
    let mut encoded = String::new();
    for (name, value) in form {
        if !encoded.is_empty() {
            encoded.push('&');
        }
        encoded.push_str(name);
        encoded.push('=');
        for byte in value.bytes() {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The value of a hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let marker = format!("type=\"hidden\" name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&marker).unwrap_or_else(|| panic!("no field {name}: {page}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// The hidden fields of the confirmation, as a browser sends them back.
fn confirmation(page: &str) -> Vec<(String, String)> {
    let (_, form) = page.split_once("action=\"/changes\"").expect("a form that confirms");
    let mut fields = Vec::new();
    for part in form.split("type=\"hidden\" name=\"").skip(1) {
        let (name, rest) = part.split_once("\" value=\"").expect("a value");
        fields.push((name.to_owned(), rest.split('"').next().unwrap_or_default().to_owned()));
    }
    fields
}

fn as_form(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn a_browser_logs_in_with_the_token_and_out_again() {
    let setup = Setup::with_token(Some(TOKEN));
    let mut browser = setup.browser();
    let reply = browser.get("/");
    assert_eq!((status(&reply), field(&reply, "location")), (303, Some("/login".into())));
    let reply = browser.get("/rules/relay?period=90d");
    let login = field(&reply, "location").expect("an address");
    assert_eq!(login, "/login?next=%2Frules%2Frelay%3Fperiod%3D90d");
    let page = browser.get(&login);
    assert!(status(&page) == 200 && page.contains("type=\"password\""), "{page}");
    assert_eq!(hidden(&page, "next"), "/rules/relay?period=90d");

    let reply = browser.post("/login", &[("token", "a guess"), ("next", "/")]);
    assert!(status(&reply) == 401 && reply.contains("This is not the admin token."), "{reply}");
    assert_eq!(field(&reply, "set-cookie"), None);

    let reply = browser.post("/login", &[("token", TOKEN), ("next", "https://evil.example/")]);
    assert_eq!((status(&reply), field(&reply, "location")), (303, Some("/".into())));
    let cookie = field(&reply, "set-cookie").expect("a cookie");
    for part in ["Path=/", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let page = browser.get("/");
    assert!(status(&page) == 200 && page.contains("Log out"), "{page}");

    assert_eq!(status(&browser.post("/logout", &[("key", "a guess")])), 403);
    assert_eq!(status(&browser.get("/")), 200, "still logged in");
    let before = browser.cookie.clone();
    assert_eq!(status(&browser.post("/logout", &[("key", &hidden(&page, "key"))])), 303);
    browser.cookie = before;
    assert_eq!(status(&browser.get("/")), 303, "the session has ended");
}

/// Forms that a browser would not send are refused in words that their sender understands.
#[test]
fn a_form_with_faults_changes_nothing_and_says_so() {
    let setup = Setup::with_token(Some(TOKEN));
    let mut operator = setup.operator();
    let key = operator.key.clone();
    let key = key.as_str();
    for (path, fields) in [
        ("/changes/preview", vec![("key", key), ("verb", "explode"), ("rule", "relay")]),
        ("/changes/preview", vec![("key", key), ("verb", "pause")]),
        ("/changes", vec![("key", key), ("verb", "pause"), ("rule", "relay"), ("all", "true")]),
        ("/changes", vec![("verb", "pause")]),
        ("/logout", vec![]),
    ] {
        let reply = operator.post(path, &fields);
        assert!((400..500).contains(&status(&reply)), "{path} {fields:?}: {reply}");
        assert!(reply.contains("Nothing was changed."), "{path} {fields:?}: {reply}");
        assert!(!reply.contains("deserialize") && !reply.contains('`'), "{reply}");
    }
    assert_eq!(setup.phase("relay"), "enforce");
}

#[test]
fn an_unknown_address_has_a_page_and_an_unknown_call_a_problem() {
    let setup = Setup::with_token(None);
    let browser = setup.browser();
    for path in ["/nosuch", "/rules/", "/apinosuch"] {
        let reply = browser.get(path);
        assert_eq!(status(&reply), 404, "{path}: {reply}");
        assert!(reply.contains("No page has this address."), "{path}: {reply}");
        assert!(field(&reply, "content-security-policy").is_some(), "{path}: {reply}");
    }
    for path in ["/api/nosuch", "/api"] {
        let reply = browser.get(path);
        assert_eq!(status(&reply), 404, "{path}: {reply}");
        assert_eq!(field(&reply, "content-type").as_deref(), Some("application/problem+json"));
        assert!(reply.contains(&format!("there is no {path}")), "{reply}");
    }
}

#[test]
fn guesses_of_the_token_are_limited() {
    let setup = Setup::with_token(Some(TOKEN));
    let mut browser = setup.browser();
    for _ in 0..5 {
        assert_eq!(status(&browser.post("/login", &[("token", "a guess")])), 401);
    }
    let reply = browser.post("/login", &[("token", TOKEN)]);
    assert_eq!(status(&reply), 429, "{reply}");
    assert!(field(&reply, "retry-after").is_some(), "{reply}");
    // Programs are not concerned.
    assert_eq!(setup.phase("relay"), "enforce");
}

#[test]
fn a_token_that_changes_ends_all_sessions() {
    let setup = Setup::with_token(Some(TOKEN));
    let browser = setup.operator();
    let mut feed = browser.watch();
    assert!(feed.next("summary").is_some());
    let changed = settings(setup.upstream.address, Some("another secret of some length"));
    setup.gateway.handle.reload(changed).expect("valid settings");
    assert_eq!(status(&browser.get("/")), 303);
    assert_eq!(status(&browser.get("/events")), 401);
    while feed.next("summary").is_some() {}
}

#[test]
fn pages_of_other_sites_change_nothing() {
    let setup = Setup::with_token(Some(TOKEN));
    let operator = setup.operator();
    let form = encode(&[("key", &operator.key), ("verb", "pause"), ("rule", "relay")]);
    let same_host = format!("Origin: http://{}\r\nSec-Fetch-Site: cross-site\r\n", setup.admin());
    for origin in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://127.0.0.1:1\r\nSec-Fetch-Site: same-site\r\n",
        &same_host,
    ] {
        for path in ["/changes/preview", "/changes", "/login", "/logout", "/api/pause"] {
            let reply = operator.send("POST", path, origin, &form);
            assert_eq!(status(&reply), 403, "{path} {origin}: {reply}");
        }
    }
    assert_eq!(setup.phase("relay"), "enforce");
    assert_eq!(status(&operator.get("/")), 200, "it was not logged out, either");
}

/// A page that has this host under a name of its own (DNS rebinding) is of the same origin to the
/// browser.
#[test]
fn without_a_token_pages_are_read_only_and_only_for_this_machine() {
    let setup = Setup::with_token(None);
    let mut browser = setup.browser();
    let page = browser.get("/rules/relay");
    assert!(status(&page) == 200 && page.contains("Read only"), "{page}");
    assert!(!page.contains("/changes/preview"), "{page}");
    let reply =
        browser.post("/changes/preview", &[("key", ""), ("verb", "pause"), ("rule", "relay")]);
    assert!(status(&reply) == 403 && reply.contains("Read only"), "{reply}");
    assert_eq!(field(&browser.get("/login"), "location").as_deref(), Some("/"));
    for path in ["/", "/rules/relay", "/events", "/changes"] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&exchange(setup.admin(), &request)), 403, "{path}");
    }
}

#[test]
fn a_session_reads_the_api_and_changes_nothing_through_it() {
    let setup = Setup::with_token(Some(TOKEN));
    let operator = setup.operator();
    assert_eq!(status(&operator.get("/api/status")), 200);
    let pause = r#"{"rule":"relay","actor":"x"}"#;
    let fields = "Content-Type: application/json\r\n";
    let host = setup.admin();
    let cookie = operator.cookie.unwrap_or_default();
    let request = format!(
        "POST /api/pause HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n{fields}\
         Content-Length: {}\r\nConnection: close\r\n\r\n{pause}",
        pause.len()
    );
    assert_eq!(status(&exchange(host, &request)), 401);
    assert_eq!(setup.phase("relay"), "enforce");
}

#[test]
fn a_change_is_shown_then_confirmed_then_made() {
    let setup = Setup::with_token(Some(TOKEN));
    let mut operator = setup.operator();
    let form = [("verb", "pause"), ("rule", "relay"), ("reason", "the printer <is> on fire")];
    let stolen = operator.post("/changes/preview", &[("key", "a guess"), form[0], form[1]]);
    assert_eq!(status(&stolen), 403, "{stolen}");
    let page = operator.act("/changes/preview", &form);
    assert!(status(&page) == 200 && page.contains("Pause relay?"), "{page}");
    assert!(page.contains("enforce") && page.contains("paused"), "{page}");
    assert_eq!(setup.phase("relay"), "enforce", "it was only shown");

    let mut fields = confirmation(&page);
    fields.push(("reason".into(), "the printer <is> on fire".into()));
    let reply = operator.post("/changes", &as_form(&fields));
    assert_eq!(status(&reply), 303, "{reply}");
    assert_eq!(setup.phase("relay"), "paused");
    let path = field(&reply, "location").expect("a page of the change");
    let made = operator.get(&path);
    for text in ["relay paused", "Ada (dashboard)", "the printer &lt;is&gt; on fire"] {
        assert!(made.contains(text), "{text}: {made}");
    }
    // A browser that sends the form again.
    let again = operator.post("/changes", &as_form(&fields));
    assert_eq!((status(&again), field(&again, "location")), (303, Some(path.clone())));
    assert_eq!(operator.get("/changes").matches("relay paused").count(), 1);

    let id = path.rsplit('/').next().unwrap_or_default().to_owned();
    let page = operator.act("/changes/preview", &[("verb", "undo"), ("undo", &id)]);
    assert!(page.contains(&format!("Undo change {id}?")), "{page}");
    let mut fields = confirmation(&page);
    let unconfirmed = operator.post("/changes", &as_form(&fields));
    assert!(status(&unconfirmed) == 409 && unconfirmed.contains("Tick the box"), "{unconfirmed}");
    assert_eq!(setup.phase("relay"), "paused");
    fields.push(("confirm".into(), "true".into()));
    assert_eq!(status(&operator.post("/changes", &as_form(&fields))), 303);
    assert_eq!(setup.phase("relay"), "enforce");
}

#[test]
fn a_confirmation_of_something_else_changes_nothing_and_shows_what_it_would_do_now() {
    let setup = Setup::with_token(Some(TOKEN));
    let mut operator = setup.operator();
    let set = [("verb", "set"), ("rule", "chat"), ("phase", "off"), ("for", "2h")];
    let page = operator.act("/changes/preview", &set);
    assert!(page.contains("Set chat to off?") && page.contains("Until <time"), "{page}");
    let stale = confirmation(&page);
    let paused =
        confirmation(&operator.act("/changes/preview", &[("verb", "pause"), ("all", "true")]));
    assert_eq!(status(&operator.post("/changes", &as_form(&paused))), 303);

    let reply = operator.post("/changes", &as_form(&stale));
    assert!(status(&reply) == 409 && reply.contains("no longer what you were shown"), "{reply}");
    assert_eq!(setup.phase("chat"), "paused");
    let shown = confirmation(&reply);
    assert_eq!(status(&operator.post("/changes", &as_form(&shown))), 303);
    assert_eq!(setup.phase("chat"), "off");

    // Without having been shown anything.
    let unseen = [("verb", "set"), ("rule", "chat"), ("phase", "warn"), ("change", "abc")];
    let reply = operator.act("/changes", &unseen);
    assert_eq!(status(&reply), 409, "{reply}");
    assert_eq!(setup.phase("chat"), "off");
}

/// The policy file changes between the two steps, which no revision shows.
#[test]
fn a_confirmation_does_not_outlive_a_reload() {
    let setup = Setup::with_token(Some(TOKEN));
    let mut operator = setup.operator();
    let page = operator.act("/changes/preview", &[("verb", "pause"), ("rule", "relay")]);
    let reloaded = settings_with(setup.upstream.address, |settings| {
        let text = RULES.replace("id = \"relay\"", "id = \"relay\"\nphase = \"warn\"");
        settings.file.policy =
            upshift_config::load(&text, "rules.toml").expect("valid").file.policy;
        settings.admin_token = Some(TOKEN.to_owned());
    });
    setup.gateway.handle.reload(reloaded).expect("valid settings");
    let reply = operator.post("/changes", &as_form(&confirmation(&page)));
    assert_eq!(status(&reply), 409, "{reply}");
    assert_eq!(setup.phase("relay"), "warn");
}

#[test]
fn mistakes_in_forms_are_named_on_a_page() {
    let setup = Setup::with_token(Some(TOKEN));
    let mut operator = setup.operator();
    for (form, code, text) in [
        (vec![("verb", "pause"), ("rule", "nothing")], 404, "There is no rule nothing."),
        (vec![("verb", "pause")], 400, "Choose one rule, or all rules."),
        (vec![("verb", "explode")], 422, "cannot be read"),
        (vec![("verb", "set"), ("rule", "chat"), ("phase", "ramp")], 400, "Phase must be"),
        (
            vec![("verb", "set"), ("rule", "chat"), ("phase", "off"), ("for", "soon")],
            400,
            "10m, 2h",
        ),
        (vec![("verb", "undo")], 409, "."),
    ] {
        let reply = operator.act("/changes/preview", &form);
        assert!(status(&reply) == code && reply.contains(text), "{form:?}: {reply}");
        assert!(reply.contains("<h1>") && reply.contains("Nothing was changed."), "{reply}");
    }
    assert_eq!(status(&operator.get("/changes/nothing")), 404);
    assert_eq!(status(&operator.get("/changes/preview")), 303);
}

#[test]
fn every_page_keeps_other_sites_out() {
    let setup = Setup::with_token(Some(TOKEN));
    let operator = setup.operator();
    for path in ["/", "/login", "/rules/relay", "/rules/none", "/changes", "/changes/none"] {
        let reply = operator.get(path);
        let policy = field(&reply, "content-security-policy").unwrap_or_default();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(field(&reply, name).as_deref(), Some(value), "{path}: {name}");
        }
    }
    let page = operator.get("/");
    let (_, script) = page.split_once("<script src=\"").expect("a script");
    let script = operator.get(script.split('"').next().unwrap_or_default());
    assert_eq!(status(&script), 200, "{script}");
    assert!(field(&script, "cache-control").is_some_and(|value| value.contains("immutable")));
}

#[test]
fn the_feed_shows_decisions_as_they_are_made_without_secrets() {
    let setup = Setup::with_token(None);
    let mut feed = setup.browser().watch();
    assert!(feed.head.contains("text/event-stream"), "{}", feed.head);
    let summary = feed.next("summary").expect("the state at once");
    assert_eq!(summary["rules"][0]["rule"], "relay", "{summary}");
    let request = "GET /derp?token=hunter2 HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/8.1\r\n\
                   Authorization: Bearer hunter2\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(setup.gateway.http(), request)), 426);
    let decision = feed.next("decision").expect("the decision");
    for (name, value) in [
        ("verdict", "refuse"),
        ("rule", "relay"),
        ("phase", "enforce"),
        ("method", "GET"),
        ("path", "/derp"),
        ("http", "1.1"),
        ("tls", "none"),
        ("client", "curl/8"),
    ] {
        assert_eq!(decision[name], value, "{decision}");
    }
    assert_eq!(decision["status"], 426);
    assert!(decision["caller"].as_str().is_some_and(|caller| caller.len() == 16), "{decision}");
    assert!(!decision.to_string().contains("hunter2"), "{decision}");
}

#[test]
fn a_flood_is_sampled_and_the_rest_counted() {
    let setup = Setup::with_token(None);
    let mut feed = setup.browser().watch();
    assert!(feed.next("summary").is_some());
    let mut client = connect(setup.gateway.http());
    let sent = 400;
    for _ in 0..sent {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
        assert!(crate::support::read_message(&mut client).is_some());
    }
    let left_out = feed.next("left-out").expect("the number");
    let left_out = left_out["decisions"].as_u64().expect("a number");
    assert!(left_out > 0 && left_out < sent, "{left_out}");
}

/// A page on a phone that went into a tunnel.
#[test]
fn a_watcher_that_does_not_read_delays_no_one() {
    let setup = Setup::with_token(None);
    let browser = setup.browser();
    let _stalled = browser.watch();
    let mut feed = browser.watch();
    let mut client = connect(setup.gateway.http());
    for _ in 0..2_000 {
        client.write_all(b"GET /derp HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
        assert!(crate::support::read_message(&mut client).is_some());
    }
    let decision = feed.next("decision").expect("a decision");
    assert_eq!(decision["rule"], "relay", "{decision}");
}

#[test]
fn the_number_of_watchers_has_a_limit_and_those_that_leave_make_room() {
    let setup = Setup::with_token(None);
    let browser = setup.browser();
    let mut feeds = Vec::new();
    loop {
        let feed = browser.watch();
        if !feed.head.contains(" 200 ") {
            assert!(feed.head.contains(" 503 "), "{}", feed.head);
            break;
        }
        feeds.push(feed);
        assert!(feeds.len() <= 32);
    }
    assert_eq!(feeds.len(), 32);
    drop(feeds);
    let until = Instant::now() + PATIENCE;
    while !browser.watch().head.contains(" 200 ") {
        assert!(Instant::now() < until, "closed feeds still count");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn a_feed_ends_when_the_gateway_stops() {
    let mut setup = Setup::with_token(None);
    let mut feed = setup.browser().watch();
    assert!(feed.next("summary").is_some());
    setup.gateway.stop();
    while feed.next("summary").is_some() {}
    setup.gateway.join();
}
