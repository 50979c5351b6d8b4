//! `forecast` with logs that cannot be read, or not to their ends: a clear message, the exit code of
//! the table, and the requests that came out are counted.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use interop::{Output, Scratch, binary, peers, run, upshift};

const LINE: &str =
    "192.0.2.1 - - [25/Nov/2026:12:20:51 +0000] \"GET / HTTP/1.0\" 200 2 \"-\" \"-\"\n";

const POLICY: &str = "[gateway]\nhttp = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:9\"\n\
                      [[rule]]\nid = \"h\"\nrequire = { http = \"1.1\" }\n";

/// A folder with a policy, and logs in it.
struct Logs {
    folder: Scratch,
    policy: String,
}

impl Logs {
    fn new() -> Self {
        let folder = Scratch::new();
        let policy = folder.file("upshift.toml", POLICY).to_string_lossy().into_owned();
        Self { folder, policy }
    }

    fn arguments<'a>(&'a self, others: &[&'a str]) -> Vec<&'a str> {
        [&["forecast", "--config", &self.policy], others].concat()
    }

    fn forecast(&self, others: &[&str]) -> Output {
        upshift(&self.arguments(others))
    }

    fn forecast_file(&self, file: &Path) -> Output {
        self.forecast(&[&file.to_string_lossy()])
    }

    /// Logs of different requests, which compress to many blocks.
    fn long_log(&self) -> PathBuf {
        let mut text = String::new();
        for number in 0..60_000_u32 {
            let path = number.wrapping_mul(2_654_435_761);
            text.push_str(&LINE.replace("GET /", &format!("GET /{path:x}")));
        }
        self.folder.file("long.log", text)
    }

    /// The number of requests that were counted, of a forecast in JSON.
    fn counted(&self, file: &Path) -> (Output, u64) {
        let output = self.forecast(&["--json", &file.to_string_lossy()]);
        let record: serde_json::Value = serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let requests = record["total"]["requests"].as_u64().unwrap_or_default();
        (output, requests)
    }
}

/// Compresses a file with a program, and returns what it wrote.
fn compress(program: &str, file: &Path) -> Vec<u8> {
    let output = Command::new(program).arg("-c").arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn check_compressed(program: &str, ending: &str) {
    let logs = Logs::new();
    let whole = compress(program, &logs.long_log());
    let file = logs.folder.file(&format!("whole.{ending}"), &whole);
    let (output, requests) = logs.counted(&file);
    assert_eq!((output.code, requests), (0, 60_000), "{output:?}");
    // Several members or frames follow each other, as after `cat a.gz b.gz`.
    let file = logs.folder.file(&format!("twice.{ending}"), [&whole[..], &whole].concat());
    let (output, requests) = logs.counted(&file);
    assert_eq!((output.code, requests), (0, 120_000), "{output:?}");
    let file = logs.folder.file(&format!("cut.{ending}"), &whole[..whole.len() * 3 / 4]);
    let (output, requests) = logs.counted(&file);
    assert_eq!(output.code, 3, "{output:?}");
    assert!((1..60_000).contains(&requests), "{requests} requests before the end");
    assert!(output.stderr.contains(&format!("cut.{ending}: the compressed data ends early")));
    // People see the counts as well, and that they are not all.
    let output = logs.forecast_file(&file);
    assert!(output.code == 3 && output.stdout.contains("would be refused"), "{output:?}");
    let garbage = [&whole[..], b"garbage after the end of the data"].concat();
    let file = logs.folder.file(&format!("garbage.{ending}"), garbage);
    let (output, requests) = logs.counted(&file);
    assert_eq!((output.code, requests), (3, 60_000), "{output:?}");
    assert!(output.stderr.contains("or is damaged"), "{output:?}");
    // Nothing at all comes out of this one.
    let file = logs.folder.file(&format!("head.{ending}"), &whole[..6]);
    let output = logs.forecast_file(&file);
    assert!(output.code == 3 && output.stderr.contains(&format!("head.{ending}")), "{output:?}");
}

#[test]
fn gzip_that_is_cut_or_followed_by_garbage() {
    peers!("gzip");
    check_compressed("gzip", "gz");
}

#[test]
fn zstd_that_is_cut_or_followed_by_garbage() {
    peers!("zstd");
    check_compressed("zstd", "zst");
}

#[test]
fn a_log_without_permission_is_named_and_the_others_are_counted() {
    peers!("setpriv");
    let logs = Logs::new();
    let secret = logs.folder.file("secret.log", LINE);
    let open = logs.folder.file("open.log", LINE.repeat(2));
    for (file, mode) in [(&secret, "000"), (&open, "644")] {
        let output = run("chmod", &[mode, &file.to_string_lossy()]);
        assert_eq!(output.code, 0, "{output:?}");
    }
    // Root may read everything.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary());
    command.args(logs.arguments(&[&secret.to_string_lossy(), &open.to_string_lossy()]));
    let output = Output::of(command);
    assert_eq!(output.code, 3, "{output:?}");
    assert!(output.stderr.contains("secret.log: Permission denied"), "{output:?}");
    assert!(output.stdout.contains("of 2 requests"), "{output:?}");
}

#[test]
fn pipes_are_read_to_their_ends() {
    let logs = Logs::new();
    let pipe = logs.folder.path().join("pipe");
    let pipe_name = pipe.to_string_lossy().into_owned();
    assert_eq!(run("mkfifo", &[&pipe_name]).code, 0);
    let text = LINE.repeat(30_000);
    let writer = std::thread::spawn({
        let text = text.clone();
        move || std::fs::write(pipe, text)
    });
    let output = logs.forecast(&[&pipe_name]);
    assert!(output.code == 0 && output.stdout.contains("of 30,000 requests"), "{output:?}");
    assert!(writer.join().is_ok_and(|written| written.is_ok()));
    let output = with_stdin(&logs, &["-"], text.as_bytes());
    assert!(output.code == 0 && output.stdout.contains("of 30,000 requests"), "{output:?}");
    assert!(output.stdout.contains("stdin: combined"), "{output:?}");
    let output = with_stdin(&logs, &["-"], b"");
    assert!(output.code == 4 && output.stderr.contains("no request in the logs"), "{output:?}");
    let output = logs.forecast(&["-", "-"]);
    assert!(output.code == 2 && output.stderr.contains("can be read once only"), "{output:?}");
}

/// Runs the forecast with bytes on stdin, which it may not read to the end.
fn with_stdin(logs: &Logs, arguments: &[&str], bytes: &[u8]) -> Output {
    let mut child = Command::new(binary())
        .args(logs.arguments(arguments))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{error}"));
    // Dropped at the end of the statement, which ends the stream.
    child.stdin.take().unwrap_or_else(|| panic!("stdin is piped")).write_all(bytes).ok();
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_format_that_does_not_fit_is_said_with_an_example() {
    let logs = Logs::new();
    let file = logs.folder.file("access.log", LINE.repeat(3));
    let name = file.to_string_lossy().into_owned();
    let output = logs.forecast(&["--format", "json", &name]);
    assert_eq!(output.code, 4, "{output:?}");
    assert!(output.stderr.contains("3 lines malformed (json)"), "{output:?}");
    assert!(output.stderr.contains("access.log:1: 192.0.2.1"), "{output:?}");
    let output = logs.forecast(&["--format", "jsn", &name]);
    assert!(output.code == 2 && output.stderr.contains("expected common, combined"), "{output:?}");
    // A log of connections alone has no request, and says what it has.
    let tls =
        "tls 2.0 2026-11-24T08:00:01 net/nlb/0f g3d4 192.0.2.7:51341 198.51.100.9:443 5 2 98\n";
    let file = logs.folder.file("nlb.log", tls.repeat(2));
    let output = logs.forecast_file(&file);
    assert_eq!(output.code, 4, "{output:?}");
    assert!(output.stderr.contains("2 lines are not requests (tls-connection)"), "{output:?}");
}

#[test]
fn a_sample_is_labelled() {
    let logs = Logs::new();
    let file = logs.folder.file("access.log", LINE.repeat(3));
    let output = logs.forecast(&["--sampled", "10%", &file.to_string_lossy()]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("the logs hold 10% of all requests"), "{output:?}");
    assert!(output.stdout.contains("3 (100%) of 3 requests"), "{output:?}");
}

/// As with `upshift forecast … | head -1`: an end without a message, and no panic.
#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let logs = Logs::new();
    let file = logs.folder.file("access.log", LINE.repeat(3));
    let mut child = Command::new(binary())
        .args(logs.arguments(&[&file.to_string_lossy()]))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{error}"));
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
