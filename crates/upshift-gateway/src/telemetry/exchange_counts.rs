//! The counters that the reports of exchanges are added to.

use std::collections::{BTreeMap, HashMap, HashSet};

use upshift_core::Verdict;

use crate::telemetry::exchange_report::{
    CLIENT_GONE, ExchangeReport, SHUTDOWN, UPSTREAM_BROKE_OFF,
};
use crate::telemetry::histogram::DurationHistogram;
use crate::telemetry::http_series::{AttemptSeries, ExchangeSeries, HttpSeries};
use crate::telemetry::label_totals::LabelTotals;
use crate::telemetry::request_labels::RequestLabels;
use crate::telemetry::status_label::{status_label, status_labels};
use crate::telemetry::upstream_attempt::UpstreamAttempt;

/// The verdicts, as metrics list them.
pub(crate) const VERDICTS: [Verdict; 4] =
    [Verdict::Admit, Verdict::Warn, Verdict::Refuse, Verdict::Exempt];

/// The causes for which an exchange counts as broken off.
const ABORT_CAUSES: [&str; 3] = [CLIENT_GONE, UPSTREAM_BROKE_OFF, SHUTDOWN];

/// The label `verdict` of an exchange that ended before there was a decision.
const UNDECIDED: &str = "none";

/// The most series of durations, so that clients cannot fill the memory with combinations of
/// attributes.
const MOST_SERIES: usize = 1_000;

/// The exchanges since the counters were last merged.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExchangeCounts {
    /// Requests and tunnels begun less those ended, by method and scheme.
    pub(crate) in_flight: BTreeMap<(&'static str, &'static str), i64>,
    /// Ended exchanges, by the status code of the response.
    pub(crate) responses: LabelTotals,
    /// Exchanges that were broken off, by cause.
    pub(crate) aborts: LabelTotals,
    /// Bytes of content that clients sent.
    pub(crate) bytes_in: u64,
    /// Bytes of content that clients were sent.
    pub(crate) bytes_out: u64,
    /// The durations of exchanges.
    pub(crate) durations: BTreeMap<ExchangeSeries, DurationHistogram>,
    /// The times to the head of a response or to a failure, by upstream endpoint.
    pub(crate) upstream_durations: HashMap<Box<str>, BTreeMap<AttemptSeries, DurationHistogram>>,
}

impl ExchangeCounts {
    /// Counters of zero for every value of a label that is a constant of the program.
    pub(crate) fn at_zero() -> Self {
        let mut durations = BTreeMap::new();
        for verdict in VERDICTS.map(Verdict::as_str).into_iter().chain([UNDECIDED]) {
            let series = ExchangeSeries { verdict, http: HttpSeries::Uncounted };
            durations.insert(series, DurationHistogram::default());
        }
        Self {
            responses: LabelTotals::at_zero(status_labels()),
            aborts: LabelTotals::at_zero(ABORT_CAUSES),
            durations,
            ..Self::default()
        }
    }

    /// Counts an exchange that begins.
    pub(crate) fn count_begin(&mut self, labels: &RequestLabels) {
        *self.in_flight.entry((labels.method, labels.scheme)).or_default() += 1;
    }

    /// The number of requests and tunnels begun less those ended.
    pub(crate) fn total_in_flight(&self) -> i64 {
        self.in_flight.values().sum()
    }

    /// Counts an exchange that has ended.
    pub(crate) fn count_exchange(&mut self, report: &ExchangeReport) {
        let labels = report.labels();
        *self.in_flight.entry((labels.method, labels.scheme)).or_default() -= 1;
        self.responses.add_one(status_label(report.status()));
        if let Some(cause) = report.cause()
            && ABORT_CAUSES.contains(&cause)
        {
            self.aborts.add_one(cause);
        }
        self.bytes_in += report.bytes_in();
        self.bytes_out += report.bytes_out();
        // A tunnel lasts as long as its ends want.
        if !report.was_tunnel() {
            let durations = self.durations.entry(exchange_series(report)).or_default();
            durations.record(report.duration(), report.sampled_trace());
        }
        report.for_each_attempt(|attempt| self.record_attempt(report, attempt));
    }

    fn record_attempt(&mut self, report: &ExchangeReport, attempt: &UpstreamAttempt) {
        let series = match report.is_detailed() {
            true => AttemptSeries::Counted {
                method: report.labels().method,
                status: attempt.status(),
                error: attempt.error(),
            },
            false => AttemptSeries::Uncounted,
        };
        // The common case needs no copy of the name.
        let durations = match self.upstream_durations.get_mut(&*attempt.endpoint) {
            Some(durations) => durations,
            None => self.upstream_durations.entry((*attempt.endpoint).into()).or_default(),
        };
        durations.entry(series).or_default().record(attempt.took(), report.sampled_trace());
    }

    /// Drops the counters of upstream endpoints that are not among `names`.
    pub(crate) fn retain_endpoints(&mut self, names: &HashSet<&str>) {
        self.upstream_durations.retain(|endpoint, _| names.contains(&**endpoint));
    }

    /// Adds the counters of `other`.
    pub(crate) fn merge(&mut self, other: Self) {
        let Self {
            in_flight,
            responses,
            aborts,
            bytes_in,
            bytes_out,
            durations,
            upstream_durations,
        } = other;
        for (key, count) in in_flight {
            *self.in_flight.entry(key).or_default() += count;
        }
        self.responses.merge(&responses);
        self.aborts.merge(&aborts);
        self.bytes_in += bytes_in;
        self.bytes_out += bytes_out;
        for (series, histogram) in durations {
            let is_known = self.durations.contains_key(&series);
            let http = if is_known || self.durations.len() < MOST_SERIES {
                series.http
            } else {
                HttpSeries::Overflow
            };
            let series = ExchangeSeries { http, ..series };
            self.durations.entry(series).or_default().merge(histogram);
        }
        for (endpoint, durations) in upstream_durations {
            let totals = self.upstream_durations.entry(endpoint).or_default();
            for (series, histogram) in durations {
                let is_known = totals.contains_key(&series);
                let fits = is_known || totals.len() < MOST_SERIES;
                let series = if fits { series } else { AttemptSeries::Overflow };
                totals.entry(series).or_default().merge(histogram);
            }
        }
    }
}

/// The series of an exchange that has ended.
fn exchange_series(report: &ExchangeReport) -> ExchangeSeries {
    let http = match report.is_detailed() {
        true => HttpSeries::Counted {
            request: *report.labels(),
            status: report.status().map(|status| status.as_u16()),
            error: report.error_type(),
        },
        false => HttpSeries::Uncounted,
    };
    ExchangeSeries { verdict: report.verdict().map_or(UNDECIDED, Verdict::as_str), http }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn clients_cannot_fill_the_memory_with_series() {
        let mut totals = ExchangeCounts::at_zero();
        let request = RequestLabels { method: "GET", scheme: "http", http: "1.1" };
        for status in 0..2_000 {
            let mut counts = ExchangeCounts::default();
            let http = HttpSeries::Counted { request, status: Some(status), error: None };
            let series = ExchangeSeries { verdict: "admit", http };
            counts.durations.entry(series).or_default().record(Duration::ZERO, None);
            let attempts = counts.upstream_durations.entry("one".into()).or_default();
            let series =
                AttemptSeries::Counted { method: "GET", status: Some(status), error: None };
            attempts.entry(series).or_default().record(Duration::ZERO, None);
            totals.merge(counts);
        }
        assert_eq!(totals.durations.len(), MOST_SERIES + 1);
        let count: u64 = totals.durations.values().map(DurationHistogram::count).sum();
        assert_eq!(count, 2_000, "none is lost");
        let overflow = ExchangeSeries { verdict: "admit", http: HttpSeries::Overflow };
        assert!(totals.durations.contains_key(&overflow));
        assert_eq!(totals.upstream_durations["one"].len(), MOST_SERIES + 1);
    }
}
