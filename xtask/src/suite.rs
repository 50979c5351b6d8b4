//! `cargo xtask test`: every check and every test, one step after the other, and at the end what
//! came of each.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::checkout::Snapshot;
use crate::peers::{self, Peers};
use crate::run::{command, output, succeeds};
use crate::{Findings, arrows, docs, hygiene, modules, node, told};

/// Every step; true when all succeed. Without peers, the interop tests and their set-up are left
/// out, and that is said.
pub(crate) fn test(with_peers: bool) -> bool {
    let mut report = Report::default();
    let before = Snapshot::take();
    let mut peers = None;
    if with_peers {
        report.step("peers", || {
            let found = peers::set_up();
            found.print();
            let suffice = found.suffice();
            peers = Some(found);
            suffice
        });
    }
    report.step("arrows", || told(&check_arrows()));
    report.step("hygiene", || told(&hygiene::check()));
    report.step("format", || succeeds(&mut command("cargo", ["fmt", "--all", "--check"])));
    report.step("clippy", || {
        succeeds(&mut command(
            "cargo",
            ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"],
        ))
    });
    report.step("tests", || succeeds(&mut tests()));
    report.step("doc tests", || {
        succeeds(&mut command("cargo", ["test", "--quiet", "--workspace", "--doc"]))
    });
    report.step("generated docs", || told(&docs::check()));
    if let Some(peers) = peers {
        report.step("interop", || interop(&peers, &[]));
    }
    report.step("checkout", || told(&before.changes_until(&Snapshot::take())));
    report.print();
    report.all_succeeded()
}

/// The arrows between crates, and those between the modules of each.
pub(crate) fn check_arrows() -> Findings {
    let mut findings = arrows::check();
    findings.extend(modules::check());
    findings
}

/// Builds the binary and runs the interop tests whose names contain a filter (all, if there is
/// none).
pub(crate) fn interop(peers: &Peers, filter: &[&str]) -> bool {
    let listed = if filter.is_empty() { String::new() } else { listed_interop() };
    told(&unknown(filter, &listed)) && build_binary() && succeeds(&mut interop_tests(peers, filter))
}

/// A line for each filter that no test has in its name: to run none is not to have tested.
fn unknown(filter: &[&str], listed: &str) -> Findings {
    let unknown = filter.iter().filter(|part| !listed.lines().any(|line| line.contains(**part)));
    unknown.map(|part| format!("no interop test has `{part}` in its name")).collect()
}

/// Builds the binary that the interop tests run.
pub(crate) fn build_binary() -> bool {
    std::fs::create_dir_all(peers::folder()).ok();
    std::fs::remove_file(skipped_log()).ok();
    succeeds(&mut command("cargo", ["build", "--quiet", "--package", "upshift"]))
}

/// Where the interop tests write the name of each test that they skip, and why.
fn skipped_log() -> PathBuf {
    peers::folder().join("skipped.log")
}

/// How many interop tests there are.
fn count_interop() -> usize {
    listed_interop().lines().count()
}

/// The names of the interop tests, a line each.
fn listed_interop() -> String {
    let list = [
        "test",
        "--quiet",
        "--package",
        "interop",
        "--test",
        "it",
        "--",
        "--list",
        "--format",
        "terse",
    ];
    let listed = output(&mut command("cargo", list)).unwrap_or_default();
    let names: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    names.join("\n")
}

/// How many tests a log of skips names: a test that skips twice is one.
fn count_skipped(log: &str) -> usize {
    let names: BTreeSet<&str> = log.lines().filter_map(|line| line.split(": ").next()).collect();
    names.len()
}

/// `all is well`, and what has to be known beside it.
fn verdict(all_succeeded: bool, skipped: usize, count_all: impl FnOnce() -> usize) -> String {
    match (all_succeeded, skipped) {
        (false, _) => "something failed, see above".to_owned(),
        (true, 0) => "all is well".to_owned(),
        (true, _) => {
            format!("all is well, but {skipped} of {} interop tests were skipped", count_all())
        }
    }
}

/// The interop tests whose names contain a filter, against these peers.
pub(crate) fn interop_tests(peers: &Peers, filter: &[&str]) -> Command {
    // A report of its own: that of the other tests is not written over.
    let mut command = runner("interop", &["--package", "interop"]);
    command.args(filter).env("UPSHIFT_MISSING", peers.missing());
    command
}

fn tests() -> Command {
    // A feature that is not named is not tested.
    runner(
        "default",
        &["--workspace", "--exclude", "interop", "--features", "upshift-client/reqwest"],
    )
}

/// The test runner for some packages, with the programs on the other side in reach: nextest where
/// it is installed, for its reports and time-outs, else that of Cargo.
fn runner(profile: &str, packages: &[&str]) -> Command {
    let nextest = output(&mut command("cargo", ["nextest", "--version"])).is_ok();
    let mut words = vec!["test", "--quiet", "--all-targets"];
    if nextest {
        words =
            vec!["nextest", "run", "--profile", profile, "--cargo-quiet", "--status-level=slow"];
        words.extend(["--show-progress=none", "--no-tests=pass"]);
    }
    let mut command = command("cargo", words.iter().chain(packages));
    command.env("UPSHIFT_PEERS", peers::folder()).env("PATH", node::path());
    command
}

/// What came of each step.
#[derive(Default)]
struct Report {
    steps: Vec<(&'static str, bool, Duration)>,
}

impl Report {
    fn step(&mut self, name: &'static str, run: impl FnOnce() -> bool) {
        println!("── {name}");
        let begun = Instant::now();
        let succeeded = run();
        self.steps.push((name, succeeded, begun.elapsed()));
    }

    fn all_succeeded(&self) -> bool {
        self.steps.iter().all(|(_, succeeded, _)| *succeeded)
    }

    fn print(&self) {
        println!("── summary");
        for (name, succeeded, took) in &self.steps {
            println!(
                "  {} {name:<16}{:>5}.{} s",
                if *succeeded { "ok    " } else { "FAILED" },
                took.as_secs(),
                took.subsec_millis() / 100
            );
        }
        let ran_interop = self.steps.iter().any(|(name, ..)| *name == "interop");
        let log = std::fs::read_to_string(skipped_log()).ok();
        // Without an interop step, the log is that of another run.
        let skipped = log.filter(|_| ran_interop).unwrap_or_default();
        for line in skipped.lines() {
            println!("  skipped {line}");
        }
        if !ran_interop {
            println!("  skipped interop: asked for with --without-peers");
        }
        let total: Duration = self.steps.iter().map(|(.., took)| *took).sum();
        let verdict = verdict(self.all_succeeded(), count_skipped(&skipped), count_interop);
        println!("  {verdict}; {} min {} s", total.as_secs() / 60, total.as_secs() % 60);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind of fault: a misspelt name that runs nothing and succeeds.
    #[test]
    fn a_filter_that_fits_no_test_is_named() {
        let listed = "clients::a\npage::b";
        assert_eq!(unknown(&["page", "a"], listed), Findings::new());
        assert_eq!(unknown(&["page", "pgae"], listed), ["no interop test has `pgae` in its name"]);
    }

    /// The kind of fault: a summary that sounds as if everything had been tested.
    #[test]
    fn the_last_line_counts_what_was_skipped() {
        let log = "clients::a: nginx is not installed\nclients::a: curl is not installed\npage::b: no chromium\n";
        assert_eq!(count_skipped(log), 2);
        assert_eq!(verdict(true, 2, || 84), "all is well, but 2 of 84 interop tests were skipped");
        assert_eq!(verdict(true, 0, || 84), "all is well");
        assert_eq!(verdict(false, 2, || 84), "something failed, see above");
    }
}
