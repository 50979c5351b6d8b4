//! No bytes in a field make its reader panic, and a written `Upgrade` reads back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use upshift_core::Fields;
use upshift_core::field::{Accept, ConnectionOptions, MediaType, UpgradeList};
use upshift_core::follow::{AltSvcField, read_date};
use upshift_core::version::ClientVersion;

fuzz_target!(|lines: Vec<Vec<u8>>| {
    if let Ok(list) = UpgradeList::parse(lines.iter().map(Vec::as_slice)) {
        let written = list.to_string();
        assert_eq!(UpgradeList::parse([written.as_bytes()].into_iter()), Ok(list));
    }
    let connection = named("connection", &lines);
    let _ = ConnectionOptions::from_fields(&connection as &dyn Fields).options().count();
    let accept = named("accept", &lines);
    let _ = Accept::from_fields(&accept).by_weight();
    let alt_svc = named("alt-svc", &lines);
    let _ = AltSvcField::from_fields(&alt_svc, "host.example");
    for line in &lines {
        if let Ok(text) = std::str::from_utf8(line) {
            read_text(text);
        }
    }
});

fn named<'l>(name: &'static str, lines: &'l [Vec<u8>]) -> Vec<(&'static str, &'l [u8])> {
    lines.iter().map(|line| (name, line.as_slice())).collect()
}

fn read_text(text: &str) {
    let _ = read_date(text);
    let _ = ClientVersion::parse_lenient(text);
    if let Some(media) = MediaType::parse(text) {
        let _ = media.parameter_values("q").count();
    }
}
