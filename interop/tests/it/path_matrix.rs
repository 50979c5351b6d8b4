//! Every way in which an upstream reads a path. No spelling that an upstream serves as a protected
//! path may get a weaker answer from the gateway than that path itself.
//!
//! Each test asks one real upstream which resource it serves for each spelling, and then asks the
//! gateway in front of it. The requests carry no version, so a protected path is answered with 426.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;

use interop::{
    Connection, Count, Gateway, Origin, PathServer, Reply, Spelling, peers, spell, tally,
};

/// The paths that a client sends when it does not try to get around a rule.
const PATHS: &[&str] = &["/account/7", "/chat", "/p@q/7", "/café/7", "/api/v1/orders"];

/// The same rules in two spellings.
const PATTERNS: &[&str] = &[
    r#"["/account/**", "/p@q/**", "/café/**", "/chat", "/api/v*/orders"]"#,
    r#"["/account/**", "/p%40q/**", "/caf%C3%A9/**", "/chat", "/api/v*/orders"]"#,
];

/// Spellings that all servers read alike, which strict paths leave alone.
const ONE_READING: [&str; 5] =
    ["/account/7", "/%61ccount/7", "/p%40q/7", "/caf%c3%a9/7", "/account/7?//../x"];

/// Differences that stay: the upstream, the kind of spelling, and why.
const ACCEPTED: &[(&str, &str, &str)] = &[];

/// How many requests are under way. Python's servers hold no more than five connections back.
const AT_A_TIME: usize = 4;

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

/// With `paths = "strict"`, what servers take apart differently is a bad request for every
/// upstream. What all of them read alike is decided as usual.
#[test]
fn strict_paths_have_one_reading() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::with(origin.address(), "paths = \"strict\"", &rules(PATTERNS[0]), &[]);
    let spellings = spell(PATHS);
    let replies = ask_all(gateway.http(), &spellings);
    let mut wrong = Vec::new();
    for (spelling, reply) in spellings.iter().zip(replies) {
        if spelling.is_ambiguous() && reply.status != 400 {
            wrong.push(format!("{} for {} ({})", reply.status, spelling.text(), spelling.kind));
        }
    }
    let one_reading = ONE_READING
        .map(|target| Spelling { kind: "one reading".to_owned(), target: target.into() });
    for (spelling, reply) in one_reading.iter().zip(ask_all(gateway.http(), &one_reading)) {
        if reply.status != 426 {
            wrong.push(format!("{} for {}, which has one reading", reply.status, spelling.text()));
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
    let upstream = PathServer::start(name);
    let mut spellings = spell(PATHS);
    let mut served = ask_upstream(upstream.address(), &spellings);
    assert_paths_are_served(name, &spellings, &served);
    let mut bypasses = Vec::new();
    for patterns in PATTERNS {
        let gateway = Gateway::with(upstream.address(), keys, &rules(patterns), &[]);
        bypasses.extend(find_bypasses(gateway.http(), &spellings, &served));
        // How a rule is written changes nothing in what the gateway forwards, so the second time
        // only what the upstream serves is of interest.
        let mut was_served = served.iter().map(Option::is_some);
        spellings.retain(|_| was_served.next() == Some(true));
        served.retain(Option::is_some);
    }
    bypasses.retain(|bypass| !is_accepted(name, &bypass.spelling.kind));
    tally(Count::Bypasses, bypasses.len());
    assert!(bypasses.is_empty(), "{}", describe(name, &bypasses));
}

/// What the upstream serves for each spelling, where that is a protected path.
fn ask_upstream(address: SocketAddr, spellings: &[Spelling]) -> Vec<Option<String>> {
    let replies = ask_all(address, spellings);
    replies.iter().map(|reply| protected_resource(&reply.text())).collect()
}

/// An upstream that serves none of its paths would have no bypass either.
fn assert_paths_are_served(name: &str, spellings: &[Spelling], served: &[Option<String>]) {
    for (spelling, resource) in spellings.iter().zip(served).take(PATHS.len()) {
        assert!(resource.is_some(), "{name} does not serve {}", spelling.text());
    }
}

fn find_bypasses(
    gateway: SocketAddr,
    spellings: &[Spelling],
    served: &[Option<String>],
) -> Vec<Bypass> {
    let replies = ask_all(gateway, spellings);
    let mut bypasses = Vec::new();
    for ((spelling, direct), reply) in spellings.iter().zip(served).zip(replies) {
        if matches!(reply.status, 400 | 426) {
            continue;
        }
        // The gateway may change a target on its way, a fragment being cut off: into one that the
        // upstream serves, or into one that it does not.
        let through = protected_resource(&reply.text());
        let not_served = (300..500).contains(&reply.status);
        let resource = if not_served { through } else { through.or_else(|| direct.clone()) };
        if let Some(served) = resource {
            bypasses.push(Bypass { spelling: spelling.clone(), served, status: reply.status });
        }
    }
    bypasses
}

/// The reply to each spelling, in order, with status 0 where none came. Some servers wait after
/// each request, so a few are asked at a time.
fn ask_all(address: SocketAddr, spellings: &[Spelling]) -> Vec<Reply> {
    let mut replies = Vec::new();
    tally(Count::Inputs, spellings.len());
    thread::scope(|scope| {
        let mut askers = Vec::new();
        for part in spellings.chunks(spellings.len().div_ceil(AT_A_TIME)) {
            askers.push(scope.spawn(move || ask_in_order(address, part)));
        }
        for asker in askers {
            replies.extend(asker.join().unwrap_or_else(|_| panic!("asking {address} failed")));
        }
    });
    replies
}

fn ask_in_order(address: SocketAddr, spellings: &[Spelling]) -> Vec<Reply> {
    let mut connection = Connection::new(address);
    let mut replies = Vec::new();
    for spelling in spellings {
        replies.push(connection.ask(&request(spelling)).unwrap_or_default());
    }
    replies
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
         require = {{ client = {{ read = [\"header:X-Client-Version\"], \
         minimum = {{ App = \"2\" }} }} }}\n"
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
