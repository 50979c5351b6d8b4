//! The formats in which Prometheus and others read metrics, and the choice between them.

use axum::http::HeaderMap;
use prometheus_client::encoding::{prometheus_protobuf, prometheus_text, text};
use prometheus_client::registry::Registry;
use upshift_core::field::{Accept, MediaType};
use upshift_http::HeaderFields;

use crate::telemetry::durations::DurationMetrics;

/// A format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpositionFormat {
    /// The text format of Prometheus, version 0.0.4.
    Text,
    /// The text format of OpenMetrics, which has exemplars.
    OpenMetrics,
    /// The protobuf format of Prometheus, which has native histograms, too.
    Protobuf,
}

impl ExpositionFormat {
    /// The format that a client prefers: that of the heaviest range in `Accept` that one of them
    /// matches. Other clients get [`ExpositionFormat::Text`], which everything can read.
    pub(super) fn negotiate(headers: &HeaderMap) -> Self {
        let fields = HeaderFields(headers);
        for range in &Accept::from_fields(&fields).by_weight() {
            // RFC 9110 §12.4.2: a weight of 0 means "not acceptable".
            if range.weight > 0
                && let Some(format) = Self::in_range(&range.media)
            {
                return format;
            }
        }
        Self::Text
    }

    fn in_range(media: &MediaType<'_>) -> Option<Self> {
        let version = media.first_parameter("version");
        match (media.essence.to_ascii_lowercase().as_str(), version.as_deref()) {
            ("application/openmetrics-text", None | Some("1.0.0")) => Some(Self::OpenMetrics),
            ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => Some(Self::Text),
            ("application/vnd.google.protobuf", _) if is_metric_family(media) => {
                Some(Self::Protobuf)
            }
            _ => None,
        }
    }

    /// The value of `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                 encoding=delimited"
            }
        }
    }

    /// Writes the metrics of `registry` and `durations`.
    ///
    /// # Errors
    /// If they cannot be written in this format.
    pub(super) fn encode(
        self,
        mut registry: Registry,
        durations: DurationMetrics,
    ) -> Result<Vec<u8>, prometheus_protobuf::EncodeError> {
        let mut written = String::new();
        if self == Self::OpenMetrics {
            text::encode_registry(&mut written, &registry)?;
            durations.write_openmetrics(&mut written)?;
            text::encode_eof(&mut written)?;
            return Ok(written.into_bytes());
        }
        registry.register_collector(Box::new(durations));
        if self == Self::Protobuf {
            return prometheus_protobuf::encode_to_vec(&registry);
        }
        prometheus_text::encode(&mut written, &registry)?;
        Ok(written.into_bytes())
    }
}

/// Returns true if a range for protobuf is for the messages and the framing of Prometheus.
fn is_metric_family(media: &MediaType<'_>) -> bool {
    let message = media.first_parameter("proto");
    let framing = media.first_parameter("encoding");
    message.as_deref() == Some("io.prometheus.client.MetricFamily")
        && framing.as_deref() == Some("delimited")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    const PROTOBUF: &str = "application/vnd.google.protobuf;\
        proto=io.prometheus.client.MetricFamily;encoding=delimited";

    fn format_for(accept: &str) -> ExpositionFormat {
        let mut headers = HeaderMap::new();
        headers.insert("accept", accept.parse().unwrap());
        ExpositionFormat::negotiate(&headers)
    }

    #[test]
    fn the_heaviest_range_that_can_be_served_wins() {
        use ExpositionFormat::{OpenMetrics, Protobuf, Text};

        // What Prometheus 2.42 sends, without and with native histograms.
        let prometheus = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,\
            */*;q=0.1";
        assert_eq!(format_for(prometheus), OpenMetrics);
        assert_eq!(format_for(&format!("{PROTOBUF},{prometheus}")), Protobuf);
        for (accept, wanted) in [
            ("*/*", Text),
            ("text/html, */*;q=0.8", Text),
            ("application/openmetrics-text;version=2.0.0", Text),
            ("application/openmetrics-text;version=0.0.1", Text),
            ("application/openmetrics-text;q=0.4, text/plain;version=0.0.4;q=0.6", Text),
            ("application/openmetrics-text;q=0, text/plain;q=0.1", Text),
            ("Application/OpenMetrics-Text; version=\"1.0.0\"", OpenMetrics),
            ("application/vnd.google.protobuf;proto=other;encoding=delimited", Text),
        ] {
            assert_eq!(format_for(accept), wanted, "{accept}");
        }
        assert_eq!(ExpositionFormat::negotiate(&HeaderMap::new()), Text);
    }
}
