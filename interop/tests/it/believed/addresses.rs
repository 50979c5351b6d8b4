//! Lists that a declared proxy appends to: the last member is the proxy's own, and the only one
//! that counts.

use interop::{Gateway, Recorder};

use super::{PROXY, REFUSED, assert_none, get, is_refused};

/// The address that the proxy appends.
const REAL: &str = "198.51.100.7";

/// An address that the client makes up, in a network that is exempt.
const FORGED: &str = "203.0.113.9";

/// Exempts the network of [`FORGED`], and that of the proxy, for clients that bypass it.
const EXCUSED: &str = r#"
[[exemption]]
id      = "partners"
peers   = ["203.0.113.0/24", "127.0.0.0/8"]
reason  = "partners move in spring"
owner   = "api-team"
expires = 2099-01-01
"#;

/// A forged `X-Forwarded-For` earns no exemption, however long it is. The gateway once read only
/// the first 64 members (256 if they were empty) and never reached the address that the proxy had
/// appended, so a client behind a proxy could choose its own address.
#[test]
fn a_forged_list_of_addresses_is_no_excuse() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &[PROXY, REFUSED, EXCUSED].concat());
    let mut wrong = Vec::new();
    for (name, lines) in forged_lists("X-Forwarded-For", FORGED, REAL) {
        let reply = get(&gateway, "/", &lines);
        if !is_refused(&reply) {
            wrong.push(format!("{name}: {}", reply.status));
        }
    }
    wrong.extend(upstream.lines());
    assert_none(&wrong);
    let excused = get(&gateway, "/", &format!("X-Forwarded-For: {FORGED}\r\n"));
    assert_eq!(excused.status, 200, "a partner is excused");
}

/// A forged list evades no rule that applies to some addresses only, and does not reach the
/// upstream as the address of the client.
#[test]
fn a_forged_list_of_addresses_evades_no_rule_and_names_no_client() {
    let rule = "[[rule]]\nid = \"all-but-partners\"\npaths = [\"/api/**\"]\n\
        peers = [\"!203.0.113.0/24\", \"!127.0.0.0/8\"]\nrequire = { protocol = \"derp/2\" }\n";
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &[PROXY, rule].concat());
    let mut wrong = Vec::new();
    for (name, lines) in forged_lists("X-Forwarded-For", FORGED, REAL) {
        let reply = get(&gateway, "/api/orders", &lines);
        if !is_refused(&reply) {
            wrong.push(format!("{name}: {}", reply.status));
        }
        get(&gateway, "/elsewhere", &lines);
    }
    for request in upstream.requests() {
        let forwarded = request.values("forwarded").join(", ");
        if forwarded.starts_with(&format!("for={FORGED}")) {
            wrong.push(format!("Forwarded: {forwarded}"));
        }
    }
    assert_none(&wrong);
}

/// A forged list of schemes, TLS versions or HTTP versions satisfies no rule either.
#[test]
fn a_forged_list_of_schemes_or_versions_meets_no_rule() {
    let rules = "[[rule]]\nid = \"tls\"\npaths = [\"/tls/**\"]\nrequire = { tls = \"1.2\" }\n\
        [[rule]]\nid = \"http\"\npaths = [\"/http/**\"]\nrequire = { http = \"2\" }\n";
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &[PROXY, rules].concat());
    let mut wrong = Vec::new();
    for (target, field, forged, real) in [
        ("/tls/a", "X-Forwarded-Proto", "https", "http"),
        ("/tls/a", "X-Client-TLS", "TLSv1.3", "TLSv1.1"),
        ("/http/a", "X-Client-HTTP", "HTTP/2", "HTTP/1.1"),
    ] {
        for (name, lines) in forged_lists(field, forged, real) {
            let reply = get(&gateway, target, &lines);
            if !is_refused(&reply) {
                wrong.push(format!("{field}, {name}: {}", reply.status));
            }
        }
    }
    wrong.extend(upstream.lines());
    assert_none(&wrong);
}

/// Field lines that begin with what the client sent and end with what the proxy appended.
fn forged_lists(field: &str, forged: &str, real: &str) -> Vec<(String, String)> {
    let mut lists = Vec::new();
    for count in [1, 63, 64, 65, 255, 256, 300] {
        let members = format!("{forged}, ").repeat(count);
        lists.push((format!("{count} members"), format!("{field}: {members}{real}\r\n")));
    }
    for count in [63, 300, 2000] {
        let commas = ",".repeat(count);
        lists.push((format!("{count} commas"), format!("{field}: {forged}{commas}{real}\r\n")));
    }
    let own_line = format!("{field}: {real}\r\n");
    let lines = format!("{field}: {forged}\r\n").repeat(64);
    lists.push(("64 lines".to_owned(), lines + &own_line));
    let empty = format!("{field}: {forged}\r\n{field}: {}\r\n", ",".repeat(300));
    lists.push(("a line of commas".to_owned(), empty + &own_line));
    // The field has no quoted strings: a quote that is not closed must not swallow the last member.
    lists.push(("a quote".to_owned(), format!("{field}: {forged}, \"{forged}, {real}\r\n")));
    lists.push(("a quote in a line".to_owned(), format!("{field}: \"{forged}\r\n{own_line}")));
    lists
}
