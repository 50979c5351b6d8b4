//! Answers whose bodies are not what their heads say, over every version of HTTP: none is taken for
//! whole.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use upshift_client::{BodyFault, Client, Error, Http, Http2Fault, Route, SendBody};

use crate::endless::http3_endpoint;
use crate::peer::Peer;

fn client() -> Client {
    Client::builder().dangerous_any_certificate().build().expect("a client")
}

/// The whole body, or the error that came in place of its end or of the answer.
async fn fetch(url: &str, http: Http) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let mut request = Request::get(url).body(SendBody::empty()).expect("a request");
    request.extensions_mut().insert(Route { http, tls: None });
    let exchange = async {
        match client().send(request).await {
            Ok(response) => response.into_body().collect().await.map(|body| body.to_bytes()),
            Err(Error::Transport { source, .. }) => Err(source),
            Err(error) => Err(error.to_string().into()),
        }
    };
    tokio::time::timeout(Duration::from_secs(20), exchange).await.expect("the exchange ends")
}

async fn fault(url: &str, http: Http) -> BodyFault {
    let error = fetch(url, http).await.expect_err("a body that is not to be believed");
    *error.downcast_ref::<BodyFault>().unwrap_or_else(|| panic!("{error:?}"))
}

/// What a server of HTTP/2 does behind the head of its answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    EndStream,
    /// Half of the body, then a reset.
    Reset(h2::Reason),
    /// The whole body and its end, then a reset, as a server does that wants no more of an upload.
    EndThenReset,
}

/// Serves `0123456789` over HTTP/2 in cleartext, with this length if it is not 0.
async fn serve_http2(length: u64, ending: Ending) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(tcp).await.expect("a preface");
                while let Some(Ok((_request, mut respond))) = connection.accept().await {
                    let mut head = Response::builder();
                    if length > 0 {
                        head = head.header("content-length", length);
                    }
                    let head = head.body(()).expect("a head");
                    let mut stream = respond.send_response(head, false).expect("a stream");
                    tokio::spawn(async move {
                        let whole = !matches!(ending, Ending::Reset(_));
                        let data = if whole { "0123456789" } else { "01234" };
                        stream.send_data(Bytes::from(data), whole).expect("an open stream");
                        // Data that is not written yet would go with the reset.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        match ending {
                            Ending::Reset(reason) => stream.send_reset(reason),
                            Ending::EndThenReset => stream.send_reset(h2::Reason::NO_ERROR),
                            Ending::EndStream => {}
                        }
                    });
                }
            });
        }
    });
    format!("http://{address}/")
}

/// Catches a truncated body that counts as complete. To hyper, an HTTP/2 stream that is reset
/// without an error looks like its end, with a length and without one.
#[tokio::test]
async fn a_reset_without_an_error_does_not_end_a_body() {
    let no_error = Ending::Reset(h2::Reason::NO_ERROR);
    let short = BodyFault::Short { received: 5, length: 10 };
    assert_eq!(fault(&serve_http2(10, no_error).await, Http::Http2).await, short);
    assert_eq!(fault(&serve_http2(0, no_error).await, Http::Http2).await, BodyFault::Unended);
    // The length is reached and the end is not: what comes behind may have been trailers.
    assert_eq!(fault(&serve_http2(5, no_error).await, Http::Http2).await, BodyFault::Unended);
    for reason in [h2::Reason::CANCEL, h2::Reason::INTERNAL_ERROR] {
        let reset = fetch(&serve_http2(0, Ending::Reset(reason)).await, Http::Http2).await;
        assert!(reset.is_err(), "{reason}: {reset:?}");
    }
    for length in [0, 10] {
        for ending in [Ending::EndStream, Ending::EndThenReset] {
            let whole = fetch(&serve_http2(length, ending).await, Http::Http2).await;
            assert_eq!(whole.expect("a whole body"), "0123456789");
        }
    }
}

/// HEADERS with `:status` (an index of the static table of RFC 9204) and literal fields, then DATA
/// with `0123456789`.
fn http3_answer(status: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut section = vec![0, 0, status];
    for (name, value) in fields {
        let (name_length, value_length) =
            (name.len().to_le_bytes()[0], value.len().to_le_bytes()[0]);
        // RFC 9204 §4.5.6: a name of seven octets or more has the rest of its length in a second
        // octet.
        section.extend_from_slice(&[0x27, name_length - 7]);
        section.extend_from_slice(name.as_bytes());
        section.push(value_length);
        section.extend_from_slice(value.as_bytes());
    }
    let head = [&[1, section.len().to_le_bytes()[0]][..], &section].concat();
    [&head[..], &[0, 10], b"0123456789"].concat()
}

/// `:status: 200`.
const OK: u8 = 0xd9;

/// Starts an HTTP/3 server that answers each request with these bytes and ends the stream.
fn serve_http3(answer: Vec<u8>) -> (String, quinn::Endpoint) {
    let (url, endpoint) = http3_endpoint();
    let listening = endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = listening.accept().await {
            let Ok(connection) = incoming.await else { continue };
            let answer = answer.clone();
            tokio::spawn(async move {
                while let Ok((mut send, _receive)) = connection.accept_bi().await {
                    drop(send.write_all(&answer).await);
                    drop(send.finish());
                }
            });
        }
    });
    (url, endpoint)
}

/// Catches a body that counts as complete although its length differs from the announced one. Over
/// HTTP/3, nothing was counted.
#[tokio::test]
async fn a_length_counts_over_http_3() {
    let rows = [
        ("11", Some(BodyFault::Short { received: 10, length: 11 })),
        ("9", Some(BodyFault::Long { length: 9 })),
        ("x", Some(BodyFault::Length)),
        ("10", None),
    ];
    for (length, expected) in rows {
        let (url, _server) = serve_http3(http3_answer(OK, &[("content-length", length)]));
        match expected {
            Some(expected) => {
                assert_eq!(fault(&url, Http::Http3(None)).await, expected, "{length}");
            }
            None => assert_eq!(
                fetch(&url, Http::Http3(None)).await.expect("a whole body"),
                "0123456789"
            ),
        }
    }
    let (url, _server) = serve_http3(http3_answer(OK, &[]));
    assert_eq!(fetch(&url, Http::Http3(None)).await.expect("a whole body"), "0123456789");
}

/// RFC 9110 §8.6: the length in the answer to HEAD is that of the body which is not there.
#[tokio::test]
async fn the_answer_to_head_has_no_body_to_count() {
    let head = http3_answer(OK, &[("content-length", "99")]);
    let (url, _server) = serve_http3(head[..head.len() - 12].to_vec());
    let mut request = Request::head(&url).body(SendBody::empty()).expect("a request");
    request.extensions_mut().insert(Route { http: Http::Http3(None), tls: None });
    let response = client().send(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.into_body().collect().await.expect("no body").to_bytes(), "");
}

/// Catches a body in an unrequested coding that counts as the content, and two lengths that count
/// as one (HTTP/1.1).
#[tokio::test]
async fn transfer_codings_and_lengths_of_http_1_are_unambiguous() {
    let rows = [
        ("Transfer-Encoding: gzip, chunked", BodyFault::TransferCoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", BodyFault::TransferCoding),
        ("Transfer-Encoding: gzip\r\nConnection: close", BodyFault::TransferCoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4", BodyFault::TwoLengths),
    ];
    for (fields, expected) in rows {
        let peer =
            Peer::always(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n4\r\nbody\r\n0\r\n\r\n"))
                .await;
        assert_eq!(fault(&peer.url("/"), Http::Any).await, expected, "{fields}");
    }
    let peer =
        Peer::always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
            .await;
    assert_eq!(fetch(&peer.url("/"), Http::Any).await.expect("a whole body"), "body");
}

/// Catches a forbidden field that is silently ignored. With `Upgrade`, a 426 over HTTP/3 counted as
/// one that "names nothing", while over HTTP/2 the same 426 is malformed.
#[tokio::test]
async fn a_field_of_the_connection_makes_an_answer_over_http_3_malformed() {
    for field in [("upgrade", "TLS/1.3"), ("connection", "close"), ("keep-alive", "timeout=5")] {
        let (url, _server) = serve_http3(http3_answer(OK, &[field]));
        let mut request = Request::post(&url).body(SendBody::from("once")).expect("a request");
        request.extensions_mut().insert(Route { http: Http::Http3(None), tls: None });
        match client().send(request).await {
            Err(Error::PeerHttp2 { fault, .. }) => {
                assert_eq!(fault, Http2Fault::ForbiddenOverHttp3);
            }
            other => panic!("{field:?}: {other:?}"),
        }
    }
}
