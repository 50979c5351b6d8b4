//! `cargo xtask bench rules`: the growth of a start, of memory and of the CPU time per refusal with
//! the number of rules; and Upshift at rest and at its start with 10,000 rules.
//!
//! Each rule is for the paths of one service, and the refused requests are of the last one. nginx
//! and HAProxy have their fastest form of it, a map.

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::chart::{Line, draw_lines};
use super::options::BenchOptions;
use super::process::{CpuTime, read_memory, read_wakeups};
use super::request_kind::RequestKind;
use super::section::{Chart, Section, Table, judge_goal, plain_number};
use super::servers::{RuleSet, RunningServer, ServerKind};
use super::statistics::Spread;
use super::test_bed::TestBed;
use super::wrk::WrkLoad;
use crate::run::pause;

const COUNTS: [usize; 4] = [1, 10, 1000, 100_000];

/// Envoy and Caddy compare a request with one route after the other, and have no map.
const SERVERS: [ServerKind; 3] = [ServerKind::Upshift, ServerKind::Nginx, ServerKind::Haproxy];

/// The rules of the goals below.
const MANY_RULES: usize = 10_000;

/// The most times that Upshift may wake up in a second at rest.
const WAKEUPS_GOAL: f64 = 1.0;

/// The most seconds of a start, and of a check, of rules each of which it warns of.
const START_GOAL: f64 = 0.5;

/// The time for which a server at rest is watched.
const REST: Duration = Duration::from_secs(10);

/// A server with a number of rules.
struct GrowthLane {
    server: RunningServer,
    memory: u64,
    /// Microseconds of CPU time per refusal, of each slice.
    costs: Vec<f64>,
}

/// The measurements of a server with a number of rules.
struct Growth {
    server: ServerKind,
    rules: usize,
    started_in: Duration,
    memory: u64,
    cost: Spread,
}

/// Measures the growth, and then Upshift with 10,000 rules.
///
/// # Errors
/// If a server cannot be measured.
pub(crate) fn run(options: &BenchOptions, bed: &TestBed) -> io::Result<Section> {
    let mut section = Section::new("rules");
    let mut all = Vec::new();
    for rules in COUNTS {
        println!("  {rules} rules");
        all.extend(measure_count(rules, options, bed, &mut section)?);
    }
    describe_growth(&all, &mut section);
    if options.servers.contains(&ServerKind::Upshift) {
        describe_rest(bed, &mut section)?;
        describe_start(bed, &mut section)?;
    }
    Ok(section)
}

fn measure_count(
    rules: usize,
    options: &BenchOptions,
    bed: &TestBed,
    section: &mut Section,
) -> io::Result<Vec<Growth>> {
    let mut lanes = start_lanes(rules, options, bed, section)?;
    for lane in &lanes {
        measure_refusals(&lane.server)?;
    }
    for _ in 0..options.rounds {
        for lane in &mut lanes {
            lane.costs.push(measure_refusals(&lane.server)?);
        }
        lanes.reverse();
    }
    let mut measured = Vec::new();
    for lane in lanes {
        let Some(cost) = Spread::of(&lane.costs) else { continue };
        let (server, started_in) = (lane.server.kind, lane.server.started_in);
        measured.push(Growth { server, rules, started_in, memory: lane.memory, cost });
    }
    Ok(measured)
}

/// Starts the servers with so many rules, and says which do not start.
fn start_lanes(
    rules: usize,
    options: &BenchOptions,
    bed: &TestBed,
    section: &mut Section,
) -> io::Result<Vec<GrowthLane>> {
    let mut lanes = Vec::new();
    for kind in SERVERS {
        if !options.servers.contains(&kind) {
            continue;
        }
        match bed.start(kind, RuleSet::Services(rules)) {
            Ok(server) => {
                let memory = read_memory(server.id())?;
                lanes.push(GrowthLane { server, memory, costs: Vec::new() });
            }
            // To be too slow with so many rules is a result, too.
            Err(error) => section.add_text(&format!(
                "{} with {} rules is left out: {error}.",
                kind.name(),
                plain_number(rules as f64)
            )),
        }
    }
    Ok(lanes)
}

/// Sends requests that are refused for two seconds, and returns the CPU time of each.
fn measure_refusals(server: &RunningServer) -> io::Result<f64> {
    let before = CpuTime::read(server.id())?;
    let kind = RequestKind::Refusal;
    let load = WrkLoad {
        url: &kind.url(server),
        version: kind.version(),
        connections: 64,
        seconds: 2,
        closes: false,
        script: None,
    };
    let counts = load.run()?;
    if counts.refused != counts.requests {
        return Err(io::Error::other(format!("not all were refused: {counts:?}")));
    }
    let spent = CpuTime::read(server.id())?.since(before);
    Ok(spent.nanoseconds as f64 / 1000.0 / counts.requests as f64)
}

fn describe_growth(all: &[Growth], section: &mut Section) {
    let mut table =
        Table::new(&["rules", "server", "CPU µs per refusal", "spread", "memory MB", "start s"]);
    for rules in COUNTS {
        for kind in SERVERS {
            let Some(growth) = find_growth(all, kind, rules) else { continue };
            table.add_row(vec![
                plain_number(rules as f64),
                kind.name().to_owned(),
                format!("{:.2}", growth.cost.median),
                growth.cost.range(2),
                format!("{:.1}", growth.memory as f64 / 1e6),
                format!("{:.3}", growth.started_in.as_secs_f64()),
            ]);
        }
    }
    section.add_table(&table);
    let places = COUNTS.map(|rules| format!("{} rules", plain_number(rules as f64)));
    let title = "CPU µs per refusal, by the number of rules".to_owned();
    let svg = draw_lines(&title, &places, &growth_lines(all));
    section.add_chart(Chart { file: "rules".to_owned(), title, svg });
}

fn find_growth(all: &[Growth], server: ServerKind, rules: usize) -> Option<&Growth> {
    all.iter().find(|growth| growth.server == server && growth.rules == rules)
}

fn growth_lines(all: &[Growth]) -> Vec<Line> {
    let mut lines = Vec::new();
    for server in SERVERS {
        let mut values = Vec::new();
        for rules in COUNTS {
            values.push(find_growth(all, server, rules).map(|growth| growth.cost.median));
        }
        lines.push(Line {
            label: server.name().to_owned(),
            values,
            is_own: server == ServerKind::Upshift,
        });
    }
    lines
}

/// The wake-ups and the CPU time of Upshift at rest.
fn describe_rest(bed: &TestBed, section: &mut Section) -> io::Result<()> {
    let server = bed.start(ServerKind::Upshift, RuleSet::Services(MANY_RULES))?;
    pause(Duration::from_secs(5));
    let (cpu_before, wakeups_before) = (CpuTime::read(server.id())?, read_wakeups(server.id()));
    pause(REST);
    let cpu = CpuTime::read(server.id())?.since(cpu_before);
    let wakeups = read_wakeups(server.id()) - wakeups_before;
    let per_second = wakeups as f64 / REST.as_secs_f64();
    let microseconds = cpu.nanoseconds as f64 / 1000.0 / REST.as_secs_f64();
    section.add_text(&format!(
        "At rest with 10,000 rules: {microseconds:.0} µs of CPU time per second."
    ));
    let goal = judge_goal("wake-ups per second at rest", per_second, WAKEUPS_GOAL, 1);
    section.add_text(&goal.text);
    Ok(())
}

/// The time of a start and of a check, with a warning for each rule.
fn describe_start(bed: &TestBed, section: &mut Section) -> io::Result<()> {
    let server = bed.start(ServerKind::Upshift, RuleSet::Warnings(MANY_RULES))?;
    let start = server.started_in.as_secs_f64();
    let begun = Instant::now();
    let status = Command::new(bed.gateway())
        .args(["check", "--offline"])
        .arg(&server.configuration)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let check = begun.elapsed().as_secs_f64();
    if !status.success() {
        return Err(io::Error::other(format!(
            "the check of {MANY_RULES} rules ended with {status}"
        )));
    }
    let what = "with 10,000 rules and a warning for each";
    for (verb, seconds) in [("start", start), ("check", check)] {
        let goal = judge_goal(&format!("seconds of a {verb} {what}"), seconds, START_GOAL, 2);
        section.add_text(&goal.text);
    }
    Ok(())
}
