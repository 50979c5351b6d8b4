//! The end of following, with its reason.

use std::fmt;

use super::rule::FollowRule;
use super::step_kind::StepKind;
use crate::field::{Protocol, UpgradeListError};

/// The end of following a 426.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The reason.
    pub reason: StopReason,
    /// The rule behind it.
    pub rule: FollowRule,
}

/// A reason not to follow a 426 any further.
///
/// The variants that begin with `Peer` are faults of the server. `NoAlternative`,
/// `WebSocketVersion` and `Unknown` are no fault. The others depend on the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The server named nothing, neither in `Upgrade` nor in the body.
    PeerNamedNothing,
    /// The server's `Upgrade` does not follow the grammar of RFC 9110.
    PeerMalformed(UpgradeListError),
    /// The server requires what the request already had.
    PeerWantsWhatItHas,
    /// The server requires again what the client has just done.
    PeerRepeats(StepKind),
    /// The server requires something weaker, which the client does not do.
    PeerWantsWeaker,
    /// The server requires HTTP/3, and no `Alt-Svc` says where it is.
    NoAlternative,
    /// The server lists only WebSocket versions that this client does not speak.
    WebSocketVersion,
    /// The server requires a protocol that this client does not know.
    Unknown(Protocol),
    /// This client cannot take the step.
    NotAble(StepKind),
    /// The caller's policy does not permit the step.
    NotAllowed(StepKind),
    /// The caller's policy does not permit to raise the version of this name.
    VersionNotAllowed(String),
    /// The response came from this URL, to which the request was redirected. Its requirement holds
    /// for that URL and not for the requested one.
    Redirected(String),
    /// The next step would send credentials over cleartext.
    CredentialsInCleartext,
    /// The body was read once and cannot be read again.
    BodyGone,
    /// The limit of steps is reached.
    TooManySteps(u8),
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
            Self::PeerNamedNothing => {
                f.write_str("the server requires an upgrade but does not say to what")
            }
            Self::PeerMalformed(error) => {
                write!(f, "the server's requirement is malformed: {error}")
            }
            Self::PeerWantsWhatItHas => {
                f.write_str("the server requires what the request already used")
            }
            Self::PeerRepeats(kind) => {
                write!(f, "the server got {} and requires it again", kind.as_str())
            }
            Self::PeerWantsWeaker => {
                f.write_str("the server requires something weaker than what the request used")
            }
            Self::NoAlternative => {
                f.write_str("the server requires HTTP/3, but no Alt-Svc field says where it is")
            }
            Self::WebSocketVersion => {
                f.write_str("the server lists no WebSocket version that this client speaks")
            }
            Self::Unknown(protocol) => {
                write!(f, "the server requires {protocol}, which this client does not know")
            }
            Self::NotAble(kind) => {
                write!(f, "the server requires {}, which this client cannot do", kind.as_str())
            }
            Self::NotAllowed(kind) => {
                write!(f, "the server requires {}, which is not allowed here", kind.as_str())
            }
            Self::VersionNotAllowed(name) => write!(
                f,
                "the server requires a newer {name}, which only a newer version of this program \
                 can provide"
            ),
            Self::Redirected(url) => write!(
                f,
                "the request was redirected to {url}, and the requirement holds for that URL only"
            ),
            Self::CredentialsInCleartext => f.write_str(
                "following would repeat credentials over cleartext, on the word of a response that \
                 came over cleartext",
            ),
            Self::BodyGone => f.write_str("the request's body cannot be sent a second time"),
            Self::TooManySteps(limit) => {
                write!(f, "the server still requires more after {limit} steps")
            }
        }
    }
}
