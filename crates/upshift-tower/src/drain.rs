//! The body that came with a refused request.
//!
//! The answer goes out at once and the body is read in the background, because many clients write
//! the whole body before they read, and one that is cut off never sees the answer. When the body
//! has ended, hyper keeps the connection. When a limit is reached, the body is dropped, and hyper
//! closes a connection of HTTP/1 and resets a stream of HTTP/2 or HTTP/3.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::Buf;
use http::header::{CONTENT_LENGTH, EXPECT, HeaderValue};
use http::{HeaderMap, Request, Version};
use http_body::Body;
use tokio::runtime::Handle;
use upshift_http::add_close;

/// Discards the body of `request`, or adds `close` to the fields of the answer if the body stays
/// unread on a connection of HTTP/1.
pub(crate) fn discard_body<B>(
    request: Request<B>,
    limit: u64,
    timeout: Duration,
    answer: &mut HeaderMap,
) where
    B: Body + Send + 'static,
    B::Data: Send,
{
    if request.body().is_end_stream() {
        return;
    }
    let is_http1 = request.version() < Version::HTTP_2;
    if is_worth_reading(request.headers(), is_http1, limit)
        // Without a tokio runtime nothing can be read in the background.
        && let Ok(runtime) = Handle::try_current()
    {
        drop(runtime.spawn(read_and_discard(request.into_body(), limit, timeout)));
    } else if is_http1 {
        // RFC 9112 §9.3: after an early answer "a server MUST either read the entire request
        // message body or close the connection".
        add_close(answer);
    }
}

/// Returns true if the body can be read to its end within the limit, according to its head.
fn is_worth_reading(headers: &HeaderMap, is_http1: bool, limit: u64) -> bool {
    // RFC 9110 §10.1.1: reading the body would send 100 (Continue), which asks the client for
    // content that is not wanted.
    if is_http1 && headers.contains_key(EXPECT) {
        return false;
    }
    let Some(Ok(declared)) = headers.get(CONTENT_LENGTH).map(HeaderValue::to_str) else {
        return true;
    };
    match declared.parse::<u64>() {
        Ok(length) => length <= limit,
        // A malformed length is for the codec to reject.
        Err(_) => true,
    }
}

async fn read_and_discard<B: Body>(body: B, limit: u64, timeout: Duration) {
    let reading = async {
        let mut pinned = pin!(body);
        // The head need not announce a length, so the bytes are counted.
        let mut left = limit;
        while let Some(Ok(frame)) = poll_fn(|cx| pinned.as_mut().poll_frame(cx)).await {
            // Trailers do not count: they end the body.
            let Ok(data) = frame.into_data() else { continue };
            match left.checked_sub(data.remaining() as u64) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // A timeout is fine: the body is dropped in either case.
    let _ = tokio::time::timeout(timeout, reading).await;
}
