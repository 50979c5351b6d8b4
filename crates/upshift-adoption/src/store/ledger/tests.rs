#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
use upshift_core::{Policy, TlsVersion};
use upshift_record::evidence::RulePhaseRecord;

use super::super::tests::{Folder, pause};
use super::super::usage::Retention;
use super::super::{Store, UsageReader};
use super::*;
use crate::history::History;
use crate::ledger::{LinkedChange, PolicyInForce, PolicyText, verify_chain};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_793_000_000 + second).unwrap()
}

fn text() -> PolicyText {
    let rule = RuleSpec::new("tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
    PolicyText::of_policy(
        &Policy::new(PolicySpec { rules: vec![rule], ..PolicySpec::default() }).unwrap(),
    )
}

/// A revision of a policy with one rule, in this phase from then on.
fn revision(second: i64, cause: RevisionCause, change: Option<i64>) -> Arc<NewEntry> {
    revision_after(change.unwrap_or(0), second, cause, change)
}

/// The same, after the change with the number `latest`.
fn revision_after(
    latest: i64,
    second: i64,
    cause: RevisionCause,
    change: Option<i64>,
) -> Arc<NewEntry> {
    let rules = vec![RulePhaseRecord {
        rule: "tls".into(),
        phase: "enforce".into(),
        share: 10_000,
        until: None,
        set_by: None,
        reason: None,
    }];
    let (policy, is_start) = (text(), cause == RevisionCause::Start);
    let mut entry = LedgerEntry::new(at(second), cause, "ada", "the phones ring");
    entry.change = change.map(|number| LinkedChange { number, digest: String::new() });
    entry.in_force = Some(PolicyInForce {
        effective: PolicyInForce::effective_digest(&policy.digest, &rules),
        policy: policy.digest.clone(),
        latest_change: latest,
        observe: false,
        recording: true,
        complete: is_start,
        rules: rules.clone(),
    });
    Arc::new(NewEntry { entry, whole: Some((rules.into(), Arc::new(policy))) })
}

fn append(store: &mut Store, records: &History, pending: &[Arc<NewEntry>]) {
    let records: Vec<_> = records.records().cloned().collect();
    store.append_changes(&records, LedgerWrite { pending, latest: None }).unwrap();
}

/// A start, two changes, a reload and a stop: revisions 1 to 5, changes 1 and 2.
fn write_five(store: &mut Store) {
    let mut history = History::default();
    append(store, &history, &[revision(0, RevisionCause::Start, None)]);
    for number in [1, 2] {
        pause(&mut history, "tls", &format!("id-{number}"));
        append(store, &history, &[revision(number, RevisionCause::Change, Some(number))]);
    }
    let last = [revision(3, RevisionCause::Reload, None), revision(4, RevisionCause::Stop, None)];
    append(store, &history, &last);
}

fn problems(store: &Store) -> Vec<String> {
    let faults = verify_chain(&read_chain(&store.connection).unwrap());
    faults.into_iter().map(|fault| fault.problem).collect()
}

#[test]
fn a_chain_is_intact_across_processes() {
    let folder = Folder::make("chain");
    write_five(&mut Store::open(&folder.store()).unwrap());
    let store = Store::open(&folder.store()).unwrap();
    assert_eq!(problems(&store), Vec::<String>::new());
    let chain = read_chain(&store.connection).unwrap();
    assert_eq!((chain.entries.len(), chain.origin.as_str()), (5, "a new store"));
    // Each policy is kept once.
    assert_eq!(chain.policies.len(), 1);
    let first = chain.entries[0].entry.as_ref().unwrap();
    assert_eq!(first.origin.as_deref(), Some("a new store"));
}

/// Catches a row that an intruder can change unnoticed, or a fault that is not named.
#[test]
fn an_edit_a_deletion_and_a_gap_are_found() {
    let edited = "UPDATE policy_revision SET content = replace(content, 'ada', 'eve')";
    for (name, script, expected) in [
        (
            "first",
            format!("{edited} WHERE number = 1"),
            vec!["revision 1 does not match its hash: it was changed after it was recorded"],
        ),
        (
            "edit",
            format!("{edited} WHERE number = 3"),
            vec![
                "revision 3 does not match its hash: it, or the hash before it, was changed after \
                 it was recorded",
            ],
        ),
        (
            "middle",
            "DELETE FROM policy_revision WHERE number IN (2, 3)".to_owned(),
            vec![
                "the revisions 2 to 3 are missing",
                "change id-1 by ada is in no policy revision",
                "change id-2 by ada is in no policy revision",
            ],
        ),
        (
            "end",
            "DELETE FROM policy_revision WHERE number >= 4".to_owned(),
            vec!["the revisions 4 to 5 are missing"],
        ),
        (
            "beginning",
            "DELETE FROM policy_revision WHERE number = 1".to_owned(),
            vec!["revision 1 is missing"],
        ),
        (
            "change",
            "UPDATE revision SET reason = 'nothing' WHERE number = 2".to_owned(),
            vec!["change id-2 by ada, of revision 3, was changed after it was recorded"],
        ),
        (
            "lost-change",
            "DELETE FROM revision WHERE number = 1".to_owned(),
            vec!["the change by ada, of revision 2, is missing"],
        ),
        (
            "made-up",
            "INSERT INTO revision (number, change_id, at, actor, reason, action, before, state)
             VALUES (3, 'x', '2026-11-01T00:00:00Z', 'eve', '', 'resume', '{}', '{}')"
                .to_owned(),
            vec!["change x by eve is in no policy revision"],
        ),
        (
            "renumbered",
            "UPDATE policy_revision SET number = 9 WHERE number = 5".to_owned(),
            vec![
                "the revisions 5 to 8 are missing",
                "revision 9 was inserted: the gateway wrote 5",
            ],
        ),
        (
            "no-ends",
            "DELETE FROM chain".to_owned(),
            vec!["the store no longer says where the chain begins and ends"],
        ),
        (
            "moved-anchor",
            "DELETE FROM policy_revision WHERE number <= 2;
             UPDATE chain SET anchor_number = 2,
                 anchor_hash = (SELECT hash FROM policy_revision WHERE number = 3)"
                .to_owned(),
            vec![
                "the revisions up to 2 are missing, and no revision says that they were removed \
                 because of their age",
                "revision 3 does not match its hash: it, or the hash before it, was changed after \
                 it was recorded",
            ],
        ),
    ] {
        let folder = Folder::make(&format!("tampered-{name}"));
        let mut store = Store::open(&folder.store()).unwrap();
        write_five(&mut store);
        store.connection.execute_batch(&script).unwrap();
        assert_eq!(problems(&store), expected, "{name}");
    }
    let folder = Folder::make("tampered-policy");
    let mut store = Store::open(&folder.store()).unwrap();
    write_five(&mut store);
    store.connection.execute("UPDATE policy_text SET content = '{}'", []).unwrap();
    let problem =
        format!("the policy {} of revision 1 was changed after it was recorded", text().digest);
    assert_eq!(problems(&store)[0], problem);
}

/// A running gateway builds the chain on what it wrote, not on a file that was changed meanwhile.
#[test]
fn a_deletion_while_the_gateway_runs_leaves_a_gap() {
    let folder = Folder::make("meanwhile");
    let mut store = Store::open(&folder.store()).unwrap();
    write_five(&mut store);
    let script = "DELETE FROM policy_revision WHERE number = 5;
                  UPDATE chain SET head_number = 4,
                      head_hash = (SELECT hash FROM policy_revision WHERE number = 4)";
    store.connection.execute_batch(script).unwrap();
    assert_eq!(problems(&store), Vec::<String>::new(), "nobody can know yet");
    let history = store.read_content().unwrap().history;
    append(&mut store, &history, &[revision(9, RevisionCause::Reload, None)]);
    assert_eq!(problems(&store), ["revision 5 is missing"]);
}

/// When old revisions are removed, the chain stays intact, and the rest shows what was in force.
#[test]
fn retention_keeps_the_chain_and_the_policy_in_force() {
    let folder = Folder::make("pruned");
    let mut store = Store::open(&folder.store()).unwrap();
    write_five(&mut store);
    let history = store.read_content().unwrap().history;
    for (second, cause) in [
        (10, RevisionCause::Start),
        (11, RevisionCause::Reload),
        (30 * 86_400, RevisionCause::Start),
    ] {
        append(&mut store, &history, &[revision_after(2, second, cause, None)]);
    }
    let retention = Retention { minutes: 7_200, hours: 172_800, days: 10 * 86_400 };
    store.maintain_usage(at(30 * 86_400).as_second(), retention).unwrap();
    assert_eq!(problems(&store), Vec::<String>::new());
    let chain = read_chain(&store.connection).unwrap();
    let numbers: Vec<_> = chain.entries.iter().map(|stored| stored.number).collect();
    // The start in revision 6 lists all rules, so that revision 7 can be understood.
    assert_eq!(numbers, [6, 7, 8, 9]);
    assert_eq!(chain.entries[3].entry.as_ref().unwrap().cause, RevisionCause::Pruned);
    assert_eq!(chain.policies.len(), 1);
    store.maintain_usage(at(30 * 86_400).as_second(), retention).unwrap();
    assert_eq!(read_chain(&store.connection).unwrap().entries.len(), 4, "once is enough");
    store.connection.execute("DELETE FROM policy_revision WHERE number = 9", []).unwrap();
    assert_eq!(problems(&store).len(), 2, "its anchor is no longer explained");
}

#[test]
fn the_chain_of_an_older_store_begins_with_its_update() {
    let folder = Folder::make("layout-4");
    let mut history = History::default();
    pause(&mut history, "tls", "before");
    let mut store = Store::open(&folder.store()).unwrap();
    append(&mut store, &history, &[]);
    let script = "DROP TABLE policy_revision; DROP TABLE policy_text; DROP TABLE chain;
                  DROP TABLE refusal_counts; PRAGMA user_version = 4;";
    store.connection.execute_batch(script).unwrap();
    drop(store);
    let older = UsageReader::open(&folder.store()).err().unwrap().to_string();
    assert!(older.contains("layout 4 of an older version"), "{older}");
    let mut store = Store::open(&folder.store()).unwrap();
    append(&mut store, &history, &[revision_after(1, 5, RevisionCause::Start, None)]);
    assert_eq!(problems(&store), Vec::<String>::new(), "earlier changes are not covered");
    let chain = read_chain(&store.connection).unwrap();
    assert_eq!(chain.origin, "an update of a store of layout 4, which kept no policy revisions");
    assert_eq!(store.read_content().unwrap().history.latest_revisions(9).len(), 1);
}

/// After a store is removed while the gateway runs, its chain records that and lists all rules.
#[test]
fn a_removed_store_begins_again_with_what_is_in_force() {
    let folder = Folder::make("again");
    let mut store = Store::open(&folder.store()).unwrap();
    let latest = revision(5, RevisionCause::Change, None);
    let write = LedgerWrite { pending: &[], latest: Some(&latest) };
    store.append_changes(&[], write).unwrap();
    store.append_changes(&[], write).unwrap();
    let chain = read_chain(&store.connection).unwrap();
    let entry = chain.entries[0].entry.as_ref().unwrap();
    assert_eq!((chain.entries.len(), entry.cause), (1, RevisionCause::Restored));
    assert!(entry.in_force.as_ref().unwrap().complete);
    assert_eq!(problems(&store), Vec::<String>::new());
}

#[test]
fn a_process_that_was_killed_was_last_seen_when_it_wrote() {
    let folder = Folder::make("alive");
    let mut store = Store::open(&folder.store()).unwrap();
    append(&mut store, &History::default(), &[revision(0, RevisionCause::Start, None)]);
    store.mark_alive(at(70).as_second()).unwrap();
    assert_eq!(store.read_content().unwrap().last_seen, Some(at(70)));
    append(&mut store, &History::default(), &[revision(80, RevisionCause::Stop, None)]);
    assert_eq!(store.read_content().unwrap().last_seen, None, "it has recorded its stop");
}
