//! The records of a report, from a running gateway or from its store.

use std::path::Path;

use upshift_adoption::report::{ReportInput, build_report};
use upshift_adoption::store::UsageReader;
use upshift_core::Timestamp;
use upshift_record::adoption::AdoptionReport;
use upshift_record::control::{RolloutStatus, TripReport};
use upshift_record::{PlanEntry, plan_entries};

use crate::control::RemoteGateway;
use crate::policy_file::PolicyFile;
use crate::verb_error::VerbError;

/// The records of a report.
pub(super) struct Recorded {
    /// The numbers.
    pub(super) report: AdoptionReport,
    /// The calendar, for a page.
    pub(super) plan: Vec<PlanEntry>,
    /// The state of the rules, for a page; a store does not have it.
    pub(super) status: Option<RolloutStatus>,
    /// The trips of the breakers, for a page.
    pub(super) trips: Vec<TripReport>,
}

impl Recorded {
    /// The numbers of a fleet, without the state of any gateway.
    pub(super) fn of_fleet(report: AdoptionReport) -> Self {
        Self { report, plan: Vec::new(), status: None, trips: Vec::new() }
    }

    /// Drops all rules but this one.
    pub(super) fn retain_rule(&mut self, rule: &str) {
        self.report.rules.retain(|reported| reported.rule == rule);
        self.plan.retain(|entry| entry.rule == rule);
        self.trips.retain(|trip| trip.rule == rule);
        if let Some(status) = &mut self.status {
            status.rules.retain(|reported| reported.rule == rule);
        }
    }
}

/// Asks a gateway for the numbers since `from`, and with `for_page` for the state of its rules.
pub(super) async fn read_gateway(
    lookup: impl Future<Output = Result<RemoteGateway, VerbError>>,
    from: Timestamp,
    for_page: bool,
) -> Result<Recorded, VerbError> {
    let gateway = lookup.await?;
    let read = async {
        // A time in RFC 3339 with `Z` has no character that a query must encode.
        let report = gateway.get_api(&format!("adoption?since={from}")).await?;
        let (mut plan, mut status, mut trips) = (Vec::new(), None, Vec::new());
        if for_page {
            plan = gateway.get_api("plan").await?;
            status = Some(gateway.get_api("status").await?);
            trips = gateway.get_api("trips").await?;
        }
        Ok(Recorded { report, plan, status, trips })
    };
    read.await.map_err(|error| gateway.verb_error(&error))
}

/// Reads the numbers since `from` from a store, and the rules from the policy file.
pub(super) fn read_store(
    store: &Path,
    file: &PolicyFile,
    from: Timestamp,
    now: Timestamp,
) -> Result<Recorded, VerbError> {
    let policy = file.load_quietly()?.file.policy;
    let usage = match UsageReader::open(store) {
        Ok(Some(reader)) => reader.read_period(from.as_second(), now.as_second()),
        Ok(None) => {
            let message = format_args!("there is no store at {}", store.display());
            return Err(VerbError::environment(message));
        }
        Err(error) => Err(error),
    };
    let usage = usage.map_err(VerbError::environment)?;
    let report = build_report(ReportInput {
        now,
        from: from.as_second(),
        recording_since: usage.recording_since,
        rows: usage.rows,
        weeks: usage.weeks,
        refused: usage.refused,
        policy: &policy,
    });
    let plan = plan_entries(&policy, now);
    Ok(Recorded { report, plan, status: None, trips: Vec::new() })
}
