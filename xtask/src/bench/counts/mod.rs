//! `cargo xtask bench counts`: user-space instructions and system calls per request.
//!
//! Each count is the difference between a run of many requests and one of few, over the same number
//! of connections: so the costs of connections and TLS handshakes cancel out.

mod gate;
mod strace;
mod tables;

use std::collections::BTreeMap;
use std::io;

use super::callgrind::{CountedServer, InstructionProfile};
use super::h2load::Amount;
use super::options::{BenchOptions, CountsUse};
use super::request_kind::RequestKind;
use super::section::{Section, Table};
use super::servers::{RuleSet, RunningServer, ServerKind};
use super::test_bed::TestBed;
use gate::GatedCounts;
use strace::count_calls;
use tables::{describe_counts, profile_table};

const FEW: u64 = 1000;
const MANY: u64 = 5000;

/// The functions that a profile names.
const NAMED_FUNCTIONS: usize = 12;

/// The counts of one server and one kind of request.
#[derive(Debug)]
struct RequestCounts {
    server: ServerKind,
    kind: RequestKind,
    /// `None` for a server that does not run within callgrind.
    instructions: Option<f64>,
    system_calls: BTreeMap<String, f64>,
    /// The functions with the most instructions, and their shares.
    profile: Vec<(String, f64)>,
}

/// The calls by which a thread waits. A busy machine makes it wait less often, or more.
const WAITS: [&str; 5] = ["epoll_wait", "epoll_pwait", "futex", "clock_nanosleep", "sched_yield"];

impl RequestCounts {
    /// The number of system calls that does not depend on how busy the machine is.
    fn calls_without_waits(&self) -> f64 {
        let mut sum = 0.0;
        for (name, number) in &self.system_calls {
            if !WAITS.contains(&name.as_str()) {
                sum += number;
            }
        }
        sum
    }
}

/// Counts for all servers. Compares the counts of Upshift with their limits if that is asked for.
///
/// # Errors
/// If a count of Upshift fails, or is above its limit.
pub(crate) fn run(options: &BenchOptions, bed: &TestBed) -> io::Result<Section> {
    let mut section = Section::new("counts");
    let mut all = Vec::new();
    for server in &options.servers {
        println!("  counting {}", server.name());
        match count_server(bed, *server) {
            Ok(counts) => all.extend(counts),
            Err(error) if *server == ServerKind::Upshift => return Err(error),
            Err(error) => section.add_text(&format!("{} is left out: {error}", server.name())),
        }
    }
    describe_counts(&all, &mut section);
    match options.counts {
        CountsUse::Report => {}
        CountsUse::Gate => gate_counts(&all)?,
        CountsUse::Update => gate::update_limits(&own_counts(&all))?,
    }
    Ok(section)
}

/// The profile of one kind of request of Upshift, as a table: for a goal that is missed elsewhere.
///
/// # Errors
/// If valgrind is not installed, or Upshift does not run within it.
pub(crate) fn profile_requests(bed: &TestBed, kind: RequestKind) -> io::Result<Table> {
    let mut server = CountedServer::start(bed, ServerKind::Upshift)?;
    let (instructions, profile) = count_instructions(&mut server, kind)?;
    Ok(profile_table(instructions, &top_functions(&profile)))
}

fn count_server(bed: &TestBed, server: ServerKind) -> io::Result<Vec<RequestCounts>> {
    let mut all = Vec::new();
    let plain = bed.start(server, RuleSet::Five)?;
    for kind in RequestKind::ALL {
        let system_calls = count_system_calls(bed, &plain, kind)?;
        all.push(RequestCounts {
            server,
            kind,
            instructions: None,
            system_calls,
            profile: Vec::new(),
        });
    }
    drop(plain);
    // Go's runtime and Envoy take minutes within valgrind, if they run at all.
    if matches!(server, ServerKind::Envoy | ServerKind::Caddy) {
        return Ok(all);
    }
    let mut counted = CountedServer::start(bed, server)?;
    for counts in &mut all {
        let (instructions, profile) = count_instructions(&mut counted, counts.kind)?;
        counts.instructions = Some(instructions);
        counts.profile = top_functions(&profile);
    }
    Ok(all)
}

/// Instructions per request, and where they are.
fn count_instructions(
    counted: &mut CountedServer,
    kind: RequestKind,
) -> io::Result<(f64, InstructionProfile)> {
    let url = kind.url(&counted.server);
    send_requests(kind, &url, FEW)?;
    let few = counted.count_while(|| send_requests(kind, &url, FEW))?;
    let many = counted.count_while(|| send_requests(kind, &url, MANY))?;
    let difference = many.total.saturating_sub(few.total);
    Ok((difference as f64 / (MANY - FEW) as f64, many))
}

/// System calls per request, by name.
fn count_system_calls(
    bed: &TestBed,
    server: &RunningServer,
    kind: RequestKind,
) -> io::Result<BTreeMap<String, f64>> {
    let url = kind.url(server);
    send_requests(kind, &url, FEW)?;
    let few = count_calls(bed, server.id(), || send_requests(kind, &url, FEW))?;
    let many = count_calls(bed, server.id(), || send_requests(kind, &url, MANY))?;
    let mut per_request = BTreeMap::new();
    for (name, number) in many {
        let before = few.get(&name).copied().unwrap_or_default();
        let difference = number.saturating_sub(before);
        per_request.insert(name, difference as f64 / (MANY - FEW) as f64);
    }
    Ok(per_request)
}

fn send_requests(kind: RequestKind, url: &str, requests: u64) -> io::Result<()> {
    let counts = kind.h2load(url, Amount::Requests(requests)).run()?;
    let expected = if kind.is_refused() { 0 } else { requests };
    if (counts.done, counts.succeeded) == (requests, expected) {
        return Ok(());
    }
    Err(io::Error::other(format!("{}: unexpected answers: {counts:?}", kind.describe())))
}

/// The functions with the most instructions, and their shares of all.
fn top_functions(profile: &InstructionProfile) -> Vec<(String, f64)> {
    let mut functions = Vec::new();
    for (name, cost) in &profile.functions {
        functions.push((name.clone(), *cost as f64 / profile.total as f64));
    }
    functions.sort_by(|one, other| other.1.total_cmp(&one.1));
    functions.truncate(NAMED_FUNCTIONS);
    functions
}

fn is_own(counts: &RequestCounts) -> bool {
    counts.server == ServerKind::Upshift
}

fn own_counts(all: &[RequestCounts]) -> Vec<GatedCounts> {
    let mut own = Vec::new();
    for counts in all.iter().filter(|counts| is_own(counts)) {
        own.push(GatedCounts {
            kind: counts.kind.name(),
            instructions: counts.instructions.unwrap_or_default(),
            system_calls: counts.calls_without_waits(),
        });
    }
    own
}

fn gate_counts(all: &[RequestCounts]) -> io::Result<()> {
    let findings = gate::check_limits(&own_counts(all));
    if findings.is_empty() {
        println!("  all counts are within 5 % of xtask/counts.toml");
        return Ok(());
    }
    Err(io::Error::other(findings.join("\n  ")))
}
