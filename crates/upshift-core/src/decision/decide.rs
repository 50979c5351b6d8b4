//! Deciding a request: each rule in turn, on each reading of the path.

use jiff::Timestamp;

use super::evaluate::{RuleEvaluation, evaluate_rule};
use super::outcome::{Decision, Ruling};
use crate::facts::Facts;
use crate::policy::exemption::ExemptedBy;
use crate::policy::identity::bucket;
use crate::policy::matcher::{Effect, MatchContext};
use crate::policy::phase::PhaseEffect;
use crate::policy::reading::{PathReading, PathReadings};
use crate::policy::requirement::RequirementKind;
use crate::policy::rule::Rule;
use crate::policy::valid_policy::Policy;
use crate::verdict::{Verdict, VerdictReason};

impl Policy {
    /// Decides one request. The decision holds the rulings of the rules that apply.
    pub fn decide<'p>(&'p self, facts: &Facts<'_>, now: Timestamp) -> Decision<'p> {
        let mut decision = Decision::admitted();
        let paths = PathReadings::of_path(facts.path, self.comparison());
        for rule in self.rules() {
            let ruling = self.strictest_ruling(rule, facts, &paths, now);
            // Also for a rule that does not apply: with other fields it might have.
            self.note_fields(&ruling, facts, &mut decision);
            if ruling.matched() {
                decision.push_ruling(ruling);
            }
        }
        decision
    }

    /// Decides as [`Policy::decide`] does, and also keeps the rulings of the rules that do not
    /// apply, with the reason.
    pub fn explain<'p>(&'p self, facts: &Facts<'_>, now: Timestamp) -> Decision<'p> {
        let mut decision = Decision::admitted();
        let paths = PathReadings::of_path(facts.path, self.comparison());
        for rule in self.rules() {
            let ruling = self.strictest_ruling(rule, facts, &paths, now);
            self.note_fields(&ruling, facts, &mut decision);
            decision.push_ruling(ruling);
        }
        decision
    }

    /// The strictest ruling over all readings of the path.
    fn strictest_ruling<'p>(
        &'p self,
        rule: &'p Rule,
        facts: &Facts<'_>,
        paths: &PathReadings<'_>,
        now: Timestamp,
    ) -> Ruling<'p> {
        let mut strictest = self.ruling_on_path(rule, facts, &paths.plainest, now);
        for path in &paths.others {
            let ruling = self.ruling_on_path(rule, facts, path, now);
            // Only a stricter one replaces: of equals the plainer reading counts.
            if strictness_of(&ruling) > strictness_of(&strictest) {
                strictest = ruling;
            }
        }
        strictest
    }

    /// The ruling of the rule on the request, its path in this reading.
    fn ruling_on_path<'p>(
        &'p self,
        rule: &'p Rule,
        facts: &Facts<'_>,
        path: &PathReading<'_>,
        now: Timestamp,
    ) -> Ruling<'p> {
        let mut ruling = admitting_ruling(rule, now);
        let context = MatchContext {
            path,
            client_readers: rule.client_readers(),
            identity_readers: &rule.identity,
            effect: Effect::Applies,
        };
        ruling.mismatch = rule.matcher.mismatch(facts, &context);
        if ruling.mismatch.is_some() {
            return ruling;
        }
        let RuleEvaluation { kind, reason, refused, observed } = evaluate_rule(rule, facts, path);
        ruling.kind = kind;
        ruling.reason = reason;
        ruling.observed = observed;
        // Few requests would be refused, so nothing is spent on exemptions and identities of the
        // others.
        if refused {
            ruling.cause = Some(reason);
            ruling.exempted = self.exemption_of(rule, facts, &context, now);
            apply_phase(&mut ruling, facts);
        }
        ruling
    }

    fn exemption_of(
        &self,
        rule: &Rule,
        facts: &Facts<'_>,
        context: &MatchContext<'_>,
        now: Timestamp,
    ) -> Option<ExemptedBy<'_>> {
        // The built-in ones come first: a request that is always exempt is not warned.
        for builtin in self.builtins() {
            if builtin.excuses(rule, facts, context.path, self.served()) {
                return Some(ExemptedBy::Builtin(*builtin));
            }
        }
        let context = MatchContext { effect: Effect::Excuses, ..*context };
        for exemption in self.exemptions() {
            if now < exemption.expires
                && exemption.covers_rule(&rule.id)
                && exemption.matcher.mismatch(facts, &context).is_none()
            {
                return Some(ExemptedBy::Exemption(exemption));
            }
        }
        None
    }

    /// Adds the fields on which the verdict of this ruling rests.
    fn note_fields<'p>(
        &'p self,
        ruling: &Ruling<'p>,
        facts: &Facts<'_>,
        decision: &mut Decision<'p>,
    ) {
        // These keys are compared before any field is read.
        if matches!(ruling.mismatch, Some("hosts" | "paths" | "methods")) {
            return;
        }
        for field in ruling.rule.field_names() {
            decision.note_field(field.written());
        }
        // Exemptions are looked at only for a request that would be refused, and so its answer is
        // the only one that depends on their fields.
        if ruling.cause.is_none() {
            return;
        }
        for builtin in self.builtins() {
            for field in builtin.fields_read(facts) {
                decision.note_field(field.written);
            }
        }
        for field in self.exemption_fields() {
            decision.note_field(field.written());
        }
    }
}

/// The order of the rulings on two readings of a path.
fn strictness_of(ruling: &Ruling<'_>) -> (bool, Verdict, bool) {
    // The cause comes last: in `observe` both verdicts admit, and the reading that `enforce` would
    // refuse is the one to count.
    (ruling.matched(), ruling.verdict, ruling.cause.is_some())
}

/// Sets the verdict on a request that `enforce` would refuse, as the rule's phase has it.
fn apply_phase(ruling: &mut Ruling<'_>, facts: &Facts<'_>) {
    ruling.verdict = match ruling.phase().effect() {
        // A rule that has not begun counts nothing, and so it reports no exemption either.
        PhaseEffect::Ignore => Verdict::Admit,
        _ if ruling.exempted.is_some() => Verdict::Exempt,
        PhaseEffect::Count => Verdict::Admit,
        PhaseEffect::Warn => Verdict::Warn,
        PhaseEffect::RefuseShare => ramp_verdict(ruling, facts),
        PhaseEffect::Refuse => Verdict::Refuse,
    };
}

fn ramp_verdict(ruling: &mut Ruling<'_>, facts: &Facts<'_>) -> Verdict {
    let rule = ruling.rule;
    match rule.identity(facts) {
        Some(identity) if ruling.rollout.share.contains(bucket(&rule.id, &identity)) => {
            return Verdict::Refuse;
        }
        Some(_) => {}
        // Without an identity there is no bucket: such requests are warned until `enforce`.
        None => ruling.without_identity = true,
    }
    ruling.reason = VerdictReason::NotInRamp;
    Verdict::Warn
}

/// The ruling before anything is known of the request.
fn admitting_ruling(rule: &Rule, now: Timestamp) -> Ruling<'_> {
    let kind = match rule.require.first() {
        Some(requirement) => requirement.kind(),
        // Only a default policy, which has no rules, could get here.
        None => RequirementKind::Protocol,
    };
    Ruling {
        rule,
        mismatch: None,
        verdict: Verdict::Admit,
        rollout: rule.rollout_state(now),
        kind,
        reason: VerdictReason::Meets,
        cause: None,
        observed: Vec::new(),
        exempted: None,
        without_identity: false,
    }
}
