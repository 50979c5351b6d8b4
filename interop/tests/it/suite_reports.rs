//! The reports of `upshift test`, each in what reads it.

use std::process::Command;

use interop::{ClosedPort, EchoOrigin, Gateway, Output, Scratch, binary, peers, script};
use serde_json::{Value, json};

use crate::dashboard::{assert_sound, visit};
use crate::lint::validate_sarif;

const RULES: &str =
    "[[rule]]\nid = \"account\"\npaths = [\"/account\"]\nrequire = { tls = \"1.2\" }\n";

/// A case of each kind of outcome.
fn suite_text(gateway: &Gateway) -> String {
    let closed = ClosedPort::reserve();
    format!(
        r#"
suite = "reports"
target = "http://{}"
tls-target = "https://{}"

[[probe]]
id = "refused"
req = "GET /account"
lanes = ["h1.0", "h1.1", "h2"]
retries = 1
expect."*" = {{ status = 426, fields.Upgrade = {{ token = "TLS/1.2" }} }}

[[probe]]
id = "unreachable"
req = "GET http://{closed}/x"
expect."h1.1" = {{ status = 200 }}

[[probe]]
id = "skipped"
req = "GET https://{closed}/x"
expect.h2 = {{ status = 200, skip-if-unsupported = true }}

[[client]]
id = "curl"
run = ["curl", "-sS", "{{url}}"]
scenario = "bare-426"
expect.exit = 22
"#,
        gateway.http(),
        gateway.https(),
        closed = closed.address()
    )
}

/// The reports of one run, in a folder.
struct Reports {
    folder: Scratch,
    _gateway: Gateway,
}

impl Reports {
    fn write() -> Self {
        let origin = EchoOrigin::start();
        let gateway = Gateway::start(origin.address(), RULES);
        let folder = Scratch::new();
        folder.file("reports.upshift.toml", suite_text(&gateway));
        let mut command = Command::new(binary());
        command.current_dir(folder.path()).env_remove("GITHUB_ACTIONS").arg("test");
        for format in ["junit", "tap", "sarif", "html", "markdown", "json"] {
            command.args(["--report", &format!("{format}=report.{format}")]);
        }
        let output = Output::of(command);
        assert_eq!(output.code, 1, "{}\n{}", output.stdout, output.stderr);
        Self { folder, _gateway: gateway }
    }

    fn file(&self, format: &str) -> String {
        self.folder.path().join(format!("report.{format}")).to_string_lossy().into_owned()
    }

    fn text(&self, format: &str) -> String {
        std::fs::read_to_string(self.file(format)).unwrap_or_default()
    }
}

#[test]
fn junit_is_read_by_a_parser() {
    peers!("python packages", "curl");
    let reports = Reports::write();
    let seen = script("junit_cases.py", &[&reports.file("junit")]).ok();
    let seen: Value = serde_json::from_str(&seen).unwrap_or_default();
    assert_eq!(seen["numbers"], json!([6, 2, 1]), "{seen:#}");
    let suite = "reports.upshift.toml";
    let expected = json!([
        ["refused[h1.0]", suite, []],
        ["refused[h1.1]", suite, []],
        ["refused[h2]", suite, ["Failure", "rerunFailure"]],
        ["unreachable[h1.1]", suite, ["Error"]],
        ["skipped[h2]", suite, ["Skipped"]],
        ["curl", suite, ["Failure"]],
    ]);
    assert_eq!(seen["cases"], expected, "{seen:#}");
}

/// Harnesses before Test::Harness 3.48 know TAP up to version 13, to which the lines are the same.
#[test]
fn tap_is_read_by_prove() {
    peers!("prove", "curl");
    let reports = Reports::write();
    let text = reports.text("tap").replacen("TAP version 14", "TAP version 13", 1);
    let file = reports.folder.file("report.tap13", text);
    let mut command = Command::new("prove");
    command.args(["--verbose", "--exec", "cat"]).arg(file);
    let output = Output::of(command);
    assert!(output.stdout.contains("Failed tests:  3-4, 6"), "{}", output.stdout);
    assert!(output.stdout.contains("Tests: 6 Failed: 3"), "{}", output.stdout);
    assert!(!output.stdout.contains("Parse errors"), "{}", output.stdout);
}

#[test]
fn sarif_fits_its_schema_and_names_the_line_of_the_case() {
    peers!("node packages", "curl");
    let reports = Reports::write();
    assert_eq!(validate_sarif(reports.file("sarif").as_ref()), "valid\n");
    let log: Value = serde_json::from_str(&reports.text("sarif")).unwrap_or_default();
    let results = log["runs"][0]["results"].as_array().cloned().unwrap_or_default();
    let failed = results.iter().find(|result| result["ruleId"] == "case-failed");
    let place = &failed.unwrap_or(&Value::Null)["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "reports.upshift.toml", "{results:#?}");
    assert_eq!(place["region"]["startLine"], 6, "{results:#?}");
    for result in &results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap_or_default());
        let rule = &log["runs"][0]["tool"]["driver"]["rules"][index.unwrap_or_default()];
        assert_eq!(rule["id"], result["ruleId"], "{result:#}");
    }
}

/// The page needs no network and no script, fits any screen, and shows the evidence.
#[test]
fn the_page_is_a_file_for_any_browser() {
    peers!("chromium", "node", "node packages", "curl");
    let reports = Reports::write();
    let address = format!("file://{}", reports.file("html"));
    let seen = visit(std::slice::from_ref(&address));
    assert_eq!(seen.len(), 2);
    for page in seen {
        assert_sound(&page);
        assert_eq!(page["loaded"], json!([address]), "{page:#}");
        assert!(page["charts"].as_u64() >= Some(5), "{page:#}");
        let text = page["text"].as_str().unwrap_or_default();
        for shown in [
            "3 of 6 cases fell short",
            "status",
            "426",
            "RFC 9110",
            "upshift replay 'reports.upshift.toml::refused[h2]'",
            "GET /account HTTP/1.1\\r\\n",
        ] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
    }
    assert!(!reports.text("html").contains("<script"));
}

#[test]
fn json_and_markdown_have_every_case() {
    peers!("curl");
    let reports = Reports::write();
    let record: Value = serde_json::from_str(&reports.text("json")).unwrap_or_default();
    assert_eq!(record["schema"], "upshift.test-report/1");
    assert_eq!((&record["success"], &record["summary"]["failed"]), (&json!(false), &json!(2)));
    assert_eq!(record["outcomes"].as_array().map(Vec::len), Some(6));
    let summary = reports.text("markdown");
    assert!(summary.contains("2 of 6 passed, 2 failed, 1 error, 1 skipped"), "{summary}");
}
