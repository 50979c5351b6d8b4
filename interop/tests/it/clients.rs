//! Third-party clients in front of a real nginx.

use interop::{Gateway, Nginx, node, peers, python, run};

use crate::sample::RULES;

#[test]
fn curl_over_every_version_gets_the_real_file() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let cases = [
        ("--http1.0", gateway.url("/"), "HTTP/1."),
        ("--http1.1", gateway.url("/"), "HTTP/1.1"),
        ("--http2-prior-knowledge", gateway.url("/"), "HTTP/2"),
        ("--http2", gateway.url("/"), "HTTP/1.1"), // the offer of h2c is ignored
        ("--http1.1", gateway.secure_url("/"), "HTTP/1.1"),
        ("--http2", gateway.secure_url("/"), "HTTP/2"),
    ];
    for (version, url, protocol) in cases {
        let reply = gateway.curl(&[version, &url]);
        assert_eq!(reply.status, 200, "{version} {url}: {reply:?}");
        assert!(reply.protocol.starts_with(protocol), "{version} {url}: {reply:?}");
        assert!(reply.text().contains("real files"), "{version} {url}: {reply:?}");
    }
}

#[test]
fn curl_over_tls_1_2_and_1_3() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let of_version = |arguments: &[&str]| {
        gateway.curl(&[arguments, &[&gateway.secure_url("/vault/a")]].concat())
    };
    assert_eq!(of_version(&["--tlsv1.3"]).status, 200);
    let told = of_version(&["--tls-max", "1.2", "--http1.1"]);
    assert_eq!(
        (told.status, told.field("upgrade").as_str()),
        (426, "TLS/1.3"),
        "told politely, not by a handshake alert"
    );
}

/// `nghttp` exits 0 on every failure, so its output is read.
#[test]
fn nghttp_in_clear_and_over_tls() {
    peers!("nginx", "nghttp");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    for url in [gateway.url("/feeds/a"), gateway.secure_url("/feeds/a")] {
        let text = run("nghttp", &["--verbose", "--no-verify-peer", &url]).ok();
        assert!(text.contains(":status: 200") && text.contains("real files"), "{url}: {text}");
    }
    let refused =
        run("nghttp", &["--verbose", "--header=x-api-version: 1.4", &gateway.url("/api/orders")])
            .ok();
    assert!(refused.contains(":status: 426"), "{refused}");
    assert!(
        !refused.contains("PROTOCOL_ERROR"),
        "a forbidden field breaks the stream (RFC 9113 §8.2.2): {refused}"
    );
}

/// ApacheBench speaks HTTP/1.0, with `Connection: keep-alive` under `-k`.
#[test]
fn ab_keeps_its_http_1_0_connections() {
    peers!("nginx", "ab");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let text = run("ab", &["-k", "-q", "-n", "500", "-c", "8", &gateway.url("/index.html")]).ok();
    let number = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().find_map(|word| word.parse::<u32>().ok()).unwrap_or_default()
    };
    assert_eq!((number("Complete requests:"), number("Failed requests:")), (500, 0), "{text}");
    assert!(!text.contains("Non-2xx"), "{text}");
    assert!(number("Keep-Alive requests:") >= 490, "{text}");
    let refused = run("ab", &["-k", "-q", "-n", "50", &gateway.url("/modern/a")]).ok();
    assert!(refused.contains("Non-2xx responses:      50"), "{refused}");
}

#[test]
fn python_httpx_over_http_1_1_and_2() {
    peers!("nginx", "python3", "python packages");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let program = r#"
import sys, httpx
clear, secure = sys.argv[1:]
with httpx.Client(http2=True, verify=False) as client:
    ok = client.get(secure + "/feeds/a")
    print(ok.http_version, ok.status_code, "real files" in ok.text)
    old = client.get(secure + "/api/orders", headers={"X-Api-Version": "1.4"})
    print(old.http_version, old.status_code, "upgrade" in old.headers, old.json()["rule"])
with httpx.Client() as client:
    told = client.get(clear + "/feeds/a")
    print(told.http_version, told.status_code, told.headers["upgrade"], told.json()["status"])
    again = client.get(clear + "/")
    print(again.status_code)
"#;
    let text = python(program, &[&gateway.url(""), &gateway.secure_url("")]).ok();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        ["HTTP/2 200 True", "HTTP/2 426 False orders-v2", "HTTP/1.1 426 HTTP/2.0 426", "200"],
        "{text}"
    );
}

/// A client that sends its whole request before it reads, as Python's `urllib` does, gets the 426
/// even for a POST of 5 MB.
#[test]
fn python_urllib_reads_the_426_of_a_large_post() {
    peers!("nginx", "python3");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let program = r#"
import sys, urllib.request, urllib.error
for attempt in range(5):
    try:
        urllib.request.urlopen(urllib.request.Request(sys.argv[1], data=b"x" * 5_000_000, method="POST"))
        print("no refusal")
    except urllib.error.HTTPError as refusal:
        print(refusal.code, refusal.headers["Upgrade"], len(refusal.read()) > 100)
"#;
    let output = run("python3", &["-c", program, &gateway.url("/derp")]).ok();
    assert_eq!(output, "426 derp/2 True\n".repeat(5));
}

#[test]
fn node_fetch_reads_the_426_of_a_large_post() {
    peers!("nginx", "node", "node packages");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let program = r#"
for (let attempt = 0; attempt < 5; attempt++) {
  const reply = await fetch(process.argv[2], { method: "POST", body: "x".repeat(5_000_000) });
  const problem = await reply.json();
  console.log(reply.status, reply.headers.get("upgrade"), problem.rule);
}
"#;
    assert_eq!(node(program, &[&gateway.url("/derp")]).ok(), "426 derp/2 relay\n".repeat(5));
}

/// RFC 9110 §10.1.1: curl asks before it sends a megabyte, and a refusal spares it that.
#[test]
fn curl_is_spared_the_upload_by_expect() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let body = nginx.folder().file("body", vec![b'x'; 2_000_000]);
    let data = format!("@{}", body.display());
    let send = |path: &str| {
        gateway.curl(&[
            "--http1.1",
            "-H",
            "Expect: 100-continue",
            "--data-binary",
            &data,
            &gateway.url(path),
        ])
    };
    let refused = send("/derp");
    assert_eq!((refused.interim.as_slice(), refused.status), (&[][..], 426), "{refused:?}");
    let admitted = send("/upload");
    assert_eq!((admitted.interim.as_slice(), admitted.status), (&[100][..], 204), "{admitted:?}");
}

/// HEAD, ranges and conditional requests are nginx's affair and pass untouched.
#[test]
fn what_nginx_says_passes_untouched() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let url = gateway.url("/index.html");
    let head = gateway.curl(&["--head", &url]);
    assert_eq!(
        (head.status, head.field("content-length").is_empty(), head.body.len()),
        (200, false, 0),
        "{head:?}"
    );
    let part = gateway.curl(&["--range", "0-8", &url]);
    assert_eq!((part.status, part.text().as_str()), (206, "<!doctype"), "{part:?}");
    let same = gateway.curl(&["-H", &format!("If-None-Match: {}", head.field("etag")), &url]);
    assert_eq!((same.status, same.body.len()), (304, 0), "{same:?}");
}
