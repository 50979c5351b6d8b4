//! A store that fails, and a gateway that goes on: emergency verbs work, say what a restart would
//! forget, and are written later.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use interop::{
    Gateway, Origin, PATIENCE, Program, Scratch, exchange, pause, peers, python_server, run, skip,
    upshift,
};
use serde_json::Value;

const RULES: &str =
    "[[rule]]\nid = \"relay\"\npaths = [\"/derp\"]\nrequire = { protocol = \"derp/2\" }\n";
/// Longer than a verb takes if it does not wait for the disk, and shorter than the five seconds
/// that SQLite usually waits for a lock.
const QUICK: Duration = Duration::from_secs(4);

fn asked(gateway: &Gateway) -> u16 {
    exchange(
        gateway.http(),
        b"GET /derp HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n",
        false,
    )
    .0
    .status
}

fn store_line(store: &Path) -> String {
    format!("store = \"{}\"", store.display())
}

/// Pauses the rule, which has to work quickly in any state of the store. Returns the report.
#[track_caller]
fn paused(gateway: &Gateway) -> Value {
    let begun = Instant::now();
    let output =
        upshift(&["pause", "relay", "--json", "--admin", &format!("http://{}", gateway.admin())]);
    assert!(output.code == 0 && begun.elapsed() < QUICK, "{:?}: {output:?}", begun.elapsed());
    assert_eq!(asked(gateway), 200, "the pause is in force");
    let outcomes: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    let report = outcomes[0]["report"].clone();
    let warned = output.stderr.contains("warning: ")
        && output.stderr.contains("a restart forgets this change");
    assert_eq!(warned, report["kept"] == false, "{output:?}");
    assert_eq!(report["warning"].is_string(), warned, "{output:?}");
    report
}

/// Pauses the rule while the store does not work: the verb, its JSON and the log say so.
#[track_caller]
fn paused_in_memory(gateway: &mut Gateway) {
    let report = paused(gateway);
    assert_eq!(report["kept"], false, "{report}");
    assert_eq!(gateway.ask_admin("/api/status").json()["unsaved"], 1);
    let metrics = gateway.ask_admin("/metrics").text();
    assert!(metrics.contains("upshift_changes_unsaved 1"), "{metrics}");
    gateway.program().wait_for("word in the log", |lines| {
        lines.iter().any(|line| line.contains("a restart would forget it")).then_some(())
    });
}

/// Waits until the change is in the store, and checks that a gateway that starts again obeys it.
#[track_caller]
fn is_kept_later(gateway: Gateway, store: &Path) {
    let begun = Instant::now();
    while gateway.ask_admin("/api/status").json()["unsaved"] != 0 {
        assert!(begun.elapsed() < PATIENCE, "it is never written");
        pause();
    }
    drop(gateway);
    restarts_paused(store);
}

#[track_caller]
fn restarts_paused(store: &Path) {
    let origin = Origin::start(200, &[]);
    let again = Gateway::with(origin.address(), &store_line(store), RULES, &[]);
    assert_eq!(asked(&again), 200, "the pause survives a restart");
}

/// A small file system of its own; none where mounting is not allowed.
pub(crate) struct Disk {
    folder: Scratch,
}

impl Disk {
    pub(crate) fn mount() -> Option<Self> {
        let folder = Scratch::new();
        let path = folder.path().to_string_lossy().into_owned();
        let mounted = run("mount", &["-t", "tmpfs", "-o", "size=512k", "tmpfs", &path]);
        if mounted.code != 0 {
            skip(std::thread::current().name().unwrap_or("a test"), &mounted.stderr);
            return None;
        }
        Some(Self { folder })
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("upshift.db")
    }

    /// Fills it up to the last byte.
    pub(crate) fn fill(&self) {
        let file = self.folder.path().join("filler");
        run("dd", &["if=/dev/zero", &format!("of={}", file.display()), "bs=4k"]);
    }

    pub(crate) fn empty(&self) {
        std::fs::remove_file(self.folder.path().join("filler"))
            .unwrap_or_else(|error| panic!("no filler: {error}"));
    }

    fn remount(&self, how: &str) {
        run("mount", &["-o", &format!("remount,{how}"), &self.folder.path().to_string_lossy()])
            .ok();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["--lazy", &self.folder.path().to_string_lossy()]);
    }
}

/// A pause works on a full disk, and is written when there is room.
#[test]
fn a_pause_works_on_a_full_disk_and_is_kept_when_there_is_room() {
    let Some(disk) = Disk::mount() else { return };
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::with(origin.address(), &store_line(&disk.store()), RULES, &[]);
    assert_eq!(asked(&gateway), 426);
    disk.fill();
    paused_in_memory(&mut gateway);
    disk.empty();
    is_kept_later(gateway, &disk.store());
}

/// A gateway that starts on a full disk serves, and makes its store when there is room.
#[test]
fn a_gateway_starts_on_a_full_disk() {
    let Some(disk) = Disk::mount() else { return };
    let origin = Origin::start(200, &[]);
    disk.fill();
    let mut gateway = Gateway::with(origin.address(), &store_line(&disk.store()), RULES, &[]);
    paused_in_memory(&mut gateway);
    disk.empty();
    is_kept_later(gateway, &disk.store());
}

/// A store that is read-only is obeyed, and changes work without it until it can be written again.
#[test]
fn a_read_only_store_is_obeyed_and_a_pause_works_without_it() {
    let Some(disk) = Disk::mount() else { return };
    let origin = Origin::start(200, &[]);
    let start = || Gateway::with(origin.address(), &store_line(&disk.store()), RULES, &[]);
    let first = start();
    assert_eq!(paused(&first)["kept"], true);
    let undo = ["undo", "--yes", "--admin", &format!("http://{}", first.admin())];
    drop(first);
    disk.remount("ro");
    let policy = Scratch::new();
    let upstream = "[gateway]\nupstream = \"http://127.0.0.1:9\"";
    let file = policy.file("upshift.toml", format!("{upstream}\n{}", store_line(&disk.store())));
    let checked = upshift(&["check", &file.to_string_lossy()]);
    assert!(checked.stderr.contains("cannot be written"), "{}", checked.stderr);
    let mut second = start();
    assert_eq!(asked(&second), 200, "what cannot be written can still be obeyed");
    second.program().wait_for("word in the log", |lines| {
        lines.iter().any(|line| line.contains("upshift.db (`store` in [gateway])")).then_some(())
    });
    let admin = format!("http://{}", second.admin());
    upshift(&[undo[0], undo[1], undo[2], &admin]).ok();
    assert_eq!(asked(&second), 426);
    disk.remount("rw");
    let begun = Instant::now();
    while second.ask_admin("/api/status").json()["unsaved"] != 0 {
        assert!(begun.elapsed() < PATIENCE, "it is never written");
        pause();
    }
    drop(second);
    assert_eq!(asked(&start()), 426);
}

/// A pause works if no file may grow. This is like a full disk, but needs no mount.
#[test]
fn a_pause_works_where_no_file_may_grow() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let store = store_line(&folder.path().join("upshift.db"));
    let mut gateway =
        Gateway::after("trap '' XFSZ && ulimit -f 0", origin.address(), &store, RULES);
    assert_eq!(asked(&gateway), 426);
    paused_in_memory(&mut gateway);
}

/// A backup or a shell that holds SQLite's lock delays neither a verb nor a probe.
#[test]
fn a_locked_store_delays_neither_a_pause_nor_a_probe() {
    peers!("python packages");
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let store = folder.path().join("upshift.db");
    let mut gateway = Gateway::with(origin.address(), &store_line(&store), RULES, &[]);
    let lock = "import sqlite3, sys, time\n\
        other = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        other.execute('BEGIN IMMEDIATE')\nprint('locked')\ntime.sleep(600)";
    let mut other: Program = python_server(lock, &[&store.to_string_lossy()]);
    other.wait_for("lock", |lines| lines.iter().any(|line| line == "locked").then_some(()));
    paused_in_memory(&mut gateway);
    // The store's thread keeps trying, and requests to the admin listener do not wait for it.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        for path in
            ["/healthz", "/readyz", "/metrics", "/api/status", "/api/revisions", "/api/trips"]
        {
            let one = Instant::now();
            assert_eq!(gateway.ask_admin(path).status, 200);
            assert!(one.elapsed() < Duration::from_secs(1), "{path} waits: {:?}", one.elapsed());
        }
    }
    drop(other);
    is_kept_later(gateway, &store);
}

/// A gateway serves where no store can be made, and says so: nothing needs a store until something
/// is changed.
#[test]
fn a_gateway_starts_where_no_store_can_be_made() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    folder.file("file", "in place of a folder");
    for place in ["missing/upshift.db", "file/upshift.db"] {
        let store = folder.path().join(place);
        let mut gateway = Gateway::with(origin.address(), &store_line(&store), RULES, &[]);
        gateway.program().wait_for("the path and the key", |lines| {
            let named =
                |line: &String| line.contains(place) && line.contains("`store` in [gateway]");
            lines.iter().any(named).then_some(())
        });
        paused_in_memory(&mut gateway);
        if place.starts_with("missing") {
            std::fs::create_dir(folder.path().join("missing"))
                .unwrap_or_else(|error| panic!("{error}"));
            is_kept_later(gateway, &store);
        }
    }
}

/// A store that is removed while it is open is made again: a change in the removed file would be
/// lost.
#[test]
fn a_store_that_is_removed_while_it_is_open_is_made_again() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let below = folder.path().join("below");
    let store = below.join("upshift.db");
    std::fs::create_dir(&below).unwrap_or_else(|error| panic!("{error}"));
    let mut gateway = Gateway::with(origin.address(), &store_line(&store), RULES, &[]);
    std::fs::remove_dir_all(&below).unwrap_or_else(|error| panic!("{error}"));
    paused_in_memory(&mut gateway);
    std::fs::create_dir(&below).unwrap_or_else(|error| panic!("{error}"));
    is_kept_later(gateway, &store);
}

/// A second gateway on the same store does not start: the two would undo each other's changes.
#[test]
fn two_gateways_on_one_store_are_one_too_many() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let store = store_line(&folder.path().join("upshift.db"));
    let mut gateway = Gateway::with(origin.address(), &store, RULES, &[]);
    let second = Gateway::fails(origin.address(), &store, RULES);
    let process = format!("another gateway (process {}) has it open", gateway.program().id());
    assert!(second.code == 3 && second.stderr.contains(&process), "{second:?}");
    assert!(second.stderr.contains("upshift.db (`store` in [gateway])"), "{second:?}");
    drop(gateway);
    assert_eq!(
        asked(&Gateway::with(origin.address(), &store, RULES, &[])),
        426,
        "a killed gateway leaves no lock"
    );
}

/// A store that cannot be read is an error: it may hold a pause, and to start without it would
/// refuse callers.
#[test]
fn a_store_that_cannot_be_read_is_an_error() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let garbage = folder
        .file("garbage.db", "this is no database, and it is long enough to be one".repeat(99));
    let below = folder.path().join("below");
    std::fs::create_dir(&below).unwrap_or_else(|error| panic!("{error}"));
    for store in [garbage, below] {
        let failed = Gateway::fails(origin.address(), &store_line(&store), RULES);
        let named = failed.stderr.contains(&store.display().to_string());
        assert!(
            failed.code == 3 && named && failed.stderr.contains("`store` in [gateway]"),
            "{failed:?}"
        );
    }
}

/// A store that the policy file does not name is made where it can be kept: in the state folder of
/// the unit, else beside the policy file, else in the state folder of the user. The folder of the
/// policy file may not be writable, as with a ConfigMap.
#[test]
fn a_store_that_is_not_named_is_where_it_can_be_kept() {
    let Some(disk) = Disk::mount() else { return };
    let state = Scratch::new();
    let policy = format!(
        "[gateway]\nhttp = \"127.0.0.1:0\"\nadmin = false\n\
         upstream = \"http://127.0.0.1:9\"\n{RULES}"
    );
    let file = disk.folder.file("upshift.toml", policy);
    let home = state.path().join("home/upshift/upshift.db");
    let (unit, beside) = (state.path().join("upshift.db"), disk.store());
    for (mount, variable, value, expected) in [
        ("ro", "XDG_STATE_HOME", state.path().join("home"), &home),
        ("ro", "STATE_DIRECTORY", state.path().to_owned(), &unit),
        ("rw", "XDG_STATE_HOME", state.path().join("home"), &beside),
    ] {
        disk.remount(mount);
        let mut command = std::process::Command::new(interop::binary());
        command.args(["serve", "--config", &file.to_string_lossy()]).env("NO_COLOR", "1");
        for other in ["STATE_DIRECTORY", "UPSHIFT_CONFIG", "RUST_LOG"] {
            command.env_remove(other);
        }
        command.env(variable, value);
        let mut program = Program::start(command);
        let said = format!("store {}", expected.display());
        program.wait_for(&said, |lines| lines.contains(&said).then_some(()));
        assert!(expected.exists(), "{variable}: {:?}", program.lines());
        program.signal("HUP");
        program.wait_for("reload", |lines| {
            lines.iter().any(|line| line.contains("no settings changed")).then_some(())
        });
        assert!(
            !program.lines().join("\n").contains("restart the gateway to change it"),
            "{:?}",
            program.lines()
        );
    }
}
