//! What becomes of the body that came with a refused request.
//!
//! The answer goes out at once, and the body is read away meanwhile: many clients write all before
//! they read, and one that is cut off never sees the answer. When the body has ended, hyper keeps
//! the connection; when a bound is reached, the body is dropped, and hyper closes a connection of
//! HTTP/1 and resets a stream of HTTP/2 or 3.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::Buf;
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, Request, Version};
use http_body::Body;
use tokio::runtime::Handle;
use upshift_http::add_close;

/// Sees to the body of `request`. `answer` says `close` where the connection is not kept.
pub(crate) fn discard<B>(
    request: Request<B>,
    bound: u64,
    patience: Duration,
    answer: &mut HeaderMap,
) where
    B: Body + Send + 'static,
    B::Data: Send,
{
    if request.body().is_end_stream() {
        return;
    }
    let http1 = request.version() < Version::HTTP_2;
    // RFC 9110 §10.1.1: reading would ask a client for content that it has not sent, and is not
    // wanted.
    let waits = http1 && request.headers().contains_key(EXPECT);
    let told = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let runtime =
        Handle::try_current().ok().filter(|_| !waits && told.is_none_or(|length| length <= bound));
    match runtime {
        Some(runtime) => drop(runtime.spawn(read_away(request.into_body(), bound, patience))),
        // RFC 9112 §9.3: after an early answer "a server MUST either read the entire request
        // message body or close the connection".
        None if http1 => add_close(answer),
        None => {}
    }
}

async fn read_away<B: Body>(body: B, bound: u64, patience: Duration) {
    let reading = async {
        let mut body = pin!(body);
        let mut left = bound;
        while let Some(Ok(frame)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            let read = frame.into_data().map_or(0, |data| data.remaining() as u64);
            match left.checked_sub(read) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Whether it came to the end or to the bound, the body is dropped.
    let _ = tokio::time::timeout(patience, reading).await;
}
