//! Logs with known truth: every number of a forecast is compared with one that was counted while
//! the log was made.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

mod lists;
mod made_log;
mod malformed;
mod order;
mod ramps;
mod recorded;
mod repeated;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use upshift_core::policy::bucket;
use upshift_core::{Policy, Timestamp};
use upshift_forecast::{
    Assumptions, Forecast, ForecastOptions, LogSource, RequestReader, forecast,
};
use upshift_record::forecast::{ForecastRecord, RuleForecast};

use made_log::make_log;

const POLICY: &str = r#"
[gateway]
http = "127.0.0.1:0"
upstream = "http://127.0.0.1:1"

[[rule]]
id = "feeds"
paths = ["/feeds/**"]
require = { http = "2" }

[[rule]]
id = "apps"
paths = ["/**", "!/download/**"]
require = { client = { minimum = { AcmeApp = "5.1" } } }
[rule.rollout]
identity = ["peer"]
warn = 2026-06-01
brownout = [{ at = 2026-12-05T09:00:00Z, for = "1h" }]
ramp = 2026-12-10
enforce = 2026-12-20

[[rule]]
id = "account"
paths = ["/account/**"]
require = { tls = "1.2" }

[[rule]]
id = "api"
paths = ["/api/**"]
require = { api = { minimum = "2.0", read = ["header:X-Api-Version"] } }
"#;

const NOW: &str = "2026-12-01T00:00:00Z";

/// A log that is deleted at the end.
struct TemporaryLog(PathBuf);

impl TemporaryLog {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("upshift-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn source(&self) -> LogSource {
        LogSource::File(self.0.clone())
    }
}

impl Drop for TemporaryLog {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn policy() -> Policy {
    upshift_config::load(POLICY, "upshift.toml").unwrap().file.policy
}

fn options() -> ForecastOptions {
    ForecastOptions {
        at: None,
        now: NOW.parse().unwrap(),
        format: None,
        zone: TimeZone::UTC,
        top: 5,
        threshold: 0.01,
        sampled: 1.0,
        key: [7; 16],
        threads: 2,
    }
}

fn made(sources: Vec<LogSource>, options: &ForecastOptions, assumptions: Assumptions) -> Forecast {
    made_under(&policy(), sources, options, assumptions)
}

fn made_under(
    policy: &Policy,
    sources: Vec<LogSource>,
    options: &ForecastOptions,
    assumptions: Assumptions,
) -> Forecast {
    let undeclared = upshift_config::UndeclaredProxy::Unknown;
    let reader = RequestReader::new(policy, assumptions, Vec::new(), undeclared);
    forecast(policy, &reader, sources, options, &|_| {}).unwrap()
}

fn rule<'r>(record: &'r ForecastRecord, id: &str) -> &'r RuleForecast {
    record.rules.iter().find(|rule| rule.rule == id).unwrap()
}

#[test]
fn every_number_is_true() {
    let log = make_log(40_000);
    let file = TemporaryLog::new("truth.log", log.text.as_bytes());
    let Forecast { record, faults } = made(vec![file.source()], &options(), Assumptions::default());
    assert!(faults.is_empty());
    assert_eq!(record.sources[0].format, "combined");
    assert_eq!(record.sources[0].lines, 40_000);
    let total = &record.total;
    assert_eq!(
        (total.requests, total.refused, total.unknown, total.malformed),
        (log.total.requests, log.total.refused, log.total.unknown, 0)
    );
    assert_eq!(total.callers, log.total.callers.len() as u64);
    assert_eq!(total.refused_callers, log.total.refused_callers.len() as u64);
    for (id, truth) in &log.rules {
        let rule = rule(&record, id);
        assert_eq!(
            (rule.requests, rule.refused, rule.unknown, rule.clients, rule.refused_clients),
            (
                truth.requests,
                truth.refused,
                truth.unknown,
                truth.callers.len() as u64,
                truth.refused_callers.len() as u64
            ),
            "{id}"
        );
    }
    assert_eq!(record.days.len(), log.days.len());
    for day in &record.days {
        let truth = &log.days[&day.day];
        assert_eq!(
            (day.requests, day.refused, day.unknown, day.callers, day.refused_callers),
            (
                truth.requests,
                truth.refused,
                truth.unknown,
                truth.callers.len() as u64,
                truth.refused_callers.len() as u64
            ),
            "{}",
            day.day
        );
    }
    assert_eq!(rule(&record, "account").not_recorded, ["TLS version"]);
    assert_eq!(rule(&record, "api").not_recorded, ["header:x-api-version"]);
}

/// Only the beginning and a piece of the middle are looked at. A line that is cut off within its
/// agent is one of the Common Log Format.
#[test]
fn the_guess_does_not_depend_on_where_a_sample_ends() {
    let log = make_log(4_000).text;
    for shift in 0..12 {
        let line =
            "192.0.2.1 - - [18/Nov/2026:00:00:00 +0000] \"GET /PATH HTTP/1.1\" 200 0 \"-\" \"-\"\n";
        let text = line.replace("PATH", &"x".repeat(10 * shift)) + &log;
        assert!(text.len() > 300 * 1024, "{}", text.len());
        let file = TemporaryLog::new(&format!("shift-{shift}.log"), text.as_bytes());
        let record = made(vec![file.source()], &options(), Assumptions::default()).record;
        assert_eq!(record.sources[0].format, "combined", "{shift}");
    }
}

#[test]
fn the_steps_of_a_ramp_refuse_the_identities_of_their_buckets() {
    let log = make_log(5_000);
    let file = TemporaryLog::new("ramp.log", log.text.as_bytes());
    let record = made(vec![file.source()], &options(), Assumptions::default()).record;
    let apps = rule(&record, "apps");
    let phases: Vec<&str> = apps.steps.iter().map(|step| step.phase.as_str()).collect();
    assert_eq!(phases, ["brownout", "ramp", "ramp", "ramp", "enforce"]);
    let refused = &log.rules["apps"].refused_callers;
    for step in &apps.steps {
        let below = (step.share * 10_000.0) as u16;
        let included = refused.iter().filter(|caller| bucket("apps", caller) < below);
        assert_eq!(step.refused_clients, included.count() as u64, "{step:?}");
    }
    assert_eq!(apps.steps[4].refused, apps.refused);
}

#[test]
fn a_date_decides_as_the_policy_is_then() {
    let log = make_log(5_000);
    let file = TemporaryLog::new("at.log", log.text.as_bytes());
    let truth = &log.rules["apps"];
    for (at, refused) in [
        ("2026-12-05T08:59:59Z", 0),
        ("2026-12-05T09:30:00Z", truth.refused_callers.len()),
        ("2026-12-21T00:00:00Z", truth.refused_callers.len()),
        (
            "2026-12-15T00:00:00Z",
            truth.refused_callers.iter().filter(|caller| bucket("apps", caller) < 5_000).count(),
        ),
    ] {
        let at: Timestamp = at.parse().unwrap();
        let options = ForecastOptions { at: Some(at), ..options() };
        let record = made(vec![file.source()], &options, Assumptions::default()).record;
        assert_eq!(rule(&record, "apps").refused_clients, refused as u64, "{at}");
        // Without a rollout, it enforces at all times.
        assert_eq!(rule(&record, "feeds").refused, log.rules["feeds"].refused);
    }
}

#[test]
fn the_number_of_threads_and_files_changes_nothing() {
    // Long enough to be read in ranges.
    let log = make_log(100_000);
    let file = TemporaryLog::new("whole.log", log.text.as_bytes());
    assert!(log.text.len() > 8 * 1024 * 1024, "{}", log.text.len());
    let one = ForecastOptions { threads: 1, ..options() };
    let whole = made(vec![file.source()], &one, Assumptions::default()).record;
    let two = made(vec![file.source()], &options(), Assumptions::default()).record;
    assert_eq!(whole, two);
    let middle = log.text[..log.text.len() / 2].rfind('\n').unwrap() + 1;
    let first = TemporaryLog::new("first.log", &log.text.as_bytes()[..middle]);
    let second = TemporaryLog::new("second.log", &log.text.as_bytes()[middle..]);
    // The later one first: the day comes from the line and not from its place.
    let parts =
        made(vec![second.source(), first.source()], &options(), Assumptions::default()).record;
    assert_eq!(
        (&whole.total, &whole.days, &whole.rules),
        (&parts.total, &parts.days, &parts.rules)
    );
}

#[test]
fn an_assumption_decides_what_the_log_does_not_record() {
    let log = make_log(1_000);
    let file = TemporaryLog::new("assumed.log", log.text.as_bytes());
    let assumptions =
        Assumptions { tls: Some(upshift_core::TlsState::Cleartext), ..Assumptions::default() };
    let record = made(vec![file.source()], &options(), assumptions).record;
    let account = rule(&record, "account");
    assert_eq!((account.refused, account.unknown), (log.rules["account"].unknown, 0));
}

#[test]
fn lines_that_are_no_requests_and_lines_that_are_malformed_are_counted_apart() {
    let mut log = make_log(1_000).text;
    log.push_str(
        "192.0.2.1 - - [18/Nov/2026:00:00:00 +0000] \"\\x16\\x03\\x01\" 400 0 \"-\" \"-\"\n",
    );
    log.push_str("192.0.2.1 - - [18/Nov/2026:00:00:00 +0000] \"-\" 408 0 \"-\" \"-\"\n");
    log.push_str(
        "192.0.2.1 - - [18/Nov/2026:00:00:00 +0000] \"PRI * HTTP/2.0\" 400 0 \"-\" \"-\"\n",
    );
    log.push_str(
        "192.0.2.1 - - [31/Feb/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 0 \"-\" \"-\"\n",
    );
    log.push_str("rubbish\nmore rubbish\n");
    log.push_str(
        "192.0.2.1 - - [09/Dec/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 0 \"-\" \"-\"\n",
    );
    let file = TemporaryLog::new("other.log", log.as_bytes());
    let record = made(vec![file.source()], &options(), Assumptions::default()).record;
    let total = &record.total;
    assert_eq!((total.requests, total.malformed, total.not_requests), (1_001, 3, 3));
    assert_eq!(total.future, 1);
    let shape = record.malformed_lines.iter().find(|line| line.kind == "shape").unwrap();
    assert_eq!((shape.count, shape.line, shape.example.as_str()), (2, 1_005, "rubbish"));
    assert!(record.days.iter().all(|day| day.day.starts_with("2026-11")));
}

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_logs_are_read_to_their_ends_and_cut_ones_are_named() {
    let log = make_log(30_000);
    let middle = log.text[..log.text.len() / 2].rfind('\n').unwrap() + 1;
    let (first, second) = log.text.as_bytes().split_at(middle);
    // Members of gzip may follow each other.
    let members = [compressed(first), compressed(second)].concat();
    let file = TemporaryLog::new("whole.gz", &members);
    let whole = made(vec![file.source()], &options(), Assumptions::default());
    assert!(whole.faults.is_empty());
    assert_eq!(whole.record.total.requests, 30_000);
    assert_eq!(whole.record.total.refused, log.total.refused);
    // One that is cut gives the lines that come out of it.
    for (name, bytes, least) in [
        ("cut.gz", &members[..members.len() - 20], 29_000),
        ("short.gz", &members[..2_000], 1),
        ("rubbish.gz", &[&members[..], b"rubbish after the end"].concat()[..], 30_000),
    ] {
        let file = TemporaryLog::new(name, bytes);
        let cut = made(vec![file.source()], &options(), Assumptions::default());
        assert_eq!(cut.faults.len(), 1, "{name}");
        assert!(cut.faults[0].message.contains("ends early or is damaged"), "{}", cut.faults[0]);
        let requests = cut.record.total.requests;
        assert!((least..=30_000).contains(&requests), "{name}: {requests}");
    }
}

#[test]
fn the_same_log_twice_is_noted() {
    let log = make_log(1_000);
    let plain = TemporaryLog::new("access.log", log.text.as_bytes());
    let packed = TemporaryLog::new("access.log.gz", &compressed(log.text.as_bytes()));
    let sources = vec![plain.source(), packed.source()];
    let record = made(sources, &options(), Assumptions::default()).record;
    assert_eq!(record.notes.len(), 1, "{:?}", record.notes);
    assert!(record.notes[0].contains("access.log.gz starts like"), "{:?}", record.notes);
}

/// The number of different first words of the lines.
fn callers_in(log: &str) -> u64 {
    let callers: BTreeSet<&str> = log.lines().filter_map(|line| line.split(' ').next()).collect();
    callers.len() as u64
}

/// A hole of NULs in a file that was truncated while it was written, a byte order mark, and lines
/// that end as on Windows.
#[test]
fn holes_and_line_ends_are_no_part_of_a_line() {
    let log = make_log(10).text;
    let windows = log.replace('\n', "\r\n");
    let bytes = [&b"\xef\xbb\xbf"[..], windows.as_bytes(), &[0; 5_000], log.as_bytes()].concat();
    let file = TemporaryLog::new("holes.log", &bytes);
    let total = made(vec![file.source()], &options(), Assumptions::default()).record.total;
    assert_eq!((total.requests, total.malformed, total.without_address), (20, 0, 0));
    assert_eq!(total.callers, callers_in(&log));
}
