//! `cargo xtask test`: every check and every test, one step after the other, and at the end the
//! result of each.

use crate::checkout::Snapshot;
use crate::interop::TestGroup;
use crate::run::{SELECTION, command, succeeds};
use crate::summary::Summary;
use crate::{
    Findings, arrows, docs, fuzz, hygiene, interop, modules, msrv, peers, print_findings, tools,
};

/// The steps that need a program beside Rust.
const WITH_OTHER_PROGRAMS: [&str; 2] = ["fuzz", "interop"];

/// Runs every step; true when none fails. Without peers, nothing is installed, and the steps that
/// need another program are skipped by name.
pub(crate) fn test(with_peers: bool) -> bool {
    let mut summary = Summary::default();
    let before = Snapshot::take();
    let mut found = None;
    if with_peers {
        summary.run_step("peers", || {
            let peers = peers::set_up();
            peers.print();
            let suffice = peers.suffice();
            found = Some(peers);
            suffice
        });
        summary.run_step("tools", tools::set_up);
    }
    check_sources(&mut summary);
    run_tests(&mut summary);
    match found {
        Some(peers) => {
            summary.run_step("fuzz", fuzz::run);
            summary.run_step("interop", || interop::run(&peers, &[]));
        }
        None => {
            for name in WITH_OTHER_PROGRAMS {
                summary.skip_step(name, "asked for with --without-peers");
            }
        }
    }
    summary.run_step("checkout", || print_findings(&before.changes_until(&Snapshot::take())));
    print_summary(&summary);
    !summary.has_failed()
}

/// Checks the sources, without running the product.
fn check_sources(summary: &mut Summary) {
    summary.run_step("arrows", || print_findings(&check_arrows()));
    summary.run_step("hygiene", || print_findings(&hygiene::check()));
    summary.run_step("dependencies", tools::check_dependencies);
    summary.run_step("format", || succeeds(&mut command("cargo", ["fmt", "--all", "--check"])));
    summary.run_step("clippy", || {
        let lint = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
        succeeds(&mut command("cargo", lint))
    });
    summary.run_step("features", tools::check_features);
    summary.run_step("oldest Rust", msrv::check);
}

fn run_tests(summary: &mut Summary) {
    summary.run_step("tests", || succeeds(&mut interop::test_runner(TestGroup::Others)));
    summary.run_step("doc tests", || {
        succeeds(command("cargo", ["test", "--quiet", "--doc"]).args(SELECTION))
    });
    summary.run_step("generated docs", || print_findings(&docs::check()));
}

/// The arrows between crates, and those between the modules of each.
pub(crate) fn check_arrows() -> Findings {
    let mut findings = arrows::check();
    findings.extend(modules::check());
    findings
}

fn print_summary(summary: &Summary) {
    summary.print_steps();
    // Without an interop step, the log is from another run.
    let skipped = if summary.ran("interop") { interop::read_skipped() } else { String::new() };
    for line in skipped.lines() {
        println!("  skipped {line}");
    }
    let skipped = interop::count_skipped(&skipped);
    summary.print_verdict(&verdict(summary.has_failed(), skipped, interop::count_tests));
}

/// The verdict in words, with the number of interop tests that were skipped.
fn verdict(has_failed: bool, skipped: usize, count_all: impl FnOnce() -> usize) -> String {
    match (has_failed, skipped) {
        (true, _) => "something failed, see above".to_owned(),
        (false, 0) => "all is well".to_owned(),
        (false, _) => {
            format!("all is well, but {skipped} of {} interop tests were skipped", count_all())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last line counts the skipped tests, so that it does not sound as if everything had been
    /// tested.
    #[test]
    fn the_last_line_counts_what_was_skipped() {
        assert_eq!(verdict(false, 2, || 84), "all is well, but 2 of 84 interop tests were skipped");
        assert_eq!(verdict(false, 0, || 84), "all is well");
        assert_eq!(verdict(true, 2, || 84), "something failed, see above");
    }
}
