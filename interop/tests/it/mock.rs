//! `upshift mock` as scripts use it: the examples of `docs/mock.md`, and its exit codes.

use std::path::{Path, PathBuf};
use std::process::Command;

use interop::{
    Output, Program, Scratch, binary, find, free_port, peers, python_tool_command, upshift,
};

/// The Python example of the page, as printed, under pytest.
#[test]
fn the_python_example_is_a_test() {
    peers!("python packages");
    let folder = Scratch::new();
    let file = folder.file("test_mock.py", block_of_page("python"));
    let mut pytest = python_tool_command("pytest");
    pytest.args(["-q", "-p", "no:cacheprovider"]).arg(file).current_dir(folder.path());
    let output = Output::of(with_upshift(pytest));
    assert!(output.code == 0 && output.stdout.contains("1 passed"), "{output:?}");
}

/// The Node example of the page, as printed, under node:test.
#[test]
fn the_node_example_is_a_test() {
    peers!("node");
    let folder = Scratch::new();
    let file = folder.file("mock.test.mjs", block_of_page("js"));
    let mut node = Command::new(find("node").unwrap_or_default());
    node.arg("--test").arg(file);
    let output = Output::of(with_upshift(node));
    assert!(output.code == 0 && output.stdout.contains("pass 1"), "{output:?}");
}

/// A signal is the usual end, and a port in use is named.
#[test]
fn a_signal_ends_it_and_a_port_in_use_is_exit_3() {
    let address = free_port().to_string();
    let arguments = ["mock", "--listen", &address, "bare-426"];
    let mut command = Command::new(binary());
    command.args(arguments);
    let mut mock = Program::start(command);
    mock.wait_for("the addresses", |lines| {
        lines.iter().find(|line| line.contains("http://")).map(drop)
    });
    let second = upshift(&arguments);
    assert_eq!(second.code, 3, "{second:?}");
    assert!(second.stderr.contains(&format!("cannot listen on {address}")), "{second:?}");
    mock.signal("TERM");
    assert_eq!(mock.ended(), 0);
}

#[test]
fn wrong_usage_is_exit_2_with_the_nearest_spelling() {
    let folder = Scratch::new();
    let file = folder.file("peer.toml", "[[step]]\non = \"h1.1\"\nsned = \"x\"\n");
    let file = file.to_string_lossy();
    for (arguments, said) in [
        (vec!["mock", "bare-462"], "did you mean `bare-426`?".to_owned()),
        (vec!["mock", "--show", "bare-462"], "did you mean `bare-426`?".to_owned()),
        (vec!["mock", &file], format!("{file}:3:1: unknown key `sned`; did you mean `send`?")),
        (vec!["mock", "/a=bare-426", "/b=tls12-only"], "a second mock".to_owned()),
        (vec!["mock"], "SCENARIO".to_owned()),
        (vec!["mock", "--requests", "0", "bare-426"], "0".to_owned()),
    ] {
        let output = upshift(&arguments);
        assert_eq!(output.code, 2, "{arguments:?}: {output:?}");
        assert!(output.stderr.contains(&said), "{arguments:?}: {output:?}");
    }
    let output = upshift(&["mock", &folder.path().join("none.toml").to_string_lossy()]);
    assert_eq!(output.code, 3, "{output:?}");
}

#[test]
fn the_list_is_one_name_a_line_and_each_can_be_shown() {
    let names = upshift(&["mock", "--list"]).ok();
    assert!(names.lines().count() >= 40, "{names}");
    let listed: serde_json::Value =
        serde_json::from_str(&upshift(&["mock", "--list", "--json"]).ok()).unwrap_or_default();
    assert_eq!(listed.as_array().map(Vec::len), Some(names.lines().count()));
    for name in names.lines().take(3) {
        let text = upshift(&["mock", "--show", name]).ok();
        assert!(text.contains(&format!("\"{name}\"")), "{text}");
    }
}

/// `--record` adds the events to a file, with all octets, and people get their lines nevertheless.
#[test]
fn a_record_has_every_event() {
    peers!("curl");
    let folder = Scratch::new();
    let file = folder.path().join("events.jsonl");
    let address = free_port().to_string();
    let mut command = Command::new(binary());
    command.args(["mock", "--requests", "1", "--listen", &address, "bare-426", "--record"]);
    let mut mock = Program::start({
        command.arg(&file);
        command
    });
    mock.wait_for("the addresses", |lines| {
        lines.iter().find(|line| line.contains("http://")).map(drop)
    });
    let curl = interop::run("curl", &["-s", &format!("http://{address}/a")]);
    assert_eq!(curl.stdout, "Upgrade Required\r\n", "{curl:?}");
    assert_eq!(mock.ended(), 0);
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let mut kinds = Vec::new();
    for line in text.lines() {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        kinds.push(event["event"].as_str().unwrap_or_default().to_owned());
    }
    for kind in ["listening", "connection", "bytes", "request", "answer"] {
        assert!(kinds.iter().any(|have| have == kind), "no {kind}: {kinds:?}");
    }
    let lines = mock.lines();
    assert!(lines.iter().any(|line| line.contains("GET /a → 426 Upgrade Required")), "{lines:?}");
    let linted = upshift(&["lint", &file.to_string_lossy()]);
    assert_eq!(linted.code, 1, "{linted:?}");
    assert!(linted.stdout.contains("error U001  response"), "{linted:?}");
}

/// The code of the first block in `language` of `docs/mock.md`.
fn block_of_page(language: &str) -> String {
    let page = page();
    let text = std::fs::read_to_string(&page)
        .unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let start = format!("```{language}\n");
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("no block in {language}"));
    let (block, _) = rest.split_once("```").unwrap_or_else(|| panic!("no end of the block"));
    block.to_owned()
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/mock.md")
}

/// The command, with `upshift` where a person has it.
fn with_upshift(mut command: Command) -> Command {
    let programs = binary().parent().map(Path::to_path_buf).unwrap_or_default();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    command.env("PATH", path);
    command
}
