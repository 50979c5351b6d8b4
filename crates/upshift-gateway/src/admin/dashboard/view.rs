//! The records of a page, read from the running gateway.

use std::sync::Arc;

use upshift_core::Timestamp;
use upshift_pages::period::Period;
use upshift_pages::view::{AdoptionSource, GatewayView};
use upshift_record::canary::EnforcementTrial;
use upshift_record::plan_entries;

use crate::admin::fleet_numbers::FleetNumbers;
use crate::admin::gateway_route::gateway_status;
use crate::rollout::Control;
use crate::rollout::report::trip_report;
use crate::shared::Shared;

/// The most trips of a page.
const MAX_TRIPS: usize = 20;

/// The source of the records of pages.
#[derive(Clone)]
pub(super) struct PageSource {
    /// The running gateway.
    pub(super) shared: Arc<Shared>,
    /// The numbers of adoption; `None` for those of the store.
    pub(super) fleet: Option<Arc<FleetNumbers>>,
}

/// Reads all that the overview shows. `None` if it failed, and the log says why.
pub(super) async fn read_view(source: PageSource, period: Period) -> Option<GatewayView> {
    let fleet = source.read_fleet(period).await;
    // Reading the store must not keep the other routes waiting.
    let reading = tokio::task::spawn_blocking(move || gateway_view(&source.shared, period, fleet));
    reading.await.ok()
}

/// Reads all that the page of a rule shows, and tries what enforcing the rule would do.
pub(super) async fn read_rule_view(
    source: PageSource,
    period: Period,
    rule: String,
) -> Option<(GatewayView, Option<EnforcementTrial>)> {
    let fleet = source.read_fleet(period).await;
    let reading = tokio::task::spawn_blocking(move || {
        let view = gateway_view(&source.shared, period, fleet);
        let trial = source.shared.control.try_enforcing(&rule, Timestamp::now());
        (view, trial)
    });
    reading.await.ok()
}

impl PageSource {
    /// The numbers of the fleet, if the pages show those.
    async fn read_fleet(&self, period: Period) -> Option<AdoptionSource> {
        let fleet = self.fleet.as_ref()?;
        let prometheus = fleet.url_text();
        Some(match Arc::clone(fleet).read_report(period.seconds()).await {
            Ok(report) => AdoptionSource::Fleet { report: (*report).clone(), prometheus },
            Err(error) => AdoptionSource::NoFleet { error, prometheus },
        })
    }
}

fn gateway_view(shared: &Shared, period: Period, fleet: Option<AdoptionSource>) -> GatewayView {
    let now = Timestamp::now();
    let control = &shared.control;
    let mut trips = Vec::new();
    for trip in control.trips(MAX_TRIPS) {
        // The pages link to the callers of a rule instead of listing those of each trip.
        trips.push(trip_report(&trip, &[]));
    }
    GatewayView {
        now: now.to_string(),
        adoption: fleet.unwrap_or_else(|| store_source(control, period, now)),
        status: Some(control.status(now)),
        plan: plan_entries(&control.effective_policy(now), now),
        trips,
        gateway: Some(gateway_status(shared, now)),
    }
}

fn store_source(control: &Control, period: Period, now: Timestamp) -> AdoptionSource {
    let from = Timestamp::from_second(now.as_second() - period.seconds()).unwrap_or(now);
    match control.adoption_report(from, now) {
        Ok(Some(report)) => AdoptionSource::Recorded(report),
        Ok(None) => AdoptionSource::NoStore,
        Err(error) => AdoptionSource::Unreadable(error.to_string()),
    }
}
