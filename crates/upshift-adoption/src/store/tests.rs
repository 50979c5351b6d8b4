#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use super::*;
use crate::overrides::Target;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_793_000_000 + second).unwrap()
}

fn rule(id: &str) -> Target {
    Target::Rule(id.into())
}

fn set(id: &str, imposed: Imposed) -> Change {
    Change::Set { rule: id.into(), imposed, until: None }
}

/// What holds for rule `a` and for rule `b`.
fn phases(overrides: &Overrides, now: i64) -> (Option<Imposed>, Option<Imposed>) {
    let of = |rule| overrides.of(rule, at(now)).map(|holds| holds.imposed);
    (of("a"), of("b"))
}

fn trip(rule: &str) -> Trip {
    let hit = vec![Fingerprint::from_bits(1), Fingerprint::from_bits(u64::MAX)];
    let top = Some((Network::of(Some([203, 0, 113, 9].into())), 20));
    Trip { rule: rule.into(), at: at(50), seen: 400, refused: 160, top, limits: Limits::default(), hit }
}

#[test]
fn changes_are_numbered_and_survive_the_process() {
    let folder = std::env::temp_dir().join(format!("upshift-store-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("upshift.db");
    let key = {
        let mut store = Store::open(&path).unwrap();
        store.change(&Change::Pause(rule("a")), at(1), "ada", "the phones ring").unwrap();
        store.trip(&trip("b")).unwrap();
        store.key().unwrap()
    };
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "it holds the key");
    let store = Store::open(&path).unwrap();
    assert_eq!(phases(&store.overrides().unwrap(), 60), (Some(Imposed::Paused), Some(Imposed::Warn)));
    assert_eq!(store.overrides().unwrap().tripped().collect::<Vec<_>>(), ["b"]);
    assert_eq!(store.trips(10).unwrap(), [trip("b")]);
    assert_eq!(store.key().unwrap().fingerprint(b"x"), key.fingerprint(b"x"));
    let revisions = store.revisions(10).unwrap();
    let shown: Vec<_> = revisions.iter().map(|r| (r.revision, r.action.as_str(), r.actor.as_str())).collect();
    assert_eq!(shown, [(2, "trip", "breaker"), (1, "pause", "ada")]);
    assert_eq!(revisions[1].reason, "the phones ring");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_change_is_undone_by_one_command_and_undoing_again_goes_further_back() {
    let mut store = Store::in_memory().unwrap();
    store.change(&set("a", Imposed::Enforce), at(1), "ada", "").unwrap();
    store.change(&set("b", Imposed::Observe), at(2), "ada", "").unwrap();
    store.change(&Change::Pause(Target::All), at(3), "ada", "").unwrap();
    assert_eq!(phases(&store.overrides().unwrap(), 4), (Some(Imposed::Paused), Some(Imposed::Paused)));
    let (revision, state) = store.change(&Change::Undo, at(5), "bob", "").unwrap();
    assert_eq!(revision.undoes, Some(3));
    assert_eq!(phases(&state, 5), (Some(Imposed::Enforce), Some(Imposed::Observe)));
    let (revision, state) = store.change(&Change::Undo, at(6), "bob", "").unwrap();
    assert_eq!((revision.undoes, phases(&state, 6)), (Some(2), (Some(Imposed::Enforce), None)));
    store.change(&set("b", Imposed::Off), at(7), "ada", "").unwrap();
    let (revision, _) = store.change(&Change::Undo, at(8), "bob", "").unwrap();
    assert_eq!(revision.undoes, Some(6), "the new change comes before the older ones");
    let (_, state) = store.change(&Change::Undo, at(9), "bob", "").unwrap();
    assert!(state.is_empty());
    assert!(matches!(store.change(&Change::Undo, at(10), "bob", ""), Err(StoreError::NothingToUndo)));
}

#[test]
fn a_trip_is_reset_by_resume_and_not_by_undo() {
    let mut store = Store::in_memory().unwrap();
    store.change(&Change::Pause(rule("a")), at(1), "ada", "").unwrap();
    store.trip(&trip("b")).unwrap();
    let (revision, state) = store.change(&Change::Undo, at(60), "ada", "").unwrap();
    assert_eq!(revision.undoes, Some(1));
    assert_eq!(phases(&state, 60), (None, Some(Imposed::Warn)));
    let (_, state) = store.change(&Change::Resume(rule("b")), at(61), "ada", "mended").unwrap();
    assert!(state.is_empty());
    let (_, state) = store.change(&Change::Undo, at(62), "ada", "not mended").unwrap();
    assert_eq!(phases(&state, 62), (None, Some(Imposed::Warn)), "undoing the resume latches it again");
}

#[test]
fn a_trip_beats_a_pin_that_was_there_and_undo_does_not_bring_that_back() {
    let mut store = Store::in_memory().unwrap();
    store.change(&set("a", Imposed::Enforce), at(1), "ada", "").unwrap();
    let (_, state) = store.trip(&trip("a")).unwrap();
    assert_eq!(phases(&state, 60).0, Some(Imposed::Warn));
    store.change(&Change::Pause(rule("a")), at(61), "ada", "").unwrap();
    let (_, state) = store.change(&Change::Undo, at(62), "ada", "").unwrap();
    assert_eq!(phases(&state, 62).0, Some(Imposed::Warn));
    store.change(&set("a", Imposed::Observe), at(62), "ada", "").unwrap();
    store.change(&set("b", Imposed::Off), at(62), "ada", "").unwrap();
    let (_, state) = store.change(&Change::Undo, at(62), "ada", "").unwrap();
    assert_eq!(phases(&state, 62), (Some(Imposed::Observe), None), "a pin put over the trip stays");
    let (_, state) = store.change(&set("a", Imposed::Enforce), at(63), "ada", "knowingly").unwrap();
    assert_eq!((phases(&state, 63).0, state.tripped().count()), (Some(Imposed::Enforce), 0));
}

#[test]
fn a_pin_ends_by_itself_and_what_lies_under_it_holds_again() {
    let mut store = Store::in_memory().unwrap();
    store.trip(&trip("a")).unwrap();
    let change = Change::Set { rule: "a".into(), imposed: Imposed::Observe, until: Some(at(100)) };
    let (revision, state) = store.change(&change, at(60), "ada", "").unwrap();
    assert_eq!(revision.until, Some(at(100)));
    assert_eq!(phases(&state, 99).0, Some(Imposed::Observe));
    assert_eq!(phases(&state, 100).0, Some(Imposed::Warn));
    assert_eq!((state.next_lapse(at(99)), state.next_lapse(at(100))), (Some(at(100)), None));
    assert_eq!(store.revisions(1).unwrap()[0].until, Some(at(100)));
}

#[test]
fn one_rule_may_go_on_while_the_rest_is_paused() {
    let mut store = Store::in_memory().unwrap();
    store.change(&Change::Pause(Target::All), at(1), "ada", "").unwrap();
    let (_, state) = store.change(&Change::Resume(rule("a")), at(2), "ada", "").unwrap();
    assert_eq!(phases(&state, 3), (None, Some(Imposed::Paused)));
    let (_, state) = store.change(&Change::Resume(Target::All), at(4), "ada", "").unwrap();
    assert!(state.is_empty());
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let store = Store::in_memory().unwrap();
    store.connection.pragma_update(None, "user_version", 3).unwrap();
    assert!(matches!(Store::with(store.connection), Err(StoreError::Newer { found: 3 })));
}

/// A store of the layout before is brought up to date, and its trips stay.
#[test]
fn a_store_of_layout_1_is_taken_over() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    let at = "2026-11-01T00:00:00Z";
    let insert = "INSERT INTO revision VALUES (1, ?1, 'breaker', '', 'trip', 'a', NULL, NULL, NULL, '{}', '{}')";
    connection.execute(insert, [at]).unwrap();
    let insert = "INSERT INTO trip VALUES (1, ?1, 'a', 400, 160, 0.05, 60, 200, '00000000000000ff')";
    connection.execute(insert, [at]).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    let store = Store::with(connection).unwrap();
    let trips = store.trips(9).unwrap();
    assert_eq!((trips[0].seen, trips[0].top, trips[0].hit.len()), (400, None, 1));
}

/// The kind of fault: a secret that others have goes on being used. Everything but the key stays.
#[test]
fn a_store_whose_key_was_published_makes_itself_a_new_one() {
    use sha2::{Digest as _, Sha256};
    let mut store = Store::in_memory().unwrap();
    assert!(!store.key_is_new(), "a key that was just made is nobody else's");
    store.change(&Change::Pause(rule("a")), at(1), "ada", "the phones ring").unwrap();
    store.trip(&trip("b")).unwrap();
    store.connection.execute("UPDATE secret SET key = ?1", [[7_u8; 32]]).unwrap();
    let published: [u8; 32] = Sha256::digest([7_u8; 32]).into();
    let is_published = |key: &Key| key.is_among(&[published]);
    let (kept, old) = (store.revisions(9).unwrap(), store.key().unwrap());

    let store = Store::set_up(store.connection, is_published).unwrap();

    assert!(store.key_is_new());
    assert_ne!(store.key().unwrap().fingerprint(b"x"), old.fingerprint(b"x"));
    assert_eq!((store.revisions(9).unwrap(), store.trips(9).unwrap()), (kept, vec![trip("b")]));
    let store = Store::set_up(store.connection, is_published).unwrap();
    assert!(!store.key_is_new(), "once is enough");
}

#[test]
fn a_policy_takes_what_holds_for_its_rules() {
    let mut store = Store::in_memory().unwrap();
    store.trip(&trip("b")).unwrap();
    let set = |rule: &str| Change::Set { rule: rule.into(), imposed: Imposed::Observe, until: Some(at(100)) };
    store.change(&set("a"), at(60), "ada", "a look").unwrap();
    let (_, state) = store.change(&set("b"), at(60), "ada", "a look").unwrap();
    let resolved = state.resolve(["a", "b", "c"], at(70));
    assert_eq!(resolved.of("a").and_then(|set| set.until), Some(at(100)));
    assert_eq!(resolved.of("b").and_then(|set| set.until), None, "after it comes the trip, not the file");
    assert_eq!(resolved.of("c"), None);
    let resolved = state.resolve(["a", "b"], at(100));
    assert_eq!(resolved.of("a"), None);
    let tripped = resolved.of("b").unwrap();
    assert_eq!((tripped.phase, &tripped.by), (upshift_core::Phase::Warn, &upshift_core::policy::Actor::Breaker));
}
