//! Local replies: the responses of the gateway itself, apart from the policy.

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use crate::local_reply::LocalReply;
use crate::response_body::ResponseBody;

/// The media type of RFC 9457.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The response of a local reply.
pub(crate) fn local_response(reply: &LocalReply, request_id: &str) -> Response<ResponseBody> {
    let problem = problem_json(reply.status(), &reply.client_detail(), request_id);
    let mut response = Response::new(ResponseBody::from_bytes(problem));
    *response.status_mut() = reply.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A problem (RFC 9457 §3). Its type is left at `about:blank`: the status says it all (§4.2.1).
pub(crate) fn problem_json(status: StatusCode, detail: &str, request_id: &str) -> Bytes {
    let mut members = serde_json::Map::new();
    members.insert("detail".to_owned(), detail.into());
    members.insert("status".to_owned(), status.as_u16().into());
    members.insert("title".to_owned(), status.canonical_reason().unwrap_or("Error").into());
    if !request_id.is_empty() {
        members.insert("request_id".to_owned(), request_id.into());
    }
    // A map of strings and numbers cannot fail to serialize.
    let mut text = serde_json::to_vec_pretty(&members).unwrap_or_default();
    text.push(b'\n');
    Bytes::from(text)
}

/// The bytes of a local reply, for a connection that no codec serves, and the number of bytes of its
/// content among them. It closes the connection.
pub(crate) fn local_reply_bytes(
    reply: &LocalReply,
    date: &str,
    has_content: bool,
) -> (Bytes, usize) {
    use std::fmt::Write as _;
    let status = reply.status();
    let body = problem_json(status, &reply.client_detail(), "");
    let mut head = String::with_capacity(256);
    // Writing into a string cannot fail.
    let _ = write!(
        head,
        "HTTP/1.1 {} {}\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n\
         Content-Length: {}\r\nConnection: close\r\nDate: {date}\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or("Error"),
        body.len(),
    );
    let mut wire = BytesMut::from(head.as_str());
    // RFC 9110 §9.3.2: "the server MUST NOT send content in the response" to HEAD. The length is
    // that of the content of a GET.
    if !has_content {
        return (wire.freeze(), 0);
    }
    wire.extend_from_slice(&body);
    (wire.freeze(), body.len())
}

/// The current time in the format of `Date` (RFC 9110 §6.6.1).
pub(crate) fn http_date() -> String {
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let date = printer.timestamp_to_rfc9110_string(&jiff::Timestamp::now());
    // It fails only for years that do not have four digits.
    date.unwrap_or_default()
}
