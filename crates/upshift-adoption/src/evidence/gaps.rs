//! The gaps of the records, as the report shows them.

use jiff::Timestamp;
use upshift_record::evidence::RecordGap;

use super::period::Period;
use super::timeline::{GapKind, Timeline};
use super::words::{duration_text, second_text};

/// The gaps in the period, in the order of time.
pub(super) fn gap_records(timeline: &Timeline, period: &Period) -> Vec<RecordGap> {
    let mut records = Vec::new();
    let begin = timeline.records_begin().unwrap_or(Timestamp::MAX);
    if let Some(before) = period.clip(Period { from: Timestamp::MIN, to: begin }) {
        let sentence = match timeline.records_begin() {
            Some(begin) => {
                format!("The first policy revision that is kept is of {}.", second_text(begin))
            }
            None => "No policy revision is kept.".to_owned(),
        };
        records.push(record(before, "before-records", sentence));
    }
    for gap in &timeline.gaps {
        if let Some(times) = period.clip(gap.times) {
            records.push(record(times, gap.kind.as_str(), sentence_on(gap.kind, &times)));
        }
    }
    records
}

fn record(times: Period, kind: &str, sentence: String) -> RecordGap {
    let Period { from, to } = times;
    RecordGap { from: from.to_string(), to: to.to_string(), kind: kind.to_owned(), sentence }
}

fn sentence_on(kind: GapKind, times: &Period) -> String {
    let length = duration_text(times.seconds());
    match kind {
        GapKind::Stopped => {
            format!("The gateway was stopped for {length}: nothing was served by it.")
        }
        GapKind::NotRecorded => format!(
            "Nothing is recorded for {length}: the gateway was killed, or could not write its \
             store. The phases at that time are not known."
        ),
        GapKind::UsageOff => {
            format!("Requests were not counted for {length} (`record = false` in [adoption]).")
        }
        GapKind::UsageLost => format!(
            "Requests of about {length} were counted in part: the store could not be written."
        ),
    }
}
