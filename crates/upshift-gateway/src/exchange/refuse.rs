//! Responses to refused requests, and the bodies that came with the requests.
//!
//! The response goes out at once. Over HTTP/1, a short body is read and discarded meanwhile, so that
//! the connection can be kept; otherwise the response says `close`, and the connection lingers while
//! the client finishes writing. Over HTTP/2 and 3 a body is discarded up to a limit, because some
//! clients (curl 7.88) lose the response to a reset; beyond it, the codec resets the stream with
//! `NO_ERROR` (RFC 9113 §8.1).

use std::time::Duration;

use http::{Response, Version, header, request};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::task::spawn_local;
use tokio::time::timeout;
use upshift_config::Limits;
use upshift_core::answer::Answer;
use upshift_http::{add_close, answer_response};

use crate::body::RequestBody;
use crate::response_body::ResponseBody;

/// The longest body that is read to keep an HTTP/1 connection, in bytes.
const MAX_SHORT_BODY: u64 = 64 * 1024;

/// The response that sends `answer`.
pub(crate) fn refusal_response(answer: Answer) -> Response<ResponseBody> {
    answer_response(answer).map(ResponseBody::from_bytes)
}

/// Reads and discards `body`, which has no use, or has the connection closed after `response`.
pub(crate) fn discard_body(
    body: RequestBody,
    parts: &request::Parts,
    limits: &Limits,
    response: &mut Response<ResponseBody>,
) {
    if body.is_empty() {
        return;
    }
    if parts.version >= Version::HTTP_2 {
        spawn_local(read_to_discard(body, limits.discard_bytes, limits.discard_timeout));
        return;
    }
    // RFC 9110 §10.1.1: a client that waits for the 100 may send its body or not, so the next bytes
    // could be either content or a request.
    let expects_continue = parts.headers.contains_key(header::EXPECT);
    let is_short = matches!(body.size_hint().upper(), Some(length) if length <= MAX_SHORT_BODY);
    if is_short && !expects_continue {
        spawn_local(read_to_discard(body, MAX_SHORT_BODY, limits.idle));
    } else {
        // RFC 9112 §9.3: the server "MUST either read the entire request message body or close the
        // connection".
        add_close(response.headers_mut());
    }
}

/// Reads a body up to a limit of bytes and of time. A body that is dropped before its end closes the
/// connection of HTTP/1, and resets the stream of HTTP/2.
async fn read_to_discard(mut body: RequestBody, mut limit: u64, time: Duration) {
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            match limit.checked_sub(length) {
                Some(left) => limit = left,
                None => return,
            }
        }
    };
    // A timeout here is fine: the body is dropped either way.
    let _ = timeout(time, reading).await;
}
