//! Ramps in logs without the identity: the ruling in the gateway's own record, and the reason why
//! an outcome is unknown.

use proptest::prelude::*;
use upshift_core::policy::bucket;
use upshift_core::{Policy, Timestamp};
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
[rule.rollout]
identity = ["header:X-Api-Key"]
warn = 2026-11-01
ramp = [
  { at = 2026-11-10, share = 0.2 },
  { at = 2026-11-20, share = 0.4 },
  { at = 2026-12-10, share = 0.7 },
]
enforce = 2026-12-20

[[rule]]
id = "http11"
paths = ["/strict/**"]
require = { http = "1.1" }
"#;

/// The time of a line while the ramp is at this share.
const AT_20: &str = "2026-11-12T00:00:00Z";
const AT_40: &str = "2026-11-25T00:00:00Z";
const BEFORE: &str = "2026-11-05T00:00:00Z";

const KEYS: usize = 100;

fn policy() -> Policy {
    upshift_config::load(POLICY, "upshift.toml").unwrap().file.policy
}

fn bucket_of(key: usize) -> u16 {
    bucket("orders", &format!("key-{key}"))
}

/// The number of keys whose buckets are in this range.
fn keys_in(range: std::ops::Range<u16>) -> u64 {
    (0..KEYS).filter(|key| range.contains(&bucket_of(*key))).count() as u64
}

/// The line that the gateway writes for a request with this key, which is too old.
fn line(key: usize, time: &str, revision: &str) -> String {
    let share = match time {
        AT_20 => 2_000,
        AT_40 => 4_000,
        _ => 0,
    };
    let (verdict, reason) = match bucket_of(key) < share {
        true => ("refuse", "too-old"),
        false => ("warn", if share > 0 { "not-in-ramp" } else { "too-old" }),
    };
    let phase = if share > 0 { "ramp" } else { "warn" };
    format!(
        "{{\"time\":\"{time}\",\"peer\":\"192.0.2.7\",\"method\":\"GET\",\"host\":\"a.example\",\
         \"path\":\"/orders/x\",\"query\":null,\"protocol\":null,\"http\":\"1.1\",\
         \"tls\":\"none\",\"sent_status\":200,\"user_agent\":null,\
         \"fields\":{{\"x-api-version\":\"1.0\"}},\"caller\":\"{key:016x}\",\
         \"verdict\":\"{verdict}\",\"rule\":\"orders\",\"rules\":[{{\"rule\":\"orders\",\
         \"matched\":true,\"verdict\":\"{verdict}\",\"phase\":\"{phase}\",\
         \"reason\":\"{reason}\",\"why\":\"…\"}}],\"revision\":\"{revision}\"}}"
    )
}

/// A line for each key.
fn lines(time: &str) -> Vec<String> {
    let revision = policy().revision().to_owned();
    (0..KEYS).map(|key| line(key, time, &revision)).collect()
}

fn read(name: &str, lines: &[String], at: Option<&str>) -> ForecastRecord {
    let file = TemporaryLog::new(name, (lines.join("\n") + "\n").as_bytes());
    let at = at.map(|at| at.parse::<Timestamp>().unwrap());
    let options = ForecastOptions { at, ..options() };
    let forecast = made_under(&policy(), vec![file.source()], &options, Assumptions::default());
    assert!(forecast.faults.is_empty());
    forecast.record
}

fn counts(rule: &RuleForecast) -> (u64, u64) {
    (rule.refused, rule.unknown)
}

/// Forecast and gateway agree on every request while the share is the same.
#[test]
fn the_ruling_of_the_record_is_that_of_the_forecast_at_the_same_share() {
    let record = read("same-share.log", &lines(AT_40), Some("2026-12-01T00:00:00Z"));
    let orders = &record.rules[0];
    assert_eq!(counts(orders), (keys_in(0..4_000), 0));
    assert_eq!((orders.refused_clients, &*orders.clients_by), (orders.refused, "identity"));
    assert_eq!(orders.not_recorded, Vec::<String>::new());
}

#[test]
fn a_greater_share_leaves_those_unknown_whose_turn_had_not_come() {
    let record = read("greater.log", &lines(AT_20), Some(AT_40));
    let orders = &record.rules[0];
    assert_eq!(counts(orders), (keys_in(0..2_000), keys_in(2_000..10_000)));
    assert_eq!(orders.not_recorded, ["header:x-api-key"]);
}

#[test]
fn a_smaller_share_leaves_those_unknown_that_were_refused() {
    let record = read("smaller.log", &lines(AT_40), Some(AT_20));
    assert_eq!(counts(&record.rules[0]), (0, keys_in(0..4_000)));
}

/// Another policy may have had another share, and outside of a ramp the identity decides nothing.
#[test]
fn a_ruling_of_another_policy_or_phase_tells_nothing() {
    let mut others = lines(BEFORE);
    for key in 0..KEYS {
        others.push(line(key, AT_40, "sha256:0"));
    }
    let record = read("others.log", &others, Some("2026-12-01T00:00:00Z"));
    assert_eq!(counts(&record.rules[0]), (0, 2 * KEYS as u64));
    assert_eq!(record.rules[0].not_recorded, ["header:x-api-key"]);
}

/// A Combined log has no keys. The rule is unknown in its ramp, and the reason is named.
#[test]
fn a_ramp_without_the_identity_is_unknown_for_a_reason() {
    let log = ["{\"time\":\"2026-11-12T00:00:00Z\",\"remote_addr\":\"192.0.2.7\",\"status\":200,\
                \"request\":\"GET /orders/1 HTTP/1.1\",\"http_x_api_version\":\"1.0\"}"
        .to_owned()];
    let at = read("no-identity.log", &log, Some(AT_40));
    assert_eq!(counts(&at.rules[0]), (0, 1));
    assert_eq!(at.rules[0].not_recorded, ["header:x-api-key"]);
    let plan = read("no-identity-plan.log", &log, None);
    let orders = &plan.rules[0];
    assert_eq!((counts(orders), orders.not_recorded.len()), ((1, 0), 0));
    let [ramp, enforce] = orders.steps.as_slice() else { panic!("{:?}", orders.steps) };
    assert_eq!((ramp.refused, ramp.unknown), (0, 1));
    assert_eq!(ramp.not_recorded, ["header:x-api-key"]);
    assert_eq!((enforce.refused, enforce.unknown, enforce.not_recorded.len()), (1, 0, 0));
}

/// A caller that was refused at 40 % is refused at 70 %.
#[test]
fn the_steps_to_come_refuse_those_that_were_refused() {
    let record = read("steps.log", &lines(AT_40), None);
    let [ramp, enforce] = record.rules[0].steps.as_slice() else { panic!("{record:?}") };
    assert_eq!((ramp.refused, ramp.refused_clients), (keys_in(0..4_000), keys_in(0..4_000)));
    assert_eq!(ramp.unknown, keys_in(4_000..10_000));
    assert_eq!((enforce.refused, enforce.unknown), (KEYS as u64, 0));
}

#[test]
fn a_version_that_a_proxy_hides_is_named() {
    let revision = policy().revision().to_owned();
    let hidden = line(1, AT_20, &revision)
        .replace("/orders/x", "/strict/x")
        .replace("\"http\":\"1.1\"", "\"http\":\"unknown\"");
    let record = read("hidden.log", &[hidden], None);
    assert_eq!(counts(&record.rules[1]), (0, 1));
    assert_eq!(record.rules[1].not_recorded, ["HTTP version behind a proxy"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The ruling of a line counts by the line's time, also for lines that come again.
    #[test]
    fn repeated_lines_count_as_much_as_the_first(
        requests in proptest::collection::vec(
            (0..KEYS, prop::sample::select(vec![BEFORE, AT_20, AT_40]), any::<bool>()),
            1..30,
        ),
        has_date: bool,
    ) {
        let revision = policy().revision().to_owned();
        let mut lines = Vec::new();
        for (key, time, has_caller) in requests {
            let text = line(key, time, &revision);
            let caller = format!("\"{key:016x}\"");
            lines.push(if has_caller { text } else { text.replace(&caller, "null") });
        }
        let at = has_date.then_some("2026-12-01T00:00:00Z");
        let mut once = read("ramps-once.log", &lines, at);
        let mut often = read("ramps-often.log", &vec![lines; TIMES as usize].concat(), at);
        multiply(&mut once);
        (once.sources, often.sources) = Default::default();
        prop_assert_eq!(once, often);
    }
}
