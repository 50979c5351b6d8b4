//! `cargo xtask torture`: the attacks that `docs/security.md` promises to withstand, part by part,
//! and one table of the results.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::interop::{build_binary, clear_skipped_log, selected_tests};
use crate::peers::Peers;
use crate::run::{read_text, root, succeeds};

/// The file to which the tests append their counts.
const TALLY: &str = "target/torture.log";

/// A part of the table, and the interop tests that belong to it.
struct AttackPart {
    name: &'static str,
    what: &'static str,
    filters: &'static [&'static str],
}

const PARTS: [AttackPart; 6] = [
    AttackPart {
        name: "paths",
        what: "spellings of a path, against the servers that read it",
        filters: &["path_matrix::"],
    },
    AttackPart {
        name: "framing",
        what: "where a message ends, HTTP/1, 2 and 3",
        filters: &["framing::"],
    },
    AttackPart { name: "fields", what: "what a client says of itself", filters: &["believed::"] },
    AttackPart {
        name: "stalls",
        what: "floods, slow clients and upstreams",
        filters: &["progress::", "heavy::", "idle_tunnels::"],
    },
    AttackPart { name: "replay", what: "how often one request goes out", filters: &["once::"] },
    AttackPart {
        name: "breaker",
        what: "callers that are made up",
        filters: &["breaker_attack::"],
    },
];

/// The result of one part.
struct PartResult {
    part: &'static AttackPart,
    succeeded: bool,
    took: Duration,
    counts: HashMap<String, u64>,
}

impl PartResult {
    fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }
}

/// Runs the parts with these names, or all; true if no attack got through.
pub(crate) fn run(peers: &Peers, names: &[&str]) -> bool {
    let known = PARTS.each_ref().map(|part| part.name);
    if let Some(unknown) = names.iter().find(|name| !known.contains(*name)) {
        eprintln!("  there is no part {unknown}; the parts are {}", known.join(", "));
        return false;
    }
    clear_skipped_log();
    if !build_binary() {
        return false;
    }
    let mut outcomes = Vec::new();
    for part in &PARTS {
        if names.is_empty() || names.contains(&part.name) {
            println!("── {}: {}", part.name, part.what);
            outcomes.push(run_part(peers, part));
        }
    }
    print_table(&outcomes);
    outcomes.iter().all(|outcome| outcome.succeeded)
}

fn run_part(peers: &Peers, part: &'static AttackPart) -> PartResult {
    let file = root().join(TALLY);
    std::fs::remove_file(&file).ok();
    let begun = Instant::now();
    let mut tests = selected_tests(peers, part.filters);
    let succeeded = succeeds(tests.arg("--no-fail-fast").env("UPSHIFT_TALLY", &file));
    let text = read_text(&file);
    PartResult { part, succeeded, took: begun.elapsed(), counts: sum_counts(&text) }
}

/// The sums of lines of the form `test count number`.
fn sum_counts(text: &str) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    for line in text.lines() {
        let mut words = line.rsplit(' ');
        let (Some(number), Some(count)) = (words.next(), words.next()) else { continue };
        let number: u64 = number.parse().unwrap_or(0);
        *counts.entry(count.to_owned()).or_default() += number;
    }
    counts
}

fn print_table(outcomes: &[PartResult]) {
    println!("── torture");
    println!(
        "  {:<9}{:<9}{:>8}{:>10}{:>7}{:>7}{:>7}{:>7}",
        "part", "", "inputs", "bypasses", "lost", "held", "left", "took"
    );
    for outcome in outcomes {
        println!(
            "  {:<9}{:<9}{:>8}{:>10}{:>7}{:>7}{:>7}{:>5} s",
            outcome.part.name,
            if outcome.succeeded { "ok" } else { "FAILED" },
            outcome.count("inputs"),
            outcome.count("bypasses"),
            outcome.count("lost"),
            outcome.count("held"),
            outcome.count("left"),
            outcome.took.as_secs()
        );
    }
    println!(
        "  inputs: requests sent; bypasses: those that passed and must not; lost: requests of a\n  \
         well-behaved client without an answer; held: connections that attacks held open; left:\n  \
         those open after the limits"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_summed_over_all_tests() {
        let counts = sum_counts("a::b inputs 2\nc inputs 3\na::b left 0\n");
        assert_eq!((counts["inputs"], counts["left"]), (5, 0));
    }
}
