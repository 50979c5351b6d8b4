//! A ruling in words, for the operator.

use super::outcome::Ruling;
use super::requirements::describe_unmet;
use crate::policy::phase::Phase;
use crate::verdict::{Verdict, VerdictReason};

impl Ruling<'_> {
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
        match describe_unmet(self.kind, &observed.value) {
            Some(sentence) => sentence,
            None => format!("{seen} is not what it requires"),
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
