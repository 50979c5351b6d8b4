//! Large bodies with flat memory, and many requests.

use interop::{Gateway, Nginx, peers, run};

use crate::sample::RULES;

const GIB: u64 = 1 << 30;

/// The memory that a gibibyte may take beyond that of a small body, in KiB: buffers, not bodies.
const FLAT: u64 = 32 * 1024;

/// A download of 1 GiB takes no more memory than its buffers.
#[test]
fn a_gibibyte_comes_down_with_flat_memory() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let file = std::fs::File::create(nginx.folder().path().join("large.bin"));
    file.and_then(|file| file.set_len(GIB))
        .unwrap_or_else(|error| panic!("no sparse file: {error}"));
    let mut gateway = Gateway::start(nginx.address(), RULES);
    for (version, url) in
        [("--http1.1", gateway.url("/large.bin")), ("--http2", gateway.secure_url("/large.bin"))]
    {
        gateway.curl(&[version, "--range", "0-99", &url]);
        let before = gateway.program().peak_memory();
        let words =
            ["-sSk", version, "-o", "/dev/null", "-w", "%{http_code} %{size_download}", &url];
        assert_eq!(run("curl", &words).ok(), format!("200 {GIB}"));
        let grown = gateway.program().peak_memory() - before;
        assert!(grown < FLAT, "{version}: {grown} KiB more");
    }
}

#[test]
fn a_gibibyte_goes_up_with_flat_memory() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let large = nginx.folder().path().join("large.bin");
    let file = std::fs::File::create(&large);
    file.and_then(|file| file.set_len(GIB))
        .unwrap_or_else(|error| panic!("no sparse file: {error}"));
    let mut gateway = Gateway::start(nginx.address(), RULES);
    let url = gateway.url("/upload");
    gateway.curl(&["-d", "small", &url]);
    let before = gateway.program().peak_memory();
    let words = ["-sSi", "--http1.1", "-T", &large.to_string_lossy(), "-X", "POST", &url];
    let reply = interop::Reply::read(run("curl", &words).ok().as_bytes());
    assert_eq!(reply.status, 204, "{reply:?}");
    let arrived: u64 = reply.field("x-length").parse().unwrap_or_default();
    assert!(arrived > GIB, "{reply:?}");
    let grown = gateway.program().peak_memory() - before;
    assert!(grown < FLAT, "{grown} KiB more");
}

/// `wrk` with 64 connections ends without errors, and the memory does not grow. It runs for five
/// seconds only, because the build is not optimised.
#[test]
fn wrk_ends_without_error_or_growth() {
    peers!("nginx", "wrk");
    let nginx = Nginx::start();
    let mut gateway = Gateway::start(nginx.address(), RULES);
    let url = gateway.url("/index.html");
    let load = |seconds: &str| run("wrk", &["-t2", "-c64", "-d", seconds, &url]).ok();
    load("2s");
    let before = gateway.program().memory();
    let text = load("5s");
    assert!(!text.contains("Socket errors") && !text.contains("Non-2xx"), "{text}");
    let grown = gateway.program().memory().saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB more: {text}");
}
