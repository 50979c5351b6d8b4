//! The waits of a polling loop, and its end.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use upshift_core::Timestamp;

use crate::Error;

/// The next action of a polling loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollAction {
    /// Wait this long, then send the request again.
    Wait(Duration),
    /// Stop: the refusal is permanent, and another request would only be load.
    End,
}

/// The pace of a polling loop. It ends on a permanent refusal, waits for the end of a brownout,
/// backs off after errors, and adds jitter to each wait, so that clients which were refused at the
/// same time do not return at the same time.
///
/// ```
/// use std::time::Duration;
/// use upshift_client::{Pace, PollAction};
///
/// let mut pace = Pace::every(Duration::from_secs(30));
/// match pace.after(&Ok(()), upshift_core::Timestamp::UNIX_EPOCH) {
///     PollAction::Wait(time) => {
///         assert!(time >= Duration::from_secs(27) && time <= Duration::from_secs(33));
///     }
///     PollAction::End => unreachable!("nothing was refused"),
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Pace {
    every: Duration,
    longest: Duration,
    failures: u32,
    random: RandomState,
    drawn: u64,
}

impl Pace {
    /// A loop that sends a request this often while all of them succeed.
    pub fn every(every: Duration) -> Self {
        let longest = every.max(Duration::from_secs(3600));
        Self { every, longest, failures: 0, random: RandomState::new(), drawn: 0 }
    }

    /// Sets the longest wait after an error for which the server named no time; an hour by default.
    #[must_use]
    pub fn longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// The next action after this outcome.
    pub fn after<T>(&mut self, outcome: &Result<T, Error>, now: Timestamp) -> PollAction {
        let refused = match outcome {
            Ok(_) => {
                self.failures = 0;
                return PollAction::Wait(self.around(self.every));
            }
            Err(Error::Refused(refused)) => refused,
            // The same request would fail in the same way.
            Err(Error::Usage(_)) => return PollAction::End,
            Err(_) => return PollAction::Wait(self.back_off()),
        };
        if !refused.is_retryable() {
            return PollAction::End;
        }
        match refused.ends_at() {
            // Never before the time that the server named, and a little after it: RFC 9110 §10.2.3.
            Some(end) => {
                // A time in the past gives a negative duration, which is no wait.
                let wait = Duration::try_from(end.duration_since(now)).unwrap_or_default();
                PollAction::Wait(wait + self.jitter(self.every))
            }
            None => PollAction::Wait(self.back_off()),
        }
    }

    /// A wait that doubles with every failure.
    fn back_off(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        // The exponent is limited, so that the shift cannot overflow.
        let wait = self.every.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.around(wait)
    }

    /// A time that differs from `time` by at most a tenth.
    fn around(&mut self, time: Duration) -> Duration {
        time.mul_f64(0.9 + 0.2 * self.random_share())
    }

    /// A time between zero and `most`.
    fn jitter(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.random_share())
    }

    /// A number from 0 to below 1.
    fn random_share(&mut self) -> f64 {
        // The keys of a `RandomState` are random, which is random enough to spread a load.
        self.drawn += 1;
        (self.random.hash_one(self.drawn) % 1000) as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> Result<(), Error> {
        Err(Error::Transport { source: "down".into(), trace: crate::Trace::default() })
    }

    #[test]
    fn failures_back_off_to_a_bound_and_a_success_ends_it() {
        let mut pace = Pace::every(Duration::from_secs(10)).longest(Duration::from_secs(60));
        let waits: Vec<_> = (0..5).map(|_| pace.after(&failed(), Timestamp::UNIX_EPOCH)).collect();
        let within = |next: PollAction, low, high| match next {
            PollAction::Wait(time) => (low..=high).contains(&time.as_secs_f64()),
            PollAction::End => false,
        };
        assert!(within(waits[0], 18.0, 22.0), "{waits:?}");
        assert!(within(waits[1], 36.0, 44.0), "{waits:?}");
        assert!(within(waits[4], 54.0, 66.0), "{waits:?}");
        assert!(within(pace.after(&Ok(()), Timestamp::UNIX_EPOCH), 9.0, 11.0));
    }
}
