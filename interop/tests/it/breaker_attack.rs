//! The breaker under invented callers.
//!
//! One anonymous connection must neither turn enforcement off through the breaker nor hide a real
//! lock-out from it: a client can invent identities, but not networks. 220 pipelined requests with
//! invented keys once stopped a rule until a person resumed it.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use interop::{Count, Gateway, Origin, date, pause, send, since_1970, tally, wait};
use serde_json::Value;

/// The time within which a real lock-out stops the rule.
const TRIPS: Duration = Duration::from_secs(2);

/// The number of requests that are pipelined.
const BATCH: usize = 40;

/// A caller: its address as the declared proxy reports it, its key, and whether its version
/// satisfies the rule.
struct Caller {
    address: String,
    key: String,
    compliant: bool,
}

/// 220 requests on one connection do not stop a rule, although each has an invented key: they are
/// 220 identities from one network.
#[test]
fn one_connection_does_not_stop_enforcement() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), &rule(&enforced()));
    let callers: Vec<Caller> = (0..220).map(|number| refused("", number)).collect();
    let statuses = ask_all(gateway.http(), &callers);
    assert!(statuses.iter().all(|status| *status == 426), "{statuses:?}");
    assert_goes_on(&gateway, "enforce", "127.0.0.");
}

/// The same during a ramp, which refuses a share of the identities.
#[test]
fn one_connection_does_not_stop_a_ramp() {
    let origin = Origin::start(200, &[]);
    let now = since_1970();
    let (step, end) = (date(now, -1), date(now, 3));
    let ramp = format!("ramp = [{{ at = {step}, share = 0.5 }}]\nenforce = {end}\n");
    let gateway = Gateway::start(origin.address(), &rule(&ramp));
    let callers: Vec<Caller> = (0..220).map(|number| refused("", number)).collect();
    let statuses = ask_all(gateway.http(), &callers);
    let count = statuses.iter().filter(|status| **status == 426).count();
    assert!((66..154).contains(&count), "{count} of 220 are refused");
    assert_goes_on(&gateway, "ramp", "127.0.0.");
}

/// The addresses of one network, an IPv4 /24 or an IPv6 /64, do not count as many callers.
#[test]
fn one_network_does_not_stop_enforcement() {
    for (network, named) in [("198.51.100.", "198.51.100."), ("2001:db8:0:7::", "2001:db8:")] {
        let origin = Origin::start(200, &[]);
        let rules = [PROXY, &rule(&enforced())].concat();
        let gateway = Gateway::start(origin.address(), &rules);
        let mut callers = Vec::new();
        for number in 0..220 {
            callers.push(refused(&format!("{network}{number}"), number));
        }
        ask_all(gateway.http(), &callers);
        assert_goes_on(&gateway, "enforce", named);
    }
}

/// Many invented compliant identities from one network do not hide that 30 % of the callers from
/// other networks are refused.
#[test]
fn one_network_does_not_hide_a_lock_out() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), &[PROXY, &rule(&enforced())].concat());
    let mut invented = Vec::new();
    for number in 0..3_000 {
        let mut caller = refused("203.0.113.5", 10_000 + number);
        caller.compliant = true;
        invented.push(caller);
    }
    ask_all(gateway.http(), &invented);
    ask_all(gateway.http(), &locked_out());
    assert_trips(&gateway);
}

/// The breaker watches a rule whose dates are long past when it is deployed. Such a rule refuses
/// every caller on an old version from the start, and the breaker once did not watch it.
#[test]
fn a_rule_that_is_deployed_long_after_its_dates_is_watched() {
    let origin = Origin::start(200, &[]);
    let now = since_1970();
    let late = rule(&format!("enforce = {}\n", date(now, -30))).replacen(
        &date(now, -3),
        &date(now, -31),
        1,
    );
    let gateway = Gateway::start(origin.address(), &[PROXY, &late].concat());
    ask_all(gateway.http(), &locked_out());
    assert_trips(&gateway);
}

/// A real lock-out stops the rule: 30 % of 300 callers are refused, each from a network of its own.
#[test]
fn a_lock_out_across_networks_stops_enforcement() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), &[PROXY, &rule(&enforced())].concat());
    ask_all(gateway.http(), &locked_out());
    assert_trips(&gateway);
}

/// The same for a rule that enforces without a rollout. The breaker once did not watch such a rule,
/// and its callers stayed locked out.
#[test]
fn a_lock_out_by_a_rule_without_a_rollout_is_stopped() {
    let origin = Origin::start(200, &[]);
    let rule = "[[rule]]\nid = \"orders\"\npaths = [\"/api/**\"]\non = { missing = \"refuse\" }\n\
        require = { api = { minimum = \"2.0\", read = \"header:X-Api-Version\" } }\n";
    let gateway = Gateway::start(origin.address(), &[PROXY, rule].concat());
    ask_all(gateway.http(), &locked_out());
    assert_trips(&gateway);
}

const PROXY: &str = r#"
[[gateway.proxy]]
from = ["127.0.0.0/8"]
upgrade-field = true
[gateway.proxy.reads]
peer = "X-Forwarded-For"
"#;

/// A rule with the breaker's defaults, and this rollout.
fn rule(stages: &str) -> String {
    format!(
        "[[rule]]\nid = \"orders\"\npaths = [\"/api/**\"]\non = {{ missing = \"refuse\" }}\n\
         require = {{ api = {{ minimum = \"2.0\", read = \"header:X-Api-Version\" }} }}\n\
         [rule.rollout]\nidentity = [\"header:X-Api-Key\"]\nwarn = {}\n{stages}",
        date(since_1970(), -3)
    )
}

/// Enforcement that began yesterday, so the breaker watches the rule.
fn enforced() -> String {
    format!("enforce = {}\n", date(since_1970(), -1))
}

fn refused(address: &str, number: usize) -> Caller {
    Caller { address: address.to_owned(), key: format!("key-{number}"), compliant: false }
}

/// 300 callers from 300 networks; three in ten are on an old version.
fn locked_out() -> Vec<Caller> {
    let mut callers = Vec::new();
    for number in 0..300 {
        let address = format!("{}.{}.7.1", 11 + number / 200, number % 200);
        let mut caller = refused(&address, number);
        caller.compliant = number % 10 >= 3;
        callers.push(caller);
    }
    callers
}

/// Sends the requests of all callers on one connection, [`BATCH`] at a time. Returns the statuses.
fn ask_all(to: SocketAddr, callers: &[Caller]) -> Vec<u16> {
    tally(Count::Inputs, callers.len());
    let mut stream = send(to, b"");
    let mut statuses = Vec::new();
    let mut read = Vec::new();
    for batch in callers.chunks(BATCH) {
        let requests: String = batch.iter().map(request).collect();
        stream.write_all(requests.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let wanted = statuses.len() + batch.len();
        while statuses.len() < wanted {
            let mut buffer = [0; 16 * 1024];
            let length = stream.read(&mut buffer).unwrap_or_else(|error| panic!("{error}"));
            assert!(length > 0, "closed after {} answers", statuses.len());
            read.extend_from_slice(&buffer[..length]);
            while let Some((status, length)) = first_answer(&read) {
                statuses.push(status);
                read.drain(..length);
            }
        }
    }
    statuses
}

fn request(caller: &Caller) -> String {
    let version = if caller.compliant { "2.0" } else { "1.0" };
    let forwarded = match caller.address.as_str() {
        "" => String::new(),
        address => format!("X-Forwarded-For: {address}\r\n"),
    };
    let key = &caller.key;
    format!(
        "GET /api/orders HTTP/1.1\r\nHost: h\r\nX-Api-Key: {key}\r\n\
         X-Api-Version: {version}\r\n{forwarded}\r\n"
    )
}

/// The status and the length of the first answer, if it is complete.
fn first_answer(read: &[u8]) -> Option<(u16, usize)> {
    let end = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let line = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = line?.trim().parse().ok()?;
    (read.len() >= end + length).then_some((status, end + length))
}

fn rule_status(gateway: &Gateway) -> Value {
    gateway.ask_admin("/api/status").json()["rules"][0].clone()
}

/// Checks that the rule still refuses after [`TRIPS`], and that the report shows the network of the
/// identities.
fn assert_goes_on(gateway: &Gateway, phase: &str, network: &str) {
    wait(TRIPS);
    let status = rule_status(gateway);
    assert_eq!((&status["phase"], &status["set_by"]), (&phase.into(), &Value::Null), "{status}");
    assert_ne!(status["breaker"]["state"], "tripped", "{status}");
    let more: Vec<Caller> = (0..20).map(|number| refused("", 500 + number)).collect();
    let statuses = ask_all(gateway.http(), &more);
    assert!(statuses.contains(&426), "{statuses:?}");
    assert_concentration(&status["breaker"], network);
}

/// Checks that the report names this network as the one that most identities came from.
fn assert_concentration(breaker: &Value, network: &str) {
    let top = breaker["top_network"].as_str().unwrap_or_default();
    assert!(top.starts_with(network), "no {network} in {breaker}");
    assert_eq!(
        (&breaker["concentration"], &breaker["withheld"]),
        (&1.0.into(), &1.into()),
        "{breaker}"
    );
}

/// Checks that within [`TRIPS`] the rule warns instead of refusing.
fn assert_trips(gateway: &Gateway) {
    let begun = Instant::now();
    while rule_status(gateway)["breaker"]["state"] != "tripped" {
        assert!(begun.elapsed() < TRIPS, "not tripped: {}", rule_status(gateway));
        pause();
    }
    let statuses = ask_all(gateway.http(), &[refused("192.0.2.9", 900)]);
    assert_eq!(statuses, [200], "{}", rule_status(gateway));
}
