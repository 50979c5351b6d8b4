//! A timer that is shared by the waits of a connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer for the waits on one connection, most of which end long before their deadline.
///
/// It stays armed when a wait ends. A later deadline does not change the timer until it fires,
/// which saves a change for each wait.
#[derive(Default)]
pub(super) struct DeadlineTimer(Option<Pin<Box<Sleep>>>);

impl DeadlineTimer {
    /// Forgets the task that waited last, so that it is neither woken nor kept in memory.
    pub(super) fn forget_task(&mut self, cx: &mut Context<'_>) {
        if let Some(timer) = &mut self.0 {
            let _ = timer.as_mut().poll(cx);
        }
    }

    /// Ready if `deadline` has passed. Otherwise the task is woken at that time or earlier.
    pub(super) fn poll_passed(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // The limits may have become shorter.
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    /// Catches a wait that ends too early, because an earlier wait armed the timer, or too late,
    /// because that wait had a longer limit.
    #[tokio::test(start_paused = true)]
    async fn each_wait_has_its_own_deadline() {
        let mut timer = DeadlineTimer::default();
        let begun = Instant::now();
        for seconds in [10, 30, 35, 36] {
            let deadline = begun + Duration::from_secs(seconds);
            poll_fn(|cx| timer.poll_passed(deadline, cx)).await;
            assert_eq!(begun.elapsed().as_secs(), seconds);
        }
        let far = Instant::now() + Duration::from_secs(60);
        assert!(poll_fn(|cx| Poll::Ready(timer.poll_passed(far, cx).is_pending())).await);
        let near = Instant::now() + Duration::from_secs(1);
        poll_fn(|cx| timer.poll_passed(near, cx)).await;
        assert_eq!(begun.elapsed().as_secs(), 37);
    }
}
