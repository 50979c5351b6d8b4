//! Interim responses (RFC 9110 §15.2), `Expect: 100-continue` (§10.1.1) and the names of fields
//! (§5.1) between real clients and a real server over HTTP/1.1.

use std::net::SocketAddr;

use interop::{Gateway, Program, Reply, Scratch, node, node_server, peers};
use serde_json::json;

/// Sends 102 and 103 before the response to `/hints`, and answers 401 to an expectation at
/// `/denied`. Says what it received.
const SERVER: &str = r#"
const http = require("node:http");
function answer(request, response) {
  if (request.url === "/hints") {
    response.writeProcessing();
    response.writeEarlyHints({ link: "</a.css>; rel=preload", "x-trace-ID": "7" });
  }
  let length = 0;
  request.on("data", (chunk) => { length += chunk.length; });
  request.on("end", () => {
    const names = request.rawHeaders.filter((_, index) => index % 2 === 0);
    response.writeHead(200, { ETag: '"a"', "x-served-BY": "node" });
    response.end(JSON.stringify({ length, names, expect: request.headers.expect }));
  });
}
const server = http.createServer(answer);
server.on("checkContinue", (request, response) => {
  if (request.url === "/denied") {
    response.writeHead(401, { "WWW-Authenticate": "Basic" }).end("denied");
    return;
  }
  response.writeContinue();
  answer(request, response);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"#;

/// A gateway in front of the server.
fn start() -> (Gateway, Program) {
    let mut server = node_server(SERVER, &[]);
    let port =
        server.wait_for("its port", |lines| lines.iter().find_map(|line| line.parse::<u16>().ok()));
    let address: SocketAddr = ([127, 0, 0, 1], port).into();
    (Gateway::start(address, ""), server)
}

#[test]
fn curl_gets_the_early_hints_of_node() {
    peers!("node packages", "node", "curl");
    let (gateway, _server) = start();
    let url = gateway.url("/hints");
    for (version, interim) in
        [("--http1.1", &[102, 103][..]), ("--http1.0", &[]), ("--http2-prior-knowledge", &[])]
    {
        let reply = gateway.curl(&[version, &url]);
        assert_eq!((reply.interim.as_slice(), reply.status), (interim, 200), "{version}");
    }
    let secure = gateway.curl(&["--http1.1", &gateway.secure_url("/hints")]);
    assert_eq!(secure.interim, [102, 103]);
}

/// The server decides by the head of a request, before the client uploads anything.
#[test]
fn curl_uploads_what_node_has_asked_for() {
    peers!("node packages", "node", "curl");
    let (gateway, _server) = start();
    let folder = Scratch::new();
    let data = format!("@{}", folder.file("body", vec![b'x'; 2_000_000]).display());
    let upload = |version: &str, path: &str| -> Reply {
        let (url, expect) = (gateway.url(path), "Expect: 100-continue");
        let size = ["--write-out", " %{size_upload}", "--data-binary", &data, &url];
        gateway.curl(&[&[version, "--header", expect][..], &size].concat())
    };
    let taken = upload("--http1.1", "/upload");
    assert_eq!((taken.interim.as_slice(), taken.status), (&[100][..], 200), "{taken:?}");
    assert!(taken.text().contains(r#""length":2000000"#), "{taken:?}");
    assert!(taken.text().contains(r#""expect":"100-continue""#), "{taken:?}");
    let denied = upload("--http1.1", "/denied");
    assert_eq!((denied.interim.as_slice(), denied.status), (&[][..], 401), "{denied:?}");
    assert_eq!(denied.text(), "denied 0");
    // Over HTTP/2 there is no 100, and curl sends its content after a second.
    let multiplexed = upload("--http2-prior-knowledge", "/upload");
    assert!(multiplexed.text().contains(r#""length":2000000"#), "{multiplexed:?}");
}

#[test]
fn names_stay_as_node_and_curl_write_them() {
    peers!("node packages", "node", "curl");
    let (gateway, _server) = start();
    let fields = ["--header", "x-api-VERSION: 1", "--header", "X-ID: 2"];
    let url = gateway.url("/");
    let reply = gateway.curl(&[&fields[..], &["--http1.1", &url]].concat());
    let names = reply.json()["names"].clone();
    let has = |name: &str| names.as_array().is_some_and(|names| names.contains(&json!(name)));
    assert!(has("x-api-VERSION") && has("X-ID") && has("User-Agent"), "{names}");
    for name in ["ETag", "x-served-BY", "Via", "X-Request-Id"] {
        assert!(reply.fields.iter().any(|(have, _)| have == name), "{name}: {reply:?}");
    }
}

/// A client that waits for its 100 as programs do, and looks at interim responses.
#[test]
fn a_program_in_node_sees_them() {
    peers!("node packages", "node");
    let (gateway, _server) = start();
    let program = r#"
import http from "node:http";
const at = (path) => ({ host: "127.0.0.1", port: new URL(process.argv[2]).port, path });
const ask = (options, content) => new Promise((resolve, reject) => {
  const seen = [];
  const request = http.request(options, (response) => {
    let text = "";
    response.on("data", (chunk) => { text += chunk; });
    response.on("end", () => resolve([...seen, response.statusCode, text]));
  });
  request.on("information", (info) => seen.push([info.statusCode, info.rawHeaders.join("|")]));
  request.on("continue", () => request.end(content));
  request.on("error", reject);
  if (!content) request.end();
  else request.flushHeaders();
});
const hints = await ask(at("/hints"));
console.log(JSON.stringify(hints.slice(0, 3)));
const options = { ...at("/upload"), method: "PUT", headers: { expect: "100-continue", "content-length": 5 } };
const [status, text] = (await ask(options, "hello")).slice(-2);
console.log(status, JSON.parse(text).length);
"#;
    let printed = node(program, &[&gateway.url("/")]).ok();
    let hints = json!([
        [102, "Via|1.1 upshift"],
        [103, "Link|</a.css>; rel=preload|x-trace-ID|7|Via|1.1 upshift"],
        200
    ]);
    assert_eq!(printed, format!("{hints}\n200 5\n"));
}
