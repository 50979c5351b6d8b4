//! HTTP/2 on one connection (RFC 9113).

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;

use http::Request;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use upshift_core::HttpVersion;

use super::codec::drive_codec;
use super::stream::ClientStream;
use super::write_buffer::WriteBuffer;
use crate::body::RequestBody;
use crate::exchange::connection::Connection;
use crate::exchange::serve;
use crate::exchange::unread::begin_unread;
use crate::progress::activity::ActivityTimeouts;
use crate::progress::stream_watch::StreamExecutor;
use crate::received_request::ReceivedRequest;
use crate::telemetry::disconnect::DisconnectReason;

/// Serves HTTP/2 until the connection ends. After an h2c upgrade, `first` (the HTTP/1.1 request)
/// replaces the placeholder request on stream 1, of which only the method is real.
pub(super) async fn serve_http2(
    stream: ClientStream,
    connection: &Connection,
    first: Option<Box<Request<RequestBody>>>,
) {
    let limits = connection.core.limits();
    connection.activity.set_multiplexed();
    let shared = Rc::new(connection.clone());
    let idle = limits.idle;
    let first = Cell::new(first);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let connection = Rc::clone(&shared);
        let kept = first.take();
        async move {
            let request = match kept {
                Some(kept) => *kept,
                None => RequestBody::from_hyper(request, idle),
            };
            // Streams carry their tunnels themselves (RFC 8441), so there is no switch.
            let (parts, body) = request.into_parts();
            let received = ReceivedRequest::from_parts(parts);
            Ok::<_, Infallible>(serve(&connection, received, body, None).await.response)
        }
    });
    let core = Rc::clone(&connection.core);
    let stalled = Rc::new(move || core.count_disconnect(DisconnectReason::StreamStalled));
    let mut codec = http2::Builder::new(StreamExecutor::new(limits.idle, stalled))
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(200)
        // RFC 8441 §3: WebSocket by extended CONNECT is welcome.
        .enable_connect_protocol()
        .serve_connection(TokioIo::new(WriteBuffer::new(stream)), service);
    let shut_down = |codec: Pin<&mut http2::Connection<_, _, _>>| codec.graceful_shutdown();
    let timeouts = ActivityTimeouts::from(&limits);
    let ended = drive_codec(Pin::new(&mut codec), shut_down, &connection.activity, timeouts).await;
    if ended == Err(DisconnectReason::Http2Protocol) {
        let report = begin_unread(connection, HttpVersion::V2, Instant::now());
        report.set_cause(DisconnectReason::Http2Protocol.as_str());
    }
    connection.core.count_codec_end(ended);
}
