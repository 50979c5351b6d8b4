#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use super::*;
use crate::breaker::TripLimits;
use crate::overrides::ChangeTarget;
use crate::{Fingerprint, Network};
use upshift_core::policy::{RefusedShare, SettablePhase};

const OFF: Imposed = Imposed::Phase(SettablePhase::OFF);
const OBSERVE: Imposed = Imposed::Phase(SettablePhase::OBSERVE);
const ENFORCE: Imposed = Imposed::Phase(SettablePhase::ENFORCE);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_793_000_000 + second).unwrap()
}

fn rule(id: &str) -> ChangeTarget {
    ChangeTarget::Rule(id.into())
}

fn set(id: &str, imposed: Imposed) -> RolloutChange {
    RolloutChange::Set { rule: id.into(), imposed, until: None }
}

/// The imposed phases of rules `a` and `b`.
fn phases(overrides: &RolloutOverrides, now: i64) -> (Option<Imposed>, Option<Imposed>) {
    let of = |rule| overrides.override_of(rule, at(now)).map(|holds| holds.imposed);
    (of("a"), of("b"))
}

/// The shares that `a` and `b` would refuse: one basis point more each second.
fn shares(now: Timestamp) -> Shares {
    let share = RefusedShare::from_basis_points(
        u64::try_from(now.as_second() - at(0).as_second()).unwrap(),
    );
    ["a", "b"].map(|rule| (rule.to_owned(), share)).into()
}

fn trip(rule: &str) -> Trip {
    let hit = vec![Fingerprint::from_bits(1), Fingerprint::from_bits(u64::MAX)];
    let top = Some((Network::of_address(Some([203, 0, 113, 9].into())), 20));
    Trip {
        rule: rule.into(),
        at: at(50),
        seen: 400,
        refused: 160,
        top,
        limits: TripLimits::default(),
        hit,
    }
}

/// A history whose changes are named `c1`, `c2` and so on.
#[derive(Default)]
struct Past {
    history: History,
}

impl Past {
    fn change(
        &mut self,
        change: &RolloutChange,
        at: Timestamp,
        actor: &str,
        reason: &str,
    ) -> Result<Made, UndoError> {
        let id = format!("c{}", self.history.latest_number().unwrap_or(0) + 1);
        let record = self.history.make_change(PendingChange {
            change,
            id: &id,
            at,
            actor,
            reason,
            shares: &shares(at),
        })?;
        Ok((record.revision.clone(), record.overrides().clone()))
    }

    fn undo(&mut self, id: Option<&str>, second: i64) -> Result<Option<i64>, UndoError> {
        let made =
            self.change(&RolloutChange::Undo(id.map(str::to_owned)), at(second), "bob", "")?;
        Ok(made.0.undoes)
    }

    fn trip(&mut self, rule: &str) -> Made {
        let id = format!("c{}", self.history.latest_number().unwrap_or(0) + 1);
        let record = self.history.record_trip(&trip(rule), &id, &shares(at(50)));
        (record.revision.clone(), record.overrides().clone())
    }

    /// The second at which a rule was stopped, and the basis points that it refused until then.
    fn stop(&self, rule: &str, second: i64) -> Option<(i64, u16)> {
        let stop = self.history.overrides().stop_of(rule, at(second))?;
        Some((stop.at.as_second() - at(0).as_second(), stop.share().basis_points()))
    }

    fn phases(&self, second: i64) -> (Option<Imposed>, Option<Imposed>) {
        phases(&self.history.overrides(), second)
    }
}

type Made = (Revision, RolloutOverrides);

/// The store contains these names, and later versions must be able to read them.
#[test]
fn imposed_phases_are_stored_by_their_names() {
    for name in ["plan", "off", "observe", "warn", "enforce", "paused"] {
        let imposed: Imposed = serde_json::from_value(name.into()).unwrap();
        assert_eq!(imposed.as_str(), name);
        assert_eq!(serde_json::to_value(imposed).unwrap(), name);
    }
    for name in ["ramp", "brownout", "Warn"] {
        assert!(serde_json::from_value::<Imposed>(name.into()).is_err(), "{name}");
    }
}

#[test]
fn every_change_is_undone_by_one_command_and_undoing_again_goes_further_back() {
    let mut past = Past::default();
    past.change(&set("a", ENFORCE), at(1), "ada", "").unwrap();
    past.change(&set("b", OBSERVE), at(2), "ada", "").unwrap();
    past.change(&RolloutChange::Pause(ChangeTarget::All), at(3), "ada", "").unwrap();
    assert_eq!(
        phases(&past.history.overrides(), 4),
        (Some(Imposed::PAUSED), Some(Imposed::PAUSED))
    );
    let (revision, state) = past.change(&RolloutChange::Undo(None), at(5), "bob", "").unwrap();
    assert_eq!(revision.undoes, Some(3));
    assert_eq!(phases(&state, 5), (Some(ENFORCE), Some(OBSERVE)));
    let (revision, state) = past.change(&RolloutChange::Undo(None), at(6), "bob", "").unwrap();
    assert_eq!((revision.undoes, phases(&state, 6)), (Some(2), (Some(ENFORCE), None)));
    past.change(&set("b", OFF), at(7), "ada", "").unwrap();
    let (revision, _) = past.change(&RolloutChange::Undo(None), at(8), "bob", "").unwrap();
    assert_eq!(revision.undoes, Some(6), "the new change comes before the older ones");
    let (_, state) = past.change(&RolloutChange::Undo(None), at(9), "bob", "").unwrap();
    assert!(state.is_empty());
    assert!(past.undo(None, 10) == Err(UndoError::Nothing));
}

#[test]
fn a_trip_is_reset_by_resume_and_not_by_undo() {
    let mut past = Past::default();
    past.change(&RolloutChange::Pause(rule("a")), at(1), "ada", "").unwrap();
    past.trip("b");
    let (revision, state) = past.change(&RolloutChange::Undo(None), at(60), "ada", "").unwrap();
    assert_eq!(revision.undoes, Some(1));
    assert_eq!(phases(&state, 60), (None, Some(Imposed::WARN)));
    let (_, state) =
        past.change(&RolloutChange::Resume(rule("b")), at(61), "ada", "mended").unwrap();
    assert!(state.is_empty());
    let (_, state) = past.change(&RolloutChange::Undo(None), at(62), "ada", "not mended").unwrap();
    assert_eq!(
        phases(&state, 62),
        (None, Some(Imposed::WARN)),
        "undoing the resume latches it again"
    );
}

#[test]
fn a_pin_ends_by_itself_and_what_lies_under_it_holds_again() {
    let mut past = Past::default();
    past.trip("a");
    let change = RolloutChange::Set { rule: "a".into(), imposed: OBSERVE, until: Some(at(100)) };
    let (revision, state) = past.change(&change, at(60), "ada", "").unwrap();
    assert_eq!(revision.until, Some(at(100)));
    assert_eq!(phases(&state, 99).0, Some(OBSERVE));
    assert_eq!(phases(&state, 100).0, Some(Imposed::WARN));
    assert_eq!((state.next_end(at(99)), state.next_end(at(100))), (Some(at(100)), None));
    assert_eq!(past.history.latest_revisions(1)[0].until, Some(at(100)));
}

#[test]
fn one_rule_may_go_on_while_the_rest_is_paused() {
    let mut past = Past::default();
    past.change(&RolloutChange::Pause(ChangeTarget::All), at(1), "ada", "").unwrap();
    let (_, state) = past.change(&RolloutChange::Resume(rule("a")), at(2), "ada", "").unwrap();
    assert_eq!(phases(&state, 3), (None, Some(Imposed::PAUSED)));
    let (_, state) =
        past.change(&RolloutChange::Resume(ChangeTarget::All), at(4), "ada", "").unwrap();
    assert!(state.is_empty());
}

#[test]
fn a_policy_takes_what_holds_for_its_rules() {
    let mut past = Past::default();
    past.trip("b");
    let set = |rule: &str| RolloutChange::Set {
        rule: rule.into(),
        imposed: OBSERVE,
        until: Some(at(100)),
    };
    past.change(&set("a"), at(60), "ada", "a look").unwrap();
    let (_, state) = past.change(&set("b"), at(60), "ada", "a look").unwrap();
    let resolved = state.resolve_for(["a", "b", "c"], at(70));
    assert_eq!(resolved.override_of("a").and_then(|set| set.until), Some(at(100)));
    assert_eq!(
        resolved.override_of("b").and_then(|set| set.until),
        None,
        "after it comes the trip, not the file"
    );
    assert_eq!(resolved.override_of("c"), None);
    let resolved = state.resolve_for(["a", "b"], at(100));
    assert_eq!(resolved.override_of("a"), None);
    let tripped = resolved.override_of("b").unwrap();
    assert_eq!(
        (tripped.phase, &tripped.by),
        (upshift_core::Phase::Warn, &upshift_core::policy::Actor::Breaker)
    );
}

/// Catches an undo that restores the whole state before a change, and so removes later changes.
#[test]
fn an_undo_by_id_takes_back_that_change_and_no_later_one() {
    let mut past = Past::default();
    past.change(&set("a", ENFORCE), at(1), "ada", "").unwrap();
    past.change(&RolloutChange::Pause(ChangeTarget::All), at(2), "ada", "").unwrap();
    past.change(&set("b", Imposed::WARN), at(3), "bob", "").unwrap();
    assert_eq!(past.undo(Some("c2"), 4), Ok(Some(2)));
    assert_eq!(past.phases(5), (Some(ENFORCE), Some(Imposed::WARN)));
    assert_eq!(past.undo(None, 6), Ok(Some(3)), "c2 is undone, and c4 is an undo");
    assert_eq!(past.undo(None, 7), Ok(Some(1)));
    assert_eq!((past.phases(8), past.undo(None, 8)), ((None, None), Err(UndoError::Nothing)));
}

/// An undo that is not possible names the change that prevents it, and changes nothing.
#[test]
fn an_undo_that_is_not_possible_says_why_and_changes_nothing() {
    let mut past = Past::default();
    past.change(&RolloutChange::Pause(rule("a")), at(1), "ada", "").unwrap();
    past.change(&set("a", Imposed::WARN), at(2), "bob", "").unwrap();
    let overtaken = past.undo(Some("c1"), 3).unwrap_err();
    let said = overtaken.to_string();
    assert!(said.contains("replaced by change c2 (set a warn by bob): undo c2 first"), "{said}");
    assert_eq!(past.undo(Some("c9"), 4), Err(UndoError::Unknown("c9".into())));
    past.undo(Some("c2"), 5).unwrap();
    let said = past.undo(Some("c2"), 6).unwrap_err().to_string();
    assert_eq!(said, "change c2 is already undone, by change c3 of bob");
    assert_eq!(past.undo(Some("c3"), 7), Err(UndoError::IsUndo("c3".into())));
    assert_eq!(
        (past.phases(8), past.history.latest_number()),
        ((Some(Imposed::PAUSED), None), Some(3))
    );
    assert_eq!(past.undo(Some("c1"), 9), Ok(Some(1)), "what overtook it is gone");
}

/// The dashboard offers Undo for exactly those changes that an undo accepts.
#[test]
fn a_change_can_be_undone_exactly_if_its_undo_is_accepted() {
    let mut past = Past::default();
    assert!(!past.history.has_undoable_change());
    past.change(&RolloutChange::Pause(rule("a")), at(1), "ada", "").unwrap();
    past.change(&set("a", Imposed::WARN), at(2), "bob", "").unwrap();
    past.change(&set("b", ENFORCE), at(3), "bob", "").unwrap();
    past.trip("b");
    past.undo(Some("c2"), 60).unwrap();
    let mut undoable = Vec::new();
    for id in ["c1", "c2", "c3", "c4", "c5", "c9"] {
        if past.history.can_undo(id) {
            undoable.push(id);
        }
    }
    assert_eq!(undoable, ["c1", "c3"], "c2 is undone, c4 is a trip, c5 is an undo");
    for (id, second) in [("c3", 61), ("c1", 62)] {
        past.undo(Some(id), second).unwrap();
        assert!(!past.history.can_undo(id), "{id}");
    }
    assert!(!past.history.has_undoable_change());
}

/// A change that a later one has replaced cannot be undone before that one.
#[test]
fn a_replaced_change_cannot_be_undone() {
    let mut past = Past::default();
    past.change(&RolloutChange::Pause(rule("a")), at(1), "ada", "").unwrap();
    past.change(&set("a", Imposed::WARN), at(2), "bob", "").unwrap();
    assert!(!past.history.can_undo("c1") && past.history.can_undo("c2"));
    assert!(past.history.has_undoable_change());
}

/// Catches an undo that releases a tripped rule, or restores the override that the trip replaced.
#[test]
fn an_undo_leaves_alone_what_the_breaker_did_since() {
    let mut past = Past::default();
    past.change(&set("a", ENFORCE), at(1), "ada", "").unwrap();
    past.trip("a");
    assert_eq!(
        past.undo(Some("c2"), 60),
        Err(UndoError::IsTrip { id: "c2".into(), rule: "a".into() })
    );
    past.change(&RolloutChange::Pause(rule("a")), at(61), "ada", "").unwrap();
    past.undo(None, 62).unwrap();
    assert_eq!(past.phases(62).0, Some(Imposed::WARN));
    past.undo(None, 63).unwrap();
    assert_eq!(
        past.phases(63).0,
        Some(Imposed::WARN),
        "of the first change nothing is left to take back"
    );
    past.change(&set("b", ENFORCE), at(64), "ada", "").unwrap();
    past.change(&RolloutChange::Resume(rule("b")), at(65), "ada", "").unwrap();
    past.trip("b");
    past.undo(None, 66).unwrap();
    assert_eq!(past.phases(67).1, Some(Imposed::WARN), "the pin would beat the latch");
    past.change(&set("a", ENFORCE), at(68), "ada", "knowingly").unwrap();
    assert_eq!(
        (past.phases(69).0, past.history.overrides().tripped_rules().count()),
        (Some(ENFORCE), 1)
    );
}

#[test]
fn only_the_latest_revisions_are_remembered() {
    let mut past = Past::default();
    for second in 0..1_005 {
        past.change(&set("a", Imposed::WARN), at(second), "ada", "").unwrap();
    }
    assert_eq!(
        (past.history.records().count(), past.history.latest_number()),
        (History::REMEMBERED, Some(1_005))
    );
    assert_eq!(past.undo(Some("c5"), 2_000), Err(UndoError::Unknown("c5".into())));
}

/// Catches a resume that is compared with the share at a later stop or of another rule, which would
/// hide an increase.
#[test]
fn a_rule_was_stopped_by_the_first_of_its_pauses_or_by_a_trip() {
    let mut past = Past::default();
    past.change(&RolloutChange::Pause(rule("a")), at(10), "ada", "").unwrap();
    past.change(&RolloutChange::Pause(rule("a")), at(20), "bob", "").unwrap();
    past.change(&RolloutChange::Pause(ChangeTarget::All), at(30), "eve", "").unwrap();
    assert_eq!((past.stop("a", 31), past.stop("b", 31)), (Some((10, 10)), Some((30, 30))));
    assert_eq!(past.stop("c", 31), Some((30, 0)), "it came later, and never refused a caller");
    past.change(&set("a", Imposed::WARN), at(40), "ada", "").unwrap();
    assert_eq!(
        (past.stop("a", 41), past.stop("b", 41)),
        (None, Some((30, 30))),
        "it is held, not stopped"
    );
    past.change(&RolloutChange::Pause(rule("a")), at(42), "ada", "").unwrap();
    assert_eq!(past.stop("a", 43), Some((42, 42)));
    past.change(&RolloutChange::Resume(ChangeTarget::All), at(44), "ada", "").unwrap();
    assert_eq!((past.stop("a", 45), past.stop("b", 45)), (None, None));
    past.trip("b");
    assert_eq!(past.stop("b", 51), Some((50, 50)));
    past.change(&RolloutChange::Pause(rule("b")), at(60), "ada", "").unwrap();
    assert_eq!(past.stop("b", 61), Some((60, 60)), "who pauses it need not know of the trip");
}
