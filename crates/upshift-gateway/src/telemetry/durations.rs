//! The metric families of durations, of exchanges and of upstreams, in each format.

use std::fmt::{self, Write as _};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use crate::telemetry::families::{FamilyHead, FamilyWriter};
use crate::telemetry::histogram::DurationHistogram;

const EXCHANGES: DurationFamily = DurationFamily {
    name: "upshift_http_request_duration",
    help: "The time from the head of a request to the end of its response, by verdict",
    label: "verdict",
};

const UPSTREAMS: DurationFamily = DurationFamily {
    name: "upshift_upstream_response_duration",
    help: "The time from sending a request to an upstream endpoint to the head of its response",
    label: "endpoint",
};

/// The durations at the time of a scrape.
#[derive(Debug)]
pub(crate) struct DurationMetrics {
    /// Of whole exchanges, by verdict.
    pub(crate) exchanges: Vec<(&'static str, DurationHistogram)>,
    /// Of responses of upstreams, by endpoint.
    pub(crate) upstreams: Vec<(String, DurationHistogram)>,
}

/// A family of histograms with one label.
struct DurationFamily {
    /// Its full name without the unit.
    name: &'static str,
    help: &'static str,
    label: &'static str,
}

impl Collector for DurationMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = FamilyWriter::new(encoder);
        let exchanges = self.exchanges.iter().map(|(verdict, histogram)| (*verdict, histogram));
        EXCHANGES.write_family(&mut writer, exchanges)?;
        UPSTREAMS.write_family(&mut writer, self.upstream_series())
    }
}

impl DurationMetrics {
    /// Writes the families in the text format of OpenMetrics with exemplars, which the encoder of
    /// that format takes from its own histograms only.
    pub(crate) fn write_openmetrics(&self, out: &mut String) -> fmt::Result {
        let exchanges = self.exchanges.iter().map(|(verdict, histogram)| (*verdict, histogram));
        EXCHANGES.write_openmetrics(out, exchanges)?;
        UPSTREAMS.write_openmetrics(out, self.upstream_series())
    }

    fn upstream_series(&self) -> impl Iterator<Item = (&str, &DurationHistogram)> {
        self.upstreams.iter().map(|(endpoint, histogram)| (endpoint.as_str(), histogram))
    }
}

impl DurationFamily {
    fn write_family<'h>(
        &self,
        writer: &mut FamilyWriter<'_>,
        series: impl Iterator<Item = (&'h str, &'h DurationHistogram)>,
    ) -> fmt::Result {
        let head = FamilyHead::new(self.name, self.help).with_unit(Unit::Seconds);
        writer.write_histograms(
            &head,
            series.map(|(value, histogram)| ([(self.label, value)], histogram)),
        )
    }

    fn write_openmetrics<'h>(
        &self,
        out: &mut String,
        series: impl Iterator<Item = (&'h str, &'h DurationHistogram)>,
    ) -> fmt::Result {
        let Self { name, help, label } = self;
        writeln!(out, "# HELP {name}_seconds {help}")?;
        writeln!(out, "# TYPE {name}_seconds histogram")?;
        writeln!(out, "# UNIT {name}_seconds seconds")?;
        for (value, histogram) in series {
            // Verdicts and the addresses of endpoints contain nothing that has to be escaped.
            self.write_buckets(out, value, histogram)?;
            let (count, sum) = (histogram.count(), histogram.sum());
            writeln!(out, "{name}_seconds_count{{{label}=\"{value}\"}} {count}")?;
            writeln!(out, "{name}_seconds_sum{{{label}=\"{value}\"}} {sum:?}")?;
        }
        Ok(())
    }

    fn write_buckets(
        &self,
        out: &mut String,
        value: &str,
        histogram: &DurationHistogram,
    ) -> fmt::Result {
        let Self { name, label, .. } = self;
        let mut cumulative = 0;
        for (index, (bound, count)) in histogram.classic_buckets().into_iter().enumerate() {
            cumulative += count;
            write!(out, "{name}_seconds_bucket{{{label}=\"{value}\",le=\"")?;
            if bound.is_finite() {
                write!(out, "{bound:?}\"}} {cumulative}")?;
            } else {
                write!(out, "+Inf\"}} {cumulative}")?;
            }
            if let Some(exemplar) = histogram.exemplar(index) {
                let at = exemplar.at.as_millisecond() as f64 / 1e3;
                let (trace_id, seconds) = (exemplar.trace_id, exemplar.seconds);
                write!(out, " # {{trace_id=\"{trace_id}\"}} {seconds:?} {at:?}")?;
            }
            out.push('\n');
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::time::Duration;

    use http::HeaderMap;
    use upshift_http::HeaderFields;

    use super::*;
    use crate::telemetry::trace_context::TraceContext;

    #[test]
    fn openmetrics_has_exemplars_in_their_buckets() {
        let mut fields = HeaderMap::new();
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        fields.insert("traceparent", traceparent.parse().unwrap());
        let mut histogram = DurationHistogram::default();
        let trace = TraceContext::from_fields(&HeaderFields(&fields)).unwrap();
        histogram.record(Duration::from_millis(20), Some(trace.trace_id));
        histogram.record(Duration::from_secs(20), None);
        let metrics =
            DurationMetrics { exchanges: vec![("admit", histogram)], upstreams: Vec::new() };
        let mut text = String::new();
        metrics.write_openmetrics(&mut text).unwrap();
        let bucket = "upshift_http_request_duration_seconds_bucket{verdict=\"admit\",le=";
        let exemplar = "# {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 0.02 ";
        assert!(text.contains(&format!("{bucket}\"0.01\"}} 0\n")), "{text}");
        assert!(text.contains(&format!("{bucket}\"0.025\"}} 1 {exemplar}")), "{text}");
        assert!(text.contains(&format!("{bucket}\"10.0\"}} 1\n")), "{text}");
        assert!(text.contains(&format!("{bucket}\"+Inf\"}} 2\n")), "{text}");
        assert!(text.contains("duration_seconds_sum{verdict=\"admit\"} 20.02\n"), "{text}");
    }
}
