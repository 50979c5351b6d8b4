//! `cargo xtask bench latency`: the waits of requests at a fixed rate that every server sustains.

use std::io;

use super::chart::{Bar, draw_bars};
use super::fixed_rate::FixedRate;
use super::http1::request_bytes;
use super::options::BenchOptions;
use super::process::CpuTime;
use super::request_kind::RequestKind;
use super::section::{Chart, Section, Table, judge_goal};
use super::servers::{RuleSet, RunningServer, ServerKind};
use super::statistics::{Spread, percentile};
use super::test_bed::TestBed;

const PER_SECOND: u32 = 5000;

/// Three seconds of requests.
const REQUESTS: u32 = 3 * PER_SECOND;

/// The p99 of Upshift ÷ that of nginx.
const GOAL: f64 = 1.05;

/// The waits of a slice, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Waits {
    half: f64,
    most: f64,
    /// The 999th of a thousand.
    extreme: f64,
    cpu_per_request: f64,
}

/// A server and its slices so far.
struct LatencyLane {
    server: RunningServer,
    slices: Vec<Waits>,
}

/// Measures refused and proxied requests.
///
/// # Errors
/// If a server cannot be measured.
pub(crate) fn run(options: &BenchOptions, bed: &TestBed) -> io::Result<Section> {
    let mut section = Section::new("latency");
    let mut lanes = Vec::new();
    for kind in &options.servers {
        let server = bed.start(*kind, RuleSet::Five)?;
        lanes.push(LatencyLane { server, slices: Vec::new() });
    }
    for kind in [RequestKind::Refusal, RequestKind::Proxied] {
        measure_rounds(kind, &mut lanes, options.rounds)?;
        describe(kind, &lanes, &mut section);
        for lane in &mut lanes {
            lane.slices.clear();
        }
    }
    Ok(section)
}

fn measure_rounds(kind: RequestKind, lanes: &mut [LatencyLane], rounds: usize) -> io::Result<()> {
    for lane in &*lanes {
        // The first slice warms the server up, and is not counted.
        measure_slice(kind, &lane.server)?;
    }
    for round in 1..=rounds {
        println!("  {}: round {round} of {rounds}", kind.describe());
        for turn in 0..lanes.len() {
            let place = if round % 2 == 1 { turn } else { lanes.len() - 1 - turn };
            let lane = &mut lanes[place];
            lane.slices.push(measure_slice(kind, &lane.server)?);
        }
    }
    Ok(())
}

fn measure_slice(kind: RequestKind, server: &RunningServer) -> io::Result<Waits> {
    let before = CpuTime::read(server.id())?;
    let rate = FixedRate {
        address: server.http,
        request: request_bytes(server.http, &server.path, kind.version()),
        status: kind.status(),
        connections: 32,
        per_second: PER_SECOND,
        requests: REQUESTS,
    };
    let waits = rate.run()?;
    let cpu = CpuTime::read(server.id())?.since(before);
    Ok(Waits {
        half: percentile(&waits, 0.5),
        most: percentile(&waits, 0.99),
        extreme: percentile(&waits, 0.999),
        cpu_per_request: cpu.nanoseconds as f64 / 1000.0 / f64::from(REQUESTS),
    })
}

impl LatencyLane {
    fn values_of(&self, read: fn(&Waits) -> f64) -> Vec<f64> {
        self.slices.iter().map(read).collect()
    }
}

fn describe(kind: RequestKind, lanes: &[LatencyLane], section: &mut Section) {
    let heading = format!("{}, {PER_SECOND} per second", kind.describe());
    let mut table = Table::new(&[
        &heading,
        "p50 µs",
        "p99 µs",
        "spread of p99",
        "p99.9 µs",
        "CPU µs each",
        "p99 ÷ nginx",
    ]);
    let nginx = lanes.iter().find(|lane| lane.server.kind == ServerKind::Nginx);
    let mut bars = Vec::new();
    let mut own_ratio = None;
    for lane in lanes {
        let most = lane.values_of(|waits| waits.most);
        let Some(spread) = Spread::of(&most) else { continue };
        let ratio =
            nginx.and_then(|nginx| Spread::of_ratios(&most, &nginx.values_of(|waits| waits.most)));
        let is_own = lane.server.kind == ServerKind::Upshift;
        if is_own {
            own_ratio = ratio;
        }
        table.add_row(waits_row(lane, spread, ratio));
        bars.push(Bar { label: lane.server.kind.name().to_owned(), spread, is_own });
    }
    section.add_table(&table);
    let title = format!("{heading}: p99 in µs");
    let svg = draw_bars(&title, &bars, 0);
    section.add_chart(Chart { file: format!("latency-{}", kind.name()), title, svg });
    if let Some(ratio) = own_ratio {
        section.add_text(&judge_goal("p99 ÷ nginx", ratio.median, GOAL, 2).text);
    }
}

fn waits_row(lane: &LatencyLane, spread: Spread, ratio: Option<Spread>) -> Vec<String> {
    let medians = [
        lane.values_of(|waits| waits.half),
        lane.values_of(|waits| waits.extreme),
        lane.values_of(|waits| waits.cpu_per_request),
    ]
    .map(|values| Spread::of(&values).map_or(0.0, |spread| spread.median));
    let [half, extreme, cpu] = medians;
    vec![
        lane.server.kind.name().to_owned(),
        format!("{half:.0}"),
        format!("{:.0}", spread.median),
        spread.range(0),
        format!("{extreme:.0}"),
        format!("{cpu:.1}"),
        match ratio {
            Some(ratio) => format!("{:.2} ({})", ratio.median, ratio.range(2)),
            None => "not measured".to_owned(),
        },
    ]
}
