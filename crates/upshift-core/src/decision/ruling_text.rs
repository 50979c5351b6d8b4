//! A ruling in words, for the operator.

use super::outcome::Ruling;
use super::requirements::describe_unmet;
use crate::policy::phase::PhaseEffect;
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
        let is_ramp = self.phase().effect() == PhaseEffect::RefuseShare;
        if is_ramp && self.without_identity {
            return format!("{found}, but it has no identity to be in the ramp");
        }
        if is_ramp && self.verdict == Verdict::Warn {
            return format!("{found}, but its turn in the ramp has not come");
        }
        format!("{found}{}", self.phase().sentence_end())
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
