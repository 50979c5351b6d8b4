//! Deciding a request: each rule that the index finds, in the order of the file, on each reading of
//! the path.

use jiff::Timestamp;

use super::cached_fields::CachedFields;
use super::evaluate::{RuleEvaluation, evaluate_rule};
use super::outcome::{Decision, Ruling};
use crate::facts::Facts;
use crate::inline_vec::InlineVec;
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
        let fields = CachedFields::new(facts.fields);
        let paths = PathReadings::of_path(facts.path, self.comparison());
        let cached = Facts { fields: &fields, ..*facts };
        let request = Request { policy: self, facts: &cached, paths: &paths, now };
        let mut decision = Decision::admitted();
        // The other rules change nothing: neither the verdict nor the fields on which it rests.
        for rule in &self.index().candidates(facts.host, &paths) {
            let ruling = request.strictest_ruling(self.rule_at(*rule));
            // Also for a rule that does not apply: with other fields it might have.
            request.note_fields(&ruling, &mut decision);
            if ruling.matched() {
                decision.push_ruling(ruling);
            }
        }
        decision
    }

    /// Decides as [`Policy::decide`] does, and also keeps the rulings of the rules that do not
    /// apply, with the reason.
    pub fn explain<'p>(&'p self, facts: &Facts<'_>, now: Timestamp) -> Decision<'p> {
        let fields = CachedFields::new(facts.fields);
        let paths = PathReadings::of_path(facts.path, self.comparison());
        let cached = Facts { fields: &fields, ..*facts };
        let request = Request { policy: self, facts: &cached, paths: &paths, now };
        let candidates = self.index().candidates(facts.host, &paths);
        let mut candidates = candidates.iter().peekable();
        let mut decision = Decision::admitted();
        for (position, rule) in self.rules().iter().enumerate() {
            let is_candidate = candidates.next_if(|next| **next as usize == position).is_some();
            let ruling = if is_candidate {
                request.strictest_ruling(rule)
            } else {
                request.foreign_ruling(rule)
            };
            request.note_fields(&ruling, &mut decision);
            decision.push_ruling(ruling);
        }
        decision
    }
}

/// A request that is being decided.
struct Request<'p, 'r> {
    policy: &'p Policy,
    facts: &'r Facts<'r>,
    paths: &'r PathReadings<'r>,
    now: Timestamp,
}

impl<'p> Request<'p, '_> {
    /// The strictest ruling over all readings of the path, of a rule that the index found.
    fn strictest_ruling(&self, rule: &'p Rule) -> Ruling<'p> {
        let plainest = &self.paths.plainest;
        if self.paths.others.is_empty() {
            // The index found the rule on this reading.
            let mismatch =
                rule.matcher.mismatch_of_included(self.facts, &context_of(rule, plainest));
            return self.ruling_on_path(rule, plainest, mismatch);
        }
        let mut strictest = self.ruling_on_path(rule, plainest, self.mismatch(rule, plainest));
        for path in &self.paths.others {
            let ruling = self.ruling_on_path(rule, path, self.mismatch(rule, path));
            // Only a stricter one replaces: of equals the plainer reading counts.
            if strictness_of(&ruling) > strictness_of(&strictest) {
                strictest = ruling;
            }
        }
        strictest
    }

    /// The ruling of a rule that the index did not find, on any reading.
    fn foreign_ruling(&self, rule: &'p Rule) -> Ruling<'p> {
        // The index finds every rule whose hosts and paths fit, so one of these keys does not.
        let mismatch = self.mismatch(rule, &self.paths.plainest).unwrap_or("paths");
        Ruling { mismatch: Some(mismatch), ..admitting_ruling(rule, self.now) }
    }

    fn mismatch(&self, rule: &Rule, path: &PathReading<'_>) -> Option<&'static str> {
        rule.matcher.mismatch(self.facts, &context_of(rule, path))
    }

    /// The ruling of the rule on the request, its path in this reading.
    fn ruling_on_path(
        &self,
        rule: &'p Rule,
        path: &PathReading<'_>,
        mismatch: Option<&'static str>,
    ) -> Ruling<'p> {
        let mut ruling = admitting_ruling(rule, self.now);
        ruling.mismatch = mismatch;
        if ruling.mismatch.is_some() {
            return ruling;
        }
        let evaluation = evaluate_rule(rule, self.facts, path);
        let RuleEvaluation { kind, reason, refused, observed } = evaluation;
        ruling.kind = kind;
        ruling.reason = reason;
        ruling.observed = observed;
        // Few requests would be refused, so nothing is spent on exemptions and identities of the
        // others.
        if refused {
            ruling.cause = Some(reason);
            ruling.exempted = self.exemption_of(rule, path);
            apply_phase(&mut ruling, self.facts);
        }
        ruling
    }

    fn exemption_of(&self, rule: &Rule, path: &PathReading<'_>) -> Option<ExemptedBy<'p>> {
        // The built-in ones come first: a request that is always exempt is not warned.
        for builtin in self.policy.builtins() {
            if builtin.excuses(rule, self.facts, path, self.policy.served()) {
                return Some(ExemptedBy::Builtin(*builtin));
            }
        }
        let context = MatchContext { effect: Effect::Excuses, ..context_of(rule, path) };
        for exemption in self.policy.exemptions() {
            if self.now < exemption.expires
                && exemption.covers_rule(&rule.id)
                && exemption.matcher.mismatch(self.facts, &context).is_none()
            {
                return Some(ExemptedBy::Exemption(exemption));
            }
        }
        None
    }

    /// Adds the fields on which the verdict of this ruling rests.
    fn note_fields(&self, ruling: &Ruling<'p>, decision: &mut Decision<'p>) {
        // These keys are compared before any field is read.
        if matches!(ruling.mismatch, Some("hosts" | "paths" | "methods")) {
            return;
        }
        for field in ruling.rule.numbered_fields() {
            decision.note_field(field.id, field.name.written());
        }
        // Exemptions are looked at only for a request that would be refused, and so its answer is
        // the only one that depends on their fields.
        if ruling.cause.is_none() {
            return;
        }
        for builtin in self.policy.builtins() {
            for field in builtin.fields_read(self.facts) {
                // Every field of a built-in exemption that holds has a number.
                if let Some(id) = self.policy.field_ids().id_of(field.lower) {
                    decision.note_field(id, field.written);
                }
            }
        }
        for field in self.policy.exemption_fields() {
            decision.note_field(field.id, field.name.written());
        }
    }
}

fn context_of<'c>(rule: &'c Rule, path: &'c PathReading<'c>) -> MatchContext<'c> {
    MatchContext {
        path,
        client_readers: rule.client_readers(),
        identity_readers: &rule.identity,
        effect: Effect::Applies,
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
        observed: InlineVec::new(),
        exempted: None,
        without_identity: false,
    }
}

#[cfg(test)]
mod tests;
