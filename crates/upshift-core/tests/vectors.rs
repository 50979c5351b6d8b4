//! The conformance vectors about parsing list fields. `upshift-config` runs those that need a
//! policy, and `interop` those that need a connection.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::collections::BTreeSet;

use conformance::ListCase;
use upshift_core::Fields;
use upshift_core::field::{ConnectionOptions, UpgradeList};

#[test]
fn lists_are_read_as_the_vectors_say() {
    let skips = conformance::skipped_cases("core").unwrap();
    let mut wrong = BTreeSet::new();
    for (_, vectors) in conformance::load_vectors().unwrap() {
        for case in &vectors.lists {
            let name = format!("{}: {}", vectors.section, case.title);
            let read = read(case);
            if read != case.reads && !skips.contains_key(&name) {
                wrong.insert(format!("{name}: {read:?}, wanted {:?}", case.reads));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn read(case: &ListCase) -> Option<Vec<String>> {
    match case.field.as_str() {
        "Upgrade" => {
            let list = UpgradeList::parse(case.lines.iter().map(String::as_bytes)).ok()?;
            Some(list.protocols().iter().map(ToString::to_string).collect())
        }
        "Connection" => {
            let lines: Vec<(&str, &str)> =
                case.lines.iter().map(|line| ("Connection", line.as_str())).collect();
            let connection = ConnectionOptions::from_fields(&lines as &dyn Fields);
            Some(
                connection
                    .options()
                    .map(|option| String::from_utf8_lossy(option).into_owned())
                    .collect(),
            )
        }
        other => panic!("no reader for {other}"),
    }
}
