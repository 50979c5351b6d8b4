//! An upstream's own 426, made true for this hop.
//!
//! RFC 9110 §7.6.1 and §7.8: `Upgrade` is between two neighbours, so the upstream's is taken away
//! with the other hop-by-hop fields; but the sender of a 426 MUST name the protocols that it wants (§15.5.22),
//! and on this hop that is the gateway. The body stays.

use http::Response;
use http::header::{self, HeaderValue};
use upshift_core::answer::{AnswerContext, restate_upgrade_required};
use upshift_core::field::UpgradeList;
use upshift_core::{Decision, Facts};

use crate::forward::UpstreamUpgrade;
use crate::response_body::ResponseBody;

/// Gives `response` the fields that a 426 owes on this hop. Tells whether the upstream's was bare:
/// it named nothing.
///
/// With no protocol left to name, the status becomes 403: a 426 without `Upgrade` cannot be sent.
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
