//! The shapes of rulings, requests and answers.

use std::borrow::Cow;

use super::context::AnswerContext;
use crate::field::is_field_value;
use crate::policy::{Requirement, Rule};
use crate::prepared::{
    AnswerForm, AnswerShape, ApiShape, OtherShape, RequestShape, RulingShape, UrlShape,
};
use crate::{Decision, Facts, Observed, RequirementKind, Ruling, VerdictReason};

/// The shape of the answer to a request that `top` refuses.
pub(super) fn answer_shape<'r>(
    form: AnswerForm,
    decision: &'r Decision<'r>,
    top: &'r Ruling<'r>,
    request: RequestShape,
    https_url: Option<&str>,
) -> AnswerShape<'r> {
    let mut others = Vec::new();
    for ruling in decision.refusing() {
        // By identity, because two rules can refuse for equal reasons.
        if !std::ptr::eq(ruling, top) {
            let ruling_shape = ruling_shape(ruling);
            others.push(OtherShape { rule: Cow::Borrowed(&ruling.rule.id), ruling: ruling_shape });
        }
    }
    AnswerShape {
        form,
        request,
        top: ruling_shape(top),
        phase: top.phase(),
        has_window_end: top.phase().is_window() && top.rollout.until.is_some(),
        https_url: url_shape(https_url, top.rule.docs.as_deref()),
        others,
    }
}

fn url_shape(https_url: Option<&str>, docs: Option<&str>) -> UrlShape {
    match https_url {
        None => UrlShape::None,
        Some(url) if Some(url) == docs => UrlShape::Docs,
        Some(_) => UrlShape::Other,
    }
}

/// The properties of a request and its listener that the shape of an answer depends on.
pub(super) fn request_shape(facts: &Facts<'_>, context: &AnswerContext<'_>) -> RequestShape {
    RequestShape {
        hop: facts.hop,
        http: facts.http,
        tls: facts.tls,
        h2c: context.h2c,
        tls_in_band: context.tls_in_band,
        hides_upgrade: context.proxied && !context.upgrade_field,
        has_alt_svc: context.alt_svc.is_some_and(is_field_value),
    }
}

/// The properties of a ruling that the shape of an answer depends on.
pub(super) fn ruling_shape<'r>(ruling: &'r Ruling<'r>) -> RulingShape<'r> {
    RulingShape {
        kind: ruling.kind,
        reason: ruling.reason,
        cause: ruling.cause,
        observed: ruling.observed.len(),
        api: api_shape(ruling),
        client: client_in_shape(ruling),
    }
}

fn api_shape(ruling: &Ruling<'_>) -> ApiShape {
    match observed_api_version(ruling) {
        Some(observed) if observed.read == "assume" => ApiShape::Assumed,
        Some(_) => ApiShape::Sent,
        None => ApiShape::None,
    }
}

fn client_in_shape<'r>(ruling: &'r Ruling<'r>) -> Option<Cow<'r, str>> {
    let (name, _) = observed_client(ruling)?;
    if ruling.cause == Some(VerdictReason::Blocked) {
        return Some(Cow::Borrowed(name));
    }
    known_name(ruling.rule, name).map(Cow::Borrowed)
}

/// The name of a client in the rule's spelling.
fn known_name<'r>(rule: &'r Rule, name: &str) -> Option<&'r str> {
    for requirement in &rule.require {
        let Requirement::Client(client) = requirement else { continue };
        if let Some((known, _)) = client.minimum_of(name) {
            return Some(known);
        }
    }
    rule.upgrade_url.clients.keys().map(AsRef::as_ref).find(|known| is_same_name(known, name))
}

fn is_same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The first observed API version.
pub(super) fn observed_api_version<'r, 'p>(ruling: &'r Ruling<'p>) -> Option<&'r Observed<'p>> {
    ruling.observed.iter().find(|seen| seen.kind == RequirementKind::Api)
}

/// The name and the version of the client that sent the request; `None` if it sent no name.
pub(super) fn observed_client<'r>(ruling: &'r Ruling<'_>) -> Option<(&'r str, &'r str)> {
    let client = ruling.observed.iter().find(|seen| seen.kind == RequirementKind::Client)?;
    // A `ClientClaim` is displayed as `Name/Version`, and without a version as its name alone.
    Some(client.value.split_once('/').unwrap_or((&client.value, "")))
}
