//! The counters that the reports of exchanges are added to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use upshift_core::Verdict;

use crate::telemetry::exchange_report::{
    CLIENT_GONE, ExchangeReport, SHUTDOWN, UPSTREAM_BROKE_OFF,
};
use crate::telemetry::histogram::DurationHistogram;
use crate::telemetry::label_totals::LabelTotals;
use crate::telemetry::status_label::{status_label, status_labels};
use crate::telemetry::trace_context::TraceId;

/// The verdicts, as metrics list them.
pub(crate) const VERDICTS: [Verdict; 4] =
    [Verdict::Admit, Verdict::Warn, Verdict::Refuse, Verdict::Exempt];

/// The causes for which an exchange counts as broken off.
const ABORT_CAUSES: [&str; 3] = [CLIENT_GONE, UPSTREAM_BROKE_OFF, SHUTDOWN];

/// The label `verdict` of an exchange that ended before there was a decision.
const UNDECIDED: &str = "none";

/// The exchanges since the counters were last merged.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExchangeCounts {
    /// Requests and tunnels begun less those ended.
    pub(crate) in_flight: i64,
    /// Ended exchanges, by the status code of the response.
    pub(crate) responses: LabelTotals,
    /// Exchanges that were broken off, by cause.
    pub(crate) aborts: LabelTotals,
    /// Bytes of content that clients sent.
    pub(crate) bytes_in: u64,
    /// Bytes of content that clients were sent.
    pub(crate) bytes_out: u64,
    /// The durations of exchanges, by verdict.
    pub(crate) durations: BTreeMap<&'static str, DurationHistogram>,
    /// The times to the head of a response or to a failure, by upstream endpoint.
    pub(crate) upstream_durations: HashMap<Box<str>, DurationHistogram>,
}

impl ExchangeCounts {
    /// Counters of zero for every value of a label that is a constant of the program.
    pub(crate) fn at_zero() -> Self {
        let mut durations = BTreeMap::from([(UNDECIDED, DurationHistogram::default())]);
        for verdict in VERDICTS {
            durations.insert(verdict.as_str(), DurationHistogram::default());
        }
        Self {
            responses: LabelTotals::at_zero(status_labels()),
            aborts: LabelTotals::at_zero(ABORT_CAUSES),
            durations,
            ..Self::default()
        }
    }

    /// Counts an exchange that has ended.
    pub(crate) fn count_exchange(&mut self, report: &ExchangeReport) {
        self.in_flight -= 1;
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
            let verdict = report.verdict().map_or(UNDECIDED, Verdict::as_str);
            let durations = self.durations.entry(verdict).or_default();
            durations.record(report.duration(), report.trace_id());
        }
        if let Some((endpoint, took)) = report.upstream() {
            self.record_upstream(&endpoint, took, report.trace_id());
        }
    }

    fn record_upstream(&mut self, endpoint: &str, took: Duration, trace_id: Option<TraceId>) {
        // The common case needs no copy of the name.
        let durations = match self.upstream_durations.get_mut(endpoint) {
            Some(durations) => durations,
            None => self.upstream_durations.entry(endpoint.into()).or_default(),
        };
        durations.record(took, trace_id);
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
        self.in_flight += in_flight;
        self.responses.merge(&responses);
        self.aborts.merge(&aborts);
        self.bytes_in += bytes_in;
        self.bytes_out += bytes_out;
        for (verdict, histogram) in durations {
            self.durations.entry(verdict).or_default().merge(histogram);
        }
        for (endpoint, histogram) in upstream_durations {
            self.upstream_durations.entry(endpoint).or_default().merge(histogram);
        }
    }
}
