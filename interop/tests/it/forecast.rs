//! `forecast` against the gateway: for the same requests, both come to the same verdicts.

use std::collections::BTreeSet;
use std::time::Instant;

use interop::{
    Gateway, Nginx, Origin, Output, PATIENCE, Scratch, exchange, free_port, pause, peers, upshift,
};
use serde_json::Value;

const RULES: &str = r#"
[[rule]]
id = "api"
paths = ["/api/**"]
require = { api = { minimum = "2.0", supported = ["2.0", "2.1"], read = ["header:X-Api-Version", "query:v"] } }
on = { malformed = "refuse" }

[[rule]]
id = "apps"
paths = ["/**", "!/download/**"]
require = { client = { minimum = { AcmeApp = "5.1" }, blocked = ["AcmeApp/5.3"] } }

[[rule]]
id = "http11"
paths = ["/strict/**"]
require = { http = "1.1" }

[[rule]]
id = "chat"
paths = ["/chat/**"]
require = { websocket = true }

[[rule]]
id = "plain"
paths = ["/quiet/**"]
require = { websocket = false }

[[exemption]]
id = "kiosk"
rules = ["apps"]
clients = ["AcmeKiosk"]
reason = "replaced in spring"
owner = "retail"
expires = 2099-01-01
"#;

/// Everything that the rules, and the exemptions that are built in, read.
const LOG_FORMAT: &str = r#"$remote_addr [$time_iso8601] "$request" $status "$host" "$http_user_agent" "$http_x_api_version" "$http_upgrade" "$http_connection" "$http_sec_websocket_version" "$http_sec_websocket_protocol" "$http_origin" "$http_access_control_request_method" "$http_x_forwarded_proto""#;

/// A request, without its path.
struct Variant {
    method: &'static str,
    version: &'static str,
    fields: &'static str,
}

const VARIANTS: &[Variant] = &[
    Variant { method: "GET", version: "1.1", fields: "" },
    Variant { method: "GET", version: "1.0", fields: "" },
    Variant { method: "HEAD", version: "1.0", fields: "User-Agent: AcmeApp/5.0\r\n" },
    Variant {
        method: "GET",
        version: "1.1",
        fields: "User-Agent: AcmeApp/5.0 \"q\" \\b (caf\u{e9})\r\n",
    },
    Variant { method: "GET", version: "1.1", fields: "User-Agent: AcmeApp/5.3\r\n" },
    Variant {
        method: "GET",
        version: "1.1",
        fields: "User-Agent: AcmeApp/5.2\r\nX-Api-Version: 1.9\r\n",
    },
    Variant { method: "GET", version: "1.1", fields: "User-Agent: AcmeKiosk/1 AcmeApp/4\r\n" },
    Variant { method: "GET", version: "1.1", fields: "User-Agent: -\r\nX-Api-Version: 2.0\r\n" },
    Variant {
        method: "GET",
        version: "1.1",
        fields: "User-Agent: kube-probe/1.29\r\nX-Api-Version: two\r\n",
    },
    Variant { method: "GET", version: "1.1", fields: "X-Api-Version: 9.9\r\n" },
    Variant { method: "GET", version: "1.1", fields: "X-Api-Version: 1.0, 2.0\r\n" },
    Variant {
        method: "GET",
        version: "1.1",
        fields: "X-Api-Version: 1.0\r\nX-Forwarded-Proto: https\r\n",
    },
    Variant {
        method: "OPTIONS",
        version: "1.1",
        fields: "Origin: http://a\r\nAccess-Control-Request-Method: GET\r\nX-Api-Version: 1\r\n",
    },
    Variant {
        method: "OPTIONS",
        version: "1.1",
        fields: "Origin: http://a\r\nX-Api-Version: 1\r\n",
    },
    Variant {
        method: "GET",
        version: "1.1",
        fields: "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    },
    Variant {
        method: "GET",
        version: "1.1",
        fields: "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    },
    Variant {
        method: "GET",
        version: "1.0",
        fields: "Connection: upgrade\r\nUpgrade: websocket\r\n",
    },
];

const PLACES: &[&str] = &[
    "/api/{}",
    "/api/{}?v=1.0",
    "/api/{}?v=2.0",
    "/download/{}",
    "/strict/{}",
    "/chat/{}",
    "/quiet/{}",
    "/public/..%2Fapi/{}",
    "/{}",
];

/// Every variant at every place, each with a path of its own.
fn requests() -> Vec<(String, Vec<u8>)> {
    let mut requests = Vec::new();
    for place in PLACES {
        for (number, variant) in VARIANTS.iter().enumerate() {
            // Letters, because digits would be left out of the list of paths.
            let name = format!("case-{}", char::from(b'a' + u8::try_from(number).unwrap_or(0)));
            let target = place.replace("{}", &name);
            let Variant { method, version, fields } = variant;
            // A connection option of its own for HTTP/1.1, unless the variant has one.
            let close = if fields.contains("Connection") { "" } else { "Connection: close\r\n" };
            let text = format!(
                "{method} {target} HTTP/{version}\r\nHost: localhost\r\n{fields}{close}\r\n"
            );
            // One byte for each character, as an old client sends it.
            let bytes =
                text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?'));
            requests.push((format!("{method} {target} {version}"), bytes.collect()));
        }
    }
    requests
}

/// The requests that the gateway refuses, by their index.
fn refused_by(gateway: &Gateway, requests: &[(String, Vec<u8>)]) -> BTreeSet<usize> {
    let mut refused = BTreeSet::new();
    for (index, (_, bytes)) in requests.iter().enumerate() {
        let is_head = bytes.starts_with(b"HEAD");
        if exchange(gateway.http(), bytes, is_head).0.status == 426 {
            refused.insert(index);
        }
    }
    refused
}

/// This number of lines of the access record.
fn access_records(gateway: &mut Gateway, count: usize) -> Vec<String> {
    gateway.program().wait_for("all access records", |lines| {
        let records: Vec<_> = lines.iter().filter(|line| line.starts_with('{')).cloned().collect();
        if records.len() >= count { Some(records) } else { None }
    })
}

fn forecast(gateway: &Gateway, arguments: &[&str]) -> Output {
    let file = gateway.file();
    let file = file.to_string_lossy();
    upshift(&[&["forecast", "--json", "--config", &file], arguments].concat())
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A log that nginx writes in front of the same requests, one line each.
fn nginx_log(format: &str) -> Vec<String> {
    let folder = Scratch::new();
    let log = folder.path().join("access.log");
    // A format can only stand outside of `server`, which is closed for it; another one is begun.
    let address = free_port();
    let server = format!(
        "}} log_format tested '{format}'; server {{ listen {address}; \
         access_log {} tested; location / {{ return 200 ok; }}",
        log.display()
    );
    let _nginx = Nginx::with(&server);
    let mut lines = Vec::new();
    for (name, bytes) in requests() {
        exchange(address, &bytes, bytes.starts_with(b"HEAD"));
        // nginx writes the line after the answer.
        let begun = Instant::now();
        let text = loop {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if text.lines().count() > lines.len() {
                break text;
            }
            assert!(begun.elapsed() < PATIENCE, "no line for {name}");
            pause();
        };
        lines.extend(text.lines().last().map(str::to_owned));
    }
    lines
}

/// The requests whose version of HTTP a proxy hides from the gateway, which then admits them.
const HIDDEN: u64 = 1;

/// A log that records everything leads to the verdict of the gateway, request by request.
#[test]
fn nginx_s_log_leads_to_the_verdicts_of_the_gateway() {
    peers!("nginx");
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::with(origin.address(), "", RULES, &[]);
    let refused = refused_by(&gateway, &requests());
    let lines = nginx_log(LOG_FORMAT);
    let folder = Scratch::new();
    let whole = folder.file("whole.log", lines.join("\n") + "\n");
    let format = format!("nginx={LOG_FORMAT}");
    let record = json(&forecast(&gateway, &["--format", &format, &whole.to_string_lossy()]));
    assert_eq!(record["total"]["requests"], requests().len(), "{record}");
    assert_eq!(record["total"]["unknown"], HIDDEN, "{record}");
    assert_eq!(record["total"]["refused"], refused.len(), "{record}");
    // Which ones: the lines of the refused requests alone are all refused.
    let (mut bad, mut good) = (String::new(), String::new());
    for (index, line) in lines.iter().enumerate() {
        let part = if refused.contains(&index) { &mut bad } else { &mut good };
        part.push_str(line);
        part.push('\n');
    }
    for (name, part, expected) in [("bad.log", bad, refused.len()), ("good.log", good, 0)] {
        let file = folder.file(name, part);
        let record = json(&forecast(&gateway, &["--format", &format, &file.to_string_lossy()]));
        assert_eq!(record["total"]["refused"], expected, "{name}: {record}");
    }
}

/// A Combined log says less. What it says of a request is never that it passes, if the gateway
/// refuses it.
#[test]
fn a_combined_log_counts_no_refused_request_as_passing() {
    peers!("nginx");
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::with(origin.address(), "", RULES, &[]);
    let refused = refused_by(&gateway, &requests());
    let lines = nginx_log(
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
    );
    let mut bad = String::new();
    for index in &refused {
        bad.push_str(&lines[*index]);
        bad.push('\n');
    }
    let folder = Scratch::new();
    let file = folder.file("bad.log", bad);
    let record = json(&forecast(&gateway, &[&file.to_string_lossy()]));
    assert_eq!(record["sources"][0]["format"], "combined");
    let total = &record["total"];
    let not_passed = total["refused"].as_u64().zip(total["unknown"].as_u64());
    assert_eq!(
        not_passed.map(|(refused, unknown)| refused + unknown),
        Some(refused.len() as u64),
        "{total}"
    );
}

/// The gateway's own record has the facts as the gateway understood them.
#[test]
fn the_access_record_leads_to_the_verdicts_of_the_gateway() {
    // The record has the part of the query that the policy read, and so does not tell whether there
    // was another one.
    let rules = RULES.replace(", \"query:v\"]", "]");
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::with(origin.address(), "access-log = \"all\"", &rules, &[]);
    let asked = requests();
    let refused = refused_by(&gateway, &asked);
    let count = asked.len();
    let lines = access_records(&mut gateway, count);
    let folder = Scratch::new();
    let file = folder.file("access.json", lines.join("\n"));
    let record = json(&forecast(&gateway, &[&file.to_string_lossy()]));
    assert_eq!(record["sources"][0]["format"], "upshift");
    assert_eq!(record["total"]["requests"], count);
    assert_eq!(record["total"]["unknown"], HIDDEN, "{record}");
    assert_eq!(record["total"]["refused"], refused.len(), "{record}");
}

const IDENTITY_RULES: &str = r#"
[[rule]]
id = "orders"
paths = ["/orders/**"]
require = { api = { minimum = "2.0", read = ["header:X-Api-Version"] } }
rollout = { identity = ["header:X-Api-Key"], enforce = 2026-01-01 }

[[exemption]]
id = "partners"
identities = ["acme"]
reason = "r"
owner = "o"
expires = 2099-01-01

[[exemption]]
id = "probes"
headers = ["X-Probe: yes"]
reason = "r"
owner = "o"
expires = 2099-01-01
"#;

/// The record has fingerprints and no identities, and not the fields of exemptions. The forecast
/// counted those callers as refused, and all callers of one address as one.
#[test]
fn the_access_record_leads_to_the_exemptions_and_the_callers_of_the_gateway() {
    let origin = Origin::start(200, &[]);
    let settings = "access-log = \"all\"";
    let mut gateway = Gateway::with(origin.address(), settings, IDENTITY_RULES, &[]);
    let mut asked = Vec::new();
    for number in 0..30 {
        asked.push(format!("GET /orders/1 HTTP/1.1\r\nX-Api-Key: key-{}\r\n", number % 12));
    }
    for fields in ["X-Api-Key: acme", "X-Api-Key: other\r\nX-Probe: yes"] {
        asked.push(format!("GET /orders/1 HTTP/1.1\r\n{fields}\r\n"));
        asked.push(format!("GET /orders/2 HTTP/1.1\r\n{fields}\r\n"));
    }
    asked.push(
        "OPTIONS /orders/1 HTTP/1.1\r\nOrigin: http://a\r\nAccess-Control-Request-Method: GET\r\n"
            .to_owned(),
    );
    let (mut refused, mut admitted) = (0, 0);
    for head in &asked {
        let text =
            format!("{head}Host: localhost\r\nX-Api-Version: 1.0\r\nConnection: close\r\n\r\n");
        match exchange(gateway.http(), text.as_bytes(), false).0.status {
            426 => refused += 1,
            _ => admitted += 1,
        }
    }
    assert_eq!((refused, admitted), (30, 5));
    let lines = access_records(&mut gateway, asked.len());
    let folder = Scratch::new();
    let file = folder.file("access.json", lines.join("\n"));
    let record = json(&forecast(&gateway, &[&file.to_string_lossy()]));
    let orders = &record["rules"][0];
    assert_eq!((&orders["refused"], &orders["unknown"]), (&30.into(), &0.into()), "{record}");
    assert_eq!(orders["clients_by"], "identity", "{record}");
    // Twelve keys, two that are exempt, and the preflight by its address.
    assert_eq!((&orders["refused_clients"], &orders["clients"]), (&12.into(), &15.into()));
    assert_eq!(record["notes"], serde_json::json!([]), "{record}");
}

const RAMP_RULES: &str = r#"
[[rule]]
id = "orders"
paths = ["/orders/**"]
require = { api = { minimum = "2.0", read = ["header:X-Api-Version"] } }
rollout = { identity = ["header:X-Api-Key"], ramp = [{ at = 2020-01-01, share = 0.4 }], enforce = 2099-01-01 }
breaker = false
"#;

/// The record has no identities, but it has the rulings of the ramp. A log of another server has
/// neither, and the forecast names what is missing.
#[test]
fn the_access_record_leads_to_the_ramp_of_the_gateway() {
    let origin = Origin::start(200, &[]);
    let settings = "access-log = \"all\"";
    let mut gateway = Gateway::with(origin.address(), settings, RAMP_RULES, &[]);
    let mut requests = Vec::new();
    for key in 0..40 {
        let head = format!("GET /orders/1 HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: key-{key}");
        let text = format!("{head}\r\nX-Api-Version: 1.0\r\nConnection: close\r\n\r\n");
        requests.push((String::new(), text.into_bytes()));
    }
    let refused = refused_by(&gateway, &requests).len();
    assert!((1..requests.len()).contains(&refused), "{refused}");
    let lines = access_records(&mut gateway, requests.len());
    let folder = Scratch::new();
    let file = folder.file("access.json", lines.join("\n"));
    let at = ["--at", "2027-01-01"];
    let record = json(&forecast(&gateway, &[&at[..], &[&file.to_string_lossy()]].concat()));
    let orders = &record["rules"][0];
    assert_eq!((&orders["refused"], &orders["unknown"]), (&refused.into(), &0.into()), "{record}");
    let line = "{\"time\":\"2026-11-25T12:20:51Z\",\"request\":\"GET /orders/1 HTTP/1.1\",\
                \"status\":200,\"http_x_api_version\":\"1.0\"}\n";
    let other = folder.file("other.json", line);
    let config = gateway.file().to_string_lossy().into_owned();
    let output =
        upshift(&[&["forecast", "--config", &config, &other.to_string_lossy()], &at[..]].concat());
    let reason = "unknown for 1 (100%): the logs do not record header:x-api-key\n";
    assert!(output.stdout.contains(reason), "{output:?}");
}

/// A log that cannot be read, or is truncated, is an error with the exit code of the table, and the
/// requests before that are counted.
#[test]
fn bad_logs_are_named_and_what_came_out_of_them_is_counted() {
    let folder = Scratch::new();
    let policy = folder.file(
        "upshift.toml",
        "[gateway]\nhttp = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:9\"\n[[rule]]\nid = \"h\"\nrequire = { http = \"1.1\" }\n",
    );
    let policy = policy.to_string_lossy().into_owned();
    let line = "192.0.2.1 - - [25/Nov/2026:12:20:51 +0000] \"GET / HTTP/1.0\" 200 2 \"-\" \"-\"\n";
    let good = folder.file("good.log", line.repeat(3));
    let good = good.to_string_lossy().into_owned();
    let run =
        |arguments: &[&str]| upshift(&[&["forecast", "--config", &policy], arguments].concat());
    assert_eq!(run(&[&good]).code, 0);
    assert_eq!(run(&["--fail-above", "50%", &good]).code, 1);
    let future = folder.file("future.log", line.replace("2026", "2199"));
    let future = run(&[&future.to_string_lossy()]);
    assert_eq!(future.code, 0);
    assert!(future.stdout.contains("more than a day in the future"), "{future:?}");
    for (log, code, part) in [
        (folder.path().to_string_lossy().into_owned(), 3, "it is a directory"),
        (interop::binary().to_string_lossy().into_owned(), 3, "it is not text"),
        (folder.path().join("none.log").to_string_lossy().into_owned(), 3, "No such file"),
        (folder.file("empty.log", "").to_string_lossy().into_owned(), 4, "no request"),
        (
            folder.file("prose.log", "one\ntwo\n").to_string_lossy().into_owned(),
            2,
            "cannot tell the format",
        ),
        (folder.file("wide.log", b"\xff\xfea\0b\0").to_string_lossy().into_owned(), 3, "UTF-16"),
    ] {
        let output = run(&[&log]);
        assert_eq!(output.code, code, "{log}: {output:?}");
        assert!(output.stderr.contains(part), "{log}: {output:?}");
    }
    let wrong = run(&["--format", "nginx=$a$b", &good]);
    assert!(wrong.code == 2 && wrong.stderr.contains("nothing separates $b"), "{wrong:?}");
    // The other log is counted all the same.
    let partly = run(&[&good, "/nowhere.log"]);
    assert!(partly.code == 3 && partly.stdout.contains("3 (100%) of 3 requests"), "{partly:?}");
}
