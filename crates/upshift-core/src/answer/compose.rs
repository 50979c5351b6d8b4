//! Composes an answer, with holes for the values of a request.

use super::field_lines::FieldLines;
use super::refusal_lines::{refusal_lines, vary};
use super::refusal_parts::RefusalParts;
use super::shaped_rule::ShapedRule;
use super::status::{AnswerStatus, OtherStatus, UpgradeRequired};
use super::words::refusal_text;
use super::{kinds, protocols};
use crate::policy::{AnswerStyle, Rule};
use crate::prepared::{AnswerForm, AnswerShape, Format, Hole, PreparedAnswer, Template};
use crate::{HttpVersion, RequirementKind, VerdictReason};

/// Composes the answer of this shape. `top` is the rule that decided; `others` are the other rules
/// that refuse, in the order of the shape.
pub(super) fn compose_answer(
    shape: &AnswerShape<'_>,
    top: &Rule,
    others: &[&Rule],
) -> PreparedAnswer {
    let AnswerShape { request, https_url, .. } = shape;
    let https_url = *https_url;
    let top = ShapedRule { rule: top, ruling: &shape.top, request, https_url, place: 0 };
    let mut other_rules = Vec::new();
    for (index, (rule, other)) in others.iter().zip(&shape.others).enumerate() {
        let (ruling, place) = (&other.ruling, index + 1);
        other_rules.push(ShapedRule { rule, ruling, request, https_url, place });
    }
    match shape.form {
        AnswerForm::Redirect => compose_redirect(top, &other_rules),
        AnswerForm::Refusal(format) => compose_refusal(shape, top, other_rules, format),
    }
}

/// Composes the redirect to `https`.
fn compose_redirect(top: ShapedRule<'_>, others: &[ShapedRule<'_>]) -> PreparedAnswer {
    let mut lines = FieldLines::default();
    lines.push("Location", Hole::HttpsUrl);
    // RFC 9110 §15.1: a 308 is cacheable by default, but the rule may be paused at any time.
    lines.push("Cache-Control", "no-store");
    lines.push("Vary", vary(top, others));
    PreparedAnswer {
        status: OtherStatus::PERMANENT_REDIRECT.code(),
        lines: lines.into_template(),
        body: Template::default(),
        grpc: None,
        close: false,
    }
}

fn compose_refusal(
    shape: &AnswerShape<'_>,
    top: ShapedRule<'_>,
    others: Vec<ShapedRule<'_>>,
    format: Format,
) -> PreparedAnswer {
    let status = match format {
        Format::Grpc => AnswerStatus::Other(OtherStatus::OK),
        Format::Problem | Format::Html | Format::Text => choose_status(top),
    };
    let refusal = RefusalParts { shape, top, others, status, text: refusal_text(top) };
    // A client that must speak HTTP/1.1 instead of HTTP/1.0 has to open a new connection.
    let close = top.ruling.kind == RequirementKind::Http && top.request.hop <= HttpVersion::V1_0;
    PreparedAnswer {
        status: refusal.status.code(),
        lines: refusal_lines(&refusal, format, close),
        body: refusal.body_in(format),
        grpc: if format == Format::Grpc { Some(refusal.grpc_trailers()) } else { None },
        close,
    }
}

/// Chooses between 426 and another status.
fn choose_status(top: ShapedRule<'_>) -> AnswerStatus {
    let is_http1 = top.request.is_http1();
    // RFC 9110 §7.8: `Upgrade` applies to this hop, but the proxy at its end need not upgrade.
    let is_hidden = is_http1 && top.request.hides_upgrade;
    let code = match top.rule.answer {
        // `Status(426)` means the same as the default style, with the same exceptions below.
        AnswerStyle::Status(code) if code != 426 => code,
        AnswerStyle::Strict => status_without_426(top),
        // The client has just offered a WebSocket. `Upgrade: websocket` would ask it to repeat
        // that.
        _ if top.ruling.cause == Some(VerdictReason::Subprotocol) => 400,
        _ if is_hidden => status_without_426(top),
        _ => 426,
    };
    match OtherStatus::from_code(code) {
        Some(other) => AnswerStatus::Other(other),
        None if is_http1 => {
            AnswerStatus::UpgradeRequired(UpgradeRequired::http1(protocols::upgrade_list(top)))
        }
        None => AnswerStatus::UpgradeRequired(UpgradeRequired::multiplexed()),
    }
}

/// The status for operators who reserve 426 for protocols.
fn status_without_426(top: ShapedRule<'_>) -> u16 {
    match top.ruling.cause.unwrap_or(top.ruling.reason) {
        // The request is at fault, not the client, which can send a correct one.
        VerdictReason::Subprotocol
        | VerdictReason::Missing
        | VerdictReason::Malformed
        | VerdictReason::Ambiguous
        | VerdictReason::TooNew => 400,
        _ => kinds::strict_status(top.ruling.kind),
    }
}
