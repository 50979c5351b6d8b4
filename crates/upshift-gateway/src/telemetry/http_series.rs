//! The series of durations: by verdict, and, if metrics are exported over OTLP, by the attributes
//! that OpenTelemetry has for HTTP.

use crate::telemetry::request_labels::RequestLabels;

/// The series that the duration of an exchange counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExchangeSeries {
    /// The verdict of the policy.
    pub(crate) verdict: &'static str,
    /// The attributes.
    pub(crate) http: HttpSeries,
}

/// The attributes of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HttpSeries {
    /// Exchanges are not counted by attributes.
    Uncounted,
    /// There are too many series for another one.
    Overflow,
    /// These attributes.
    Counted {
        /// The request.
        request: RequestLabels,
        /// The status of the response; `None` if there was none.
        status: Option<u16>,
        /// The reason for which the exchange failed.
        error: Option<&'static str>,
    },
}

/// The attributes of an attempt to get a response from an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AttemptSeries {
    /// Attempts are not counted by attributes.
    Uncounted,
    /// There are too many series for another one.
    Overflow,
    /// These attributes.
    Counted {
        /// The method, or `_OTHER`.
        method: &'static str,
        /// The status of the response; `None` if there was none.
        status: Option<u16>,
        /// The reason for which the attempt failed.
        error: Option<&'static str>,
    },
}
