//! `cargo xtask bench usage`: the cost of recording adoption, per refused request.
//!
//! Two gateways differ only in `record`. They take turns in the order A, B, B, A, so that neither
//! gains from a drift of the machine. The CPU time is that of all threads, those that merge and
//! write included.

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::bench::cpu_time::process_seconds;
use crate::bench::statistics::median;
use crate::run::{command, find, output, succeeds, target};

const ROUNDS: usize = 5;

/// The policy, without the line that says whether adoption is recorded.
const POLICY: &str = include_str!("policy.toml");

/// Requests of 5,000 callers with four versions and twenty clients, all of which are refused.
const REQUESTS: &str = include_str!("requests.lua");

/// A gateway, and the microseconds of CPU time per request of its runs so far.
struct Contestant {
    name: &'static str,
    gateway: Child,
    address: String,
    costs: Vec<f64>,
}

/// Measures, and prints a table; false if a program is missing or fails.
pub(crate) fn run() -> bool {
    for program in ["wrk", "taskset"] {
        if find(program).is_none() {
            eprintln!("  {program} is not installed; `cargo xtask peers` sets it up");
            return false;
        }
    }
    let build = ["build", "--quiet", "--release", "--package", "upshift"];
    if !succeeds(&mut command("cargo", build)) {
        return false;
    }
    match measure_all() {
        Ok(contestants) => {
            print_table(&contestants);
            true
        }
        Err(error) => {
            eprintln!("  {error}");
            false
        }
    }
}

fn measure_all() -> io::Result<[Contestant; 2]> {
    let folder = target().join("bench-usage");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("requests.lua"), REQUESTS)?;
    let mut pair = [
        Contestant::start("recording", true, &folder)?,
        Contestant::start("not recording", false, &folder)?,
    ];
    for round in 1..=ROUNDS {
        println!("  round {round} of {ROUNDS}");
        for turn in [0, 1, 1, 0] {
            pair[turn].measure_once(&folder)?;
        }
    }
    std::fs::remove_dir_all(folder)?;
    Ok(pair)
}

impl Contestant {
    fn start(name: &'static str, record: bool, folder: &Path) -> io::Result<Self> {
        let policy = folder.join(format!("{record}.toml"));
        let store = folder.join(format!("{record}.db"));
        let text = POLICY.replace("STORE", &store.to_string_lossy());
        std::fs::write(&policy, text.replace("RECORD", &record.to_string()))?;
        let mut gateway = Command::new("taskset")
            .args(["--cpu-list", "0"])
            .arg(target().join("release/upshift"))
            .args(["serve", "--config"])
            .arg(&policy)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let address = listening_address(&mut gateway)?;
        Ok(Self { name, gateway, address, costs: Vec::new() })
    }

    /// Sends requests for some seconds, and adds their cost.
    #[expect(clippy::disallowed_methods, reason = "this thread serves no connections")]
    fn measure_once(&mut self, folder: &Path) -> io::Result<()> {
        let before = process_seconds(self.gateway.id())?;
        let requests = send_requests(&self.address, &folder.join("requests.lua"))?;
        // The last handover, and its write.
        std::thread::sleep(Duration::from_secs(2));
        let spent = process_seconds(self.gateway.id())? - before;
        self.costs.push(spent * 1e6 / requests as f64);
        Ok(())
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.gateway.kill().ok();
        self.gateway.wait().ok();
    }
}

/// The address of the HTTP listener, which a gateway prints when it is ready.
fn listening_address(gateway: &mut Child) -> io::Result<String> {
    let Some(stderr) = gateway.stderr.take() else {
        return Err(io::Error::other("the gateway has no stderr"));
    };
    let mut lines = BufReader::new(stderr).lines();
    for line in &mut lines {
        let line = line?;
        if let Some((_, rest)) = line.split_once("listening on http://") {
            let address = rest.split_whitespace().next().unwrap_or_default().to_owned();
            // A pipe that is not read would fill, and stop the gateway.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(address);
        }
    }
    Err(io::Error::other("the gateway ended before it was ready"))
}

/// Runs `wrk` for some seconds, and returns the number of requests.
fn send_requests(address: &str, script: &Path) -> io::Result<u64> {
    let mut wrk = command("taskset", ["--cpu-list", "1", "wrk", "-t1", "-c16", "-d4s", "-s"]);
    let printed = output(wrk.arg(script).arg(format!("http://{address}/")));
    let printed = printed.map_err(io::Error::other)?;
    let line = printed.lines().find(|line| line.contains("requests in"));
    let number = line.and_then(|line| line.split_whitespace().next());
    match number.and_then(|number| number.parse().ok()) {
        Some(requests) if requests > 0 => Ok(requests),
        _ => Err(io::Error::other(format!("wrk sent no requests: {printed}"))),
    }
}

fn print_table(contestants: &[Contestant; 2]) {
    println!("  {:<16}{:>10}{:>16}", "µs per refusal", "median", "spread");
    let mut medians = Vec::new();
    for contestant in contestants {
        let mut costs = contestant.costs.clone();
        costs.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (costs.first(), costs.last()) else { continue };
        let middle = median(&costs);
        println!("  {:<16}{middle:>10.2}{:>16}", contestant.name, format!("{least:.2}–{most:.2}"));
        medians.push(middle);
    }
    if let [recording, without] = medians[..] {
        let more = (recording / without - 1.0) * 100.0;
        println!("  recording costs {more:.1} % more CPU per refusal");
    }
}
