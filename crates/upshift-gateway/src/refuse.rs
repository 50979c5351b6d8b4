//! Putting a refusal on the wire, and what becomes of the body that came with the request.
//!
//! The answer goes out at once. A short body is read and thrown away meanwhile, so that the connection can be kept; else
//! the answer says `close`, and the connection lingers while the client finishes writing. Over HTTP/2 the codec resets
//! the stream with `NO_ERROR` behind the answer (RFC 9113 §8.1).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, Version, request};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::task::spawn_local;
use upshift_core::answer::Answer;

use crate::body::{Body, RequestBody};

/// As long a body as is read for the sake of the connection.
const SHORT: u64 = 64 * 1024;

/// The response that says what `answer` says.
pub(crate) fn response(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::UPGRADE_REQUIRED);
    let headers = response.headers_mut();
    headers.reserve(answer.fields().len());
    for (name, value) in answer.fields() {
        // The core's names are tokens; a value with a byte that no field may hold is left out rather than bent.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    if answer.closes() {
        close(headers);
    }
    response.map(|_| Body::full(answer.into_body()))
}

/// Sees to `body`, which nobody will use: reads it away, or has the connection closed.
pub(crate) fn discard(body: RequestBody, parts: &request::Parts, response: &mut Response<Body>) {
    if body.is_empty() || parts.version >= Version::HTTP_2 {
        return;
    }
    // RFC 9110 §10.1.1: a client that awaits the 100 may send its body or not, so nothing after it can be trusted.
    let expects = parts.headers.contains_key(header::EXPECT);
    let short = body.size_hint().upper().is_some_and(|length| length <= SHORT);
    if short && !expects {
        spawn_local(async move {
            let mut body = body;
            while let Some(Ok(_)) = body.frame().await {}
        });
    } else {
        // RFC 9112 §9.3: the server "MUST either read the entire request message body or close the connection".
        close(response.headers_mut());
    }
}

/// Adds `close` to `Connection`.
pub(crate) fn close(headers: &mut HeaderMap) {
    let said = headers.get(header::CONNECTION).and_then(|options| options.to_str().ok()).unwrap_or_default();
    let value = match said {
        "" => HeaderValue::from_static("close"),
        "upgrade" => HeaderValue::from_static("upgrade, close"),
        said if said.contains("close") => return,
        said => HeaderValue::from_str(&format!("{said}, close")).unwrap_or(HeaderValue::from_static("close")),
    };
    headers.insert(header::CONNECTION, value);
}
