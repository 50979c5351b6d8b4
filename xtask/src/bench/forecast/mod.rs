//! `cargo xtask bench forecast`: the speed of `upshift forecast` beside `goaccess` and `wc -l`.
//!
//! The programs take turns, round by round, so that a busy machine slows all of them alike. Speeds
//! are bytes per second of CPU time, which other programs change much less than the time by the
//! clock.

mod logs;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::bench::cpu_time::{Timed, run_timed};
use crate::bench::statistics::median;
use crate::run::{command, find, succeeds, target};
use logs::{LogKind, MadeLog, make_logs};

const ROUNDS: usize = 7;

/// A policy of ten rules of all kinds, of which most requests meet those that apply to them.
const POLICY: &str = include_str!("policy.toml");

/// A program with a log, and its runs so far.
struct Contestant {
    name: String,
    log: PathBuf,
    bytes: u64,
    command: fn(&Contestant) -> Command,
    runs: Vec<Timed>,
}

/// Measures, and prints a table; false if a program is missing or fails.
pub(crate) fn run() -> bool {
    let build = ["build", "--quiet", "--release", "--package", "upshift"];
    if !succeeds(&mut command("cargo", build)) {
        return false;
    }
    let folder = target().join("bench-forecast");
    let logs = match make_logs(&folder) {
        Ok(logs) => logs,
        Err(error) => {
            eprintln!("  cannot write the logs to {}: {error}", folder.display());
            return false;
        }
    };
    if let Err(error) = std::fs::write(policy_file(), POLICY) {
        eprintln!("  cannot write {}: {error}", policy_file().display());
        return false;
    }
    let mut contestants = contestants_for(&logs);
    for round in 1..=ROUNDS {
        println!("  round {round} of {ROUNDS}");
        for contestant in &mut contestants {
            let mut program = (contestant.command)(contestant);
            match run_timed(program.stdout(Stdio::null()).stderr(Stdio::null())) {
                Ok(timed) => contestant.runs.push(timed),
                Err(error) => {
                    eprintln!("  {}: {error}", contestant.name);
                    return false;
                }
            }
        }
    }
    print_table(&contestants);
    std::fs::remove_dir_all(folder).ok();
    true
}

fn policy_file() -> PathBuf {
    target().join("bench-forecast/upshift.toml")
}

/// `wc` and the forecast with each log, and `goaccess` with the small one if it is installed.
fn contestants_for(logs: &[MadeLog]) -> Vec<Contestant> {
    let mut contestants = Vec::new();
    for log in logs {
        let name = log.kind.describe();
        if log.kind == LogKind::Small {
            if find("goaccess").is_none() {
                println!("  goaccess is not installed; `cargo xtask peers` sets it up");
                continue;
            }
            contestants.push(Contestant::new("goaccess".to_owned(), log, goaccess_command));
            continue;
        }
        if log.kind == LogKind::Usual {
            contestants.push(Contestant::new("wc -l".to_owned(), log, wc_command));
        }
        contestants.push(Contestant::new(format!("forecast, {name}"), log, forecast_command));
    }
    contestants
}

fn forecast_command(contestant: &Contestant) -> Command {
    let mut command = Command::new(target().join("release/upshift"));
    command.args(["forecast", "--json", "--config"]).arg(policy_file()).arg(&contestant.log);
    command
}

fn wc_command(contestant: &Contestant) -> Command {
    let mut command = Command::new("wc");
    command.arg("-l").arg(&contestant.log);
    command
}

fn goaccess_command(contestant: &Contestant) -> Command {
    let mut command = Command::new("goaccess");
    command.arg(&contestant.log).args(["--no-global-config", "--log-format=COMBINED"]);
    command.arg("--output").arg(target().join("bench-forecast/goaccess.json"));
    command
}

impl Contestant {
    fn new(name: String, log: &MadeLog, command: fn(&Self) -> Command) -> Self {
        Self { name, log: log.path.clone(), bytes: log.bytes, command, runs: Vec::new() }
    }

    /// The speeds of the runs in GB per second of CPU time, the slowest first.
    fn speeds(&self) -> Vec<f64> {
        let mut speeds: Vec<f64> =
            self.runs.iter().map(|run| self.bytes as f64 / run.cpu_seconds / 1e9).collect();
        speeds.sort_by(f64::total_cmp);
        speeds
    }

    fn peak_megabytes(&self) -> u64 {
        self.runs.iter().map(|run| run.peak_kilobytes / 1024).max().unwrap_or_default()
    }
}

/// Prints the median, the slowest and the fastest run of each program, the ratio of the medians to
/// that of `wc -l`, and the most memory.
fn print_table(contestants: &[Contestant]) {
    println!(
        "  {:<42}{:>8}{:>16}{:>10}{:>10}",
        "GB/s of CPU time", "median", "spread", "of wc -l", "peak MB"
    );
    let Some(floor) = contestants.iter().find(|contestant| contestant.name == "wc -l") else {
        return;
    };
    let floor = median(&floor.speeds());
    for contestant in contestants {
        let speeds = contestant.speeds();
        let (Some(slowest), Some(fastest)) = (speeds.first(), speeds.last()) else { continue };
        let middle = median(&speeds);
        println!(
            "  {:<42}{middle:>8.3}{:>16}{:>10}{:>10}",
            contestant.name,
            format!("{slowest:.3}–{fastest:.3}"),
            format!("1/{:.1}", floor / middle),
            contestant.peak_megabytes()
        );
    }
}
