//! The settings of a run.

use jiff::civil::Date;
use upshift_record::suite::{RunEvent, RunRecord};

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The number of cases that run at the same time.
    pub jobs: usize,
    /// The number of times that a failed case is tried again, unless its suite says more.
    pub retries: u32,
    /// True if no case is begun after one has fallen short.
    pub fail_fast: bool,
    /// The start of the run, as `2027-03-31T09:30:00Z`.
    pub started: String,
    /// The day of the run, for findings that are ignored until a day.
    pub today: Date,
}

/// A function that gets each event, and the record of the run so far.
pub type EventObserver<'o> = &'o mut dyn FnMut(&RunEvent, &RunRecord);
