//! The binary as people call it: exit codes, what goes to stdout, the files of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use interop::{Program, Scratch, upshift};

/// `check` accepts every example and the reference policy.
#[test]
fn check_accepts_the_examples() {
    let examples = root().join("examples");
    let entries = std::fs::read_dir(&examples)
        .unwrap_or_else(|error| panic!("{}: {error}", examples.display()));
    let files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| ends(path, "toml")).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files.iter().chain([&root().join("upshift.reference.toml")]) {
        let output = upshift(&["check", "--offline", &file.to_string_lossy()]);
        assert_eq!(output.code, 0, "{}: {output:?}", file.display());
        let text = std::fs::read_to_string(file).unwrap_or_default();
        assert!(text.starts_with("#:schema "), "{} does not name its schema", file.display());
    }
}

/// A file with three faults is rejected with an error for each.
#[test]
fn check_names_all_faults_of_a_file() {
    let folder = Scratch::new();
    let file = folder.file(
        "wrong.toml",
        "[gateway]\nhttp = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:3000\"\nhtpp3 = true\n\n\
         [[rule]]\nid = \"a\"\nrequire = { tls = \"9.9\" }\n\n[[rule]]\nid = \"b\"\nphase = \"enforced\"\nrequire = { http = \"2\" }\n",
    );
    let output = upshift(&["check", &file.to_string_lossy()]);
    assert_eq!(output.code, 2, "{output:?}");
    let said = output.stderr + &output.stdout;
    for (fault, line) in [("htpp3", ":4:"), ("9.9", ":8:"), ("enforced", ":12:")] {
        assert!(
            said.contains(fault) && said.contains(line),
            "{fault} at {line} is not named:\n{said}"
        );
    }
    assert!(
        said.contains("http3") && said.contains("enforce"),
        "the nearest right spelling is not offered:\n{said}"
    );
}

#[test]
fn explain_says_why_and_fails_when_asked_to() {
    let folder = Scratch::new();
    let file = folder.file(
        "upshift.toml",
        format!("[gateway]\nupstream = \"http://127.0.0.1:3000\"\n{}", crate::sample::RULES),
    );
    let file = file.to_string_lossy();
    let refused = ["explain", "--config", &file, "http://example.com/derp"];
    let output = upshift(&refused);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("relay") && output.stdout.contains("426"), "{}", output.stdout);
    assert!(
        output.stdout.contains("orders-v2"),
        "rules that did not match are shown too: {}",
        output.stdout
    );
    assert!(!output.stdout.contains('\u{1b}'), "no colour where there is no terminal");
    assert_eq!(upshift(&[&refused[..], &["--fail"]].concat()).code, 1);
    let admitted = ["explain", "--fail", "--config", &file, "http://example.com/"];
    assert_eq!(upshift(&admitted).code, 0);
}

#[test]
fn wrong_usage_ends_with_2() {
    for words in [
        &["frobnicate"][..],
        &["serve", "--no-such-flag"],
        &["explain"],
        &["check", "/no/such/file.toml"],
    ] {
        assert!(matches!(upshift(words).code, 2 | 3), "{words:?}");
    }
    assert_eq!(upshift(&["frobnicate"]).code, 2);
}

#[test]
fn the_schema_is_json_and_is_the_one_in_the_repository() {
    let printed = upshift(&["schema"]).ok();
    let schema: serde_json::Value =
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}"));
    assert!(schema["properties"]["rule"].is_object(), "{schema:#}");
    let kept = std::fs::read_to_string(root().join("upshift.schema.json")).unwrap_or_default();
    assert!(kept == printed, "run `cargo xtask docs`");
}

/// `demo` needs no file and no other program. It prints commands to try, and a live line of the
/// requests that were admitted, warned and refused.
#[test]
fn the_demo_runs_by_itself() {
    let mut command = Command::new(interop::binary());
    command.arg("demo").env("NO_COLOR", "1");
    let mut demo = Program::start(command);
    demo.wait_for("line of admitted, warned, refused", |lines| {
        let counts = |line: &&String| {
            ["admitted", "warned", "refused"].iter().all(|word| line.contains(word))
        };
        lines.iter().find(counts).map(drop)
    });
    let lines = demo.lines();
    let commands = lines
        .iter()
        .filter(|line| line.trim_start().trim_start_matches("$ ").starts_with("curl "))
        .count();
    assert!(commands >= 4, "few commands to try:\n{}", lines.join("\n"));
    demo.signal("TERM");
    assert_eq!(demo.ended(), 0);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn ends(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|have| have == ending)
}
