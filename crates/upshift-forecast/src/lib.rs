//! Forecasts from access logs: who would be refused by a policy, and when.
//!
//! 1. A line becomes a [`line::LogLine`]: facts borrowed from the log, each of them recorded,
//!    absent or not recorded.
//! 2. A policy is decided on these facts. What depends on a fact that is not recorded is unknown,
//!    and never counted as passing.
//! 3. Equal requests are decided once. Counts are kept by the outcomes of all rules together, and
//!    merge in any order.
//! 4. Memory does not grow with the length of a log: decisions, days, lists and sets of callers
//!    are bounded.

mod address;
mod coverage;
mod decide;
pub mod format;
mod guess;
mod interner;
mod known_requests;
pub mod line;
mod memo;
mod options;
mod outcome;
mod path_shape;
mod ramp_bucket;
mod recorded_exemptions;
mod report;
mod request;
mod run;
mod seen_once;
mod short_scan;
mod source;
mod steps;
mod tally;
mod target_class;
mod view;
mod worker;

pub use format::{FORMAT_NAMES, FormatError, LogFormat};
pub use guess::GuessError;
pub use options::ForecastOptions;
pub use request::{Assumptions, RequestReader};
pub use run::{Forecast, ForecastError, forecast};
pub use source::{LogSource, SourceError};
