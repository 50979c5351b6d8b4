//! Lines that cannot be read: counted by kind, with the first of each, and no end of the run.

use upshift_forecast::{Assumptions, ForecastOptions};
use upshift_record::forecast::ForecastRecord;

use crate::{TemporaryLog, made, options};

fn read(name: &str, format: &str, text: &str) -> ForecastRecord {
    let file = TemporaryLog::new(name, text.as_bytes());
    let options = ForecastOptions { format: Some(format.to_owned()), ..options() };
    made(vec![file.source()], &options, Assumptions::default()).record
}

/// The kinds with their numbers, and the line and the beginning of the first of each.
fn kinds(record: &ForecastRecord) -> Vec<(&str, u64, u64, String)> {
    let mut kinds = Vec::new();
    for malformed in &record.malformed_lines {
        let beginning = malformed.example.chars().take(12).collect();
        kinds.push((malformed.kind.as_str(), malformed.count, malformed.line, beginning));
    }
    kinds
}

#[test]
fn every_kind_is_counted_and_shown_once() {
    let good = "192.0.2.1 - - [18/Nov/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 0 \"-\" \"-\"\n";
    let bad = [
        "no log\n".to_owned(),
        good.replace("18/Nov", "31/Feb"),
        good.replace(" 200 ", " 2x0 "),
        good.replace("GET / HTTP/1.1", "nonsense"),
        format!("{}\n", "x".repeat(3 << 20)),
        "no log either\n".to_owned(),
    ];
    let mut text = String::new();
    for line in &bad {
        text.push_str(&good.repeat(3));
        text.push_str(line);
    }
    text.push_str(good);
    let record = read("kinds.log", "combined", &text);
    assert_eq!(record.total.requests, 3 * bad.len() as u64 + 1);
    assert_eq!(record.total.malformed, bad.len() as u64);
    assert_eq!(
        kinds(&record),
        [
            ("shape", 2, 4, "no log".to_owned()),
            ("time", 1, 8, "192.0.2.1 - ".to_owned()),
            ("status", 1, 12, "192.0.2.1 - ".to_owned()),
            ("request", 1, 16, "192.0.2.1 - ".to_owned()),
            ("too-long", 1, 20, "xxxxxxxxxxxx".to_owned()),
        ]
    );
}

#[test]
fn lines_of_json_and_w3c_have_kinds_of_their_own() {
    let good = r#"{"time":"2026-11-18T00:00:00Z","remote_addr":"192.0.2.1","request":"GET / HTTP/1.1","status":200}"#;
    let text = format!("{good}\n{{\"time\":\n{good}\n[{good},{good}]\n{{}}\n{good} {good}\n");
    let record = read("json.log", "json", &text);
    assert_eq!(record.total.requests, 4);
    assert_eq!(
        kinds(&record),
        [("request", 1, 5, "{}".to_owned()), ("json", 2, 2, "{\"time\":".to_owned())]
    );
    let text = "2026-11-18 00:00:00 192.0.2.1 GET / 200\n#Fields: date time c-ip cs-method cs-uri-stem sc-status\n2026-11-18 00:00:00 192.0.2.1 GET / 200\n2026-11-18 00:00:00 192.0.2.1\n";
    let record = read("w3c.log", "w3c", text);
    assert_eq!(record.total.requests, 1);
    assert_eq!(
        kinds(&record),
        [
            ("shape", 1, 4, "2026-11-18 0".to_owned()),
            ("no-fields", 1, 1, "2026-11-18 0".to_owned())
        ]
    );
}
