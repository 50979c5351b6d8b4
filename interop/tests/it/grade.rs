//! `upshift grade` as people call it: its exit codes, its badge, and grades of real clients.

use interop::{Output, Scratch, peers, upshift};
use serde_json::Value;

/// Grades a client with these peers, and returns the report.
fn grade(peers: &[&str], client: &[&str]) -> Value {
    let mut arguments = vec!["grade", "--json", "--at-least", "F", "--timeout", "30"];
    for peer in peers {
        arguments.extend(["--peer", peer]);
    }
    arguments.push("--");
    arguments.extend(client);
    let output = upshift(&arguments);
    assert_eq!(output.code, 0, "{output:?}");
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The verdict on one peer, and what the client did: `acceptable: surfaced`.
fn verdict(report: &Value, peer: &str) -> String {
    let peers = report["peers"].as_array().into_iter().flatten();
    let mut found = peers.filter(|grade| grade["peer"] == peer);
    let grade = found.next().unwrap_or_else(|| panic!("{peer} is not in {report:#}"));
    let behaviours = grade["behaviours"].as_array().into_iter().flatten();
    let did: Vec<&str> = behaviours.filter_map(Value::as_str).collect();
    format!("{}: {}", grade["verdict"].as_str().unwrap_or_default(), did.join(", "))
}

#[test]
fn curl_surfaces_a_426_and_does_not_follow_it() {
    peers!("curl");
    let peers = ["right-426-tls", "bare-426", "h2c-on-200", "tls12-only", "ws-bad-accept"];
    let report = grade(&peers, &["curl", "-sS", "--max-time", "20", "{url}"]);
    assert_eq!(verdict(&report, "right-426-tls"), "acceptable: surfaced");
    assert_eq!(verdict(&report, "bare-426"), "right: surfaced");
    assert_eq!(verdict(&report, "h2c-on-200"), "right: served");
    assert_eq!(verdict(&report, "tls12-only"), "right: served");
    assert_eq!(verdict(&report, "ws-bad-accept"), "unsupported: ");
}

#[test]
fn curl_falls_back_where_a_server_rejects_its_offer() {
    peers!("curl");
    let report = grade(&["101-and-preface-joined"], &["curl", "-sS", "--http2", "{url}"]);
    assert_eq!(verdict(&report, "101-and-preface-joined"), "right: served");
}

/// With `-o /dev/null`, curl's exit code and output say nothing of the refusal.
#[test]
fn a_client_that_says_nothing_swallows_the_refusal() {
    peers!("curl");
    let client = ["curl", "-s", "-o", "/dev/null", "{url}"];
    let report = grade(&["bare-426"], &client);
    assert_eq!(verdict(&report, "bare-426"), "wrong: swallowed");
}

#[test]
fn our_client_follows() {
    let peers = ["comma-upgrade", "split-upgrade-lines", "bare-426"];
    let binary = interop::binary();
    let binary = binary.to_string_lossy();
    let report = grade(&peers, &[&binary, "get", "{url}"]);
    assert_eq!(verdict(&report, "comma-upgrade"), "right: followed");
    assert_eq!(verdict(&report, "split-upgrade-lines"), "right: followed");
    assert_eq!(verdict(&report, "bare-426"), "right: surfaced");
}

/// A client that repeats its credentials in cleartext after TLS was demanded fails as a whole.
#[test]
fn a_leak_and_a_loop_are_found() {
    peers!("curl");
    let again = "for i in 1 2 3 4 5 6 7; do curl -s -H 'Authorization: {secret}' {url}; done";
    let report = grade(&["right-426-tls"], &["sh", "-c", again]);
    assert_eq!(verdict(&report, "right-426-tls"), "wrong: leaked-secret, looped, surfaced");
    assert_eq!(report["letter"], "F");
}

#[test]
fn grades_are_stable_over_ten_runs() {
    peers!("curl");
    let peers = ["right-426-tls", "bare-426", "426-then-close", "cut-426", "two-responses"];
    let client = ["curl", "-sS", "--max-time", "20", "{url}"];
    let first = grade(&peers, &client);
    for _ in 1..10 {
        let report = grade(&peers, &client);
        for peer in peers {
            assert_eq!(verdict(&report, peer), verdict(&first, peer), "{peer}");
        }
    }
}

#[test]
fn exit_codes_and_messages() {
    let rows: [(&[&str], i32, &str); 7] = [
        (&["--", "curl"], 2, "no argument has `{url}`"),
        (&["--", "curl", "{uri}"], 2, "`{uri}` is not a placeholder"),
        (&["--", "no-such-client", "{url}"], 3, "there is no `no-such-client` in PATH"),
        (&["--", "./none", "{url}"], 3, "./none is no executable file"),
        (&["--peer", "bare-42", "--", "sh", "{url}"], 2, "did you mean `bare-426`?"),
        (&["--peer", "bare-426", "--", "sh", "-c", "exit 127", "{url}"], 4, "supports none"),
        (&["--at-least", "E", "--", "sh", "{url}"], 2, "write A, B, C, D or F"),
    ];
    for (arguments, code, said) in rows {
        let output = run_grade(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {output:?}");
        assert!(output.stderr.contains(said), "{arguments:?}: {output:?}");
    }
}

/// The letter decides the exit code, and stands on the badge.
#[test]
fn a_badge_is_written_and_the_letter_decides() {
    peers!("curl");
    let folder = Scratch::new();
    let badge = folder.path().join("426.svg");
    let badge_name = badge.to_string_lossy().into_owned();
    let client = ["--peer", "bare-426", "--", "curl", "-s", "-o", "/dev/null", "{url}"];
    let flags = ["--badge", &badge_name];
    let output = run_grade(&[&flags[..], &client[..]].concat());
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stdout.contains("grade F   0 of 2 points"), "{output:?}");
    let svg = std::fs::read_to_string(&badge).unwrap_or_default();
    assert!(svg.starts_with("<svg ") && svg.contains("HTTP 426: grade F"), "{svg}");
}

fn run_grade(arguments: &[&str]) -> Output {
    upshift(&[&["grade"], arguments].concat())
}
