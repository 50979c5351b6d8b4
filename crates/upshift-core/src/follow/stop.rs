//! Why a client goes no further.

use std::fmt;

use super::{FollowRule, StepKind};
use crate::field::{Protocol, UpgradeListError};

/// The end of following, and the rule that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Why.
    pub reason: StopReason,
    /// By which rule.
    pub rule: FollowRule,
}

/// A reason not to follow a 426. The first group is the server's fault, the second is no fault, the
/// third is the caller's to change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The server: it named nothing, neither in `Upgrade` nor in the body.
    PeerNamedNothing,
    /// The server: its `Upgrade` is not of RFC 9110's grammar.
    PeerMalformed(UpgradeListError),
    /// The server: it wants what the request already had.
    PeerWantsWhatItHas,
    /// The server: it wants again what it has just been given.
    PeerRepeats(StepKind),
    /// The server: it wants something weaker, and does not get it.
    PeerWantsWeaker,
    /// It wants HTTP/3 and no `Alt-Svc` says where.
    NoAlternative,
    /// It lists WebSocket versions of which this client has none.
    WebSocketVersion,
    /// It wants a protocol that this client does not know.
    Unknown(Protocol),
    /// This client is not able to.
    NotAble(StepKind),
    /// The caller's policy does not let it.
    NotAllowed(StepKind),
    /// The version named is not among those that the caller raises.
    VersionNotAllowed(String),
    /// The answer came from this URL, to which the request was redirected. What it asks for holds
    /// for that URL and not for the one that was asked.
    Redirected(String),
    /// The next step would send credentials in clear.
    CredentialsInCleartext,
    /// The body was read once and cannot be read again.
    BodyGone,
    /// The bound on steps is reached.
    TooManySteps(u8),
}

impl Stop {
    pub(super) fn by_rule(rule: FollowRule, reason: StopReason) -> Self {
        Self { reason, rule }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for Stop {}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerNamedNothing => f.write_str("the server asks for an upgrade and does not say to what"),
            Self::PeerMalformed(error) => write!(f, "what the server asks for cannot be read: {error}"),
            Self::PeerWantsWhatItHas => f.write_str("the server asks for what the request already used"),
            Self::PeerRepeats(way) => write!(f, "the server was given {} and asks for it again", way.as_str()),
            Self::PeerWantsWeaker => f.write_str("the server asks for something weaker than what was used"),
            Self::NoAlternative => f.write_str("the server asks for HTTP/3 and no Alt-Svc field says where it is"),
            Self::WebSocketVersion => f.write_str("the server lists no version of WebSocket that is known here"),
            Self::Unknown(protocol) => write!(f, "the server asks for {protocol}, which is not known here"),
            Self::NotAble(way) => write!(f, "the server asks for {}, which this client cannot do", way.as_str()),
            Self::NotAllowed(way) => write!(f, "the server asks for {}, which is not allowed here", way.as_str()),
            Self::VersionNotAllowed(name) => {
                write!(f, "the server asks for a newer {name}, which only a newer version of this program can give")
            }
            Self::Redirected(to) => {
                write!(f, "the request was redirected to {to}, and what is asked for there holds for that URL only")
            }
            Self::CredentialsInCleartext => {
                f.write_str("following would send credentials again in clear, on the word of an answer in clear")
            }
            Self::BodyGone => f.write_str("the request's body cannot be sent a second time"),
            Self::TooManySteps(bound) => write!(f, "the server still asks for more after {bound} steps"),
        }
    }
}
