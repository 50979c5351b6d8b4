//! Every peer of the catalogue does on the wire what its file says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use upshift_lab::mock::{MockPeer, catalogue};
use upshift_record::Lane;

use crate::client::Client;

/// The answers of each peer, on each lane on which one of its steps answers, are in `seen.txt`.
/// `UPSHIFT_WRITE=1` writes the file; read the difference before you commit it.
#[tokio::test]
async fn every_peer_does_what_its_file_says() {
    let file = package_folder().join("tests/mock/seen.txt");
    let expected = std::fs::read_to_string(&file).unwrap();
    let limit = Arc::new(Semaphore::new(CLIENTS));
    let mut asking = Vec::new();
    for name in catalogue::names() {
        for lane in catalogue::find_scenario(name).unwrap().lanes() {
            let patience = patience_for(&expected, name, lane);
            let limit = Arc::clone(&limit);
            asking.push((
                name,
                lane,
                tokio::spawn(async move {
                    let _permit = limit.acquire().await.unwrap();
                    ask_once(name, lane, patience).await
                }),
            ));
        }
    }
    let mut seen = String::new();
    let mut last_name = "";
    for (name, lane, answer) in asking {
        if name != last_name {
            seen.push_str(&format!("{name}\n"));
            last_name = name;
        }
        seen.push_str(&line_of(lane, &answer.await.unwrap()));
    }
    if std::env::var_os("UPSHIFT_WRITE").is_some() {
        std::fs::write(&file, &seen).unwrap();
        return;
    }
    assert_eq!(seen, expected);
}

/// The clients that ask at the same time.
const CLIENTS: usize = 24;

fn line_of(lane: Lane, seen: &str) -> String {
    format!("    {:11} {seen}\n", lane.as_str())
}

/// The time to wait for an answer: short where none is expected, and else long enough for a machine
/// that does other things, too.
fn patience_for(expected: &str, name: &str, lane: Lane) -> Duration {
    let all = format!("\n{expected}");
    let Some((_, rest)) = all.split_once(&format!("\n{name}\n")) else {
        return Duration::from_secs(2);
    };
    let mut lines = rest.lines().take_while(|line| line.starts_with(' '));
    let line = lines.find(|line| line.split_whitespace().next() == Some(lane.as_str()));
    match line {
        Some(line) if !line.ends_with("hangs") => Duration::from_secs(30),
        _ => Duration::from_secs(2),
    }
}

/// What a client sees. The record has to be the same.
async fn ask_once(name: &str, lane: Lane, patience: Duration) -> String {
    let peer = MockPeer::start(name).await.unwrap();
    let seen = Client { peer: &peer, patience }.ask(lane).await;
    let record = peer.stop().await;
    let exchanges = record.exchanges();
    let statuses: Vec<&str> =
        seen.split(' ').filter(|word| word.len() == 3 && word.parse::<u16>().is_ok()).collect();
    let mut recorded = Vec::new();
    for exchange in &exchanges {
        assert_eq!(exchange.lane, Some(lane), "{name}");
        let responses = exchange.interim.iter().chain(&exchange.response);
        recorded.extend(responses.map(|response| response.status.to_string()));
    }
    // A client that takes an answer for malformed names no status, and one that only looks for the
    // end of a stream neither. A greeting answers no request.
    let is_silent = seen.contains("error") || seen.contains("answered") || name == "early-goodbye";
    assert!(
        is_silent || statuses == recorded || name == "cut-head",
        "{name} on {lane}: {recorded:?} {seen}"
    );
    seen
}

/// The list in the code is the folder.
#[test]
fn the_catalogue_is_its_folder() {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(package_folder().join("catalogue")).unwrap() {
        files.insert(entry.unwrap().file_name().into_string().unwrap());
    }
    let names: Vec<&str> = catalogue::names().collect();
    let listed: BTreeSet<String> = names.iter().map(|name| format!("{name}.toml")).collect();
    assert_eq!(files, listed);
    assert!(names.is_sorted(), "{names:?}");
}

/// Each file says what a reader needs to know.
#[test]
fn each_peer_is_described() {
    for name in catalogue::names() {
        let scenario = catalogue::find_scenario(name).unwrap();
        assert_eq!(scenario.name(), name);
        for text in [scenario.summary(), scenario.rfc(), scenario.expect()] {
            assert!(text.len() > 8, "{name}: {text:?}");
        }
        assert!(scenario.wrong().is_none_or(|wrong| wrong.len() > 20), "{name}");
        assert!(!scenario.lanes().is_empty(), "{name}");
    }
}

fn package_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
