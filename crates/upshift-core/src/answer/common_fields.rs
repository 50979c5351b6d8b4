//! Fields of every answer to a refused request.

use super::message::FieldLine;
use crate::policy::AnswerStyle;
use crate::{Decision, Facts};

/// The fields of an answer that a script of another origin may read.
const EXPOSED_FIELDS: &str = "Deprecation, Sunset, Link, Retry-After, Location, \
     api-supported-versions, api-deprecated-versions, X-Request-Id";

/// The longest `Origin` that is copied into an answer.
const ORIGIN_LIMIT: usize = 512;

/// The value of `Vary`: each field that was read, by the policy or to choose the format.
pub(super) fn vary(decision: &Decision<'_>, facts: &Facts<'_>) -> String {
    // These three choose the format of the body and the CORS fields of every refusal.
    let mut names = vec!["Accept", "User-Agent", "Origin"];
    // gRPC is known by its content type, and only from HTTP/2 on (`Format::for_request`).
    if !facts.is_http1() {
        names.push("Content-Type");
    }
    // The field tells a navigation, which is redirected, from the request of a script.
    if decision.refusing().any(|ruling| ruling.rule.answer == AnswerStyle::Redirect) {
        names.push("Sec-Fetch-Mode");
    }
    for field in decision.fields() {
        if !names.contains(field) {
            names.push(field);
        }
    }
    names.join(", ")
}

/// Lets a script of the requesting origin read the answer (Fetch, "CORS protocol").
///
/// To a script, a 426 that it may not read looks like a network failure.
pub(super) fn push_cors(facts: &Facts<'_>, fields: &mut Vec<FieldLine>) {
    let Some(origin) = facts.fields.text("origin") else { return };
    // The value goes back into a field, so anything unusual is left out.
    if origin.len() >= ORIGIN_LIMIT || !origin.bytes().all(|byte| byte.is_ascii_graphic()) {
        return;
    }
    fields.push(("Access-Control-Allow-Origin", origin.to_owned()));
    // Any site can open a sandboxed frame, whose origin is "null". It must not be able to read an
    // answer to the credentials of this site.
    if origin != "null" {
        fields.push(("Access-Control-Allow-Credentials", "true".to_owned()));
    }
    fields.push(("Access-Control-Expose-Headers", EXPOSED_FIELDS.to_owned()));
}
