//! Names, sizes, excuses and stray files.
//!
//! 1. A file is named for its subject; a name that could hold anything is refused.
//! 2. A file has at most 700 lines without its tests.
//! 3. An ignored test, a relaxed lint and a skipped vector have a reason.
//! 4. There are no TODOs; an open task is an issue.
//! 5. There are no private files at the root and no secrets anywhere ([`checkout`]).

use std::path::Path;

use crate::measure::code_lines;
use crate::run::{files, read_text, root, shown};
use crate::{Findings, checkout};

/// Names that could hold anything.
const VAGUE: &[&str] =
    &["utils", "util", "common", "helpers", "helper", "manager", "misc", "imp", "stuff"];

/// The most lines of a file without its test module.
const LONGEST: usize = 700;

/// Texts that are refused in code, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("#[ignore]", "an ignored test says why: #[ignore = \"…\"]"),
    ("#[allow(", "write #[expect(…, reason = \"…\")], which says when it is no longer needed"),
    ("#![allow(", "write #![expect(…, reason = \"…\")], which says when it is no longer needed"),
    ("TODO", "finish it, or open an issue"),
    ("FIXME", "finish it, or open an issue"),
    ("XXX", "finish it, or open an issue"),
];

/// Lists everything in the tree that breaks one of the rules above.
pub(crate) fn check() -> Findings {
    let mut findings = Findings::new();
    for file in files(root(), ".rs") {
        let text = read_text(&file);
        findings.extend(check_name(&file));
        findings.extend(check_size(&file, &text));
        // This file holds the words it looks for.
        if !file.ends_with("xtask/src/hygiene.rs") {
            findings.extend(check_text(&file, &text));
        }
    }
    for file in files(root(), "skips.toml") {
        findings.extend(check_skips(&file));
    }
    findings.extend(checkout::check());
    findings
}

fn check_name(file: &Path) -> Option<String> {
    let stem = file.file_stem()?.to_str()?;
    let folder = file.parent()?.file_name()?.to_str()?;
    let vague = [stem, folder].into_iter().find(|name| VAGUE.contains(name))?;
    Some(format!("{}: `{vague}` could hold anything; name it for what it is about", shown(file)))
}

fn check_size(file: &Path, text: &str) -> Option<String> {
    let code = code_lines(text).len();
    if code <= LONGEST || shown(file).contains("/tests/") {
        return None;
    }
    Some(format!("{}: {code} lines; split it by subject", shown(file)))
}

fn check_text(file: &Path, text: &str) -> Findings {
    let mut findings = Findings::new();
    for (number, line) in text.lines().enumerate() {
        for (refused, why) in REFUSED {
            if line.contains(refused) {
                findings.push(format!("{}:{}: {why}", shown(file), number + 1));
            }
        }
    }
    findings
}

fn check_skips(file: &Path) -> Findings {
    let text = read_text(file);
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return vec![format!("{}: {error}", shown(file))],
    };
    let mut findings = Findings::new();
    let Some(toml::Value::Array(skips)) = table.get("skip") else { return findings };
    for skip in skips {
        // A shorter one cannot say why.
        let has_reason = match skip.get("reason") {
            Some(toml::Value::String(reason)) => reason.len() > 10,
            _ => false,
        };
        if !has_reason {
            findings.push(format!("{}: a skip without a reason: {skip}", shown(file)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_hold_anything_is_refused() {
        assert!(check_name(&root().join("crates/upshift-core/src/utils.rs")).is_some());
        assert!(check_name(&root().join("crates/upshift-core/src/common/mod.rs")).is_some());
        assert!(check_name(&root().join("crates/upshift-core/src/field/upgrade.rs")).is_none());
    }

    #[test]
    fn the_tests_of_a_file_do_not_count() {
        let file = root().join("crates/upshift-core/src/policy.rs");
        let long = "line\n".repeat(LONGEST + 1);
        assert!(check_size(&file, &long).is_some());
        assert!(check_size(&file, &format!("line\n#[cfg(test)]\n{long}")).is_none());
    }

    #[test]
    fn an_excuse_needs_a_reason() {
        let file = root().join("crates/upshift-core/src/policy.rs");
        assert_eq!(check_text(&file, "#[ignore]\nfn a() {}").len(), 1);
        assert!(check_text(&file, "#[ignore = \"needs a printer\"]\nfn a() {}").is_empty());
    }
}
