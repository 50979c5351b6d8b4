//! Writes metric families in the format of a scrape.
//!
//! Modules that have metrics implement [`Collector`](prometheus_client::collector::Collector) and
//! write their families through [`FamilyWriter`]. The values of labels come from the policy file or
//! from fixed lists, never from a request, so that clients cannot create series.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// The labels of one series. All series of a family have the same `N`.
pub(crate) type Labels<'l, const N: usize> = [(&'static str, &'l str); N];

/// The labels of a series that has none.
pub(crate) const NO_LABELS: Labels<'static, 0> = [];

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

    fn begin_family<'s>(
        &'s mut self,
        head: &'s FamilyHead,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.encoder.encode_descriptor(head.name, head.help, head.unit.as_ref(), kind)
    }
}
