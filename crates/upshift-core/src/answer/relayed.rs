//! The 426 of an upstream, restated for this hop.

use super::context::AnswerContext;
use super::protocols::required_protocols;
use super::shaped_rule::ShapedRule;
use super::shapes::{request_shape, ruling_shape};
use super::status::UpgradeRequired;
use crate::field::{Protocol, UpgradeList};
use crate::prepared::UrlShape;
use crate::{Decision, Facts};

/// Connection protocols, which only the peer of the connection can require.
const CONNECTION_PROTOCOLS: [&str; 4] = ["TLS", "HTTP", "h2c", "h2"];

/// Returns the fields for a 426 that an upstream sent, so that it obeys the RFCs on this hop.
/// `tokens` are the protocols that the upstream named.
///
/// RFC 9110 §7.6.1: `Upgrade` and `Connection` apply to one hop. Of the upstream's tokens, TLS,
/// HTTP and h2c apply to its own connection and are dropped. If none is left, those of the deciding
/// rule are used. The result is `None` if that has none either and the hop is HTTP/1.x.
pub fn restate_upgrade_required(
    tokens: &[Protocol],
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Option<UpgradeRequired> {
    if !facts.is_http1() {
        return Some(UpgradeRequired::multiplexed());
    }
    let mut protocols = tokens.to_vec();
    protocols.retain(|token| !CONNECTION_PROTOCOLS.iter().any(|name| token.is_named(name)));
    if protocols.is_empty()
        && let Some(top) = decision.top()
    {
        let (ruling, request) = (ruling_shape(top), request_shape(facts, context));
        protocols = required_protocols(ShapedRule {
            rule: top.rule,
            ruling: &ruling,
            request: &request,
            https_url: UrlShape::None,
            place: 0,
        });
    }
    UpgradeList::new(protocols).map(UpgradeRequired::http1)
}
