//! `upshift test` and `upshift replay`: suites against real servers and clients, and what is left of
//! a run that ends before its time.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use interop::{
    ClosedPort, EchoOrigin, Gateway, Output, ProbedServer, Program, Scratch, binary, peers,
};
use serde_json::Value;

/// TLS is required at one path.
const RULES: &str =
    "[[rule]]\nid = \"account\"\npaths = [\"/account\"]\nrequire = { tls = \"1.2\" }\n";

/// Every lane to the gateway, refused and admitted.
const GATEWAY_SUITE: &str = r#"
suite = "gateway"
target = "${TARGET}"
tls-target = "${TLS_TARGET}"

[[probe]]
id = "refused"
req = "GET /account"
lanes = ["h1.0", "h1.1", "h2c-upgrade", "h2c-prior", "ws"]
expect."*" = { status = 426, fields.Upgrade = { token = "TLS/1.2" }, notes = ["U019"] }
expect."h2c-upgrade" = { interim = [101], status = 426, version = "2", absent = ["Upgrade"] }
expect."h2c-prior" = { status = 426, version = "2", absent = ["Upgrade", "Connection"] }

[[probe]]
id = "admitted"
req = """
POST /account
Content-Type: application/json

{"a": 1}
"""
lanes = ["h2", "h3", "tls1.2", "tls1.3"]
expect."*" = { status = 200, absent = ["Upgrade"] }

[[probe]]
id = "in-band"
req = "OPTIONS *"
expect."tls-inband" = { interim = [101], status = 200 }
"#;

fn write_suite(folder: &Scratch, name: &str, text: &str) -> String {
    folder.file(name, text).to_string_lossy().into_owned()
}

fn upshift_with(words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary());
    command.args(words).envs(variables.iter().copied()).env_remove("GITHUB_ACTIONS");
    Output::of(command)
}

#[test]
fn the_gateway_is_asked_over_every_lane() {
    let origin = EchoOrigin::start();
    let keys = "http3 = true\nh2c-upgrade = true\nin-band-tls = true\n\
                dangerous-allow-opossum = true\n";
    let gateway = Gateway::with(origin.address(), keys, RULES, &[]);
    let folder = Scratch::new();
    let suite = write_suite(&folder, "gateway.upshift.toml", GATEWAY_SUITE);
    let targets = [format!("http://{}", gateway.http()), format!("https://{}", gateway.https())];
    let variables = [("TARGET", targets[0].as_str()), ("TLS_TARGET", targets[1].as_str())];
    let output = upshift_with(&["test", &suite], &variables);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("10 cases: 10 passed"), "{}", output.stdout);

    let address = format!("{suite}::refused[h1.1]");
    let replayed = upshift_with(&["replay", &address], &variables);
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert!(replayed.stdout.contains("> GET /account HTTP/1.1\\r\\n"), "{}", replayed.stdout);
    assert!(replayed.stdout.contains("< HTTP/1.1 426 Upgrade Required\\r\\n"), "{replayed:?}");
}

/// Servers that require nothing.
const SERVER_SUITE: &str = r#"
target = "${TARGET}"
tls-target = "${TLS_TARGET}"
[[probe]]
id = "page"
req = "GET /"
lanes = ["h1.0", "h1.1", "h2c-prior", "h2", "h3", "tls1.2", "tls1.3", "tls-inband"]
expect."*" = { status = 200, body = { contains = "well" }, fail-on = "none" }
expect."h2c-prior" = { status = 200, version = "2", skip-if-unsupported = true, fail-on = "none" }
expect."h2" = { status = 200, version = "2", fail-on = "none" }
expect."h3" = { status = 200, version = "3", skip-if-unsupported = true, fail-on = "none" }
expect."tls-inband" = { status = 200, interim = [], fail-on = "none" }
"#;

#[test]
fn nginx_and_caddy_are_asked_over_every_lane() {
    peers!("nginx", "caddy");
    let folder = Scratch::new();
    let suite = write_suite(&folder, "page.upshift.toml", SERVER_SUITE);
    for name in ["nginx", "Caddy"] {
        let server = ProbedServer::start(name);
        let (http, https) = (server.http(), server.https());
        let targets = [format!("http://{http}"), format!("https://{https}")];
        let variables = [("TARGET", targets[0].as_str()), ("TLS_TARGET", targets[1].as_str())];
        let output = upshift_with(&["test", &suite], &variables);
        assert_eq!(output.code, 0, "{name}: {}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains("8 cases: "), "{name}: {}", output.stdout);
    }
}

const CURL_SUITE: &str = r#"
[[client]]
id = "switches"
run = ["curl", "-sS", "--http2", "{url}"]
scenario = "right-426-h2c"
[client.expect]
exit = 0
stdout = { contains = "Over HTTP/2" }
requests = 1
grade = ">= A"
request = [{ method = "GET", lane = "h2c-upgrade", fields.Upgrade = "h2c" }]

[[client]]
id = "posts"
run = ["curl", "-sS", "-d", "content", "{url}orders"]
scenario = "own"
expect = { exit = 0, max-requests = 1, no-body-replay = true, request = [{ body = "content" }] }

[[client]]
id = "swallows"
run = ["curl", "-sS", "{url}"]
scenario = "bare-426"
expect = { exit = 22 }

[[scenario]]
name = "own"
[[scenario.step]]
when = { path = "/orders" }
status = 426
fields = [["Upgrade", "TLS/1.2"], ["Connection", "Upgrade"]]
"#;

#[test]
fn curl_is_run_as_a_client() {
    peers!("curl");
    let folder = Scratch::new();
    let suite = write_suite(&folder, "curl.upshift.toml", CURL_SUITE);
    let output = upshift_with(&["test", &suite], &[]);
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("3 cases: 2 passed, 1 failed"), "{}", output.stdout);
    assert!(output.stdout.contains("expected exit code 22, got exit code 0"), "{output:?}");
    let again = format!("again: upshift replay '{suite}::swallows'");
    assert!(output.stdout.contains(&again), "{}", output.stdout);
}

/// A suite with one case that passes at once, and one whose server never answers.
struct HangingSuite {
    folder: Scratch,
    file: String,
    _silent: TcpListener,
}

impl HangingSuite {
    fn new() -> Self {
        let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("{error}"));
        let address = silent.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let text = format!(
            "[[probe]]\nid = \"slow\"\nreq = \"GET http://{address}/\"\ntimeout = \"60m\"\n\
             expect.\"h1.1\".status = 200\n\
             [[client]]\nid = \"quick\"\nrun = [\"true\", \"{{url}}\"]\nscenario = \"silent\"\n\
             expect.exit = 0\n"
        );
        let folder = Scratch::new();
        let file = write_suite(&folder, "slow.upshift.toml", &text);
        Self { folder, file, _silent: silent }
    }
}

/// Starts a run that hangs in one case, and waits until the other one is reported.
fn start_hanging(suite: &str, reports: &[&str]) -> Program {
    let mut command = Command::new(binary());
    command.args(["test", "--jobs", "2", suite]);
    for report in reports {
        command.args(["--report", report]);
    }
    let mut program = Program::start(command);
    program.wait_for("the quick case", |lines| {
        lines.iter().find(|line| line.contains("PASS") && line.contains("::quick")).map(drop)
    });
    program
}

/// The report is written as the run goes: what is left is valid, and no success.
#[test]
fn a_run_that_is_killed_leaves_valid_reports() {
    let suite = HangingSuite::new();
    let folder = suite.folder.path();
    let (tap, json) = (folder.join("r.tap"), folder.join("r.json"));
    let reports = [format!("tap={}", tap.display()), format!("json={}", json.display())];
    let mut run = start_hanging(&suite.file, &[&reports[0], &reports[1]]);
    // The line is printed before the report is written.
    wait_until_written(&json);
    run.signal("KILL");
    run.ended();
    let report = read_json(&json);
    assert_eq!(report["planned"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["outcomes"].as_array().map(Vec::len), Some(1));
    let text = std::fs::read_to_string(&tap).unwrap_or_default();
    assert!(text.starts_with("TAP version 14\n1..2\nnot ok 1 - "), "{text}");
    assert!(text.contains("ended before this case") && text.contains("\nok 2 - "), "{text}");
}

#[test]
fn a_run_that_is_interrupted_is_no_success() {
    let suite = HangingSuite::new();
    // HUP: the terminal was closed.
    for signal in ["INT", "HUP"] {
        let mut run = start_hanging(&suite.file, &[]);
        run.signal(signal);
        assert_eq!(run.ended(), 1, "{signal}");
        let lines = run.lines().join("\n");
        assert!(lines.contains("2 cases: 1 passed, 1 not run"), "{lines}");
        assert!(lines.contains(&format!("NOT RUN {}::slow[h1.1]", suite.file)), "{lines}");
    }
}

fn read_json(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn wait_until_written(report: &Path) {
    let begun = Instant::now();
    while read_json(report)["outcomes"].as_array().map(Vec::len) != Some(1) {
        assert!(begun.elapsed() < interop::PATIENCE, "the outcome is not in the report");
        interop::pause();
    }
}

/// However a suite is named, its cases have the same addresses, and run once.
#[test]
fn a_suite_has_one_address() {
    let folder = Scratch::new();
    let text =
        "[[client]]\nid = 'a'\nrun = ['true', '{url}']\nscenario = 'silent'\nexpect.exit = 0\n";
    let absolute = write_suite(&folder, "a.upshift.toml", text);
    let rows: [&[&str]; 4] =
        [&[], &["."], &["./a.upshift.toml"], &["a.upshift.toml", ".", &absolute]];
    for names in rows {
        let mut command = Command::new(binary());
        command.current_dir(folder.path()).args(["test", "--list"]).args(names);
        let output = Output::of(command);
        assert_eq!(output.stdout, "a.upshift.toml::a\n", "{names:?}");
    }
}

/// Faults of a suite or of the call, each with its exit code and a part of the message.
#[test]
fn mistakes_have_their_place_and_nothing_run_is_exit_4() {
    let folder = Scratch::new();
    let wrong_key = write_suite(&folder, "key.upshift.toml", "[[probe]]\nid = 'a'\nrequ = ''\n");
    let empty = write_suite(&folder, "empty.upshift.yaml", "suite: nothing\n");
    let binary = folder.path().join("binary.upshift.json");
    std::fs::write(&binary, [0xff, 0, 1]).unwrap_or_else(|error| panic!("{error}"));
    let binary = binary.to_string_lossy().into_owned();
    let folders: PathBuf = folder.path().join("folder.upshift.toml");
    std::fs::create_dir(&folders).unwrap_or_else(|error| panic!("{error}"));
    let folders = folders.to_string_lossy().into_owned();
    let rows: [(&[&str], i32, &str); 9] = [
        (&["test", &wrong_key], 2, ":3:1: unknown field `requ`"),
        (&["test", &wrong_key], 2, "did you mean `req`?"),
        (&["test", &binary], 2, "is not text (UTF-8)"),
        (&["test", &empty], 4, "the suites have no case"),
        (&["test", &folders], 4, "there is no suite"),
        (&["test", "no-such.upshift.toml"], 2, "cannot read no-such.upshift.toml"),
        (&["test", "README.md"], 2, "README.md is not a suite"),
        (&["test", "-E", "lane(h3"], 2, "`)` is missing"),
        (&["test", "--report", "tapp=x"], 2, "did you mean `tap`?"),
    ];
    for (words, code, says) in rows {
        let output = upshift_with(words, &[]);
        assert_eq!(output.code, code, "{words:?}: {output:?}");
        assert!(output.stderr.contains(says), "{words:?}: {output:?}");
    }
}

/// A server that cannot be reached, and one that never answers.
#[test]
fn a_server_that_is_down_is_no_failed_case() {
    let folder = Scratch::new();
    let closed = ClosedPort::reserve();
    let probe = |expect: &str| {
        format!(
            "target = 'http://{}'\n[[probe]]\nid = 'a'\nreq = 'GET /'\n{expect}",
            closed.address()
        )
    };
    let strict =
        write_suite(&folder, "down.upshift.toml", &probe("expect.'h1.1'.absent = ['A']\n"));
    let output = upshift_with(&["test", &strict], &[]);
    assert_eq!(output.code, 3, "{output:?}");
    assert!(output.stdout.contains("connection refused"), "{}", output.stdout);
    let lenient = probe("expect.'h1.1' = { status = 200, skip-if-unsupported = true }\n");
    let lenient = write_suite(&folder, "skip.upshift.toml", &lenient);
    let output = upshift_with(&["test", &lenient], &[]);
    assert_eq!(output.code, 4, "{output:?}");
    assert!(output.stderr.contains("every case was skipped"), "{}", output.stderr);
}

/// Annotations and the summary of the step.
#[test]
fn github_actions_gets_annotations_and_a_summary() {
    let folder = Scratch::new();
    let text = "[[client]]\nid = \"a\"\nrun = [\"false\", \"{url}\"]\nscenario = \"silent\"\n\
                expect.exit = 0\n";
    let suite = write_suite(&folder, "a.upshift.toml", text);
    let summary = folder.path().join("summary.md");
    let mut command = Command::new(binary());
    command.args(["test", &suite]).env("GITHUB_ACTIONS", "true");
    command.env("GITHUB_STEP_SUMMARY", &summary);
    let output = Output::of(command);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stdout.contains("::error file="), "{}", output.stdout);
    assert!(output.stdout.contains(",line=1,"), "{}", output.stdout);
    let text = std::fs::read_to_string(&summary).unwrap_or_default();
    assert!(text.starts_with("### upshift test: 0 of 1 passed, 1 failed"), "{text}");
    // A failed case counts, even if the summary cannot be written; without a file there is none.
    for (file, says) in [("/no-such-folder/a", "cannot write the step summary"), ("", "")] {
        let mut command = Command::new(binary());
        command.args(["test", &suite]).env("GITHUB_ACTIONS", "true");
        command.env("GITHUB_STEP_SUMMARY", file);
        let output = Output::of(command);
        assert_eq!(output.code, 1, "{output:?}");
        assert!(output.stderr.contains(says), "{output:?}");
        assert_eq!(output.stderr.is_empty(), file.is_empty(), "{output:?}");
    }
}

/// A change of the suite runs it again.
#[test]
fn watching_runs_again_after_a_change() {
    let folder = Scratch::new();
    let suite = |exit: &str| {
        format!(
            "[[client]]\nid = \"a\"\nrun = [\"true\", \"{{url}}\"]\nscenario = \"silent\"\n\
             expect.exit = {exit}\n"
        )
    };
    let file = write_suite(&folder, "a.upshift.toml", &suite("1"));
    let mut command = Command::new(binary());
    command.args(["test", "--watch", &file]);
    let mut run = Program::start(command);
    run.wait_for("the first run", |lines| {
        lines.iter().find(|line| line.contains("watching for changes")).map(drop)
    });
    folder.file("a.upshift.toml", suite("0"));
    run.wait_for("the second run", |lines| {
        lines.iter().find(|line| line.contains("1 case: 1 passed")).map(drop)
    });
    run.signal("INT");
    assert_eq!(run.ended(), 0);
}

/// A mock server, for suites that are asked of one.
struct Mock {
    url: String,
    _program: Program,
}

impl Mock {
    fn start(scenario: &Path) -> Self {
        let mut command = Command::new(binary());
        command.arg("mock").arg(scenario);
        let mut program = Program::start(command);
        let url = program.wait_for("the address", |lines| {
            let line = lines.iter().find(|line| line.starts_with("http://"))?;
            line.split_whitespace().next().map(str::to_owned)
        });
        Self { url, _program: program }
    }
}

/// The case whose value is needed runs first, and every octet is shown.
#[test]
fn a_replay_runs_what_the_case_needs() {
    let folder = Scratch::new();
    let scenario = folder.file(
        "peer.toml",
        "[[step]]\nwhen = { path = '/login' }\nstatus = 200\nfields = [['X-Token', 't1']]\n\
         [[step]]\nwhen = { fields = ['X-Token: t1'] }\nstatus = 200\nbody = 'fine'\n\
         [[step]]\nstatus = 401\n",
    );
    let mock = Mock::start(&scenario);
    let text = format!(
        "target = '{}'\n\
         [[probe]]\nid = 'login'\nreq = 'GET /login'\nexpect.'h1.1'.status = 200\n\
         capture.token = {{ field = 'X-Token' }}\n\
         [[probe]]\nid = 'order'\nreq = 'GET /order'\nfields.X-Token = '${{capture:token}}'\n\
         expect.h2c-prior = {{ status = 200, body = 'fine' }}\n",
        mock.url
    );
    let suite = write_suite(&folder, "order.upshift.toml", &text);
    let address = format!("{suite}::order[h2c-prior]");
    let output = upshift_with(&["replay", &address], &[]);
    assert_eq!(output.code, 0, "{output:?}");
    let first = format!("runs first, for a value that the case needs: {suite}::login[h1.1]");
    assert!(output.stderr.contains(&first), "{}", output.stderr);
    // The preface of HTTP/2 is text, and its frames are not.
    assert!(output.stdout.contains("> PRI * HTTP/2.0\\r\\n"), "{}", output.stdout);
    assert!(output.stdout.contains("> 000000  00 00 0c 04"), "{}", output.stdout);

    let output = upshift_with(&["replay", "--json", &address], &[]);
    let outcome: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(outcome["tries"][0]["verdict"], "passed");
    let fields = &outcome["tries"][0]["evidence"]["exchanges"][0]["request"]["fields"];
    assert!(fields.to_string().contains("t1"), "{fields}");

    let output = upshift_with(&["replay", &format!("{suite}::odrer[h1.1]")], &[]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("did you mean the case `order`?"), "{}", output.stderr);
    let output = upshift_with(&["replay", &format!("{suite}::order")], &[]);
    assert!(output.stderr.contains("it has '"), "{}", output.stderr);
}

/// The handshake switches, and what `ws` answers to a plain request lacks `Upgrade`.
#[test]
fn a_websocket_server_is_asked_for_a_switch() {
    peers!("node", "node packages");
    let server = ProbedServer::start("Node ws");
    let folder = Scratch::new();
    let text = format!(
        "target = 'http://{}'\n\
         [[probe]]\nid = 'switch'\nreq = 'GET /'\n\
         expect.ws = {{ interim = [101], interim-fields.101.Upgrade = 'websocket' }}\n\
         [[probe]]\nid = 'plain'\nreq = 'GET /'\n\
         expect.'h1.1' = {{ status = 426, absent = ['Upgrade'], notes = ['U001'] }}\n",
        server.http()
    );
    let suite = write_suite(&folder, "ws.upshift.toml", &text);
    let output = upshift_with(&["test", &suite], &[]);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
}
