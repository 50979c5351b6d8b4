//! The file as a whole: the walk over its top level.

use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use toml::de::DeTable;
use upshift_core::Facts;
use upshift_core::policy::HostPattern;

use crate::adoption::AdoptionSettings;
use crate::breaker::read_breaker;
use crate::collector::DiagnosticCollector;
use crate::contradictions::report_contradictions;
use crate::diagnostic::Diagnostic;
use crate::file_settings::FileSettings;
use crate::gateway::GatewaySettings;
use crate::limits::Limits;
use crate::notes::notes_on;
use crate::policy::PolicySource;
use crate::span_diagnostic::SpanDiagnostic;
use crate::telemetry::TelemetrySettings;
use crate::toml_table::TomlTable;
use crate::upstream::{Upstream, read_upstreams};
use crate::warnings::report_warnings;

/// A valid file, and what its author should know about it.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The settings.
    pub file: FileSettings,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Diagnostic>,
    /// The consequences of defaults for this file, a sentence or two each.
    pub notes: Vec<String>,
}

/// Reads the text of a policy file. Relative paths in it start at the folder of `file_name`.
///
/// # Errors
/// All errors of the file, in its order.
pub fn load(text: &str, file_name: &str) -> Result<Loaded, Vec<Diagnostic>> {
    load_at(text, file_name, Timestamp::now())
}

/// As [`load`], with `now` as the time for warnings about dates in the past.
///
/// # Errors
/// All errors of the file, in its order.
pub fn load_at(text: &str, file_name: &str, now: Timestamp) -> Result<Loaded, Vec<Diagnostic>> {
    let collector = DiagnosticCollector::new(text);
    let (table, syntax_errors) = DeTable::parse_recoverable(text);
    // The part of a broken file that was recovered is read too, so that its other errors show at
    // once.
    let root = TomlTable::root(&table, &collector);
    let file = read_file(root, text, Path::new(file_name), now);
    // After the walk, because it removes diagnostics that follow from these errors.
    collector.report_syntax_errors(syntax_errors.iter().map(syntax_error).collect());
    let (errors, warnings) = collector.into_diagnostics(file_name);
    match file {
        // Defaults stand in for wrong values, so that such settings must not leave this function.
        Some(file) if errors.is_empty() => {
            let notes = notes_on(&file, now);
            Ok(Loaded { file, warnings, notes })
        }
        _ => Err(errors),
    }
}

fn syntax_error(error: &toml::de::Error) -> SpanDiagnostic {
    let message = error.message().lines().next().unwrap_or("invalid TOML");
    // An error without a span is shown at the beginning of the file.
    SpanDiagnostic::error(error.span().unwrap_or(0..0), message).with_label("invalid TOML")
}

/// Walks the whole file; `None` if the policy does not compile.
fn read_file(
    mut root: TomlTable<'_>,
    text: &str,
    path: &Path,
    now: Timestamp,
) -> Option<FileSettings> {
    // For `upshift.toml` and for `-` the parent is empty: paths start at the working directory.
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut gateway_table = root.table_at("gateway", "Gateway");
    let mut gateway = GatewaySettings::of_empty_file(folder);
    let mut rest = None;
    if let Some(table) = &mut gateway_table {
        gateway = GatewaySettings::from_toml(table, folder);
        report_contradictions(table, &gateway);
        // Read here, so that it is a known key when the unknown ones are reported.
        rest = table.get("upstream");
        table.report_unknown_keys();
    }
    let limits = match root.table_at("limits", "Limits") {
        Some(mut table) => Limits::from_toml(&mut table),
        None => Limits::default(),
    };
    let adoption = match root.table_at("adoption", "Adoption") {
        Some(mut table) => AdoptionSettings::from_toml(&mut table),
        None => AdoptionSettings::default(),
    };
    let telemetry = match root.table_at("telemetry", "Telemetry") {
        Some(mut table) => TelemetrySettings::from_toml(&mut table),
        None => TelemetrySettings::default(),
    };
    let upstreams = read_upstreams(root.tables_at("upstream", "Upstream"), rest, folder);
    // Before the rules, which inherit from it.
    let breaker = read_breaker(&mut root);
    let source = PolicySource::from_toml(&mut root, breaker.breaker);
    root.report_unknown_keys();
    // A file without `[gateway]` serves as the policy of a service with its own listeners.
    let served_gateway = gateway_table.as_ref().map(|table| (&gateway, table));
    report_warnings(&source, served_gateway, now);
    // The built-in exemption of own links holds for these hosts only: a link to another site must
    // not exempt a path here.
    let hosts = served_hosts(&gateway, &upstreams);
    let policy = source.compile(gateway.comparison, hosts, revision_of(text))?;
    let webhook = breaker.webhook;
    Some(FileSettings { gateway, limits, adoption, telemetry, upstreams, policy, webhook })
}

/// The revision of a policy: the digest of its file's text.
fn revision_of(text: &str) -> String {
    let mut revision = "sha256:".to_owned();
    for byte in Sha256::digest(text) {
        revision.push_str(&format!("{byte:02x}"));
    }
    revision
}

/// The hosts that a gateway is known to serve: its public name, and those that its upstreams match.
fn served_hosts(gateway: &GatewaySettings, upstreams: &[Upstream]) -> Vec<HostPattern> {
    let mut hosts = Vec::new();
    if let Some(public) = &gateway.public
        && let Some((_, authority)) = public.split_once("://")
    {
        // `read_public_origin` has parsed it, so that the pattern is valid.
        hosts.extend(HostPattern::parse(Facts::host_of(authority)));
    }
    for upstream in upstreams {
        hosts.extend(upstream.matcher.hosts.include.iter().cloned());
    }
    hosts
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;
    use crate::schema::json_schema;

    /// Every kind of table once, empty: the walker reads all keys of a table, present or not.
    const SKELETON: &str = "
        gateway = { tls = {}, hsts = {}, access-log = {}, proxy = [{ reads = {} }] }
        limits = {}
        adoption = {}
        telemetry = { otlp = {} }
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
        let collector = DiagnosticCollector::new(SKELETON);
        let table = DeTable::parse(SKELETON).unwrap();
        let root = TomlTable::root(&table, &collector);
        read_file(root, SKELETON, Path::new(""), Timestamp::UNIX_EPOCH);
        let mut walked = BTreeMap::new();
        for (name, keys) in collector.noted_keys() {
            let keys: BTreeSet<String> = keys.into_iter().map(str::to_owned).collect();
            walked.insert(name.to_owned(), keys);
        }

        let schema: Value = serde_json::from_str(&json_schema()).unwrap();
        let mut described = BTreeMap::new();
        described.extend(keys_of("File", &schema));
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            described.extend(keys_of(name, definition));
        }
        assert_eq!(walked, described);
    }

    fn keys_of(name: &str, definition: &Value) -> Option<(String, BTreeSet<String>)> {
        let properties = definition["properties"].as_object()?;
        Some((name.to_owned(), properties.keys().cloned().collect()))
    }
}
