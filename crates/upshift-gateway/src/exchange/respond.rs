//! The one edge where a fault becomes a response.

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use crate::local_reply::LocalReply;
use crate::response_body::ResponseBody;

/// What RFC 9457 calls this representation.
pub(crate) const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The answer to a request that met `reply`.
pub(crate) fn local_reply(reply: &LocalReply, request_id: &str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from_bytes(problem(
        reply.status(),
        &reply.client_detail(),
        request_id,
    )));
    *response.status_mut() = reply.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PROBLEM);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// RFC 9457 §3. The type is left at `about:blank`: the status says all there is.
pub(crate) fn problem(status: StatusCode, detail: &str, request_id: &str) -> Bytes {
    let mut members = serde_json::Map::new();
    members.insert("detail".to_owned(), detail.into());
    members.insert("status".to_owned(), status.as_u16().into());
    members.insert("title".to_owned(), status.canonical_reason().unwrap_or("Error").into());
    if !request_id.is_empty() {
        members.insert("request_id".to_owned(), request_id.into());
    }
    let mut text = serde_json::to_vec_pretty(&members).unwrap_or_default();
    text.push(b'\n');
    Bytes::from(text)
}

/// The same as bytes on a connection that no codec has taken over.
pub(crate) fn local_reply_bytes(reply: &LocalReply, date: &str) -> Bytes {
    use std::fmt::Write as _;
    let (status, body) = (reply.status(), problem(reply.status(), &reply.client_detail(), ""));
    let mut head = String::with_capacity(256);
    let _ = write!(
        head,
        "HTTP/1.1 {} {}\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\nContent-Length: {}\r\n\
         Connection: close\r\nDate: {date}\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or("Error"),
        body.len(),
    );
    let mut wire = BytesMut::from(head.as_str());
    wire.extend_from_slice(&body);
    wire.freeze()
}

/// Now, as `Date` wants it (RFC 9110 §6.6.1).
pub(crate) fn date() -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
        .unwrap_or_default()
}
