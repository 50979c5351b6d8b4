//! The CPU time per request under full load, and the requests per second: refused and proxied, over
//! HTTP/1.1 and over TLS with HTTP/2, pipelined, and each on a new TLS connection.
//!
//! The servers take turns, slice by slice, and every other round in the reverse order. Each slice
//! is compared with the slices of its round, so that a drift of the machine cancels out.

mod tables;
mod traffic;

use std::io;

use super::options::BenchOptions;
use super::request_kind::RequestKind;
use super::section::Section;
use super::servers::{RuleSet, ServerKind};
use super::test_bed::TestBed;
use tables::{LoadLane, describe_goal, describe_lanes};
use traffic::{PIPELINE_FILE, Traffic, measure_slice};

/// The requests that are sent at once when they are pipelined.
const PIPELINE: &str = include_str!("pipeline.lua");

/// Measures refusals over HTTP/1.1.
///
/// # Errors
/// If Upshift cannot be measured.
pub(crate) fn run_refusal(options: &BenchOptions, bed: &TestBed) -> io::Result<Section> {
    measure_section("refusal", &[Traffic::Plain(RequestKind::Refusal)], options, bed)
}

/// Measures proxied requests over HTTP/1.1.
///
/// # Errors
/// If Upshift cannot be measured.
pub(crate) fn run_proxied(options: &BenchOptions, bed: &TestBed) -> io::Result<Section> {
    measure_section("proxied", &[Traffic::Plain(RequestKind::Proxied)], options, bed)
}

/// Measures refusals and proxied requests over TLS with HTTP/2.
///
/// # Errors
/// If Upshift cannot be measured.
pub(crate) fn run_h2(options: &BenchOptions, bed: &TestBed) -> io::Result<Section> {
    let traffic = [Traffic::Plain(RequestKind::RefusalH2), Traffic::Plain(RequestKind::ProxiedH2)];
    measure_section("h2", &traffic, options, bed)
}

/// Measures pipelined refusals.
///
/// # Errors
/// If Upshift cannot be measured.
pub(crate) fn run_pipelined(options: &BenchOptions, bed: &TestBed) -> io::Result<Section> {
    std::fs::write(bed.folder().join(PIPELINE_FILE), PIPELINE)?;
    measure_section("pipelined", &[Traffic::Pipelined], options, bed)
}

/// Measures TLS handshakes.
///
/// # Errors
/// If Upshift cannot be measured.
pub(crate) fn run_handshakes(options: &BenchOptions, bed: &TestBed) -> io::Result<Section> {
    measure_section("handshakes", &[Traffic::Handshakes], options, bed)
}

fn measure_section(
    name: &'static str,
    all_traffic: &[Traffic],
    options: &BenchOptions,
    bed: &TestBed,
) -> io::Result<Section> {
    let mut section = Section::new(name);
    let mut lanes = Vec::new();
    for kind in &options.servers {
        let server = bed.start(*kind, RuleSet::Five)?;
        lanes.push(LoadLane { server, slices: Vec::new() });
    }
    for traffic in all_traffic {
        let left_out = measure_rounds(*traffic, &mut lanes, options.rounds, bed)?;
        describe_lanes(*traffic, &lanes, &mut section);
        for reason in left_out {
            section.add_text(&reason);
        }
        describe_goal(*traffic, &lanes, &mut section, bed)?;
        for lane in &mut lanes {
            lane.slices.clear();
        }
    }
    Ok(section)
}

/// Measures all rounds. Returns why a server is left out, a line each.
fn measure_rounds(
    traffic: Traffic,
    lanes: &mut [LoadLane],
    rounds: usize,
    bed: &TestBed,
) -> io::Result<Vec<String>> {
    let mut left_out = Vec::new();
    let mut able = Vec::new();
    for (place, lane) in lanes.iter().enumerate() {
        // The first slice warms the server up, and is not counted.
        match measure_slice(traffic, &lane.server, bed) {
            Ok(_) => able.push(place),
            Err(error) if lane.server.kind == ServerKind::Upshift => return Err(error),
            Err(error) => {
                left_out.push(format!("{} is left out: {error}.", lane.server.kind.name()));
            }
        }
    }
    for round in 1..=rounds {
        println!("  {}: round {round} of {rounds}", traffic.describe());
        for place in &able {
            let lane = &mut lanes[*place];
            lane.slices.push(measure_slice(traffic, &lane.server, bed)?);
        }
        able.reverse();
    }
    Ok(left_out)
}
