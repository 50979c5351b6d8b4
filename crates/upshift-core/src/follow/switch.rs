//! Whether a 101 switches to what was asked.

use std::fmt;

use super::FollowRule;
use crate::Fields;
use crate::field::{ConnectionOptions, Protocol, UpgradeList, UpgradeListError};

/// A reason not to believe a 101; always the server's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwitchError {
    /// The request offered nothing.
    Unasked,
    /// `Connection` does not name `upgrade`.
    NoConnection,
    /// `Upgrade` is missing or malformed.
    Upgrade(UpgradeListError),
    /// A protocol that was not offered.
    NotOffered(Protocol),
}

impl SwitchError {
    /// The rule that this breaks.
    pub const RULE: FollowRule = FollowRule::SWITCHED;
}

/// The protocol that a 101 with these fields switches to, the upper one if two are stacked.
///
/// RFC 9110 §7.8: "A server MUST NOT switch to a protocol that was not indicated by the client in
/// the corresponding request's Upgrade header field." The one exception is `HTTP/1.1` on top of
/// TLS, which RFC 2817 §3.3 has servers write and no client offers.
///
/// # Errors
/// If the 101 was not asked for, or is not exactly what was asked for.
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
    let on_tls = |index: usize| index > 0 && list.protocols()[0].is_named("TLS");
    for (index, protocol) in list.protocols().iter().enumerate() {
        let upper = on_tls(index) && protocol.is_named("HTTP") && protocol.version() == Some("1.1");
        if !upper && !offered.contains(protocol) {
            return Err(SwitchError::NotOffered(protocol.clone()));
        }
    }
    // One list stands for one stack (§7.8, "layer-ascending order"): two unrelated protocols are
    // none.
    match list.protocols() {
        [one] => Ok(one.clone()),
        [lower, upper] if lower.is_named("TLS") && upper.is_named("HTTP") => Ok(lower.clone()),
        [_, other, ..] => Err(SwitchError::NotOffered(other.clone())),
        [] => Err(SwitchError::Upgrade(UpgradeListError::Empty)),
    }
}

impl fmt::Display for SwitchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked => {
                f.write_str("the server switched protocols although nobody asked it to")
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
    fn what_was_asked_is_believed() {
        let fields = [("Upgrade", "WebSocket"), ("Connection", "Upgrade")];
        assert_eq!(judge("websocket", &fields), Ok("WebSocket".into()));
        let stack = [("Upgrade", "TLS/1.2, HTTP/1.1"), ("Connection", "keep-alive, Upgrade")];
        assert_eq!(judge("TLS/1.3, TLS/1.2", &stack), Ok("TLS/1.2".into()));
    }

    #[test]
    fn what_was_not_asked_is_not() {
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
    fn the_printer_servers_odd_101_is_not_believed() {
        // cupsd 2.4.2 answers an offer of h2c so (measured).
        let odd = [("Connection", "Keep-Alive"), ("Upgrade", "TLS/1.2,TLS/1.1,TLS/1.0")];
        assert_eq!(judge("h2c", &odd), Err(SwitchError::NoConnection));
    }
}
