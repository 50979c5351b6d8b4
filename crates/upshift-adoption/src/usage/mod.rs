//! Usage: who is on which version, by rule, in numbers that a dashboard can show years later.
//!
//! 1. Each core counts into its own [`UsageTally`], without a lock: the requests of each sender and
//!    combination of labels. Once a second it makes a [`UsageBatch`] of them and hands it over.
//! 2. One [`UsageTotals`] per process merges the batches into rows of one minute, which the store
//!    keeps. Hours and days are made from minutes.
//! 3. A row has a number of requests and a sketch of the distinct callers. Rows for several minutes
//!    merge: requests are added, callers united.
//! 4. Every set of labels is bounded. What clients send can neither fill the memory nor the store.
//!
//! A caller is a rule's identity, or the client's address where the request has none.

mod cells;
mod combinations;
mod exempted;
mod labels;
mod pending;
mod refused;
mod request_labels;
pub(crate) mod row;
mod senders;
mod tally;
mod totals;

pub use labels::{MAX_LABEL, OTHER, label_text, path_pattern};
pub use pending::PendingUsage;
pub use refused::{RefusedCaller, RefusedCallers};
pub use request_labels::{client_text, http_label, tls_label};
pub use row::{Dimension, RowKey, Span, Standing, UsageRow};
pub use tally::{UsageBatch, UsageTally};
pub use totals::{StoredRow, UsageChanges, UsageTotals};
