//! Servers whose response never gets past its head: the call ends with an error that says what the
//! server did.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode};
use quinn::crypto::rustls::QuicServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use upshift_client::{Client, Error, HeadLimit, Http, Route, SendBody};

const EARLY_HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// SETTINGS without a setting.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/// HEADERS on stream 1 with END_HEADERS: `:status: 103`.
const HTTP2_103: [u8; 14] = [0, 0, 5, 1, 4, 0, 0, 0, 1, 0x08, 3, b'1', b'0', b'3'];
/// HEADERS with `:status: 103` and `:status: 200` of the static table.
const HTTP3_103: [u8; 5] = [1, 3, 0, 0, 0xd8];
const HTTP3_200: [u8; 5] = [1, 3, 0, 0, 0xd9];

/// What a server writes: the beginning, then the rest again and again until the client goes away.
#[derive(Clone)]
struct Script {
    first: Vec<u8>,
    again: Vec<u8>,
    pause: Duration,
}

impl Script {
    fn endless(first: &[u8], again: &[u8]) -> Self {
        Self { first: first.to_vec(), again: again.to_vec(), pause: Duration::ZERO }
    }

    /// One byte at a time.
    fn dripping(first: &[u8]) -> Self {
        Self { pause: Duration::from_millis(20), ..Self::endless(first, b"x") }
    }

    fn once(all: &[u8]) -> Self {
        Self::endless(all, b"")
    }

    async fn play(self, mut tcp: TcpStream) -> std::io::Result<()> {
        let mut request = [0; 1024];
        if tcp.read(&mut request).await? == 0 {
            return Ok(());
        }
        tcp.write_all(&self.first).await?;
        if self.again.is_empty() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(self.pause).await;
            tcp.write_all(&self.again).await?;
        }
    }
}

/// Starts a server; its URL, and how many of its connections the client has ended.
async fn serve(script: Script) -> (String, tokio::sync::watch::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (ended, endings) = tokio::sync::watch::channel(0);
    let ended = Arc::new(ended);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (script, ended) = (script.clone(), Arc::clone(&ended));
            tokio::spawn(async move {
                drop(script.play(tcp).await);
                ended.send_modify(|count| *count += 1);
            });
        }
    });
    (format!("http://{address}/"), endings)
}

fn client() -> Client {
    let builder = Client::builder().dangerous_any_certificate();
    builder.head_timeout(Duration::from_millis(500)).build().expect("a client")
}

async fn ask(url: &str, http: Http) -> Result<StatusCode, Error> {
    let mut request = Request::get(url).body(SendBody::empty()).expect("a request");
    request.extensions_mut().insert(Route { http, tls: None });
    let answer = tokio::time::timeout(Duration::from_secs(20), client().send(request)).await;
    answer.expect("the call ends").map(|response| response.status())
}

fn limit(answer: Result<StatusCode, Error>) -> HeadLimit {
    match answer {
        Err(Error::PeerExceeded { limit, trace }) => {
            assert_eq!(trace.0.len(), 1, "it is not asked again");
            limit
        }
        other => panic!("a limit was to be exceeded: {other:?}"),
    }
}

/// `upshift get` read interim responses without an end, as long as a server cared to send them.
#[tokio::test]
async fn endless_interim_responses_end_the_exchange() {
    let (url, mut endings) = serve(Script::endless(b"", EARLY_HINTS)).await;
    let answer = ask(&url, Http::Any).await;
    assert_eq!(limit(answer), HeadLimit::InterimResponses);
    let closed = endings.wait_for(|count| *count == 1);
    let closed = tokio::time::timeout(Duration::from_secs(10), closed).await;
    assert!(closed.is_ok(), "the connection is closed");
}

#[tokio::test]
async fn a_few_interim_responses_are_no_fault() {
    let (url, _endings) = serve(Script::once(&[&EARLY_HINTS.repeat(16), OK].concat())).await;
    assert_eq!(ask(&url, Http::Any).await.expect("an answer"), StatusCode::OK);
    let (url, _endings) = serve(Script::once(&[&EARLY_HINTS.repeat(17), OK].concat())).await;
    assert_eq!(limit(ask(&url, Http::Any).await), HeadLimit::InterimResponses);
}

#[tokio::test]
async fn large_interim_responses_end_the_exchange() {
    let large = format!("HTTP/1.1 103 E\r\nLink: {}\r\n\r\n", "a".repeat(16 * 1024));
    let (url, _endings) = serve(Script::once(&[&large.repeat(5).into_bytes(), OK].concat())).await;
    assert_eq!(limit(ask(&url, Http::Any).await), HeadLimit::InterimBytes);
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let (url, _endings) = serve(Script::dripping(b"HTTP/1.1 200 OK\r\nServer: ")).await;
    assert!(matches!(limit(ask(&url, Http::Any).await), HeadLimit::Time(_)));
}

/// The time counts from the first byte of a head: a server may take longer to think, and may say so
/// by a 102.
#[tokio::test]
async fn a_server_may_take_its_time_between_two_heads() {
    let slow = Script {
        first: b"HTTP/1.1 102 Processing\r\n\r\n".to_vec(),
        again: OK.to_vec(),
        pause: Duration::from_secs(1),
    };
    let (url, _endings) = serve(slow).await;
    assert_eq!(ask(&url, Http::Any).await.expect("an answer"), StatusCode::OK);
}

#[tokio::test]
async fn http_2_has_the_same_limits() {
    let (url, _endings) = serve(Script::endless(&SETTINGS, &HTTP2_103)).await;
    assert_eq!(limit(ask(&url, Http::Http2).await), HeadLimit::InterimResponses);
    // A HEADERS frame of 4 KiB, byte by byte.
    let begun =
        [&SETTINGS[..], &[0, 0x10, 0, 1, 4, 0, 0, 0, 1, 0x08, 3, b'2', b'0', b'0']].concat();
    let (url, _endings) = serve(Script::dripping(&begun)).await;
    assert!(matches!(limit(ask(&url, Http::Http2).await), HeadLimit::Time(_)));
}

/// A QUIC endpoint for HTTP/3, and its URL.
pub(crate) fn http3_endpoint() -> (String, quinn::Endpoint) {
    let signed =
        rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config =
        config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let mut config =
        config.with_single_cert(vec![signed.cert.into()], key).expect("a configuration");
    config.alpn_protocols = vec![b"h3".to_vec()];
    let config = QuicServerConfig::try_from(config).expect("QUIC");
    let config = quinn::ServerConfig::with_crypto(Arc::new(config));
    let address = "127.0.0.1:0".parse().expect("an address");
    let endpoint = quinn::Endpoint::server(config, address).expect("a port");
    (format!("https://{}/", endpoint.local_addr().expect("an address")), endpoint)
}

/// Starts an HTTP/3 server that answers each request with these bytes and leaves the stream open.
fn serve_quic(first: Vec<u8>, again: Vec<u8>) -> (String, quinn::Endpoint) {
    let (url, endpoint) = http3_endpoint();
    let listening = endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = listening.accept().await {
            let Ok(connection) = incoming.await else { continue };
            let (first, again) = (first.clone(), again.clone());
            tokio::spawn(async move {
                while let Ok((mut send, _receive)) = connection.accept_bi().await {
                    drop(send.write_all(&first).await);
                    while !again.is_empty() && send.write_all(&again).await.is_ok() {}
                    if again.is_empty() {
                        connection.closed().await;
                    }
                }
            });
        }
    });
    (url, endpoint)
}

/// Over HTTP/3 the first interim response was taken for the final one.
#[tokio::test]
async fn an_interim_response_over_http_3_is_not_the_final_one() {
    let (url, _server) = serve_quic([&HTTP3_103[..], &HTTP3_200].concat(), Vec::new());
    assert_eq!(ask(&url, Http::Http3(None)).await.expect("an answer"), StatusCode::OK);
}

#[tokio::test]
async fn http_3_has_the_same_limits() {
    let (url, _server) = serve_quic(Vec::new(), HTTP3_103.to_vec());
    assert_eq!(limit(ask(&url, Http::Http3(None)).await), HeadLimit::InterimResponses);
    // HEADERS of 1 GiB, of which a part comes: the codec would collect it all.
    let (url, _server) = serve_quic(vec![1, 0xc0, 0, 0, 0, 0x40, 0, 0, 0], vec![0; 64 * 1024]);
    assert_eq!(limit(ask(&url, Http::Http3(None)).await), HeadLimit::SectionBytes);
    // HEADERS of 16 KiB, of which the end never comes.
    let (url, _server) = serve_quic(vec![1, 0x80, 0, 0x40, 0, 0, 0, 0xd9], Vec::new());
    assert!(matches!(limit(ask(&url, Http::Http3(None)).await), HeadLimit::Time(_)));
}

/// A malformed head made the client panic while more of the stream was awaited.
#[tokio::test]
async fn a_malformed_head_over_http_3_is_an_error() {
    let without_status = vec![1, 2, 0, 0];
    let (url, _server) = serve_quic(without_status, Vec::new());
    let answer = ask(&url, Http::Http3(None)).await;
    assert!(matches!(answer, Err(Error::Transport { .. })), "{answer:?}");
}
