//! The benchmarks beside other servers: what they need, and their turn.

use std::io;

use super::options::BenchOptions;
use super::page::write_section;
use super::section::Section;
use super::servers::{ServerKind, python_home};
use super::test_bed::TestBed;
use super::{counts, growth, latency, memory, throughput, usage};
use crate::peers::{install_programs, install_python};
use crate::run::root;

type Measure = fn(&BenchOptions, &TestBed) -> io::Result<Section>;

/// The benchmarks by name, in the order in which all of them run.
const BENCHMARKS: [(&str, Measure); 10] = [
    ("refusal", throughput::run_refusal),
    ("proxied", throughput::run_proxied),
    ("h2", throughput::run_h2),
    ("pipelined", throughput::run_pipelined),
    ("latency", latency::run),
    ("handshakes", throughput::run_handshakes),
    ("memory", memory::run),
    ("rules", growth::run),
    ("counts", counts::run),
    ("usage", usage::run),
];

/// The programs that measure, and the upstream, with their Debian packages.
const TOOLS: [(&str, &str); 9] = [
    ("nginx", "nginx-light"),
    ("wrk", "wrk"),
    ("h2load", "nghttp2-client"),
    ("openssl", "openssl"),
    ("taskset", "util-linux"),
    ("setpriv", "util-linux"),
    ("strace", "strace"),
    ("valgrind", "valgrind"),
    ("haproxy", "haproxy"),
];

/// The names of the benchmarks.
pub(crate) fn names() -> Vec<&'static str> {
    BENCHMARKS.iter().map(|(name, _)| *name).collect()
}

/// Runs the benchmark of a name, or all; prints and writes their sections.
///
/// # Errors
/// If a program is missing, Upshift cannot be measured, or a count is above its limit.
pub(crate) fn run(name: Option<&str>, words: &[&str]) -> Result<(), String> {
    let mut options = BenchOptions::parse(words)?;
    let gateway = options.find_gateway()?;
    install_tools()?;
    let missing = leave_out_missing(&mut options);
    let bed = TestBed::set_up(&gateway).map_err(|error| error.to_string())?;
    let mut failures = Vec::new();
    for (known, measure) in BENCHMARKS {
        if name.is_some_and(|name| name != known) {
            continue;
        }
        println!("── {known}");
        // The others are worth their time even if this one fails.
        let outcome = match measure(&options, &bed) {
            Ok(section) => report_section(section, &options, &missing),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = outcome {
            failures.push(format!("{known}: {why}"));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n  ")) }
}

/// Prints a section with a line about the run, and writes it if that is asked for.
fn report_section(
    mut section: Section,
    options: &BenchOptions,
    missing: &[String],
) -> Result<(), String> {
    section.add_text(&describe_run(section.name, options.rounds));
    for reason in missing {
        section.add_text(reason);
    }
    println!("{}", section.markdown());
    if options.writes { write_section(&section) } else { Ok(()) }
}

fn install_tools() -> Result<(), String> {
    for (program, found) in install_programs(&TOOLS) {
        // Without HAProxy, the others are measured.
        if let Err(why) = found
            && program != "haproxy"
        {
            return Err(format!("{program} is missing: {why}"));
        }
    }
    if let Err(why) = install_python(&root().join("xtask/bench.txt"), &python_home()) {
        println!("  {why}");
    }
    Ok(())
}

/// Removes the servers that are not installed. Returns a line about each.
fn leave_out_missing(options: &mut BenchOptions) -> Vec<String> {
    let mut missing = Vec::new();
    for server in ServerKind::ALL {
        let is_present = server == ServerKind::Upshift || server.find_program().is_some();
        if !is_present && options.servers.contains(&server) {
            options.servers.retain(|other| *other != server);
            missing.push(format!("{} is left out: it is not installed.", server.name()));
        }
    }
    missing
}

/// The rounds, and how busy the machine was.
fn describe_run(name: &str, rounds: usize) -> String {
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = averages.split(' ').next().unwrap_or_default();
    // These have no rounds: a count and the size of a memory hardly vary.
    if matches!(name, "counts" | "memory") {
        return format!("Load average at the end: {load}.");
    }
    format!("{rounds} rounds; load average at the end: {load}.")
}
