//! The access record at its destinations: a file that is rotated, a full disk, a syslog daemon, and
//! a program that reads the Combined format.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Instant;

use interop::{Gateway, Origin, PATIENCE, Scratch, exchange, pause, peers, run, skip};

use crate::sample::RULES;

const GET: &[u8] =
    b"GET /seen?token=hush HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test \"1\"\r\n\
    Referer: https://a.example/b?token=hush\r\nConnection: close\r\n\r\n";

fn recording(origin: &Origin, table: &str) -> Gateway {
    Gateway::with(origin.address(), &format!("access-log = {{ {table} }}"), RULES, &[])
}

#[track_caller]
fn ask(gateway: &Gateway) {
    assert_eq!(exchange(gateway.http(), GET, false).0.status, 200);
}

/// Waits until the file ends with a complete line, and returns its content.
#[track_caller]
fn content(file: &Path) -> String {
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if text.ends_with('\n') {
            return text;
        }
        assert!(begun.elapsed() < PATIENCE, "{} stays empty: {text:?}", file.display());
        pause();
    }
}

/// SIGUSR1 reopens the access log after logrotate has renamed it. A line that was written between
/// the rename and the signal is in the old file, and none is lost. Without a handler, the signal
/// would end the gateway.
#[test]
fn a_file_that_is_moved_away_is_opened_again() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let (log, old) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let mut gateway = recording(&origin, &format!("to = '{}'", log.display()));
    ask(&gateway);
    assert!(content(&log).contains("\"path\":\"/seen\""));
    std::fs::rename(&log, &old).expect("the file is moved");
    ask(&gateway);
    let begun = Instant::now();
    while content(&old).lines().count() < 2 {
        assert!(begun.elapsed() < PATIENCE, "the second line is in neither file");
        pause();
    }
    // SIGUSR2 has no meaning here, and must do no harm.
    gateway.program().signal("USR2");
    gateway.program().signal("USR1");
    while !log.exists() {
        assert!(begun.elapsed() < PATIENCE, "the file was not opened again");
        pause();
    }
    ask(&gateway);
    assert_eq!(content(&log).lines().count(), 1);
    assert_eq!(content(&old).lines().count(), 2);
    gateway.program().signal("TERM");
    assert_eq!(gateway.program().ended(), 0);
}

/// If the file cannot be reopened, the gateway reports that and keeps writing to the one that is
/// open.
#[test]
fn a_file_that_cannot_be_opened_again_is_kept() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let inner = folder.path().join("logs");
    std::fs::create_dir(&inner).expect("a folder");
    let (log, moved) = (inner.join("access.log"), folder.path().join("moved"));
    let mut gateway = recording(&origin, &format!("to = '{}'", log.display()));
    std::fs::rename(&inner, &moved).expect("the folder is moved");
    gateway.program().signal("USR1");
    gateway.program().wait_for("complaint", |lines| {
        lines.iter().any(|line| line.contains("cannot reopen the access record")).then_some(())
    });
    ask(&gateway);
    assert!(content(&moved.join("access.log")).contains("/seen"));
}

/// A full disk ends neither the access record nor the gateway: lines are dropped and counted, and
/// are written again once there is room.
#[test]
fn a_full_disk_drops_lines_and_counts_them() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let place = folder.path().display().to_string();
    let mounted = run("mount", &["-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs", &place]);
    if mounted.code != 0 {
        return skip("a_full_disk_drops_lines_and_counts_them", &mounted.stderr);
    }
    let unmounted = Unmounted(place);
    let filler = folder.path().join("filler");
    let log = folder.path().join("access.log");
    let mut gateway = recording(&origin, &format!("to = '{}'", log.display()));
    ask(&gateway);
    content(&log);
    // More than fits: this write fills the disk and fails.
    std::fs::write(&filler, vec![0; 128 * 1024]).expect_err("the disk is full");
    let begun = Instant::now();
    let dropped = || {
        let metrics = gateway.ask_admin("/metrics").text();
        let mut lines = metrics.lines();
        lines.any(|line| {
            line.starts_with("upshift_access_records_dropped_total") && !line.ends_with(" 0")
        })
    };
    while !dropped() {
        ask(&gateway);
        assert!(begun.elapsed() < PATIENCE, "no line was dropped");
    }
    std::fs::remove_file(&filler).expect("there is room again");
    // A line may have been cut off, and the next one must not continue it.
    let before = count_lines(&log);
    while count_lines(&log) < before + 2 {
        ask(&gateway);
        assert!(begun.elapsed() < PATIENCE, "no line was written again");
        pause();
    }
    // What was written of a line that did not fit is removed again.
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    for line in text.lines() {
        let read = serde_json::from_str::<serde_json::Value>(line);
        assert!(read.is_ok(), "{line:?} of {text}");
    }
    gateway.program().wait_for("word that lines are written", |lines| {
        lines.iter().any(|line| line.contains("the access record is written again")).then_some(())
    });
    drop(gateway);
    drop(unmounted);
}

fn count_lines(file: &Path) -> usize {
    std::fs::read_to_string(file).unwrap_or_default().lines().count()
}

/// Unmounts a folder when it is dropped.
struct Unmounted(String);

impl Drop for Unmounted {
    fn drop(&mut self) {
        run("umount", &["-l", &self.0]);
    }
}

/// GoAccess reads the Combined format of the gateway as it reads nginx's.
#[test]
fn goaccess_reads_the_combined_format() {
    peers!("goaccess");
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let log = folder.path().join("access.log");
    let gateway = recording(&origin, &format!("to = '{}', format = 'combined'", log.display()));
    ask(&gateway);
    ask(&gateway);
    // A refusal, and a malformed request.
    let refused = b"GET /derp HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(gateway.http(), refused, false).0.status, 426);
    let malformed = b"GET /bad HTTP/1.1\r\nHost: example.com\r\nBad Line\r\n\r\n";
    assert_eq!(exchange(gateway.http(), malformed, false).0.status, 400);
    let begun = Instant::now();
    while content(&log).lines().count() < 4 {
        assert!(begun.elapsed() < PATIENCE, "{}", content(&log));
        pause();
    }
    let text = content(&log);
    assert!(!text.contains("hush"), "{text}");
    assert!(text.contains("] \"GET /seen HTTP/1.1\" 200 "), "{text}");
    assert!(text.contains(" \"https://a.example/b\" \"test \\x221\\x22\"\n"), "{text}");
    let report = folder.path().join("report.json");
    let (log, report) = (log.display().to_string(), report.display().to_string());
    run("goaccess", &[&log, "--log-format=COMBINED", "--no-global-config", "-o", &report]).ok();
    let text = std::fs::read_to_string(&report).unwrap_or_default();
    let read: serde_json::Value = serde_json::from_str(&text).expect("a report");
    let general = &read["general"];
    assert_eq!((&general["valid_requests"], &general["failed_requests"]), (&4.into(), &0.into()));
    let statuses = read["status_codes"]["data"].to_string();
    for status in ["200", "426", "400"] {
        assert!(statuses.contains(status), "{statuses}");
    }
}

/// RFC 5424: the syslog daemon gets each line as a datagram. A reload can send the lines to a file
/// instead.
#[test]
fn syslog_gets_a_datagram_for_each_line() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let socket = folder.path().join("log");
    let daemon = UnixDatagram::bind(&socket).expect("a socket");
    daemon.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let format = "format = '$peer \"$request\" $status $bytes_out $verdict'";
    let table = format!("to = 'syslog:{}', {format}", socket.display());
    let mut gateway = recording(&origin, &table);
    ask(&gateway);
    let mut buffer = [0; 4096];
    let length = daemon.recv(&mut buffer).expect("a line");
    let text = String::from_utf8_lossy(&buffer[..length]);
    assert!(text.starts_with("<30>1 2"), "{text}");
    let message = text.split(" access - ").nth(1).unwrap_or_default();
    assert!(message.starts_with("127.0.0.1 \"GET /seen HTTP/1.1\" 200 "), "{text}");
    assert!(message.ends_with(" admit"), "{text}");
    let file = folder.path().join("access.log");
    let policy = std::fs::read_to_string(gateway.file()).unwrap_or_default();
    let changed = policy.replace(&table, &format!("to = '{}', format = '$path'", file.display()));
    std::fs::write(gateway.file(), changed).expect("the policy file");
    gateway.program().signal("HUP");
    gateway.program().wait_for("reload", |lines| {
        lines.iter().any(|line| line.contains("gateway.access-log changed")).then_some(())
    });
    ask(&gateway);
    assert_eq!(content(&file), "/seen\n");
}
