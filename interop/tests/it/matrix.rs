//! Every pair of front and upstream protocol, with each of the three things that can become of a
//! request. The cells are generated; one that is not supported says why, and what happens instead
//! is held all the same.

use std::collections::BTreeMap;
use std::fmt;

use interop::{Gateway, Scratch, Upstreams, peers, script};
use serde_json::{Value, json};

/// What a client speaks to the gateway, and what it is answered in.
const FRONTS: [(&str, &str); 8] = [
    ("h1.0", "HTTP/1."),
    ("h1.1", "HTTP/1.1"),
    ("h2c-prior", "HTTP/2"),
    ("h2c-upgrade", "HTTP/2"),
    ("h1.1-tls", "HTTP/1.1"),
    ("h2", "HTTP/2"),
    ("h3", "HTTP/3"),
    ("tls-inband", "HTTP/1.1"),
];

/// What the gateway speaks to an upstream: its name, scheme, `http` in the file, and what the
/// upstream sees.
const UPSTREAMS: [(&str, &str, &str, &str); 4] = [
    ("h1", "http", "1.1", "1.1"),
    ("h2c", "http", "2", "2.0"),
    ("https-h1", "https", "1.1", "1.1"),
    ("https-h2", "https", "2", "2.0"),
];

const OUTCOMES: [&str; 3] = ["admit", "refuse", "tunnel"];

/// Pairs that open no tunnel: the front or the upstream, what the client is told, and why.
const NO_TUNNEL: [(&str, u16, &str); 3] = [
    (
        "h1.0",
        426,
        "RFC 9110 §7.8: \"A server that receives an Upgrade header field in an HTTP/1.0 request MUST ignore that Upgrade field\"",
    ),
    ("h3", 426, "the codec takes no `:protocol: websocket` (RFC 9220), so the setting is not sent"),
    (
        "h2c",
        502,
        "a tunnel is asked for by HTTP/1.1, and this upstream speaks HTTP/2 alone (by ALPN it would speak both)",
    ),
];

#[derive(Clone, Copy)]
struct Cell {
    front: &'static str,
    upstream: &'static str,
    outcome: &'static str,
    /// What the answer is in.
    version: &'static str,
    /// What the upstream sees.
    sees: &'static str,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} × {} × {}]", self.front, self.upstream, self.outcome)
    }
}

#[test]
fn every_front_with_every_upstream_and_every_outcome() {
    peers!("node", "node packages", "python packages");
    let upstreams = Upstreams::start();
    let more =
        "http3 = true\nh2c-upgrade = true\nin-band-tls = true\ndangerous-allow-opossum = true";
    let gateway = Gateway::with(upstreams.clear(), more, &rules(&upstreams), &[]);
    let cells = cells();
    assert_eq!(cells.len(), FRONTS.len() * UPSTREAMS.len() * OUTCOMES.len());

    let folder = Scratch::new();
    let asked: Vec<Value> = cells.iter().map(|cell| cell.ask(&gateway)).collect();
    let file = folder.file("cells.json", Value::from(asked).to_string());
    let output = script("fronts.py", &[&file.to_string_lossy()]);
    let replies: Vec<Value> =
        output.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(replies.len(), cells.len(), "{}", output.stderr);

    let seen = upstreams.seen();
    let judged = cells.iter().zip(&replies).filter_map(|(cell, reply)| cell.wrong(reply, &seen));
    let wrong: Vec<String> = judged.collect();
    assert!(wrong.is_empty(), "{} of {} cells:\n{}", wrong.len(), cells.len(), wrong.join("\n"));
}

fn cells() -> Vec<Cell> {
    let pairs =
        FRONTS.iter().flat_map(|front| UPSTREAMS.iter().map(move |upstream| (front, upstream)));
    let all = pairs.flat_map(|pair| OUTCOMES.iter().map(move |outcome| (pair, *outcome)));
    all.map(|((front, upstream), outcome)| Cell {
        front: front.0,
        upstream: upstream.0,
        outcome,
        version: front.1,
        sees: upstream.3,
    })
    .collect()
}

/// One site per upstream protocol, and below each a rule for an API and one for a WebSocket.
fn rules(upstreams: &Upstreams) -> String {
    let ca = upstreams.certificate().file().display();
    let sites = UPSTREAMS.iter().map(|(name, scheme, http, _)| {
        let address = upstreams.address(name);
        let ca = if *scheme == "https" { format!("ca = \"{ca}\"\n") } else { String::new() };
        format!(
            "[[upstream]]\npaths = [\"/*/{name}/**\"]\naddresses = [\"{scheme}://{address}\"]\n\
             http = \"{http}\"\n{ca}"
        )
    });
    let rules = "[[rule]]\nid = \"orders\"\npaths = [\"/*/*/orders\"]\n\
         require = { api = { minimum = \"2.0\", read = [\"header:X-Api-Version\"] } }\n\
         [[rule]]\nid = \"chat\"\npaths = [\"/*/*/chat\"]\nrequire = { websocket = { version = 13 } }\n";
    sites.chain([rules.to_owned()]).collect()
}

impl Cell {
    fn path(&self) -> String {
        let what = match self.outcome {
            "admit" => "orders?of=today",
            "refuse" => "orders",
            _ => "chat",
        };
        format!("/{}/{}/{what}", self.front, self.upstream)
    }

    fn ask(&self, gateway: &Gateway) -> Value {
        let fields = match self.outcome {
            "admit" => json!([["X-Api-Version", "2.1"]]),
            "refuse" => json!([["X-Api-Version", "1.4"]]),
            _ => json!([]),
        };
        json!({
            "front": self.front, "outcome": self.outcome, "path": self.path(), "fields": fields,
            "http": gateway.http().to_string(), "https": gateway.https().to_string(),
        })
    }

    /// What is wrong with the reply; none if it is as it should be.
    fn wrong(&self, reply: &Value, seen: &BTreeMap<String, String>) -> Option<String> {
        let judged = match self.outcome {
            "admit" => self.admitted(reply),
            "refuse" => self.refused(reply, seen),
            _ => self.tunnelled(reply),
        };
        judged.err().map(|what| format!("{self} {what}: {reply}"))
    }

    fn admitted(&self, reply: &Value) -> Result<(), String> {
        is("status", &reply["status"], &json!(200))?;
        self.spoken(reply)?;
        is("what the upstream saw", &field(reply, "x-upstream-http"), &json!(self.sees))?;
        is("the content", &reply["body"], &json!(format!("upstream GET {}", self.path())))
    }

    fn refused(&self, reply: &Value, seen: &BTreeMap<String, String>) -> Result<(), String> {
        is("status", &reply["status"], &json!(426))?;
        self.spoken(reply)?;
        let problem: Value =
            serde_json::from_str(reply["body"].as_str().unwrap_or_default()).unwrap_or_default();
        is("the rule in the body", &problem["rule"], &json!("orders"))?;
        // RFC 9110 §15.5.22 and §7.8; RFC 9113 §8.2.2 and RFC 9114 §4.2, which forbid both.
        let upgrade =
            if self.version.starts_with("HTTP/1.") { json!("orders/2.0") } else { Value::Null };
        is("Upgrade", &field(reply, "upgrade"), &upgrade)?;
        let names_it =
            field(reply, "connection").as_str().is_some_and(|names| names.contains("upgrade"));
        is("whether Connection names it", &json!(names_it), &json!(!upgrade.is_null()))?;
        is(
            "whether it reached the upstream",
            &json!(seen.contains_key(&self.path())),
            &json!(false),
        )
    }

    fn tunnelled(&self, reply: &Value) -> Result<(), String> {
        if let Some((_, status, why)) =
            NO_TUNNEL.iter().find(|(name, ..)| [self.front, self.upstream].contains(name))
        {
            let setting = if self.front == "h3" { json!("no setting") } else { Value::Null };
            return is("status", &reply["status"], &json!(status))
                .and_then(|()| is("the tunnel", &reply["tunnel"], &setting))
                .map_err(|what| format!("is not supported ({why}), but {what}"));
        }
        let status = if self.version == "HTTP/2" { 200 } else { 101 };
        is("status", &reply["status"], &json!(status))?;
        is("the tunnel", &reply["tunnel"], &json!("open"))
    }

    /// What the client was answered in, and what it switched by.
    fn spoken(&self, reply: &Value) -> Result<(), String> {
        let version = reply["version"].as_str().unwrap_or_default();
        if !version.starts_with(self.version) {
            return Err(format!("was answered in {version}"));
        }
        let switches = matches!(self.front, "h2c-upgrade" | "tls-inband");
        is("whether it switched", &json!(reply["interim"][0] == 101), &json!(switches))
    }
}

fn is(what: &str, found: &Value, wanted: &Value) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found}, not {wanted}")) }
}

fn field(reply: &Value, name: &str) -> Value {
    let fields = reply["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    fields.iter().find(|pair| pair[0] == name).map(|pair| pair[1].clone()).unwrap_or_default()
}
