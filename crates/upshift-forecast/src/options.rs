//! The choices of a forecast.

use jiff::tz::TimeZone;
use upshift_core::Timestamp;

/// The choices of a forecast.
#[derive(Clone, Debug)]
pub struct ForecastOptions {
    /// The time of the policy; `None`: as if every rule were enforced.
    pub at: Option<Timestamp>,
    /// The time of the forecast.
    pub now: Timestamp,
    /// The format, by name or description; `None` to guess it for each source.
    pub format: Option<String>,
    /// The zone of times without an offset.
    pub zone: TimeZone,
    /// The length of the lists of clients, networks, paths and agents.
    pub top: usize,
    /// The share of callers below which a rule is done.
    pub threshold: f64,
    /// The share of all requests that the log holds.
    pub sampled: f64,
    /// The key of the hashes of callers.
    pub key: [u8; 16],
    /// The number of threads.
    pub threads: usize,
}
