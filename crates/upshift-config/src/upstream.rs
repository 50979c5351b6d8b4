//! `[[upstream]]` and `gateway.upstream`: the destinations of requests.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use upshift_core::policy::Matcher;

use crate::health_check::HealthCheck;
use crate::matcher::read_matcher;
use crate::origin::{Address, parse_origin};
use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_table::TomlTable;
use crate::toml_value::TomlValue;

const ORIGIN: &str = "an origin such as \"http://127.0.0.1:3000\"";

/// A cluster: servers behind the gateway that serve the same requests.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The requests that go there.
    pub matcher: Matcher,
    /// Its servers, at least one.
    pub endpoints: Vec<Endpoint>,
    /// The version of HTTP that it speaks.
    pub http: UpstreamHttp,
    /// The PEM file of the authorities that sign its certificate; none: those of the system.
    pub ca: Option<PathBuf>,
    /// Active health checks; none: the gateway learns an endpoint's health from its requests.
    pub health: Option<HealthCheck>,
    /// Retries a failed request once, if it is idempotent and has no content.
    pub retries: bool,
}

/// The version of HTTP that an upstream speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UpstreamHttp {
    /// HTTP/1.1.
    #[default]
    V1_1,
    /// HTTP/2: by ALPN over https, by prior knowledge over http.
    V2,
}

/// One server of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Its origin.
    pub address: Address,
    /// Its share of the requests, relative to the weights of the others.
    pub weight: u32,
    /// It is used only while no other endpoint is available.
    pub backup: bool,
    /// The most requests and tunnels that it serves at a time (`connections` in the file); none: no
    /// limit.
    pub max_in_flight: Option<usize>,
}

impl Upstream {
    /// One server without TLS that speaks HTTP/1.1, for all requests.
    pub fn at(address: impl Into<SocketAddr>) -> Self {
        Self::with_endpoints(vec![Address::from(address.into()).into()])
    }

    /// The servers `endpoints`, over HTTP/1.1, for all requests.
    pub fn with_endpoints(endpoints: Vec<Endpoint>) -> Self {
        Self {
            matcher: Matcher::default(),
            endpoints,
            http: UpstreamHttp::default(),
            ca: None,
            health: None,
            retries: true,
        }
    }
}

impl From<Address> for Endpoint {
    fn from(address: Address) -> Self {
        Self { address, weight: 1, backup: false, max_in_flight: None }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Address::from(address).into()
    }
}

/// Reads every `[[upstream]]` in the order in which they are tried. `rest` is `gateway.upstream`,
/// which takes the requests that none of them matches.
pub(crate) fn read_upstreams(
    tables: Vec<TomlTable<'_>>,
    rest: Option<TomlValue<'_>>,
    folder: &Path,
) -> Vec<Upstream> {
    let mut upstreams = Vec::new();
    for table in tables {
        upstreams.extend(read_upstream(table, folder));
    }
    // Last, because the first upstream that matches is used, and this one matches everything.
    if let Some(rest) = rest {
        let endpoints = read_addresses(&rest);
        if !endpoints.is_empty() {
            upstreams.push(Upstream::with_endpoints(endpoints));
        }
    }
    upstreams
}

fn read_upstream(mut table: TomlTable<'_>, folder: &Path) -> Option<Upstream> {
    const HTTP: [(&str, UpstreamHttp); 2] = [("1.1", UpstreamHttp::V1_1), ("2", UpstreamHttp::V2)];
    let matcher = read_matcher(&mut table);
    let endpoints = read_endpoints(&mut table);
    let http = table.word_at("http", "version of HTTP", &HTTP).unwrap_or_default();
    let ca = table.path_at("ca", folder);
    let health = match table.get("health") {
        Some(value) => HealthCheck::from_toml(&value),
        None => None,
    };
    // RFC 9110 §9.2.2 leaves the number open; one is what an upstream in trouble can bear.
    let retries = table.integer_at::<u8>("retries", 0..=1) != Some(0);
    if table.contains_key("identities") {
        // The matcher is shared with rules, so that the key is read, but it would never match.
        let span = table.key_span("identities");
        let warning = SpanDiagnostic::warning(span, "no request goes to this upstream");
        table.report(warning.with_label("only a rule reads identities, and an upstream has none"));
    }
    table.report_unknown_keys();
    if endpoints.is_empty() {
        return None;
    }
    Some(Upstream { matcher, endpoints, http, ca, health, retries })
}

/// Reads `endpoints` or `addresses`.
fn read_endpoints(table: &mut TomlTable<'_>) -> Vec<Endpoint> {
    let Some(list) = table.get("endpoints") else {
        let description = "its servers, such as \"http://127.0.0.1:3000\"";
        return match table.require("addresses", description) {
            Some(addresses) => read_addresses(&addresses),
            None => Vec::new(),
        };
    };
    // Which of the two counts would not be clear.
    if let Some(addresses) = table.get("addresses") {
        addresses.report_error(
            "`addresses` and `endpoints` cannot be combined",
            "write every address as one of the `endpoints`",
        );
    }
    let mut endpoints = Vec::new();
    for endpoint in list.read_tables("Endpoint") {
        endpoints.extend(read_endpoint(endpoint));
    }
    if list.as_toml().as_array().is_some_and(|list| list.is_empty()) {
        list.report_error(
            "an upstream needs an endpoint",
            "expected at least one, such as { address = \"http://127.0.0.1:3000\" }",
        );
    } else if !endpoints.is_empty() && endpoints.iter().all(|endpoint| endpoint.backup) {
        list.report_error("every endpoint is a backup", "expected at least one that is not");
    }
    warn_of_duplicates(&list, &endpoints);
    endpoints
}

fn read_endpoint(mut table: TomlTable<'_>) -> Option<Endpoint> {
    let address = table.require("address", "its origin, such as \"http://127.0.0.1:3000\"");
    let origin = match address {
        Some(value) => value.parse_with(ORIGIN, parse_origin),
        None => None,
    };
    let weight = table.integer_at("weight", 1..=1_000).unwrap_or(1);
    let backup = table.flag_at("backup");
    let max_in_flight = table.integer_at("connections", 1..=1_000_000);
    table.report_unknown_keys();
    // The address comes last, so that its error does not hide those of the other keys.
    Some(Endpoint { address: origin?, weight, backup, max_in_flight })
}

fn read_addresses(value: &TomlValue<'_>) -> Vec<Endpoint> {
    let members = value.one_or_more();
    if members.is_empty() {
        value.report_error(
            "an upstream needs an address",
            "expected at least one, such as \"http://127.0.0.1:3000\"",
        );
    }
    let mut endpoints = Vec::new();
    for member in members {
        if let Some(address) = member.parse_with(ORIGIN, parse_origin) {
            endpoints.push(Endpoint::from(address));
        }
    }
    warn_of_duplicates(value, &endpoints);
    endpoints
}

/// An endpoint that is listed twice counts twice where half of an upstream is to stay in use.
fn warn_of_duplicates(value: &TomlValue<'_>, endpoints: &[Endpoint]) {
    let mut seen = HashSet::new();
    for Endpoint { address, .. } in endpoints {
        // The address alone: with two weights, it is still one server.
        if !seen.insert(address) {
            let message = format!("{address} is listed twice");
            let warning = SpanDiagnostic::warning(value.span(), message);
            value.report(warning.with_label("list it once, with a `weight`"));
        }
    }
}
