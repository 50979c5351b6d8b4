//! The plan of a policy, which `upshift plan --json` prints and the admin listener serves.

use serde::{Deserialize, Serialize};
use upshift_core::policy::{Actor, Override, RolloutStage, Rule};
use upshift_core::{Phase, Policy, Timestamp};

/// The part of a note that says what the breaker will do.
const TRIPS: &str = "the breaker trips and holds the rule at warn";

/// One phase of a rule's rollout. A plan is a list of them, in the order of the file and then of
/// time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanEntry {
    /// The rule's id.
    pub rule: String,
    /// The phase.
    pub phase: String,
    /// The beginning (RFC 3339, UTC); `null`: it has always been so.
    pub from: Option<String>,
    /// The end; `null`: there is none.
    pub to: Option<String>,
    /// The share of callers that is refused when it begins, 0 to 1.
    pub share: f64,
    /// The share when it ends; only where that is another, in a linear ramp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_at_end: Option<f64>,
    /// The origin of a phase that beats the file: a person's name, `breaker` or `command line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
    /// The reason, in the words of its author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The file plans it, but an override holds the rule in another phase.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Consequences to know before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl PlanEntry {
    /// Removes the notes about the breaker, after it was found that it cannot trip.
    pub fn expect_no_trip(&mut self) {
        // The record is public JSON, in which notes are plain text: the phrase is what marks them.
        self.notes.retain(|note| !note.contains(TRIPS));
    }
}

/// The plan of every rule. There are no notes on phases that are over at `now`.
pub fn plan_entries(policy: &Policy, now: Timestamp) -> Vec<PlanEntry> {
    let mut entries = Vec::new();
    for rule in policy.rules() {
        entries.extend(plan_of(rule, now));
    }
    entries
}

fn plan_of(rule: &Rule, now: Timestamp) -> Vec<PlanEntry> {
    let mut entries = match (rule.phase, &rule.rollout) {
        // A pin in the file beats the rollout, whose stages will not happen.
        (Some(phase), _) => vec![endless_entry(rule, phase)],
        (None, None) => vec![endless_entry(rule, Phase::Enforce)],
        (None, Some(rollout)) => {
            rollout.stages().iter().map(|stage| entry_of_stage(rule, stage, now)).collect()
        }
    };
    if let Some(set) = rule.overridden() {
        // The plan stays visible: it is what `resume` returns to.
        for entry in &mut entries {
            entry.held = true;
        }
        // First, because it is what holds now, whatever the dates of the others.
        entries.insert(0, entry_of_override(rule, set));
    }
    entries
}

/// The entry of a phase that has neither a beginning nor an end.
fn endless_entry(rule: &Rule, phase: Phase) -> PlanEntry {
    PlanEntry {
        rule: rule.id.to_string(),
        phase: phase.to_string(),
        from: None,
        to: None,
        share: phase.pinned_share().fraction(),
        share_at_end: None,
        set_by: None,
        reason: None,
        held: false,
        notes: Vec::new(),
    }
}

fn entry_of_override(rule: &Rule, set: &Override) -> PlanEntry {
    PlanEntry {
        // No `from`: a policy holds what is in force, and the history when that began.
        to: set.until.map(|until| until.to_string()),
        set_by: Some(set.by.to_string()),
        reason: Some(set.reason.clone()),
        notes: match set.by {
            Actor::Breaker => {
                vec!["the breaker holds it; `upshift resume` resumes it".to_owned()]
            }
            // A person has given a reason, which the entry has already.
            Actor::Person(_) | Actor::CommandLine => Vec::new(),
        },
        ..endless_entry(rule, set.phase)
    }
}

fn entry_of_stage(rule: &Rule, stage: &RolloutStage, now: Timestamp) -> PlanEntry {
    let is_over = stage.to.is_some_and(|to| to <= now);
    // There is nothing to be done about consequences of the past.
    let notes = if is_over { Vec::new() } else { notes_on_stage(rule, stage, now) };
    // Steps are stages of their own, so that only a linear ramp has two shares.
    let ramps = stage.final_share != stage.share;
    PlanEntry {
        from: Some(stage.from.to_string()),
        to: stage.to.map(|to| to.to_string()),
        share: stage.share.fraction(),
        share_at_end: if ramps { Some(stage.final_share.fraction()) } else { None },
        notes,
        ..endless_entry(rule, stage.phase)
    }
}

fn notes_on_stage(rule: &Rule, stage: &RolloutStage, now: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(note_on_cliff(rule, stage));
    notes.extend(note_on_trip(rule, stage));
    notes.extend(note_on_ended_watch(rule, stage, now));
    notes
}

/// A rule that has enforced for so long that the breaker no longer watches it by the calendar.
fn note_on_ended_watch(rule: &Rule, stage: &RolloutStage, now: Timestamp) -> Option<String> {
    let end = rule.watch_end()?;
    if stage.phase != Phase::Enforce || end > now {
        return None;
    }
    Some(format!(
        "by the calendar the breaker watched it until {end}; after a start of the gateway it \
         watches the rule for seven days from the first refusal, and then no more"
    ))
}

/// A caller without an identity is in no ramp, and is refused at `enforce` without a warning. Steps
/// may end below 100 %, too.
fn note_on_cliff(rule: &Rule, stage: &RolloutStage) -> Option<String> {
    let plan = rule.rollout.as_ref()?.plan();
    // Without a ramp, every caller is refused at once, which is what the entry says.
    if plan.ramp.is_none() || stage.phase != Phase::Enforce {
        return None;
    }
    let readers: Vec<String> = rule.identity.iter().map(ToString::to_string).collect();
    Some(format!(
        "the cliff: callers without {} were never in the ramp and are refused from here on, all at \
         once",
        readers.join(" or ")
    ))
}

/// A brownout or a ramp that refuses a greater share than the breaker allows.
fn note_on_trip(rule: &Rule, stage: &RolloutStage) -> Option<String> {
    if !stage.phase.refuses_in_part() {
        return None;
    }
    // Nothing trips with `breaker = false`.
    let allowed = rule.breaker?.refused_share;
    let at = stage.exceeds(allowed)?;
    Some(format!(
        "from {at} on it refuses a greater share than the {} % that the breaker allows: if that \
         share of all callers does not meet the rule, {TRIPS} until `upshift resume`",
        // In basis points first: 0.07 × 100 would be shown as 7.000000000000001.
        (allowed * 10_000.0).round() / 100.0
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;
    use upshift_core::HttpVersion;
    use upshift_core::policy::{
        Overrides, PolicySpec, RampPlan, Requirement, Rollout, RolloutPlan, RuleSpec,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn policy() -> Policy {
        let mut ramped = RuleSpec::new("ramped", vec![Requirement::Http(HttpVersion::V2)]);
        ramped.identity = vec![upshift_core::policy::IdentityReader::Peer];
        let (ramp, enforce) = (Some(RampPlan::Linear(at(100))), Some(at(200)));
        ramped.rollout = Some(
            Rollout::new(RolloutPlan {
                warn: Some(at(0)),
                ramp,
                enforce,
                ..RolloutPlan::default()
            })
            .unwrap(),
        );
        let plain = RuleSpec::new("plain", vec![Requirement::Http(HttpVersion::V2)]);
        Policy::new(PolicySpec { rules: vec![ramped, plain], ..PolicySpec::default() }).unwrap()
    }

    #[test]
    fn a_plan_lists_every_stretch_and_names_the_cliff() {
        let plan = plan_entries(&policy(), at(0));
        let shown: Vec<_> = plan
            .iter()
            .map(|e| (e.rule.as_str(), e.phase.as_str(), e.share, e.share_at_end))
            .collect();
        let ramp = ("ramped", "ramp", 0.0, Some(1.0));
        let end = ("ramped", "enforce", 1.0, None);
        assert_eq!(
            shown,
            [("ramped", "warn", 0.0, None), ramp, end, ("plain", "enforce", 1.0, None)]
        );
        assert_eq!(plan[1].from.as_deref(), Some("1970-01-01T00:01:40Z"));
        assert!(plan[2].notes[0].contains("without peer"), "{:?}", plan[2].notes);
        let json = serde_json::to_value(&plan[3]).unwrap();
        let expected = serde_json::json!({"rule": "plain", "phase": "enforce", "from": null, "to": null, "share": 1.0});
        assert_eq!(json, expected);
    }

    /// The breaker held a calendar that was meant to go on, and no word of it was said before.
    #[test]
    fn a_plan_says_where_the_breaker_will_stop_it() {
        let with = |refused_share, now| {
            let mut spec = RuleSpec::new("ramped", vec![Requirement::Http(HttpVersion::V2)]);
            spec.identity = vec![upshift_core::policy::IdentityReader::Peer];
            let counts = upshift_core::policy::Counted::Seen;
            let breaker = upshift_core::policy::BreakerLimits {
                refused_share,
                window: 60,
                minimum: 200,
                counts,
                per_network: 50,
            };
            spec.breaker = Some(breaker);
            let (ramp, brownout) = (Some(RampPlan::Linear(at(1_000))), vec![(at(100), at(200))]);
            spec.rollout = Rollout::new(RolloutPlan {
                brownout,
                ramp,
                enforce: Some(at(2_000)),
                ..RolloutPlan::default()
            })
            .ok();
            plan_entries(
                &Policy::new(PolicySpec { rules: vec![spec], ..PolicySpec::default() }).unwrap(),
                now,
            )
        };
        let plan = with(0.05, at(0));
        let note = |phase: &str| {
            let entry = plan.iter().find(|entry| entry.phase == phase);
            entry.and_then(|entry| entry.notes.first().cloned()).unwrap_or_default()
        };
        assert!(
            note("brownout").starts_with(
                "from 1970-01-01T00:01:40Z on it refuses a greater share than the 5 %"
            )
        );
        assert!(note("ramp").starts_with("from 1970-01-01T00:17:31Z on"), "{}", note("ramp"));
        let allowed = with(1.0, at(0));
        assert!(
            allowed
                .iter()
                .flat_map(|entry| &entry.notes)
                .all(|note| !note.contains("the breaker allows"))
        );
    }

    /// A note on a brownout that is over, and none on a rule that nothing watches any more.
    #[test]
    fn notes_are_on_what_is_to_come_and_on_a_watch_that_has_ended() {
        let mut spec = RuleSpec::new("late", vec![Requirement::Http(HttpVersion::V2)]);
        let breaker = upshift_core::policy::BreakerLimits {
            refused_share: 0.05,
            window: 60,
            minimum: 200,
            counts: upshift_core::policy::Counted::Seen,
            per_network: 50,
        };
        spec.breaker = Some(breaker);
        let (brownout, enforce) = (vec![(at(100), at(200))], Some(at(1_000)));
        spec.rollout =
            Rollout::new(RolloutPlan { brownout, enforce, ..RolloutPlan::default() }).ok();
        let policy =
            Policy::new(PolicySpec { rules: vec![spec], ..PolicySpec::default() }).unwrap();
        for (now, expected) in [(150, [1, 0, 0]), (250, [0, 0, 0])] {
            let mut plan = plan_entries(&policy, at(now));
            assert_eq!(
                plan.iter().map(|entry| entry.notes.len()).collect::<Vec<_>>(),
                expected,
                "{now}"
            );
            plan.iter_mut().for_each(PlanEntry::expect_no_trip);
            assert!(plan.iter().all(|entry| entry.notes.is_empty()), "{plan:?}");
        }
        let late = plan_entries(&policy, at(1_000 + 7 * 86_400));
        assert!(
            late[2].notes[0]
                .starts_with("by the calendar the breaker watched it until 1970-01-08T00:16:40Z")
        );
    }

    #[test]
    fn what_is_set_stands_first_and_holds_the_rest() {
        let set =
            Override { phase: Phase::Warn, until: None, by: Actor::Breaker, reason: "41 %".into() };
        let mut overrides = Overrides::default();
        overrides.rules.insert("ramped".into(), set);
        let plan = plan_entries(&policy().with_overrides(&overrides), at(0));
        assert_eq!(
            (plan[0].phase.as_str(), plan[0].set_by.as_deref(), plan[0].held),
            ("warn", Some("breaker"), false)
        );
        assert!(plan[1..4].iter().all(|entry| entry.held));
        assert!(!plan[4].held);
    }
}
