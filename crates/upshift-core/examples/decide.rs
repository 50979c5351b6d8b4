//! `decide RULES KIND DECISIONS`: the nanoseconds of one decision, for `cargo xtask bench decide`.
//!
//! Three rules apply to every request: one for its path, one for TLS and one for HTTP. All others
//! are for other paths and hosts.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a program reads arguments and prints"
)]

use std::hint::black_box;
use std::process::ExitCode;

use upshift_core::field::FieldName;
use upshift_core::policy::{
    ApiReader, ApiRequirement, HostPattern, PathPattern, PolicySpec, Requirement, RuleSpec,
};
use upshift_core::version::VersionScheme;
use upshift_core::{Facts, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion};

/// The fields of a request, as a library for an API sends them.
const FIELDS: [(&str, &str); 8] = [
    ("host", "api.example.com"),
    ("user-agent", "AcmeApp/5.2.0 (iPhone; iOS 17.0)"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-language", "en-US,en;q=0.9"),
    ("authorization", "Bearer 0123456789abcdef"),
    ("x-request-id", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ("x-api-version", "2.1"),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rules, kind, decisions] = arguments.as_slice() else {
        eprintln!("usage: decide RULES admitted|refused|explained DECISIONS");
        return ExitCode::from(2);
    };
    match measure(rules, kind, decisions) {
        Some(nanoseconds) => {
            println!("{nanoseconds:.1}");
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

/// The nanoseconds of one decision; `None` if an argument is no number, or the policy is not valid.
fn measure(rules: &str, kind: &str, decisions: &str) -> Option<f64> {
    let policy = policy_of(rules.parse().ok()?)?;
    let count: u32 = decisions.parse().ok()?;
    let mut facts = facts();
    if kind == "refused" {
        facts.tls = Known::Is(TlsState::Cleartext);
    }
    let start = std::time::Instant::now();
    for _ in 0..count {
        let (facts, now) = (black_box(&facts), Timestamp::UNIX_EPOCH);
        let decision = match kind {
            "explained" => policy.explain(facts, now),
            _ => policy.decide(facts, now),
        };
        black_box(&decision);
    }
    Some(start.elapsed().as_secs_f64() * 1e9 / f64::from(count.max(1)))
}

fn facts() -> Facts<'static> {
    Facts {
        method: "GET",
        host: "api.example.com",
        path: "/api/service-0/orders/17",
        query: None,
        hop: HttpVersion::V2,
        http: Known::Is(HttpVersion::V2),
        tls: Known::Is(TlsState::Version(TlsVersion::V1_3)),
        client_ip: None,
        fields: const { &SliceFields },
        has_content: false,
        protocol: None,
    }
}

/// The fields of [`FIELDS`].
struct SliceFields;

impl upshift_core::Fields for SliceFields {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        let mut lines = FIELDS.iter().filter(|(known, _)| *known == name);
        let (_, value) = lines.nth(index)?;
        Some(value.as_bytes())
    }
}

fn policy_of(rules: usize) -> Option<Policy> {
    let mut specs = Vec::with_capacity(rules);
    for number in 0..rules {
        specs.push(rule_of(number)?);
    }
    Policy::new(PolicySpec { rules: specs, ..PolicySpec::default() }).ok()
}

fn rule_of(number: usize) -> Option<RuleSpec> {
    let requirement = match number {
        1 => Requirement::Tls(TlsVersion::V1_2),
        2 => Requirement::Http(HttpVersion::V1_1),
        _ => api_requirement()?,
    };
    let mut rule = RuleSpec::new(&format!("rule-{number}"), vec![requirement]);
    // Rules 1 and 2 are for all requests.
    if !(1..=2).contains(&number) {
        let path = format!("/api/service-{number}/**");
        rule.matcher.paths.include.push(PathPattern::parse(&path).ok()?);
        let host = if number.is_multiple_of(3) { "api.example.com" } else { "*.example.org" };
        rule.matcher.hosts.include.push(HostPattern::parse(host)?);
    }
    Some(rule)
}

fn api_requirement() -> Option<Requirement> {
    let scheme = VersionScheme::Numeric;
    Some(Requirement::Api(ApiRequirement {
        minimum: scheme.parse("2").ok()?,
        supported: vec![],
        assume: None,
        read: vec![ApiReader::Header(FieldName::parse("X-Api-Version")?)],
        scheme,
    }))
}
