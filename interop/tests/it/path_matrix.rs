//! Every way in which an upstream reads a path. No spelling that an upstream serves as a protected
//! path may get a weaker answer from the gateway than that path itself.
//!
//! Each test asks one real upstream which resource it serves for each spelling, and then asks the
//! gateway in front of it. The requests carry no version, so a protected path is answered with 426.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use interop::{Connection, Gateway, Origin, PathServer, Spelling, peers, spell};

/// The paths that a client sends when it does not try to get around a rule.
const PATHS: &[&str] = &["/account/7", "/chat", "/p@q/7", "/café/7", "/api/v1/orders"];

/// The same rules in two spellings.
const PATTERNS: &[&str] = &[
    r#"["/account/**", "/p@q/**", "/café/**", "/chat", "/api/v*/orders"]"#,
    r#"["/account/**", "/p%40q/**", "/caf%C3%A9/**", "/chat", "/api/v*/orders"]"#,
];

/// Whether the gateway knows the keys `case`, `trailing-slash` and `paths`.
const GATEWAY_KEYS: bool = false;

/// Differences that stay: the upstream, the kind of spelling, and why.
const ACCEPTED: &[(&str, &str, &str)] = &[];

/// How many bypasses of one kind a failure shows.
const EXAMPLES: usize = 2;

#[test]
fn nginx_files() {
    peers!("nginx");
    assert_no_bypass("nginx-files", "");
}

#[test]
fn nginx_locations() {
    peers!("nginx");
    assert_no_bypass("nginx-locations", "");
}

#[test]
fn apache_files() {
    peers!("apache2");
    assert_no_bypass("apache-files", "");
}

#[test]
fn caddy_files() {
    peers!("caddy");
    assert_no_bypass("caddy-files", "");
}

#[test]
fn caddy_matchers() {
    peers!("caddy");
    assert_no_bypass("caddy-matchers", "case = \"ignore\"");
}

#[test]
fn node_url() {
    peers!("node");
    assert_no_bypass("node-url", "");
}

#[test]
fn node_url_decoded() {
    peers!("node");
    assert_no_bypass("node-url-decoded", "");
}

#[test]
fn node_raw() {
    peers!("node");
    assert_no_bypass("node-raw", "");
}

#[test]
fn node_raw_decoded() {
    peers!("node");
    assert_no_bypass("node-raw-decoded", "");
}

#[test]
fn express() {
    peers!("node", "node packages");
    assert_no_bypass("express", "case = \"ignore\"\ntrailing-slash = \"ignore\"");
}

#[test]
fn koa() {
    peers!("node", "node packages");
    assert_no_bypass("koa", "case = \"ignore\"\ntrailing-slash = \"ignore\"");
}

#[test]
fn fastify() {
    peers!("node", "node packages");
    assert_no_bypass("fastify", "");
}

#[test]
fn php_uri() {
    peers!("php");
    assert_no_bypass("php-uri", "");
}

#[test]
fn php_path_info() {
    peers!("php");
    assert_no_bypass("php-path-info", "");
}

#[test]
fn flask() {
    peers!("python packages");
    assert_no_bypass("flask", "");
}

#[test]
fn wsgiref() {
    peers!("python packages");
    assert_no_bypass("wsgiref", "");
}

#[test]
fn http_server() {
    peers!("python packages");
    assert_no_bypass("http-server", "");
}

#[test]
fn go_path() {
    peers!("go");
    assert_no_bypass("go-path", "");
}

#[test]
fn go_mux() {
    peers!("go");
    assert_no_bypass("go-mux", "");
}

#[test]
fn go_files() {
    peers!("go");
    assert_no_bypass("go-files", "");
}

/// With `paths = "strict"`, what servers take apart differently is a bad request, whatever stands
/// behind the gateway. What all of them read alike is decided as ever.
#[test]
fn strict_paths_have_one_reading() {
    if !GATEWAY_KEYS {
        return;
    }
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::with(origin.address(), "paths = \"strict\"", &rules(PATTERNS[0]), &[]);
    let mut connection = Connection::new(gateway.http());
    let mut wrong = Vec::new();
    for spelling in spell(PATHS) {
        let status = connection.ask(&request(&spelling)).map_or(0, |reply| reply.status);
        if spelling.is_ambiguous() && status != 400 {
            wrong.push(format!("{status} for {} ({})", spelling.text(), spelling.kind));
        }
    }
    for target in ["/account/7", "/%61ccount/7", "/p%40q/7", "/caf%c3%a9/7", "/account/7?//../x"] {
        let spelling = Spelling { kind: "one reading".to_owned(), target: target.into() };
        let status = connection.ask(&request(&spelling)).map_or(0, |reply| reply.status);
        if status != 426 {
            wrong.push(format!("{status} for {target}, which has one reading"));
        }
    }
    assert!(wrong.is_empty(), "{} with strict paths:\n{}", wrong.len(), wrong.join("\n"));
}

/// A spelling that gets past the rule.
struct Bypass {
    spelling: Spelling,
    served: String,
    status: u16,
}

/// Asks the upstream and the gateway about every spelling, under both spellings of the rules.
fn assert_no_bypass(name: &str, keys: &str) {
    let keys = if GATEWAY_KEYS { keys } else { "" };
    let upstream = PathServer::start(name);
    let spellings = spell(PATHS);
    let served = ask_upstream(upstream.address(), &spellings);
    assert_paths_are_served(name, &spellings, &served);
    let mut bypasses = Vec::new();
    for patterns in PATTERNS {
        let gateway = Gateway::with(upstream.address(), keys, &rules(patterns), &[]);
        bypasses.extend(find_bypasses(gateway.http(), &spellings, &served));
    }
    bypasses.retain(|bypass| !is_accepted(name, &bypass.spelling.kind));
    let protected = served.iter().flatten().count();
    let (tried, through) = (spellings.len(), bypasses.len());
    eprintln!("path-matrix {name}: {tried} spellings, {protected} served as a protected path, {through} bypasses");
    assert!(bypasses.is_empty(), "{}", describe(name, &bypasses));
}

/// What the upstream serves for each spelling, where that is a protected path.
fn ask_upstream(address: SocketAddr, spellings: &[Spelling]) -> Vec<Option<String>> {
    let mut connection = Connection::new(address);
    let mut served = Vec::new();
    for spelling in spellings {
        let reply = connection.ask(&request(spelling));
        served.push(reply.and_then(|reply| protected_resource(&reply.text())));
    }
    served
}

/// An upstream that serves none of its paths would have no bypass either.
fn assert_paths_are_served(name: &str, spellings: &[Spelling], served: &[Option<String>]) {
    for (spelling, resource) in spellings.iter().zip(served).take(PATHS.len()) {
        assert!(resource.is_some(), "{name} does not serve {}", spelling.text());
    }
}

fn find_bypasses(gateway: SocketAddr, spellings: &[Spelling], served: &[Option<String>]) -> Vec<Bypass> {
    let mut connection = Connection::new(gateway);
    let mut bypasses = Vec::new();
    for (spelling, direct) in spellings.iter().zip(served) {
        let reply = connection.ask(&request(spelling)).unwrap_or_default();
        if matches!(reply.status, 400 | 426) {
            continue;
        }
        // The gateway may also change a target into one that the upstream serves.
        let resource = protected_resource(&reply.text()).or_else(|| direct.clone());
        if let Some(served) = resource {
            bypasses.push(Bypass { spelling: spelling.clone(), served, status: reply.status });
        }
    }
    bypasses
}

fn request(spelling: &Spelling) -> Vec<u8> {
    [b"GET ", &spelling.target[..], b" HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat()
}

/// The resource that a body names, unless it is none or the one that no rule protects.
fn protected_resource(body: &str) -> Option<String> {
    let rest = body.split_once("resource: ")?.1;
    let resource = rest.lines().next().unwrap_or_default();
    (resource != "none" && resource != "/x").then(|| resource.to_owned())
}

fn rules(patterns: &str) -> String {
    format!(
        "[[rule]]\nid = \"current-apps\"\npaths = {patterns}\nbreaker = false\n\
         on = {{ missing = \"refuse\" }}\n\
         require = {{ client = {{ read = [\"header:X-Client-Version\"], minimum = {{ App = \"2\" }} }} }}\n"
    )
}

fn is_accepted(name: &str, kind: &str) -> bool {
    ACCEPTED.iter().any(|(upstream, accepted, _)| *upstream == name && *accepted == kind)
}

/// How many bypasses there are of each kind, with one or two of them.
fn describe(name: &str, bypasses: &[Bypass]) -> String {
    let mut kinds: BTreeMap<&str, Vec<&Bypass>> = BTreeMap::new();
    for bypass in bypasses {
        kinds.entry(&bypass.spelling.kind).or_default().push(bypass);
    }
    let mut lines = vec![format!("{name}: {} bypasses", bypasses.len())];
    for (kind, of_kind) in kinds {
        lines.push(format!("  {} of {kind}", of_kind.len()));
        for Bypass { spelling, served, status } in of_kind.into_iter().take(EXAMPLES) {
            lines.push(format!("    {} served as {served}, gateway {status}", spelling.text()));
        }
    }
    lines.join("\n")
}
