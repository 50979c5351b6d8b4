//! Counts, merged from rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use upshift_record::adoption::{LabelCounts, RequestCounts};

use super::version_order::{compare_versions, product_of_version};
use crate::usage::{Standing, StoredRow, UsageRow};

/// The counts of all rows with one label.
#[derive(Clone, Default)]
pub(super) struct Counts {
    pub(super) total: UsageRow,
    pub(super) behind: UsageRow,
}

impl Counts {
    pub(super) fn add_row(&mut self, stored: &StoredRow) {
        self.total.merge_row(&stored.row);
        if stored.key.standing == Standing::Behind {
            self.behind.merge_row(&stored.row);
        }
    }
}

/// The counts of rows by their label.
#[derive(Default)]
pub(super) struct CountsByLabel {
    labels: BTreeMap<Arc<str>, Counts>,
}

impl CountsByLabel {
    pub(super) fn add_row(&mut self, stored: &StoredRow) {
        self.add_row_as(Arc::clone(&stored.key.label), stored);
    }

    /// Adds a row under another label than its own.
    pub(super) fn add_row_as(&mut self, label: Arc<str>, stored: &StoredRow) {
        self.labels.entry(label).or_default().add_row(stored);
    }

    /// The counts of all labels together.
    pub(super) fn total(&self) -> RequestCounts {
        let mut total = UsageRow::default();
        for counts in self.labels.values() {
            total.merge_row(&counts.total);
        }
        request_counts(&total)
    }

    /// The counts by label, in the order of the labels.
    pub(super) fn into_records(self) -> Vec<LabelCounts> {
        let mut records = Vec::with_capacity(self.labels.len());
        for (label, counts) in self.labels {
            records.push(label_record(&label, &counts));
        }
        records
    }

    /// The counts by version, in the order of versions, with the callers below each.
    pub(super) fn into_version_records(self) -> Vec<LabelCounts> {
        let mut versions: Vec<_> = self.labels.into_iter().collect();
        versions.sort_by(|(a, _), (b, _)| compare_versions(a, b));
        let (mut records, mut product, mut below) = (Vec::new(), "", UsageRow::default());
        for (label, counts) in &versions {
            let mut record = label_record(label, counts);
            if let Some(of_product) = product_of_version(label) {
                if of_product != product {
                    (product, below) = (of_product, UsageRow::default());
                }
                record.callers_below = below.known_callers();
                // Merged and not added up: many callers send several versions over time.
                below.merge_row(&counts.total);
            }
            records.push(record);
        }
        records
    }
}

fn label_record(label: &str, counts: &Counts) -> LabelCounts {
    LabelCounts {
        label: label.to_owned(),
        total: request_counts(&counts.total),
        behind: request_counts(&counts.behind),
        callers_below: None,
    }
}

pub(super) fn request_counts(row: &UsageRow) -> RequestCounts {
    RequestCounts { requests: row.requests, callers: row.known_callers() }
}
