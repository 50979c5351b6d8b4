//! The timeout for the next piece of a body.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The other side did not send the next piece of a body in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing more of the body came in time")]
pub(crate) struct BodyTimedOut;

/// Measures each wait for the next piece.
///
/// Most pieces are there when they are polled, and cost no timer. The timer is created at the first
/// wait, and reset only when it fires.
pub(crate) struct BodyTimeout {
    limit: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl BodyTimeout {
    /// A timeout for waits of up to `limit`, of which none has begun.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: None, timer: None }
    }

    /// Ends the wait: a piece came.
    pub(crate) fn reset(&mut self) {
        self.since = None;
    }

    /// Begins or continues a wait: ready when it has lasted too long.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<BodyTimedOut> {
        let until = *self.since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        // The timer may still be set for an earlier wait, and then fires too soon.
        while timer.as_mut().poll(cx).is_ready() {
            if until <= Instant::now() {
                return Poll::Ready(BodyTimedOut);
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_after_the_limit_and_a_piece_begins_a_new_one() {
        let mut timeout = BodyTimeout::new(Duration::from_secs(2));
        let begun = Instant::now();
        for _ in 0..3 {
            let pending = poll_fn(|cx| Poll::Ready(timeout.poll_expired(cx).is_pending())).await;
            assert!(pending);
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            timeout.reset();
        }
        assert_eq!(poll_fn(|cx| timeout.poll_expired(cx)).await, BodyTimedOut);
        assert_eq!(begun.elapsed().as_millis() / 100, 65, "3 × 1.5 s, and 2 s of silence");
    }
}
