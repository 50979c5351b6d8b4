//! TLS inside the connection (RFC 2817): for printers. Whoever stands in between can splice such a
//! connection (CVE-2025-49812), so the policy has to allow it by name.

use std::future::ready;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use upshift_core::field::Protocol;

use crate::checked_body::checked;
use crate::connect::{Connector, secure, tls_info};
use crate::head_limit::{InterimMeter, within_limits};
use crate::switch::{Switched, host_field, switch};
use crate::transport::Incoming;
use crate::watched::Watched;
use crate::{Body, BoxError};

/// Sends one request on a connection of its own that was switched to TLS first.
pub(crate) async fn send(
    connector: Connector,
    config: Arc<ClientConfig>,
    request: Request<Body>,
) -> Result<Response<Incoming>, BoxError> {
    let uri = request.uri().clone();
    let host = uri.host().ok_or("the URL names no host")?.to_owned();
    let tls = Protocol::new("TLS", Some("1.2"))?;
    let watch = connector.head_watch();
    let Switched { tcp, ahead } = switch(connector, &uri, tls, None).await?;
    // What came in clear after the 101 would be taken for a part of what TLS protects.
    if !ahead.is_empty() {
        return Err("the server sent bytes after its 101 that nobody had asked for".into());
    }
    let stream = secure(tcp, config, &host).await?;
    let info = tls_info(stream.get_ref().1.protocol_version());

    let silent = Arc::new(AtomicBool::new(true));
    let muted = Muted { stream, silent: Arc::clone(&silent) };
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(Watched::http1(muted, watch.clone()))).await?;
    tokio::spawn(connection.with_upgrades());
    // RFC 2817 §3.3: after the handshake "the server MUST continue with the response to the
    // original request". So the codec is told that it has asked, while nothing goes out, and reads
    // what is owed.
    let owed = Request::builder().method(Method::OPTIONS).uri("*").header(HOST, host_field(&uri)?);
    let mut owed = owed.body(Body::empty())?;
    let meter = InterimMeter::attach(&mut owed);
    let owed = within_limits(sender.send_request(owed), meter, ready(watch.clone())).await?;
    owed.into_body().collect().await?;
    silent.store(false, Ordering::Release);
    sender.ready().await?;

    let mut request = origin_form(request)?;
    let method = request.method().clone();
    let meter = InterimMeter::attach(&mut request);
    let response = within_limits(sender.send_request(request), meter, ready(watch)).await?;
    let mut response = checked(response, &method)?;
    response.extensions_mut().insert(info);
    Ok(response)
}

fn origin_form(mut request: Request<Body>) -> Result<Request<Body>, BoxError> {
    let host = host_field(request.uri())?;
    request.headers_mut().entry(HOST).or_insert(host);
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    *request.uri_mut() = path.parse::<Uri>()?;
    Ok(request)
}

/// A stream that swallows what is written while it is silent.
struct Muted<T> {
    stream: T,
    silent: Arc<AtomicBool>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Muted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Muted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.silent.load(Ordering::Acquire) {
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
