//! The order of lines, their distribution over logs, and the number of threads change no number.

use proptest::prelude::*;
use upshift_forecast::{Assumptions, Forecast, ForecastOptions, LogSource};
use upshift_record::forecast::ForecastRecord;

use crate::made_log::{Random, make_log};
use crate::{TemporaryLog, made, options};

/// Moves the lines of a log.
fn shuffle<'t>(text: &'t str, random: &mut Random) -> Vec<&'t str> {
    let mut lines: Vec<&str> = text.lines().collect();
    for place in (1..lines.len()).rev() {
        let other = random.below(place as u64 + 1) as usize;
        lines.swap(place, other);
    }
    lines
}

/// A log with so many callers that their number is an estimate, and so few that the lists are exact.
/// Some of its lines are none.
fn log_of_many(random: &mut Random, lines: usize) -> String {
    let mut text = make_log(lines as u64).text;
    for number in 0..lines {
        let (network, host) = (random.below(10), random.below(200));
        let (day, minor) = (10 + number % 9, random.below(4));
        text.push_str(&format!(
            "203.0.{network}.{host} - - [{day}/Nov/2026:00:00:07 +0000] \"GET /feeds HTTP/1.1\" 200 12 \"-\" \"AcmeApp/5.{minor}\"\n"
        ));
        if number % 500 == 0 {
            text.push_str("nonsense\n");
        }
    }
    text
}

fn record(sources: Vec<LogSource>, threads: usize) -> ForecastRecord {
    let options =
        ForecastOptions { threads, format: Some("combined".to_owned()), top: 50, ..options() };
    let Forecast { mut record, faults } = made(sources, &options, Assumptions::default());
    assert!(faults.is_empty());
    // The rest of these depends on the order, and must.
    record.sources.clear();
    record.notes.clear();
    for malformed in &mut record.malformed_lines {
        malformed.path.clear();
        malformed.line = 0;
    }
    record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_shuffled_log_has_the_numbers_of_the_sorted_one(seed in any::<u64>(), logs in 1..5_usize) {
        let mut random = Random(seed);
        let text = log_of_many(&mut random, 4_000);
        let sorted = TemporaryLog::new(&format!("sorted-{seed}.log"), text.as_bytes());
        let whole = record(vec![sorted.source()], 1);
        prop_assert!(whole.total.callers > 1_000);
        let lines = shuffle(&text, &mut random);
        let mut files = Vec::new();
        for (number, part) in lines.chunks(lines.len().div_ceil(logs)).enumerate() {
            let name = format!("shuffled-{seed}-{number}.log");
            files.push(TemporaryLog::new(&name, part.join("\n").as_bytes()));
        }
        for threads in [1, 2] {
            let sources = files.iter().map(TemporaryLog::source).collect();
            prop_assert_eq!(&record(sources, threads), &whole);
        }
    }
}
