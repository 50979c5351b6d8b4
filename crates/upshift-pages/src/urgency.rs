//! The rules that a person should look at, and why.

use upshift_core::Phase;
use upshift_core::policy::PhaseEffect;
use upshift_record::PlanEntry;
use upshift_record::number_text::counted;

use crate::time_text::{distance_text, seconds_of};
use crate::view::RuleView;

/// The time before a step that refuses callers in which it needs attention.
const NOTICE_SECONDS: i64 = 14 * 86_400;

/// A reason to look at a rule; the most urgent first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// The breaker holds the rule.
    Tripped,
    /// A coming step will refuse callers that are behind.
    StepAhead(String),
    /// A person holds the rule in another phase than the plan.
    Held(String),
}

impl Urgency {
    /// The reason to look at the rule at `now`, if there is one.
    pub(crate) fn of_rule(rule: &RuleView<'_>, now: &str) -> Option<Self> {
        if rule.is_tripped() {
            return Some(Self::Tripped);
        }
        if let Some(text) = step_text(rule, now) {
            return Some(Self::StepAhead(text));
        }
        held_text(rule).map(Self::Held)
    }

    /// The reason as a sentence.
    pub(crate) fn sentence(&self) -> &str {
        match self {
            Self::Tripped => "The breaker has tripped: the rule only warns until it is resumed.",
            Self::StepAhead(text) | Self::Held(text) => text,
        }
    }
}

fn step_text(rule: &RuleView<'_>, now: &str) -> Option<String> {
    let step = rule.coming(now).into_iter().find(|step| refuses(step))?;
    let from = step.from.as_deref()?;
    if seconds_of(from)? - seconds_of(now)? > NOTICE_SECONDS {
        return None;
    }
    let (phase, when) = (&step.phase, distance_text(from, now)?);
    let Some(adoption) = rule.adoption else {
        return Some(format!(
            "The phase {phase} begins {when}, and it is not known who is behind."
        ));
    };
    // Without distinct callers, the requests say that someone is behind.
    let (behind, word) = match adoption.behind.callers {
        Some(callers) => (callers, "caller"),
        None => (adoption.behind.requests, "request"),
    };
    if behind == 0 {
        return None;
    }
    let left = counted(behind, word);
    let verb = if behind == 1 { "is" } else { "are" };
    Some(format!("The phase {phase} begins {when}, and {left} {verb} behind."))
}

fn held_text(rule: &RuleView<'_>) -> Option<String> {
    let status = rule.status?;
    let by = status.set_by.as_deref()?;
    if status.phase == status.planned_phase {
        return None;
    }
    let (phase, planned) = (&status.phase, &status.planned_phase);
    let reason = match status.reason.as_deref() {
        None | Some("") => String::new(),
        Some(reason) => format!(": {reason}"),
    };
    Some(format!("Held at {phase} instead of {planned} by {by}{reason}"))
}

/// True if some callers are refused in this phase of a plan.
pub(crate) fn refuses(entry: &PlanEntry) -> bool {
    let effect = Phase::parse(&entry.phase).map(Phase::effect);
    effect.is_some_and(|effect| effect >= PhaseEffect::RefuseShare)
}
