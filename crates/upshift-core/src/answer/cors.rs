//! The fields that let a script of another origin read an answer.

use crate::Facts;

/// The fields of an answer that a script of another origin may read.
const EXPOSED_FIELDS: &str = "Deprecation, Sunset, Link, Retry-After, Location, \
     api-supported-versions, api-deprecated-versions, X-Request-Id";

/// The longest `Origin` that is copied into an answer.
const ORIGIN_LIMIT: usize = 512;

/// Lets a script of the requesting origin read the answer (Fetch, "CORS protocol").
///
/// To a script, a 426 that it may not read looks like a network failure.
pub(super) fn push_cors_lines(facts: &Facts<'_>, lines: &mut String) {
    let Some(origin) = facts.fields.text("origin") else { return };
    // The value is copied into a field, so unusual values are left out.
    if origin.len() >= ORIGIN_LIMIT || !origin.bytes().all(|byte| byte.is_ascii_graphic()) {
        return;
    }
    lines.push_str("Access-Control-Allow-Origin: ");
    lines.push_str(origin);
    // Any site can open a sandboxed frame, whose origin is "null". It must not be able to read an
    // answer to the credentials of this site.
    if origin != "null" {
        lines.push_str("\r\nAccess-Control-Allow-Credentials: true");
    }
    lines.push_str("\r\nAccess-Control-Expose-Headers: ");
    lines.push_str(EXPOSED_FIELDS);
    lines.push_str("\r\n");
}
