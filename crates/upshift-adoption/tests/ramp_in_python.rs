//! A second implementation of the ramp's hash, in another language, agrees on a million identities.
//!
//! It is tested here because the core starts no program.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use upshift_core::policy::bucket;

const IDENTITIES: usize = 1_000_000;

/// Keys, addresses, texts of several scripts, and outer white space.
fn identity(n: usize) -> String {
    match n % 5 {
        0 => format!("key-{n:08}"),
        1 => format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255),
        2 => format!("{n:032x}"),
        3 => format!("utilisateur-é-{n}-日本"),
        _ => format!(" \t{n} {n}\u{a0} "),
    }
}

fn rule(n: usize) -> &'static str {
    ["orders-v2", "old-apps", "règle"][n % 3]
}

#[test]
fn python_agrees_on_a_million_identities() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/ramp/reference.py");
    let mut python = Command::new("python3");
    let spawned =
        python.args([script, "buckets"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = spawned else {
        println!("skipped: there is no python3");
        return;
    };
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let lines: String =
            (0..IDENTITIES).map(|n| format!("{}\t{}\n", rule(n), identity(n))).collect();
        stdin.write_all(lines.as_bytes()).unwrap();
    });
    let mut answers = String::new();
    python.stdout.take().unwrap().read_to_string(&mut answers).unwrap();
    writer.join().unwrap();
    assert!(python.wait().unwrap().success());
    let answers: Vec<u16> = answers.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(answers.len(), IDENTITIES);
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(bucket(rule(n), &identity(n)), answer, "{} {:?}", rule(n), identity(n));
    }
}
