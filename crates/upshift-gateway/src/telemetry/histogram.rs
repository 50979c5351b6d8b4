//! Histograms of durations, classic and native. Those of a core need no lock; the totals are merged.

use std::collections::BTreeMap;
use std::time::Duration;

use upshift_core::Timestamp;

use crate::telemetry::trace_context::TraceId;

/// The upper bounds of the classic buckets in seconds: those of OpenTelemetry for
/// `http.server.request.duration`. One more bucket has no bound.
pub(crate) const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The resolution of the native buckets: there are 2^`SCHEMA` of them between a power of two and the
/// next one, so that a quantile is off by 4.5 % at most.
pub(crate) const SCHEMA: i32 = 3;

/// The native bucket of a microsecond. Shorter durations count in it, too.
const FIRST_NATIVE: i32 = -160;

/// The native bucket of 36 hours. Longer durations count in it, too.
const LAST_NATIVE: i32 = 136;

/// The distribution of durations.
#[derive(Clone, Debug, Default)]
pub(crate) struct DurationHistogram {
    count: u64,
    /// Of the durations, in seconds.
    sum: f64,
    classic: [u64; BOUNDS.len() + 1],
    /// From [`FIRST_NATIVE`] on; empty without any duration.
    native: Vec<u64>,
    /// The latest duration of a traced request, by classic bucket.
    exemplars: BTreeMap<usize, TraceExemplar>,
}

/// A duration, and the trace that shows what took so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceExemplar {
    /// The trace.
    pub(crate) trace_id: TraceId,
    /// The duration.
    pub(crate) seconds: f64,
    /// The time at which it ended.
    pub(crate) at: Timestamp,
}

/// The native buckets that are not empty, as Prometheus encodes them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SparseBuckets {
    /// For each run of consecutive buckets: the distance from the end of the run before, and the
    /// length. The distance of the first one is its bucket.
    pub(crate) spans: Vec<(i32, u32)>,
    /// The count of each bucket, as the difference from the one before.
    pub(crate) deltas: Vec<i64>,
}

impl DurationHistogram {
    /// Records a duration, and the trace that the request belongs to.
    pub(crate) fn record(&mut self, duration: Duration, trace_id: Option<TraceId>) {
        let seconds = duration.as_secs_f64();
        self.count += 1;
        self.sum += seconds;
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.classic[bucket] += 1;
        if self.native.is_empty() {
            self.native.resize((LAST_NATIVE - FIRST_NATIVE + 1) as usize, 0);
        }
        self.native[(native_bucket(seconds) - FIRST_NATIVE) as usize] += 1;
        if let Some(trace_id) = trace_id {
            let exemplar = TraceExemplar { trace_id, seconds, at: Timestamp::now() };
            self.exemplars.insert(bucket, exemplar);
        }
    }

    /// Adds the durations of `other`.
    pub(crate) fn merge(&mut self, other: Self) {
        let Self { count, sum, classic, native, exemplars } = other;
        self.count += count;
        self.sum += sum;
        for (total, bucket) in self.classic.iter_mut().zip(classic) {
            *total += bucket;
        }
        if self.native.is_empty() {
            self.native = native;
        } else {
            for (total, bucket) in self.native.iter_mut().zip(native) {
                *total += bucket;
            }
        }
        self.exemplars.extend(exemplars);
    }

    /// The number of durations.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The sum of the durations, in seconds.
    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }

    /// The upper bound of each classic bucket, and the number of durations in it alone.
    pub(crate) fn classic_buckets(&self) -> [(f64, u64); BOUNDS.len() + 1] {
        let mut buckets = [(f64::INFINITY, 0); BOUNDS.len() + 1];
        for (index, count) in self.classic.into_iter().enumerate() {
            let bound = BOUNDS.get(index).copied();
            buckets[index] = (bound.unwrap_or(f64::INFINITY), count);
        }
        buckets
    }

    /// The exemplar of a classic bucket.
    pub(crate) fn exemplar(&self, bucket: usize) -> Option<&TraceExemplar> {
        self.exemplars.get(&bucket)
    }

    /// The native buckets.
    pub(crate) fn native_buckets(&self) -> SparseBuckets {
        let mut sparse = SparseBuckets::default();
        let (mut next, mut last_count) = (0, 0);
        for (index, &count) in (FIRST_NATIVE..).zip(&self.native) {
            if count == 0 {
                continue;
            }
            match sparse.spans.last_mut() {
                Some((_, length)) if index == next => *length += 1,
                _ => sparse.spans.push((index - next, 1)),
            }
            sparse.deltas.push(count as i64 - last_count);
            (next, last_count) = (index + 1, count as i64);
        }
        sparse
    }
}

/// The native bucket of a duration: bucket `i` ends at 2^(`i` / 2^[`SCHEMA`]).
fn native_bucket(seconds: f64) -> i32 {
    let exact = seconds.log2() * f64::from(1 << SCHEMA);
    // A cast saturates: the logarithm of 0 becomes the first bucket.
    (exact.ceil() as i32).clamp(FIRST_NATIVE, LAST_NATIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(durations: &[f64]) -> DurationHistogram {
        let mut histogram = DurationHistogram::default();
        for seconds in durations {
            histogram.record(Duration::from_secs_f64(*seconds), None);
        }
        histogram
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let buckets = histogram(&[0.0, 0.005, 0.0051, 10.0, 11.0]).classic_buckets();
        assert_eq!(buckets[0], (0.005, 2));
        assert_eq!(buckets[1], (0.01, 1));
        assert_eq!(buckets[13], (10.0, 1));
        assert_eq!(buckets[14], (f64::INFINITY, 1));
    }

    #[test]
    fn native_buckets_are_runs_of_differences() {
        // 2^0 is bucket 0; a second and a bit is bucket 1; 2^1 is bucket 8.
        let sparse = histogram(&[1.0, 1.0, 1.05, 2.0, 2.0, 2.0]).native_buckets();
        assert_eq!(sparse.spans, [(0, 2), (6, 1)]);
        assert_eq!(sparse.deltas, [2, -1, 2]);
        assert_eq!(histogram(&[]).native_buckets(), SparseBuckets::default());
        assert_eq!(histogram(&[0.0]).native_buckets().spans, [(FIRST_NATIVE, 1)]);
        assert_eq!(histogram(&[1e9]).native_buckets().spans, [(LAST_NATIVE, 1)]);
    }

    #[test]
    fn merging_adds() {
        let mut total = histogram(&[]);
        total.merge(histogram(&[0.02, 3.0]));
        total.merge(histogram(&[0.02]));
        assert_eq!(total.count(), 3);
        assert!((total.sum() - 3.04).abs() < 1e-9);
        assert_eq!(total.classic_buckets()[2], (0.025, 2));
        assert_eq!(total.native_buckets().deltas, [2, -1]);
    }
}
