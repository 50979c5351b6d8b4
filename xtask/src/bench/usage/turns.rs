//! The CPU time per refusal, of two gateways that take turns.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::gateway::{MeasuredCase, RunningGateway};
use crate::bench::cpu_time::process_seconds;
use crate::bench::section::Table;
use crate::bench::statistics::Spread;
use crate::bench::test_bed::TestBed;
use crate::run::{command, output, pause};

/// Requests of 5,000 callers with four versions and twenty clients, all of which are refused.
const REQUESTS: &str = include_str!("requests.lua");

/// A gateway, and the microseconds of CPU time per request of its runs so far.
struct Contestant {
    name: &'static str,
    gateway: RunningGateway,
    costs: Vec<f64>,
}

/// Measures, and returns the table and the cost of recording in per cent.
///
/// The CPU time is that of all threads, those that merge and write included.
///
/// # Errors
/// If a gateway cannot be started, or `wrk` fails.
pub(super) fn measure_turns(bed: &TestBed, rounds: usize) -> io::Result<(Table, f64)> {
    let script = bed.folder().join("requests.lua");
    std::fs::write(&script, REQUESTS)?;
    let mut pair = [
        Contestant::start("recording", true, bed)?,
        Contestant::start("not recording", false, bed)?,
    ];
    for round in 1..=rounds {
        println!("  round {round} of {rounds}");
        // In this order, neither gains from a drift of the machine.
        for turn in [0, 1, 1, 0] {
            pair[turn].measure_once(&script)?;
        }
    }
    Ok(compare_costs(&pair))
}

impl Contestant {
    fn start(name: &'static str, record: bool, bed: &TestBed) -> io::Result<Self> {
        let gateway = RunningGateway::start(bed, MeasuredCase::Refusal, record, &[])?;
        Ok(Self { name, gateway, costs: Vec::new() })
    }

    /// Sends requests for some seconds, and adds their cost.
    fn measure_once(&mut self, script: &Path) -> io::Result<()> {
        let before = process_seconds(self.gateway.id())?;
        let requests = send_for_seconds(&self.gateway, script)?;
        // The last handover, and its write.
        pause(Duration::from_secs(2));
        let spent = process_seconds(self.gateway.id())? - before;
        self.costs.push(spent * 1e6 / requests as f64);
        Ok(())
    }
}

/// Runs `wrk` for some seconds, and returns the number of requests.
fn send_for_seconds(gateway: &RunningGateway, script: &Path) -> io::Result<u64> {
    let mut wrk = command("taskset", ["--cpu-list", "1", "wrk", "-t1", "-c16", "-d4s", "-s"]);
    let printed = output(wrk.arg(script).arg(format!("http://{}/", gateway.address)));
    let printed = printed.map_err(io::Error::other)?;
    let line = printed.lines().find(|line| line.contains("requests in"));
    let number = line.and_then(|line| line.split_whitespace().next());
    match number.and_then(|number| number.parse().ok()) {
        Some(requests) if requests > 0 => Ok(requests),
        _ => Err(io::Error::other(format!("wrk sent no requests: {printed}"))),
    }
}

fn compare_costs(pair: &[Contestant; 2]) -> (Table, f64) {
    let mut table = Table::new(&["CPU µs per refusal", "median", "spread"]);
    let mut medians = [0.0; 2];
    for (contestant, median) in pair.iter().zip(&mut medians) {
        let Some(spread) = Spread::of(&contestant.costs) else { continue };
        *median = spread.median;
        table.add_row(vec![
            contestant.name.to_owned(),
            format!("{:.2}", spread.median),
            spread.range(2),
        ]);
    }
    let [recording, without] = medians;
    (table, (recording / without - 1.0) * 100.0)
}
