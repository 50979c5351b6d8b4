//! The breaker under callers that are made up.
//!
//! KIND: one anonymous connection turns enforcement off through the breaker, or hides a real
//! lock-out from it (attack.md, F8): identities are the caller's own words, and networks are not.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use interop::{Count, Gateway, Origin, date, pause, send, since_1970, tally, wait};
use serde_json::Value;

/// Time in which a real lock-out stops the rule.
const TRIPS: Duration = Duration::from_secs(2);

/// Requests that are written at once on a connection.
const BATCH: usize = 40;

/// A caller: its address as the declared proxy tells it, its key, and whether its version will do.
struct Caller {
    address: String,
    key: String,
    compliant: bool,
}

/// An invented key per request, on one connection, of one address: 220 identities, one network.
#[test]
fn one_connection_does_not_stop_enforcement() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), &rule(&enforced()));
    let callers: Vec<Caller> = (0..220).map(|number| refused("", number)).collect();
    let statuses = ask_all(gateway.http(), &callers);
    assert!(statuses.iter().all(|status| *status == 426), "{statuses:?}");
    assert_goes_on(&gateway, "enforce", "127.0.0.");
}

/// The same in a ramp, which refuses a share of the identities.
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

/// Addresses of one network are not many callers: a /24, and a /64.
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

/// Many invented identities that comply, of one network, do not hide that 30 % of the callers of
/// many networks are refused.
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

/// A rule whose dates are long past when it is deployed refuses everybody at once, and no breaker
/// looked.
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

/// A real lock-out: 30 % of 300 callers, each of a network of its own.
#[test]
fn a_lock_out_across_networks_stops_enforcement() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), &[PROXY, &rule(&enforced())].concat());
    ask_all(gateway.http(), &locked_out());
    assert_trips(&gateway);
}

/// The same for a rule that enforces without a rollout: no breaker looked, and everybody stayed
/// locked out.
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

/// Since yesterday, so that the breaker watches.
fn enforced() -> String {
    format!("enforce = {}\n", date(since_1970(), -1))
}

fn refused(address: &str, number: usize) -> Caller {
    Caller { address: address.to_owned(), key: format!("key-{number}"), compliant: false }
}

/// Callers of 300 networks; three of ten are on an old version.
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

/// Asks for all callers on one connection, as many at once as [`BATCH`]; gives the statuses.
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

/// The status of the first answer and its length, if it has come whole.
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

/// Two seconds later, the rule refuses as before, and the report shows whose identities they were.
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

/// The report's name for the network that most identities came from.
fn assert_concentration(breaker: &Value, network: &str) {
    let top = breaker["top_network"].as_str().unwrap_or_default();
    assert!(top.starts_with(network), "no {network} in {breaker}");
    assert_eq!(
        (&breaker["concentration"], &breaker["withheld"]),
        (&1.0.into(), &1.into()),
        "{breaker}"
    );
}

/// Within [`TRIPS`], the rule warns in place of refusing.
fn assert_trips(gateway: &Gateway) {
    let begun = Instant::now();
    while rule_status(gateway)["breaker"]["state"] != "tripped" {
        assert!(begun.elapsed() < TRIPS, "not tripped: {}", rule_status(gateway));
        pause();
    }
    let statuses = ask_all(gateway.http(), &[refused("192.0.2.9", 900)]);
    assert_eq!(statuses, [200], "{}", rule_status(gateway));
}
