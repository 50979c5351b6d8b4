//! `upshift lint` and `upshift note` as people call them, and their output in what reads it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use interop::{EchoOrigin, Gateway, Output, Scratch, binary, node, peers, send, upshift};
use serde_json::Value;

/// A rule of each kind that a plain GET over HTTP/1.1 does not meet.
const RULES: &str = r#"
[[rule]]
id = "account"
paths = ["/account"]
require = { tls = "1.2" }

[[rule]]
id = "feeds"
paths = ["/feeds"]
require = [{ http = "3" }, { http = "2" }]

[[rule]]
id = "chat"
paths = ["/chat"]
require = { websocket = true }

[[rule]]
id = "orders"
paths = ["/orders"]
require = { api = { minimum = "2.0", read = ["header:X-Api-Version"] } }

[[rule]]
id = "app"
paths = ["/app"]
require = { client = { minimum = { AcmeApp = "5.1" } } }

[[rule]]
id = "derp"
paths = ["/derp"]
require = { protocol = "derp/2" }
"#;

/// A linter that finds fault with our own refusals is wrong, or they are.
#[test]
fn the_gateway_s_refusals_have_no_warning() {
    let origin = EchoOrigin::start();
    let gateway = Gateway::start(origin.address(), RULES);
    let folder = Scratch::new();
    for path in ["/account", "/feeds", "/chat", "/orders", "/app", "/derp"] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Api-Version: 1.4\r\n\
             User-Agent: AcmeApp/4.9\r\nConnection: close\r\n\r\n"
        );
        let mut text = String::new();
        send(gateway.http(), request.as_bytes())
            .read_to_string(&mut text)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(text.starts_with("HTTP/1.1 426 "), "{path}: {text}");
        let file =
            folder.file("exchange.http", format!("# url: http://localhost{path}\n{request}{text}"));
        let output = upshift(&["lint", "--fail-on", "warn", &file.to_string_lossy()]);
        assert_eq!(output.code, 0, "{path}:\n{}", output.stdout);
        assert!(output.stdout.contains("good  U019"), "{path}:\n{}", output.stdout);
    }
}

/// The report of a probe is read as it is; its lanes are the exchanges.
#[test]
fn a_probe_is_linted_by_its_report() {
    let origin = EchoOrigin::start();
    let gateway = Gateway::start(origin.address(), RULES);
    let probe = upshift(&["probe", "--json", &gateway.url("/account")]);
    let report: Value = serde_json::from_str(&probe.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", probe.stdout));
    let lanes = report["lanes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let asked = lanes.iter().filter(|lane| lane["exchange"].is_object()).count();
    let linted = lint_stdin(&probe.stdout, &[]);
    assert_eq!(linted.code, 0, "{linted:?}");
    assert!(linted.stdout.contains(&format!("{asked} exchanges: ")), "{linted:?}");
    assert!(linted.stdout.contains("good  U019"), "{linted:?}");
}

/// What is piped into it, and the exit codes.
#[test]
fn stdin_is_read_and_the_exit_code_follows_the_level() {
    let bare = "HTTP/1.1 426 Upgrade Required\n\nUpdate.";
    assert_eq!(lint_stdin(bare, &[]).code, 1);
    assert_eq!(lint_stdin("HTTP/1.1 200 OK\n\nHello.", &["--fail-on", "info"]).code, 0);
    let advertised = "HTTP/1.1 200 OK\nUpgrade: websocket\nConnection: upgrade\n\nHello.";
    assert_eq!(lint_stdin(advertised, &[]).code, 0);
    assert_eq!(lint_stdin(advertised, &["--fail-on", "info"]).code, 1);
    let output = lint_stdin("", &[]);
    assert_eq!((output.code, output.stdout.as_str()), (4, ""));
    let output = lint_stdin("hello", &[]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("--format"), "{}", output.stderr);
    let output = lint_stdin(bare, &["--json"]);
    assert!(output.stderr.contains("stdin: read as HTTP messages as text"), "{}", output.stderr);
    let report: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    assert_eq!(report["schema"], "upshift.lint/1");
    assert_eq!(report["exchanges"][0]["findings"][0]["note"], "U001");
    assert_eq!(report["counts"]["error"], 1);
}

/// A wrong file is named with the place and a way out.
#[test]
fn a_wrong_file_is_named_with_its_place() {
    let folder = Scratch::new();
    for (name, text, says) in [
        ("a.har", "{\"log\":{\"entries\":[\n{\"request\":{\"meth", "line 2: the HAR is cut"),
        (
            "b.json",
            "{\"schema\":\"upshift.exchange/1\",\n\"respons\":{}}",
            "line 2: exchange 1: unknown field",
        ),
        ("c.http", "HTTP/1.1 200 OK\nno field\n\n", "line 2: `no field` is not a field"),
    ] {
        let file = folder.file(name, text);
        let output = upshift(&["lint", &file.to_string_lossy()]);
        assert_eq!(output.code, 2, "{name}");
        assert!(output.stderr.contains(says), "{name}: {}", output.stderr);
    }
    assert_eq!(upshift(&["lint", "/no/such/file.http"]).code, 2);
    assert!(upshift(&["lint", "--format", "hra", "-"]).stderr.contains("text, curl, har, json"));
}

/// An ignored finding does not fail the run, until its day has passed.
#[test]
fn an_ignore_holds_until_its_day() {
    let folder = Scratch::new();
    let response = folder.file("a.http", "HTTP/1.1 426 Upgrade Required\n\nUpdate.");
    let response = response.to_string_lossy();
    let valid = folder.file("valid.toml", ignore_until("2999-01-01"));
    let output = upshift(&["lint", "--ignore-file", &valid.to_string_lossy(), &response]);
    assert_eq!(output.code, 0);
    assert!(output.stdout.contains("ignored U001 until 2999-01-01: next release"));
    let expired = folder.file("expired.toml", ignore_until("2020-01-01"));
    let output = upshift(&["lint", "--ignore-file", &expired.to_string_lossy(), &response]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("U001 is ignored no longer"), "{}", output.stderr);
    let flags = ["lint", "--ignore", "u1", "--reason", "next release", "--until", "2999-01-01"];
    assert_eq!(upshift(&[&flags[..], &[&response]].concat()).code, 0);
    assert_eq!(upshift(&["lint", "--ignore", "U001", &response]).code, 2);
    let wrong = folder.file("wrong.toml", ignore_until("2999-01-01").replace("U001", "U0001x"));
    let output = upshift(&["lint", "--ignore-file", &wrong.to_string_lossy(), &response]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("line 2: there is no note `U0001x`"), "{}", output.stderr);
}

/// `note --list` is for loops in a shell, and an id may be written in any way.
#[test]
fn notes_are_listed_and_explained() {
    let list = upshift(&["note", "--list"]).ok();
    let ids: Vec<&str> = list.lines().collect();
    assert!(ids.len() >= 60 && ids[0] == "U001", "{list}");
    for id in ["U014", "u14"] {
        let page = upshift(&["note", id]).ok();
        assert!(page.starts_with("U014 (warn): ") && page.contains("RFC 9110 §7.6.1"), "{page}");
    }
    let output = upshift(&["note", "V014"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("did you mean `U014`?"), "{}", output.stderr);
}

/// SARIF has a schema, which GitHub and other viewers check.
#[test]
fn sarif_fits_its_schema() {
    peers!("node packages");
    let folder = Scratch::new();
    let valid = folder
        .file("ignore.toml", "[[ignore]]\nnote = \"U001\"\nreason = \"r\"\nuntil = 2999-01-01\n");
    let mut words = vec!["lint".to_owned(), "--sarif".to_owned(), "--ignore-file".to_owned()];
    words.push(valid.to_string_lossy().into_owned());
    words.extend(corpus().iter().map(|path| path.to_string_lossy().into_owned()));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = upshift(&words);
    let log: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    let results = log["runs"][0]["results"].as_array().map_or(0, Vec::len);
    assert!(results > 100, "{}", output.stderr);
    assert!(output.stdout.contains("\"suppressions\""), "ignored findings are in it");
    let file = folder.file("log.sarif", &output.stdout);
    let broken = folder.file("broken.sarif", output.stdout.replace("\"fail\"", "\"failed\""));
    assert_eq!(validate_sarif(&file), "valid\n");
    assert!(validate_sarif(&broken).starts_with("invalid"), "the check finds nothing");
}

/// GitHub shows a workflow command at its line.
#[test]
fn github_gets_one_command_a_finding() {
    let file = corpus().into_iter().find(|path| path.ends_with("ws-plain-get.http"));
    let file = file.unwrap_or_default();
    let output = upshift(&["lint", "--github", &file.to_string_lossy()]);
    let line = output.stdout.lines().next().unwrap_or_default();
    assert!(line.starts_with("::error file=") && line.contains(",line=6,title=U001 "), "{line}");
    assert_eq!(output.stdout.lines().count(), 1);
}

fn ignore_until(day: &str) -> String {
    format!("[[ignore]]\nnote = \"U001\"\nreason = \"next release\"\nuntil = {day}\n")
}

fn lint_stdin(text: &str, flags: &[&str]) -> Output {
    let folder = Scratch::new();
    let file = folder.file("stdin", text);
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" lint \"$@\" < \"$EXCHANGE\""]).arg(binary()).args(flags);
    command.env("EXCHANGE", file);
    Output::of(command)
}

/// The exchanges of the notes' own tests.
pub(crate) fn corpus() -> Vec<PathBuf> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates/upshift-notes/tests/corpus");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{error}"));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension != "md"));
    files.sort();
    assert!(files.len() > 40, "{files:?}");
    files
}

/// Validates with the schema that @microsoft/jest-sarif brings, and the ajv that it uses.
pub(crate) fn validate_sarif(file: &Path) -> String {
    let program = r#"
import fs from "node:fs";
import { createRequire } from "node:module";
const here = createRequire(import.meta.url);
const library = createRequire(here.resolve("@microsoft/jest-sarif/package.json"));
const Ajv = library("ajv");
const ajv = new Ajv({ schemaId: "id", meta: false, unknownFormats: "ignore" });
ajv.addMetaSchema(library("ajv/lib/refs/json-schema-draft-04.json"));
const schema = library("./lib/schemas/sarif-2.1.0-rtm.5.json");
const valid = ajv.validate(schema, JSON.parse(fs.readFileSync(process.argv[2])));
console.log(valid ? "valid" : "invalid: " + ajv.errorsText());
"#;
    node(program, &[&file.to_string_lossy()]).ok()
}
