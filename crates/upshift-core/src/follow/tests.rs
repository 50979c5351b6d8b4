//! Tests of the rules one by one, and then against any server at all.

use proptest::prelude::*;

use super::*;
use crate::field::{Protocol, UpgradeList};
use crate::{HttpVersion, TlsState, TlsVersion};

type Field = (&'static str, &'static str);

const UPGRADE: Field = ("Connection", "upgrade");
const CAN: Capabilities = Capabilities { steps: StepKinds::ALL, tls: TlsVersion::V1_3 };
const TLS_1_2: Transport =
    Transport { http: HttpVersion::V1_1, tls: TlsState::Version(TlsVersion::V1_2) };

fn plain_request() -> SentRequest<'static> {
    let transport = Transport::HTTP1_CLEARTEXT;
    SentRequest {
        host: "h.example",
        port: 80,
        transport,
        offered: None,
        credentials: false,
        body_gone: false,
        http3: None,
    }
}

fn follow(
    fields: &[Field],
    request: &SentRequest<'_>,
    may: &FollowPolicy,
) -> Result<(Step, u8), StopReason> {
    let fields = fields.to_vec();
    answered(&ReceivedResponse { status: 426, fields: &fields, problem: None }, request, may, &[])
}

fn answered(
    response: &ReceivedResponse<'_>,
    request: &SentRequest<'_>,
    may: &FollowPolicy,
    tried: &[Step],
) -> Result<(Step, u8), StopReason> {
    match next_step(response, request, &CAN, may, tried) {
        NextStep::Take { step, rule, .. } => Ok((step, rule.number)),
        NextStep::Stop(stop) => Err(stop.reason),
        NextStep::Deliver => panic!("a 426 is never delivered as it is"),
    }
}

fn simple(upgrade: &'static str, request: &SentRequest<'_>) -> Result<(Step, u8), StopReason> {
    follow(&[("Upgrade", upgrade), UPGRADE], request, &FollowPolicy::default())
}

#[test]
fn only_a_426_is_followed() {
    let fields = vec![("Upgrade", "TLS/1.2"), UPGRADE];
    for status in [101, 200, 301, 400, 505] {
        let response = ReceivedResponse { status, fields: &fields, problem: None };
        assert_eq!(
            next_step(&response, &plain_request(), &CAN, &FollowPolicy::default(), &[]),
            NextStep::Deliver
        );
    }
}

#[test]
fn a_426_that_names_nothing_or_garbage_stops() {
    let may = FollowPolicy::default();
    assert_eq!(follow(&[], &plain_request(), &may), Err(StopReason::PeerNamedNothing));
    assert_eq!(
        follow(&[("Upgrade", " , ,"), UPGRADE], &plain_request(), &may),
        Err(StopReason::PeerNamedNothing)
    );
    let garbage = follow(&[("Upgrade", "TLS/1.2, \"x\""), UPGRADE], &plain_request(), &may);
    assert!(matches!(garbage, Err(StopReason::PeerMalformed(_))));
    assert!(matches!(simple("derp/2", &plain_request()), Err(StopReason::Unknown(_))));
}

#[test]
fn tls_is_a_new_connection_to_the_same_host() {
    let minimum = Some(TlsVersion::V1_2);
    assert_eq!(
        simple("TLS/1.2, HTTP/1.1", &plain_request()),
        Ok((Step::Tls { port: 443, minimum }, 9))
    );
    let odd_port = SentRequest { port: 8080, ..plain_request() };
    assert_eq!(simple("TLS/1.2", &odd_port), Ok((Step::Tls { port: 8080, minimum }, 9)));
    let led = [("Upgrade", "TLS/1.2"), UPGRADE, ("Location", "https://H.example:8443/x")];
    assert_eq!(
        follow(&led, &odd_port, &FollowPolicy::default()),
        Ok((Step::Tls { port: 8443, minimum }, 9))
    );
    for bait in [
        "https://evil.example:8443/",
        "http://h.example:8443/",
        "https://h.example@evil.example/",
        "https://h.example:8443@evil.example/",
    ] {
        let led = [("Upgrade", "TLS/1.2"), UPGRADE, ("Location", bait)];
        assert_eq!(
            follow(&led, &odd_port, &FollowPolicy::default()),
            Ok((Step::Tls { port: 8080, minimum }, 9))
        );
    }
}

#[test]
fn tls_inside_tls_is_not_done_twice() {
    let inside = SentRequest { transport: TLS_1_2, ..plain_request() };
    assert_eq!(simple("TLS/1.2, HTTP/1.1", &inside), Err(StopReason::PeerWantsWhatItHas));
    assert_eq!(simple("TLS/1.0", &inside), Err(StopReason::PeerWantsWhatItHas));
    assert_eq!(simple("TLS/1.3", &inside), Ok((Step::NewerTls { minimum: TlsVersion::V1_3 }, 9)));
}

#[test]
fn in_band_tls_needs_permission() {
    let only = |steps| FollowPolicy { steps, ..FollowPolicy::default() };
    let fields = [("Upgrade", "TLS/1.2"), UPGRADE];
    let allowed =
        follow(&fields, &plain_request(), &only(StepKinds::from_kinds(&[StepKind::TlsInBand])));
    assert_eq!(allowed, Ok((Step::TlsInBand { minimum: Some(TlsVersion::V1_2) }, 10)));
    assert_eq!(
        follow(&fields, &plain_request(), &only(StepKinds::SAFE.without(StepKind::Tls))),
        Err(StopReason::NotAllowed(StepKind::Tls))
    );
}

#[test]
fn http_goes_up_and_never_down() {
    assert_eq!(simple("HTTP/2.0", &plain_request()), Ok((Step::Http2PriorKnowledge, 11)));
    assert_eq!(simple("h2c", &plain_request()), Ok((Step::Http2PriorKnowledge, 11)));
    assert_eq!(
        simple("HTTP/3.0", &plain_request()),
        Ok((Step::Tls { port: 443, minimum: None }, 13))
    );
    let there = [("Upgrade", "HTTP/3.0"), UPGRADE, ("Alt-Svc", "h3=\":8443\"")];
    assert_eq!(
        follow(&there, &plain_request(), &FollowPolicy::default()),
        Ok((Step::Tls { port: 8443, minimum: None }, 13))
    );
    let secure = SentRequest { transport: TLS_1_2, ..plain_request() };
    assert_eq!(simple("HTTP/2.0", &secure), Ok((Step::Http2, 11)));
    assert_eq!(simple("HTTP/3.0", &secure), Err(StopReason::NoAlternative));
    assert_eq!(
        simple("HTTP/3.0", &SentRequest { http3: Some(4433), ..secure }),
        Ok((Step::Http3 { port: 4433 }, 13))
    );
    let seen = [("Upgrade", "HTTP/3.0"), UPGRADE, ("Alt-Svc", "h3=\":9\"")];
    assert_eq!(follow(&seen, &secure, &FollowPolicy::default()), Ok((Step::Http3 { port: 9 }, 13)));
    assert_eq!(simple("HTTP/1.0", &plain_request()), Err(StopReason::PeerWantsWeaker));
    assert_eq!(simple("HTTP/1.1", &plain_request()), Err(StopReason::PeerWantsWhatItHas));
}

#[test]
fn http_1_0_becomes_1_1() {
    let transport = Transport { http: HttpVersion::V1_0, ..Transport::HTTP1_CLEARTEXT };
    let old = SentRequest { transport, ..plain_request() };
    assert_eq!(follow(&[], &old, &FollowPolicy::default()), Ok((Step::Http11, 5)));
    assert_eq!(simple("HTTP/1.1", &old), Ok((Step::Http11, 5)));
}

#[test]
fn a_declined_websocket_falls_back_and_a_wanted_one_is_tried_once() {
    let offer = UpgradeList::new(vec![Protocol::new("websocket", None).expect("a token")]);
    let handshake = SentRequest { offered: offer.as_ref(), ..plain_request() };
    assert_eq!(follow(&[], &handshake, &FollowPolicy::default()), Ok((Step::FallBack, 6)));
    assert_eq!(simple("HTTP/1.1", &handshake), Ok((Step::FallBack, 6)));
    assert_eq!(simple("websocket", &handshake), Err(StopReason::PeerWantsWhatItHas));
    assert_eq!(simple("websocket", &plain_request()), Ok((Step::WebSocket { version: 13 }, 14)));
    let old = [("Upgrade", "websocket"), UPGRADE, ("Sec-WebSocket-Version", "8, 7")];
    assert_eq!(
        follow(&old, &plain_request(), &FollowPolicy::default()),
        Err(StopReason::WebSocketVersion)
    );
    assert!(matches!(simple("TLS/1.2", &handshake), Ok((Step::Tls { .. }, 9))));
}

#[test]
fn a_version_is_raised_only_if_the_caller_names_it() {
    let fields = vec![("Upgrade", "orders-v2/2.0"), UPGRADE];
    let body = br#"{"rule":"orders-v2","required":[{"kind":"api","minimum":"2.0"}]}"#;
    let problem = ProblemDetails::from_body("application/problem+json", body);
    let response = ReceivedResponse { status: 426, fields: &fields, problem: problem.as_ref() };
    let refused = answered(&response, &plain_request(), &FollowPolicy::default(), &[]);
    assert_eq!(refused, Err(StopReason::VersionNotAllowed("orders-v2".into())));
    let versions = Names::These(vec!["Orders-V2".into()]);
    let may = FollowPolicy { versions, ..FollowPolicy::default() };
    let raise =
        |subject| Step::Version { subject, name: "orders-v2".into(), minimum: Some("2.0".into()) };
    assert_eq!(answered(&response, &plain_request(), &may, &[]), Ok((raise(Subject::Api), 15)));
    assert_eq!(
        follow(&[("Upgrade", "orders-v2/2.0"), UPGRADE], &plain_request(), &may),
        Ok((raise(Subject::Token), 15))
    );
    assert_eq!(
        answered(&response, &plain_request(), &may, &[raise(Subject::Api)]),
        Err(StopReason::PeerRepeats(StepKind::Version))
    );
}

#[test]
fn on_http_2_the_body_counts_and_the_field_does_not() {
    let transport = Transport { http: HttpVersion::V2, ..TLS_1_2 };
    let fields = vec![("upgrade", "HTTP/1.1")];
    let problem = ProblemDetails::from_body(
        "application/json",
        br#"{"required":[{"kind":"tls","minimum":"1.3"}]}"#,
    );
    let response = ReceivedResponse { status: 426, fields: &fields, problem: problem.as_ref() };
    let next = next_step(
        &response,
        &SentRequest { transport, ..plain_request() },
        &CAN,
        &FollowPolicy::default(),
        &[],
    );
    let step = Step::NewerTls { minimum: TlsVersion::V1_3 };
    assert_eq!(
        next,
        NextStep::Take { step, rule: FollowRule::TLS, remarks: vec![Remark::ForbiddenField] }
    );
}

#[test]
fn credentials_and_spent_bodies_are_not_repeated() {
    let secret = SentRequest { credentials: true, ..plain_request() };
    assert_eq!(simple("h2c", &secret), Err(StopReason::CredentialsInCleartext));
    assert!(matches!(simple("h2c, TLS/1.2", &secret), Ok((Step::Tls { .. }, 9))));
    let spent = SentRequest { body_gone: true, ..plain_request() };
    assert_eq!(simple("TLS/1.2", &spent), Err(StopReason::BodyGone));
}

/// Responses of an arbitrary server: pieces of fields and bodies that are likely to match a rule.
fn any_answer() -> impl Strategy<Value = (Vec<(&'static str, String)>, Option<String>)> {
    let token = prop::sample::select(vec![
        "TLS/1.0",
        "TLS/1.2",
        "TLS/1.3",
        "TLS",
        "TLS/9",
        "HTTP/1.0",
        "HTTP/1.1",
        "HTTP/2",
        "HTTP/2.0",
        "HTTP/3.0",
        "h2c",
        "h2",
        "websocket",
        "websocket/12",
        "orders/2",
        "derp/2",
        "x y",
        "",
    ]);
    let other = prop::sample::select(vec![
        ("connection", "upgrade"),
        ("alt-svc", "h3=\":443\""),
        ("alt-svc", "h3=\"evil:443\""),
        ("alt-svc", "clear"),
        ("location", "https://h.example:444/"),
        ("location", "https://evil.example/"),
        ("location", "http://h.example/"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-version", "8"),
    ]);
    let required = prop::sample::select(vec![
        r#"{"kind":"tls","minimum":"1.3"}"#,
        r#"{"kind":"http","minimum":"2"}"#,
        r#"{"kind":"http","minimum":"3"}"#,
        r#"{"kind":"websocket"}"#,
        r#"{"kind":"api","minimum":"2"}"#,
        r#"{"kind":"protocol","minimum":"derp/2"}"#,
    ]);
    let list = prop::collection::vec(token, 0..4).prop_map(|tokens| tokens.join(", "));
    let fields =
        (prop::option::of(list), prop::collection::vec(other, 0..4)).prop_map(|(list, others)| {
            let upgrade = list.map(|list| ("upgrade", list));
            upgrade
                .into_iter()
                .chain(others.into_iter().map(|(name, value)| (name, value.to_owned())))
                .collect()
        });
    let body = prop::collection::vec(required, 0..3).prop_map(|all| {
        format!(
            r#"{{"rule":"r","required":[{}],"upgrade":{{"url":"https://evil.example:1/"}}}}"#,
            all.join(",")
        )
    });
    (fields, prop::option::of(body))
}

proptest! {
    /// Against any server, following ends within the limit, never goes to something weaker, and
    /// keeps credentials off cleartext.
    #[test]
    fn any_server_is_followed_to_an_end(
        answers in prop::collection::vec(any_answer(), 12),
        old in any::<bool>(), secure in any::<bool>(), credentials in any::<bool>(), max_steps in 0..8_u8,
    ) {
        let http = if old { HttpVersion::V1_0 } else { HttpVersion::V1_1 };
        let mut transport = Transport { http, tls: if secure { TlsState::SomeVersion } else { TlsState::Cleartext } };
        let may = FollowPolicy { steps: StepKinds::ALL, versions: Names::Any, max_steps, ..FollowPolicy::default() };
        let mut tried: Vec<Step> = Vec::new();
        for (fields, body) in &answers {
            let problem = body.as_ref().and_then(|body| ProblemDetails::from_body("application/json", body.as_bytes()));
            let response = ReceivedResponse { status: 426, fields, problem: problem.as_ref() };
            let request = SentRequest { transport, credentials, ..plain_request() };
            let NextStep::Take { step, .. } = next_step(&response, &request, &CAN, &may, &tried) else { break };
            let then = step.transport_after(transport);
            prop_assert!(then.http >= transport.http);
            prop_assert!(transport.is_cleartext() || !then.is_cleartext());
            prop_assert!(!(credentials && then.is_cleartext()));
            prop_assert!(!tried.iter().any(|earlier| step.repeats(earlier)));
            transport = then;
            tried.push(step);
        }
        prop_assert!(tried.len() <= usize::from(max_steps));
    }

    /// No body makes the reader panic.
    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..99)) {
        let _ = ProblemDetails::from_body("application/json", &body);
    }
}
