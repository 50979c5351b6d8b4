//! The times in which a gateway ran and counted requests, as its revisions have them.

use jiff::Timestamp;

use super::entry::{LedgerEntry, RevisionCause};

/// The times in which a gateway counted requests, in their order and without overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountedTimes {
    /// `[from, to)`, in seconds since 1970.
    spans: Vec<(i64, i64)>,
    /// The beginning of the time that has not ended yet.
    open: Option<i64>,
    /// The time of the last revision.
    last: i64,
}

impl CountedTimes {
    /// The times that these revisions tell of. The last one ends at `alive`, the second in which
    /// the gateway last wrote.
    pub fn of_entries(entries: &[LedgerEntry], alive: Option<i64>) -> Self {
        let mut times = Self { last: i64::MIN, ..Self::default() };
        for entry in entries {
            times.add_entry(entry);
        }
        let last = times.last;
        times.close(alive.unwrap_or(last).max(last));
        times
    }

    /// The seconds of `[from, to)` in which requests were counted.
    pub fn seconds_between(&self, from: i64, to: i64) -> i64 {
        let mut seconds = 0;
        for (start, end) in &self.spans {
            seconds += (to.min(*end) - from.max(*start)).max(0);
        }
        seconds
    }

    fn add_entry(&mut self, entry: &LedgerEntry) {
        // A clock that was set back must not make a span of negative length.
        let at = self.last.max(entry.at.as_second());
        let last_seen = entry.last_seen.map(Timestamp::as_second);
        match entry.cause {
            // Without a stop, nothing is known after the last sign of life.
            RevisionCause::Start => self.close(last_seen.unwrap_or(self.last).clamp(self.last, at)),
            RevisionCause::Stop => self.close(at),
            // Counts were lost since `last_seen`, and are kept again.
            RevisionCause::UsageLost if self.open.is_some() => {
                self.close(last_seen.unwrap_or(at).min(at));
                self.open = Some(at);
            }
            _ => {}
        }
        match &entry.in_force {
            Some(in_force) if !in_force.recording => self.close(at),
            Some(_) if self.open.is_none() => self.open = Some(at),
            _ => {}
        }
        self.last = at;
    }

    fn close(&mut self, at: i64) {
        if let Some(from) = self.open.take()
            && from < at
        {
            self.spans.push((from, at));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::super::PolicyInForce;
    use super::*;

    fn entry(second: i64, cause: RevisionCause, recording: Option<bool>) -> LedgerEntry {
        let at = Timestamp::from_second(second).unwrap();
        let mut entry = LedgerEntry::new(at, cause, "ada", "");
        entry.in_force = recording.map(|recording| PolicyInForce {
            policy: String::new(),
            effective: String::new(),
            latest_change: 0,
            observe: false,
            recording,
            complete: false,
            rules: Vec::new(),
        });
        entry
    }

    #[test]
    fn stops_kills_and_times_without_recording_are_left_out() {
        let mut killed = entry(1_000, RevisionCause::Start, Some(true));
        killed.last_seen = Some(Timestamp::from_second(900).unwrap());
        let entries = [
            entry(100, RevisionCause::Start, Some(true)),
            entry(200, RevisionCause::Calendar, Some(true)),
            entry(300, RevisionCause::Stop, None),
            entry(400, RevisionCause::Start, Some(true)),
            entry(500, RevisionCause::Reload, Some(false)),
            entry(600, RevisionCause::Reload, Some(true)),
            killed,
        ];
        let times = CountedTimes::of_entries(&entries, Some(1_100));
        assert_eq!(times.spans, [(100, 300), (400, 500), (600, 900), (1_000, 1_100)]);
        assert_eq!(times.seconds_between(250, 450), 50 + 50);
        assert_eq!(times.seconds_between(0, 100), 0);
        assert_eq!(
            CountedTimes::of_entries(&[], Some(5)),
            CountedTimes { last: i64::MIN, ..CountedTimes::default() }
        );
    }

    #[test]
    fn times_of_lost_counts_are_left_out() {
        let mut lost = entry(500, RevisionCause::UsageLost, None);
        lost.last_seen = Some(Timestamp::from_second(200).unwrap());
        let entries = [entry(100, RevisionCause::Start, Some(true)), lost];
        let times = CountedTimes::of_entries(&entries, Some(600));
        assert_eq!(times.spans, [(100, 200), (500, 600)]);
    }
}
