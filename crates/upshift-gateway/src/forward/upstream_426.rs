//! Rewrites an upstream's own 426 for this hop.
//!
//! RFC 9110 §7.6.1 and §7.8: `Upgrade` is hop-by-hop, so the upstream's field is removed with the
//! other hop-by-hop fields. But the sender of a 426 MUST name the required protocols (§15.5.22),
//! and on this hop the sender is the gateway. The body stays.

use http::Response;
use http::header::{self, HeaderValue};
use upshift_core::answer::{AnswerContext, restate_upgrade_required};
use upshift_core::field::UpgradeList;
use upshift_core::{Decision, Facts};

use crate::forward::UpstreamUpgrade;
use crate::response_body::ResponseBody;

/// Adds the fields that a 426 needs on this hop to `response`. Returns true if the upstream named
/// no protocol.
///
/// If no protocol can be named, the status becomes 403, because a 426 without `Upgrade` is invalid.
pub(crate) fn reoriginate(
    response: &mut Response<ResponseBody>,
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    answer_context: &AnswerContext<'_>,
) -> bool {
    let named = response.extensions_mut().remove::<UpstreamUpgrade>();
    let list = named.and_then(|UpstreamUpgrade(lines)| {
        UpgradeList::parse(lines.iter().map(HeaderValue::as_bytes)).ok()
    });
    let tokens = list.as_ref().map_or(&[][..], UpgradeList::protocols);
    match restate_upgrade_required(tokens, decision, facts, answer_context) {
        Some(required) => {
            if let Some(value) =
                required.upgrade_value().and_then(|value| HeaderValue::from_str(&value).ok())
            {
                response.headers_mut().insert(header::UPGRADE, value);
                response
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            }
        }
        None => *response.status_mut() = http::StatusCode::FORBIDDEN,
    }
    tokens.is_empty()
}
