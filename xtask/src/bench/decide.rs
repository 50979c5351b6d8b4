//! `cargo xtask bench decide`: the cost of a decision, by the number of rules.
//!
//! The sizes take turns, so that none gains from a drift of the machine. Instructions are those of
//! many decisions less those of few, so that compiling the policy is not counted.

use crate::bench::statistics::Spread;
use crate::run::{command, find, output, succeeds, target};

const SIZES: [u32; 4] = [1, 10, 1_000, 100_000];
const KINDS: [&str; 2] = ["admitted", "refused"];
const ROUNDS: usize = 11;
const DECISIONS: u32 = 200_000;

/// The decisions of the two runs whose instructions are compared.
const COUNTED: (u32, u32) = (1_000, 11_000);

/// The times of one kind of request under a policy of one size.
struct Series {
    kind: &'static str,
    rules: u32,
    nanoseconds: Vec<f64>,
}

/// Measures, and prints a table; false if a program is missing or fails.
pub(crate) fn run() -> bool {
    let build = ["build", "--quiet", "--release", "-p", "upshift-core", "--example", "decide"];
    if !succeeds(&mut command("cargo", build)) {
        return false;
    }
    match measure_all() {
        Ok(()) => true,
        Err(reason) => {
            eprintln!("  {reason}");
            false
        }
    }
}

fn measure_all() -> Result<(), String> {
    let mut all = Vec::new();
    for kind in KINDS {
        for rules in SIZES {
            all.push(Series { kind, rules, nanoseconds: Vec::new() });
        }
    }
    for round in 1..=ROUNDS {
        println!("  round {round} of {ROUNDS}");
        for series in &mut all {
            let printed = output(&mut command(&program(), series.arguments(DECISIONS)))?;
            series.nanoseconds.push(parse_number(printed.trim())?);
        }
    }
    println!("| request | rules | ns, median | spread | instructions |\n|---|--:|--:|---|--:|");
    for series in &all {
        let Some(spread) = Spread::of(&series.nanoseconds) else { continue };
        let (kind, rules, counted) = (series.kind, series.rules, series.instructions()?);
        let (median, range) = (spread.median, spread.range(0));
        println!("| {kind} | {rules} | {median:.0} | {range} | {counted} |");
    }
    Ok(())
}

impl Series {
    fn arguments(&self, decisions: u32) -> [String; 3] {
        [self.rules.to_string(), self.kind.to_owned(), decisions.to_string()]
    }

    /// The instructions of one decision; `–` without valgrind.
    fn instructions(&self) -> Result<String, String> {
        if find("valgrind").is_none() {
            return Ok("–".to_owned());
        }
        let (few, many) = COUNTED;
        let difference = self.count(many)?.saturating_sub(self.count(few)?);
        Ok((difference / u64::from(many - few)).to_string())
    }

    /// The instructions of a run.
    fn count(&self, decisions: u32) -> Result<u64, String> {
        let file = target().join("decide.callgrind");
        let mut run = command("valgrind", ["--tool=callgrind", "--quiet"]);
        run.arg(format!("--callgrind-out-file={}", file.display()));
        run.arg(program()).args(self.arguments(decisions));
        output(&mut run)?;
        let profile = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        total_of(&profile).ok_or_else(|| format!("no totals in {}", file.display()))
    }
}

/// The total of a profile of callgrind.
fn total_of(profile: &str) -> Option<u64> {
    let totals = profile.lines().find_map(|line| line.strip_prefix("totals: "))?;
    totals.trim().parse().ok()
}

fn program() -> String {
    target().join("release/examples/decide").display().to_string()
}

fn parse_number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("the program printed no number: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_profile_is_read() {
        let profile = "version: 1\nevents: Ir\n\nfn=(1) main\n12 3\n\ntotals: 123456\n";
        assert_eq!(total_of(profile), Some(123_456));
        assert_eq!(total_of("events: Ir\n"), None);
    }
}
