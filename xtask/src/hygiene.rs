//! Names, sizes and excuses.
//!
//! 1. A file is named for what it is about; a name that could hold anything is refused.
//! 2. A file stops at 700 lines, its tests not counted.
//! 3. A test that is ignored, a lint that is relaxed and a vector that is skipped say why.
//! 4. Nothing is left to do later without saying so in an issue.
//! 5. No file of somebody's own stands at the root, and no secret anywhere ([`checkout`]).

use std::path::Path;

use crate::run::{files, root, shown};
use crate::{Findings, checkout};

/// Names that say nothing about what is in the file.
const VAGUE: &[&str] =
    &["utils", "util", "common", "helpers", "helper", "manager", "misc", "imp", "stuff"];

/// Lines of a file without its test module.
const LONGEST: usize = 700;

/// Pieces of text that are refused in code, and why.
const REFUSED: &[(&str, &str)] = &[
    ("#[ignore]", "an ignored test says why: #[ignore = \"…\"]"),
    ("#[allow(", "write #[expect(…, reason = \"…\")], which says when it is no longer needed"),
    ("#![allow(", "write #![expect(…, reason = \"…\")], which says when it is no longer needed"),
    ("TODO", "finish it, or open an issue"),
    ("FIXME", "finish it, or open an issue"),
    ("XXX", "finish it, or open an issue"),
];

/// Everything in the tree that breaks one of the rules above.
pub(crate) fn check() -> Findings {
    let mut findings = Findings::new();
    for file in files(root(), ".rs") {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        findings.extend(of_name(&file));
        findings.extend(of_size(&file, &text));
        // This file holds the words it looks for.
        if !file.ends_with("xtask/src/hygiene.rs") {
            findings.extend(of_text(&file, &text));
        }
    }
    for file in files(root(), "skips.toml") {
        findings.extend(of_skips(&file));
    }
    findings.extend(checkout::check());
    findings
}

fn of_name(file: &Path) -> Option<String> {
    let stem = file.file_stem()?.to_str()?;
    let folder = file.parent()?.file_name()?.to_str()?;
    let vague = [stem, folder].into_iter().find(|name| VAGUE.contains(name))?;
    Some(format!("{}: `{vague}` could hold anything; name it for what it is about", shown(file)))
}

fn of_size(file: &Path, text: &str) -> Option<String> {
    let in_a_test_folder = shown(file).contains("/tests/");
    let code = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
    (code > LONGEST && !in_a_test_folder)
        .then(|| format!("{}: {code} lines; split it by subject", shown(file)))
}

fn of_text(file: &Path, text: &str) -> Findings {
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

fn of_skips(file: &Path) -> Findings {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return vec![format!("{}: {error}", shown(file))],
    };
    let skips =
        table.get("skip").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let reason = |skip: &toml::Value| {
        skip.get("reason").and_then(toml::Value::as_str).is_some_and(|why| why.len() > 10)
    };
    let silent = skips.iter().filter(|skip| !reason(skip));
    silent.map(|skip| format!("{}: a skip without a reason: {skip}", shown(file))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_hold_anything_is_refused() {
        assert!(of_name(&root().join("crates/upshift-core/src/utils.rs")).is_some());
        assert!(of_name(&root().join("crates/upshift-core/src/common/mod.rs")).is_some());
        assert!(of_name(&root().join("crates/upshift-core/src/field/upgrade.rs")).is_none());
    }

    #[test]
    fn the_tests_of_a_file_do_not_count() {
        let file = root().join("crates/upshift-core/src/policy.rs");
        let long = "line\n".repeat(LONGEST + 1);
        assert!(of_size(&file, &long).is_some());
        assert!(of_size(&file, &format!("line\n#[cfg(test)]\n{long}")).is_none());
    }

    #[test]
    fn an_excuse_needs_a_reason() {
        let file = root().join("crates/upshift-core/src/policy.rs");
        assert_eq!(of_text(&file, "#[ignore]\nfn a() {}").len(), 1);
        assert!(of_text(&file, "#[ignore = \"needs a printer\"]\nfn a() {}").is_empty());
    }
}
