//! Checks whether a 101 switches to what was offered.

use std::fmt;

use super::rule::FollowRule;
use crate::Fields;
use crate::field::{ConnectionOptions, Protocol, UpgradeList, UpgradeListError};

/// A reason not to trust a 101. It is always the server's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwitchError {
    /// The request offered nothing.
    Unasked,
    /// `Connection` does not name `upgrade`.
    NoConnection,
    /// `Upgrade` is missing or malformed.
    Upgrade(UpgradeListError),
    /// The protocol was not offered.
    NotOffered(Protocol),
}

impl SwitchError {
    /// The rule that the 101 breaks.
    pub const RULE: FollowRule = FollowRule::SWITCHED;
}

/// Returns the protocol that a 101 with these fields switches to; TLS if HTTP/1.1 is stacked on it.
///
/// RFC 9110 §7.8: "A server MUST NOT switch to a protocol that was not indicated by the client in
/// the corresponding request's Upgrade header field." The one exception is `HTTP/1.1` on top of
/// TLS, which RFC 2817 §3.3 has servers write although no client offers it.
///
/// # Errors
/// If the request offered nothing, or if the 101 does not name exactly one offered protocol.
pub fn switched_protocol(
    fields: &dyn Fields,
    offered: Option<&UpgradeList>,
) -> Result<Protocol, SwitchError> {
    let offered = offered.ok_or(SwitchError::Unasked)?;
    let list = UpgradeList::parse(fields.all("upgrade")).map_err(SwitchError::Upgrade)?;
    // RFC 9110 §7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
    if !ConnectionOptions::from_fields(fields).contains("upgrade") {
        return Err(SwitchError::NoConnection);
    }
    let protocols = list.protocols();
    for (index, protocol) in protocols.iter().enumerate() {
        let is_inside_tls = index > 0 && protocols[0].is_named("TLS") && is_http11(protocol);
        if !is_inside_tls && !offered.contains(protocol) {
            return Err(SwitchError::NotOffered(protocol.clone()));
        }
    }
    // The list of a 101 is one stack (RFC 9110 §7.8, "layer-ascending order"), so two unrelated
    // protocols cannot both be right.
    match protocols {
        [one] => Ok(one.clone()),
        [lower, upper] if lower.is_named("TLS") && upper.is_named("HTTP") => Ok(lower.clone()),
        [_, other, ..] => Err(SwitchError::NotOffered(other.clone())),
        // An `UpgradeList` has at least one member.
        [] => Err(SwitchError::Upgrade(UpgradeListError::Empty)),
    }
}

fn is_http11(protocol: &Protocol) -> bool {
    protocol.is_named("HTTP") && protocol.version() == Some("1.1")
}

impl fmt::Display for SwitchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked => {
                f.write_str("the server switched protocols although the request offered none")
            }
            Self::NoConnection => f.write_str("the server's 101 lacks Connection: upgrade"),
            Self::Upgrade(error) => {
                write!(f, "the server's 101 does not say what it switched to: {error}")
            }
            Self::NotOffered(protocol) => {
                write!(f, "the server switched to {protocol}, which was not offered")
            }
        }
    }
}

impl std::error::Error for SwitchError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(offered: &str, fields: &[(&str, &str)]) -> Result<String, SwitchError> {
        let offered = UpgradeList::parse([offered.as_bytes()].into_iter()).ok();
        switched_protocol(&fields.to_vec(), offered.as_ref()).map(|protocol| protocol.to_string())
    }

    #[test]
    fn a_switch_to_an_offered_protocol_counts() {
        let fields = [("Upgrade", "WebSocket"), ("Connection", "Upgrade")];
        assert_eq!(judge("websocket", &fields), Ok("WebSocket".into()));
        let stack = [("Upgrade", "TLS/1.2, HTTP/1.1"), ("Connection", "keep-alive, Upgrade")];
        assert_eq!(judge("TLS/1.3, TLS/1.2", &stack), Ok("TLS/1.2".into()));
    }

    #[test]
    fn a_switch_to_anything_else_does_not_count() {
        let upgrade = ("Connection", "Upgrade");
        assert_eq!(judge("", &[("Upgrade", "h2c"), upgrade]), Err(SwitchError::Unasked));
        assert_eq!(judge("h2c", &[("Upgrade", "h2c")]), Err(SwitchError::NoConnection));
        assert_eq!(judge("h2c", &[upgrade]), Err(SwitchError::Upgrade(UpgradeListError::Empty)));
        assert!(matches!(
            judge("h2c", &[("Upgrade", "TLS/1.2"), upgrade]),
            Err(SwitchError::NotOffered(_))
        ));
        assert!(matches!(
            judge("h2c, websocket", &[("Upgrade", "h2c, websocket"), upgrade]),
            Err(SwitchError::NotOffered(_))
        ));
        assert!(matches!(
            judge("websocket", &[("Upgrade", "websocket, HTTP/1.1"), upgrade]),
            Err(SwitchError::NotOffered(_))
        ));
    }

    #[test]
    fn the_odd_101_of_cupsd_does_not_count() {
        // Measured: the response of cupsd 2.4.2 to an offer of h2c.
        let odd = [("Connection", "Keep-Alive"), ("Upgrade", "TLS/1.2,TLS/1.1,TLS/1.0")];
        assert_eq!(judge("h2c", &odd), Err(SwitchError::NoConnection));
    }
}
