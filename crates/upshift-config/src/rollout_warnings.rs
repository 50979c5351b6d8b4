//! Warnings about the phases and dates of a rule.

use jiff::Timestamp;
use upshift_core::policy::{IdentityReader, Phase, RampPlan, RefusedShare, Rollout, RuleSpec};

use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_table::TomlTable;

/// The warnings about the phases and dates of one rule at `now`.
pub(crate) fn rollout_warnings(
    spec: &RuleSpec,
    table: &TomlTable<'_>,
    now: Timestamp,
) -> Vec<SpanDiagnostic> {
    let mut warnings = Vec::new();
    warnings.extend(cliff_at_enforce(spec, table));
    warnings.extend(sunset_before_deprecation(spec, table));
    warnings.extend(enforced_before_sunset(spec, table));
    warnings.extend(pinned_rollout(spec, table));
    warnings.extend(refusing_phase_in_past(spec, table, now));
    warnings.extend(sunset_in_past(spec, table, now));
    warnings
}

fn cliff_at_enforce(spec: &RuleSpec, table: &TomlTable<'_>) -> Option<SpanDiagnostic> {
    let plan = spec.rollout.as_ref()?.plan();
    let (ramp, enforce) = (plan.ramp.as_ref()?, plan.enforce?);
    let span = table.value_span("rollout");
    if let RampPlan::Steps(steps) = ramp
        && let Some((_, share)) = steps.last()
        // From half on, `enforce` refuses no more callers at once than the steps did in all.
        && *share < RefusedShare::from_basis_points(5_000)
    {
        let reached = share.fraction() * 100.0;
        let left = 100.0 - reached;
        let message =
            format!("{left:.0} % of the callers are refused all at once at `enforce`: a cliff");
        return Some(
            SpanDiagnostic::warning(span, message)
                .with_label(format!("the last step reaches {reached:.0} %"))
                .with_help(format!("add steps before {enforce}")),
        );
    }
    // A request has a client IP unless a proxy withholds it, so that hardly any is left out.
    if spec.identity.contains(&IdentityReader::Peer) {
        return None;
    }
    let readers: Vec<String> = spec.identity.iter().map(ToString::to_string).collect();
    let message = "requests without an identity are refused all at once at `enforce`: a cliff";
    Some(
        SpanDiagnostic::warning(span, message)
            .with_label(format!("a request without {} is in no ramp", readers.join(" and ")))
            .with_help(format!(
                "they are only warned until {enforce}; add \"peer\" at the end of `identity` to \
                 fall back to the client's address"
            )),
    )
}

fn sunset_before_deprecation(spec: &RuleSpec, table: &TomlTable<'_>) -> Option<SpanDiagnostic> {
    // With their defaults, `warn` and `enforce`: these are the dates that clients get.
    let (deprecated, sunset) = (spec.deprecated()?, spec.sunset()?);
    if sunset >= deprecated {
        return None;
    }
    // The one that the file has, because the other comes from the rollout.
    let key = if table.contains_key("sunset") { "sunset" } else { "deprecated" };
    // RFC 9745 §4: the sunset must not be earlier than the deprecation.
    Some(
        SpanDiagnostic::warning(table.value_span(key), "the sunset is before the deprecation")
            .with_label(format!("deprecated {deprecated}, sunset {sunset}"))
            .with_help("clients get both dates; the sunset has to be the later one"),
    )
}

fn enforced_before_sunset(spec: &RuleSpec, table: &TomlTable<'_>) -> Option<SpanDiagnostic> {
    // The field, not `sunset()`, which would fall back to `enforce` itself.
    let (sunset, enforce) = (spec.sunset?, spec.rollout.as_ref()?.plan().enforce?);
    if enforce >= sunset {
        return None;
    }
    Some(
        SpanDiagnostic::warning(
            table.value_span("sunset"),
            "all callers are refused before the sunset that is announced to them",
        )
        .with_label(format!("`enforce` is at {enforce}"))
        .with_help("leave `sunset` out: it is then `rollout.enforce`"),
    )
}

fn pinned_rollout(spec: &RuleSpec, table: &TomlTable<'_>) -> Option<SpanDiagnostic> {
    let (phase, _) = (spec.phase?, spec.rollout.as_ref()?);
    Some(
        SpanDiagnostic::warning(
            table.value_span("phase"),
            "the rollout of this rule has no effect",
        )
        .with_label(format!("the rule is pinned to `{phase}` at all dates"))
        .with_help("leave `phase` out to follow the rollout"),
    )
}

/// Warns about a phase that has begun and refuses callers: a rule that is deployed for the first
/// time refuses them at once.
fn refusing_phase_in_past(
    spec: &RuleSpec,
    table: &TomlTable<'_>,
    now: Timestamp,
) -> Option<SpanDiagnostic> {
    // Then the rollout has no effect, which is a warning of its own.
    if spec.phase.is_some() {
        return None;
    }
    let rollout = spec.rollout.as_ref()?;
    let current = rollout.state_at(now);
    if current.share == RefusedShare::NONE {
        return None;
    }
    let since = last_start(rollout, now)?;
    let percent = f64::from(current.share.basis_points()) / 100.0;
    let span = table.value_span("rollout");
    let advice = "if this rule was not deployed before, choose dates in the future: with these it \
                  refuses";
    Some(match current.phase {
        Phase::Enforce => SpanDiagnostic::warning(span, "`enforce` is in the past")
            .with_label(format!(
                "since {since} the rule refuses 100 % of the callers who do not meet it"
            ))
            .with_help(format!(
                "{advice} all of them at once; if its rollout is over, leave `rollout` out"
            )),
        phase => SpanDiagnostic::warning(span, format!("the {phase} has begun"))
            .with_label(format!(
                "since {since}; now the rule refuses {percent} % of the callers who do not meet it"
            ))
            .with_help(format!("{advice} that share at once")),
    })
}

/// The start of the latest stage that has begun.
fn last_start(rollout: &Rollout, now: Timestamp) -> Option<Timestamp> {
    let mut start = None;
    for stage in rollout.stages() {
        // Stages are in the order of time, so that the last hit is the latest start.
        if stage.from <= now {
            start = Some(stage.from);
        }
    }
    start
}

fn sunset_in_past(
    spec: &RuleSpec,
    table: &TomlTable<'_>,
    now: Timestamp,
) -> Option<SpanDiagnostic> {
    let sunset = spec.sunset?;
    let refuses_all = match (spec.phase, &spec.rollout) {
        (Some(phase), _) => phase == Phase::Enforce,
        (None, Some(rollout)) => rollout.state_at(now).phase == Phase::Enforce,
        // Such a rule is enforced at once.
        (None, None) => true,
    };
    if sunset > now || refuses_all {
        return None;
    }
    let label = format!("callers are told that it ended at {sunset}, but they are still served");
    Some(
        SpanDiagnostic::warning(table.value_span("sunset"), "`sunset` is in the past")
            .with_label(label)
            .with_help(
                "choose a date in the future, or leave it out: it is then `rollout.enforce`",
            ),
    )
}
