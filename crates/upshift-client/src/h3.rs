//! HTTP/3 (RFC 9114) on quinn. 0-RTT is off, because its data can be replayed on the way.

use std::collections::HashMap;
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

use crate::body::TransportBody;
use crate::checked_body::check_response;
use crate::head_limit::{HEAD_BYTES, HeadLimit, INTERIM_RESPONSES};
use crate::http2_fault::ForbiddenField;
use crate::http3_bounded::{Bounded, BoundedBidi, BoundedReceive};
use crate::tls::{HANDSHAKE_TIMEOUT, ServerTrust, tls_config, without_brackets};
use crate::{BoxError, ConnectionSecurity, SendBody};

type Http3Sender = SendRequest<Bounded<OpenStreams>, Bytes>;

/// Open HTTP/3 connections by host and UDP port.
pub(crate) struct Http3Connections {
    trust: ServerTrust,
    head_timeout: Duration,
    open: Mutex<HashMap<(String, u16), Http3Sender>>,
}

impl Http3Connections {
    pub(crate) fn new(trust: ServerTrust, head_timeout: Duration) -> Self {
        Self { trust, head_timeout, open: Mutex::default() }
    }

    /// Sends a request to its host, at `port` or else at the port of its URL.
    pub(crate) async fn send_request(
        &self,
        request: Request<SendBody>,
        port: Option<u16>,
    ) -> Result<Response<TransportBody>, BoxError> {
        let uri = request.uri();
        let host = uri.host().ok_or("the URL names no host")?.to_owned();
        let udp_port = port.or(uri.port_u16()).unwrap_or(443);
        let (parts, body) = request.into_parts();
        let method = parts.method.clone();
        let mut head = Request::from_parts(parts, ());
        // RFC 9114 §4.2: a connection-specific field makes the message malformed. `Host` is carried
        // as `:authority` (RFC 9114 §4.3.1).
        for name in [HOST, CONNECTION, UPGRADE] {
            head.headers_mut().remove(name);
        }
        *head.version_mut() = http::Version::HTTP_3;
        let stream = self.open_stream(&host, udp_port, head).await?;
        run_exchange(stream, body, &method).await
    }

    async fn open_stream(
        &self,
        host: &str,
        port: u16,
        head: Request<()>,
    ) -> Result<RequestStream<BoundedBidi, Bytes>, BoxError> {
        if let Some(mut sender) = self.open_connection(host, port).await
            && let Ok(stream) = sender.send_request(head.clone()).await
        {
            return Ok(stream);
        }
        // There is no open connection, or it was closed while it was idle: then nothing was sent,
        // and the request can go out on a new one.
        Ok(self.connect(host, port).await?.send_request(head).await?)
    }

    async fn open_connection(&self, host: &str, port: u16) -> Option<Http3Sender> {
        self.open.lock().await.get(&(host.to_owned(), port)).cloned()
    }

    /// Connects to the first address of the host that answers, and keeps the connection.
    async fn connect(&self, host: &str, port: u16) -> Result<Http3Sender, BoxError> {
        let mut tls = tls_config(&self.trust, Some(TlsVersion::V1_3), &[b"h3"])?;
        tls.enable_early_data = false;
        let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        let name = without_brackets(host);
        let mut failure: BoxError = format!("{name} has no address").into();
        for address in tokio::net::lookup_host((name, port)).await? {
            let connecting = connect_to(address, name, config.clone(), self.head_timeout);
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, connecting).await {
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

async fn connect_to(
    address: SocketAddr,
    name: &str,
    config: quinn::ClientConfig,
    head_timeout: Duration,
) -> Result<Http3Sender, BoxError> {
    let any_address: SocketAddr =
        if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let endpoint = quinn::Endpoint::client(any_address)?;
    let quic = endpoint.connect_with(config, address, name)?.await?;
    let bounded = Bounded::new(h3_quinn::Connection::new(quic), head_timeout);
    let mut builder = h3::client::builder();
    builder.max_field_section_size(HEAD_BYTES as u64);
    let (mut driver, sender) = builder.build(bounded).await?;
    // The task runs until the server closes the connection, or the last sender is dropped.
    tokio::spawn(async move {
        std::future::poll_fn(|cx| driver.poll_close(cx)).await;
        endpoint.wait_idle().await;
    });
    Ok(sender)
}

/// Sends the body while it waits for the response: a refusal may arrive before the body is sent.
async fn run_exchange(
    stream: RequestStream<BoundedBidi, Bytes>,
    body: SendBody,
    method: &Method,
) -> Result<Response<TransportBody>, BoxError> {
    let (send, mut receive) = stream.split();
    let sending = tokio::spawn(upload_body(send, body));
    let head = match receive_final_head(&mut receive).await {
        Ok(head) => head,
        Err(error) => {
            // Without a response the upload is of no use, and would keep the stream open.
            sending.abort();
            return Err(error);
        }
    };
    let received = head.map(|()| Http3ResponseBody { stream: receive, content_ended: false });
    let mut response = check_response(received, method)?;
    let security = ConnectionSecurity { tls: TlsState::Version(TlsVersion::V1_3) };
    response.extensions_mut().insert(security);
    Ok(response)
}

/// Reads heads up to the final one. The codec reports interim responses as if they were final.
///
/// RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior to a
/// final response".
async fn receive_final_head(
    stream: &mut RequestStream<BoundedReceive, Bytes>,
) -> Result<Response<()>, BoxError> {
    for _ in 0..=INTERIM_RESPONSES {
        let response = stream.recv_response().await.map_err(limit_or_error)?;
        if let Some(name) = forbidden_field(response.headers()) {
            stream.stop_sending(Code::H3_MESSAGE_ERROR);
            return Err(ForbiddenField(name).into());
        }
        // HTTP/3 has no 101 (RFC 9114 §4.5). The caller treats it as a switch that was not asked
        // for.
        let status = response.status();
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
    }
    stream.stop_sending(Code::H3_EXCESSIVE_LOAD);
    Err(HeadLimit::InterimResponses.into())
}

/// RFC 9114 §4.2: a message with a connection-specific field is malformed.
fn forbidden_field(headers: &HeaderMap) -> Option<HeaderName> {
    CONNECTION_SPECIFIC.into_iter().find(|name| headers.contains_key(name))
}

/// The limit that the server exceeded, if that ended the stream; else the error.
fn limit_or_error(error: StreamError) -> BoxError {
    match error {
        StreamError::Undefined { 0: inner, .. } if inner.is::<HeadLimit>() => inner,
        StreamError::HeaderTooBig { .. } => HeadLimit::SectionBytes.into(),
        error => error.into(),
    }
}

async fn upload_body(
    mut stream: RequestStream<SendStream<Bytes>, Bytes>,
    mut body: SendBody,
) -> Result<(), BoxError> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            stream.send_data(data).await?;
        }
    }
    Ok(stream.finish().await?)
}

/// The body of a response over HTTP/3.
struct Http3ResponseBody {
    stream: RequestStream<BoundedReceive, Bytes>,
    content_ended: bool,
}

impl http_body::Body for Http3ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.content_ended {
            match ready!(self.stream.poll_recv_data(cx)) {
                Ok(Some(mut data)) => {
                    let bytes = data.copy_to_bytes(data.remaining());
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            self.content_ended = true;
        }
        Poll::Ready(match ready!(self.stream.poll_recv_trailers(cx)) {
            Ok(Some(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Ok(None) => None,
            Err(error) => Some(Err(error.into())),
        })
    }
}
