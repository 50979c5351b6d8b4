//! The oldest Rust that the crates build with: `rust-version` in `Cargo.toml`.
//!
//! Nothing is installed for this check, since a toolchain comes from no package registry. Where
//! rustup does not have it, clippy still names what the standard library lacks in that version
//! (`incompatible_msrv`).

use crate::run::{command, find, output, root, succeeds};
use crate::summary::StepResult;

/// Builds the workspace with the declared oldest Rust, if rustup has it.
pub(crate) fn check() -> StepResult {
    let Some(version) = declared_version() else {
        eprintln!("  Cargo.toml has no workspace.package.rust-version");
        return StepResult::Failed;
    };
    if find("rustup").is_none() {
        return StepResult::Skipped(format!("there is no rustup to find Rust {version} with"));
    }
    let listed = output(&mut command("rustup", ["toolchain", "list"])).unwrap_or_default();
    let Some(toolchain) = find_toolchain(&listed, &version) else {
        return StepResult::Skipped(format!("rustup has no toolchain {version} here"));
    };
    println!("  with {toolchain}");
    // `rustup run` takes what is installed and downloads nothing.
    let check = ["run", toolchain, "cargo", "check", "--quiet", "--workspace", "--locked"];
    StepResult::from(succeeds(&mut command("rustup", check)))
}

fn declared_version() -> Option<String> {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).ok()?;
    let manifest: toml::Table = text.parse().ok()?;
    let version = manifest.get("workspace")?.get("package")?.get("rust-version")?;
    version.as_str().map(str::to_owned)
}

/// The toolchain of a version such as `1.90` in the output of `rustup toolchain list`.
fn find_toolchain<'l>(listed: &'l str, version: &str) -> Option<&'l str> {
    for line in listed.lines() {
        let name = line.split_whitespace().next()?;
        // `1.90.1-x86_64-unknown-linux-gnu` is a 1.90, and `1.9` is none.
        let (number, _) = name.split_once('-').unwrap_or((name, ""));
        let Some(patch) = number.strip_prefix(version) else { continue };
        if patch.is_empty() || patch.starts_with('.') {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only a toolchain of the declared version is found, so that the check does not pass with
    /// another one.
    #[test]
    fn only_the_declared_version_is_found() {
        let listed = "stable-x86_64-unknown-linux-gnu (active, default)\n\
                      1.9.0-x86_64-unknown-linux-gnu\n1.901.0-x86_64-unknown-linux-gnu\n";
        assert_eq!(find_toolchain(listed, "1.90"), None);
        let listed = format!("{listed}1.90.1-x86_64-unknown-linux-gnu (override)\n");
        assert_eq!(find_toolchain(&listed, "1.90"), Some("1.90.1-x86_64-unknown-linux-gnu"));
        assert_eq!(find_toolchain("1.90", "1.90"), Some("1.90"));
    }

    #[test]
    fn the_workspace_declares_a_version() {
        assert!(declared_version().is_some_and(|version| version.starts_with("1.")));
    }
}
