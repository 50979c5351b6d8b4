//! The events of a run, one JSON object each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address::CaseAddress;
use super::entry::{CaseEntry, SuiteEntry};
use super::milliseconds;
use super::outcome::CaseTry;
use super::summary::RunSummary;

/// The value of `schema` in [`RunEvent::Planned`]. The format of all events has this version.
pub const RUN_SCHEMA: &str = "upshift.test/1";

/// Something that happened in a run. `at_ms` is the time since the start of the run.
///
/// In JSON, `event` names the variant. Events and members may be added within a version of the
/// format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RunEvent {
    /// The plan is made. It is the first event.
    Planned {
        /// The format of the events: [`RUN_SCHEMA`].
        schema: String,
        /// The start of the run, as `2027-03-31T09:30:00Z`.
        started: String,
        /// The suites.
        suites: Vec<SuiteEntry>,
        /// The cases that will run, in the order of the suites.
        cases: Vec<CaseEntry>,
        /// The number of cases that a filter leaves out.
        filtered_out: usize,
    },
    /// A case is begun.
    Started {
        /// The time.
        #[serde(rename = "at_ms", with = "milliseconds")]
        at: Duration,
        /// The address of the case.
        address: CaseAddress,
    },
    /// A try of a case is over.
    Tried {
        /// The time.
        #[serde(rename = "at_ms", with = "milliseconds")]
        at: Duration,
        /// The address of the case.
        address: CaseAddress,
        /// The number of the try, from 1.
        number: usize,
        /// True if another try follows.
        retries: bool,
        /// The try.
        #[serde(flatten)]
        tried: Box<CaseTry>,
    },
    /// A case is over.
    Finished {
        /// The time.
        #[serde(rename = "at_ms", with = "milliseconds")]
        at: Duration,
        /// The address of the case.
        address: CaseAddress,
        /// The outcome in a word: `pass`, `flaky`, `skip`, `FAIL`, `ERROR`.
        outcome: String,
        /// The number of tries.
        tries: usize,
        /// The time of all tries.
        #[serde(rename = "took_ms", with = "milliseconds")]
        took: Duration,
    },
    /// The run is over. It is the last event.
    Summary {
        /// The time.
        #[serde(rename = "at_ms", with = "milliseconds")]
        at: Duration,
        /// True if every planned case ran once, and none fell short.
        success: bool,
        /// The numbers.
        #[serde(flatten)]
        summary: RunSummary,
    },
}
