//! A time-out on the next piece of a body.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The other side owed the next piece of a body for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing more of the body came in time")]
pub(crate) struct Silent;

/// Measures how long one wait for the next piece takes.
///
/// The timer is made when a wait begins that is not over at once, and touched again only when it
/// fires.
pub(crate) struct Silence {
    limit: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    /// No wait yet; one may take `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: None, timer: None }
    }

    /// A piece came.
    pub(crate) fn ended(&mut self) {
        self.since = None;
    }

    /// Nothing came yet: ready when that has lasted too long.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Silent> {
        let until = *self.since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        // The timer may be that of an earlier wait, and fire early.
        while timer.as_mut().poll(cx).is_ready() {
            if until <= Instant::now() {
                return Poll::Ready(Silent);
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
        let mut silence = Silence::new(Duration::from_secs(2));
        let begun = Instant::now();
        for _ in 0..3 {
            let pending = poll_fn(|cx| Poll::Ready(silence.poll(cx).is_pending())).await;
            assert!(pending);
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            silence.ended();
        }
        assert_eq!(poll_fn(|cx| silence.poll(cx)).await, Silent);
        assert_eq!(begun.elapsed().as_millis() / 100, 65, "3 × 1.5 s, and 2 s of silence");
    }
}
