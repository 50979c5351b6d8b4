//! `[rule.rollout]`: the plan of phases in time.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use upshift_core::policy::{
    IdentityReader, Phase, PlanError, RampPlan, RefusedShare, Rollout, RolloutPlan,
};

use crate::document::{Item, Section};

/// A rollout as it was read.
pub(crate) struct Read {
    pub(crate) rollout: Option<Rollout>,
    pub(crate) identity: Vec<IdentityReader>,
    pub(crate) zone: Option<TimeZone>,
}

/// The zone of a rollout, which other dates of the rule need too.
pub(crate) fn zone(section: &mut Section<'_>) -> Option<TimeZone> {
    section.get("zone").and_then(|item| item.zone())
}

/// Reads the rollout; `None` if the plan could not be followed, which has then been reported.
pub(crate) fn rollout(section: &mut Section<'_>) -> Read {
    let zone = zone(section);
    let identity = section.get("identity").map(|item| item.one_or_more()).unwrap_or_default();
    let identity: Vec<_> = identity.iter().filter_map(identity_reader).collect();
    let given = section.out.errors();
    let mut moment = |key| section.get(key).and_then(|item| item.moment(zone.as_ref()));
    let (observe, warn, enforce) = (moment("observe"), moment("warn"), moment("enforce"));
    let brownout =
        section.get("brownout").map(|item| windows(&item, zone.as_ref())).unwrap_or_default();
    let ramp = section.get("ramp").and_then(|item| ramp(&item, zone.as_ref()));
    section.close();
    // Half a plan would only be blamed for what is missing in it.
    let whole = section.out.errors() == given;
    let plan = whole.then_some(RolloutPlan { observe, warn, brownout, ramp, enforce });
    let rollout =
        plan.and_then(|plan| Rollout::new(plan).map_err(|error| report(section, error)).ok());
    Read { rollout, identity, zone }
}

fn report(section: &Section<'_>, error: PlanError) {
    let (key, help) = match error {
        PlanError::Order(_, later) => {
            (key_of(later), "the order is observe, warn, brownout, ramp, enforce")
        }
        PlanError::Windows => ("brownout", "write the windows in the order of time"),
        PlanError::Endless => {
            ("ramp", "add enforce = …, or write steps: [{ at = …, share = 0.1 }, …]")
        }
        PlanError::Steps => {
            ("ramp", "write the steps in the order of time, each with a greater share")
        }
        _ => ("", "add at least one phase, such as warn = 2026-06-01"),
    };
    let finding =
        crate::diagnostic::Finding::error(section.key_span(key), "this rollout cannot be followed");
    section.out.report(finding.label(error.to_string()).help(help));
}

fn key_of(phase: Phase) -> &'static str {
    phase.as_str()
}

fn windows(item: &Item<'_>, zone: Option<&TimeZone>) -> Vec<(Timestamp, Timestamp)> {
    let mut windows = Vec::new();
    for mut section in item.sections("Window") {
        let at =
            section.required("at", "when the window begins").and_then(|item| item.moment(zone));
        let length = section
            .required("for", "how long it lasts, such as \"10m\"")
            .and_then(|item| item.duration());
        section.close();
        let end = at
            .zip(length)
            .and_then(|(at, length)| at.checked_add(SignedDuration::try_from(length).ok()?).ok());
        windows.extend(at.zip(end));
    }
    windows
}

fn ramp(item: &Item<'_>, zone: Option<&TimeZone>) -> Option<RampPlan> {
    if !item.is_list() {
        return item.moment(zone).map(RampPlan::Linear);
    }
    let mut steps = Vec::new();
    for mut section in item.sections("Step") {
        let at = section.required("at", "from when").and_then(|item| item.moment(zone));
        let share = section
            .required("share", "the share that is refused, such as 0.1")
            .and_then(|item| item.share());
        section.close();
        steps.extend(at.zip(share.and_then(RefusedShare::from_fraction)));
    }
    Some(RampPlan::Steps(steps))
}

fn identity_reader(item: &Item<'_>) -> Option<IdentityReader> {
    const FORMS: [&str; 4] = ["header:NAME", "cookie:NAME", "jwt-unverified:CLAIM", "peer"];
    if item.value().as_str().is_some_and(|text| text.starts_with("jwt:")) {
        let finding = item
            .error("the signature of a token is not checked here")
            .label("say that you know it");
        item.report(finding.help("write \"jwt-unverified:…\""));
        return None;
    }
    let (kind, argument) = item.reader(&FORMS)?;
    match kind {
        "header" => item.field(argument).map(IdentityReader::Header),
        "cookie" => Some(IdentityReader::Cookie(argument.into())),
        "peer" => Some(IdentityReader::Peer),
        _ => Some(IdentityReader::JwtUnverified(argument.into())),
    }
}
