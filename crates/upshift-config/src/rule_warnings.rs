//! Warnings about the patterns, the requirement and the breaker of a rule.

use upshift_core::HttpVersion;
use upshift_core::policy::{IdentityReader, Requirement, RuleSpec};

use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_table::TomlTable;

/// The patterns of `paths` that no request can match. `is_strict` is `paths = "strict"`.
pub(crate) fn pattern_warnings(
    spec: &RuleSpec,
    table: &TomlTable<'_>,
    is_strict: bool,
) -> Vec<SpanDiagnostic> {
    let paths = &spec.matcher.paths;
    let mut warnings = Vec::new();
    for pattern in &paths.include {
        // With `paths = "strict"` an ambiguous path is answered with 400 before any rule.
        let cause = if let Some(cause) = pattern.never_matches(is_strict) {
            cause.to_owned()
        } else if let Some(exclude) = paths.exclude.iter().find(|other| other.covers(pattern)) {
            format!("`!{}` excludes all of it", exclude.text())
        } else {
            continue;
        };
        let message = format!("no request can match `{}`", pattern.text());
        let span = table.value_span("paths");
        warnings.push(SpanDiagnostic::warning(span, message).with_label(cause));
    }
    warnings
}

/// The warnings about one rule that need no gateway and no time.
pub(crate) fn rule_warnings(spec: &RuleSpec, table: &TomlTable<'_>) -> Vec<SpanDiagnostic> {
    let mut warnings = Vec::new();
    warnings.extend(http3_only(spec, table));
    warnings.extend(unverified_identity(spec, table));
    warnings.extend(breaker_without_identity(spec, table));
    warnings.extend(useless_breaker(spec, table));
    warnings
}

fn http3_only(spec: &RuleSpec, table: &TomlTable<'_>) -> Option<SpanDiagnostic> {
    let needs_http3 =
        |requirement: &Requirement| matches!(requirement, Requirement::Http(HttpVersion::V3));
    // `all` is true for an empty list, which is an error of its own.
    if spec.require.is_empty() || !spec.require.iter().all(needs_http3) {
        return None;
    }
    // RFC 9114 §3.1.1: a client learns of HTTP/3 from an Alt-Svc field.
    Some(
        SpanDiagnostic::warning(
            table.value_span("require"),
            "the rule refuses every browser's first visit",
        )
        .with_label("a browser uses HTTP/3 only after it has seen Alt-Svc over HTTP/2 or 1.1")
        .with_help("require = [{ http = \"3\" }, { http = \"2\" }] admits the first visit too"),
    )
}

fn unverified_identity(spec: &RuleSpec, table: &TomlTable<'_>) -> Option<SpanDiagnostic> {
    let is_jwt = |reader: &IdentityReader| matches!(reader, IdentityReader::JwtUnverified(_));
    if !spec.identity.iter().any(is_jwt) {
        return None;
    }
    Some(
        SpanDiagnostic::warning(
            table.value_span("rollout"),
            "the identity comes from a token that is not verified",
        )
        .with_label("a caller can write any claim")
        .with_help(
            "use it for a ramp if the upstream verifies the token; do not use it for exemptions",
        ),
    )
}

fn breaker_without_identity(spec: &RuleSpec, table: &TomlTable<'_>) -> Option<SpanDiagnostic> {
    let stages = spec.rollout.as_ref()?.stages();
    // A rollout that only observes or warns never trips, so it does not matter what is counted.
    let refuses = stages.iter().any(|stage| stage.phase.refuses());
    if !refuses || spec.breaker.is_none() || !spec.identity.is_empty() {
        return None;
    }
    Some(
        SpanDiagnostic::warning(
            table.value_span("rollout"),
            "the breaker of this rollout counts addresses",
        )
        .with_label("`identity` is missing here, and many callers may share an address")
        .with_help(
            "add identity = [\"header:X-Api-Key\"], or \"peer\" for the client's address; or write \
             breaker = false",
        ),
    )
}

fn useless_breaker(spec: &RuleSpec, table: &TomlTable<'_>) -> Option<SpanDiagnostic> {
    // Only one that the rule has itself: `[breaker]` is not written for this rule.
    let breaker = table.peek_value("breaker")?;
    let phase = spec.phase?;
    if phase.refuses() || !breaker.is_table() {
        return None;
    }
    Some(
        SpanDiagnostic::warning(breaker.span(), "the breaker has nothing to watch")
            .with_label(format!("the rule is pinned to `{phase}`, which refuses no caller"))
            .with_help("leave it out, or leave `phase` out"),
    )
}
