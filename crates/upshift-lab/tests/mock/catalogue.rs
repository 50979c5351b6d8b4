//! Every peer of the catalogue does on the wire what its file says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use upshift_lab::mock::{MockPeer, catalogue};

use crate::client::ask;

/// What a client sees of each peer on each lane on which one of its steps answers is in `seen.txt`.
/// `UPSHIFT_WRITE=1` writes the file; read the difference before you commit it.
#[tokio::test]
async fn every_peer_does_what_its_file_says() {
    let mut asking = Vec::new();
    for name in catalogue::names() {
        asking.push((name, tokio::spawn(ask_on_all_lanes(name))));
    }
    let mut seen = String::new();
    for (name, answers) in asking {
        seen.push_str(&format!("{name}\n{}", answers.await.unwrap()));
    }
    let file = package_folder().join("tests/mock/seen.txt");
    if std::env::var_os("UPSHIFT_WRITE").is_some() {
        std::fs::write(&file, &seen).unwrap();
    }
    assert_eq!(seen, std::fs::read_to_string(&file).unwrap());
}

/// A line for each lane, with what was seen.
async fn ask_on_all_lanes(name: &str) -> String {
    let mut lines = String::new();
    for lane in catalogue::find_scenario(name).unwrap().lanes() {
        let peer = MockPeer::start(name).await.unwrap();
        let seen = ask(&peer, lane).await;
        lines.push_str(&format!("    {:11} {seen}\n", lane.as_str()));
    }
    lines
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
