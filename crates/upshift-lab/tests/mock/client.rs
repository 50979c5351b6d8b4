//! A client that asks a peer over any lane and says what it saw in a few words.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use upshift_lab::lenient_http1::{SentResponses, read_responses};
use upshift_lab::mock::MockPeer;
use upshift_record::Lane;

/// The time after which a peer that sends nothing counts as hanging.
const PATIENCE: Duration = Duration::from_secs(3);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Asks the peer for `/` over a lane. Returns the statuses in the order of arrival, then the new
/// protocol's answer, then how the connection ended if it did: `101 h2 200`, `426 closed`.
pub(crate) async fn ask(peer: &MockPeer, lane: Lane) -> String {
    match lane {
        Lane::Http3 => ask_http3(peer).await,
        Lane::Http2 => match connect_tls(peer, &["h2"], rustls::ALL_VERSIONS).await {
            Ok(tls) => ask_http2(tls).await,
            Err(error) => error,
        },
        Lane::H2cPrior => ask_http2(connect(peer).await).await,
        Lane::Tls12 => ask_in_tls(peer, &rustls::version::TLS12).await,
        Lane::Tls13 => ask_in_tls(peer, &rustls::version::TLS13).await,
        Lane::Http10 | Lane::Http11 | Lane::H2cUpgrade | Lane::WebSocket | Lane::TlsInBand => {
            ask_http1(peer, lane, Box::new(connect(peer).await)).await
        }
    }
}

/// Connects to the cleartext port.
pub(crate) async fn connect(peer: &MockPeer) -> TcpStream {
    TcpStream::connect(peer.http_address()).await.unwrap()
}

async fn ask_in_tls(peer: &MockPeer, version: &'static rustls::SupportedProtocolVersion) -> String {
    match connect_tls(peer, &["http/1.1"], &[version]).await {
        Ok(tls) => ask_http1(peer, Lane::Tls13, Box::new(tls)).await,
        Err(error) => error,
    }
}

type ClientTls = tokio_rustls::client::TlsStream<TcpStream>;

/// Connects to the TLS port, and trusts the peer's certificate.
pub(crate) async fn connect_tls(
    peer: &MockPeer,
    alpn: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Result<ClientTls, String> {
    let tcp = TcpStream::connect(peer.https_address()).await.unwrap();
    handshake(peer, tcp, alpn, versions).await
}

async fn handshake<S: Stream>(
    peer: &MockPeer,
    stream: S,
    alpn: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Result<tokio_rustls::client::TlsStream<S>, String> {
    let mut config = client_config(peer, versions);
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
    match timeout(PATIENCE, shaking).await {
        Ok(Ok(tls)) => Ok(tls),
        Ok(Err(_)) => Err("no handshake".to_owned()),
        Err(_) => Err("handshake hangs".to_owned()),
    }
}

fn client_config(
    peer: &MockPeer,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    let pem = peer.certificate_pem().as_bytes();
    roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The request of a lane in HTTP/1.x.
fn request_of(lane: Lane) -> &'static str {
    match lane {
        Lane::Http10 => "GET / HTTP/1.0\r\n\r\n",
        Lane::H2cUpgrade => {
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n\
             Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
        }
        Lane::WebSocket => {
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        }
        Lane::TlsInBand => {
            "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
             Upgrade: TLS/1.3, TLS/1.2\r\n\r\n"
        }
        _ => "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    }
}

async fn ask_http1(peer: &MockPeer, lane: Lane, mut stream: Box<dyn Stream>) -> String {
    if stream.write_all(request_of(lane).as_bytes()).await.is_err() {
        return "reset".to_owned();
    }
    let (octets, end) = read_answer(&mut stream).await;
    let seen = read_responses(&octets);
    let mut words = statuses(&seen);
    let last_interim = seen.interim.last().map(|response| response.status);
    match (last_interim, lane) {
        (Some(101), Lane::H2cUpgrade) => {
            words.push("h2".to_owned());
            words.push(ask_after_switch(stream, octets_after_101(&octets)).await);
        }
        (Some(101), Lane::TlsInBand) if end.is_empty() => {
            match handshake(peer, stream, &[], rustls::ALL_VERSIONS).await {
                Ok(mut tls) => {
                    let (octets, end) = read_answer(&mut tls).await;
                    words.push("tls".to_owned());
                    words.extend(statuses(&read_responses(&octets)));
                    words.push(end);
                }
                Err(error) => words.push(error),
            }
        }
        (Some(101), Lane::WebSocket) if end.is_empty() => {
            words.push(echo_of_websocket(&mut stream).await);
        }
        _ => words.push(end),
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

fn statuses(seen: &SentResponses) -> Vec<String> {
    let all = seen.interim.iter().chain(&seen.last);
    all.map(|response| response.status.to_string()).collect()
}

/// Reads until the answer is complete, the connection ends, or nothing more comes. Returns the
/// octets and how it ended; empty if the answer is complete and the connection open.
async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> (Vec<u8>, String) {
    let mut octets = Vec::new();
    loop {
        let end = match timeout(PATIENCE, stream.read_buf(&mut octets)).await {
            Ok(Ok(0)) => "closed",
            Ok(Ok(_)) if is_complete(&octets) => "",
            Ok(Ok(_)) => continue,
            Ok(Err(_)) => "reset",
            Err(_) => "hangs",
        };
        return (octets, end.to_owned());
    }
}

/// Returns true after a 101, and after a final response that has all of its content.
fn is_complete(octets: &[u8]) -> bool {
    let seen = read_responses(octets);
    if seen.interim.last().is_some_and(|response| response.status == 101) {
        return true;
    }
    let Some(last) = seen.last else { return false };
    for field in &last.fields {
        if field.0.eq_ignore_ascii_case("connection") && field.1.to_text().contains("close") {
            return false;
        }
    }
    let mut fields = last.fields.iter();
    let length = fields.find(|field| field.0.eq_ignore_ascii_case("content-length"));
    let Some(length) = length else { return false };
    let have = last.body.map_or(0, |body| body.octets.len());
    length.1.to_text().parse() == Ok(have)
}

fn octets_after_101(octets: &[u8]) -> Vec<u8> {
    let end = octets.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    octets[end..].to_vec()
}

/// Sends a message through the WebSocket and reads it back.
async fn echo_of_websocket(stream: &mut Box<dyn Stream>) -> String {
    // RFC 6455 §5.7: a masked text message "Hello".
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    stream.write_all(&hello).await.unwrap();
    let mut back = [0; 7];
    match timeout(PATIENCE, stream.read_exact(&mut back)).await {
        Ok(Ok(_)) if &back == b"\x81\x05Hello" => "echo".to_owned(),
        Ok(Ok(_)) => "another message".to_owned(),
        Ok(Err(_)) => "closed".to_owned(),
        Err(_) => "hangs".to_owned(),
    }
}

/// HTTP/2 after a switch, as octets: the `h2` library knows no stream 1 that was asked before.
async fn ask_after_switch(mut stream: Box<dyn Stream>, early: Vec<u8>) -> String {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    if stream.write_all(preface).await.is_err() {
        return "reset".to_owned();
    }
    let mut octets = early;
    loop {
        if let Some(word) = end_of_stream_1(&octets) {
            return word;
        }
        match timeout(PATIENCE, stream.read_buf(&mut octets)).await {
            Ok(Ok(0)) => return "closed".to_owned(),
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return "reset".to_owned(),
            Err(_) => return "hangs".to_owned(),
        }
    }
}

/// The outcome of stream 1, if it has one: `answered`, or the error code of its reset.
fn end_of_stream_1(octets: &[u8]) -> Option<String> {
    let mut rest = octets;
    while let Some(head) = upshift_http::http2::FrameHead::parse(rest) {
        let payload = rest.get(9..9 + head.payload_length())?;
        rest = &rest[9 + head.payload_length()..];
        match (head.stream, head.kind) {
            (1, 0 | 1) if head.flags & 1 == 1 => return Some("answered".to_owned()),
            (1, 3) => return Some(format!("error {}", payload[3])),
            _ => {}
        }
    }
    None
}

async fn ask_http2(stream: impl Stream + 'static) -> String {
    let Ok((mut sender, connection)) = h2::client::handshake(stream).await else {
        return "no HTTP/2".to_owned();
    };
    let driver = tokio::spawn(connection);
    let request = http::Request::get("https://localhost/").body(()).unwrap();
    let answer = async {
        let (response, _) = sender.send_request(request, true).map_err(|error| word_of(&error))?;
        let mut response = response.await.map_err(|error| word_of(&error))?;
        while let Some(data) = response.body_mut().data().await {
            data.map_err(|error| format!("{} {}", response.status().as_u16(), word_of(&error)))?;
        }
        Ok(response.status().as_u16().to_string())
    };
    let seen = timeout(PATIENCE, answer).await;
    driver.abort();
    match seen {
        Ok(Ok(word)) | Ok(Err(word)) => word,
        Err(_) => "hangs".to_owned(),
    }
}

fn word_of(error: &h2::Error) -> String {
    match error.reason() {
        Some(reason) => format!("error {}", u32::from(reason)),
        None => "closed".to_owned(),
    }
}

async fn ask_http3(peer: &MockPeer) -> String {
    let mut config = client_config(peer, &[&rustls::version::TLS13]);
    config.alpn_protocols = vec![b"h3".to_vec()];
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(config).unwrap();
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    let connecting = endpoint.connect(peer.https_address(), "localhost").unwrap();
    let Ok(quic) = connecting.await else { return "no QUIC".to_owned() };
    let quic = h3_quinn::Connection::new(quic);
    let (mut driver, mut sender) = h3::client::new(quic).await.unwrap();
    let driving = tokio::spawn(async move { driver.wait_idle().await });
    let request = http::Request::get("https://localhost/").body(()).unwrap();
    let answer = async {
        let mut stream = sender.send_request(request).await.map_err(drop)?;
        stream.finish().await.map_err(drop)?;
        let response = stream.recv_response().await.map_err(drop)?;
        while stream.recv_data().await.map_err(drop)?.is_some() {}
        Ok::<_, ()>(response.status().as_u16().to_string())
    };
    let seen = timeout(PATIENCE, answer).await;
    driving.abort();
    match seen {
        Ok(Ok(word)) => word,
        Ok(Err(())) => "error".to_owned(),
        Err(_) => "hangs".to_owned(),
    }
}
