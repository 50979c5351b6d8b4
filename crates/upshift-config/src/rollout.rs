//! `[rule.rollout]`: the plan of phases in time.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use upshift_core::policy::{
    IdentityReader, Phase, PlanError, RampPlan, RefusedShare, Rollout, RolloutPlan,
};

use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_table::TomlTable;
use crate::toml_value::TomlValue;

/// The form of a place where an identity is read.
#[derive(Clone, Copy)]
enum IdentityForm {
    Header,
    Cookie,
    JwtUnverified,
    Peer,
}

const IDENTITY_FORMS: [(&str, IdentityForm); 4] = [
    ("header:NAME", IdentityForm::Header),
    ("cookie:NAME", IdentityForm::Cookie),
    ("jwt-unverified:CLAIM", IdentityForm::JwtUnverified),
    ("peer", IdentityForm::Peer),
];

/// The parts of `[rule.rollout]`.
#[derive(Default)]
pub(crate) struct RolloutParts {
    /// The plan; none if it is wrong, which is reported.
    pub(crate) rollout: Option<Rollout>,
    pub(crate) identity: Vec<IdentityReader>,
    /// The zone, which other dates of the rule need as well.
    pub(crate) zone: Option<TimeZone>,
}

/// Reads `[rule.rollout]`.
pub(crate) fn read_rollout(mut table: TomlTable<'_>) -> RolloutParts {
    // Before the dates, which are local to it.
    let zone = match table.get("zone") {
        Some(value) => value.read_time_zone(),
        None => None,
    };
    let mut identity = Vec::new();
    for value in table.values_at("identity") {
        identity.extend(read_identity_reader(&value));
    }
    let errors_before = table.collector.error_count();
    let plan = RolloutPlan {
        observe: table.date_at("observe", zone.as_ref()),
        warn: table.date_at("warn", zone.as_ref()),
        brownout: read_brownouts(&mut table, zone.as_ref()),
        ramp: read_ramp(&mut table, zone.as_ref()),
        enforce: table.date_at("enforce", zone.as_ref()),
    };
    table.report_unknown_keys();
    // A plan that lacks a wrong phase would only lead to errors about what it lacks.
    if table.collector.error_count() != errors_before {
        return RolloutParts { rollout: None, identity, zone };
    }
    let rollout = match Rollout::new(plan) {
        Ok(rollout) => Some(rollout),
        Err(error) => {
            report_plan_error(&table, error);
            None
        }
    };
    RolloutParts { rollout, identity, zone }
}

fn report_plan_error(table: &TomlTable<'_>, error: PlanError) {
    let order_help = format!("the order is {}", Phase::PLANNED.map(Phase::as_str).join(", "));
    let (key, help) = match error {
        PlanError::Order(_, later) => (later.as_str(), order_help.as_str()),
        PlanError::Windows => ("brownout", "write the windows in the order of time"),
        PlanError::Endless => {
            ("ramp", "add enforce = …, or write steps: [{ at = …, share = 0.1 }, …]")
        }
        PlanError::Steps => {
            ("ramp", "write the steps in the order of time, each with a greater share")
        }
        _ => ("", "add at least one phase, such as warn = 2026-06-01"),
    };
    let diagnostic = SpanDiagnostic::error(table.key_span(key), "the rollout is not valid");
    table.report(diagnostic.with_label(error.to_string()).with_help(help));
}

fn read_brownouts(
    table: &mut TomlTable<'_>,
    zone: Option<&TimeZone>,
) -> Vec<(Timestamp, Timestamp)> {
    let mut windows = Vec::new();
    for mut window in table.tables_at("brownout", "Window") {
        let at = window.require("at", "the start of the window");
        let length = window.require("for", "the length of the window, such as \"10m\"");
        window.report_unknown_keys();
        let start = at.and_then(|value| value.read_date(zone));
        let duration = length.as_ref().and_then(TomlValue::read_duration);
        // Reported above; the caller sees the new errors and builds no plan.
        let (Some(start), Some(length), Some(duration)) = (start, length, duration) else {
            continue;
        };
        match window_end(start, duration) {
            Some(end) => windows.push((start, end)),
            None => length.report_error("the window is too long", "it ends after the year 9999"),
        }
    }
    windows
}

fn window_end(start: Timestamp, length: Duration) -> Option<Timestamp> {
    let signed = SignedDuration::try_from(length).ok()?;
    start.checked_add(signed).ok()
}

fn read_ramp(table: &mut TomlTable<'_>, zone: Option<&TimeZone>) -> Option<RampPlan> {
    let value = table.get("ramp")?;
    if !value.is_list() {
        return Some(RampPlan::Linear(value.read_date(zone)?));
    }
    let mut steps = Vec::new();
    for mut step in value.read_tables("Step") {
        let at = step.require("at", "the start of the step");
        let share = step.require("share", "the share that is refused, such as 0.1");
        step.report_unknown_keys();
        let start = at.and_then(|value| value.read_date(zone));
        let fraction = share.and_then(|value| value.read_share());
        let (Some(start), Some(fraction)) = (start, fraction) else { continue };
        // `read_share` has checked the range.
        if let Some(share) = RefusedShare::from_fraction(fraction) {
            steps.push((start, share));
        }
    }
    Some(RampPlan::Steps(steps))
}

fn read_identity_reader(value: &TomlValue<'_>) -> Option<IdentityReader> {
    // `jwt:` would be read as a promise to verify, and the gateway has no key to do so.
    if value.as_str().is_some_and(|text| text.starts_with("jwt:")) {
        let error = value.error_here("the signature of the token is not verified here");
        value.report(
            error
                .with_label("the name of the reader has to say so")
                .with_help("write \"jwt-unverified:…\""),
        );
        return None;
    }
    let (form, argument) = value.split_reader(&IDENTITY_FORMS)?;
    Some(match form {
        IdentityForm::Header => IdentityReader::Header(value.parse_field_name(argument)?),
        IdentityForm::Cookie => IdentityReader::Cookie(argument.into()),
        IdentityForm::JwtUnverified => IdentityReader::JwtUnverified(argument.into()),
        IdentityForm::Peer => IdentityReader::Peer,
    })
}
