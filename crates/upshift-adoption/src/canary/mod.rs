//! The canary of a policy: what another policy would do to the callers of the last minutes, before
//! it is in force.
//!
//! 1. Each core notes the first request of each caller and kind ([`RecentNotes`]), and hands it
//!    over with its usage.
//! 2. One [`RecentCallers`] per process keeps them for five to ten minutes, in bounded memory.
//! 3. [`RecentCallers::compare_policies`] decides each of them under both policies.
//!
//! Only the fields that the policy in force reads, and a few usual ones, are kept. If the other
//! policy reads further fields, the report lists them.

mod compare;
mod notes;
mod request;

pub use compare::RecentCallers;
pub use notes::{NoteKey, NotedBy, NotedRequests, RecentNotes, RequestKind, rules_hash};
pub use request::{RecentRequest, RecordedFields};
