//! How long a polling loop waits, and when it ends.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use upshift_core::Timestamp;

use crate::Error;

/// What a polling loop does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait so long, then ask again.
    Wait(Duration),
    /// Ask no more: the server refuses for good, and asking again is only load.
    End,
}

/// The pace of a polling loop. It ends on a refusal for good, waits out a brownout, backs off from
/// errors, and spreads what it waits so that a fleet that was refused together does not come back
/// together.
///
/// ```
/// use std::time::Duration;
/// use upshift_client::{Next, Pace};
///
/// let mut pace = Pace::every(Duration::from_secs(30));
/// match pace.after(&Ok(()), upshift_core::Timestamp::UNIX_EPOCH) {
///     Next::Wait(time) => assert!(time >= Duration::from_secs(27) && time <= Duration::from_secs(33)),
///     Next::End => unreachable!("nothing was refused"),
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
    /// A loop that asks so often while all is well.
    pub fn every(every: Duration) -> Self {
        let longest = every.max(Duration::from_secs(3600));
        Self { every, longest, failures: 0, random: RandomState::new(), drawn: 0 }
    }

    /// The longest wait between two attempts of which none was promised a time; an hour unless set.
    #[must_use]
    pub fn longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// What to do after this outcome.
    pub fn after<T>(&mut self, outcome: &Result<T, Error>, now: Timestamp) -> Next {
        let refused = match outcome {
            Ok(_) => {
                self.failures = 0;
                return Next::Wait(self.spread(self.every, true));
            }
            Err(Error::Refused(refused)) => refused,
            Err(Error::Usage(_)) => return Next::End,
            Err(_) => return Next::Wait(self.back_off()),
        };
        if !refused.is_retryable() {
            return Next::End;
        }
        match refused
            .ends_at()
            .map(|end| Duration::try_from(end.duration_since(now)).unwrap_or_default())
        {
            // Never before the promised time, and a little after it: RFC 9110 §10.2.3.
            Some(wait) => Next::Wait(wait + self.spread(self.every, false)),
            None => Next::Wait(self.back_off()),
        }
    }

    /// Twice as long after every failure.
    fn back_off(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let wait = self.every.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.spread(wait, true)
    }

    /// A tenth more or less than `time`; or, if it is to be added to a promise, between nothing and
    /// all of it.
    fn spread(&mut self, time: Duration, around: bool) -> Duration {
        self.drawn += 1;
        let share = (self.random.hash_one(self.drawn) % 1000) as f64 / 1000.0;
        if around { time.mul_f64(0.9 + 0.2 * share) } else { time.mul_f64(share) }
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
        let within = |next: Next, low, high| matches!(next, Next::Wait(time) if (low..=high).contains(&time.as_secs_f64()));
        assert!(within(waits[0], 18.0, 22.0), "{waits:?}");
        assert!(within(waits[1], 36.0, 44.0), "{waits:?}");
        assert!(within(waits[4], 54.0, 66.0), "{waits:?}");
        assert!(within(pace.after(&Ok(()), Timestamp::UNIX_EPOCH), 9.0, 11.0));
    }
}
