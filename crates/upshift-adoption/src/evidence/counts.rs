//! The counts of the evidence, merged from rows of usage.

use std::collections::BTreeMap;
use std::sync::Arc;

use upshift_core::Verdict;
use upshift_record::adoption::RequestCounts;
use upshift_record::evidence::{LabelEvidence, StandingCounts, VersionCounts};

use crate::usage::{Dimension, Standing, StoredRow, UsageRow};

/// Requests by their verdict.
#[derive(Clone, Default)]
pub(super) struct StandingRows {
    total: UsageRow,
    meets: UsageRow,
    behind: UsageRow,
    unknown: UsageRow,
    refused: UsageRow,
    exempt: UsageRow,
}

/// Requests by a label.
#[derive(Clone, Default)]
pub(super) struct LabelRows(BTreeMap<Arc<str>, StandingRows>);

/// The requests of one rule, or of the gateway as a whole.
#[derive(Clone, Default)]
pub(super) struct RuleCounts {
    pub(super) all: StandingRows,
    pub(super) http: LabelRows,
    pub(super) tls: LabelRows,
    refused_versions: BTreeMap<Arc<str>, UsageRow>,
    exemptions: BTreeMap<Arc<str>, UsageRow>,
}

/// All requests of the period.
#[derive(Default)]
pub(super) struct TrafficCounts {
    pub(super) all: RuleCounts,
    pub(super) rules: BTreeMap<Arc<str>, RuleCounts>,
}

impl StandingRows {
    fn add_row(&mut self, stored: &StoredRow) {
        self.total.merge_row(&stored.row);
        let standing = match stored.key.standing {
            Standing::Meets => &mut self.meets,
            Standing::Behind => &mut self.behind,
            Standing::Uncertain => &mut self.unknown,
        };
        standing.merge_row(&stored.row);
        match stored.key.verdict {
            Verdict::Refuse => self.refused.merge_row(&stored.row),
            Verdict::Exempt => self.exempt.merge_row(&stored.row),
            Verdict::Admit | Verdict::Warn => {}
        }
    }

    pub(super) fn to_record(&self) -> StandingCounts {
        StandingCounts {
            total: request_counts(&self.total),
            meets: request_counts(&self.meets),
            behind: request_counts(&self.behind),
            unknown: request_counts(&self.unknown),
            refused: request_counts(&self.refused),
            exempt: request_counts(&self.exempt),
        }
    }
}

impl LabelRows {
    pub(super) fn to_records(&self) -> Vec<LabelEvidence> {
        let mut records = Vec::new();
        for (label, rows) in &self.0 {
            records.push(LabelEvidence { label: label.to_string(), counts: rows.to_record() });
        }
        records
    }
}

impl RuleCounts {
    fn add_row(&mut self, stored: &StoredRow) {
        let label = Arc::clone(&stored.key.label);
        match stored.key.dimension {
            // Every request is in exactly one row of this dimension.
            Dimension::Phase => self.all.add_row(stored),
            Dimension::Http => self.http.0.entry(label).or_default().add_row(stored),
            Dimension::Tls => self.tls.0.entry(label).or_default().add_row(stored),
            Dimension::Version if stored.key.verdict == Verdict::Refuse => {
                self.refused_versions.entry(label).or_default().merge_row(&stored.row);
            }
            Dimension::Exemption => {
                self.exemptions.entry(label).or_default().merge_row(&stored.row);
            }
            Dimension::Version | Dimension::Client => {}
        }
    }

    /// The refused requests by version, the most requests first.
    pub(super) fn refused_versions(&self) -> Vec<VersionCounts> {
        let mut records = Vec::new();
        for (version, row) in &self.refused_versions {
            records
                .push(VersionCounts { version: version.to_string(), refused: request_counts(row) });
        }
        records.sort_by_key(|counts| std::cmp::Reverse(counts.refused.requests));
        records
    }
}

impl TrafficCounts {
    /// The requests that were admitted because of an exemption.
    pub(super) fn exempted_by(&self, exemption: &str) -> RequestCounts {
        self.all.exemptions.get(exemption).map(request_counts).unwrap_or_default()
    }

    pub(super) fn from_rows(rows: &[StoredRow]) -> Self {
        let mut traffic = Self::default();
        for stored in rows {
            let rule = &stored.key.rule;
            if rule.is_empty() {
                traffic.all.add_row(stored);
            } else {
                traffic.rules.entry(Arc::clone(rule)).or_default().add_row(stored);
            }
        }
        traffic
    }
}

fn request_counts(row: &UsageRow) -> RequestCounts {
    RequestCounts { requests: row.requests, callers: row.known_callers() }
}
