//! The memory that counting needs: none, once the senders are known.

use std::alloc::System;
use std::net::IpAddr;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use upshift_adoption::canary::RecordedFields;
use upshift_adoption::usage::{UsageTally, UsageTotals};
use upshift_adoption::{IdentityKey, RequestCallers};
use upshift_core::{Decision, Facts, HttpVersion, Known, Timestamp, TlsState, TlsVersion};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const POLICY: &str = r#"
[gateway]
http = "127.0.0.1:0"
upstream = "http://127.0.0.1:1"

[[rule]]
id = "orders-v2"
paths = ["/orders/**"]
require = { api = { minimum = "2.0", scheme = "numeric", read = ["header:X-Api-Version"] } }
rollout = { identity = ["header:X-Api-Key"], enforce = 2026-01-01 }

[[rule]]
id = "need-tls"
require = { tls = "1.3" }
phase = "warn"

[[rule]]
id = "app"
require = { client = { minimum = { AcmeApp = "5.0" }, read = ["user-agent"] } }
phase = "observe"
"#;

const CALLERS: usize = 500;
/// Seconds in which each caller sends a request.
const SECONDS: i64 = 20;
/// 2026-11-29T20:00:00Z.
const START: i64 = 1_796_000_400;

fn facts<'f>(fields: &'f Vec<(&'f str, String)>, path: &'f str) -> Facts<'f> {
    Facts {
        method: "GET",
        host: "api.example",
        path,
        query: None,
        hop: HttpVersion::V1_1,
        http: Known::Is(HttpVersion::V1_1),
        tls: Known::Is(TlsState::Version(TlsVersion::V1_2)),
        client_ip: Some(IpAddr::from([192, 0, 2, 1])),
        fields,
        has_content: false,
        protocol: None,
    }
}

#[test]
fn known_senders_are_counted_without_allocations() {
    let policy = upshift_config::load(POLICY, "usage.toml").expect("a valid policy").file.policy;
    let recorded = RecordedFields::of_policy(&policy);
    let key = IdentityKey::new([9; 32]);
    let now = Timestamp::from_second(START).expect("a second of 2026");
    let mut requests = Vec::new();
    for caller in 0..CALLERS {
        let fields = vec![
            ("x-api-key", format!("key-{caller}")),
            ("x-api-version", format!("1.{}", caller % 4)),
            ("user-agent", format!("AcmeApp/4.{} (Linux)", caller % 20)),
        ];
        requests.push((fields, format!("/orders/{caller}")));
    }
    let mut decided: Vec<(Facts<'_>, Decision<'_>)> = Vec::new();
    for (fields, path) in &requests {
        let facts = facts(fields, path);
        let decision = policy.decide(&facts, now);
        decided.push((facts, decision));
    }
    let mut tally = UsageTally::new(key.caller_hasher());
    let mut totals = UsageTotals::default();
    let mut counting = 0;
    for second in 0..SECONDS {
        let region = Region::new(ALLOCATOR);
        for (facts, decision) in &decided {
            let callers = RequestCallers::of_decision(decision, facts, &key);
            tally.count_decision(&callers, decision, now, &recorded);
        }
        let changed = region.change();
        // The first handovers define the senders, and size the tables.
        if second >= SECONDS / 2 {
            counting += changed.allocations + changed.reallocations;
        }
        totals.merge_batch(tally.take_batch(), START + second);
    }
    assert_eq!(counting, 0, "allocations of {} requests", SECONDS / 2 * CALLERS as i64);
    let refused = totals.refused().top("orders-v2", CALLERS);
    assert_eq!((refused.len(), refused[0].requests), (CALLERS, SECONDS as u64));
}
