//! Responses to refused requests, and the bodies that came with the requests.
//!
//! The response goes out at once. Over HTTP/1, the connection reads and discards a short body, or
//! closes: see `downstream::http1`. Over HTTP/2 and 3 a body is discarded up to a limit, because some
//! clients (curl 7.88) lose the response to a reset; beyond it, the codec resets the stream with
//! `NO_ERROR` (RFC 9113 §8.1).

use std::time::Duration;

use http::{Response, StatusCode, Version};
use http_body_util::BodyExt;
use tokio::task::spawn_local;
use tokio::time::timeout;
use upshift_config::Limits;
use upshift_core::answer::Answer;
use upshift_http::{add_close, answer_response};

use super::served::Served;
use crate::body::RequestBody;
use crate::response_body::ResponseBody;

/// The outcome that sends `answer`.
pub(crate) fn serve_refusal(answer: Answer, version: Version) -> Served {
    if version >= Version::HTTP_2 {
        return Served::without_switch(answer_response(answer).map(ResponseBody::from_bytes));
    }
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::UPGRADE_REQUIRED);
    let closes = answer.closes();
    let (lines, body) = answer.into_parts();
    let mut response = Response::new(ResponseBody::from_bytes(body));
    *response.status_mut() = status;
    if closes {
        add_close(response.headers_mut());
    }
    Served { response, lines, switch: None }
}

/// Discards a body that has no use.
pub(crate) fn discard_body(body: RequestBody, version: Version, limits: &Limits) {
    if version >= Version::HTTP_2 && !body.is_empty() {
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
