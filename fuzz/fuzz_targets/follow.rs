//! Any server is followed to an end: no answers make the follower panic, go on for ever, make a
//! move that it may not make, or make the same move twice.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use upshift_core::follow::{
    Capabilities, Deprecation, FollowPolicy, Transport, Names, NextStep, ProblemDetails,
    ReceivedResponse, SentRequest, StepKind, StepKinds, next_step,
};
use upshift_core::{HttpVersion, TlsState, TlsVersion};

#[derive(Arbitrary, Debug)]
struct Server {
    answers: Vec<Answer>,
    port: u16,
    http: u8,
    tls: u8,
    forbidden: u16,
    any_version: bool,
    credentials: bool,
    body_gone: bool,
    http3: Option<u16>,
}

#[derive(Arbitrary, Debug)]
struct Answer {
    fields: Vec<(Name, Vec<u8>)>,
    body: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Name {
    Upgrade,
    Connection,
    Location,
    AltSvc,
    WebSocketVersion,
    Deprecation,
    Sunset,
    Link,
}

impl Name {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Connection => "connection",
            Self::Location => "location",
            Self::AltSvc => "alt-svc",
            Self::WebSocketVersion => "sec-websocket-version",
            Self::Deprecation => "deprecation",
            Self::Sunset => "sunset",
            Self::Link => "link",
        }
    }
}

const KINDS: [StepKind; 5] =
    [StepKind::Tls, StepKind::TlsInBand, StepKind::H2c, StepKind::Version, StepKind::FallBack];

fn transport(server: &Server) -> Transport {
    let versions = [HttpVersion::V1_0, HttpVersion::V1_1, HttpVersion::V2, HttpVersion::V3];
    let tls = match server.tls % 3 {
        0 => TlsState::Cleartext,
        1 => TlsState::Version(TlsVersion::V1_2),
        _ => TlsState::Version(TlsVersion::V1_3),
    };
    Transport { http: versions[usize::from(server.http) % versions.len()], tls }
}

fn may(server: &Server) -> FollowPolicy {
    let mut steps = StepKinds::ALL;
    for (bit, kind) in KINDS.into_iter().enumerate() {
        if server.forbidden & (1 << bit) != 0 {
            steps = steps.without(kind);
        }
    }
    let versions = if server.any_version { Names::Any } else { Names::None };
    FollowPolicy { steps, versions, ..FollowPolicy::default() }
}

fuzz_target!(|server: Server| {
    let may = may(&server);
    let can = Capabilities { steps: StepKinds::ALL, tls: TlsVersion::V1_3 };
    let mut transport = transport(&server);
    let mut tried = Vec::new();
    for answer in &server.answers {
        let fields: Vec<(&str, &[u8])> =
            answer.fields.iter().map(|(name, value)| (name.as_str(), &**value)).collect();
        let _ = Deprecation::from_fields(&fields);
        let problem = ProblemDetails::from_body("application/problem+json", &answer.body);
        let response = ReceivedResponse { status: 426, fields: &fields, problem: problem.as_ref() };
        let asked = SentRequest {
            host: "host.example",
            port: server.port,
            transport,
            offered: None,
            credentials: server.credentials,
            body_gone: server.body_gone,
            http3: server.http3,
        };
        match next_step(&response, &asked, &can, &may, &tried) {
            NextStep::Take { step, .. } => {
                assert!(may.steps.contains(step.kind()), "{step:?} is not allowed");
                assert!(!tried.contains(&step), "{step:?} was taken before");
                transport = step.transport_after(transport);
                tried.push(step);
                assert!(tried.len() <= usize::from(may.max_steps), "{tried:?}");
            }
            NextStep::Stop(_) => return,
            NextStep::Deliver => panic!("a 426 was taken for an answer"),
        }
    }
});
