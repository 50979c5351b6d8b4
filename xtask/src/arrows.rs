//! The arrows between crates: the table of ARCHITECTURE.md, enforced.
//!
//! 1. A crate that is not in the table is refused, and so is an arrow that is not.
//! 2. In tests (`dev-dependencies`) a crate may use the same, and `conformance`.
//! 3. The pure crates depend on no runtime, socket or source of randomness, not even through other
//!    crates. Clippy checks that their own code reads no clock, file or environment:
//!    the `clippy.toml` of each.
//! 4. Every crate inherits the workspace's lints.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Findings;
use crate::run::{command, output, root};

/// Each crate, and those of our crates that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("upshift-core", &[]),
    ("upshift-http", &["upshift-core"]),
    ("upshift-http1", &[]),
    ("upshift-record", &["upshift-core"]),
    ("upshift-config", &["upshift-core"]),
    ("upshift-pages", &["upshift-core", "upshift-record"]),
    ("upshift-notes", &["upshift-core", "upshift-record"]),
    ("upshift-adoption", &["upshift-core", "upshift-config", "upshift-record"]),
    ("upshift-forecast", &["upshift-core", "upshift-config", "upshift-record", "upshift-adoption"]),
    ("upshift-tower", &["upshift-core", "upshift-http"]),
    ("upshift-client", &["upshift-core", "upshift-http", "upshift-http1"]),
    (
        "upshift-gateway",
        &[
            "upshift-core",
            "upshift-http",
            "upshift-http1",
            "upshift-config",
            "upshift-record",
            "upshift-pages",
            "upshift-adoption",
            "upshift-tower",
            "upshift-client",
        ],
    ),
    (
        "upshift-authorize",
        &["upshift-core", "upshift-http", "upshift-config", "upshift-record", "upshift-adoption"],
    ),
    ("upshift-envoy", &["upshift-core", "upshift-config"]),
    (
        "upshift-lab",
        &[
            "upshift-core",
            "upshift-http",
            "upshift-http1",
            "upshift-notes",
            "upshift-record",
            "upshift-client",
        ],
    ),
    (
        "upshift",
        &[
            "upshift-core",
            "upshift-http",
            "upshift-record",
            "upshift-config",
            "upshift-pages",
            "upshift-notes",
            "upshift-adoption",
            "upshift-forecast",
            "upshift-tower",
            "upshift-client",
            "upshift-gateway",
            "upshift-authorize",
            "upshift-lab",
        ],
    ),
    // The project's own: they know the product only from outside, by files, addresses and exit
    // codes. One test of interop asks the codec which fault it finds.
    ("conformance", &[]),
    ("interop", &["conformance", "upshift-http1"]),
    ("xtask", &[]),
];

/// Crates that any crate may use in its tests.
const IN_TESTS: &[&str] = &["conformance"];

/// Crates whose only inputs are bytes, facts and `now`.
const PURE: &[&str] = &[
    "upshift-core",
    "upshift-http",
    "upshift-http1",
    "upshift-record",
    "upshift-pages",
    "upshift-notes",
];

/// The crates that no pure crate may depend on, by name or by prefix.
const IMPURE: &[&str] = &[
    "tokio", "hyper", "h2", "h3", "quinn", "mio", "socket2", "async-", "futures", "axum", "rand",
    "rusqlite", "notify",
];

/// Lists every arrow that is not in the table.
pub(crate) fn check() -> Findings {
    let packages = match list_packages() {
        Ok(packages) => packages,
        Err(why) => return vec![why],
    };
    let mut findings = Findings::new();
    for package in &packages {
        findings.extend(check_package(package));
        findings.extend(check_lints(package));
        let name = name_of(package);
        if PURE.contains(&name) {
            findings.extend(find_impurities(name));
        }
    }
    findings
}

fn list_packages() -> Result<Vec<Value>, String> {
    let text = output(&mut command(
        "cargo",
        ["metadata", "--no-deps", "--format-version", "1", "--quiet"],
    ))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(list_of(&metadata["packages"]).to_vec())
}

/// The name of a package or of a dependency.
fn name_of(package: &Value) -> &str {
    package["name"].as_str().unwrap_or_default()
}

fn list_of(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        _ => &[],
    }
}

fn check_package(package: &Value) -> Findings {
    let name = name_of(package);
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "{name} is not in the table of crates: add it to ARCHITECTURE.md and xtask/src/arrows.rs"
        )];
    };
    let mut findings = Findings::new();
    for dependency in list_of(&package["dependencies"]) {
        let used = name_of(dependency);
        let is_ours = ARROWS.iter().any(|(known, _)| *known == used);
        let is_for_tests = dependency["kind"] == "dev" && IN_TESTS.contains(&used);
        if is_ours && !allowed.contains(&used) && !is_for_tests {
            findings
                .push(format!("{name} → {used} is not in the table: {name} may use {allowed:?}"));
        }
    }
    findings
}

fn check_lints(package: &Value) -> Option<String> {
    let manifest = package["manifest_path"].as_str()?;
    let text = std::fs::read_to_string(manifest).ok()?;
    let table: toml::Table = text.parse().ok()?;
    if let Some(lints) = table.get("lints")
        && lints.get("workspace") == Some(&toml::Value::Boolean(true))
    {
        return None;
    }
    Some(format!("{manifest}: write `[lints]` with `workspace = true`"))
}

fn find_impurities(name: &str) -> Findings {
    let tree = [
        "tree", "--quiet", "-p", name, "--edges", "normal", "--prefix", "none", "--format", "{lib}",
    ];
    let text = match output(command("cargo", tree).current_dir(root())) {
        Ok(text) => text,
        Err(why) => return vec![why],
    };
    let mut dependencies = BTreeSet::new();
    for line in text.lines() {
        dependencies.extend(line.split_whitespace().next());
    }
    let mut findings = Findings::new();
    for dependency in dependencies {
        if is_impure(dependency) {
            findings.push(format!("{name} is pure, but depends on {dependency}"));
        }
    }
    findings
}

fn is_impure(library: &str) -> bool {
    // The name of a library has `_` where its package has `-`.
    let package = library.replace('_', "-");
    for ban in IMPURE {
        let family = format!("{}-", ban.trim_end_matches('-'));
        if package == *ban || package.starts_with(&family) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    fn package(name: &str, used: &str, kind: Option<&str>) -> Value {
        serde_json::json!({ "name": name, "dependencies": [{ "name": used, "kind": kind }] })
    }

    #[test]
    fn an_arrow_against_the_table_is_named() {
        let findings = check_package(&package("upshift-tower", "upshift-client", None));
        assert_eq!(findings.len(), 1);
        assert!(
            findings.first().unwrap().starts_with("upshift-tower → upshift-client"),
            "{findings:?}"
        );
    }

    #[test]
    fn an_arrow_of_the_table_and_a_test_s_own_pass() {
        assert!(check_package(&package("upshift-tower", "upshift-core", None)).is_empty());
        assert!(check_package(&package("upshift-core", "conformance", Some("dev"))).is_empty());
        assert!(!check_package(&package("upshift-core", "conformance", None)).is_empty());
    }

    /// A library is recognized as impure by its own name, by that of its package and by its family,
    /// so that no runtime gets in under another name.
    #[test]
    fn a_library_is_impure_by_name_or_by_family() {
        assert!(is_impure("tokio") && is_impure("tokio_util") && is_impure("async_trait"));
        assert!(!is_impure("serde") && !is_impure("tokiox"));
    }

    #[test]
    fn an_unknown_crate_is_refused() {
        assert_eq!(check_package(&package("upshift-utils", "upshift-core", None)).len(), 1);
    }

    #[test]
    fn the_table_has_no_cycle() {
        // Every crate uses only crates above it.
        for (place, (name, allowed)) in ARROWS.iter().enumerate() {
            for used in *allowed {
                let below = ARROWS.iter().position(|(known, _)| known == used).unwrap();
                assert!(below < place, "{name} → {used}");
            }
        }
    }
}
