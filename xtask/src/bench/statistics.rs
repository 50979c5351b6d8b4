//! Medians and spreads of repeated measurements.

/// The median of numbers in order.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The least, the middle and the greatest of some measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// The spread of measurements; `None` if there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        Some(Self { least, median: median(&sorted), most })
    }

    /// The spread of the ratios of measurements to those of the same round.
    pub(crate) fn of_ratios(values: &[f64], to: &[f64]) -> Option<Self> {
        let mut ratios = Vec::new();
        for (value, other) in values.iter().zip(to) {
            ratios.push(value / other);
        }
        Self::of(&ratios)
    }

    /// The least and the greatest as text, with some digits behind the point.
    pub(crate) fn range(self, digits: usize) -> String {
        format!("{:.digits$}–{:.digits$}", self.least, self.most)
    }
}

/// The value at a share of numbers in order: 0.99 for the 99th percentile.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place within the list"
    )]
    let place = (share * last as f64).round() as usize;
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_the_same_round() {
        // The machine was twice as slow in the second round: no ratio shows it.
        let spread = Spread::of_ratios(&[2.0, 4.0], &[1.0, 2.0]);
        assert_eq!(spread, Some(Spread { least: 2.0, median: 2.0, most: 2.0 }));
        assert_eq!(Spread::of_ratios(&[], &[1.0]), None);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sorted: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!((percentile(&sorted, 0.5), percentile(&sorted, 0.99)), (50.0, 99.0));
        assert_eq!(percentile(&[], 0.5), 0.0);
    }
}
