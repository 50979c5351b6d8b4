//! Serves one HTTP/3 request.

use std::rc::Rc;

use bytes::Bytes;
use h3::error::{Code, ConnectionError, StreamError};
use h3::server::{RequestResolver, RequestStream};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt;
use tokio::time::{Duration, Instant, timeout};
use upshift_core::HttpVersion;
use upshift_http::{is_hop_by_hop, remove_nominated, strip_hop_by_hop};

use super::body::H3Body;
use super::transport::GuardedConnection;
use crate::body::{BodyError, BodyTimedOut, RequestBody};
use crate::exchange::connection::Connection;
use crate::exchange::respond;
use crate::exchange::serve;
use crate::exchange::unread::{begin_malformed, begin_unread};
use crate::framing::declared_length;
use crate::local_reply::LocalReply;
use crate::progress::activity::Expired;
use crate::received_request::ReceivedRequest;
use crate::response_body::ResponseBody;
use crate::telemetry::disconnect::DisconnectReason;
use crate::telemetry::exchange_report::CLIENT_GONE;

/// The size of the pieces that h3 gets: a client that takes one within the time allowed makes
/// progress.
const PIECE: usize = 16 * 1024;

type H3Resolver = RequestResolver<GuardedConnection, Bytes>;
type ResponseSender = RequestStream<h3_quinn::SendStream<Bytes>, Bytes>;

/// Serves the request that `resolver` reads.
pub(super) async fn serve_stream(connection: Rc<Connection>, resolver: H3Resolver) {
    if let Err(error) = serve_request(&connection, resolver).await {
        if error.is::<BodyTimedOut>() {
            connection.core.count_disconnect(DisconnectReason::StreamStalled);
        }
        tracing::debug!(peer = %connection.peer, %error, "an exchange over HTTP/3 broke off");
    }
}

async fn serve_request(connection: &Rc<Connection>, resolver: H3Resolver) -> Result<(), BodyError> {
    let began = Instant::now();
    let limits = connection.core.limits();
    let resolved = in_time(limits.header_timeout, resolver.resolve_request()).await;
    let (request, stream) =
        resolved.inspect_err(|error| report_no_request(connection, error, began))?;
    let (mut sender, receiver) = stream.split();
    if has_connection_fields(request.headers()) {
        // RFC 9114 §4.2: "An intermediary transforming an HTTP/1.x message to HTTP/3 MUST remove
        // connection-specific header fields […] Any message containing connection-specific fields
        // MUST be treated as malformed".
        sender.stop_stream(Code::H3_MESSAGE_ERROR);
        report_malformed(connection, request, began);
        return Err("the request has connection-specific fields".into());
    }
    // An invalid length is answered by `serve`, which checks the fields again.
    let declared = declared_length(request.headers()).unwrap_or(Some(0));
    let mut h3_body = H3Body::new(receiver, declared);
    let body = if declared == Some(0) {
        if let Err(error) = in_time(limits.header_timeout, h3_body.expect_end()).await {
            sender.stop_stream(Code::H3_MESSAGE_ERROR);
            report_malformed(connection, request, began);
            return Err(error);
        }
        RequestBody::empty()
    } else {
        RequestBody::from_boxed(Box::pin(h3_body), limits.idle)
    };
    let is_head = request.method() == Method::HEAD;
    let received = ReceivedRequest::from_parts(request.into_parts().0);
    let mut response = serve(connection, received, body, None).await.response;
    add_codec_fields(&mut response);
    if is_head {
        // RFC 9110 §9.3.2: "The HEAD method is identical to GET except that the server MUST NOT
        // send content in the response".
        response = response.map(ResponseBody::without_content);
    }
    let report = response.body().report();
    let sent = send_response(&mut sender, response, limits.idle).await;
    if let Err(error) = &sent {
        if let Some(report) = report {
            // An upstream that broke off is the cause already.
            report.set_cause(if error.is::<BodyTimedOut>() {
                DisconnectReason::StreamStalled.as_str()
            } else {
                CLIENT_GONE
            });
        }
        // RFC 9114 §4.1: a response that cannot be completed is reset, not finished.
        sender.stop_stream(Code::H3_INTERNAL_ERROR);
    }
    sent
}

/// Reports a stream on which no request could be read since it `began`.
fn report_no_request(connection: &Connection, error: &BodyError, began: Instant) {
    let cause = match error.downcast_ref::<StreamError>() {
        // The report of the connection says it.
        Some(StreamError::ConnectionError { 0: ConnectionError::Local { .. }, .. }) => return,
        Some(StreamError::RemoteTerminate { .. } | StreamError::ConnectionError { .. }) => {
            CLIENT_GONE
        }
        Some(StreamError::HeaderTooBig { .. }) => LocalReply::HeadTooLarge.cause_label(),
        None if error.is::<BodyTimedOut>() => DisconnectReason::Expired(Expired::Head).as_str(),
        _ => DisconnectReason::Parse.as_str(),
    };
    let report = begin_unread(connection, HttpVersion::V3, began);
    if cause == LocalReply::HeadTooLarge.cause_label() {
        // h3 answers this itself.
        report.start_response(LocalReply::HeadTooLarge.status());
    }
    report.set_cause(cause);
}

/// Reports a request that is malformed as a message.
fn report_malformed(connection: &Connection, request: Request<()>, began: Instant) {
    let received = ReceivedRequest::from_parts(request.into_parts().0);
    let report = begin_malformed(connection, &received, began);
    report.set_cause(LocalReply::Framing("").cause_label());
}

/// Returns true if a request has connection-specific fields.
///
/// RFC 9114 §4.2: `TE` "MAY be present in an HTTP/3 request header; when it is, it MUST NOT contain
/// any value other than "trailers"".
fn has_connection_fields(headers: &HeaderMap) -> bool {
    let mut te = headers.get_all(header::TE).iter();
    te.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"trailers"))
        || headers.keys().any(|name| *name != header::TE && is_hop_by_hop(name))
}

/// Awaits `step`, and fails if that takes longer than `limit`.
async fn in_time<T, E: Into<BodyError>>(
    limit: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, BodyError> {
    match timeout(limit, step).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(BodyTimedOut.into()),
    }
}

async fn send_response(
    sender: &mut ResponseSender,
    response: Response<ResponseBody>,
    limit: Duration,
) -> Result<(), BodyError> {
    let (parts, mut body) = response.into_parts();
    in_time(limit, sender.send_response(Response::from_parts(parts, ()))).await?;
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            // A piece of the upstream's may be too long to be sent in time on a slow connection.
            Ok(mut data) => {
                while !data.is_empty() {
                    let piece = data.split_to(data.len().min(PIECE));
                    in_time(limit, sender.send_data(piece)).await?;
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    in_time(limit, sender.send_trailers(trailers)).await?;
                }
            }
        }
    }
    in_time(limit, sender.finish()).await
}

/// Adds the fields that the codecs for HTTP/1 and HTTP/2 add themselves.
fn add_codec_fields(response: &mut Response<ResponseBody>) {
    use http_body::Body as _;
    let body = response.body();
    let length = if body.is_end_stream() { None } else { body.size_hint().exact() };
    let headers = response.headers_mut();
    // RFC 9114 §4.2: "An endpoint MUST NOT generate an HTTP/3 field section containing
    // connection-specific fields".
    remove_nominated(headers, &[]);
    strip_hop_by_hop(headers);
    if let Some(length) = length {
        headers.entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    if let Ok(date) = HeaderValue::from_str(&respond::http_date()) {
        headers.entry(header::DATE).or_insert(date);
    }
}
