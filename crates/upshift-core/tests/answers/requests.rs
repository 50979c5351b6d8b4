//! Requests: ordinary ones, odd ones and hostile ones.

use upshift_core::{Facts, HttpVersion, Known, TlsState, TlsVersion};

use super::Choices;

/// The parts of a request.
pub(crate) struct Request {
    method: &'static str,
    host: &'static str,
    path: &'static str,
    query: Option<&'static str>,
    hop: HttpVersion,
    http: Known<HttpVersion>,
    tls: Known<TlsState>,
    lines: Vec<(&'static str, &'static str)>,
    protocol: Option<&'static str>,
}

const ACCEPTS: [&str; 12] = [
    "*/*",
    "application/json",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    "text/html",
    "text/plain",
    "text/*",
    "application/json;q=0.1, text/plain;q=0.2",
    "text/html;q=0, text/plain;q=0.1",
    "application/xhtml+xml",
    "image/png",
    "application/problem+json, text/html",
    "text/html;q=abc, , text/plain;q=0.0005",
];

const AGENTS: [&str; 12] = [
    "curl/8.5.0",
    "git/2.39.5",
    "AcmeApp/4.9",
    "AcmeApp/5.3.0",
    "aCMEaPP/5.3.0 (Linux)",
    "AcmeApp",
    "Chrome",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.0.0 Safari/537.36",
    "<script>alert(1)</script>/1.0",
    "Other Client/2",
    "AcmeApp/\"5\"",
    "Kiosk+Bar/1",
];

const CLIENT_VERSIONS: [&str; 6] =
    ["AcmeApp/4.0", "acmeapp/5.3", "Kiosk+Bar/1.0", "4.1", "kiosk+BAR/2.0.1", "x y/z\u{9}w"];

const API_VERSIONS: [&str; 9] =
    ["1.4", "1.5", "1.0", "2.0", "9", "x\"\\<y>&'", "1.4 ", "\u{e9}\u{1f600}", "0.9"];

const TYPES: [&str; 4] =
    ["application/grpc+proto", "application/grpc", "text/plain; v=1", "a/b;v=1.0;v=2.0"];

const ORIGINS: [&str; 4] = ["https://app.example", "null", "http://b\u{e9}", "not an origin"];

const PATHS: [&str; 8] = [
    "/orders",
    "/",
    "/a<b>\"c\"%41",
    "/api/v1/orders",
    "/\u{e9}/{x}|y",
    "*",
    "/very/long/with/many/segments/and/so/on",
    "/x?",
];

impl Request {
    /// Chooses a request.
    pub(crate) fn choose(choices: &mut Choices) -> Self {
        let hop = choices.one_of(&[
            HttpVersion::V1_0,
            HttpVersion::V1_1,
            HttpVersion::V1_1,
            HttpVersion::V1_1,
            HttpVersion::V2,
            HttpVersion::V2,
            HttpVersion::V3,
        ]);
        let is_reported = choices.is_one_in(8);
        Self {
            method: choices.one_of(&["GET", "GET", "GET", "POST", "HEAD", "CONNECT"]),
            host: choices.one_of(&["api.example.com", "127.0.0.1", "localhost.", "evil.example"]),
            path: choices.one_of(&PATHS),
            query: choices.one_of(&[None, None, Some("a=b&c=\"d\""), Some("api-version=1.2")]),
            hop,
            http: if is_reported { Known::Unknown } else { Known::Is(hop) },
            tls: choose_tls(choices),
            lines: choose_lines(choices),
            protocol: choices.one_of(&[None, None, Some("websocket"), Some("derp")]),
        }
    }

    /// The request as facts.
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            method: self.method,
            host: self.host,
            path: self.path,
            query: self.query,
            hop: self.hop,
            http: self.http,
            tls: self.tls,
            client_ip: None,
            fields: &self.lines,
            has_content: self.method == "POST",
            protocol: self.protocol,
        }
    }
}

fn choose_tls(choices: &mut Choices) -> Known<TlsState> {
    choices.one_of(&[
        Known::Is(TlsState::Cleartext),
        Known::Is(TlsState::Cleartext),
        Known::Is(TlsState::Cleartext),
        Known::Is(TlsState::Version(TlsVersion::V1_1)),
        Known::Is(TlsState::Version(TlsVersion::V1_3)),
        Known::Is(TlsState::Version(TlsVersion::Ssl3)),
        Known::Is(TlsState::SomeVersion),
        Known::Unknown,
    ])
}

fn choose_lines(choices: &mut Choices) -> Vec<(&'static str, &'static str)> {
    let mut lines = vec![("host", "api.example.com")];
    let values: [(&str, &[&'static str], u64); 7] = [
        ("accept", &ACCEPTS, 1),
        ("user-agent", &AGENTS, 1),
        ("x-api-version", &API_VERSIONS, 2),
        ("x-client-version", &CLIENT_VERSIONS, 3),
        ("content-type", &TYPES, 3),
        ("origin", &ORIGINS, 3),
        ("sec-fetch-mode", &["navigate", "cors"], 3),
    ];
    for (name, values, one_in) in values {
        if choices.is_one_in(one_in) {
            lines.push((name, choices.one_of(values)));
            // A field on two lines, which may differ.
            if choices.is_one_in(12) {
                lines.push((name, choices.one_of(values)));
            }
        }
    }
    if choices.is_one_in(4) {
        lines.push(("connection", "keep-alive, Upgrade"));
        lines.push(("upgrade", choices.one_of(&["websocket", "derp/1, WebSocket", "h2c", "\"\""])));
        lines.push(("sec-websocket-version", choices.one_of(&["13", "8"])));
        lines.push(("sec-websocket-protocol", choices.one_of(&["chat.v1", "chat.v2", "a<b"])));
    }
    lines
}
