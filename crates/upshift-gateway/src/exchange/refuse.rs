//! Putting a refusal on the wire, and what becomes of the body that came with the request.
//!
//! The answer goes out at once. Over HTTP/1, a short body is read and thrown away meanwhile, so
//! that the connection can be kept; else the answer says `close`, and the connection lingers while
//! the client finishes writing. Over HTTP/2 and 3 a body is thrown away up to the bound, because
//! there are clients (curl 7.88) that lose the answer to a reset; beyond it the codec resets the
//! stream with `NO_ERROR` (RFC 9113 §8.1).

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

/// As long a body as is read for the sake of an HTTP/1 connection.
const SHORT: u64 = 64 * 1024;

/// The response that says what `answer` says.
pub(crate) fn response(answer: Answer) -> Response<ResponseBody> {
    answer_response(answer).map(ResponseBody::from_bytes)
}

/// Sees to `body`, which nobody will use: reads it away, or has the connection closed.
pub(crate) fn discard(
    body: RequestBody,
    parts: &request::Parts,
    limits: &Limits,
    response: &mut Response<ResponseBody>,
) {
    if body.is_empty() {
        return;
    }
    if parts.version >= Version::HTTP_2 {
        spawn_local(read_away(body, limits.discard_bytes, limits.discard_timeout));
        return;
    }
    // RFC 9110 §10.1.1: a client that awaits the 100 may send its body or not, so nothing after it
    // can be trusted.
    let expects = parts.headers.contains_key(header::EXPECT);
    let short = body.size_hint().upper().is_some_and(|length| length <= SHORT);
    if short && !expects {
        spawn_local(read_away(body, SHORT, limits.idle));
    } else {
        // RFC 9112 §9.3: the server "MUST either read the entire request message body or close the
        // connection".
        add_close(response.headers_mut());
    }
}

/// Reads a body and throws it away, up to a bound. Dropped before its end, it closes the connection
/// of HTTP/1 and resets the stream of HTTP/2.
async fn read_away(mut body: RequestBody, mut limit: u64, time: Duration) {
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
