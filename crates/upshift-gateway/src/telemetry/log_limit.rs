//! A bound on how often one kind of line is logged.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// The time between two lines.
const INTERVAL: Duration = Duration::from_secs(1);

/// Lets one line a second through, and counts the others: a client must not be able to fill the
/// log.
#[derive(Default)]
pub(crate) struct LogLimit {
    last: Cell<Option<Instant>>,
    suppressed: Cell<u64>,
}

impl LogLimit {
    /// Whether a line may be logged now: then how many were not, since the last one that was.
    pub(crate) fn admit(&self) -> Option<u64> {
        let now = Instant::now();
        if self.last.get().is_some_and(|last| now < last + INTERVAL) {
            self.suppressed.set(self.suppressed.get() + 1);
            return None;
        }
        self.last.set(Some(now));
        Some(self.suppressed.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_a_second_and_the_others_are_counted() {
        let limit = LogLimit::default();
        assert_eq!(limit.admit(), Some(0));
        assert_eq!((limit.admit(), limit.admit()), (None, None));
        tokio::time::advance(INTERVAL).await;
        assert_eq!(limit.admit(), Some(2));
    }
}
