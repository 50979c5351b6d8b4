//! The limits of counts per request, in `xtask/counts.toml`: a count that grows by more than 5 %
//! fails.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::Findings;
use crate::run::{root, shown};

/// The growth that is allowed: more than the counts differ between runs.
const ALLOWED: f64 = 1.05;

/// The counts of one kind of request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GatedCounts {
    /// The name of the kind.
    pub(crate) kind: &'static str,
    pub(crate) instructions: f64,
    /// Without those that wait.
    pub(crate) system_calls: f64,
}

fn limits_file() -> PathBuf {
    root().join("xtask/counts.toml")
}

/// Compares counts with the file, and lists what has grown.
pub(crate) fn check_limits(counts: &[GatedCounts]) -> Findings {
    match std::fs::read_to_string(limits_file()) {
        Ok(text) => find_growth(&text, counts),
        Err(error) => vec![format!("{}: {error}; {}", shown(&limits_file()), how_to_update())],
    }
}

/// Writes counts into the file.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn update_limits(counts: &[GatedCounts]) -> std::io::Result<()> {
    std::fs::write(limits_file(), render_limits(counts))?;
    println!("  wrote {}", shown(&limits_file()));
    Ok(())
}

fn how_to_update() -> &'static str {
    "if this is intended, run `cargo xtask bench counts --update` and say why in the commit"
}

fn find_growth(text: &str, counts: &[GatedCounts]) -> Findings {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return vec![format!("{}: {error}", shown(&limits_file()))],
    };
    let mut findings = Findings::new();
    for count in counts {
        let pairs = [("instructions", count.instructions), ("syscalls", count.system_calls)];
        for (key, measured) in pairs {
            let Some(limit) = read_limit(&table, count.kind, key) else {
                findings.push(format!(
                    "{} has no number {key} in [{}]; {}",
                    shown(&limits_file()),
                    count.kind,
                    how_to_update()
                ));
                continue;
            };
            if measured > limit * ALLOWED {
                let percent = (measured / limit - 1.0) * 100.0;
                findings.push(format!(
                    "{}: {measured:.2} {key} per request, {percent:.1} % above the {limit} of {}; \
                     {}",
                    count.kind,
                    shown(&limits_file()),
                    how_to_update()
                ));
            }
        }
    }
    findings
}

fn read_limit(table: &toml::Table, kind: &str, key: &str) -> Option<f64> {
    match table.get(kind)?.get(key)? {
        toml::Value::Integer(number) => Some(*number as f64),
        toml::Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn render_limits(counts: &[GatedCounts]) -> String {
    let mut text = "\
# User-space instructions and system calls per request of the gateway, with the five rules of
# xtask/src/bench/servers/five_rules.toml; without the calls that wait. Written by
# `cargo xtask bench counts --update`; `cargo xtask bench counts --gate` fails if a count is more
# than 5 % above its number here.
"
    .to_owned();
    for count in counts {
        let _ = write!(
            text,
            "\n[{}]\ninstructions = {:.0}\nsyscalls = {:.2}\n",
            count.kind, count.instructions, count.system_calls
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "[refusal]\ninstructions = 4000\nsyscalls = 2.0\n";

    fn counts(instructions: f64, system_calls: f64) -> [GatedCounts; 1] {
        [GatedCounts { kind: "refusal", instructions, system_calls }]
    }

    #[test]
    fn growth_of_four_per_cent_passes_and_of_six_fails() {
        assert!(find_growth(LIMITS, &counts(4160.0, 2.08)).is_empty());
        let findings = find_growth(LIMITS, &counts(4240.0, 2.12));
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("6.0 % above the 4000") && findings[0].contains("--update"));
    }

    #[test]
    fn a_missing_number_says_what_to_do() {
        let findings = find_growth("[refusal]\ninstructions = 4000\n", &counts(1.0, 1.0));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains("no number syscalls in [refusal]"), "{findings:?}");
        assert!(findings[0].contains("bench counts --update"), "{findings:?}");
    }

    #[test]
    fn what_an_update_writes_passes() {
        let measured = counts(4123.4, 2.084);
        assert!(find_growth(&render_limits(&measured), &measured).is_empty());
    }
}
