//! From facts and `now` to a decision.

use jiff::Timestamp;

use super::evaluate::{Evaluation, evaluate};
use super::exemption::ExemptedBy;
use super::matcher::{Effect, MatchContext};
use super::reading::{PathReading, path_readings};
use super::rollout::{Phase, RolloutState, bucket};
use super::{Builtin, Policy, Rule};
use crate::Facts;
use crate::decision::{Decision, RequirementKind, Ruling, Verdict, VerdictReason};

impl Policy {
    /// Decides one request. The decision holds the rules that apply.
    pub fn decide<'a>(&'a self, facts: &Facts<'a>, now: Timestamp) -> Decision<'a> {
        self.outcome(facts, now, false)
    }

    /// As [`Policy::decide`], with the rules that do not apply, and why.
    pub fn explain<'a>(&'a self, facts: &Facts<'a>, now: Timestamp) -> Decision<'a> {
        self.outcome(facts, now, true)
    }

    fn outcome<'a>(&'a self, facts: &Facts<'a>, now: Timestamp, every: bool) -> Decision<'a> {
        let paths = path_readings(facts.path, self.comparison);
        let mut rulings = Vec::new();
        let mut fields = Vec::new();
        for rule in &self.rules {
            let Some(ruling) = self.strictest(rule, facts, &paths, now) else { continue };
            if !matches!(ruling.mismatch, Some("hosts" | "paths" | "methods")) {
                self.note_fields(rule, facts, &ruling, &mut fields);
            }
            if every || ruling.matched() {
                rulings.push(ruling);
            }
        }
        let order =
            |(index, ruling): &(usize, &Ruling<'_>)| (ruling.verdict, std::cmp::Reverse(*index));
        let top =
            rulings.iter().enumerate().filter(|(_, ruling)| ruling.matched()).max_by_key(order);
        let top = top.map(|(index, _)| index);
        let verdict = top.map_or(Verdict::Admit, |top: usize| rulings[top].verdict);
        Decision { verdict, rulings, top, fields }
    }

    /// The strictest ruling of all readings of the path, the first among equals.
    fn strictest<'a>(
        &'a self,
        rule: &'a Rule,
        facts: &Facts<'a>,
        paths: &[PathReading<'_>],
        now: Timestamp,
    ) -> Option<Ruling<'a>> {
        let mut strictest: Option<Ruling<'a>> = None;
        for path in paths {
            let ruling = self.rule_on(rule, facts, path, now);
            if strictest.as_ref().is_none_or(|before| strictness(&ruling) > strictness(before)) {
                strictest = Some(ruling);
            }
        }
        strictest
    }

    /// What the rule says of the request, its path in this reading.
    fn rule_on<'a>(
        &'a self,
        rule: &'a Rule,
        facts: &Facts<'a>,
        path: &PathReading<'_>,
        now: Timestamp,
    ) -> Ruling<'a> {
        let moment = rule.rollout_state(now);
        let identities = || rule.identities(facts);
        let clients = rule.client_readers();
        let caller =
            MatchContext { path, clients, identities: &identities, effect: Effect::Applies };
        if let Some(key) = rule.matcher.mismatch(facts, &caller) {
            return unmatched(rule, moment, key);
        }
        let RuleEvaluation { kind, reason, refused, observed } = findings(rule, facts, path);
        let exempted = if refused { self.exempted(rule, facts, &caller, now) } else { None };
        let mut ruling = Ruling {
            rule,
            mismatch: None,
            verdict: Verdict::Admit,
            moment,
            kind,
            reason,
            cause: refused.then_some(reason),
            observed,
            exempted,
            without_identity: false,
        };
        if refused {
            ruling.verdict = verdict(&mut ruling, rule, facts);
        }
        ruling
    }

    fn exempted(
        &self,
        rule: &Rule,
        facts: &Facts<'_>,
        caller: &MatchContext<'_>,
        now: Timestamp,
    ) -> Option<ExemptedBy<'_>> {
        let excuses =
            |builtin: &&Builtin| rule.is_exempted_by(**builtin, facts, caller.path, &self.served);
        let builtin = self.builtins.iter().find(excuses);
        if let Some(builtin) = builtin {
            return Some(ExemptedBy::Builtin(*builtin));
        }
        let caller = MatchContext { effect: Effect::Excuses, ..*caller };
        for exemption in &self.exemptions {
            let named = exemption.rules.is_empty() || exemption.rules.contains(&rule.id);
            if named
                && now < exemption.expires
                && exemption.matcher.mismatch(facts, &caller).is_none()
            {
                return Some(ExemptedBy::Exemption(exemption));
            }
        }
        None
    }

    /// The fields on which the verdict of this rule rests.
    fn note_fields<'a>(
        &'a self,
        rule: &'a Rule,
        facts: &Facts<'_>,
        ruling: &Ruling<'_>,
        fields: &mut Vec<&'a str>,
    ) {
        let mut note = |field: &'a str| {
            if !fields.contains(&field) {
                fields.push(field);
            }
        };
        rule.fields().for_each(&mut note);
        if ruling.cause.is_some() {
            self.builtins
                .iter()
                .flat_map(|builtin| builtin.fields(facts))
                .copied()
                .for_each(&mut note);
            self.exemptions
                .iter()
                .flat_map(|exemption| exemption.matcher.fields())
                .for_each(&mut note);
        }
    }
}

/// Which of two readings of a path counts.
fn strictness(ruling: &Ruling<'_>) -> (bool, Verdict, bool) {
    (ruling.matched(), ruling.verdict, ruling.cause.is_some())
}

/// What the requirements of a rule come to, together.
struct RuleEvaluation<'a> {
    kind: RequirementKind,
    reason: VerdictReason,
    refused: bool,
    observed: Vec<crate::decision::Observed<'a>>,
}

fn findings<'a>(rule: &'a Rule, facts: &Facts<'a>, path: &PathReading<'_>) -> RuleEvaluation<'a> {
    let mut observed = Vec::new();
    let mut unmet: Option<(RequirementKind, VerdictReason)> = None;
    for requirement in &rule.require {
        let kind = requirement.kind();
        let Evaluation { reason, observed: seen } = evaluate(requirement, facts, path);
        observed.extend(seen);
        if reason == VerdictReason::Meets {
            return RuleEvaluation { kind, reason, refused: false, observed };
        }
        // What is surely unmet beats what is uncertain, whichever stands first.
        if unmet.is_none_or(|(_, before)| !before.is_sure() && reason.is_sure()) {
            unmet = Some((kind, reason));
        }
    }
    let (kind, reason) = unmet.unwrap_or((RequirementKind::Protocol, VerdictReason::Meets));
    let refused = reason.is_sure() || rule.on.refuses(reason);
    RuleEvaluation { kind, reason, refused, observed }
}

/// What becomes, in this phase, of a request that `enforce` would refuse.
fn verdict(ruling: &mut Ruling<'_>, rule: &Rule, facts: &Facts<'_>) -> Verdict {
    match ruling.moment.phase {
        Phase::Off => Verdict::Admit,
        _ if ruling.exempted.is_some() => Verdict::Exempt,
        Phase::Observe => Verdict::Admit,
        Phase::Warn | Phase::Paused => Verdict::Warn,
        Phase::Brownout | Phase::Enforce => Verdict::Refuse,
        Phase::Ramp => {
            let identity = rule.identity(facts);
            ruling.without_identity = identity.is_none();
            if identity
                .is_some_and(|identity| ruling.moment.share.contains(bucket(&rule.id, &identity)))
            {
                return Verdict::Refuse;
            }
            ruling.reason = VerdictReason::NotInRamp;
            Verdict::Warn
        }
    }
}

fn unmatched<'a>(rule: &'a Rule, moment: RolloutState, key: &'static str) -> Ruling<'a> {
    Ruling {
        rule,
        mismatch: Some(key),
        verdict: Verdict::Admit,
        moment,
        kind: rule.require.first().map_or(RequirementKind::Protocol, super::Requirement::kind),
        reason: VerdictReason::Meets,
        cause: None,
        observed: Vec::new(),
        exempted: None,
        without_identity: false,
    }
}
