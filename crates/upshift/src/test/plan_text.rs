//! The plan of a run for people.

use std::fmt::Write as _;

use upshift_config::make_visible;
use upshift_record::suite::CaseEntry;

use crate::terminal::{Hue, Palette};

/// The addresses, one a line.
pub(super) fn list_addresses(entries: &[CaseEntry]) -> String {
    let mut text = String::new();
    for entry in entries {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", make_visible(&entry.address.to_string()));
    }
    text
}

/// The action and the expectation of each case.
pub(super) fn describe_cases(entries: &[CaseEntry], palette: Palette) -> String {
    let mut text = String::new();
    for entry in entries {
        let _ = writeln!(text, "{}", palette.paint(Hue::Bold, entry.address.to_string()));
        let _ = writeln!(text, "    {:7} {}", entry.kind, make_visible(&entry.action));
        let _ = writeln!(text, "    expects {}", make_visible(&entry.expects));
        for needed in &entry.needs {
            let _ = writeln!(text, "    after   {}", make_visible(&needed.to_string()));
        }
        if entry.retries > 0 {
            let _ = writeln!(text, "    retries {}", entry.retries);
        }
    }
    text
}
