//! `upshift get --output` when something fails: the answer over HTTP/2 or HTTP/3, the disk, or the
//! place for the file.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

use interop::h2_frames::{ACK, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, SETTINGS};
use interop::h2_frames::{field_block, frame, next_frame};
use interop::{Certificate, Gateway, Origin, Output, PATIENCE, Program, Scratch};
use interop::{binary, exchange, peers, run, skip, start_script, upshift};

use crate::downloads::{content, get, names, serve, unprivileged};

/// Starts a cleartext HTTP/2 server that resets each stream without an error, after five of ten
/// bytes or, if `whole`, after all of them and the end of the stream. Its answers have a
/// `content-length` if `length` is given.
fn serve_http2(length: Option<&'static str>, whole: bool) -> SocketAddr {
    let listener = interop::listen();
    let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_http2(stream, length, whole));
        }
    });
    address
}

fn answer_http2(mut stream: TcpStream, length: Option<&str>, whole: bool) -> std::io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface)?;
    stream.write_all(&frame(SETTINGS, 0, 0, b""))?;
    while let Some(came) = next_frame(&mut stream)? {
        match came.kind {
            SETTINGS if came.flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, b""))?,
            HEADERS => {
                let mut fields = vec![(":status", "200")];
                fields.extend(length.map(|length| ("content-length", length)));
                let (data, last): (&[u8], u8) =
                    if whole { (b"0123456789", END_STREAM) } else { (b"01234", 0) };
                let head = frame(HEADERS, END_HEADERS, came.stream, &field_block(&fields));
                let reset = frame(RST_STREAM, 0, came.stream, &[0; 4]);
                stream.write_all(&[head, frame(DATA, last, came.stream, data), reset].concat())?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A truncated answer over HTTP/2 replaces no file. A reset without an error was once taken for the
/// end of the body, and the older file was lost.
#[test]
fn a_truncated_answer_over_http_2_replaces_nothing() {
    for length in [Some("10"), None] {
        for more in [&["--http2"][..], &["--http2", "-C", "-"]] {
            for (whole, left, code) in [(false, "older", 3), (true, "0123456789", 0)] {
                let folder = Scratch::new();
                let file = folder.file("file", "older");
                let output = get(serve_http2(length, whole), "/", &file, more);
                assert_eq!(
                    (content(&file).as_str(), output.code),
                    (left, code),
                    "{length:?} {more:?}: {output:?}"
                );
                assert_eq!(names(&folder), ["file"]);
            }
        }
    }
}

/// An answer over HTTP/3 that is shorter or longer than its `content-length` replaces no file: the
/// length was once not checked there. A field that HTTP/3 forbids is reported as forbidden, not as
/// missing.
#[test]
fn an_answer_over_http_3_has_the_length_that_it_says() {
    peers!("python packages");
    let certificate = Certificate::new();
    let files =
        [certificate.file(), certificate.key()].map(|file| file.to_string_lossy().into_owned());
    let mut server = start_script("h3_answers.py", &[&files[0], &files[1]]);
    let port = server.wait_for("port", |lines| {
        lines.iter().find_map(|line| line.strip_prefix("port ")?.parse().ok())
    });
    let port: u16 = port;
    for (length, left, code) in [("11", "older", 3), ("9", "older", 3), ("10", "0123456789", 0)] {
        let folder = Scratch::new();
        let file = folder.file("file", "older");
        let output = get_http3(port, length, &file, &files[0], &[]);
        assert_eq!((content(&file).as_str(), output.code), (left, code), "{length}: {output:?}");
        assert!(code == 0 || output.stderr.contains(length), "{output:?}");
    }
    let folder = Scratch::new();
    let file = folder.file("file", "older");
    let output = get_http3(port, "426", &file, &files[0], &["-d", "once"]);
    assert!(output.code == 3 && output.stderr.contains("which HTTP/3 forbids"), "{output:?}");
}

fn get_http3(port: u16, path: &str, file: &Path, certificate: &str, more: &[&str]) -> Output {
    let (url, file) = (format!("https://localhost:{port}/{path}"), file.to_string_lossy());
    upshift(&[&["get", "--http3", "--cacert", certificate, &url, "-o", &file], more].concat())
}

/// `-C 2` on a file of five bytes writes over it from byte 2 on. The bytes behind are cut off only
/// once the answer is complete, and a file that is longer than the whole is not taken for complete.
#[test]
fn going_on_inside_a_file_writes_over_it() {
    let server = serve();
    let rows = [
        ("/from-2", "01abcdefgh", 0, ""),
        ("/from-2-shorter", "01ab", 0, ""),
        ("/from-2-broken", "01ab4", 3, "--continue-at 4 resumes"),
        ("/from-2-silent", "01234", 3, "--continue-at 2 resumes"),
        ("/complete-at-2", "01234", 1, "where byte 2 of 5 was requested"),
        ("/404", "01234", 1, ""),
    ];
    for (path, left, code, said) in rows {
        let folder = Scratch::new();
        let file = folder.file("file", "01234");
        let output = get(server, path, &file, &["-C", "2"]);
        assert_eq!((content(&file).as_str(), output.code), (left, code), "{path}: {output:?}");
        assert!(output.stderr.contains(said), "{path}: {output:?}");
    }
}

/// A download beyond the limit on file sizes (`ulimit -f`) is a disk error and leaves the older
/// file. The limit once ended the process without a message, and a stray file remained.
#[test]
fn a_file_that_may_not_grow_is_an_error_of_the_disk() {
    let server = serve();
    let folder = Scratch::new();
    let file = folder.file("file", "older");
    let script = "ulimit -f 32 && exec \"$0\" get -o \"$1\" \"$2\"";
    let binary = binary();
    let output = run(
        "sh",
        &["-c", script, &binary.to_string_lossy(), &file.to_string_lossy(), &large(server)],
    );
    assert_eq!(
        (output.code, content(&file).as_str(), names(&folder)),
        (3, "older", vec!["file".to_owned()]),
        "{output:?}"
    );
    assert!(output.stderr.contains("File too large"), "{output:?}");
}

fn large(server: SocketAddr) -> String {
    format!("http://{server}/large")
}

/// A log that reaches the limit on file sizes does not end the gateway, and is written again when
/// there is room.
#[test]
fn a_log_that_may_not_grow_does_not_end_the_gateway() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let log = folder.path().join("log");
    let limited = format!("ulimit -f 16 && exec >>'{}'", log.display());
    let gateway =
        Gateway::after(&limited, origin.address(), "access-log = \"all\"\nstore = false", "");
    let ask = b"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
    let dropped = "upshift_access_records_dropped_total";
    until("a lost line", || {
        assert_eq!(exchange(gateway.http(), ask, false).0.status, 200);
        let metrics = gateway.ask_admin("/metrics").text();
        let line =
            metrics.lines().find(|line| line.starts_with(dropped)).unwrap_or_default().to_owned();
        line.split(' ').nth(1).is_some_and(|lost| lost != "0")
    });
    std::fs::write(&log, "").expect("the log is made empty");
    until("a new line", || {
        assert_eq!(exchange(gateway.http(), ask, false).0.status, 200);
        content(&log).contains("\"verdict\"")
    });
}

#[track_caller]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come");
    }
}

/// A place that becomes unusable during the download is exit code 3, not 2 ("wrong usage").
#[test]
fn a_place_that_is_gone_at_the_end_is_no_wrong_usage() {
    let folder = Scratch::new();
    let file = folder.file("file", "older");
    let mut command = Command::new(binary());
    command.args(["get", "-o", &file.to_string_lossy(), &format!("http://{}/late", serve())]);
    let mut program = Program::start(command);
    while names(&folder).len() < 2 {
        interop::pause();
    }
    std::fs::remove_file(&file)
        .and_then(|()| std::fs::create_dir(&file))
        .expect("a folder in its place");
    assert_eq!(program.ended(), 3, "{:?}", program.lines());
}

/// A file that is overwritten in place keeps its old content if the disk has no room for the new
/// one.
#[test]
fn a_full_disk_leaves_the_content_that_is_written_over() {
    let folder = Scratch::new();
    let path = folder.path().to_string_lossy().into_owned();
    let mounted = run("mount", &["-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs", &path]);
    if mounted.code != 0 {
        return skip(thread::current().name().unwrap_or("a test"), &mounted.stderr);
    }
    let older = "older".repeat(4000);
    let file = folder.file("file", &older);
    // That user cannot create files in the folder, so the download is collected elsewhere and
    // copied.
    let output = unprivileged(serve(), "/large", &file);
    let left = content(&file);
    run("umount", &[&path]).ok();
    assert_eq!(output.code, 3, "{output:?}");
    assert!(left == older, "{} bytes of the old content are left: {output:?}", left.len());
    let kept = output
        .stderr
        .split("the whole download is in ")
        .nth(1)
        .unwrap_or_else(|| panic!("{output:?}"))
        .trim();
    std::fs::remove_file(kept).expect("the whole download");
}

/// A download to an open descriptor is appended, by every name of the descriptor. By some of them,
/// it once destroyed the content of the file.
#[test]
fn every_name_of_a_descriptor_writes_behind_what_is_there() {
    let server = serve();
    let rows = [
        ("/dev/stdout", ">>"),
        ("/dev/fd/1", ">>"),
        ("/proc/self/fd/1", ">>"),
        ("/dev/stderr", "2>>"),
        ("/dev/fd/2", "2>>"),
        ("/dev/fd/5", "5>>"),
        ("/proc/self/fd/5", "5>>"),
    ];
    for (name, redirection) in rows {
        let folder = Scratch::new();
        let file = folder.file("file", "seed ");
        let script = format!(
            "exec \"$0\" get -o {name} http://{server}/whole {redirection}'{}'",
            file.display()
        );
        let output = run("sh", &["-c", &script, &binary().to_string_lossy()]);
        assert_eq!(
            (output.code, content(&file).as_str()),
            (0, "seed 0123456789"),
            "{name}: {output:?}"
        );
        assert_eq!(names(&folder), ["file"], "{name}");
    }
}

/// The error for a body that breaks off says how: by its length, its chunks or its transfer coding.
#[test]
fn a_body_that_breaks_off_says_how() {
    let server = serve();
    for (path, said) in
        [("/broken", "length"), ("/broken-chunks", "chunk"), ("/coded-transfer", "transfer coding")]
    {
        let folder = Scratch::new();
        let output = get(server, path, &folder.path().join("file"), &[]);
        assert!(output.code == 3 && output.stderr.contains(said), "{path}: {output:?}");
    }
}
