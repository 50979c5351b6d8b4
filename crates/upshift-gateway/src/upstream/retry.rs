//! How many requests may be sent a second time.

use std::cell::RefCell;

use tokio::time::Instant;

/// The seconds over which requests and retries are counted.
const WINDOW: usize = 10;

/// As many retries are allowed in the window, however few requests there are.
const LEAST: u64 = 10;

/// A retry for every so many requests is allowed beyond that.
const REQUESTS_PER_RETRY: u64 = 5;

/// The retry budget of one site, as one core sees it: in ten seconds a fifth of the requests, and
/// at least ten.
///
/// Without it, an upstream that breaks under its load gets the load twice.
pub(crate) struct RetryBudget {
    start: Instant,
    seconds: RefCell<[Second; WINDOW]>,
}

#[derive(Clone, Copy, Default)]
struct Second {
    number: u64,
    requests: u64,
    retries: u64,
}

impl RetryBudget {
    /// A budget of which nothing is spent.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), seconds: RefCell::default() }
    }

    /// Counts a request.
    pub(crate) fn count_request(&self) {
        self.with_now(|second| second.requests += 1);
    }

    /// Takes one retry out of the budget; false if there is none left.
    pub(crate) fn take(&self) -> bool {
        let now = self.start.elapsed().as_secs();
        let seconds = *self.seconds.borrow();
        let current = seconds.iter().filter(|second| second.number + WINDOW as u64 > now);
        let (requests, retries) = current.fold((0, 0), |(requests, retries), second| {
            (requests + second.requests, retries + second.retries)
        });
        let allowed = retries < (requests / REQUESTS_PER_RETRY).max(LEAST);
        if allowed {
            self.with_now(|second| second.retries += 1);
        }
        allowed
    }

    fn with_now(&self, count: impl FnOnce(&mut Second)) {
        let now = self.start.elapsed().as_secs();
        let mut seconds = self.seconds.borrow_mut();
        let second = &mut seconds[(now % WINDOW as u64) as usize];
        if second.number != now {
            *second = Second { number: now, ..Second::default() };
        }
        count(second);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spend(budget: &RetryBudget) -> usize {
        (0..1_000).take_while(|_| budget.take()).count()
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
