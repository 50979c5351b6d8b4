//! The cases of the Autobahn TestSuite through a tunnel, compared with the same echo server without
//! the gateway between.
//!
//! The suite itself wants Python 2; `kosoku` runs its case files on Python 3. `docs/suites.md` has
//! the figures of the whole.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use interop::{Gateway, Scratch, Upstreams, peers, python_tool};
use serde_json::Value;

/// Everything but what takes minutes: of mass and performance (9), and of compression (12, 13), the
/// first cases.
const SELECTED: [&str; 17] = [
    "1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*", "9.1.1", "9.2.1", "9.7.1", "12.1.1",
    "12.1.10", "12.2.3", "12.4.5", "13.1.1", "13.3.5",
];

/// As few as this would mean that the selection names nothing any more.
const AT_LEAST: usize = 250;

/// By case: how it behaved, and how it closed.
type Results = BTreeMap<String, (String, String)>;

/// RFC 6455 §5.2: frames are between the endpoints, so a tunnel makes no case worse.
#[test]
fn no_case_is_worse_through_the_tunnel() {
    peers!("node", "node packages", "python packages");
    let upstreams = Upstreams::start();
    let gateway = Gateway::start(upstreams.clear(), "");
    let alone = run(upstreams.clear());
    let through = run(gateway.http());
    assert!(alone.len() >= AT_LEAST, "only {} cases ran", alone.len());
    assert_eq!(alone.keys().collect::<Vec<_>>(), through.keys().collect::<Vec<_>>());
    let worse: Vec<String> = alone
        .iter()
        .zip(&through)
        .filter_map(|((case, without), (_, with))| worse(case, without, with))
        .collect();
    assert!(worse.is_empty(), "{} of {} cases:\n{}", worse.len(), alone.len(), worse.join("\n"));
}

fn worse(case: &str, without: &(String, String), with: &(String, String)) -> Option<String> {
    let falls = rank(&with.0) > rank(&without.0) || rank(&with.1) > rank(&without.1);
    falls.then(|| {
        format!("{case}: {}, closed {}, where it was {}, {}", with.0, with.1, without.0, without.1)
    })
}

/// How good a result is; 0 is best.
fn rank(result: &str) -> u8 {
    match result {
        "OK" => 0,
        "INFORMATIONAL" => 1,
        "NON-STRICT" => 2,
        "UNIMPLEMENTED" => 3,
        _ => 4,
    }
}

fn run(server: SocketAddr) -> Results {
    let folder = Scratch::new();
    let to = folder.path().to_string_lossy();
    let url = format!("ws://{server}");
    let mut words = vec!["--parallelism", "4", "--outdir", &to];
    words.extend(SELECTED.iter().flat_map(|case| ["--include", case]));
    words.push(&url);
    // It exits with 1 when any case fails; which, is in its report.
    let output = python_tool("kosoku", &words);
    let text = std::fs::read_to_string(folder.path().join("index.json"));
    let text = text
        .unwrap_or_else(|error| panic!("no report: {error}; {} {}", output.stdout, output.stderr));
    let report: Value = serde_json::from_str(&text).unwrap_or_default();
    let agents = report.as_object().into_iter().flatten();
    let cases = agents.filter_map(|(_, cases)| cases.as_object()).flatten();
    cases
        .map(|(case, result)| {
            (case.clone(), (word(result, "behavior"), word(result, "behaviorClose")))
        })
        .collect()
}

fn word(result: &Value, name: &str) -> String {
    result[name].as_str().unwrap_or_default().to_owned()
}
