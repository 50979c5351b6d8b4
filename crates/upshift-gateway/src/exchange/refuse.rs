//! Responses to refused requests, and the bodies that came with the requests.
//!
//! The response goes out at once. Over HTTP/1, the connection reads and discards a short body, or
//! closes: see `downstream::http1`. Over HTTP/2 and 3 a body is discarded up to a limit, because some
//! clients (curl 7.88) lose the response to a reset; beyond it, the codec resets the stream with
//! `NO_ERROR` (RFC 9113 §8.1).

use std::time::Duration;

use http::{Response, Version, request};
use http_body_util::BodyExt;
use tokio::task::spawn_local;
use tokio::time::timeout;
use upshift_config::Limits;
use upshift_core::answer::Answer;
use upshift_http::answer_response;

use crate::body::RequestBody;
use crate::response_body::ResponseBody;

/// The response that sends `answer`.
pub(crate) fn refusal_response(answer: Answer) -> Response<ResponseBody> {
    answer_response(answer).map(ResponseBody::from_bytes)
}

/// Discards a body that has no use.
pub(crate) fn discard_body(body: RequestBody, parts: &request::Parts, limits: &Limits) {
    if parts.version >= Version::HTTP_2 && !body.is_empty() {
        spawn_local(read_to_discard(body, limits.discard_bytes, limits.discard_timeout));
    }
}

/// Reads a body up to a limit of bytes and of time. A body that is dropped before its end resets the
/// stream.
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
