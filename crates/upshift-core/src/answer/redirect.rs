//! The redirect that browsers get instead of a refusal.

use super::format::negotiate_format;
use crate::policy::AnswerStyle;
use crate::prepared::Format;
use crate::{Facts, Known, RequirementKind, Ruling, TlsState};

/// Returns true if the answer is a redirect to `https`: the rule permits it, and the request is a
/// browser's navigation over cleartext.
///
/// A browser follows a redirect, but shows a 426 as an error page.
pub(super) fn is_redirected(top: &Ruling<'_>, facts: &Facts<'_>) -> bool {
    top.rule.answer == AnswerStyle::Redirect
        && top.kind == RequirementKind::Tls
        && facts.tls == Known::Is(TlsState::Cleartext)
        // RFC 9110 §15.4.9: a 308 keeps the method, so a POST would send its body again.
        && matches!(facts.method, "GET" | "HEAD")
        && is_navigation(facts)
}

fn is_navigation(facts: &Facts<'_>) -> bool {
    match facts.fields.text("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        // Older browsers do not send the field, but prefer HTML.
        None => negotiate_format(facts) == Format::Html,
    }
}
