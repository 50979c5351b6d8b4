//! The counts as tables and goals.

use std::collections::BTreeMap;

use super::RequestCounts;
use crate::bench::request_kind::RequestKind;
use crate::bench::section::{Section, Table, judge_goal, plain_number};
use crate::bench::servers::ServerKind;

/// The most instructions of Upshift.
const GOALS: [(RequestKind, &str, f64); 2] = [
    (RequestKind::Refusal, "instructions per refusal", 4500.0),
    (RequestKind::Proxied, "instructions per proxied request", 12_000.0),
];

/// Adds the table, the goals, and a profile for each goal that is missed.
pub(super) fn describe_counts(all: &[RequestCounts], section: &mut Section) {
    let mut table =
        Table::new(&["", "server", "instructions", "system calls", "of these, the most frequent"]);
    for kind in RequestKind::ALL {
        for counts in all.iter().filter(|counts| counts.kind == kind) {
            table.add_row(vec![
                kind.describe().to_owned(),
                counts.server.name().to_owned(),
                show_instructions(counts.instructions),
                format!("{:.2}", counts.system_calls.values().sum::<f64>()),
                show_calls(&counts.system_calls),
            ]);
        }
    }
    section.add_table(&table);
    for (kind, what, at_most) in GOALS {
        let own =
            all.iter().find(|counts| counts.server == ServerKind::Upshift && counts.kind == kind);
        let Some(own) = own else { continue };
        let Some(instructions) = own.instructions else { continue };
        let goal = judge_goal(what, instructions, at_most, 0);
        section.add_text(&goal.text);
        if !goal.is_met {
            section.add_table(&profile_table(instructions, &own.profile));
        }
    }
}

fn show_instructions(instructions: Option<f64>) -> String {
    match instructions {
        Some(number) => plain_number(number.round()),
        None => "not counted".to_owned(),
    }
}

/// The calls that are made for at least one request of twenty, the most frequent first.
fn show_calls(calls: &BTreeMap<String, f64>) -> String {
    let mut frequent = Vec::new();
    for (name, number) in calls {
        if *number >= 0.05 {
            frequent.push((name, *number));
        }
    }
    frequent.sort_by(|one, other| other.1.total_cmp(&one.1));
    let texts: Vec<String> =
        frequent.iter().map(|(name, number)| format!("`{name}` {number:.2}")).collect();
    texts.join(", ")
}

/// The functions of a profile, with their instructions per request.
pub(super) fn profile_table(instructions: f64, functions: &[(String, f64)]) -> Table {
    let mut table = Table::new(&["function, without those that it calls", "instructions", "share"]);
    for (name, share) in functions {
        table.add_row(vec![
            // In a table of Markdown, a bar would end the cell.
            format!("`{}`", name.replace('|', "\\|")),
            format!("{:.0}", share * instructions),
            format!("{:.1} %", share * 100.0),
        ]);
    }
    table
}
