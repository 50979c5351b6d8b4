//! A reload refuses and `check` reports everything that a start refuses, and a reload applies or
//! names every change.
//!
//! Both were once laxer than a start: an empty file under `--watch` made every answer 503, and the
//! reload counted as "ok".

use std::path::PathBuf;

use interop::{Certificate, Gateway, Origin, Scratch, exchange, pause, run, upshift};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";

/// Refuses every request over HTTP/1.
pub(crate) const RULE: &str = "[[rule]]\nid = \"modern\"\nrequire = { http = \"2\" }\n";

/// A second rule, for one path.
const ORDERS: &str = "[[rule]]\nid = \"orders\"\npaths = [\"/orders\"]\n\
    require = { api = { read = [\"query:v\"], minimum = \"2\" } }\n";

/// A policy file that `serve` refuses for something that it names: its lines, and what is said
/// about them.
struct Unusable {
    gateway: String,
    rest: &'static str,
    said: &'static str,
    /// True if the policy file alone shows the fault.
    is_of_the_file: bool,
}

/// Files that are valid TOML with valid keys, but cannot be served.
fn unusable(folder: &Scratch) -> Vec<Unusable> {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let tls = |certificate: &str, key: &str| {
        format!("https = \"127.0.0.1:0\"\ntls = {{ certificate = {certificate:?}, key = {key:?} }}")
    };
    let case = |gateway: String, rest: &'static str, said: &'static str| {
        let is_of_the_file = said.contains("CVE");
        Unusable { gateway, rest, said, is_of_the_file }
    };
    let (good, other) = (Certificate::new(), Certificate::new());
    let copy = |name: &str, from: &std::path::Path| {
        std::fs::copy(from, folder.path().join(name)).expect("a writable folder");
        path(name)
    };
    let (certificate, key) = (copy("c.pem", good.file()), copy("k.pem", good.key()));
    let other_key = copy("other.pem", other.key());
    let encrypted = path("encrypted.pem");
    let words = ["pkey", "-in", &key, "-aes256", "-passout", "pass:x", "-out", &encrypted];
    run("openssl", &words).ok();
    folder.file("empty.pem", "");
    let upstream = "upstream = \"http://127.0.0.1:9\"\n";
    let with = |lines: String| format!("{upstream}{lines}");
    vec![
        case(with(tls("/no/such.pem", &key)), "", "/no/such.pem"),
        case(with(tls(&certificate, "/no/such.key")), "", "/no/such.key"),
        case(with(tls(&path("empty.pem"), &key)), "", "no certificate"),
        case(with(tls(&certificate, &path("empty.pem"))), "", "no private key"),
        case(with(tls(&key, &key)), "", "no certificate"),
        case(with(tls(&certificate, &other_key)), "", "cannot be used together"),
        case(with(tls(&certificate, &encrypted)), "", "encrypted"),
        case(with("admin-token = \"file:/no/such/token\"".to_owned()), "", "/no/such/token"),
        case(
            with("admin-token = \"env:UPSHIFT_NO_SUCH_VARIABLE\"".to_owned()),
            "",
            "UPSHIFT_NO_SUCH_VARIABLE",
        ),
        case(
            String::new(),
            "[[upstream]]\naddresses = [\"https://127.0.0.1:9\"]\nca = \"/no/such/ca.pem\"\n",
            "/no/such/ca.pem",
        ),
        case(String::new(), "", "where requests go"),
        case(with("http = false\nhttps = false".to_owned()), "", "nothing to listen on"),
        case(with("in-band-tls = true\nhttps = \"127.0.0.1:0\"".to_owned()), "", "CVE-2025-49812"),
    ]
}

fn text(case: &Unusable) -> String {
    let http = if case.gateway.contains("http = ") { "" } else { "http = \"127.0.0.1:0\"\n" };
    format!("[gateway]\n{http}admin = \"127.0.0.1:0\"\n{}\n{}{RULE}", case.gateway, case.rest)
}

#[test]
fn check_reports_what_a_start_refuses() {
    let folder = Scratch::new();
    for case in unusable(&folder) {
        let file = folder.file("upshift.toml", text(&case)).display().to_string();
        let started = upshift(&["serve", "--config", &file]);
        assert_eq!(started.code, 2, "serve: {}\n{}", text(&case), started.stderr);
        assert!(started.stderr.contains(case.said), "serve: {}", started.stderr);
        let checked = upshift(&["check", &file]);
        assert_eq!(checked.code, 2, "check: {}\n{}", text(&case), checked.stderr);
        assert!(checked.stderr.contains(case.said), "check: {}", checked.stderr);
        let json: serde_json::Value =
            serde_json::from_str(&upshift(&["check", "--json", &file]).stdout).expect("JSON");
        assert_eq!(json["valid"], false, "{json}");
        let message = json["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(message.contains(case.said), "{json}");
        let offline = upshift(&["check", "--offline", &file]);
        let expected = if case.is_of_the_file { 2 } else { 0 };
        assert_eq!(offline.code, expected, "check --offline: {}\n{}", text(&case), offline.stderr);
    }
}

/// Reloads the file with this text, and returns the lines that the gateway has printed since.
pub(crate) fn reload(gateway: &mut Gateway, text: &str) -> String {
    let before = gateway.program().lines().len();
    std::fs::write(gateway.file(), text).expect("a writable file");
    gateway.program().signal("HUP");
    gateway.program().wait_for("an end of the reload", |lines| {
        let said = lines[before..].iter().any(|line| line.contains("reloaded"));
        said.then_some(())
    });
    // The lines about the changes follow.
    for _ in 0..20 {
        pause();
    }
    gateway.program().lines()[before..].join("\n")
}

pub(crate) fn good(gateway: &Gateway) -> String {
    std::fs::read_to_string(gateway.file()).unwrap_or_default()
}

pub(crate) fn status(gateway: &Gateway) -> u16 {
    exchange(gateway.http(), REQUEST, false).0.status
}

/// The value of the series that begins with `begins`; 0 if there is none.
pub(crate) fn series(gateway: &Gateway, begins: &str) -> f64 {
    let text = gateway.ask_admin("/metrics").text();
    let found = text.lines().find(|line| line.starts_with(begins));
    found.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

#[test]
fn a_reload_refuses_what_a_start_refuses() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let mut gateway = Gateway::start(origin.address(), RULE);
    let mut failed = 0.0;
    // What is bound stays bound, so a file without listeners only says that a restart would fail.
    for case in unusable(&folder) {
        let said = reload(&mut gateway, &text(&case));
        assert!(
            said.contains("was not reloaded") && said.contains(case.said),
            "{}\n{said}",
            text(&case)
        );
        assert_eq!(status(&gateway), 426, "{}", case.said);
        failed += 1.0;
        assert_eq!(series(&gateway, "upshift_reloads_total{outcome=\"failed\"}"), failed);
    }
    assert_eq!(series(&gateway, "upshift_reloads_total{outcome=\"ok\"}"), 0.0);
}

/// A reload refuses a file that has lost every rule or its upstream, as one does that is half
/// written or truncated.
#[test]
fn a_reload_that_loses_every_rule_or_upstream_is_refused() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::with(origin.address(), "", RULE, &[]);
    let good = good(&gateway);
    let head = good.split("[[rule]]").next().unwrap_or_default();
    for lost in ["", "# nothing\n", head, &good.replace("upstream = ", "# ")] {
        let said = reload(&mut gateway, lost);
        assert!(said.contains("was not reloaded"), "{lost:?}: {said}");
        assert_eq!(status(&gateway), 426, "{lost:?}");
    }
}

#[test]
fn an_empty_file_under_watch_changes_nothing() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::with(origin.address(), "", RULE, &["--watch"]);
    std::fs::write(gateway.file(), "").expect("a writable file");
    gateway.program().wait_for("refusal", |lines| {
        lines.iter().any(|line| line.contains("was not reloaded")).then_some(())
    });
    assert_eq!(status(&gateway), 426);
}

/// A reload names every rule and upstream that is removed, added or changed. Half a file may be
/// valid TOML with half of the rules, which looks like an intended change.
#[test]
fn rules_and_upstreams_that_vanish_appear_or_change_are_named() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::start(origin.address(), &format!("{RULE}{ORDERS}"));
    let all = good(&gateway);
    let without = all.replace(ORDERS, "");
    let said = reload(&mut gateway, &without);
    assert!(said.contains("rule orders: removed"), "{said}");
    assert_eq!(
        series(&gateway, "upshift_reload_changes_total{kind=\"rule\",change=\"removed\"}"),
        1.0
    );
    let said = reload(&mut gateway, &all);
    assert!(said.contains("rule orders: added"), "{said}");
    // Requests without a version are judged from now on.
    let said =
        reload(&mut gateway, &all.replace("minimum = \"2\"", "minimum = \"2\", assume = \"1\""));
    assert!(said.contains("rule orders: changed (require)"), "{said}");
    let exemption = "[[exemption]]\nid = \"partner\"\npaths = [\"/partner\"]\nreason = \"r\"\n\
        owner = \"o\"\nexpires = 2099-01-01\n";
    let said = reload(&mut gateway, &format!("{all}{exemption}"));
    assert!(said.contains("exemption partner: added"), "{said}");
    let elsewhere = all.replace(&origin.address().to_string(), "127.0.0.1:9");
    let said = reload(&mut gateway, &elsewhere);
    let (gone, new) = (
        format!("upstream http://{}: removed", origin.address()),
        "upstream http://127.0.0.1:9: added",
    );
    assert!(said.contains(&gone) && said.contains(new), "{said}");
    let said = reload(&mut gateway, &elsewhere);
    assert!(said.contains("no settings changed"), "{said}");
}

#[test]
fn settings_that_take_a_restart_are_named_one_by_one() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::start(origin.address(), RULE);
    let folder = Scratch::new();
    let store = folder.path().join("other.db");
    let changed = good(&gateway)
        .replace("http = \"127.0.0.1:0\"", "http = \"127.0.0.1:1\"")
        .replace("https = \"127.0.0.1:0\"", "https = \"127.0.0.1:2\"\nhttp3 = true")
        .replace("admin = \"127.0.0.1:0\"", &format!("admin = \"127.0.0.1:3\"\nstore = {store:?}"));
    let said = reload(&mut gateway, &changed);
    for key in
        ["gateway.http ", "gateway.https ", "gateway.http3 ", "gateway.admin ", "gateway.store "]
    {
        let line = said.lines().find(|line| line.contains(key)).unwrap_or_default();
        assert!(line.contains("restart the gateway to change it"), "{key}: {said}");
    }
    assert!(!store.exists(), "the running store stays");
}

#[test]
fn a_reload_takes_up_the_admin_token() {
    let origin = Origin::start(200, &[]);
    let mut gateway =
        Gateway::with(origin.address(), "admin-token = \"the first token of all\"", RULE, &[]);
    let admin = format!("http://{}/api/status", gateway.admin());
    let ask = |token: &str| {
        let field = format!("Authorization: Bearer {token}");
        let words = [
            "--silent",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
            "-H",
            &field,
            &admin,
        ];
        run("curl", &words).ok()
    };
    assert_eq!(
        (ask("the first token of all"), ask("another token instead")),
        ("200".to_owned(), "401".to_owned())
    );
    let changed = good(&gateway).replace("the first token of all", "another token instead");
    reload(&mut gateway, &changed);
    assert_eq!(
        (ask("the first token of all"), ask("another token instead")),
        ("401".to_owned(), "200".to_owned())
    );
}

/// A reload applies new limits to the connections that begin after it, on the admin listener as
/// well.
#[test]
fn a_reload_takes_up_limits() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::start(origin.address(), RULE);
    let long = format!(
        "GET / HTTP/1.1\r\nHost: h\r\nX-Long: {}\r\nConnection: close\r\n\r\n",
        "x".repeat(16_000)
    );
    let ask = |to| exchange(to, long.as_bytes(), false).0.status;
    assert_eq!(ask(gateway.http()), 426);
    let changed = format!("{}\n[limits]\nheader-bytes = \"8 KiB\"\n", good(&gateway));
    let said = reload(&mut gateway, &changed);
    assert!(!said.contains("restart the gateway to change it"), "{said}");
    assert_eq!(ask(gateway.http()), 431);
    assert_eq!(ask(gateway.admin()), 431);
}

/// A certificate that a reload has moved is watched from then on.
#[test]
fn a_certificate_that_a_reload_moved_is_watched() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let (first, second) = (Certificate::new(), Certificate::new());
    let place = |certificate: &Certificate, at: &str| -> [PathBuf; 2] {
        let folder = folder.path().join(at);
        std::fs::create_dir_all(&folder).expect("a writable folder");
        let files = [folder.join("c.pem"), folder.join("k.pem")];
        std::fs::copy(certificate.file(), &files[0]).expect("a writable folder");
        std::fs::copy(certificate.key(), &files[1]).expect("a writable folder");
        files
    };
    let [certificate, key] = place(&first, "a");
    let tls = format!("tls = {{ certificate = {certificate:?}, key = {key:?} }}");
    let mut gateway = Gateway::with(origin.address(), &tls, RULE, &["--watch"]);
    let [certificate, key] = place(&first, "b");
    let moved = format!("tls = {{ certificate = {certificate:?}, key = {key:?} }}");
    let changed = good(&gateway).replace(&tls, &moved);
    std::fs::write(gateway.file(), changed).expect("a writable file");
    gateway.program().wait_for("reload", |lines| {
        lines.iter().any(|line| line.contains(" reloaded: ")).then_some(())
    });
    let reloads =
        |lines: &[String]| lines.iter().filter(|line| line.contains(" reloaded: ")).count();
    let before = reloads(&gateway.program().lines());
    place(&second, "b");
    gateway
        .program()
        .wait_for("reload of the certificate", |lines| (reloads(lines) > before).then_some(()));
    let url = gateway.secure_url("/");
    let trusted = second.file().display().to_string();
    let words = [
        "--silent",
        "--http1.1",
        "--cacert",
        &trusted,
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        &url,
    ];
    assert_eq!(run("curl", &words).ok(), "426", "the new certificate is shown");
}

/// A policy file with a certificate that is valid in these years.
fn file_with_certificate(folder: &Scratch, from: i32, until: i32) -> String {
    let made = interop::Certificate::valid(from, until);
    let (certificate, key) = (made.file(), made.key());
    for (from, to) in [(certificate, "c.pem"), (key, "k.pem")] {
        std::fs::copy(from, folder.path().join(to)).expect("a writable folder");
    }
    let text = "[gateway]\nhttps = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:9\"\n\
        tls = { certificate = \"c.pem\", key = \"k.pem\" }\n";
    folder.file("upshift.toml", text).display().to_string()
}

#[test]
fn a_certificate_outside_its_time_is_a_warning() {
    let folder = Scratch::new();
    for (from, until, said) in [
        (2019, 2020, "expired on"),
        (2090, 2099, "is not valid before"),
        (2020, 2099, "valid, 0 rules"),
    ] {
        let checked = upshift(&["check", &file_with_certificate(&folder, from, until)]);
        assert!(checked.code == 0 && checked.stderr.contains(said), "{said}: {}", checked.stderr);
    }
}

/// A store that cannot be made is a warning and no error, because a gateway starts without it.
#[test]
fn a_store_that_cannot_be_made_is_a_warning() {
    let folder = Scratch::new();
    let text =
        "[gateway]\nupstream = \"http://127.0.0.1:9\"\nstore = \"no/such/folder/upshift.db\"\n";
    let checked = upshift(&["check", &folder.file("upshift.toml", text).display().to_string()]);
    assert!(
        checked.code == 0 && checked.stderr.contains("forgotten at a restart"),
        "{}",
        checked.stderr
    );
}

/// An upstream that is the gateway itself is refused, whichever way its address is written.
/// Comparing the text of addresses is not enough.
#[test]
fn a_gateway_in_front_of_itself_is_refused() {
    let folder = Scratch::new();
    for (http, upstream, own) in [
        ("0.0.0.0", "127.0.0.1:18080", true),
        ("0.0.0.0", "127.0.0.1:18426", true),
        ("127.0.0.1", "localhost:18080", true),
        ("127.0.0.1", "0.0.0.0:18080", true),
        ("127.0.0.1", "[::ffff:127.0.0.1]:18080", true),
        ("[::]", "127.0.0.1:18080", true),
        ("[::]", "[::1]:18080", true),
        ("0.0.0.0", "192.0.2.7:18080", false),
        ("127.0.0.1", "127.0.0.2:18080", false),
        ("127.0.0.1", "localhost:18081", false),
    ] {
        let text = format!(
            "[gateway]\nhttp = \"{http}:18080\"\nadmin = \"127.0.0.1:18426\"\n\
             upstream = \"http://{upstream}\"\n"
        );
        let file = folder.file("upshift.toml", text).display().to_string();
        let checked = upshift(&["check", &file]);
        let code = if own { 2 } else { 0 };
        assert!(checked.code == code, "{http}, {upstream}: {}", checked.stderr);
        assert_eq!(checked.stderr.contains("the gateway itself"), own, "{}", checked.stderr);
    }
}

/// A loop that shows only at run time is recognized and named. Requests once went round until their
/// fields were too large, and the log advised declaring a proxy.
#[test]
fn a_loop_is_recognised_and_named() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::start(origin.address(), ORDERS);
    assert_eq!(status(&gateway), 200);
    let itself = gateway.http().to_string();
    let looping = good(&gateway).replace(&origin.address().to_string(), &itself);
    reload(&mut gateway, &looping);
    assert_eq!(status(&gateway), 508);
    gateway.program().wait_for("the upstream's name", |lines| {
        let named =
            |line: &String| line.contains("leads back to this gateway") && line.contains(&itself);
        lines.iter().any(named).then_some(())
    });
    // A chain of several gateways is no loop.
    let several = good(&gateway).replace(&itself, &origin.address().to_string());
    reload(&mut gateway, &several);
    let request =
        b"GET / HTTP/1.1\r\nHost: a.example\r\nVia: 1.1 upshift, 1.1 upshift, 2.0 upshift\r\n\
         Connection: close\r\n\r\n";
    assert_eq!(exchange(gateway.http(), request, false).0.status, 200);
}

/// `check` warns of requests that no upstream takes. Without a default upstream, those are answered
/// 503, although the file looks complete.
#[test]
fn requests_that_no_upstream_takes_are_a_warning() {
    let folder = Scratch::new();
    for (upstreams, warns) in
        [("hosts = [\"a.example\"]\n", true), ("paths = [\"/**\"]\n", false), ("", false)]
    {
        let text = format!(
            "[gateway]\nstore = false\n[[upstream]]\n\
             {upstreams}addresses = [\"http://127.0.0.1:9\"]\n"
        );
        let checked = upshift(&["check", &folder.file("upshift.toml", text).display().to_string()]);
        assert_eq!(
            (checked.code, checked.stderr.contains("answered 503")),
            (0, warns),
            "{}",
            checked.stderr
        );
    }
}
