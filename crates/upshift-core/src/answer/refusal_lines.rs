//! The field lines of a refusal, except those that only gRPC has.

use super::field_lines::FieldLines;
use super::html;
use super::kinds::requirement_field;
use super::refusal_parts::RefusalParts;
use super::shaped_rule::ShapedRule;
use super::status::AnswerStatus;
use crate::policy::{AnswerStyle, RequiredListener, Requirement, Rule};
use crate::prepared::{ApiShape, FormFields, Format, Hole, Template, UrlShape, template};
use crate::{VerdictReason, notice};

/// Composes the field lines of a refusal.
pub(super) fn refusal_lines(refusal: &RefusalParts<'_>, format: Format, close: bool) -> Template {
    let mut lines = FieldLines::default();
    push_upgrade_lines(refusal, close, &mut lines);
    lines.push("Content-Type", format.content_type());
    lines.push("Cache-Control", "no-store");
    lines.push("Vary", vary(refusal.top, &refusal.others));
    if refusal.shape.has_window_end {
        lines.push("Retry-After", Hole::SecondsLeft);
    }
    // RFC 9114 §3.1.1: `Alt-Svc` announces the HTTP/3 endpoint.
    if refusal.shape.request.has_alt_svc && refusal.top.rule.require.iter().any(needs_http3) {
        lines.push("Alt-Svc", Hole::AltSvc);
    }
    let rules = refusal.rules();
    for (name, value) in notice::rule_lines(&rules) {
        lines.push(name, &*value);
    }
    push_deprecated_versions(refusal, &rules, &mut lines);
    if format == Format::Html {
        lines.push("Content-Security-Policy", html::SECURITY_POLICY);
    }
    // The body quotes the request, so a browser must not guess another type for it.
    lines.push("X-Content-Type-Options", "nosniff");
    lines.push_optional(Hole::CorsLines);
    lines.into_template()
}

/// The value of `Vary`: each field that was read, by the policy or to choose the form of the
/// answer.
pub(super) fn vary(top: ShapedRule<'_>, others: &[ShapedRule<'_>]) -> Template {
    let mut rules = std::iter::once(&top).chain(others);
    let fields = FormFields {
        // gRPC is recognized by its content type, over HTTP/2 and later (`negotiate_format`).
        content_type: !top.request.is_http1(),
        fetch_mode: rules.any(|shaped| shaped.rule.answer == AnswerStyle::Redirect),
    };
    template![fields.names().join(", "), Hole::VerdictFields(fields)]
}

fn needs_http3(requirement: &Requirement) -> bool {
    requirement.required_listener() == RequiredListener::Http3
}

fn push_upgrade_lines(refusal: &RefusalParts<'_>, close: bool, lines: &mut FieldLines) {
    let AnswerStatus::UpgradeRequired(required) = &refusal.status else { return };
    if let Some(upgrade) = required.upgrade_value() {
        lines.push("Upgrade", upgrade);
        // RFC 9110 §7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
        lines.push("Connection", if close { "upgrade, close" } else { "upgrade" });
        let mut pushed = Vec::new();
        for requirement in &refusal.top.rule.require {
            // Two WebSocket requirements with different subprotocols name the same version.
            if let Some(field) = requirement_field(requirement)
                && !pushed.contains(&field)
            {
                lines.push(field.0, &field.1);
                pushed.push(field);
            }
        }
    }
    // For clients that do not read the body, which names the same URL.
    if refusal.shape.https_url != UrlShape::None {
        lines.push("Location", Hole::HttpsUrl);
        lines.push("Link", template!["<", Hole::HttpsUrl, ">; rel=\"alternate\""]);
    }
}

fn push_deprecated_versions(refusal: &RefusalParts<'_>, rules: &[&Rule], lines: &mut FieldLines) {
    let mut shaped = std::iter::once(&refusal.top).chain(&refusal.others);
    let may_name_sent = shaped.any(|shaped| {
        // If the client's version is too old, it is listed as well.
        shaped.ruling.cause == Some(VerdictReason::TooOld) && shaped.ruling.api != ApiShape::None
    });
    if may_name_sent {
        lines.push_optional(Hole::DeprecatedVersions);
        return;
    }
    let mut versions = notice::VersionList::new();
    for rule in rules {
        notice::add_outdated_versions(rule, &mut versions);
    }
    if let Some(list) = notice::list_versions(versions) {
        lines.push(notice::DEPRECATED_VERSIONS, list);
    }
}
