//! `upshift probe` of servers and hops with a fault: it names the fault, and its exit code says so.

use interop::{ClosedPort, Gateway, ProbedServer, peers, read_report, upshift};
use serde_json::Value;

/// The finding with this id.
fn find_hop<'r>(report: &'r Value, id: &str) -> &'r Value {
    let hops = report["hops"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = hops.iter().find(|hop| hop["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {:#}", report["hops"]))
}

/// The most frequent fault in front of a WebSocket server: nginx without `proxy_set_header Upgrade`.
#[test]
fn a_proxy_that_removes_upgrade_is_named() {
    peers!("nginx", "node", "node packages");
    let server = ProbedServer::start("Node ws");
    let nginx = ProbedServer::nginx_before(server.http());
    let (report, code) = nginx.probe();
    let hop = find_hop(&report, "upgrade-removed");
    assert_eq!((&hop["level"], code), (&"error".into(), 1));
    assert!(hop["evidence"].to_string().contains("Server: nginx"), "{hop:#}");
}

/// The default of nginx as a proxy is HTTP/1.0, which a server that needs HTTP/1.1 refuses.
#[test]
fn a_proxy_that_speaks_http_1_0_is_named() {
    peers!("nginx");
    let rule = "[[rule]]\nid = \"modern\"\npaths = [\"/**\"]\nrequire = { http = \"1.1\" }\n";
    let nothing = ClosedPort::reserve();
    let gateway = Gateway::start(nothing.address(), rule);
    let nginx = ProbedServer::nginx_before(gateway.http());
    let (report, code) = nginx.probe_path("/old/");
    let hop = find_hop(&report, "http-1.0-request");
    assert_eq!((&hop["level"], code), (&"error".into(), 1), "{hop:#}");
    // Over HTTP/1.1 there is no such fault; nothing listens upstream.
    let (report, _) = nginx.probe_path("/");
    assert_eq!(report["lanes"][1]["status"], 502, "{report:#}");
}

/// A gateway whose refusals name a port of TLS at which nothing listens.
#[test]
fn a_promise_that_is_not_delivered_is_named() {
    let (closed, nothing) = (ClosedPort::reserve(), ClosedPort::reserve());
    let rule = format!(
        "[[rule]]\nid = \"needs-tls\"\npaths = [\"/**\"]\nrequire = {{ tls = \"1.2\" }}\n\
         docs = \"https://127.0.0.1:{}/docs\"\n",
        closed.address().port()
    );
    let public = format!("public = \"https://{}\"\n", closed.address());
    let gateway = Gateway::with(nothing.address(), &public, &rule, &[]);
    let (report, code) = read_report(&upshift(&["probe", "--json", &gateway.url("/account")]));
    assert_eq!(code, 1, "{report:#}");
    let promises = report["promises"].as_array().cloned().unwrap_or_default();
    let url = promises.iter().find(|promise| promise["what"].to_string().contains("/account"));
    let url = url.unwrap_or_else(|| panic!("{promises:#?}"));
    assert_eq!(url["verdict"], "not-delivered", "{promises:#?}");
    assert!(url["evidence"].to_string().contains("connection refused"), "{url:#}");
    let tls = promises.iter().find(|promise| promise["what"] == "TLS/1.2");
    assert!(tls.is_some_and(|tls| tls["verdict"] == "not-delivered"), "{promises:#?}");
}

/// The exit codes of docs/probe.md.
#[test]
fn the_exit_codes_of_a_probe() {
    let nothing = ClosedPort::reserve();
    let url = format!("http://{}/", nothing.address());
    for (words, code, text) in [
        (&[&url as &str][..], 3, "nothing answered"),
        (&["--lanes", "h2", &url], 4, "nothing was asked"),
        (&["--lanes", "http2", &url], 2, "`http2` is not a lane"),
        (&["--cleartext-port", "80", &url], 2, "--cleartext-port is for https URLs"),
        (&["-H", "Upgrade: h2c", &url], 2, "the lanes set `Upgrade` themselves"),
        (&["ftp://a.example/"], 2, "`ftp` URLs cannot be probed"),
    ] {
        let output = upshift(&[&["probe"], words].concat());
        assert_eq!(output.code, code, "{words:?}: {output:?}");
        assert!(output.stderr.contains(text), "{words:?}: {output:?}");
    }
}
