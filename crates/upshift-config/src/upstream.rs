//! `[[upstream]]` and `gateway.upstream`: where requests go.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use upshift_core::policy::Matcher;

use crate::diagnostic::Finding;
use crate::document::{Item, Section};
use crate::gateway::parse_origin;
use crate::matcher;
use crate::settings::{Address, UpstreamHttp};

/// What an address looks like.
const ORIGIN: &str = "an origin such as \"http://127.0.0.1:3000\"";

/// A group of servers behind the gateway that serve the same requests.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Which requests go there.
    pub matcher: Matcher,
    /// Its servers, at least one.
    pub endpoints: Vec<Endpoint>,
    /// What is spoken to it.
    pub http: UpstreamHttp,
    /// PEM file of the authorities that sign its certificate; none: the system's.
    pub ca: Option<PathBuf>,
    /// How the health of its servers is checked; none: by the requests alone.
    pub health: Option<HealthCheck>,
    /// Whether a request that failed may be sent once more.
    pub retries: bool,
}

/// One server of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Where it listens.
    pub address: Address,
    /// Its share of the requests, relative to the weights of the others.
    pub weight: u32,
    /// It is asked only while no other endpoint is available.
    pub backup: bool,
    /// Requests and tunnels that it serves at once, at most; none: no limit.
    pub connections: Option<usize>,
}

/// `health`: requests that ask each endpoint whether it is well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// Path and query of the GET.
    pub path: String,
    /// The time between two checks of one endpoint.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The statuses of a healthy endpoint.
    pub expect: Vec<RangeInclusive<u16>>,
    /// Checks in a row that have to succeed before an endpoint is used again.
    pub healthy: u32,
    /// Checks in a row that have to fail before an endpoint is no longer used.
    pub unhealthy: u32,
}

impl Upstream {
    /// One server without TLS that speaks HTTP/1.1, for all requests.
    pub fn at(address: impl Into<SocketAddr>) -> Self {
        Self::of(vec![Address::from(address.into()).into()])
    }

    /// The servers `endpoints`, over HTTP/1.1, for all requests.
    pub fn of(endpoints: Vec<Endpoint>) -> Self {
        let (matcher, http) = (Matcher::default(), UpstreamHttp::default());
        Self { matcher, endpoints, http, ca: None, health: None, retries: true }
    }
}

impl From<Address> for Endpoint {
    fn from(address: Address) -> Self {
        Self { address, weight: 1, backup: false, connections: None }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Address::from(address).into()
    }
}

impl HealthCheck {
    /// A check of `path` with the default times, thresholds and statuses.
    pub fn of(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            expect: vec![200..=399],
            healthy: 2,
            unhealthy: 3,
        }
    }

    /// Tells whether an endpoint that answers `status` is healthy.
    pub fn expects(&self, status: u16) -> bool {
        self.expect.iter().any(|range| range.contains(&status))
    }
}

/// All upstreams in the order in which they are tried; `rest` is `gateway.upstream`, which takes
/// what is left.
pub(crate) fn upstreams(
    tables: Option<Item<'_>>,
    rest: Option<Item<'_>>,
    folder: &Path,
) -> Vec<Upstream> {
    let sections = tables.map(|item| item.sections("Upstream")).unwrap_or_default();
    let mut upstreams: Vec<_> =
        sections.into_iter().filter_map(|section| upstream(section, folder)).collect();
    let rest = rest.map(|item| addresses(&item)).unwrap_or_default();
    if !rest.is_empty() {
        upstreams.push(Upstream::of(rest));
    }
    upstreams
}

fn upstream(mut section: Section<'_>, folder: &Path) -> Option<Upstream> {
    const HTTP: [(&str, UpstreamHttp); 2] = [("1.1", UpstreamHttp::V1_1), ("2", UpstreamHttp::V2)];
    let matcher = matcher::matcher(&mut section);
    let endpoints = endpoints(&mut section);
    let http = section
        .get("http")
        .and_then(|item| item.word("version of HTTP", &HTTP))
        .unwrap_or_default();
    let ca = section.get("ca").and_then(|item| item.text()).map(|path| folder.join(path));
    let health = section.get("health").and_then(|item| health_check(&item));
    // RFC 9110 §9.2.2 leaves the number open; one is what an upstream in trouble can bear.
    let retries = section.get("retries").and_then(|item| item.integer(0..=1)) != Some(0);
    if section.has("identities") {
        let finding =
            Finding::warning(section.key_span("identities"), "no request goes to this upstream");
        section
            .out
            .report(finding.label("an identity is read by a rule, and an upstream has none"));
    }
    section.close();
    if endpoints.is_empty() {
        return None;
    }
    Some(Upstream { matcher, endpoints, http, ca, health, retries })
}

/// Either `addresses` or `endpoints`.
fn endpoints(section: &mut Section<'_>) -> Vec<Endpoint> {
    let Some(tables) = section.get("endpoints") else {
        let found =
            section.required("addresses", "where it listens, such as \"http://127.0.0.1:3000\"");
        return found.map(|item| addresses(&item)).unwrap_or_default();
    };
    if let Some(addresses) = section.get("addresses") {
        addresses.wrong(
            "both `addresses` and `endpoints` are given",
            "write every address as one of the `endpoints`",
        );
    }
    let sections = tables.sections("Endpoint");
    let endpoints: Vec<Endpoint> = sections.into_iter().filter_map(endpoint).collect();
    if tables.value().as_array().is_some_and(|list| list.is_empty()) {
        tables.wrong(
            "an upstream needs an endpoint",
            "expected at least one, such as { address = \"http://127.0.0.1:3000\" }",
        );
    } else if !endpoints.is_empty() && endpoints.iter().all(|endpoint| endpoint.backup) {
        tables.wrong("every endpoint is a backup", "at least one has to be used while all is well");
    }
    report_twice(&tables, &endpoints);
    endpoints
}

fn endpoint(mut section: Section<'_>) -> Option<Endpoint> {
    let address =
        section.required("address", "where it listens, such as \"http://127.0.0.1:3000\"");
    let address = address.and_then(|item| item.parsed(ORIGIN, parse_origin));
    let weight = section.get("weight").and_then(|item| item.integer(1..=1_000)).unwrap_or(1);
    let backup = section.get("backup").and_then(|item| item.bool()).unwrap_or(false);
    let connections = section.get("connections").and_then(|item| item.integer(1..=1_000_000));
    section.close();
    Some(Endpoint {
        address: address?,
        weight: u32::try_from(weight).unwrap_or(1),
        backup,
        connections: connections.and_then(|count| usize::try_from(count).ok()),
    })
}

fn health_check(item: &Item<'_>) -> Option<HealthCheck> {
    let mut section = item.section("HealthCheck")?;
    let path = section.required("path", "what is asked for, such as \"/healthz\"");
    let path = path.and_then(|item| item.parsed("a path such as \"/healthz\"", parse_path));
    let mut check = HealthCheck::of(path.unwrap_or_default());
    let has_timeout = section.get("timeout").is_some();
    for (key, duration) in [("interval", &mut check.interval), ("timeout", &mut check.timeout)] {
        *duration = section.get(key).and_then(|item| item.duration()).unwrap_or(*duration);
    }
    if let Some(expected) = section.get("expect") {
        check.expect = expected.one_or_more().iter().filter_map(statuses).collect();
        if expected.is_list() && expected.one_or_more().is_empty() {
            expected
                .wrong("no status is healthy", "expected at least one, such as 200 or \"200-399\"");
        }
    }
    for (key, count) in [("healthy", &mut check.healthy), ("unhealthy", &mut check.unhealthy)] {
        let given = section.get(key).and_then(|item| item.integer(1..=100));
        *count = given.and_then(|given| u32::try_from(given).ok()).unwrap_or(*count);
    }
    if !has_timeout {
        check.timeout = check.timeout.min(check.interval);
    }
    if check.timeout > check.interval {
        let finding =
            Finding::error(section.span(), "a health check takes longer than the time to the next");
        section.out.report(finding.label("`timeout` may not be longer than `interval`"));
    }
    section.close();
    (!check.path.is_empty()).then_some(check)
}

fn parse_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("it begins with a slash".to_owned());
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !plain {
        return Err("spaces, # and what is not ASCII are percent-encoded".to_owned());
    }
    Ok(text.to_owned())
}

/// A status, or a range of them.
fn statuses(item: &Item<'_>) -> Option<RangeInclusive<u16>> {
    if item.value().is_integer() {
        let status = u16::try_from(item.integer(100..=599)?).ok()?;
        return Some(status..=status);
    }
    item.parsed("a status such as 200, or a range such as \"200-399\"", parse_statuses)
}

fn parse_statuses(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first @ 100..=599), Ok(last @ 100..=599)) if first <= last => Ok(first..=last),
        _ => Err("statuses are numbers from 100 to 599, the smaller one first".to_owned()),
    }
}

/// An endpoint that is listed twice counts twice where half of an upstream is to stay in use.
fn report_twice(item: &Item<'_>, endpoints: &[Endpoint]) {
    let mut seen = HashSet::new();
    for Endpoint { address, .. } in endpoints {
        if !seen.insert(address) {
            let finding = Finding::warning(item.span(), format!("{address} is listed twice"));
            item.report(finding.label("list it once, with a `weight`"));
        }
    }
}

fn addresses(item: &Item<'_>) -> Vec<Endpoint> {
    let items = item.one_or_more();
    if items.is_empty() {
        item.wrong(
            "an upstream needs an address",
            "expected at least one, such as \"http://127.0.0.1:3000\"",
        );
    }
    let parsed = items.iter().filter_map(|item| item.parsed(ORIGIN, parse_origin));
    let found: Vec<Endpoint> = parsed.map(Endpoint::from).collect();
    report_twice(item, &found);
    found
}
