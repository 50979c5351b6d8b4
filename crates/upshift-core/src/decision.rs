//! The outcome for one request.

use std::borrow::Cow;
use std::fmt;

use crate::policy::{ExemptedBy, Phase, RolloutState, Rule};

/// The outcome for the request. The greater is the stricter, and the strictest rule wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It passes.
    Admit,
    /// It passes because somebody excused it.
    Exempt,
    /// It passes and is told what is coming.
    Warn,
    /// It is answered with what to do instead.
    Refuse,
}

/// The subject of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequirementKind {
    /// TLS and its version.
    Tls,
    /// The version of HTTP.
    Http,
    /// WebSocket, or none of it.
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
    /// This very build is blocked.
    Blocked,
    /// No version was sent.
    Missing,
    /// The value that was sent is no version.
    Malformed,
    /// Different versions were sent.
    Ambiguous,
    /// The version is above all that is supported.
    TooNew,
    /// The client is none that the rule knows.
    UnknownClient,
    /// A hop in front of us does not tell.
    Unknown,
    /// The transport is not the required one.
    Unmet,
    /// None of the required subprotocols was offered.
    Subprotocol,
    /// It would be refused, but its turn in the ramp has not come.
    NotInRamp,
}

/// A value that was read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed<'a> {
    /// The kind of thing that it is a value of.
    pub kind: RequirementKind,
    /// The value as it was sent.
    pub value: Cow<'a, str>,
    /// Its source: a reader as the policy file writes it, or `connection`.
    pub read: Cow<'a, str>,
}

/// The ruling of one rule on one request.
#[derive(Clone, Debug)]
pub struct Ruling<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The key of its matcher that did not fit; `None` if it applies.
    pub mismatch: Option<&'static str>,
    /// Its verdict; `Admit` if it does not apply.
    pub verdict: Verdict,
    /// The state of its rollout.
    pub moment: RolloutState,
    /// The kind of the requirement that decided: the first that is met, or the first that is surely
    /// not.
    pub kind: RequirementKind,
    /// Why; `Meets` if it does not apply.
    pub reason: VerdictReason,
    /// The reason for a refusal at `enforce`, if there were one. It differs from `reason` outside
    /// of a ramp's share only.
    pub cause: Option<VerdictReason>,
    /// The values that were read.
    pub observed: Vec<Observed<'a>>,
    /// The exemption that excused it.
    pub exempted: Option<ExemptedBy<'a>>,
    /// In a ramp: it would be refused, and has no identity to be in it.
    pub without_identity: bool,
}

/// The outcome for one request.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    /// The strictest verdict of all rules.
    pub verdict: Verdict,
    /// The rulings of the rules that apply, in the order of the file (of all rules from
    /// [`Policy::explain`](crate::Policy::explain)).
    pub rulings: Vec<Ruling<'a>>,
    pub(crate) top: Option<usize>,
    pub(crate) fields: Vec<&'a str>,
}

impl Verdict {
    /// As JSON and metrics name it.
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
    /// As the policy file, JSON and metrics name it.
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

    /// Tells whether it is about the connection and not about what the caller says of itself.
    pub fn is_transport(self) -> bool {
        !matches!(self, Self::Api | Self::Client)
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

    /// As JSON, metrics and the keys of `on` name it.
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

    /// Tells whether the requirement is surely not met. What is uncertain is admitted unless the
    /// rule says otherwise.
    pub fn is_sure(self) -> bool {
        matches!(self, Self::TooOld | Self::Blocked | Self::Unmet | Self::Subprotocol)
    }
}

impl Ruling<'_> {
    /// Tells whether the rule applies to the request.
    pub fn matched(&self) -> bool {
        self.mismatch.is_none()
    }

    /// The phase of the rule's rollout.
    pub fn phase(&self) -> Phase {
        self.moment.phase
    }

    /// In words for the operator: why the rule did or did not apply, and what it found.
    pub fn why(&self) -> String {
        if let Some(key) = self.mismatch {
            return format!("its {key} do not fit");
        }
        let found = self.found();
        match (self.exempted, self.cause, self.phase()) {
            (Some(by), _, _) => format!("{found}, but {by}"),
            (None, None, _) => found,
            (None, Some(_), Phase::Off) => format!("{found}, but its rollout has not begun"),
            (None, Some(_), Phase::Observe) => format!("{found}; it is only observed"),
            (None, Some(_), Phase::Warn) => format!("{found}; it is only warned"),
            (None, Some(_), Phase::Paused) => format!("{found}, but the rule is paused"),
            (None, Some(_), Phase::Ramp) if self.without_identity => {
                format!("{found}, but it has no identity to be in the ramp")
            }
            (None, Some(_), Phase::Ramp) if self.verdict == Verdict::Warn => {
                format!("{found}, but its turn in the ramp has not come")
            }
            (None, Some(_), Phase::Brownout) => format!("{found}, and a brownout is on"),
            (None, Some(_), Phase::Ramp | Phase::Enforce) => found,
        }
    }

    fn found(&self) -> String {
        let kind = self.kind;
        let seen = self.observed.iter().filter(|observed| observed.kind == kind);
        let seen: Vec<_> =
            seen.map(|observed| format!("{} ({})", observed.value, observed.read)).collect();
        let seen = seen.join(", ");
        match self.cause.unwrap_or(self.reason) {
            VerdictReason::Meets => {
                format!("{} meets it", if seen.is_empty() { "the request" } else { &seen })
            }
            VerdictReason::TooOld => format!("{seen} is below the minimum"),
            VerdictReason::Blocked => format!("{seen} is blocked"),
            VerdictReason::Missing => format!("no {kind} version was sent"),
            VerdictReason::Malformed => format!("{seen} is not a version"),
            VerdictReason::Ambiguous => format!("different versions were sent: {seen}"),
            VerdictReason::TooNew => format!("{seen} is above all that is supported"),
            VerdictReason::UnknownClient => {
                format!("{seen} is a client that the rule does not know")
            }
            VerdictReason::Unknown => format!("a proxy in front does not tell the {kind} version"),
            VerdictReason::Unmet => self.unmet(&seen),
            VerdictReason::Subprotocol => format!("none of its subprotocols was offered: {seen}"),
            VerdictReason::NotInRamp => "its turn in the ramp has not come".to_owned(),
        }
    }

    fn unmet(&self, seen: &str) -> String {
        let value = self
            .observed
            .iter()
            .find(|observed| observed.kind == self.kind)
            .map(|observed| &*observed.value);
        match (self.kind, value) {
            (RequirementKind::Tls, Some("none")) => "the request came as cleartext".to_owned(),
            (RequirementKind::Tls, Some(old)) if old.starts_with("SSL") => {
                format!("the request came over {old}")
            }
            (RequirementKind::Tls, Some(version)) => format!("the request came over TLS {version}"),
            (RequirementKind::Http, Some(version)) => {
                format!("the request came over HTTP/{version}")
            }
            (RequirementKind::WebSocket, Some("none")) => "it is no WebSocket handshake".to_owned(),
            (RequirementKind::Protocol, Some("none")) => "it offers no other protocol".to_owned(),
            _ => format!("{seen} is not what it requires"),
        }
    }
}

impl<'a> Decision<'a> {
    /// The ruling that decided: the strictest, the first in the file among equals; `None` if no
    /// rule applied.
    pub fn top(&self) -> Option<&Ruling<'a>> {
        self.rulings.get(self.top?)
    }

    /// The rulings of the rules that apply.
    pub fn matched(&self) -> impl Iterator<Item = &Ruling<'a>> {
        self.rulings.iter().filter(|ruling| ruling.matched())
    }

    /// The rulings that refuse.
    pub fn refusing(&self) -> impl Iterator<Item = &Ruling<'a>> {
        self.matched().filter(|ruling| ruling.verdict == Verdict::Refuse)
    }

    /// The fields, in lower case, on which the verdict rests: those that were read, whatever was
    /// found in them.
    pub fn fields(&self) -> &[&'a str] {
        &self.fields
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
