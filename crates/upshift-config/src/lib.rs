//! Upshift's policy file: TOML in, a compiled policy and the gateway's settings out.
//!
//! 1. A file is right as a whole or not at all: [`load`] gives everything, or every error that the
//!    file has.
//! 2. Each error has its place, marks the offending text, says what was expected, and names the
//!    nearest valid spelling.
//! 3. Unknown keys are errors.
//! 4. Dates are resolved here, so that the core needs no time zones.

mod client;
mod diagnostic;
mod document;
mod gateway;
mod located;
mod matcher;
mod moment;
mod notes;
mod policy;
mod proxy;
mod quantity;
mod regular;
mod requirement;
mod rollout;
mod rule;
#[expect(dead_code, reason = "its types are never built: the schema is made of their definitions")]
mod schema;
mod settings;
mod spelling;
mod surprises;
mod upstream;
mod visible;

use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use toml::de::DeTable;
use upshift_core::policy::HostPattern;
use upshift_core::{Facts, Policy};

pub use diagnostic::{Diagnostic, Severity};
pub use located::KeyFinding;
pub use moment::parse as parse_moment;
pub use quantity::{parse_duration, write_duration};
pub use regular::{check_regular, read_regular};
pub use schema::schema;
pub use settings::{
    AccessLog, Address, AdminToken, GatewaySettings, Hsts, Limits, PathMode, Proxy, ProxyReads,
    TlsFiles, UndeclaredProxy, UpstreamHttp,
};
pub use upstream::{Endpoint, HealthCheck, Upstream};
pub use visible::{is_visible, make_visible};

use diagnostic::Finding;
use document::{Collector, Section};

/// The settings that a valid policy file holds.
#[derive(Clone, Debug, Default)]
pub struct FileSettings {
    /// Listeners, trusted proxies and what holds for the whole gateway.
    pub gateway: GatewaySettings,
    /// Bounds on what peers can make the gateway hold or wait for.
    pub limits: Limits,
    /// Where requests go, in the order in which they are tried; empty if the file names none.
    pub upstreams: Vec<Upstream>,
    /// What requests must meet.
    pub policy: Policy,
    /// Where a tripped breaker is told by POST.
    pub webhook: Option<String>,
}

/// A file that can be used, and what will surprise somebody.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The file.
    pub file: FileSettings,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Diagnostic>,
    /// What defaults mean for this file, a sentence or two each.
    pub notes: Vec<String>,
}

/// Reads the text of a policy file. Paths in it are relative to the folder of `file_name`.
///
/// # Errors
/// All errors of the file, in its order.
pub fn load(text: &str, file_name: &str) -> Result<Loaded, Vec<Diagnostic>> {
    load_at(text, file_name, Timestamp::now())
}

/// As [`load`], with the time at which exemptions that have expired and dates in the past are
/// judged.
///
/// # Errors
/// All errors of the file, in its order.
pub fn load_at(text: &str, file_name: &str, now: Timestamp) -> Result<Loaded, Vec<Diagnostic>> {
    let out = Collector::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    // What was recovered from a broken file is read too, so that its other errors show at once.
    let file = read(Section::root(&table, &out), text, Path::new(file_name), now);
    let syntax = errors.iter().map(|error| {
        let message = error.message().lines().next().unwrap_or("this is not TOML");
        Finding::error(error.span().unwrap_or(0..0), message).label("this is not TOML")
    });
    out.report_syntax(syntax.collect());
    let (errors, warnings) = out.diagnostics(file_name);
    match file.filter(|_| errors.is_empty()) {
        Some(file) => {
            let notes = notes::of(&file, now);
            Ok(Loaded { file, warnings, notes })
        }
        None => Err(errors),
    }
}

/// Walks the whole file; `None` if the policy could not be compiled.
fn read(mut root: Section<'_>, text: &str, path: &Path, now: Timestamp) -> Option<FileSettings> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut section = root.get("gateway").and_then(|item| item.section("Gateway"));
    let gateway = section.as_mut().map(|section| gateway::gateway(section, folder));
    let rest = section.as_mut().and_then(|section| section.get("upstream"));
    if let Some(section) = &section {
        section.close();
    }
    let limits = root.get("limits").and_then(|item| item.section("Limits")).map(|mut section| {
        let limits = gateway::limits(&mut section);
        section.close();
        limits
    });
    let upstreams = upstream::upstreams(root.get("upstream"), rest, folder);
    let (breaker, webhook) = rule::breaker(root.get("breaker"));
    let rules = policy::read(&mut root, breaker);
    root.close();
    let revision = Sha256::digest(text)
        .iter()
        .fold("sha256:".to_owned(), |hex, byte| format!("{hex}{byte:02x}"));
    let gateway_section = gateway.as_ref().zip(section.as_ref());
    surprises::report(&rules, gateway_section, now);
    let gateway = gateway.unwrap_or_else(|| gateway::defaults(folder));
    let policy = rules.policy(gateway.comparison, served_hosts(&gateway, &upstreams), revision);
    Some(FileSettings {
        gateway,
        limits: limits.unwrap_or_default(),
        upstreams,
        policy: policy?,
        webhook,
    })
}

/// The hosts that a gateway is known to serve: its public name, and those that its upstreams match.
fn served_hosts(gateway: &GatewaySettings, upstreams: &[Upstream]) -> Vec<HostPattern> {
    let public = gateway.public.as_deref().and_then(|public| public.split_once("://"));
    let public = public.and_then(|(_, authority)| HostPattern::parse(Facts::host_of(authority)));
    let matched =
        upstreams.iter().flat_map(|upstream| upstream.matcher.hosts.include.iter().cloned());
    public.into_iter().chain(matched).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Every kind of section once, empty: a section asks for all its keys, there or not.
    const SKELETON: &str = "
        gateway = { tls = {}, hsts = {}, proxy = [{ reads = {} }] }
        limits = {}
        upstream = [{ endpoints = [{}], health = {} }]
        exemption = [{}]
        breaker = {}
        never-refused = {}
        [[rule]]
        require = [{}, { websocket = {} }, { api = { scheme = { ordered = [] } } }, { client = {} }]
        on = {}
        breaker = {}
        rollout = { brownout = [{}], ramp = [{}] }
    ";

    #[test]
    fn the_walker_and_the_schema_know_the_same_keys() {
        let out = Collector::new(SKELETON);
        let table = DeTable::parse(SKELETON).unwrap();
        read(Section::root(&table, &out), SKELETON, Path::new(""), Timestamp::UNIX_EPOCH);
        let walked = out.keys();

        let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
        let sections = schema["$defs"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, section)| (name.as_str(), section));
        let keys = |section: &serde_json::Value| -> Option<BTreeSet<String>> {
            Some(section["properties"].as_object()?.keys().cloned().collect())
        };
        let told: BTreeMap<&str, BTreeSet<String>> = sections
            .chain([("File", &schema)])
            .filter_map(|(name, section)| Some((name, keys(section)?)))
            .collect();
        let walked: BTreeMap<&str, BTreeSet<String>> = walked
            .into_iter()
            .map(|(name, keys)| (name, keys.into_iter().map(str::to_owned).collect()))
            .collect();
        assert_eq!(walked, told);
    }
}
