//! The project's own commands: `cargo xtask COMMAND`.
//!
//! A rule of the project that a machine can check is a command here, not a sentence in a guide.
//! `cargo xtask test` runs them all; it is what CI runs.

mod arrows;
mod bare;
mod checkout;
mod debian;
mod docs;
mod fuzz;
mod hygiene;
mod interop;
mod measure;
mod modules;
mod msrv;
mod node;
mod peers;
mod run;
mod suite;
mod summary;
mod tools;
mod torture;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--without-peers]   everything below, with what it needs; what CI runs
  peers                    set up the programs that the interop tests talk to
  interop [FILTER…]        the tests against real servers, clients and browsers
  torture [PART…]          the attacks of docs/security.md, and a table of what came of them
  fuzz                     the targets of fuzz/, each for some seconds
  bare [RELEASE [PART]]    both commands of the README, demo and tests, on a bare Debian (bookworm); not in CI
  arrows                   which crate may use which, and which module; the core stays pure
  hygiene                  names, sizes, lints; every skip has its reason; no file of somebody's own, no secret
  measure [FOLDER]         how the code reads, in numbers (crates)
  docs [--check]           write what is generated: the schema, the command line's page";

/// The faults that a check found, one line each.
type Findings = Vec<String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => suite::test(true),
        ["test", "--without-peers"] => suite::test(false),
        ["peers"] => {
            let peers = peers::set_up();
            peers.print();
            peers.suffice()
        }
        ["interop", filters @ ..] => interop::run(&peers::found(), filters),
        ["torture", parts @ ..] => torture::run(&peers::set_up(), parts),
        ["fuzz"] => fuzz::run().print(),
        ["bare"] => bare::run("bookworm", &[]),
        ["bare", release, parts @ ..] => bare::run(release, parts),
        ["arrows"] => print_findings(&suite::check_arrows()),
        ["hygiene"] => print_findings(&hygiene::check()),
        ["measure"] => measure::print("crates"),
        ["measure", folder] => measure::print(folder),
        ["docs"] => print_findings(&docs::write()),
        ["docs", "--check"] => print_findings(&docs::check()),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            true
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the findings; true when there are none.
fn print_findings(findings: &[String]) -> bool {
    for finding in findings {
        eprintln!("  {finding}");
    }
    findings.is_empty()
}
