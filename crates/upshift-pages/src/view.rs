//! The records that the pages are made of.

use std::collections::{HashMap, HashSet};

use upshift_record::PlanEntry;
use upshift_record::adoption::{AdoptionReport, RuleAdoption};
use upshift_record::canary::EnforcementTrial;
use upshift_record::control::{ExemptionStatus, RolloutStatus, RuleStatus, TripReport};
use upshift_record::gateway::GatewayStatus;

use crate::time_text::seconds_of;

/// All that is known of a gateway at a time.
#[derive(Default)]
pub struct GatewayView {
    /// The time (RFC 3339, UTC).
    pub now: String,
    /// The numbers of adoption.
    pub adoption: AdoptionSource,
    /// The state of the rules; `None` for a report from a store.
    pub status: Option<RolloutStatus>,
    /// The calendar.
    pub plan: Vec<PlanEntry>,
    /// The trips of the breaker, the newest first.
    pub trips: Vec<TripReport>,
    /// The state of the process; `None` for a report from a store.
    pub gateway: Option<GatewayStatus>,
}

/// The numbers of adoption, or the reason for their absence.
#[derive(Default)]
pub enum AdoptionSource {
    /// The gateway has no store.
    #[default]
    NoStore,
    /// The store cannot be read.
    Unreadable(String),
    /// The report of this gateway.
    Recorded(AdoptionReport),
    /// The report of a fleet.
    Fleet {
        /// The report.
        report: AdoptionReport,
        /// The URL of the Prometheus that it comes from, without credentials.
        prometheus: String,
    },
    /// A fleet of which Prometheus gives no report.
    NoFleet {
        /// The reason.
        error: String,
        /// The URL of that Prometheus, without credentials.
        prometheus: String,
    },
}

/// The gateways that the numbers of a page are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The one that the rest of the page is about.
    Gateway,
    /// A fleet, of which the rest of the page shows one gateway.
    Fleet,
}

impl Scope {
    /// The heading of a section about this one gateway.
    pub fn own_heading(self, heading: &str) -> String {
        match self {
            Self::Gateway => heading.to_owned(),
            Self::Fleet => format!("{heading} of this gateway"),
        }
    }
}

/// All that is known of a rule.
pub struct RuleView<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its numbers.
    pub adoption: Option<&'a RuleAdoption>,
    /// Its state; `None` if the policy does not have it any more, or for a report from a store.
    pub status: Option<&'a RuleStatus>,
    /// Its calendar.
    pub plan: Vec<&'a PlanEntry>,
    /// The trips of its breaker.
    pub trips: Vec<&'a TripReport>,
    /// The exemptions from it.
    pub exemptions: Vec<&'a ExemptionStatus>,
    /// The effect that enforcing it would have on the callers of the last minutes.
    pub trial: Option<&'a EnforcementTrial>,
    /// The gateways that its numbers are about.
    pub scope: Scope,
    /// The parts of its numbers that their source does not have.
    pub not_known: &'a [String],
}

impl GatewayView {
    /// The report of adoption, if there is one.
    pub fn report(&self) -> Option<&AdoptionReport> {
        match &self.adoption {
            AdoptionSource::Recorded(report) | AdoptionSource::Fleet { report, .. } => Some(report),
            AdoptionSource::NoStore
            | AdoptionSource::Unreadable(_)
            | AdoptionSource::NoFleet { .. } => None,
        }
    }

    /// The gateways that the numbers are about.
    pub fn scope(&self) -> Scope {
        match &self.adoption {
            AdoptionSource::Fleet { .. } | AdoptionSource::NoFleet { .. } => Scope::Fleet,
            AdoptionSource::NoStore
            | AdoptionSource::Unreadable(_)
            | AdoptionSource::Recorded(_) => Scope::Gateway,
        }
    }

    /// The parts of the numbers that their source does not have.
    pub fn not_known(&self) -> &[String] {
        match self.report() {
            Some(report) => &report.not_known,
            None => &[],
        }
    }

    /// The exemptions of the policy.
    pub fn exemptions(&self) -> &[ExemptionStatus] {
        match &self.status {
            Some(status) => &status.exemptions,
            None => &[],
        }
    }

    /// The rules in the order of the file, and then those that the file no longer has.
    pub fn rules(&self) -> Vec<RuleView<'_>> {
        let mut adoption = HashMap::new();
        for rule in self.report().into_iter().flat_map(|report| &report.rules) {
            adoption.insert(rule.rule.as_str(), rule);
        }
        let mut plans: HashMap<&str, Vec<&PlanEntry>> = HashMap::new();
        for entry in &self.plan {
            plans.entry(&entry.rule).or_default().push(entry);
        }
        let statuses = self.statuses_by_rule();
        let mut rules = Vec::new();
        for id in self.rule_ids() {
            rules.push(RuleView {
                id,
                adoption: adoption.get(id).copied(),
                status: statuses.get(id).copied(),
                plan: plans.remove(id).unwrap_or_default(),
                trips: self.trips.iter().filter(|trip| trip.rule == id).collect(),
                exemptions: exemptions_of(self.exemptions(), id),
                trial: None,
                scope: self.scope(),
                not_known: self.not_known(),
            });
        }
        rules
    }

    /// One rule, if it is known.
    pub fn rule(&self, id: &str) -> Option<RuleView<'_>> {
        self.rules().into_iter().find(|rule| rule.id == id)
    }

    fn statuses_by_rule(&self) -> HashMap<&str, &RuleStatus> {
        let mut statuses = HashMap::new();
        for status in self.status.iter().flat_map(|status| &status.rules) {
            statuses.insert(status.rule.as_str(), status);
        }
        statuses
    }

    fn rule_ids(&self) -> Vec<&str> {
        let (mut ids, mut known) = (Vec::new(), HashSet::new());
        let of_policy = self.status.iter().flat_map(|status| &status.rules);
        let recorded = self.report().into_iter().flat_map(|report| &report.rules);
        let both = of_policy.map(|rule| &rule.rule).chain(recorded.map(|rule| &rule.rule));
        for id in both {
            if known.insert(id) {
                ids.push(id.as_str());
            }
        }
        ids
    }
}

fn exemptions_of<'a>(exemptions: &'a [ExemptionStatus], rule: &str) -> Vec<&'a ExemptionStatus> {
    let mut found = Vec::new();
    for exemption in exemptions {
        if exemption.rules.is_empty() || exemption.rules.iter().any(|covered| covered == rule) {
            found.push(exemption);
        }
    }
    found
}

impl RuleView<'_> {
    /// The phase in force; `None` if the policy does not have the rule any more.
    pub fn phase(&self) -> Option<&str> {
        match (self.status, self.adoption) {
            (Some(status), _) => Some(&status.phase),
            (None, Some(adoption)) => adoption.phase.as_deref(),
            (None, None) => None,
        }
    }

    /// True if the source of the numbers has this part of them, such as `rules.versions`.
    pub fn knows(&self, part: &str) -> bool {
        self.not_known.iter().all(|missing| missing != part)
    }

    /// The phase in the fleet, if it is not that of this gateway.
    pub fn other_phase(&self) -> Option<&str> {
        let (status, adoption) = (self.status?, self.adoption?);
        let in_fleet = adoption.phase.as_deref().filter(|phase| *phase != status.phase);
        in_fleet.filter(|_| self.scope == Scope::Fleet)
    }

    /// The numbers, if any request was recorded.
    pub fn recorded(&self) -> Option<&RuleAdoption> {
        self.adoption.filter(|adoption| adoption.total.requests > 0)
    }

    /// The coming phases by the calendar, unless an override or a pin holds the rule.
    pub fn coming(&self, now: &str) -> Vec<&PlanEntry> {
        let (mut coming, now) = (Vec::new(), seconds_of(now));
        for entry in &self.plan {
            let from = entry.from.as_deref().and_then(seconds_of);
            if !entry.held && from.is_some() && from > now {
                coming.push(*entry);
            }
        }
        coming
    }

    /// True if the breaker holds the rule.
    pub fn is_tripped(&self) -> bool {
        let breaker = self.status.and_then(|status| status.breaker.as_ref());
        breaker.is_some_and(|breaker| breaker.state == "tripped")
    }
}
