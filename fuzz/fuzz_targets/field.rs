//! No bytes in a field make the grammar panic, and what is written is read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use upshift_core::Fields;
use upshift_core::field::{Connection, UpgradeList};

fuzz_target!(|lines: Vec<Vec<u8>>| {
    if let Ok(list) = UpgradeList::parse(lines.iter().map(Vec::as_slice)) {
        let written = list.to_string();
        assert_eq!(UpgradeList::parse([written.as_bytes()].into_iter()), Ok(list));
    }
    let fields: Vec<(&str, &[u8])> = lines.iter().map(|line| ("connection", line.as_slice())).collect();
    let _ = Connection::read(&fields as &dyn Fields).options().count();
});
