//! `upshift init --suite`: what it writes is run by `upshift test`.

use std::path::{Path, PathBuf};
use std::process::Command;

use interop::{EchoOrigin, Gateway, Output, Scratch, binary, upshift};

/// A rule of each kind, in each phase that a file can have today, with each style of answer.
const RULES: &str = r#"
[[rule]]
id = "orders-v2"
hosts = ["api.example.com", "*.example.org"]
paths = ["/api/**", "!/api/legacy/**"]
require = { api = { minimum = "2.0", supported = ["2.0", "2.1"], assume = "1.0", read = ["header:X-Api-Version", "path:/api/v{version}/**", "query:api-version", "media-type:v"] } }
docs = "https://docs.example.com/orders/v2"
[rule.rollout]
identity = ["header:X-Api-Key"]
observe = 2020-05-01
warn = 2020-06-01
ramp = [{ at = 2020-11-01, share = 0.5 }]
enforce = 2900-12-01

[[rule]]
id = "modern-transport"
paths = ["/modern/**"]
require = [{ http = "3" }, { http = "2" }, { tls = "1.3" }]

[[rule]]
id = "account"
paths = ["/account"]
methods = ["POST"]
headers = ["X-Region: eu-*"]
require = { tls = "1.2" }

[[rule]]
id = "redirected"
paths = ["/redirected"]
answer = "redirect"
require = { tls = "1.3" }

[[rule]]
id = "strict"
paths = ["/strict"]
answer = "strict"
require = { http = "2" }

[[rule]]
id = "gone"
paths = ["/gone"]
answer = 410
require = { http = "3" }

[[rule]]
id = "chat"
paths = ["/chat"]
require = { websocket = { subprotocols = ["chat.v2"] } }

[[rule]]
id = "any-chat"
paths = ["/any-chat"]
require = { websocket = true }

[[rule]]
id = "no-chat"
paths = ["/quiet"]
require = { websocket = false }

[[rule]]
id = "relay"
paths = ["/derp"]
require = { protocol = "derp/2" }

[[rule]]
id = "stages"
paths = ["/lab/**"]
require = { api = { minimum = "beta", scheme = { ordered = ["alpha", "beta", "ga"] }, read = "query:stage" } }
on = { missing = "refuse" }

[[rule]]
id = "dated"
paths = ["/dated"]
require = { api = { minimum = "2026-01-01", scheme = "date", read = "header:Api-Version" } }

[[rule]]
id = "old-apps"
paths = ["/apps/**"]
require = { client = { read = ["header:X-Client-Version", "user-agent"], minimum = { AcmeApp = "5.1", Chrome = "109" }, blocked = ["AcmeApp/5.3.0"] } }

[[rule]]
id = "browsers"
paths = ["/browsers"]
require = { client = { minimum = { Firefox = "115", Safari = "16.4", Edge = "109" } } }

[[rule]]
id = "warned"
paths = ["/warned"]
phase = "warn"
docs = "https://docs.example.com/tls"
require = { api = { minimum = "3", read = "header:X-Api-Version" } }
deprecated = 2026-06-01
sunset = 2999-12-01

[[rule]]
id = "observed"
paths = ["/observed"]
phase = "observe"
require = { tls = "1.2" }

[[rule]]
id = "paused"
paths = ["/paused"]
phase = "paused"
require = { tls = "1.2" }
"#;

const RULE_IDS: [&str; 17] = [
    "orders-v2",
    "modern-transport",
    "account",
    "redirected",
    "strict",
    "gone",
    "chat",
    "any-chat",
    "no-chat",
    "relay",
    "stages",
    "dated",
    "old-apps",
    "browsers",
    "warned",
    "observed",
    "paused",
];

/// The suite of a policy has cases for all its rules, and all pass against the gateway; without the
/// rules, they do not.
#[test]
fn a_suite_of_a_policy_passes_against_its_gateway() {
    let origin = EchoOrigin::start();
    let keys = "http3 = true\nh2c-upgrade = true\n";
    let gateway = Gateway::with(origin.address(), keys, RULES, &[]);
    let folder = Scratch::new();
    let policy = folder.file("policy.toml", gateway.policy_with_addresses());
    let suite = folder.path().join("gateway.upshift.toml");
    let output = init(&["--from-policy", &text(&policy), "-o", &text(&suite)]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(!output.stderr.contains("no request"), "{}", output.stderr);
    let run = upshift(&["test", &text(&suite)]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    for id in RULE_IDS {
        assert!(run.stdout.contains(&format!("::{id}-plain")), "{id}: {}", run.stdout);
    }
    for id in [
        "orders-v2-version-1.0-caller",
        "stages-version-alpha",
        "dated-version-2000-01-01",
        "old-apps-acmeapp-4.0",
        "old-apps-acmeapp-5.1",
        "old-apps-acmeapp-5.3.0",
        "old-apps-chrome-108.0",
        "browsers-firefox-114.0",
        "warned-version-2.0",
        "chat-offers-chat.v2[ws]",
        "account-plain[h2c-upgrade]",
        "modern-transport-plain[h3]",
    ] {
        assert!(run.stdout.contains(&format!("::{id}")), "{id}: {}", run.stdout);
    }
    let unruled = Gateway::with(origin.address(), keys, "", &[]);
    let without = suite_with(&suite, unruled.http().to_string(), unruled.https().to_string());
    assert_eq!(without.code, 1, "{}", without.stdout);
    assert!(without.stdout.contains("status: expected 426, got 200"), "{}", without.stdout);
}

fn suite_with(suite: &Path, http: String, https: String) -> Output {
    let mut command = Command::new(binary());
    command.args(["test", &text(suite)]).env("HTTP", http).env("HTTPS", https);
    command.env_remove("GITHUB_ACTIONS");
    Output::of(command)
}

/// The HAR of a browser, a description and another tool's file are suites that `test` accepts.
#[test]
fn other_sources_become_suites() {
    let origin = EchoOrigin::start();
    let gateway = Gateway::start(origin.address(), RULES);
    let folder = Scratch::new();
    let url = format!("http://{}", gateway.http());
    let har = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/upshift-notes/tests/corpus/chromium-ws.har");
    let openapi = folder.file("api.yaml", OPENAPI);
    let hurl = folder.file("smoke.hurl", HURL);
    let sources = [
        ("--from-har", text(&har)),
        ("--from-openapi", text(&openapi)),
        ("--from-hurl", text(&hurl)),
    ];
    for (flag, source) in sources {
        let output = init(&[flag, &source, "--target", &url]);
        assert_eq!(output.code, 0, "{flag}: {}", output.stderr);
        assert!(output.stdout.starts_with("#:schema ./upshift-suite.schema.json\n"), "{flag}");
        let name = format!("{}.upshift.toml", flag.trim_start_matches("--from-"));
        let suite = folder.file(&name, &output.stdout);
        let list = upshift(&["test", "--list", &text(&suite)]);
        assert_eq!(list.code, 0, "{flag}: {}\n{}", list.stderr, output.stdout);
        if flag != "--from-har" {
            let run = upshift(&["test", &text(&suite)]);
            assert_eq!(run.code, 0, "{flag}: {}", run.stdout);
        }
    }
    let starter = init(&["--target", &url]);
    assert!(
        starter.stdout.contains(&format!("target = \"${{TARGET:-{url}}}\"")),
        "{}",
        starter.stdout
    );
}

const OPENAPI: &str = r#"
openapi: 3.1.0
info: { title: Labs }
paths:
  /lab/{room}:
    get:
      parameters:
        - { name: room, in: path, required: true, example: a b }
      responses:
        "426":
          description: The stage is missing.
          headers: { Upgrade: { schema: { example: stages/beta } } }
"#;

const HURL: &str = r#"
# The stage is missing.
GET {{host}}/lab/a
HTTP/1.1 426
[Asserts]
header "Upgrade" contains "stages"
header "Connection" matches /(?i)upgrade/
jsonpath "$.rule" == "stages"
"#;

/// Each wrong source is an error with its place and a way out, and no file is written.
#[test]
fn a_wrong_source_is_an_error_with_a_way_out() {
    let folder = Scratch::new();
    let rows: [(&str, &str, &[u8], &str); 8] = [
        (
            "--from-har",
            "cut.har",
            b"{\"log\": {\"entries\": [{\"request\": {",
            "line 1: the HAR is cut",
        ),
        ("--from-har", "a.bin", b"\x00\x01\xff", "help: "),
        ("--from-openapi", "empty.yaml", b"openapi: 3.1.0\n", "has no `paths`"),
        (
            "--from-openapi",
            "old.json",
            b"{\"swagger\": \"2.0\", \"paths\": {}}",
            "this is Swagger 2.0",
        ),
        ("--from-openapi", "a.zip", b"PK\x03\x04\xff\xfe", "the file is not text"),
        ("--from-hurl", "a.hurl", b"hello\n", "line 1, column 1: `hello` is no request of Hurl"),
        ("--from-policy", "a.toml", b"[gateway]\nupstreem = 1\n", "did you mean `upstream`?"),
        (
            "--from-policy",
            "none.toml",
            b"[gateway]\nupstream = \"http://127.0.0.1:1\"\n",
            "there is no rule",
        ),
    ];
    let suite = folder.path().join("out.upshift.toml");
    for (flag, name, content, says) in rows {
        let file = folder.file(name, content);
        let output = init(&[flag, &text(&file), "-o", &text(&suite)]);
        assert_eq!(output.code, 2, "{flag} {name}: {}", output.stderr);
        assert!(output.stderr.contains(says), "{flag} {name}: {}", output.stderr);
        assert!(!suite.exists(), "{flag} {name}");
    }
    let output = init(&["--from-har", &text(folder.path())]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("name a file in it"), "{}", output.stderr);
    let output = init(&["--upstream", "http://127.0.0.1:1"]);
    assert_eq!(output.code, 2, "a suite has no upstream: {}", output.stderr);
}

/// A suite that exists is not overwritten, unless that is asked for.
#[test]
fn a_suite_that_exists_is_kept() {
    let folder = Scratch::new();
    let suite = folder.file("a.upshift.toml", "mine");
    let output = init(&["-o", &text(&suite)]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("add --force"), "{}", output.stderr);
    assert_eq!(std::fs::read_to_string(&suite).unwrap_or_default(), "mine");
    assert_eq!(init(&["-o", &text(&suite), "--force"]).code, 0);
    assert!(std::fs::read_to_string(&suite).unwrap_or_default().contains("[[probe]]"));
}

/// The name decides whether `upshift test` finds a suite.
#[test]
fn a_name_that_is_not_that_of_a_suite_gets_a_note() {
    let folder = Scratch::new();
    for (name, says) in
        [("out.txt", "give it a name that ends in .upshift.toml"), ("a.upshift.toml", "  next: ")]
    {
        let output = init(&["-o", &text(&folder.path().join(name))]);
        assert_eq!(output.code, 0, "{name}: {}", output.stderr);
        assert!(output.stderr.contains(says), "{name}: {}", output.stderr);
    }
    let output = init(&["--target", "http://127.0.0.1:1/?a=b"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("leave out its query"), "{}", output.stderr);
}

/// A variable whose name a shell sets would send its value; an unset one is an error.
#[test]
fn a_secret_that_is_not_set_is_an_error() {
    let folder = Scratch::new();
    let content = "POST http://127.0.0.1:1/\n{\"pwd\": \"S1\"}\nHTTP 200\n";
    let source = folder.file("pwd.hurl", content);
    let suite = folder.path().join("pwd.upshift.toml");
    assert_eq!(init(&["--from-hurl", &text(&source), "-o", &text(&suite)]).code, 0);
    let run = upshift(&["test", &text(&suite)]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("`SUITE_PWD` is not set"), "{}", run.stderr);
}

fn init(flags: &[&str]) -> Output {
    upshift(&[&["init", "--suite"], flags].concat())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
