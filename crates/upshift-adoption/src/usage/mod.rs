//! Usage: the requests and callers of each version, by rule, kept for years.
//!
//! 1. Each core counts requests in its own [`UsageTally`], without a lock, by sender and
//!    combination of labels. The first request defines a sender. Further requests only increase its
//!    count, without allocating memory or creating labels.
//! 2. Once a second, each core hands over a [`UsageBatch`]: new senders, and numbers of requests.
//! 3. One [`UsageTotals`] per process knows the senders of each core, and merges the numbers into
//!    rows of one minute, which the store keeps. Hours and days are made from minutes.
//! 4. A row has a number of requests and a sketch of the distinct callers. Rows for several minutes
//!    merge: requests are added, callers united.
//! 5. Every set of labels is bounded, so that clients can fill neither the memory nor the store.
//!
//! A caller is identified by the rule's identity, or by the client's address if the request has
//! none.

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
