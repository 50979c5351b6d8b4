//! `httplint`, the linter behind REDbot, on the same responses: where both speak of the same thing,
//! they agree.
//!
//! The tables here are those of docs/lint.md.

use std::collections::BTreeSet;

use interop::{Scratch, peers, script, upshift};
use serde_json::{Value, json};

use crate::lint::corpus;

/// Notes of ours, and those of httplint about the same.
const SAME: [(&str, &str); 16] = [
    ("U004", "BAD_SYNTAX_DETAILED"),
    ("U011", "LOCATION_UNDEFINED"),
    ("U012", "STORE_STORABLE"),
    ("U027", "BAD_SYNTAX_DETAILED"),
    ("U049", "BAD_SYNTAX_DETAILED"),
    ("U063", "FIELD_DEPRECATED"),
    ("U084", "STATUS_VERSION_NOT_SUPPORTED"),
    ("U085", "DEPRECATION_BAD_TYPE"),
    ("U086", "BAD_DATE_SYNTAX"),
    ("U090", "BAD_SYNTAX"),
    ("U093", "BAD_SYNTAX"),
    ("U095", "HSTS_INVALID"),
    ("U096", "HSTS_INVALID"),
    ("U097", "SINGLE_HEADER_REPEAT"),
    ("U103", "CL_INCORRECT"),
    ("U104", "CL_INCORRECT"),
];

/// What httplint alone calls bad in the corpus, and why we do not.
const ONLY_THEIRS: [(&str, &str); 3] = [
    ("SINGLE_HEADER_REPEAT", "Caddy relays a second Server and Date: nothing about an upgrade"),
    ("REQUEST_HDR_IN_RESPONSE", "PHP sends Host in a response: nothing about an upgrade"),
    ("STATUS_VERSION_NOT_SUPPORTED", "a 505 is right where the major version is refused"),
];

#[test]
fn both_find_the_same_faults_in_the_examples() {
    peers!("python packages");
    let list = upshift(&["note", "--list", "--json"]).ok();
    let notes: Vec<Value> = serde_json::from_str(&list).unwrap_or_default();
    let mut examples = Vec::new();
    for (ours, _) in SAME {
        let note = notes.iter().find(|note| note["id"] == ours);
        let note = note.unwrap_or_else(|| panic!("there is no {ours}"));
        for example in [&note["wrong"], &note["right"]] {
            examples.push(response_in(example.as_str().unwrap_or_default()));
        }
    }
    let found = httplint(&examples);
    for ((ours, theirs), found) in SAME.into_iter().zip(found.chunks(2)) {
        let [wrong, right] = found else { panic!("{ours}: {found:?}") };
        assert!(has_note(wrong, theirs), "{ours}: {theirs} is not in the wrong example: {wrong:?}");
        assert!(!has_note(right, theirs), "{ours}: {theirs} is in the right example: {right:?}");
    }
}

/// A fault that httplint finds in a real server's answer and we do not has to be explained.
#[test]
fn what_httplint_calls_bad_is_noted_or_explained() {
    peers!("python packages");
    let mut files = corpus();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "http"));
    let mut responses = Vec::new();
    for file in &files {
        let octets = std::fs::read(file).unwrap_or_else(|error| panic!("{error}"));
        responses.push(response_in(&octets.iter().copied().map(char::from).collect::<String>()));
    }
    let mut explained = BTreeSet::new();
    for (file, found) in files.iter().zip(httplint(&responses)) {
        let name = file.to_string_lossy();
        let ours = upshift(&["lint", "--json", &name]).stdout;
        for (level, theirs) in found {
            if level != "BAD" {
                continue;
            }
            let mut same = SAME.iter().filter(|(_, same)| *same == theirs);
            if same.any(|(id, _)| ours.contains(&format!("\"{id}\""))) {
                continue;
            }
            let reason = ONLY_THEIRS.iter().find(|(only, _)| *only == theirs);
            assert!(reason.is_some(), "{name}: httplint says {theirs}, and we say {ours}");
            explained.insert(theirs);
        }
    }
    assert_eq!(explained.len(), ONLY_THEIRS.len(), "an explanation is not needed: {explained:?}");
}

/// The rule that httplint lacks, and for which this linter exists.
#[test]
fn httplint_says_nothing_about_a_bare_426() {
    peers!("python packages");
    let bare = "HTTP/1.1 426 Upgrade Required\nDate: Mon, 30 Nov 2026 00:00:00 GMT\n\nUpdate.";
    let found = httplint(&[response_in(bare)]);
    let bad: Vec<_> = found[0].iter().filter(|(level, _)| level == "BAD").collect();
    assert!(bad.is_empty(), "httplint has learnt it: change docs/lint.md: {found:?}");
}

fn has_note(notes: &[(String, String)], name: &str) -> bool {
    notes.iter().any(|(_, each)| each == name)
}

/// The last response of an exchange in the format of `upshift lint`, for httplint.
fn response_in(text: &str) -> Value {
    let start = text.rfind("\nHTTP/").map_or(0, |newline| newline + 1);
    let comment = text.lines().find_map(|line| line.strip_prefix("# url: "));
    let mut response = &text[start..];
    // A newline that an editor adds at the end of a file is not part of the content.
    if !response.contains("\r\n") {
        response = response.strip_suffix('\n').unwrap_or(response);
    }
    json!({ "url": comment, "response": response })
}

/// The notes of httplint on each response: level and name.
fn httplint(responses: &[Value]) -> Vec<Vec<(String, String)>> {
    let folder = Scratch::new();
    let file = folder.file("responses.json", json!(responses).to_string());
    let output = script("httplint_notes.py", &[&file.to_string_lossy()]).ok();
    let notes: Vec<Vec<(String, String)>> =
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"));
    assert!(notes.len() == responses.len(), "{output}");
    notes
}
