//! Generated messages, read by the codec and by other implementations.
//!
//! What the codec takes and another one reads as other messages would be a way to smuggle: each
//! such difference must be explained in [`explained`]. What only one of them refuses is counted by
//! the reason, and must be explained, too. `docs/security.md` has the table.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the codec is pure, and this test runs other programs"
)]

#[path = "../it/client_run.rs"]
mod client_run;
mod explained;
mod hyper_reader;
mod outcome;
mod python_reader;
#[path = "../it/server_run.rs"]
mod server_run;
#[path = "../it/transcript.rs"]
mod transcript;

use client_run::ClientRun;
use conformance::OddMessages;
use outcome::{Comparison, MessageKind, Outcome};
use server_run::ServerRun;

/// The seed of the messages.
const SEED: u64 = 426;

#[test]
fn requests_are_read_as_hyper_reads_them() {
    compare_with("hyper", MessageKind::Requests, hyper_reader::read_requests);
}

#[test]
fn responses_are_read_as_hyper_reads_them() {
    compare_with("hyper", MessageKind::Responses, hyper_reader::read_responses);
}

#[test]
fn requests_are_read_as_h11_reads_them() {
    compare_with_python("h11", MessageKind::Requests);
}

#[test]
fn responses_are_read_as_h11_reads_them() {
    compare_with_python("h11", MessageKind::Responses);
}

#[test]
fn requests_are_read_as_llhttp_reads_them() {
    compare_with_python("llhttp", MessageKind::Requests);
}

#[test]
fn responses_are_read_as_llhttp_reads_them() {
    compare_with_python("llhttp", MessageKind::Responses);
}

fn compare_with(peer: &'static str, kind: MessageKind, read: fn(&[u8]) -> Outcome) {
    let cases = generate(kind);
    let outcomes: Vec<Outcome> = cases.iter().map(|case| read(case)).collect();
    compare(peer, kind, &cases, &outcomes);
}

fn compare_with_python(peer: &'static str, kind: MessageKind) {
    let cases = generate(kind);
    match python_reader::read_all(peer, kind, &cases) {
        Some(outcomes) => compare(peer, kind, &cases, &outcomes),
        None => eprintln!("skipped: {peer} is not installed; `cargo xtask peers` installs it"),
    }
}

fn generate(kind: MessageKind) -> Vec<Vec<u8>> {
    let mut messages = OddMessages::new(SEED);
    let mut cases = Vec::new();
    for _ in 0..kind.cases() {
        cases.push(match kind {
            MessageKind::Requests => messages.request(),
            MessageKind::Responses => messages.response(),
        });
    }
    for _ in 0..kind.cases() / 2 {
        cases.push(match kind {
            MessageKind::Requests => messages.framed_request(),
            MessageKind::Responses => messages.framed_response(),
        });
    }
    cases
}

/// Reads a case with the codec.
fn read_here(kind: MessageKind, case: &[u8]) -> Outcome {
    let transcript = match kind {
        MessageKind::Requests => ServerRun::default().serve(&[case]),
        MessageKind::Responses => ClientRun { ends: true, ..ClientRun::default() }.read(&[case]),
    };
    Outcome::of_transcript(&transcript)
}

fn compare(peer: &'static str, kind: MessageKind, cases: &[Vec<u8>], outcomes: &[Outcome]) {
    assert_eq!(cases.len(), outcomes.len(), "{peer} has read another number of cases");
    let mut comparison = Comparison::new(peer, kind);
    for (case, theirs) in cases.iter().zip(outcomes) {
        let mut ours = read_here(kind, case);
        if peer == "hyper" {
            // It shows no interim response.
            ours.messages.retain(|message| !is_interim(message));
        }
        comparison.add(case, &ours, theirs);
    }
    comparison.print();
    let unexplained = comparison.unexplained();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

/// Returns true for the status of an interim response alone.
fn is_interim(message: &str) -> bool {
    message.len() == 3 && message.starts_with('1')
}
