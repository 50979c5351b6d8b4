//! Numbers by the value of one label.

use std::collections::BTreeMap;
use std::ops::AddAssign;

/// A number for each value of one label. The values are constants of the program.
#[derive(Clone, Debug)]
pub(crate) struct LabelTotals<N = u64>(BTreeMap<&'static str, N>);

impl<N> Default for LabelTotals<N> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<N: Copy + Default + AddAssign> LabelTotals<N> {
    /// Zero for each of `values`.
    pub(crate) fn at_zero(values: impl IntoIterator<Item = &'static str>) -> Self {
        let mut totals = Self::default();
        for value in values {
            totals.0.insert(value, N::default());
        }
        totals
    }

    /// Adds `count` to the number for `value`.
    pub(crate) fn add(&mut self, value: &'static str, count: N) {
        *self.0.entry(value).or_default() += count;
    }

    /// Adds all numbers of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (value, count) in &other.0 {
            self.add(value, *count);
        }
    }

    /// The series of a family whose only label is `name`, in the order of the values.
    pub(crate) fn series(
        &self,
        name: &'static str,
    ) -> impl Iterator<Item = ([(&'static str, &'static str); 1], N)> {
        self.0.iter().map(move |(value, count)| ([(name, *value)], *count))
    }
}

impl LabelTotals {
    /// Adds one to the number for `value`.
    pub(crate) fn add_one(&mut self, value: &'static str) {
        self.add(value, 1);
    }
}
