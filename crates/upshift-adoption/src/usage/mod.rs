//! Usage: who is on which version, by rule, in numbers that a dashboard can show years later.
//!
//! 1. Each core counts into its own [`UsageTally`], without a lock: the requests of each sender of a
//!    combination of labels. The first request of a sender defines it. Each further one only adds
//!    to its number, for hours if need be: nothing is allocated, and no label is made.
//! 2. Once a second, each core hands over a [`UsageBatch`]: new senders, and numbers of requests.
//! 3. One [`UsageTotals`] per process knows the senders of each core, and merges the numbers into
//!    rows of one minute, which the store keeps. Hours and days are made from minutes.
//! 4. A row has a number of requests and a sketch of the distinct callers. Rows for several minutes
//!    merge: requests are added, callers united.
//! 5. Every set of labels is bounded. What clients send can neither fill the memory nor the store.
//!
//! A caller is a rule's identity, or the client's address where the request has none.

mod batch;
mod cells;
mod combinations;
mod labels;
mod minute;
mod path_patterns;
mod pending;
mod refused;
mod request_keys;
mod request_labels;
mod roster;
pub(crate) mod row;
mod senders;
mod tally;
mod totals;

pub use batch::UsageBatch;
pub use labels::{MAX_LABEL, OTHER, label_text, path_pattern};
pub use pending::PendingUsage;
pub use refused::{RefusedCaller, RefusedCallers};
pub use request_labels::{client_text, http_label, tls_label};
pub use row::{Dimension, RowKey, Span, Standing, StoredRow, UsageRow};
pub use tally::UsageTally;
pub(crate) use totals::refused_in_batch;
pub use totals::{UsageChanges, UsageTotals};
