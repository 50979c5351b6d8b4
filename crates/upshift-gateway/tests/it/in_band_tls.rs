//! TLS on the cleartext port (RFC 2817), and the attack that it must not help (Opossum,
//! CVE-2025-49812).

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use upshift_core::policy::{PolicySpec, Requirement, Rollout, RolloutPlan, RuleSpec};
use upshift_core::{Policy, Timestamp, TlsVersion};
use upshift_gateway::{Gateway, StartError};

use crate::support::{
    Certificate, Running, TestUpstream, connect, exchange, field, free, is_cut_off, read_message,
    rest, settings_with, status,
};

/// As CUPS writes it, to the byte.
const OFFER: &str = "OPTIONS * HTTP/1.1\r\nConnection: Upgrade\r\nHost: localhost:631\r\n\
    Upgrade: TLS/1.3,TLS/1.2,TLS/1.1,TLS/1.0\r\nUser-Agent: CUPS/2.4.2\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn gateway(upstream: &TestUpstream) -> Running {
    Running::start(settings_with(upstream.address, |settings| {
        settings.file.gateway.in_band_tls = true;
    }))
}

/// Up to and with the `101`.
fn switched(gateway: &Running, offer: &str) -> TcpStream {
    let mut stream = connect(gateway.http());
    stream.write_all(offer.as_bytes()).unwrap();
    let head = read_message(&mut stream).unwrap();
    assert_eq!(status(&head), 101, "{head}");
    assert_eq!(field(&head, "upgrade").as_deref(), Some("TLS/1.2, HTTP/1.1"));
    assert_eq!(field(&head, "connection").as_deref(), Some("Upgrade"));
    stream
}

pub(crate) fn tls(stream: TcpStream, alpn: &[&str]) -> StreamOwned<ClientConnection, TcpStream> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .dangerous()
    .with_custom_certificate_verifier(Arc::new(Anybody))
    .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    StreamOwned::new(
        ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap(),
        stream,
    )
}

/// The version that a client which speaks at most TLS 1.2 ends up with, if any.
fn tls12_handshake(mut stream: TcpStream) -> Option<rustls::ProtocolVersion> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    client.complete_io(&mut stream).ok()?;
    client.protocol_version()
}

/// One message: its head, and a body by `Content-Length`.
pub(crate) fn message(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let mut body =
        vec![0; field(&head, "content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// The counts of requests before and inside TLS are apart: requests that are sent together inside
/// are answered one after the other.
#[test]
fn pipelined_requests_inside_are_answered_in_order() {
    let upstream = TestUpstream::answering(OK);
    let gateway = gateway(&upstream);
    let mut stream = tls(switched(&gateway, OFFER), &[]);
    assert_eq!(status(&message(&mut stream)), 200);
    let post = "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc";
    let wrong = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    stream.write_all(format!("{post}{post}{wrong}").as_bytes()).unwrap();
    for expected in [200, 200, 400] {
        assert_eq!(status(&message(&mut stream)), expected);
    }
}

#[test]
fn the_owed_answer_comes_inside_and_the_connection_stays() {
    let upstream = TestUpstream::answering(OK);
    let gateway = gateway(&upstream);
    let mut stream = tls(switched(&gateway, OFFER), &[]);
    assert_eq!(status(&message(&mut stream)), 200);
    for _ in 0..2 {
        stream.write_all(b"GET /jobs HTTP/1.1\r\nHost: localhost:631\r\n\r\n").unwrap();
        assert!(message(&mut stream).ends_with("hello"));
    }
    let seen = upstream.seen();
    assert!(
        seen.iter().all(|request| field(request, "x-forwarded-proto").as_deref() == Some("https")),
        "{seen:?}"
    );
    assert!(seen.iter().all(|request| field(request, "upgrade").is_none()), "{seen:?}");
}

#[test]
fn only_an_options_without_content_is_switched_and_only_when_on() {
    let upstream = TestUpstream::answering(OK);
    let on = gateway(&upstream);
    let off = Running::before(&upstream);
    let close =
        |offer: &str| offer.replacen("Connection: Upgrade", "Connection: Upgrade, close", 1);
    assert_eq!(status(&exchange(off.http(), &close(OFFER))), 200);
    for other in [
        OFFER.replace("OPTIONS *", "GET /"),
        OFFER.replace("Connection: Upgrade", "Connection: keep-alive"),
        OFFER.replace("HTTP/1.1\r\n", "HTTP/1.0\r\n"),
        OFFER.replace("TLS/", "TLSX/"),
    ] {
        let other = close(&other).replace("Connection: keep-alive", "Connection: close");
        assert_eq!(status(&exchange(on.http(), &other)), 200, "{other}");
    }
    let with_content = close(OFFER).replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(status(&exchange(on.http(), &with_content)), 200);
    switched(&on, &OFFER.replace("OPTIONS *", "OPTIONS /printer"));
}

/// The attack: a man in the middle asks for the switch, then splices in a victim's ClientHello for
/// implicit TLS.
#[test]
fn a_client_hello_for_implicit_tls_is_refused() {
    let upstream = TestUpstream::answering(OK);
    let gateway = gateway(&upstream);
    for alpn in [&["h2", "http/1.1"][..], &["http/1.1"], &["http/1.0"], &["ipp", "h2"]] {
        let mut victim = tls(switched(&gateway, OFFER), alpn);
        let told =
            victim.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap_err().to_string();
        assert!(told.contains("NoApplicationProtocol"), "{alpn:?}: {told}");
    }
    assert!(upstream.seen().is_empty(), "nothing was asked, nothing is owed");
    gateway.admin("/metrics", |metrics| {
        metrics.contains("connection_errors_total{cause=\"tls-spliced\"} 4")
    });
}

#[test]
fn what_is_sent_in_clear_does_not_survive() {
    let upstream = TestUpstream::answering(OK);
    let gateway = gateway(&upstream);
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut before = connect(gateway.http());
    before.write_all(format!("{OFFER}{smuggled}").as_bytes()).unwrap();
    assert!(is_cut_off(&rest(&mut before)));
    let mut after = switched(&gateway, OFFER);
    after.write_all(smuggled.as_bytes()).unwrap();
    let mut sink = Vec::new();
    // It is closed; whether in good order is the kernel's affair.
    let _ = after.read_to_end(&mut sink);
    assert!(sink.is_empty(), "{sink:?}");
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}

#[test]
fn it_does_not_start_beside_implicit_tls_unless_told_to() {
    let mut both = settings_with(free(), |settings| {
        settings.file.gateway.https = Some(free());
        settings.file.gateway.in_band_tls = true;
    });
    assert!(matches!(Gateway::bind(both.clone()), Err(StartError::Opossum)));
    both.file.gateway.dangerous_allow_opossum = true;
    assert!(Gateway::bind(both).is_ok());
}

/// A ClientHello of TLS 1.1, as OpenSSL once wrote it.
#[test]
fn who_speaks_only_older_tls_is_told_and_counted() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.gateway.https = Some(free());
    }));
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([9; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let mut stream = connect(gateway.addresses.https.unwrap());
    stream.write_all(&hello).unwrap();
    let mut alert = [0; 7];
    stream.read_exact(&mut alert).unwrap();
    // RFC 8446 §6.2: protocol_version, fatal.
    assert_eq!(alert, [21, 3, 1, 0, 2, 2, 70]);
    drop(stream);
    gateway.admin("/metrics", |metrics| {
        metrics.contains("connection_errors_total{cause=\"only-tls-1.1\"} 1")
    });
}

/// Derived state that lags behind the policy. The configuration of in-band TLS was built before the
/// policy was known, so a rule's minimum held from the first reload on only, and after it that of
/// the policy before: CUPS was switched, and then looped on a 426 inside TLS.
#[test]
fn a_rule_s_minimum_holds_in_band_from_the_start_and_after_each_reload() {
    let upstream = TestUpstream::answering(OK);
    let mut strict = RuleSpec::new("tls13", vec![Requirement::Tls(TlsVersion::V1_3)]);
    let with_rule = |rule: &RuleSpec| {
        let spec = PolicySpec { rules: vec![rule.clone()], ..PolicySpec::default() };
        settings_with(upstream.address, |settings| {
            settings.file.gateway.in_band_tls = true;
            settings.file.policy = Policy::new(spec).unwrap();
        })
    };
    let gateway = Running::start(with_rule(&strict));
    assert_eq!(tls12_handshake(switched(&gateway, OFFER)), None, "from the start");
    // A rule that only warns locks nobody out.
    let since = Timestamp::now() - std::time::Duration::from_secs(60);
    let plan = RolloutPlan { warn: Some(since), ..RolloutPlan::default() };
    strict.rollout = Some(Rollout::new(plan).unwrap());
    gateway.handle.reload(with_rule(&strict)).unwrap();
    let version = tls12_handshake(switched(&gateway, OFFER));
    assert_eq!(version, Some(rustls::ProtocolVersion::TLSv1_2), "while it warns");
    strict.rollout = RuleSpec::new("tls13", Vec::new()).rollout;
    gateway.handle.reload(with_rule(&strict)).unwrap();
    assert_eq!(tls12_handshake(switched(&gateway, OFFER)), None, "after the reload");
}

/// Connections that are open keep the certificate they began with; the next ones see the new one.
#[test]
fn a_reload_changes_the_certificate_and_drops_nobody() {
    let upstream = TestUpstream::answering(OK);
    let mut told =
        settings_with(upstream.address, |settings| settings.file.gateway.https = Some(free()));
    let gateway = Running::start(told.clone());
    let https = gateway.addresses.https.unwrap();
    let mut open = tls(connect(https), &[]);
    let ask = |stream: &mut StreamOwned<ClientConnection, TcpStream>| {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(status(&message(stream)), 200);
        stream.conn.peer_certificates().unwrap()[0].to_vec()
    };
    let first = ask(&mut open);
    gateway.handle.reload(told.clone()).unwrap();
    // What was made at the start is kept.
    assert_eq!(ask(&mut tls(connect(https), &[])), first);
    let certificate = Certificate::make();
    told.file.gateway.tls = Some(certificate.files.clone());
    gateway.handle.reload(told).unwrap();
    assert_eq!(ask(&mut open), first);
    assert_ne!(ask(&mut tls(connect(https), &[])), first);
}

/// Takes any certificate: the test made it.
#[derive(Debug)]
pub(crate) struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// RFC 9110 §5.1: names compare without case, but not every upstream knows that.
#[test]
fn the_request_read_again_inside_keeps_its_names() {
    let upstream = TestUpstream::answering(OK);
    let gateway = gateway(&upstream);
    let offer = OFFER.replace("User-Agent", "x-api-VERSION: 2\r\nUser-Agent");
    let mut stream = tls(switched(&gateway, &offer), &[]);
    assert_eq!(status(&message(&mut stream)), 200);
    let seen = upstream.only();
    assert!(
        seen.contains("\r\nx-api-VERSION: 2\r\n") && seen.contains("\r\nUser-Agent: "),
        "{seen}"
    );
}
