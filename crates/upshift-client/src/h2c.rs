//! HTTP/2 by `Upgrade: h2c` (RFC 7540 §3.2, made obsolete by RFC 9113 §3.1), for servers that
//! support no other way.
//!
//! The HTTP/2 library has no entry point for a connection that was switched: it sends the first
//! request itself. So it sends one, and the frames of that request are removed from its output,
//! because the server has read the request as HTTP/1.1 already. The server's header table never
//! received the entries of those frames, so the library must not use one: before it writes the
//! first header it receives a setting by which the server allows a table of size 0.

use std::sync::Arc;

use bytes::BytesMut;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::Notify;
use upshift_core::TlsState;
use upshift_core::field::Protocol;

use crate::body::TransportBody;
use crate::checked_body::check_response;
use crate::connect::OriginConnector;
use crate::head_limited_stream::HeadLimitedStream;
use crate::spliced_stream::SplicedStream;
use crate::switch::{SwitchedConnection, switch_connection};
use crate::tls::HANDSHAKE_TIMEOUT;
use crate::{BoxError, ConnectionSecurity, SendBody};

/// The value of `HTTP2-Settings`: the payload of a SETTINGS frame with ENABLE_PUSH = 0, in
/// base64url without padding.
const HTTP2_SETTINGS: HeaderValue = HeaderValue::from_static("AAIAAAAA");

/// Sends one request on a connection of its own that was switched to HTTP/2 first.
pub(crate) async fn send_over_h2c(
    connector: OriginConnector,
    request: Request<SendBody>,
) -> Result<Response<TransportBody>, BoxError> {
    let uri = request.uri().clone();
    let field = (HeaderName::from_static("http2-settings"), HTTP2_SETTINGS);
    let watch = connector.new_head_watch();
    let token = Protocol::new("h2c", None)?;
    // The server may send its preface right after the 101.
    let SwitchedConnection { tcp, ahead } =
        switch_connection(connector, &uri, token, Some(field)).await?;

    let settled = Arc::new(Notify::new());
    let spliced = SplicedStream::new(tcp, BytesMut::from(&ahead[..]), Arc::clone(&settled));
    let io = TokioIo::new(HeadLimitedStream::over_http2(spliced, watch.clone()));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
    tokio::spawn(connection);
    if tokio::time::timeout(HANDSHAKE_TIMEOUT, settled.notified()).await.is_err() {
        return Err("the server sent no SETTINGS after its 101".into());
    }
    open_stream_1(&mut sender, &uri)?;
    sender.ready().await?;
    let method = request.method().clone();
    let received = match sender.send_request(request).await {
        Ok(response) => response,
        Err(error) => {
            // The codec reports an I/O error; the limit behind it is kept by the watch.
            return match watch.exceeded_limit() {
                Some(limit) => Err(limit.into()),
                None => Err(error.into()),
            };
        }
    };
    let mut response = check_response(received, &method)?;
    response.extensions_mut().insert(ConnectionSecurity { tls: TlsState::Cleartext });
    Ok(response)
}

/// Opens stream 1, which is the request that asked for the switch. Its response is read and
/// discarded in the background: the real request follows at once, because a server may close an
/// idle connection.
fn open_stream_1(sender: &mut http2::SendRequest<SendBody>, uri: &Uri) -> Result<(), BoxError> {
    let builder = Request::builder().method(Method::OPTIONS).uri(root_of(uri)?);
    let answering = sender.send_request(builder.body(SendBody::empty())?);
    tokio::spawn(async move { answering.await?.into_body().collect().await });
    Ok(())
}

/// The root of the origin of `uri`.
fn root_of(uri: &Uri) -> Result<Uri, BoxError> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some("/".parse()?);
    Ok(Uri::from_parts(parts)?)
}
