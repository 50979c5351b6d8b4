//! The answer to a request that is refused.

use jiff::Timestamp;

use super::bodies::RefusalParts;
use super::common_fields::{push_cors, vary};
use super::context::AnswerContext;
use super::format::Format;
use super::html;
use super::kinds::{requirement_field, strict_status};
use super::message::{Answer, FieldLine};
use super::protocols::upgrade_list;
use super::redirect::{is_redirected, redirect_to};
use super::status::{AnswerStatus, OtherStatus, UpgradeRequired};
use super::target::https_url;
use super::words::refusal_text;
use crate::policy::{AnswerStyle, RequiredListener, Requirement};
use crate::{
    Decision, Facts, HttpVersion, RequirementKind, Ruling, Verdict, VerdictReason, notice,
};

/// Makes the answer to a refused request; `None` if the request is not refused.
pub fn refusal_for(
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Option<Answer> {
    let top = decision.top()?;
    if top.verdict != Verdict::Refuse {
        return None;
    }
    let https = https_url(top, facts, context);
    if let Some(url) = &https
        && is_redirected(top, facts)
    {
        return Some(redirect_to(url, decision, facts));
    }
    let format = Format::for_request(facts);
    let status = match format {
        Format::Grpc => AnswerStatus::Other(OtherStatus::OK),
        _ => choose_status(top, facts, context),
    };
    let https_url = https.as_deref();
    let text = refusal_text(top, facts, context, https_url);
    let brownout_end = brownout_end(top);
    let refusal =
        RefusalParts { decision, top, facts, context, https_url, status, text, brownout_end };
    // A client that must speak HTTP/1.1 instead of HTTP/1.0 has to open a new connection.
    let close = top.kind == RequirementKind::Http && facts.hop <= HttpVersion::V1_0;
    let mut fields = refusal_fields(&refusal, format, close);
    if format == Format::Grpc {
        fields.extend(refusal.grpc_trailers());
    }
    // RFC 9110 §9.3.2: "the server MUST NOT send content in the response" to HEAD.
    let body = if facts.method == "HEAD" { Vec::new() } else { refusal.body_in(format) };
    Some(Answer { status: refusal.status, fields, body, close })
}

/// Chooses between 426 and another status.
fn choose_status(top: &Ruling<'_>, facts: &Facts<'_>, context: &AnswerContext<'_>) -> AnswerStatus {
    // RFC 9110 §7.8: `Upgrade` is for this hop, and the proxy at its end is not what has to upgrade.
    let is_hidden = facts.is_http1() && context.proxied && !context.upgrade_field;
    let code = match top.rule.answer {
        // `Status(426)` means the same as the default style, with the same exceptions below.
        AnswerStyle::Status(code) if code != 426 => code,
        AnswerStyle::Strict => status_without_426(top),
        // The client has just offered a WebSocket. `Upgrade: websocket` would tell it to do the
        // same again.
        _ if top.cause == Some(VerdictReason::Subprotocol) => 400,
        _ if is_hidden => status_without_426(top),
        _ => 426,
    };
    match OtherStatus::from_code(code) {
        Some(other) => AnswerStatus::Other(other),
        None if facts.is_http1() => {
            let protocols = upgrade_list(top, facts, context);
            AnswerStatus::UpgradeRequired(UpgradeRequired::http1(protocols))
        }
        None => AnswerStatus::UpgradeRequired(UpgradeRequired::multiplexed()),
    }
}

/// The status for operators who reserve 426 for protocols.
fn status_without_426(top: &Ruling<'_>) -> u16 {
    match top.cause.unwrap_or(top.reason) {
        // The request is at fault and not the client, which can send a better one.
        VerdictReason::Subprotocol
        | VerdictReason::Missing
        | VerdictReason::Malformed
        | VerdictReason::Ambiguous
        | VerdictReason::TooNew => 400,
        _ => strict_status(top.kind),
    }
}

/// The field lines of a refusal, except those that only gRPC has.
fn refusal_fields(refusal: &RefusalParts<'_>, format: Format, close: bool) -> Vec<FieldLine> {
    let mut fields = Vec::with_capacity(16);
    push_upgrade_fields(refusal, close, &mut fields);
    fields.push(("Content-Type", format.content_type().to_owned()));
    fields.push(("Cache-Control", "no-store".to_owned()));
    fields.push(("Vary", vary(refusal.decision, refusal.facts)));
    if let Some(end) = refusal.brownout_end {
        let seconds = end.as_second() - refusal.context.now.as_second();
        // The window may end within this second, and 0 would ask for a retry inside of it.
        fields.push(("Retry-After", seconds.max(1).to_string()));
    }
    // RFC 9114 §3.1.1: `Alt-Svc` tells a client where HTTP/3 is.
    if let Some(alt_svc) = refusal.context.alt_svc
        && refusal.top.rule.require.iter().any(needs_http3)
    {
        fields.push(("Alt-Svc", alt_svc.to_owned()));
    }
    for (name, value) in notice::refusal_lines(refusal.decision) {
        fields.push((name, value.into_owned()));
    }
    if format == Format::Html {
        fields.push(("Content-Security-Policy", html::SECURITY_POLICY.to_owned()));
    }
    // The body quotes the request, so a browser must not guess another type for it.
    fields.push(("X-Content-Type-Options", "nosniff".to_owned()));
    push_cors(refusal.facts, &mut fields);
    fields
}

fn needs_http3(requirement: &Requirement) -> bool {
    requirement.required_listener() == RequiredListener::Http3
}

fn push_upgrade_fields(refusal: &RefusalParts<'_>, close: bool, fields: &mut Vec<FieldLine>) {
    let AnswerStatus::UpgradeRequired(required) = &refusal.status else { return };
    if let Some(upgrade) = required.upgrade_value() {
        fields.push(("Upgrade", upgrade));
        // RFC 9110 §7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
        let options = if close { "upgrade, close" } else { "upgrade" };
        fields.push(("Connection", options.to_owned()));
        for requirement in &refusal.top.rule.require {
            // Two requirements of a WebSocket, with other subprotocols, name one version.
            if let Some(field) = requirement_field(requirement)
                && !fields.contains(&field)
            {
                fields.push(field);
            }
        }
    }
    // For clients that do not read the body, which names the same URL.
    if let Some(url) = refusal.https_url {
        fields.push(("Location", url.to_owned()));
        fields.push(("Link", format!("<{url}>; rel=\"alternate\"")));
    }
}

/// The end of the brownout that refuses the request.
fn brownout_end(top: &Ruling<'_>) -> Option<Timestamp> {
    if top.phase().is_window() { top.rollout.until } else { None }
}
