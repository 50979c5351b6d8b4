//! HTTP/3 (RFC 9114) on quinn. 0-RTT is off: what it sends can be replayed by anybody on the way.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use h3::client::{RequestStream, SendRequest};
use h3::error::{Code, StreamError};
use h3_quinn::{OpenStreams, SendStream};
use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt as _;
use quinn::crypto::rustls::QuicClientConfig;
use tokio::sync::Mutex;
use upshift_core::{TlsState, TlsVersion};
use upshift_http::CONNECTION_SPECIFIC;

use crate::checked_body::checked;
use crate::connect::{PATIENCE, Trust, tls_config};
use crate::head_limit::{HEAD_BYTES, HeadLimit, INTERIM_RESPONSES};
use crate::http3_bounded::{Bounded, BoundedBidi, BoundedReceive};
use crate::transport::Incoming;
use crate::{Body, BoxError, ConnectionInfo};

type Sender = SendRequest<Bounded<OpenStreams>, Bytes>;

/// Open HTTP/3 connections by host and UDP port.
pub(crate) struct Connections {
    trust: Trust,
    head_patience: Duration,
    open: Mutex<HashMap<(String, u16), Sender>>,
}

impl Connections {
    pub(crate) fn new(trust: Trust, head_patience: Duration) -> Self {
        Self { trust, head_patience, open: Mutex::default() }
    }

    /// Sends a request to its host, at `port` or else that of its URL.
    pub(crate) async fn send(
        &self,
        request: Request<Body>,
        port: Option<u16>,
    ) -> Result<Response<Incoming>, BoxError> {
        let uri = request.uri();
        let host = uri.host().ok_or("the URL names no host")?.to_owned();
        let port = port.or(uri.port_u16()).unwrap_or(443);
        let (parts, body) = request.into_parts();
        let method = parts.method.clone();
        let mut head = Request::from_parts(parts, ());
        // RFC 9114 §4.2: a field that is about the connection makes the message malformed.
        for name in [HOST, CONNECTION, UPGRADE] {
            head.headers_mut().remove(name);
        }
        *head.version_mut() = http::Version::HTTP_3;
        let stream = match self.pooled(&host, port).await {
            Some(mut sender) => match sender.send_request(head.clone()).await {
                Ok(stream) => stream,
                // Closed while it lay there: nothing was sent, so a new one is asked.
                Err(_) => self.connect(&host, port).await?.send_request(head).await?,
            },
            None => self.connect(&host, port).await?.send_request(head).await?,
        };
        exchange(stream, body, &method).await
    }

    async fn pooled(&self, host: &str, port: u16) -> Option<Sender> {
        self.open.lock().await.get(&(host.to_owned(), port)).cloned()
    }

    async fn connect(&self, host: &str, port: u16) -> Result<Sender, BoxError> {
        let mut config = tls_config(&self.trust, Some(TlsVersion::V1_3), &[b"h3"])?;
        config.enable_early_data = false;
        let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config)?));
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let mut failure: BoxError = format!("{name} has no address").into();
        for address in tokio::net::lookup_host((name, port)).await? {
            match tokio::time::timeout(
                PATIENCE,
                open(address, name, config.clone(), self.head_patience),
            )
            .await
            {
                Ok(Ok(sender)) => {
                    self.open.lock().await.insert((host.to_owned(), port), sender.clone());
                    return Ok(sender);
                }
                Ok(Err(error)) => failure = error,
                Err(_) => failure = format!("{address} does not answer over QUIC").into(),
            }
        }
        Err(failure)
    }
}

async fn open(
    address: SocketAddr,
    name: &str,
    config: quinn::ClientConfig,
    head_patience: Duration,
) -> Result<Sender, BoxError> {
    let any: SocketAddr =
        if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let endpoint = quinn::Endpoint::client(any)?;
    let connection = endpoint.connect_with(config, address, name)?.await?;
    let connection = Bounded::new(h3_quinn::Connection::new(connection), head_patience);
    let mut builder = h3::client::builder();
    builder.max_field_section_size(HEAD_BYTES as u64);
    let (mut driver, sender) = builder.build(connection).await?;
    // Runs until the server closes, or the last sender is dropped.
    tokio::spawn(async move {
        std::future::poll_fn(|cx| driver.poll_close(cx)).await;
        endpoint.wait_idle().await;
    });
    Ok(sender)
}

/// Sends the body while the answer may already come: a refusal does not wait for it.
async fn exchange(
    stream: RequestStream<BoundedBidi, Bytes>,
    body: Body,
    method: &Method,
) -> Result<Response<Incoming>, BoxError> {
    let (send, mut receive) = stream.split();
    let sending = tokio::spawn(upload(send, body));
    let response = final_response(&mut receive).await;
    if response.is_err() {
        sending.abort();
    }
    let response = response?.map(|()| Answer { stream: receive, ended: false });
    let mut response = checked(response, method)?;
    response.extensions_mut().insert(ConnectionInfo { tls: TlsState::Version(TlsVersion::V1_3) });
    Ok(response)
}

/// Reads heads up to the final one. The codec hands over interim responses as if they were final.
///
/// RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior to a
/// final response".
async fn final_response(
    stream: &mut RequestStream<BoundedReceive, Bytes>,
) -> Result<Response<()>, BoxError> {
    for _ in 0..=INTERIM_RESPONSES {
        let response = stream.recv_response().await.map_err(limit_or_error)?;
        if let Some(name) = forbidden(response.headers()) {
            stream.stop_sending(Code::H3_MESSAGE_ERROR);
            return Err(ForbiddenField(name).into());
        }
        // HTTP/3 has no 101 (RFC 9114 §4.5); the caller judges it as one that was not asked for.
        if !response.status().is_informational()
            || response.status() == StatusCode::SWITCHING_PROTOCOLS
        {
            return Ok(response);
        }
    }
    stream.stop_sending(Code::H3_EXCESSIVE_LOAD);
    Err(HeadLimit::InterimResponses.into())
}

/// A field that makes a response over HTTP/3 malformed.
#[derive(Debug)]
pub(crate) struct ForbiddenField(HeaderName);

impl fmt::Display for ForbiddenField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server's response has a field {}, which HTTP/3 forbids", self.0)
    }
}

impl std::error::Error for ForbiddenField {}

/// RFC 9114 §4.2: a message with a field that is about the connection is malformed.
fn forbidden(headers: &HeaderMap) -> Option<HeaderName> {
    CONNECTION_SPECIFIC.into_iter().find(|name| headers.contains_key(name))
}

/// The limit that the server went past, if that is what ended the stream.
fn limit_or_error(error: StreamError) -> BoxError {
    match error {
        StreamError::Undefined { 0: inner, .. } if inner.is::<HeadLimit>() => inner,
        StreamError::HeaderTooBig { .. } => HeadLimit::SectionBytes.into(),
        error => error.into(),
    }
}

async fn upload(
    mut stream: RequestStream<SendStream<Bytes>, Bytes>,
    mut body: Body,
) -> Result<(), BoxError> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            stream.send_data(data).await?;
        }
    }
    Ok(stream.finish().await?)
}

/// The body of an answer.
struct Answer {
    stream: RequestStream<BoundedReceive, Bytes>,
    ended: bool,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.ended {
            match ready!(self.stream.poll_recv_data(cx)) {
                Ok(Some(mut data)) => {
                    return Poll::Ready(Some(Ok(Frame::data(
                        data.copy_to_bytes(data.remaining()),
                    ))));
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            self.ended = true;
        }
        let trailers = ready!(self.stream.poll_recv_trailers(cx));
        Poll::Ready(
            trailers.map_err(Into::into).map(|trailers| trailers.map(Frame::trailers)).transpose(),
        )
    }
}
