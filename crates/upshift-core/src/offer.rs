//! The protocols that a request offers to switch to.

use crate::facts::{Facts, HttpVersion};
use crate::field::{ConnectionOptions, Protocol, UpgradeList};

/// The protocols that the request offers to switch to; `None` if it offers none, or in a form that
/// has to be ignored.
///
/// RFC 9110 §7.8: a server MUST ignore `Upgrade` in an HTTP/1.0 request; §7.6.1: without its
/// `Connection` option the field is to be ignored. RFC 8441 §4: over HTTP/2 and 3 the offer is
/// `:protocol`.
pub(crate) fn offered_protocols(facts: &Facts<'_>) -> Option<UpgradeList> {
    match facts.hop {
        HttpVersion::V0_9 | HttpVersion::V1_0 => None,
        HttpVersion::V1_1 => {
            let offered = UpgradeList::parse(facts.fields.all("upgrade")).ok()?;
            if !ConnectionOptions::from_fields(facts.fields).contains("upgrade") {
                return None;
            }
            Some(offered)
        }
        HttpVersion::V2 | HttpVersion::V3 => {
            // RFC 8441 §4 defines `:protocol` for CONNECT only.
            if facts.method != "CONNECT" {
                return None;
            }
            let protocol = Protocol::parse(facts.protocol?).ok()?;
            UpgradeList::new(vec![protocol])
        }
    }
}
