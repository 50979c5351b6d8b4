//! The gateway's own access record: exemptions and callers as the gateway recorded them.

use proptest::prelude::*;
use proptest::sample::select;
use upshift_core::Policy;
use upshift_forecast::{Assumptions, ForecastOptions};
use upshift_record::forecast::{ForecastRecord, RuleForecast};

use crate::repeated::{TIMES, multiply};
use crate::{TemporaryLog, made_under, options};

const POLICY: &str = r#"
[gateway]
http = "127.0.0.1:0"
upstream = "http://127.0.0.1:1"

[[rule]]
id = "orders"
paths = ["/orders/**"]
require = { api = { minimum = "2.0", read = ["header:X-Api-Version"] } }
rollout = { identity = ["header:X-Api-Key"], enforce = 2026-01-01 }

[[rule]]
id = "reports"
paths = ["/**"]
require = { api = { minimum = "2.0", read = ["header:X-Api-Version"] } }

[[exemption]]
id = "partners"
rules = ["orders"]
identities = ["acme"]
reason = "r"
owner = "o"
expires = 2099-01-01

[[exemption]]
id = "gone"
rules = ["orders"]
identities = ["other"]
reason = "r"
owner = "o"
expires = 2026-11-30
"#;

fn policy() -> Policy {
    upshift_config::load(POLICY, "upshift.toml").unwrap().file.policy
}

/// A line as the gateway writes it. Every request comes from the same address.
fn line(path: &str, caller: &str, exemption: Option<&str>, revision: &str) -> String {
    let exemption = match exemption {
        Some(id) => format!(",\"exemption\":\"{id}\""),
        None => String::new(),
    };
    format!(
        "{{\"time\":\"2026-11-20T08:00:01Z\",\"peer\":\"192.0.2.7\",\"method\":\"GET\",\
         \"host\":\"api.example\",\"path\":\"{path}\",\"query\":null,\"protocol\":null,\
         \"http\":\"1.1\",\"tls\":\"none\",\"sent_status\":200,\"user_agent\":null,\
         \"fields\":{{\"x-api-version\":\"1.0\"}},\"caller\":\"{caller}\",\"verdict\":\"admit\",\
         \"rule\":\"orders\",\"rules\":[{{\"rule\":\"orders\",\"matched\":true{exemption}}},\
         {{\"rule\":\"reports\",\"matched\":true}}],\"revision\":\"{revision}\"}}"
    )
}

fn read(name: &str, lines: &[String]) -> ForecastRecord {
    read_under(&policy(), name, lines)
}

fn read_under(policy: &Policy, name: &str, lines: &[String]) -> ForecastRecord {
    let file = TemporaryLog::new(name, (lines.join("\n") + "\n").as_bytes());
    let options = ForecastOptions { format: Some("upshift".to_owned()), ..options() };
    let forecast = made_under(policy, vec![file.source()], &options, Assumptions::default());
    assert!(forecast.faults.is_empty());
    forecast.record
}

fn orders(record: &ForecastRecord) -> &RuleForecast {
    &record.rules[0]
}

/// The record has no identities: the forecast refused the callers that the gateway exempts.
#[test]
fn exemptions_by_identity_are_those_of_the_record() {
    let revision = policy().revision().to_owned();
    let mut lines = Vec::new();
    for number in 0..34 {
        let exemption = (number % 8 == 1).then_some("partners");
        lines.push(line("/orders/x", &format!("{:016x}", number % 10), exemption, &revision));
    }
    let exempted = lines.iter().filter(|line| line.contains("exemption")).count() as u64;
    let record = read("exempted.log", &lines);
    assert_eq!((orders(&record).refused, orders(&record).unknown), (34 - exempted, 0));
    assert_eq!(record.notes, Vec::<String>::new());
    // The other rule has no exemption.
    assert_eq!(record.rules[1].refused, 34);
}

/// The record has no query if none of its parameters is read. Such requests were unknown, also
/// under the policy that had decided them.
#[test]
fn a_record_without_a_query_is_a_request_without_its_parameters() {
    let text = POLICY
        .replace("\"header:X-Api-Version\"] } }", "\"header:X-Api-Version\", \"query:v\"] } }")
        .replace("paths = [\"/**\"]", "paths = [\"/**\"]\non = { missing = \"refuse\" }");
    let policy = upshift_config::load(&text, "upshift.toml").unwrap().file.policy;
    for (revision, expected) in [(policy.revision(), (1, 0)), ("sha256:0", (0, 1))] {
        let line = line("/x", "0000000000000001", None, revision)
            .replace("\"x-api-version\":\"1.0\"", "\"x-api-version\":null");
        let record = read_under(&policy, "no-query.log", &[line]);
        assert_eq!((record.rules[1].refused, record.rules[1].unknown), expected, "{revision}");
    }
}

/// All of them came from one address, as behind a NAT.
#[test]
fn callers_are_counted_by_their_recorded_fingerprints() {
    let revision = policy().revision().to_owned();
    let mut lines = Vec::new();
    for number in 0..100 {
        let exemption = (number < 5).then_some("partners");
        lines.push(line("/orders/x", &format!("{:016x}", number % 25), exemption, &revision));
    }
    let record = read("fingerprints.log", &lines);
    let orders = orders(&record);
    assert_eq!((&*orders.clients_by, orders.clients, orders.refused_clients), ("identity", 25, 25));
    // This rule has no identity, and its callers are addresses, as for the gateway.
    assert_eq!((&*record.rules[1].clients_by, record.rules[1].clients), ("address", 1));
    assert_eq!(record.total.callers, 1);
}

/// Under another policy, the exemption of the same id may have covered other callers.
#[test]
fn an_exemption_of_another_policy_makes_an_outcome_unknown() {
    let lines = [
        line("/orders/x", "0000000000000001", Some("partners"), "sha256:0"),
        line("/orders/x", "0000000000000002", None, "sha256:0"),
        line("/orders/x", "0000000000000003", Some("removed-since"), "sha256:0"),
    ];
    let record = read("other-policy.log", &lines);
    let orders = orders(&record);
    assert_eq!((orders.refused, orders.unknown), (2, 1));
    assert_eq!(orders.not_recorded, ["the facts that the exemption partners depends on"]);
    assert_eq!(record.notes.len(), 1, "{:?}", record.notes);
    assert!(record.notes[0].contains("partners depends on header:x-api-key"), "{record:?}");
}

#[test]
fn an_exemption_that_has_ended_since_admits_no_request() {
    let revision = policy().revision().to_owned();
    let record = read("ended.log", &[line("/orders/x", "01", Some("gone"), &revision)]);
    assert_eq!((orders(&record).refused, orders(&record).unknown), (1, 0));
}

/// The gateway answered it, with a 400 for example, and no rule was asked.
#[test]
fn a_request_that_was_not_decided_is_none() {
    let revision = policy().revision().to_owned();
    let decided = line("/orders/x", "01", None, &revision);
    let undecided = decided.replace("\"revision\"", "\"other\"");
    let total = read("undecided.log", &[decided, undecided]).total;
    assert_eq!((total.requests, total.refused, total.not_requests), (1, 1, 1));
}

fn any_line() -> impl Strategy<Value = String> {
    let own = policy().revision().to_owned();
    let path = select(vec!["/orders/x", "/orders/y", "/other"]);
    let caller = select(vec!["01", "02", "03"]);
    let exemption = select(vec![None, Some("partners"), Some("gone"), Some("cors-preflight")]);
    let revision = select(vec![own, "sha256:0".to_owned()]);
    let has_caller = any::<bool>();
    (path, caller, exemption, revision, has_caller).prop_map(
        |(path, caller, exemption, revision, has_caller)| {
            let text = line(path, caller, exemption, &revision);
            if has_caller { text } else { text.replace(&format!("\"{caller}\""), "null") }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Lines that come again are counted without being read.
    #[test]
    fn repeated_lines_count_as_much_as_the_first(
        lines in proptest::collection::vec(any_line(), 1..40),
    ) {
        let mut once = read("recorded-once.log", &lines);
        let mut often = read("recorded-often.log", &vec![lines; TIMES as usize].concat());
        multiply(&mut once);
        (once.sources, often.sources) = Default::default();
        prop_assert_eq!(once, often);
    }
}
