//! The retry budget: the number of requests that may be sent a second time.

use std::cell::RefCell;

use tokio::time::Instant;

/// The window over which requests and retries are counted, in seconds.
const WINDOW: usize = 10;

/// The number of retries per window that is always allowed.
const MIN_RETRIES: u64 = 10;

/// Beyond that, one retry is allowed for this many requests.
const REQUESTS_PER_RETRY: u64 = 5;

/// The retry budget of one cluster on one core: a fifth of the requests in ten seconds, and at
/// least ten.
///
/// Without a budget, an upstream that fails under its load would get up to twice that load.
pub(crate) struct RetryBudget {
    start: Instant,
    seconds: RefCell<[SecondCounts; WINDOW]>,
}

#[derive(Clone, Copy, Default)]
struct SecondCounts {
    number: u64,
    requests: u64,
    retries: u64,
}

impl RetryBudget {
    /// A full budget.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), seconds: RefCell::default() }
    }

    /// Counts a request.
    pub(crate) fn count_request(&self) {
        self.with_current_second(|second| second.requests += 1);
    }

    /// Takes one retry out of the budget; false if the budget is exhausted.
    pub(crate) fn take_retry(&self) -> bool {
        let now = self.start.elapsed().as_secs();
        let (mut requests, mut retries) = (0, 0);
        for second in self.seconds.borrow().iter() {
            if second.number + WINDOW as u64 > now {
                requests += second.requests;
                retries += second.retries;
            }
        }
        let allowed = retries < (requests / REQUESTS_PER_RETRY).max(MIN_RETRIES);
        if allowed {
            self.with_current_second(|second| second.retries += 1);
        }
        allowed
    }

    fn with_current_second(&self, count: impl FnOnce(&mut SecondCounts)) {
        let now = self.start.elapsed().as_secs();
        let mut seconds = self.seconds.borrow_mut();
        let second = &mut seconds[(now % WINDOW as u64) as usize];
        // The slot was last used a window ago.
        if second.number != now {
            *second = SecondCounts { number: now, ..SecondCounts::default() };
        }
        count(second);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spend(budget: &RetryBudget) -> usize {
        (0..1_000).take_while(|_| budget.take_retry()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_fifth_of_the_requests_and_at_least_ten_in_ten_seconds() {
        let budget = RetryBudget::new();
        assert_eq!(spend(&budget), 10);
        for _ in 0..200 {
            budget.count_request();
        }
        assert_eq!(spend(&budget), 30);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(spend(&budget), 0);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(spend(&budget), 10, "the window has passed over all of them");
    }
}
