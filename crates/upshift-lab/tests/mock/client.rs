//! A client that asks a peer over any lane and says what it saw in a few words.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use rustls::SupportedProtocolVersion;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use upshift_lab::lenient_http1::{SentResponses, read_responses};
use upshift_lab::mock::MockPeer;
use upshift_record::Lane;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A client of one peer.
#[derive(Clone, Copy)]
pub(crate) struct Client<'a> {
    pub(crate) peer: &'a MockPeer,
    /// The time after which a peer that sends nothing counts as hanging.
    pub(crate) patience: Duration,
}

impl<'a> Client<'a> {
    /// A client that waits as long as it takes.
    pub(crate) fn new(peer: &'a MockPeer) -> Self {
        Self { peer, patience: Duration::from_secs(30) }
    }

    /// Asks for `/` over a lane. Returns the statuses in the order of arrival, the answer of the
    /// new protocol after a switch, and how the connection ended if it did: `101 h2 answered`,
    /// `426 closed`.
    pub(crate) async fn ask(self, lane: Lane) -> String {
        match lane {
            Lane::Http3 => self.ask_http3().await,
            Lane::Http2 => match self.connect_tls(&["h2"], rustls::ALL_VERSIONS).await {
                Ok(tls) => self.ask_http2(tls).await,
                Err(error) => error,
            },
            Lane::H2cPrior => self.ask_http2(self.connect().await).await,
            Lane::Tls12 => self.ask_in_tls(&rustls::version::TLS12).await,
            Lane::Tls13 => self.ask_in_tls(&rustls::version::TLS13).await,
            Lane::Http10 | Lane::Http11 | Lane::H2cUpgrade | Lane::WebSocket | Lane::TlsInBand => {
                self.ask_http1(lane, Box::new(self.connect().await)).await
            }
        }
    }

    /// Connects to the cleartext port.
    pub(crate) async fn connect(self) -> TcpStream {
        TcpStream::connect(self.peer.http_address()).await.unwrap()
    }

    /// Sends octets on a connection of their own, and returns what comes back until the peer
    /// closes it or the answer is complete.
    pub(crate) async fn send(self, octets: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(octets).await.unwrap();
        let (answer, _) = self.read_answer(&mut stream).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn ask_in_tls(self, version: &'static SupportedProtocolVersion) -> String {
        match self.connect_tls(&["http/1.1"], &[version]).await {
            Ok(tls) => self.ask_http1(Lane::Tls13, Box::new(tls)).await,
            Err(error) => error,
        }
    }

    async fn connect_tls(
        self,
        alpn: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<TlsStream<TcpStream>, String> {
        let tcp = TcpStream::connect(self.peer.https_address()).await.unwrap();
        self.handshake(tcp, alpn, versions).await
    }

    async fn handshake<S: Stream>(
        self,
        stream: S,
        alpn: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<TlsStream<S>, String> {
        let mut config = self.tls_config(versions);
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
        match timeout(self.patience, shaking).await {
            Ok(Ok(tls)) => Ok(tls),
            Ok(Err(_)) => Err("no handshake".to_owned()),
            Err(_) => Err("handshake hangs".to_owned()),
        }
    }

    /// A configuration that verifies the peer's certificate.
    fn tls_config(self, versions: &[&'static SupportedProtocolVersion]) -> rustls::ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        let pem = self.peer.certificate_pem().as_bytes();
        roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    async fn ask_http1(self, lane: Lane, mut stream: Box<dyn Stream>) -> String {
        if stream.write_all(request_of(lane).as_bytes()).await.is_err() {
            return "reset".to_owned();
        }
        let (octets, end) = self.read_answer(&mut stream).await;
        let seen = read_responses(&octets);
        let mut words = statuses(&seen);
        let is_switch = seen.interim.last().is_some_and(|response| response.status == 101);
        match lane {
            Lane::H2cUpgrade if is_switch => {
                words.push("h2".to_owned());
                words.push(self.ask_after_switch(stream, octets_after_101(&octets)).await);
            }
            Lane::TlsInBand if is_switch && end.is_empty() => {
                match self.handshake(stream, &[], rustls::ALL_VERSIONS).await {
                    Ok(mut tls) => {
                        let (octets, end) = self.read_answer(&mut tls).await;
                        words.push("tls".to_owned());
                        words.extend(statuses(&read_responses(&octets)));
                        words.push(end);
                    }
                    Err(error) => words.push(error),
                }
            }
            Lane::WebSocket if is_switch && end.is_empty() => {
                words.push(self.echo_of_websocket(&mut stream).await);
            }
            _ => words.push(end),
        }
        words.retain(|word| !word.is_empty());
        words.join(" ")
    }

    /// Reads until the answer is complete, the connection ends, or nothing more comes. Returns the
    /// octets and how it ended; empty if the answer is complete and the connection open.
    async fn read_answer(self, stream: &mut (impl AsyncRead + Unpin)) -> (Vec<u8>, String) {
        let mut octets = Vec::new();
        loop {
            let end = match timeout(self.patience, stream.read_buf(&mut octets)).await {
                Ok(Ok(0)) => "closed",
                Ok(Ok(_)) if is_complete(&octets) => "",
                Ok(Ok(_)) => continue,
                Ok(Err(_)) => "reset",
                Err(_) => "hangs",
            };
            return (octets, end.to_owned());
        }
    }

    /// Sends a message through the WebSocket and reads it back.
    async fn echo_of_websocket(self, stream: &mut Box<dyn Stream>) -> String {
        // RFC 6455 §5.7: a masked text message "Hello".
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        stream.write_all(&hello).await.unwrap();
        let mut back = [0; 7];
        match timeout(self.patience, stream.read_exact(&mut back)).await {
            Ok(Ok(_)) if &back == b"\x81\x05Hello" => "echo".to_owned(),
            Ok(Ok(_)) => "another message".to_owned(),
            Ok(Err(_)) => "closed".to_owned(),
            Err(_) => "hangs".to_owned(),
        }
    }

    /// HTTP/2 after a switch, as octets: the `h2` library knows no stream 1 that was asked before.
    async fn ask_after_switch(self, mut stream: Box<dyn Stream>, early: Vec<u8>) -> String {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        if stream.write_all(preface).await.is_err() {
            return "reset".to_owned();
        }
        let mut octets = early;
        loop {
            if let Some(word) = end_of_stream_1(&octets) {
                return word;
            }
            match timeout(self.patience, stream.read_buf(&mut octets)).await {
                Ok(Ok(0)) => return "closed".to_owned(),
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return "reset".to_owned(),
                Err(_) => return "hangs".to_owned(),
            }
        }
    }

    async fn ask_http2(self, stream: impl Stream + 'static) -> String {
        let Ok((mut sender, connection)) = h2::client::handshake(stream).await else {
            return "no HTTP/2".to_owned();
        };
        let driver = tokio::spawn(connection);
        let request = http::Request::get("https://localhost/").body(()).unwrap();
        let answer = async {
            let sent = sender.send_request(request, true);
            let (mut response, _) = sent.map_err(|error| word_of(&error))?;
            let mut statuses = String::new();
            while let Some(interim) = poll_fn(|cx| response.poll_informational(cx)).await {
                let interim = interim.map_err(|error| word_of(&error))?;
                statuses.push_str(&format!("{} ", interim.status().as_u16()));
            }
            let mut response = response.await.map_err(|error| word_of(&error))?;
            statuses.push_str(response.status().as_str());
            while let Some(data) = response.body_mut().data().await {
                data.map_err(|error| format!("{statuses} {}", word_of(&error)))?;
            }
            Ok(statuses)
        };
        let seen = timeout(self.patience, answer).await;
        driver.abort();
        match seen {
            Ok(Ok(word)) | Ok(Err(word)) => word,
            Err(_) => "hangs".to_owned(),
        }
    }

    async fn ask_http3(self) -> String {
        let mut config = self.tls_config(&[&rustls::version::TLS13]);
        config.alpn_protocols = vec![b"h3".to_vec()];
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(config).unwrap();
        let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
        let connecting = endpoint.connect(self.peer.https_address(), "localhost").unwrap();
        let Ok(quic) = connecting.await else { return "no QUIC".to_owned() };
        let (mut driver, mut sender) =
            h3::client::new(h3_quinn::Connection::new(quic)).await.unwrap();
        let driving = tokio::spawn(async move { driver.wait_idle().await });
        let request = http::Request::get("https://localhost/").body(()).unwrap();
        let answer = async {
            let mut stream = sender.send_request(request).await.map_err(drop)?;
            stream.finish().await.map_err(drop)?;
            let mut statuses = Vec::new();
            // Interim responses come before the final one.
            loop {
                let status = stream.recv_response().await.map_err(drop)?.status();
                statuses.push(status.as_u16().to_string());
                if !status.is_informational() {
                    break;
                }
            }
            while stream.recv_data().await.map_err(drop)?.is_some() {}
            Ok::<_, ()>(statuses.join(" "))
        };
        let seen = timeout(self.patience, answer).await;
        driving.abort();
        match seen {
            Ok(Ok(words)) => words,
            Ok(Err(())) => "error".to_owned(),
            Err(_) => "hangs".to_owned(),
        }
    }
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

fn statuses(seen: &SentResponses) -> Vec<String> {
    let all = seen.interim.iter().chain(&seen.last);
    all.map(|response| response.status.to_string()).collect()
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

fn word_of(error: &h2::Error) -> String {
    match error.reason() {
        Some(reason) => format!("error {}", u32::from(reason)),
        None => "closed".to_owned(),
    }
}
