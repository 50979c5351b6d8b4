//! The one matcher: `hosts`, `paths`, `methods`, `headers`, `peers`, `clients` and `identities` of
//! rules, exemptions and upstreams.

use std::net::IpAddr;

use ipnet::IpNet;
use upshift_core::policy::{
    ClientPattern, HeaderPattern, HostPattern, Matcher, MatcherValues, PathPattern,
};

use crate::toml_table::TomlTable;
use crate::toml_value::TomlValue;

const NETWORK: &str = "a network such as \"10.0.0.0/8\"";

/// Reads the matcher's keys from a table that has other keys beside them.
pub(crate) fn read_matcher(table: &mut TomlTable<'_>) -> Matcher {
    let host = "a host such as \"api.example.com\" or \"*.example.com\"";
    let header = "a field such as \"X-Tier\" or \"X-Tier: gold\"";
    let client = "a client such as \"AcmeApp\" or \"AcmeApp/5.1\"";
    Matcher {
        hosts: read_patterns(table, "hosts", host, parse_host),
        paths: read_patterns(table, "paths", "a path such as \"/api/**\"", parse_path),
        methods: read_patterns(table, "methods", "a method such as \"POST\"", parse_method),
        headers: read_patterns(table, "headers", header, parse_header),
        peers: read_patterns(table, "peers", NETWORK, parse_network),
        clients: read_patterns(table, "clients", client, parse_client),
        identities: read_patterns(table, "identities", "an identity", parse_identity),
    }
}

/// Reads the patterns of one key. Those with a `!` exclude.
fn read_patterns<T>(
    table: &mut TomlTable<'_>,
    key: &'static str,
    expected: &str,
    parse: fn(&str) -> Result<T, String>,
) -> MatcherValues<T> {
    let mut patterns = MatcherValues::default();
    let Some(value) = table.get(key) else { return patterns };
    let members = value.one_or_more();
    // An empty list could mean that nothing matches, or that anything does.
    if members.is_empty() {
        value.report_error(
            format!("`{key}` is an empty list"),
            "leave the key out to match anything",
        );
    }
    for member in members {
        // The mark is taken off before parsing: `!` is no part of a host, a path or a network.
        let mut excludes = false;
        let pattern = member.parse_with(expected, |text| {
            let without_mark = text.strip_prefix('!');
            excludes = without_mark.is_some();
            parse(without_mark.unwrap_or(text))
        });
        let kept = if excludes { &mut patterns.exclude } else { &mut patterns.include };
        kept.extend(pattern);
    }
    patterns
}

fn parse_host(text: &str) -> Result<HostPattern, String> {
    HostPattern::parse(text).ok_or("a host has no scheme, port or path".to_owned())
}

fn parse_path(text: &str) -> Result<PathPattern, String> {
    PathPattern::parse(text).map_err(|error| error.to_string())
}

fn parse_method(text: &str) -> Result<Box<str>, String> {
    // RFC 9110 §9.1: a method is a token.
    if !upshift_core::field::is_token(text) {
        return Err("a method is one word".to_owned());
    }
    // RFC 9110 §9.1: methods are case-sensitive.
    if text.contains(|c: char| c.is_ascii_lowercase()) {
        return Err(format!(
            "methods are case-sensitive: did you mean \"{}\"?",
            text.to_ascii_uppercase()
        ));
    }
    Ok(text.into())
}

fn parse_header(text: &str) -> Result<HeaderPattern, String> {
    HeaderPattern::parse(text).ok_or("a field name has letters, digits and - only".to_owned())
}

fn parse_client(text: &str) -> Result<ClientPattern, String> {
    ClientPattern::parse(text).ok_or("expected a name, or a name and a numeric version".to_owned())
}

fn parse_identity(text: &str) -> Result<Box<str>, String> {
    if text.is_empty() { Err("the identity is empty".to_owned()) } else { Ok(text.into()) }
}

/// Parses a network, or one address.
fn parse_network(text: &str) -> Result<IpNet, String> {
    if let Ok(network) = text.parse() {
        return Ok(network);
    }
    // `IpNet` does not parse an address without a length.
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(IpNet::from(address)),
        Err(_) => Err("expected an address, with or without /length".to_owned()),
    }
}

impl TomlValue<'_> {
    /// A network such as `10.0.0.0/8`, or one address.
    pub(crate) fn read_network(&self) -> Option<IpNet> {
        self.parse_with(NETWORK, parse_network)
    }
}
