#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use jiff::Timestamp;
use rusqlite::params;

use super::read_only::open_immutable;
use super::schema::{SCHEMA, TOP_NETWORK};
use super::*;
use crate::breaker::{Trip, TripLimits};
use crate::history::{History, PendingChange};
use crate::overrides::{ChangeTarget, RolloutChange, Shares};
use crate::{Fingerprint, Network};

/// A temporary folder, removed at the end of the test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("upshift-store-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn store(&self) -> PathBuf {
        self.0.join("upshift.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_793_000_000 + second).unwrap()
}

/// Rules `a` and `b` refuse 12.34 %.
fn shares() -> Shares {
    ["a", "b"]
        .map(|rule| (rule.to_owned(), upshift_core::policy::RefusedShare::from_basis_points(1_234)))
        .into()
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

/// A pause of rule `a`, and a trip of rule `b`.
fn past() -> History {
    let mut history = History::default();
    pause(&mut history, "a", "first");
    history.record_trip(&trip("b"), "second", &shares());
    history
}

pub(super) fn pause(history: &mut History, rule: &str, id: &str) {
    let change = RolloutChange::Pause(ChangeTarget::Rule(rule.into()));
    let (actor, reason, shares) = ("ada", "the phones ring", &shares());
    history
        .make_change(PendingChange { change: &change, id, at: at(1), actor, reason, shares })
        .unwrap();
}

fn all(history: &History) -> Vec<Arc<Record>> {
    history.records().cloned().collect()
}

fn says(error: &StoreError, part: &str) {
    let said = error.to_string();
    assert!(said.contains(part) && said.contains("upshift.db (`store` in [gateway])"), "{said}");
}

#[test]
fn what_is_appended_survives_the_process() {
    let folder = Folder::make("survives");
    let (history, key) = (past(), {
        let mut store = Store::open(&folder.store()).unwrap();
        store.append_records(&all(&past())).unwrap();
        store.append_records(&all(&past())).unwrap();
        store.read_content().unwrap().key
    });
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(folder.store()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds the key");
    let content = Store::open(&folder.store()).unwrap().read_content().unwrap();
    assert_eq!(all(&content.history), all(&history));
    assert_eq!(content.history.latest_trips(9), [trip("b")]);
    assert_eq!(content.key.as_bytes(), key.as_bytes());
}

/// Two gateways that write one store undo each other's changes.
#[test]
fn a_store_is_open_once_at_a_time() {
    let folder = Folder::make("once");
    let first = Store::open(&folder.store()).unwrap();
    let second = Store::open(&folder.store()).unwrap_err();
    assert!(second.is_in_use());
    says(&second, &format!("another gateway (process {}) has it open", std::process::id()));
    drop(first);
    Store::open(&folder.store()).unwrap();
}

/// Catches a write that succeeds to a removed file, which the next start does not read.
#[test]
fn a_store_that_was_removed_is_noticed_and_written_again() {
    let folder = Folder::make("removed");
    let (mut store, mut history) = (Store::open(&folder.store()).unwrap(), past());
    store.append_records(&all(&history)).unwrap();
    let key = store.read_content().unwrap().key;
    for name in ["upshift.db", "upshift.db-wal", "upshift.db-shm"] {
        std::fs::remove_file(folder.0.join(name)).unwrap();
    }
    pause(&mut history, "c", "third");
    says(&store.append_records(&all(&history)).unwrap_err(), "its file was removed");
    drop(store);
    let mut store = Store::reopen(&folder.store(), &key).unwrap();
    store.append_records(&all(&history)).unwrap();
    let content = store.read_content().unwrap();
    assert_eq!((all(&content.history), content.key.as_bytes()), (all(&history), key.as_bytes()));
}

/// Another program that reads the store and closes it, such as `sqlite3`, does not delete the
/// gateway's write-ahead log.
#[test]
fn a_store_that_others_read_keeps_its_log() {
    let folder = Folder::make("read-by-others");
    let (mut store, history) = (Store::open(&folder.store()).unwrap(), past());
    store.append_records(&all(&history)).unwrap();
    let script = "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1]); \
                  connection.execute('SELECT count(*) FROM usage').fetchone(); connection.close()";
    for _ in 0..2 {
        let mut reader = std::process::Command::new("python3");
        let status = reader.args(["-c", script]).arg(folder.store()).status().unwrap();
        assert!(status.success(), "{status}");
    }
    assert!(folder.0.join("upshift.db-wal").exists());
    store.append_records(&all(&history)).unwrap();
}

/// Catches a write to a removed write-ahead log, which the next start does not read.
#[test]
fn a_log_that_was_removed_is_noticed_and_its_changes_are_kept() {
    let folder = Folder::make("log-removed");
    let (mut store, mut history) = (Store::open(&folder.store()).unwrap(), past());
    store.append_records(&all(&history)).unwrap();
    let key = store.read_content().unwrap().key;
    std::fs::remove_file(folder.0.join("upshift.db-wal")).unwrap();
    std::fs::remove_file(folder.0.join("upshift.db-shm")).unwrap();
    pause(&mut history, "c", "third");
    says(&store.append_records(&all(&history)).unwrap_err(), "ends in -wal");
    drop(store);
    let mut store = Store::reopen(&folder.store(), &key).unwrap();
    store.append_records(&all(&history)).unwrap();
    assert_eq!(all(&store.read_content().unwrap().history), all(&history));
}

/// A store of another gateway is not overwritten.
#[test]
fn a_store_with_other_changes_is_left_alone() {
    let folder = Folder::make("foreign");
    let mut store = Store::open(&folder.store()).unwrap();
    store.append_records(&all(&past())).unwrap();
    let mut others = History::default();
    pause(&mut others, "a", "another");
    says(&store.append_records(&all(&others)).unwrap_err(), "did not make");
    drop(store);
    says(&Store::reopen(&folder.store(), &IdentityKey::new([7; 32])).unwrap_err(), "did not make");
}

/// A store that another program has locked can be opened and read, and is written as soon as the
/// lock is gone.
#[test]
fn a_foreign_lock_delays_a_write_and_no_start() {
    let folder = Folder::make("locked");
    let history = past();
    drop(Store::open(&folder.store()).unwrap());
    let other = Connection::open(folder.store()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut store = Store::open(&folder.store()).unwrap();
    says(&store.append_records(&all(&history)).unwrap_err(), "database is locked");
    other.execute_batch("COMMIT").unwrap();
    store.append_records(&all(&history)).unwrap();
    assert_eq!(all(&store.read_content().unwrap().history), all(&history));
}

/// The overrides of a read-only store apply. An unreadable store is not treated as an empty one.
#[test]
fn what_can_be_read_is_read_and_what_is_no_store_is_an_error() {
    let folder = Folder::make("read");
    assert!(Store::read_only_content(&folder.store()).unwrap().is_none(), "there is none");
    assert!(
        Store::read_only_content(&folder.store().join("below.db")).unwrap().is_none(),
        "nor can there be one"
    );
    Store::open(&folder.store()).unwrap().append_records(&all(&past())).unwrap();
    assert_eq!(
        all(&Store::read_only_content(&folder.store()).unwrap().unwrap().history),
        all(&past())
    );
    let unchanging = read_content(&open_immutable(&folder.store()).unwrap()).unwrap();
    assert_eq!(all(&unchanging.history), all(&past()));
    std::fs::write(folder.0.join("upshift.db-wal"), "changes").unwrap();
    assert!(open_immutable(&folder.store()).is_err(), "its latest changes would be overlooked");
    let page = folder.0.join("page-upshift.db");
    std::fs::write(&page, "not a database, though it is long enough to be one".repeat(99)).unwrap();
    says(&Store::read_only_content(&page).unwrap_err(), "not a database");
    says(&Store::open(&page).unwrap_err(), "not a database");
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let folder = Folder::make("newer");
    let store = Store::open(&folder.store()).unwrap();
    store.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    says(&Store::open(&folder.store()).unwrap_err(), "layout 99");
}

/// A store with an older layout is updated: its trips stay, and its changes can be undone.
#[test]
fn stores_of_older_layouts_are_taken_over() {
    for (layout, steps) in [(1, &[SCHEMA][..]), (2, &[SCHEMA, TOP_NETWORK])] {
        let folder = Folder::make(&format!("layout-{layout}"));
        let connection = Connection::open(folder.store()).unwrap();
        steps.iter().for_each(|step| connection.execute_batch(step).unwrap());
        for number in [1, 2] {
            let insert = "INSERT INTO revision VALUES (?1, ?2, 'breaker', '', 'trip', 'a', NULL, NULL, NULL, '{}', '{}')";
            connection.execute(insert, params![number, "2026-11-01T00:00:00Z"]).unwrap();
        }
        let insert = "INSERT INTO trip (revision, at, rule, seen, refused, refused_share, window, minimum, hit)
                      VALUES (1, '2026-11-01T00:00:00Z', 'a', 400, 160, 0.05, 60, 200, '00000000000000ff')";
        connection.execute(insert, []).unwrap();
        connection.pragma_update(None, "user_version", layout).unwrap();
        drop(connection);
        says(&Store::read_only_content(&folder.store()).unwrap_err(), "older version");
        let history = Store::open(&folder.store()).unwrap().read_content().unwrap().history;
        let (trips, revisions) = (history.latest_trips(9), history.latest_revisions(9));
        assert_eq!((trips[0].seen, trips[0].top, trips[0].hit.len()), (400, None, 1));
        assert!(revisions[0].id != revisions[1].id && revisions[0].id.len() == 10, "{revisions:?}");
    }
}

/// Layout 3 had no tables for usage.
#[test]
fn a_store_of_layout_3_gets_the_tables_of_usage() {
    let folder = Folder::make("layout-3");
    let store = Store::open(&folder.store()).unwrap();
    let newer = "DROP TABLE usage; DROP TABLE refused_caller; DROP TABLE policy_text;
                 DROP TABLE policy_revision; DROP TABLE chain; DROP TABLE refusal_counts;";
    store.connection.execute_batch(newer).unwrap();
    store.connection.pragma_update(None, "user_version", 3).unwrap();
    drop(store);
    let store = Store::open(&folder.store()).unwrap();
    assert!(store.read_refused_callers().unwrap().is_empty());
}

/// Catches a published key that is still used. Everything except the key stays.
#[test]
fn a_store_whose_key_was_published_makes_itself_a_new_one() {
    use sha2::{Digest as _, Sha256};
    let folder = Folder::make("published");
    let mut store = Store::open(&folder.store()).unwrap();
    assert!(!store.key_is_new(), "a key that was just made has not been published");
    store.append_records(&all(&past())).unwrap();
    store.connection.execute("UPDATE secret SET key = ?1", [[7_u8; 32]]).unwrap();
    let published: [u8; 32] = Sha256::digest([7_u8; 32]).into();
    let is_published = |key: &IdentityKey| key.is_among(&[published]);
    let old = store.read_content().unwrap();

    assert!(replace_key_if(&store.connection, is_published).unwrap());

    let new = store.read_content().unwrap();
    assert_ne!(new.key.fingerprint(b"x"), old.key.fingerprint(b"x"));
    assert_eq!(new.history.latest_revisions(9), old.history.latest_revisions(9));
    assert_eq!(new.history.latest_trips(9), old.history.latest_trips(9));
    assert!(!replace_key_if(&store.connection, is_published).unwrap(), "once is enough");
}

/// `upshift report --store` takes a path that is not in the settings.
#[test]
fn a_store_that_is_only_read_is_named_without_a_setting() {
    let folder = Folder::make("reading");
    std::fs::write(folder.store(), "[gateway]\nstore = false\n".repeat(9)).unwrap();
    let said = UsageReader::open(&folder.store()).err().unwrap().to_string();
    assert!(said.contains("upshift.db cannot be read: "), "{said}");
    assert!(!said.contains("[gateway]"), "{said}");
    let newer = StoreError::Newer { found: 99 }.to_string();
    assert!(
        newer.contains("layout 99") && newer.contains("use the version that wrote it"),
        "{newer}"
    );
}
