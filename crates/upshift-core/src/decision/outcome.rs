//! The outcome for one request: the verdict, and the ruling of each rule.

use std::borrow::Cow;

use crate::policy::exemption::ExemptedBy;
use crate::policy::phase::Phase;
use crate::policy::requirement::RequirementKind;
use crate::policy::rollout::RolloutState;
use crate::policy::rule::Rule;
use crate::verdict::{Verdict, VerdictReason};

/// A value that was read, and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed<'p> {
    /// The kind of requirement that it was read for.
    pub kind: RequirementKind,
    /// The value as it was sent.
    pub value: Cow<'p, str>,
    /// Its source: a reader as the policy file writes it, `connection` or `assume`.
    pub read: &'p str,
}

/// The ruling of one rule on one request. It borrows the policy, and nothing of the request.
#[derive(Clone, Debug)]
pub struct Ruling<'p> {
    /// The rule.
    pub rule: &'p Rule,
    /// The matcher key that did not fit; `None` if the rule applies.
    pub mismatch: Option<&'static str>,
    /// The verdict; `Admit` if the rule does not apply.
    pub verdict: Verdict,
    /// The state of the rule's rollout.
    pub rollout: RolloutState,
    /// The kind of the requirement that decided: the first that is met, or the first that is
    /// certainly not met.
    pub kind: RequirementKind,
    /// The reason for the verdict; `Meets` if the rule does not apply.
    pub reason: VerdictReason,
    /// The reason for the refusal that `enforce` would bring, if it would bring one. It differs
    /// from `reason` only for requests that a ramp does not include yet.
    pub cause: Option<VerdictReason>,
    /// The values that were read.
    pub observed: Vec<Observed<'p>>,
    /// The exemption that excused the request.
    pub exempted: Option<ExemptedBy<'p>>,
    /// True if a ramp would refuse the request but cannot, because it carries no identity.
    pub without_identity: bool,
}

/// The outcome for one request. It borrows the policy, and nothing of the request.
#[derive(Clone, Debug)]
pub struct Decision<'p> {
    /// The strictest verdict of all rules.
    pub verdict: Verdict,
    /// The rulings of the rules that apply, in the order of the file (of all rules from
    /// [`Policy::explain`](crate::Policy::explain)).
    pub rulings: Vec<Ruling<'p>>,
    top: Option<usize>,
    fields: Vec<&'p str>,
}

impl<'p> Decision<'p> {
    /// The ruling that decided: the strictest, and among equals the first in the file; `None` if no
    /// rule applied.
    pub fn top(&self) -> Option<&Ruling<'p>> {
        self.rulings.get(self.top?)
    }

    /// The rulings of the rules that apply.
    pub fn matched(&self) -> impl Iterator<Item = &Ruling<'p>> {
        self.rulings.iter().filter(|ruling| ruling.matched())
    }

    /// The rulings that refuse.
    pub fn refusing(&self) -> impl Iterator<Item = &Ruling<'p>> {
        self.matched().filter(|ruling| ruling.verdict == Verdict::Refuse)
    }

    /// The fields on which the verdict rests, in the usual capitalisation: all that were looked at,
    /// present or not.
    pub fn fields(&self) -> &[&'p str] {
        &self.fields
    }

    /// The decision of a policy without rules.
    pub(super) fn admitted() -> Self {
        Self { verdict: Verdict::Admit, rulings: Vec::new(), top: None, fields: Vec::new() }
    }

    /// Adds the ruling of the next rule of the file.
    pub(super) fn push_ruling(&mut self, ruling: Ruling<'p>) {
        // Only a stricter ruling replaces: of equals the first in the file decides.
        if ruling.matched() && (self.top.is_none() || ruling.verdict > self.verdict) {
            self.verdict = ruling.verdict;
            self.top = Some(self.rulings.len());
        }
        self.rulings.push(ruling);
    }

    /// Adds a field on which the verdict rests.
    pub(super) fn note_field(&mut self, field: &'p str) {
        // There are a handful of fields: a search is cheaper than a set.
        if !self.fields.contains(&field) {
            self.fields.push(field);
        }
    }
}

impl Ruling<'_> {
    /// Returns true if the rule applies to the request.
    pub fn matched(&self) -> bool {
        self.mismatch.is_none()
    }

    /// The phase of the rule's rollout.
    pub fn phase(&self) -> Phase {
        self.rollout.phase
    }

    /// The ruling in words for the operator: why the rule applied or not, and what it found.
    pub fn why(&self) -> String {
        if let Some(key) = self.mismatch {
            return format!("its {key} do not match");
        }
        let found = self.describe_finding();
        if let Some(exemption) = self.exempted {
            return format!("{found}, but {exemption}");
        }
        // Where `enforce` would admit the request, the phase makes no difference.
        if self.cause.is_none() {
            return found;
        }
        match self.phase() {
            Phase::Off => format!("{found}, but its rollout has not begun"),
            Phase::Observe => format!("{found}; the rule only observes"),
            Phase::Warn => format!("{found}; the rule only warns"),
            Phase::Paused => format!("{found}, but the rule is paused"),
            Phase::Ramp if self.without_identity => {
                format!("{found}, but it has no identity to be in the ramp")
            }
            Phase::Ramp if self.verdict == Verdict::Warn => {
                format!("{found}, but its turn in the ramp has not come")
            }
            Phase::Brownout => format!("{found}, and a brownout is on"),
            Phase::Ramp | Phase::Enforce => found,
        }
    }

    fn describe_finding(&self) -> String {
        let kind = self.kind;
        let seen = self.describe_observed();
        match self.cause.unwrap_or(self.reason) {
            VerdictReason::Meets if seen.is_empty() => "the request meets it".to_owned(),
            VerdictReason::Meets => format!("{seen} meets it"),
            VerdictReason::TooOld => format!("{seen} is below the minimum"),
            VerdictReason::Blocked => format!("{seen} is blocked"),
            VerdictReason::Missing => format!("no {kind} version was sent"),
            VerdictReason::Malformed => format!("{seen} is not a version"),
            VerdictReason::Ambiguous => format!("different versions were sent: {seen}"),
            VerdictReason::TooNew => format!("{seen} is above all that is supported"),
            VerdictReason::UnknownClient => {
                format!("{seen} is a client that the rule does not know")
            }
            VerdictReason::Unknown => {
                format!("the proxy in front does not report the {kind} version")
            }
            VerdictReason::Unmet => self.describe_unmet(&seen),
            VerdictReason::Subprotocol => format!("none of its subprotocols was offered: {seen}"),
            VerdictReason::NotInRamp => "its turn in the ramp has not come".to_owned(),
        }
    }

    fn describe_unmet(&self, seen: &str) -> String {
        let Some(observed) = self.observed.iter().find(|observed| observed.kind == self.kind)
        else {
            return format!("{seen} is not what it requires");
        };
        match (self.kind, &*observed.value) {
            (RequirementKind::Tls, "none") => "the request came as cleartext".to_owned(),
            // `SSLv3` names its protocol itself, while `1.1` does not.
            (RequirementKind::Tls, old) if old.starts_with("SSL") => {
                format!("the request came over {old}")
            }
            (RequirementKind::Tls, version) => format!("the request came over TLS {version}"),
            (RequirementKind::Http, version) => format!("the request came over HTTP/{version}"),
            (RequirementKind::WebSocket, "none") => "it is not a WebSocket handshake".to_owned(),
            (RequirementKind::Protocol, "none") => "it offers no other protocol".to_owned(),
            _ => format!("{seen} is not what it requires"),
        }
    }

    /// The values that the deciding requirement read, such as `1.4 (header:X-Api-Version)`.
    fn describe_observed(&self) -> String {
        let mut texts = Vec::new();
        for observed in &self.observed {
            if observed.kind == self.kind {
                texts.push(format!("{} ({})", observed.value, observed.read));
            }
        }
        texts.join(", ")
    }
}

impl<'p> Observed<'p> {
    pub(super) fn new(
        kind: RequirementKind,
        value: impl Into<Cow<'p, str>>,
        read: &'p str,
    ) -> Self {
        Self { kind, value: value.into(), read }
    }
}
