//! Usage, counted from traffic whose numbers are known.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use upshift_adoption::canary::{RecentCallers, RecordedFields};
use upshift_adoption::sketch::{CallerHasher, DISTINCT_ERROR};
use upshift_adoption::usage::{
    Dimension, OTHER, Standing, UsageChanges, UsageRow, UsageTally, UsageTotals,
};
use upshift_adoption::{IdentityKey, RequestCallers};
use upshift_core::{Facts, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion};

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
require = { tls = "1.2" }
phase = "warn"
"#;

/// 2026-11-29T20:00:00Z, the start of an hour.
const START: i64 = 1_796_000_400;

struct Request<'a> {
    key: &'a str,
    version: Option<&'a str>,
    agent: &'a str,
    path: &'a str,
    http: HttpVersion,
    tls: TlsState,
    address: IpAddr,
}

/// A tally and the totals that it is handed over to.
struct Counting {
    policy: Policy,
    tally: UsageTally,
    totals: UsageTotals,
}

impl Counting {
    fn new() -> Self {
        let loaded = upshift_config::load(POLICY, "usage.toml").expect("a valid policy");
        Self {
            policy: loaded.file.policy,
            tally: UsageTally::new(CallerHasher::new([3; 16])),
            totals: UsageTotals::default(),
        }
    }

    fn count(&mut self, request: &Request<'_>, second: i64) {
        let mut fields = vec![("x-api-key", request.key), ("user-agent", request.agent)];
        fields.extend(request.version.map(|version| ("x-api-version", version)));
        let facts = Facts {
            method: "GET",
            host: "api.example",
            path: request.path,
            query: None,
            hop: request.http,
            http: Known::Is(request.http),
            tls: Known::Is(request.tls),
            client_ip: Some(request.address),
            fields: &fields,
            has_content: false,
            protocol: None,
        };
        let now = Timestamp::from_second(second).expect("a second of 2026");
        let decision = self.policy.decide(&facts, now);
        let recorded = RecordedFields::of_policy(&self.policy);
        let key = IdentityKey::new([9; 32]);
        let callers = RequestCallers::of_decision(&decision, &facts, &key);
        self.tally.count_decision(&callers, &decision, now, &recorded);
        drop(decision);
        if self.tally.is_full() {
            self.hand_over(second);
        }
    }

    fn hand_over(&mut self, second: i64) {
        self.totals.merge_batch(self.tally.take_batch(), second);
    }

    fn changes(&mut self, second: i64) -> UsageChanges {
        self.hand_over(second);
        self.totals.take_changes()
    }
}

fn address(caller: u32) -> IpAddr {
    IpAddr::from((0xc000_0200_u32 + caller).to_be_bytes())
}

/// The sum of the rows with these labels, over verdicts and standings.
fn sum(changes: &UsageChanges, rule: &str, dimension: Dimension, label: &str) -> UsageRow {
    let mut sum = UsageRow::default();
    for stored in &changes.rows {
        let key = &stored.key;
        if *key.rule == *rule && key.dimension == dimension && *key.label == *label {
            sum.merge_row(&stored.row);
        }
    }
    sum
}

/// Ten thousand requests of 300 callers, each with a version, an agent and a protocol of its own.
/// Every number is compared with a count in plain maps.
#[test]
fn all_rows_agree_with_the_traffic() {
    let versions = ["1.0", "1.4", "2.0", "2.1"];
    let agents = ["AcmeApp/5.1", "curl/8.5.0", "AcmeApp/4.9.2"];
    let families = ["AcmeApp/5", "curl/8", "AcmeApp/4"];
    let mut counting = Counting::new();
    let mut callers: BTreeMap<(&str, &str), BTreeSet<u32>> = BTreeMap::new();
    let mut requests: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for number in 0..10_000_u32 {
        let caller = number * 7 % 300;
        let version = versions[(caller % 4) as usize];
        let client = (caller % 3) as usize;
        let http = if caller % 2 == 0 { HttpVersion::V1_1 } else { HttpVersion::V2 };
        let key = format!("key-{caller}");
        let request = Request {
            key: &key,
            version: Some(version),
            agent: agents[client],
            path: "/orders/1",
            http,
            tls: TlsState::Version(TlsVersion::V1_3),
            address: address(caller),
        };
        counting.count(&request, START + i64::from(number % 60));
        for label in [("version", version), ("client", families[client]), ("http", http.as_str())] {
            callers.entry(label).or_default().insert(caller);
            *requests.entry(label).or_default() += 1;
        }
    }
    let changes = counting.changes(START + 59);
    for ((dimension, label), exact) in &callers {
        let dimension_row = Dimension::parse(dimension).expect("a dimension");
        let row = sum(&changes, "orders-v2", dimension_row, label);
        assert_eq!(row.requests, requests[&(*dimension, *label)], "{dimension} {label}");
        assert_eq!(row.callers.estimate(), exact.len() as u64, "{dimension} {label}");
    }
    let enforced = sum(&changes, "orders-v2", Dimension::Phase, "enforce");
    assert_eq!((enforced.requests, enforced.callers.estimate()), (10_000, 300));
    let all = sum(&changes, "", Dimension::Phase, "all");
    assert_eq!((all.requests, all.callers.estimate()), (10_000, 300));
}

#[test]
fn verdict_and_standing_are_kept_apart() {
    let mut counting = Counting::new();
    let mut request = Request {
        key: "ada",
        version: Some("1.4"),
        agent: "AcmeApp/5.1",
        path: "/orders/1",
        http: HttpVersion::V1_1,
        tls: TlsState::Cleartext,
        address: address(1),
    };
    counting.count(&request, START);
    request.version = Some("2.0");
    counting.count(&request, START);
    request.version = None;
    counting.count(&request, START);
    let changes = counting.changes(START);
    let mut found = BTreeSet::new();
    for stored in &changes.rows {
        if stored.key.dimension == Dimension::Version {
            let key = &stored.key;
            let row = (key.rule.to_string(), key.label.to_string());
            found.insert((row, key.verdict.as_str(), key.standing.as_str(), stored.row.requests));
        }
    }
    let row = |rule: &str, label: &str| (rule.to_owned(), label.to_owned());
    let expected = BTreeSet::from([
        (row("orders-v2", "1.4"), "refuse", "behind", 1),
        (row("orders-v2", "2.0"), "admit", "meets", 1),
        (row("orders-v2", "none"), "admit", "uncertain", 1),
        (row("need-tls", "none"), "warn", "behind", 3),
    ]);
    assert_eq!(found, expected);
}

#[test]
fn the_most_refused_caller_is_listed_without_its_identity() {
    let mut counting = Counting::new();
    for number in 0..50 {
        let request = Request {
            key: if number % 5 == 0 { "bob" } else { "ada" },
            version: Some(if number < 25 { "1.3" } else { "1.4" }),
            agent: "AcmeApp/5.1",
            path: "/orders/4711/items",
            http: HttpVersion::V1_1,
            tls: TlsState::Version(TlsVersion::V1_2),
            address: address(1),
        };
        counting.count(&request, START + number);
    }
    counting.hand_over(START + 50);
    let top = counting.totals.refused().top("orders-v2", 10);
    assert_eq!(top.len(), 2);
    let ada = &top[0];
    assert_eq!(ada.caller, IdentityKey::new([9; 32]).fingerprint(b"ada"));
    assert_eq!((ada.requests, ada.uncertainty), (40, 0));
    assert_eq!((ada.first_seen, ada.last_seen), (START + 1, START + 49));
    assert_eq!((&*ada.version, &*ada.client), ("1.4", "AcmeApp/5"));
    assert_eq!((&*ada.path, &*ada.network.to_string()), ("/orders/*/items", "192.0.2.0/24"));
}

/// A million requests, each with a version, an agent and an identity of its own.
#[test]
fn an_attacker_cannot_fill_the_memory() {
    let mut counting = Counting::new();
    let (mut most_rows, mut all) = (0, UsageRow::default());
    for number in 0..1_000_000_u32 {
        let text = format!("9{number}.1");
        let request = Request {
            key: &text,
            version: Some(&text),
            agent: &text,
            path: "/orders/1",
            http: HttpVersion::V1_1,
            tls: TlsState::Cleartext,
            address: address(number),
        };
        counting.count(&request, START);
        if number % 50_000 == 49_999 {
            let changes = counting.changes(START);
            most_rows = most_rows.max(changes.rows.len());
            all = sum(&changes, "", Dimension::Phase, "all");
            let other = sum(&changes, "orders-v2", Dimension::Version, OTHER);
            assert!(other.requests > 40_000, "{}", other.requests);
        }
    }
    assert!(most_rows < 500, "{most_rows} rows");
    assert_eq!(all.requests, 1_000_000);
    let error = (all.callers.estimate() as f64 / 1_000_000.0 - 1.0).abs();
    assert!(error < DISTINCT_ERROR, "{error}");
}

#[test]
fn names_are_read_back() {
    for dimension in Dimension::ALL {
        assert_eq!(Dimension::parse(dimension.as_str()), Some(dimension));
    }
    for standing in [Standing::Meets, Standing::Behind, Standing::Uncertain] {
        assert_eq!(Standing::parse(standing.as_str()), Some(standing));
    }
}

/// Each client sends a request that a rule knows by its key, and one that no rule identifies.
#[test]
fn the_canary_counts_a_client_once() {
    let mut counting = Counting::new();
    let key: Vec<String> = (0..40).map(|caller| format!("key-{caller}")).collect();
    for caller in 0..40 {
        for path in ["/other", "/orders/1"] {
            let request = Request {
                key: &key[caller as usize],
                version: Some("1.4"),
                agent: "AcmeApp/5.1",
                path,
                http: HttpVersion::V1_1,
                tls: TlsState::Cleartext,
                address: address(caller),
            };
            counting.count(&request, START);
        }
    }
    let mut recent = RecentCallers::default();
    recent.add_requests(START, counting.tally.take_batch().take_noted());
    let recorded = RecordedFields::of_policy(&counting.policy);
    let now = Timestamp::from_second(START).expect("a second of 2026");
    let enforced = POLICY.replace("phase = \"warn\"", "");
    let enforced = upshift_config::load(&enforced, "usage.toml").expect("a valid policy");
    let policies = (&counting.policy, &enforced.file.policy);
    let report = recent.compare_policies(policies, &recorded, now, || true);
    assert_eq!((report.callers, report.newly_refused), (40, 40));
}
