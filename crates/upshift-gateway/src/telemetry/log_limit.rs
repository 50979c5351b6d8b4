//! A rate limit for log lines.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// The time between two lines.
const INTERVAL: Duration = Duration::from_secs(1);

/// Admits one line a second and counts the others, so that clients cannot flood the log.
#[derive(Default)]
pub(crate) struct LogLimit {
    last: Cell<Option<Instant>>,
    suppressed: Cell<u64>,
}

impl LogLimit {
    /// Returns the number of lines suppressed since the last admitted one; `None` if this line must
    /// not be logged either.
    pub(crate) fn admit(&self) -> Option<u64> {
        let now = Instant::now();
        if let Some(last) = self.last.get()
            && now < last + INTERVAL
        {
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
