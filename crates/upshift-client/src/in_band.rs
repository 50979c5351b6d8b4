//! TLS inside the connection (RFC 2817), for printers. An attacker on the path can splice such a
//! connection (CVE-2025-49812), so the policy has to allow it by name.

use std::future::ready;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::header::HOST;
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use upshift_core::field::Protocol;

use crate::body::TransportBody;
use crate::checked_body::check_response;
use crate::connect::OriginConnector;
use crate::head_limited_stream::{HeadLimitedStream, HeadWatch};
use crate::interim::{InterimMeter, within_limits};
use crate::switch::{SwitchedConnection, host_field, switch_connection};
use crate::tls::{security_of, start_tls};
use crate::{BoxError, SendBody};

/// Sends one request on a connection of its own that was switched to TLS first.
pub(crate) async fn send_over_in_band_tls(
    connector: OriginConnector,
    config: Arc<ClientConfig>,
    request: Request<SendBody>,
) -> Result<Response<TransportBody>, BoxError> {
    let uri = request.uri().clone();
    let host = uri.host().ok_or("the URL names no host")?.to_owned();
    let watch = connector.new_head_watch();
    let token = Protocol::new("TLS", Some("1.2"))?;
    let SwitchedConnection { tcp, ahead } = switch_connection(connector, &uri, token, None).await?;
    // Cleartext bytes after the 101 could be an attacker's, and would count as protected by TLS.
    if !ahead.is_empty() {
        return Err("the server sent bytes after its 101 that were not asked for".into());
    }
    let tls = start_tls(tcp, config, &host).await?;
    let security = security_of(tls.get_ref().1.protocol_version());

    let muted = Arc::new(AtomicBool::new(true));
    let stream = MutedStream { stream: tls, muted: Arc::clone(&muted) };
    let io = TokioIo::new(HeadLimitedStream::over_http1(stream, watch.clone()));
    let (mut sender, connection) = http1::handshake(io).await?;
    tokio::spawn(connection.with_upgrades());
    read_owed_response(&mut sender, &uri, watch.clone()).await?;
    muted.store(false, Ordering::Release);
    sender.ready().await?;

    let mut outgoing = to_origin_form(request)?;
    let method = outgoing.method().clone();
    let meter = InterimMeter::attach_to(&mut outgoing);
    let received = within_limits(sender.send_request(outgoing), meter, ready(watch)).await?;
    let mut response = check_response(received, &method)?;
    response.extensions_mut().insert(security);
    Ok(response)
}

/// Reads the response to the request that asked for the switch.
///
/// RFC 2817 §3.3: after the handshake "the server MUST continue with the response to the original
/// request". hyper reads a response only to a request that it has sent, so it sends the request
/// once more, into a muted stream.
async fn read_owed_response(
    sender: &mut http1::SendRequest<SendBody>,
    uri: &Uri,
    watch: HeadWatch,
) -> Result<(), BoxError> {
    let mut original = original_request(uri)?;
    let meter = InterimMeter::attach_to(&mut original);
    let response = within_limits(sender.send_request(original), meter, ready(watch)).await?;
    response.into_body().collect().await?;
    Ok(())
}

/// The request that asked for the switch.
fn original_request(uri: &Uri) -> Result<Request<SendBody>, BoxError> {
    let builder = Request::builder().method(Method::OPTIONS).uri("*");
    Ok(builder.header(HOST, host_field(uri)?).body(SendBody::empty())?)
}

/// RFC 9112 §3.2.1: the origin form of the target is the path and the query; the host goes into
/// `Host`.
fn to_origin_form(mut request: Request<SendBody>) -> Result<Request<SendBody>, BoxError> {
    let host = host_field(request.uri())?;
    request.headers_mut().entry(HOST).or_insert(host);
    let target = match request.uri().path_and_query() {
        Some(path) => path.as_str(),
        None => "/",
    };
    *request.uri_mut() = target.parse::<Uri>()?;
    Ok(request)
}

/// A stream that discards all writes while it is muted.
struct MutedStream<T> {
    stream: T,
    muted: Arc<AtomicBool>,
}

impl<T: AsyncRead + Unpin> AsyncRead for MutedStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for MutedStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.muted.load(Ordering::Acquire) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
