//! Writes metric families in the format of a scrape.
//!
//! Modules that have metrics implement [`Collector`](prometheus_client::collector::Collector) and
//! write their families through [`FamilyWriter`]. The values of labels come from the policy file or
//! from fixed lists, never from a request, so that clients cannot create series.

use std::fmt;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NativeHistogram, NativeHistogramBuckets,
    NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::telemetry::histogram::{DurationHistogram, SCHEMA};

/// The labels of one series. All series of a family have the same `N`.
pub(crate) type Labels<'l, const N: usize> = [(&'static str, &'l str); N];

/// The labels of a series that has none.
pub(crate) const NO_LABELS: Labels<'static, 0> = [];

/// The breadth of the zero bucket of native histograms, which no duration falls into: 2^-128, as
/// other programs have it.
const ZERO_THRESHOLD: f64 = 2.938735877055719e-39;

/// The name, the unit and the description of a metric family.
pub(crate) struct FamilyHead {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
}

impl FamilyHead {
    /// A family without a unit. The encoder adds `_total` to the name of a counter.
    pub(crate) const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, unit: None }
    }

    /// The same family in `unit`, which the encoder adds to the name.
    pub(crate) fn with_unit(self, unit: Unit) -> Self {
        Self { unit: Some(unit), ..self }
    }
}

/// Writes metric families to a scrape.
pub(crate) struct FamilyWriter<'e> {
    encoder: DescriptorEncoder<'e>,
}

impl<'e> FamilyWriter<'e> {
    /// A writer to the scrape of `encoder`.
    pub(crate) fn new(encoder: DescriptorEncoder<'e>) -> Self {
        Self { encoder }
    }

    /// Writes a family of counters.
    pub(crate) fn write_counters<'l, const N: usize>(
        &mut self,
        head: &FamilyHead,
        series: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        let mut family = self.begin_family(head, MetricType::Counter)?;
        for (labels, value) in series {
            let mut encoder = family.encode_family(&labels)?;
            encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    /// Writes a counter without labels.
    pub(crate) fn write_counter(&mut self, head: &FamilyHead, value: u64) -> fmt::Result {
        self.write_counters(head, [(NO_LABELS, value)])
    }

    /// Writes a counter of seconds, in fractions.
    pub(crate) fn write_seconds_counter(&mut self, head: &FamilyHead, value: f64) -> fmt::Result {
        let mut family = self.begin_family(head, MetricType::Counter)?;
        family.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    /// Writes a family of gauges.
    pub(crate) fn write_gauges<'l, V: EncodeGaugeValue, const N: usize>(
        &mut self,
        head: &FamilyHead,
        series: impl IntoIterator<Item = (Labels<'l, N>, V)>,
    ) -> fmt::Result {
        let mut family = self.begin_family(head, MetricType::Gauge)?;
        for (labels, value) in series {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// Writes a gauge without labels.
    pub(crate) fn write_gauge<V: EncodeGaugeValue>(
        &mut self,
        head: &FamilyHead,
        value: V,
    ) -> fmt::Result {
        self.write_gauges(head, [(NO_LABELS, value)])
    }

    /// Writes a family whose one series is always 1 and has its information in `labels`.
    pub(crate) fn write_info<const N: usize>(
        &mut self,
        head: &FamilyHead,
        labels: &Labels<'_, N>,
    ) -> fmt::Result {
        self.begin_family(head, MetricType::Info)?.encode_info(labels)
    }

    /// Writes a family of histograms. Formats without native histograms have their classic buckets.
    pub(crate) fn write_histograms<'l, const N: usize>(
        &mut self,
        head: &FamilyHead,
        series: impl IntoIterator<Item = (Labels<'l, N>, &'l DurationHistogram)>,
    ) -> fmt::Result {
        let mut family = self.begin_family(head, MetricType::Histogram)?;
        for (labels, histogram) in series {
            encode_histogram(&mut family.encode_family(&labels)?, histogram)?;
        }
        Ok(())
    }

    fn begin_family<'s>(
        &'s mut self,
        head: &'s FamilyHead,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.encoder.encode_descriptor(head.name, head.help, head.unit.as_ref(), kind)
    }
}

fn encode_histogram(encoder: &mut MetricEncoder<'_>, histogram: &DurationHistogram) -> fmt::Result {
    let sparse = histogram.native_buckets();
    let native = NativeHistogram {
        schema: SCHEMA,
        // Without a zero bucket, an empty histogram would not be known as a native one.
        zero_threshold: ZERO_THRESHOLD,
        zero_count: 0,
        negative: NativeHistogramBuckets { spans: &[], deltas: &[] },
        positive: NativeHistogramBuckets { spans: &sparse.spans, deltas: &sparse.deltas },
        created: None,
    };
    encoder.encode_histogram_with_native::<NoLabelSet>(
        histogram.sum(),
        histogram.count(),
        &histogram.classic_buckets(),
        None,
        native,
    )
}
