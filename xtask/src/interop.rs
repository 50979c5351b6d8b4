//! `cargo xtask interop`: the built binary between real servers, clients and browsers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::peers::{self, Peers};
use crate::run::{SELECTION, command, output, read_text, succeeds};
use crate::{Findings, node, print_findings};

/// Builds the binary and runs the tests whose names contain a filter, or all if there is none.
pub(crate) fn run(peers: &Peers, filters: &[&str]) -> bool {
    clear_skipped_log();
    let listed = if filters.is_empty() { String::new() } else { list_tests() };
    print_findings(&unknown_filters(filters, &listed))
        && build_binary()
        && succeeds(&mut selected_tests(peers, filters))
}

/// The filters that match no test, a line each: a run without tests must not succeed.
fn unknown_filters(filters: &[&str], listed: &str) -> Findings {
    let mut findings = Findings::new();
    for filter in filters {
        if !listed.lines().any(|line| line.contains(*filter)) {
            findings.push(format!("no interop test has `{filter}` in its name"));
        }
    }
    findings
}

/// Builds the binary that the tests run.
pub(crate) fn build_binary() -> bool {
    let mut build = command("cargo", ["build", "--quiet"]);
    // With a test beside it, Cargo enables the same features as for all tests.
    build.args(SELECTION).args(["--bin", "upshift", "--test", "embedded"]);
    succeeds(&mut build)
}

/// Removes the log of an earlier run.
pub(crate) fn clear_skipped_log() {
    std::fs::create_dir_all(peers::folder()).ok();
    std::fs::remove_file(skipped_log()).ok();
}

/// The log in which the tests write the name of each test that they skip, and why.
fn skipped_log() -> PathBuf {
    peers::folder().join("skipped.log")
}

/// The log of the tests that were skipped; empty if there is none.
pub(crate) fn read_skipped() -> String {
    read_text(&skipped_log())
}

/// The number of tests that a log of skips names: a test that skips twice is one.
pub(crate) fn count_skipped(log: &str) -> usize {
    let mut names = BTreeSet::new();
    for line in log.lines() {
        names.extend(line.split(": ").next());
    }
    names.len()
}

/// The number of interop tests.
pub(crate) fn count_tests() -> usize {
    list_tests().lines().count()
}

/// The names of the tests, a line each.
fn list_tests() -> String {
    if !has_nextest() {
        let arguments = ["test", "--quiet", "--package", "interop", "--test", "it", "--", "--list"];
        return test_names(&output(&mut command("cargo", arguments)).unwrap_or_default());
    }
    let mut list = command("cargo", ["nextest", "list", "--cargo-quiet"]);
    list.args(SELECTION).args(["-E", TestGroup::Interop.filter(), "--message-format", "oneline"]);
    output(&mut list).unwrap_or_default()
}

/// The names in a list of `cargo test`.
fn test_names(listed: &str) -> String {
    let mut names = Vec::new();
    for line in listed.lines() {
        names.extend(line.strip_suffix(": test"));
    }
    names.join("\n")
}

/// The run of the tests whose names contain a filter, against these peers.
pub(crate) fn selected_tests(peers: &Peers, filters: &[&str]) -> Command {
    let mut tests = test_runner(TestGroup::Interop);
    tests.args(filters).env("UPSHIFT_MISSING", peers.missing());
    tests
}

/// The tests that talk to peers, or all others.
#[derive(Clone, Copy)]
pub(crate) enum TestGroup {
    /// Those of the package `interop`.
    Interop,
    /// Those of all other packages.
    Others,
}

impl TestGroup {
    /// The profile of nextest. Each group has a report of its own.
    fn profile(self) -> &'static str {
        match self {
            Self::Interop => "interop",
            Self::Others => "default",
        }
    }

    fn filter(self) -> &'static str {
        match self {
            Self::Interop => "package(interop)",
            Self::Others => "not package(interop)",
        }
    }
}

/// The runner of a group of tests, with the peers in reach: nextest where it is installed, for
/// limits on time and a report, and `cargo test` where it is not.
pub(crate) fn test_runner(group: TestGroup) -> Command {
    let mut runner = if has_nextest() {
        let mut nextest = command("cargo", ["nextest", "run", "--profile", group.profile()]);
        nextest.args(["--cargo-quiet", "--status-level=slow"]);
        nextest.args(["--show-progress=none", "--no-tests=pass"]);
        nextest.args(SELECTION).args(["-E", group.filter()]);
        nextest
    } else {
        let mut tests = command("cargo", ["test", "--quiet", "--all-targets"]);
        match group {
            TestGroup::Interop => tests.args(["--package", "interop"]),
            TestGroup::Others => tests.args(SELECTION).args(["--exclude", "interop"]),
        };
        tests
    };
    runner.env("UPSHIFT_PEERS", peers::folder()).env("PATH", node::search_path());
    runner
}

fn has_nextest() -> bool {
    output(&mut command("cargo", ["nextest", "--version"])).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A filter that fits no test is an error. A misspelled one would otherwise run nothing and
    /// succeed.
    #[test]
    fn a_filter_that_fits_no_test_is_named() {
        let listed = "clients::a\npage::b";
        assert_eq!(unknown_filters(&["page", "a"], listed), Findings::new());
        assert_eq!(
            unknown_filters(&["page", "pgae"], listed),
            ["no interop test has `pgae` in its name"]
        );
    }

    #[test]
    fn a_test_that_skips_twice_is_counted_once() {
        let log = "clients::a: nginx is not installed\n\
                   clients::a: curl is not installed\npage::b: no chromium\n";
        assert_eq!(count_skipped(log), 2);
    }
}
