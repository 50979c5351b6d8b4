//! The words of a decision: verdicts, the kinds of requirements, and reasons.

use std::fmt;

/// The outcome of a rule or of a whole request. The greater is the stricter, and the strictest rule
/// wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The request passes.
    Admit,
    /// The request passes because an exemption excuses it.
    Exempt,
    /// The request passes, and its response announces the coming refusal.
    Warn,
    /// The request is refused.
    Refuse,
}

/// The subject of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequirementKind {
    /// TLS and its version.
    Tls,
    /// The version of HTTP.
    Http,
    /// WebSocket: required or ruled out.
    WebSocket,
    /// The version of an API.
    Api,
    /// The version of a client.
    Client,
    /// Any other protocol.
    Protocol,
}

/// The reason for a rule's verdict. The list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VerdictReason {
    /// The requirement is met.
    Meets,
    /// The version is below the minimum.
    TooOld,
    /// This build is blocked.
    Blocked,
    /// No version was sent.
    Missing,
    /// The value that was sent is not a version.
    Malformed,
    /// Different versions were sent.
    Ambiguous,
    /// The version is above every supported one.
    TooNew,
    /// The rule does not know this client.
    UnknownClient,
    /// A proxy in front hides the fact.
    Unknown,
    /// The transport is not the required one.
    Unmet,
    /// None of the required subprotocols was offered.
    Subprotocol,
    /// The request would be refused, but the ramp does not include its identity yet.
    NotInRamp,
}

impl Verdict {
    /// The name in JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Exempt => "exempt",
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}

impl RequirementKind {
    /// The name in the policy file, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Http => "http",
            Self::WebSocket => "websocket",
            Self::Api => "api",
            Self::Client => "client",
            Self::Protocol => "protocol",
        }
    }

    /// Returns true if the requirement is about the connection and not about what the client says
    /// of itself.
    pub fn is_transport(self) -> bool {
        match self {
            Self::Tls | Self::Http | Self::WebSocket | Self::Protocol => true,
            Self::Api | Self::Client => false,
        }
    }
}

impl VerdictReason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::Meets,
        Self::TooOld,
        Self::Blocked,
        Self::Missing,
        Self::Malformed,
        Self::Ambiguous,
        Self::TooNew,
        Self::UnknownClient,
        Self::Unknown,
        Self::Unmet,
        Self::Subprotocol,
        Self::NotInRamp,
    ];

    /// The name in JSON, metrics and the keys of `on`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Meets => "meets",
            Self::TooOld => "too-old",
            Self::Blocked => "blocked",
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Ambiguous => "ambiguous",
            Self::TooNew => "too-new",
            Self::UnknownClient => "unknown-client",
            Self::Unknown => "unknown",
            Self::Unmet => "unmet",
            Self::Subprotocol => "subprotocol",
            Self::NotInRamp => "not-in-ramp",
        }
    }

    /// Returns true if the requirement is certainly not met. Uncertain reasons admit unless the
    /// rule's `on` says otherwise.
    pub fn is_certain(self) -> bool {
        matches!(self, Self::TooOld | Self::Blocked | Self::Unmet | Self::Subprotocol)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RequirementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for VerdictReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
