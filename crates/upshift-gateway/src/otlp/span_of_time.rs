//! Times, as OTLP writes them.

use upshift_core::Timestamp;

/// A span of time, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpanOfTime {
    /// Its beginning.
    pub(super) start: u64,
    /// Its end.
    pub(super) end: u64,
}

/// A time in nanoseconds since 1970.
pub(super) fn nanoseconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond()).unwrap_or_default()
}
