//! The project's own commands: `cargo xtask COMMAND`.
//!
//! A rule of the project that a machine can check is a command here, not a sentence in a guide. CI
//! runs `cargo xtask test`, which runs all of them.

mod arrows;
mod bare;
mod bench;
mod checkout;
mod debian;
mod docs;
mod fuzz;
mod hygiene;
mod interop;
mod league;
mod measure;
mod modules;
mod msrv;
mod node;
mod note_pages;
mod peers;
mod run;
mod suite;
mod summary;
mod tools;
mod torture;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--without-peers]   all checks and tests, as CI runs them; installs what is missing
  peers                    install the programs that the interop tests talk to
  interop [FILTER…]        the tests against real servers, clients and browsers
  league servers           probe the real servers, and write docs/league/servers.md
  league clients           grade the real clients, and write docs/league/clients.md
  league peers             probe the faulty peers of the mock, and write docs/league/peers.md
  torture [PART…]          the attacks of docs/security.md, and a table of the results
  fuzz                     the targets of fuzz/, each for some seconds
  bare [RELEASE [PART]]    both commands of the README, demo and tests, on a bare Debian (bookworm);
                           not in CI
  arrows                   the allowed dependencies of crates and modules; the core stays pure
  hygiene                  names, sizes, reasons for skips; no private files, no secrets
  measure [FOLDER]         numbers about the readability of the code (crates)
  bench [NAME] [FLAG…]     the gateway beside nginx, HAProxy, Envoy and Caddy: refusal, proxied, h2,
                           pipelined, latency, handshakes, memory, rules, counts; and usage, with
                           and without the recording of adoption; all without NAME
      --rounds N           slices of each server (9)
      --only A,B           upshift, nginx, haproxy, envoy, caddy
      --exe FILE           another binary of the gateway
      --write              write tables and charts into docs/performance.md and docs/charts
      --gate, --update     of counts: compare with xtask/counts.toml, or write it; --gate of
                           usage: fail if recording costs more than 3 % of the instructions
  bench decide             the time and instructions of a decision, by the number of rules; minutes
  bench forecast           the speed of upshift forecast beside goaccess and wc -l; some minutes
  docs [--check]           write or check the generated files: the schema, docs/command-line.md";

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
        ["interop", filters @ ..] => interop::run(&peers::find_installed(), filters),
        ["league", "servers"] => league::write_servers(),
        ["league", "clients"] => league::write_clients(),
        ["league", "peers"] => league::write_peers(),
        ["torture", parts @ ..] => torture::run(&peers::set_up(), parts),
        ["fuzz"] => fuzz::run().print(),
        ["bare"] => bare::run("bookworm", &[]),
        ["bare", release, parts @ ..] => bare::run(release, parts),
        ["arrows"] => print_findings(&suite::check_arrows()),
        ["hygiene"] => print_findings(&hygiene::check()),
        ["bench", words @ ..] => bench::run(words),
        ["measure"] => measure::print_numbers("crates"),
        ["measure", folder] => measure::print_numbers(folder),
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
