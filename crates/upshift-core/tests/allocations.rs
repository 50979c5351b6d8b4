//! An admitted request is decided without an allocation.
//!
//! The allocator counts those of the whole process, so this file has one test.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use upshift_core::field::FieldName;
use upshift_core::policy::{
    ApiReader, ApiRequirement, ClientReader, ClientRequirement, HostPattern, PathPattern,
    PathTemplate, PolicySpec, Requirement, RuleSpec,
};
use upshift_core::version::{ClientVersion, VersionScheme};
use upshift_core::{
    Facts, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion, Verdict, VerdictReason,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/120.0.0.0 Safari/537.36";

const LINES: [(&str, &str); 6] = [
    ("Host", "api.example.com"),
    ("User-Agent", CHROME),
    ("Accept", "text/html,application/xhtml+xml;v=2,image/webp;q=0.8,*/*;q=0.7"),
    ("X-Api-Version", "2.1"),
    ("X-Client", "AcmeApp/5.2.0"),
    ("Cookie", "session=0123456789"),
];

fn field(name: &str) -> FieldName {
    FieldName::parse(name).unwrap()
}

fn api(scheme: VersionScheme, minimum: &str, reader: ApiReader) -> Requirement {
    let minimum = scheme.parse(minimum).unwrap();
    Requirement::Api(ApiRequirement {
        scheme,
        minimum,
        supported: vec![],
        assume: None,
        read: vec![reader],
    })
}

fn client(reader: ClientReader) -> Requirement {
    let minimums = [("AcmeApp", "5.1"), ("Chrome", "109"), ("Firefox", "115")];
    let minimum = minimums.map(|(name, text)| (name.into(), ClientVersion::parse(text).unwrap()));
    Requirement::Client(ClientRequirement {
        read: vec![reader],
        minimum: minimum.into(),
        blocked: vec![],
    })
}

fn requirements() -> Vec<Requirement> {
    let template = ApiReader::Path(PathTemplate::parse("/api/v{version}/**").unwrap());
    vec![
        Requirement::Tls(TlsVersion::V1_2),
        Requirement::Http(HttpVersion::V1_1),
        Requirement::NoWebSocket,
        api(VersionScheme::Semver, "2", ApiReader::Header(field("X-Api-Version"))),
        api(VersionScheme::Numeric, "2", template),
        api(VersionScheme::Date, "2026-01", ApiReader::Query("api-version".into())),
        api(VersionScheme::Numeric, "2", ApiReader::MediaTypeParameter("v".into())),
        client(ClientReader::UserAgent),
        client(ClientReader::Header(field("X-Client"))),
    ]
}

/// A policy of ten rules. Those of the first three requirements apply to the requests below, and so
/// does the last one, which has `requirement`.
fn policy(requirement: Requirement) -> Policy {
    let mut rules = Vec::new();
    for (number, requirement) in requirements().into_iter().chain([requirement]).enumerate() {
        let mut rule = RuleSpec::new(&format!("rule-{number}"), vec![requirement]);
        if (3..9).contains(&number) {
            rule.matcher.hosts.include.push(HostPattern::parse("*.example.com").unwrap());
            rule.matcher.paths.include.push(PathPattern::parse(&format!("/x{number}/**")).unwrap());
        }
        rules.push(rule);
    }
    Policy::new(PolicySpec { rules, ..PolicySpec::default() }).unwrap()
}

#[test]
fn an_admitted_request_is_decided_without_an_allocation() {
    let facts = Facts {
        method: "GET",
        host: "api.example.com",
        path: "/api/v2/orders/17",
        query: Some("page=1&api-version=2026-07-01"),
        hop: HttpVersion::V1_1,
        http: Known::Is(HttpVersion::V1_1),
        tls: Known::Is(TlsState::Version(TlsVersion::V1_3)),
        client_ip: None,
        fields: &LINES.to_vec(),
        has_content: false,
        protocol: None,
    };
    for requirement in requirements() {
        let policy = policy(requirement.clone());
        let region = Region::new(ALLOCATOR);
        let decision = policy.decide(&facts, Timestamp::UNIX_EPOCH);
        let change = region.change();
        assert_eq!(change.allocations + change.reallocations, 0, "{requirement:?}");
        assert_eq!(decision.rulings.len(), 4, "{requirement:?}");
        assert_eq!(decision.verdict, Verdict::Admit, "{requirement:?}");
        // A version that could not be read would be admitted as well.
        for ruling in &decision.rulings {
            assert_eq!(ruling.reason, VerdictReason::Meets, "{requirement:?} {}", ruling.why());
        }
    }
}
