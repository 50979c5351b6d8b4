//! Which crate may use which: the table of ARCHITECTURE.md, enforced.
//!
//! 1. A crate that is not in the table is refused, and so is an arrow that is not.
//! 2. In tests (`dev-dependencies`) a crate may use the same, and `conformance`.
//! 3. The pure crates reach no runtime, socket or source of chance, not even through somebody
//!    else's crate. That their own code calls no clock, file or environment is clippy's affair:
//!    the `clippy.toml` in `crates/upshift-core` and `crates/upshift-http`.
//! 4. Every crate takes the workspace's lints.

use serde_json::Value;

use crate::Findings;
use crate::run::{command, output, root};

/// A crate, and what it may use of ours.
const ARROWS: &[(&str, &[&str])] = &[
    ("upshift-core", &[]),
    ("upshift-http", &["upshift-core"]),
    ("upshift-record", &["upshift-core"]),
    ("upshift-config", &["upshift-core"]),
    ("upshift-notes", &["upshift-core", "upshift-record"]),
    ("upshift-adoption", &["upshift-core", "upshift-config", "upshift-record"]),
    ("upshift-tower", &["upshift-core", "upshift-http"]),
    ("upshift-client", &["upshift-core", "upshift-http"]),
    (
        "upshift-gateway",
        &[
            "upshift-core",
            "upshift-http",
            "upshift-config",
            "upshift-record",
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
        &["upshift-core", "upshift-http", "upshift-notes", "upshift-record", "upshift-client"],
    ),
    (
        "upshift",
        &[
            "upshift-core",
            "upshift-http",
            "upshift-record",
            "upshift-config",
            "upshift-notes",
            "upshift-adoption",
            "upshift-tower",
            "upshift-client",
            "upshift-gateway",
            "upshift-authorize",
            "upshift-lab",
        ],
    ),
    // The project's own: they talk to the product from outside, as files, addresses and exit codes.
    ("conformance", &[]),
    ("interop", &["conformance"]),
    ("xtask", &[]),
];

/// Crates that any crate may use in its tests.
const IN_TESTS: &[&str] = &["conformance"];

/// Crates that take bytes, facts and `now`, and nothing else.
const PURE: &[&str] = &["upshift-core", "upshift-http", "upshift-record", "upshift-notes"];

/// What no pure crate may reach: names of crates, or what they begin with.
const IMPURE: &[&str] = &[
    "tokio", "hyper", "h2", "h3", "quinn", "mio", "socket2", "async-", "futures", "axum", "rand",
    "rusqlite", "notify",
];

/// Every arrow that is not in the table.
pub(crate) fn check() -> Findings {
    match metadata() {
        Ok(packages) => {
            let mut findings: Findings = packages.iter().flat_map(of_package).collect();
            findings.extend(packages.iter().filter_map(lints));
            let present = |name: &&&str| packages.iter().any(|package| package["name"] == ***name);
            findings.extend(PURE.iter().filter(present).flat_map(|name| impurities(name)));
            findings
        }
        Err(why) => vec![why],
    }
}

fn metadata() -> Result<Vec<Value>, String> {
    let text = output(&mut command(
        "cargo",
        ["metadata", "--no-deps", "--format-version", "1", "--quiet"],
    ))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(metadata["packages"].as_array().cloned().unwrap_or_default())
}

fn of_package(package: &Value) -> Findings {
    let name = package["name"].as_str().unwrap_or_default();
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "{name} is not in the table of crates: add it to ARCHITECTURE.md and xtask/src/arrows.rs"
        )];
    };
    let ours = |used: &str| ARROWS.iter().any(|(known, _)| *known == used);
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut findings = Findings::new();
    for dependency in dependencies {
        let used = dependency["name"].as_str().unwrap_or_default();
        let in_tests = dependency["kind"] == "dev";
        if ours(used) && !allowed.contains(&used) && !(in_tests && IN_TESTS.contains(&used)) {
            findings
                .push(format!("{name} → {used} is not in the table: {name} may use {allowed:?}"));
        }
    }
    findings
}

fn lints(package: &Value) -> Option<String> {
    let manifest = package["manifest_path"].as_str()?;
    let text = std::fs::read_to_string(manifest).ok()?;
    let table: toml::Table = text.parse().ok()?;
    let taken =
        table.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
    (taken != Some(true)).then(|| format!("{manifest}: write `[lints]` with `workspace = true`"))
}

fn impurities(name: &str) -> Findings {
    let tree = [
        "tree", "--quiet", "-p", name, "--edges", "normal", "--prefix", "none", "--format", "{lib}",
    ];
    let text = match output(command("cargo", tree).current_dir(root())) {
        Ok(text) => text,
        Err(why) => return vec![why],
    };
    let mut reached: Vec<&str> =
        text.lines().map(|line| line.split_whitespace().next().unwrap_or_default()).collect();
    reached.sort_unstable();
    reached.dedup();
    let impure = |used: &&str| {
        let used = used.replace('_', "-");
        IMPURE
            .iter()
            .any(|ban| used == *ban || used.starts_with(&format!("{}-", ban.trim_end_matches('-'))))
    };
    reached
        .into_iter()
        .filter(impure)
        .map(|used| format!("{name} is pure, but reaches {used}"))
        .collect()
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
        let findings = of_package(&package("upshift-tower", "upshift-client", None));
        assert_eq!(findings.len(), 1);
        assert!(
            findings.first().unwrap().starts_with("upshift-tower → upshift-client"),
            "{findings:?}"
        );
    }

    #[test]
    fn an_arrow_of_the_table_and_a_test_s_own_pass() {
        assert!(of_package(&package("upshift-tower", "upshift-core", None)).is_empty());
        assert!(of_package(&package("upshift-core", "conformance", Some("dev"))).is_empty());
        assert!(!of_package(&package("upshift-core", "conformance", None)).is_empty());
    }

    #[test]
    fn a_crate_nobody_knows_is_refused() {
        assert_eq!(of_package(&package("upshift-utils", "upshift-core", None)).len(), 1);
    }

    #[test]
    fn the_table_has_no_cycle() {
        // Every crate uses only what stands above it, but for the ones that are not there yet.
        for (place, (name, allowed)) in ARROWS.iter().enumerate() {
            for used in *allowed {
                let below = ARROWS.iter().position(|(known, _)| known == used).unwrap();
                assert!(below < place, "{name} → {used}");
            }
        }
    }
}
