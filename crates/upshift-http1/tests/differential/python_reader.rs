//! Readers in Python: h11 and llhttp.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::outcome::{MessageKind, Outcome};

/// Reads all cases with `peer`; `None` if the peers are not installed.
///
/// # Panics
/// If they are not installed in CI.
pub(crate) fn read_all(peer: &str, kind: MessageKind, cases: &[Vec<u8>]) -> Option<Vec<Outcome>> {
    let Some(python) = find_python() else {
        let is_ci = std::env::var("CI").as_deref() == Ok("true");
        assert!(!is_ci, "{peer} is not installed; `cargo xtask peers` installs it");
        return None;
    };
    let script = format!("{}/tests/differential/{peer}_reader.py", env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new(python)
        .args([&script, kind.as_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| hex(case) + "\n").collect();
    // From a thread, or both sides would wait for each other with full pipes.
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).is_ok());
    let output = child.wait_with_output().unwrap();
    writer.join().ok();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{peer}: {errors}");
    Some(String::from_utf8_lossy(&output.stdout).lines().map(outcome_of).collect())
}

/// The Python of the peers; `None` if they are not installed.
fn find_python() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers");
    let peers = std::env::var_os("UPSHIFT_PEERS").map_or(PathBuf::from(default), PathBuf::from);
    let python = peers.join("python/bin/python");
    python.exists().then_some(python)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn outcome_of(line: &str) -> Outcome {
    let mut columns = line.split('\t');
    let end = columns.next().unwrap_or_default();
    Outcome {
        refused: end.strip_prefix("refused ").map(str::to_owned),
        messages: columns.map(text_of_hex).collect(),
        closes: end == "closes",
    }
}

fn text_of_hex(hex: &str) -> String {
    let mut text = String::new();
    for place in (0..hex.len()).step_by(2) {
        text.push(char::from(u8::from_str_radix(&hex[place..place + 2], 16).unwrap()));
    }
    text
}
