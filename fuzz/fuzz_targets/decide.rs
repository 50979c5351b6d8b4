//! No facts make deciding or answering panic, and an answer of 426 over HTTP/1.x always says
//! `Upgrade`.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use upshift_core::answer::{AnswerContext, refusal_for};
use upshift_core::{Facts, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion};

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = include_str!("../../examples/everything.toml");
    upshift_config::load(text, "everything.toml").expect("the example is valid").file.policy
});

#[derive(Arbitrary, Debug)]
struct Request {
    method: String,
    host: String,
    path: String,
    query: Option<String>,
    http: u8,
    tls: u8,
    known: bool,
    fields: Vec<(Name, Vec<u8>)>,
    has_content: bool,
    protocol: Option<String>,
    seconds: u32,
}

#[derive(Arbitrary, Debug)]
enum Name {
    Version,
    Client,
    Agent,
    Accept,
    Upgrade,
    Connection,
    WebSocketVersion,
    WebSocketProtocol,
    Key,
    Origin,
}

impl Name {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Version => "x-api-version",
            Self::Client => "x-client-version",
            Self::Agent => "user-agent",
            Self::Accept => "accept",
            Self::Upgrade => "upgrade",
            Self::Connection => "connection",
            Self::WebSocketVersion => "sec-websocket-version",
            Self::WebSocketProtocol => "sec-websocket-protocol",
            Self::Key => "x-api-key",
            Self::Origin => "origin",
        }
    }
}

fuzz_target!(|request: Request| {
    let fields: Vec<(&str, &[u8])> =
        request.fields.iter().map(|(name, value)| (name.as_str(), &**value)).collect();
    let versions =
        [HttpVersion::V0_9, HttpVersion::V1_0, HttpVersion::V1_1, HttpVersion::V2, HttpVersion::V3];
    let hop = versions[usize::from(request.http) % versions.len()];
    let tls = match request.tls % 4 {
        0 => TlsState::Cleartext,
        1 => TlsState::SomeVersion,
        2 => TlsState::Version(TlsVersion::V1_2),
        _ => TlsState::Version(TlsVersion::V1_3),
    };
    let facts = Facts {
        method: &request.method,
        host: &request.host,
        path: &request.path,
        query: request.query.as_deref(),
        hop,
        http: if request.known { Known::Is(hop) } else { Known::Unknown },
        tls: if request.known { Known::Is(tls) } else { Known::Unknown },
        client_ip: None,
        fields: &fields,
        has_content: request.has_content,
        protocol: request.protocol.as_deref(),
    };
    let now =
        Timestamp::from_second(i64::from(request.seconds)).expect("32 bits of seconds are a time");
    let decision = POLICY.decide(&facts, now);
    let around = AnswerContext { request_id: "fuzz", now, ..AnswerContext::default() };
    if let Some(answer) = refusal_for(&decision, &facts, &around) {
        let says = answer.field("upgrade").is_some() && answer.field("connection").is_some();
        assert!(says == (answer.status() == 426 && !hop.is_multiplexed()), "{answer:?}");
    }
    assert_eq!(POLICY.explain(&facts, now).verdict, decision.verdict);
});
