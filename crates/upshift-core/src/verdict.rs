//! The words of a decision: verdicts and reasons.

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

impl fmt::Display for VerdictReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
