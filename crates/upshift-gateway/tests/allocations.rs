//! Allocations per request, counted on one worker and one kept-alive connection.
//!
//! The allocator counts those of the whole process. The client and the upstream share that process,
//! but allocate nothing per request: they use blocking sockets and fixed buffers. The breaker and
//! the housekeeping of the worker do allocate, a few times a second, which can only add to a round.
//! The lowest of three rounds is therefore compared with the bound.
//!
//! `cargo nextest run -p upshift-gateway --test allocations --no-capture` prints the table.

#[path = "it/support.rs"]
#[expect(dead_code, reason = "the other test binary uses all of it")]
mod support;

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use upshift_config::load;
use upshift_core::Policy;

use crate::support::{Running, connect, free, settings_with};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Requests until pools, maps and HPACK tables have their size.
const WARM_UP: usize = 50;
/// Requests of a round.
const MEASURED: usize = 200;
const ROUNDS: usize = 3;
/// Holds every head and body of these cases.
const BUFFER: usize = 16 * 1024;

/// One kind of request.
struct Case {
    name: &'static str,
    /// The rules, as a policy file has them.
    rules: &'static str,
    request: Request,
    /// The status of every response.
    status: u16,
    /// The upper bound of allocations and reallocations together: what was measured plus about a
    /// tenth. Lower it with every improvement.
    most: f64,
}

enum Request {
    /// The bytes of one request.
    Http1(&'static [u8]),
    /// A header block in HPACK (RFC 7541) that leaves the dynamic table alone.
    Http2(&'static [u8]),
}

const CASES: [Case; 6] = [
    Case {
        name: "GET without rules",
        rules: "",
        request: Request::Http1(CURL),
        status: 200,
        most: 21.0,
    },
    Case {
        name: "browser, three rules, admitted",
        rules: THREE_RULES,
        request: Request::Http1(CHROME),
        status: 200,
        most: 39.0,
    },
    Case {
        name: "API, admitted",
        rules: API_RULE,
        request: Request::Http1(API_2),
        status: 200,
        most: 27.0,
    },
    Case {
        name: "API, refused (JSON)",
        rules: API_RULE,
        request: Request::Http1(API_1),
        status: 426,
        most: 8.0,
    },
    Case {
        name: "browser, refused (HTML)",
        rules: NEW_CHROME_RULE,
        request: Request::Http1(CHROME),
        status: 426,
        most: 18.0,
    },
    Case {
        name: "GET over HTTP/2, one rule, admitted",
        rules: HTTP_2_RULE,
        request: Request::Http2(HTTP_2_GET),
        status: 200,
        most: 32.0,
    },
];

const CURL: &[u8] = b"GET /orders/7 HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n";

const CHROME: &[u8] = b"GET /orders/7?page=2 HTTP/1.1\r\nHost: shop.example\r\n\
    Connection: keep-alive\r\nCache-Control: max-age=0\r\n\
    sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\", \"Google Chrome\";v=\"140\"\r\n\
    sec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/140.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\
    \r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
    Cookie: session=0b5c7e1f9a; theme=dark; consent=all\r\n\r\n";

const API_2: &[u8] = b"GET /api/orders/7 HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: AcmeApp/5.2.0\r\nAccept: application/json\r\nX-Api-Version: 2.0\r\n\r\n";

const API_1: &[u8] = b"GET /api/orders/7 HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: AcmeApp/5.2.0\r\nAccept: application/json\r\nX-Api-Version: 1.0\r\n\r\n";

// RFC 7541 §6.1, appendix A: `:method: GET` and `:scheme: http` are entries 2 and 6 of the static
// table. §6.2.2: `:path` (4) and `:authority` (1) are literals without indexing.
const HTTP_2_GET: &[u8] = b"\x82\x86\x04\x09/orders/7\x01\x0cshop.example";

const THREE_RULES: &str = r#"
    [[rule]]
    id = "transport"
    require = { http = "1.1" }
    [[rule]]
    id = "browsers"
    require = { client = { read = "user-agent", minimum = { Chrome = "109" } } }
    [[rule]]
    id = "orders-v2"
    require = { api = { minimum = "2.0", read = "header:X-Api-Version" } }
"#;

const API_RULE: &str = r#"
    [[rule]]
    id = "orders-v2"
    paths = ["/api/**"]
    require = { api = { minimum = "2.0", read = "header:X-Api-Version" } }
"#;

const NEW_CHROME_RULE: &str = r#"
    [[rule]]
    id = "browsers"
    require = { client = { read = "user-agent", minimum = { Chrome = "150" } } }
"#;

const HTTP_2_RULE: &str = r#"
    [[rule]]
    id = "transport"
    require = { http = "2" }
"#;

/// All cases in one test: parallel tests of one process would count each other's allocations.
#[test]
fn a_request_allocates_no_more_than_its_bound() {
    println!("{:36} {:>8} {:>8} {:>8} {:>8}", "per request", "alloc", "realloc", "sum", "at most");
    let upstream = start_upstream();
    let mut exceeded = Vec::new();
    for case in &CASES {
        let counted = count_allocations(case, upstream);
        let Counted { allocations, reallocations } = counted;
        let (name, sum, most) = (case.name, counted.sum(), case.most);
        println!("{name:36} {allocations:8.2} {reallocations:8.2} {sum:8.2} {most:8.1}");
        if sum > most {
            exceeded.push(name);
        }
    }
    assert!(exceeded.is_empty(), "more allocations per request than before: {exceeded:?}");
}

/// Means of a round.
struct Counted {
    allocations: f64,
    reallocations: f64,
}

impl Counted {
    fn sum(&self) -> f64 {
        self.allocations + self.reallocations
    }
}

/// Runs `case` on a gateway of its own, and returns the lowest of its rounds.
fn count_allocations(case: &Case, upstream: SocketAddr) -> Counted {
    let gateway = Running::start(settings_with(upstream, |settings| {
        settings.file.policy = load_policy(case.rules);
    }));
    let mut client = Client::open(gateway.http(), &case.request);
    client.repeat_request(WARM_UP, case.status);
    let mut lowest = count_round(&mut client, case.status);
    for _ in 1..ROUNDS {
        let round = count_round(&mut client, case.status);
        if round.sum() < lowest.sum() {
            lowest = round;
        }
    }
    lowest
}

fn count_round(client: &mut Client, status: u16) -> Counted {
    let region = Region::new(ALLOCATOR);
    client.repeat_request(MEASURED, status);
    let stats = region.change();
    let mean = MEASURED as f64;
    Counted {
        allocations: stats.allocations as f64 / mean,
        reallocations: stats.reallocations as f64 / mean,
    }
}

fn load_policy(rules: &str) -> Policy {
    // A file without an upstream is invalid. `settings_with` names the real one.
    let text = format!("gateway.upstream = \"http://127.0.0.1:9\"\n{rules}");
    load(&text, "allocations.toml").expect("a valid policy file").file.policy
}

/// Answers every request on every connection with 200, without an allocation per request.
fn start_upstream() -> SocketAddr {
    let listener = TcpListener::bind(free()).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_requests(stream));
        }
    });
    address
}

fn answer_requests(mut stream: TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
    let mut buffer = [0; BUFFER];
    let mut filled = 0;
    while let Ok(length @ 1..) = stream.read(&mut buffer[filled..]) {
        filled += length;
        // No request of these cases has a body.
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            if stream.write_all(ANSWER).is_err() {
                return;
            }
        }
    }
}

/// A connection that repeats one request, without an allocation per request.
struct Client {
    stream: TcpStream,
    buffer: [u8; BUFFER],
    version: Version,
}

enum Version {
    Http1 { request: &'static [u8] },
    Http2 { block: &'static [u8], next_stream: u32 },
}

impl Client {
    fn open(address: SocketAddr, request: &Request) -> Self {
        let mut stream = connect(address);
        // An HTTP/2 request is two writes, which Nagle's algorithm would hold apart.
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let version = match *request {
            Request::Http1(request) => Version::Http1 { request },
            Request::Http2(block) => {
                stream.write_all(HTTP_2_OPENING).expect("the opening is written");
                Version::Http2 { block, next_stream: 1 }
            }
        };
        Self { stream, buffer: [0; BUFFER], version }
    }

    fn repeat_request(&mut self, times: usize, expected: u16) {
        for _ in 0..times {
            let status = match self.version {
                Version::Http1 { request } => self.exchange_http1(request),
                Version::Http2 { block, next_stream } => {
                    self.version = Version::Http2 { block, next_stream: next_stream + 2 };
                    self.exchange_http2(block, next_stream)
                }
            };
            assert_eq!(status, expected);
        }
    }

    fn exchange_http1(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).expect("the request is written");
        let mut filled = 0;
        loop {
            let length = self.stream.read(&mut self.buffer[filled..]).expect("a response");
            assert_ne!(length, 0, "the connection stays open");
            filled += length;
            if let Some(status) = status_of_whole(&self.buffer[..filled]) {
                return status;
            }
        }
    }

    fn exchange_http2(&mut self, block: &[u8], stream_id: u32) -> u16 {
        let flags = END_STREAM | END_HEADERS;
        let head = frame_head(block.len() as u32, HEADERS, flags, stream_id);
        self.stream.write_all(&head).expect("the frame head is written");
        self.stream.write_all(block).expect("the header block is written");
        let mut status = None;
        loop {
            let frame = self.read_frame();
            if frame.kind == HEADERS && frame.stream_id == stream_id {
                status = Some(status_of_block(&self.buffer[..frame.length]));
            }
            if frame.stream_id == stream_id && frame.flags & END_STREAM != 0 {
                return status.expect("the fields come before the end");
            }
            if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                let ack = frame_head(0, SETTINGS, ACK, 0);
                self.stream.write_all(&ack).expect("the acknowledgement is written");
            }
        }
    }

    /// Reads one frame, and its payload into the buffer.
    fn read_frame(&mut self) -> Frame {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).expect("a frame head");
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = head;
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        self.stream.read_exact(&mut self.buffer[..length]).expect("the payload");
        Frame { length, kind, flags, stream_id: u32::from_be_bytes([s0, s1, s2, s3]) }
    }
}

/// The status of an HTTP/1.1 response, once its body has arrived.
fn status_of_whole(received: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(received).expect("the responses are UTF-8");
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut length = None;
    for line in head.lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().ok();
        }
    }
    if body.len() < length.expect("every response has a Content-Length") {
        return None;
    }
    // RFC 9112 §4: the status follows the version, `HTTP/1.1`, and a space.
    head.get(9..12)?.parse().ok()
}

/// The client's connection preface (RFC 9113 §3.4) with empty SETTINGS, and a connection window
/// (§6.9) that no round fills.
const HTTP_2_OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \0\0\0\x04\0\0\0\0\0\
    \0\0\x04\x08\0\0\0\0\0\0\x10\0\0";

// RFC 9113 §6: frame types and flags.
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
    stream_id: u32,
}

/// RFC 9113 §4.1.
fn frame_head(length: u32, kind: u8, flags: u8, stream_id: u32) -> [u8; 9] {
    let [_, l0, l1, l2] = length.to_be_bytes();
    let [s0, s1, s2, s3] = stream_id.to_be_bytes();
    [l0, l1, l2, kind, flags, s0, s1, s2, s3]
}

/// RFC 7541 appendix A: entry 8 of the static table is `:status: 200`. The encoder starts with it,
/// or with a change of the size of its table (§6.3).
fn status_of_block(block: &[u8]) -> u16 {
    match block {
        [0x88, ..] | [0x20..=0x3f, 0x88, ..] => 200,
        _ => 0,
    }
}
