//! Who is on what, and who would be locked out: the counters behind the breaker, and the embedded
//! store.
//!
//! The rules of this crate:
//!
//! 1. An identity is turned into a [`Fingerprint`] at the door and is never kept, logged or counted
//!    in clear.
//! 2. Time comes in as `now`. Only [`store::Store`] touches the outside world, and of that only its
//!    one file.
//! 3. Each core counts into its own [`Tally`]; one [`Breaker`] per process reads them all. Nothing
//!    is shared between replicas: each trips, and is reset, by itself.
//! 4. What a person or the breaker changed is a numbered revision. It is in force as soon as the
//!    [`History`] has it, and outlives a restart once the [`Store`] has it: people who are locked
//!    out do not wait for a disk.

pub mod breaker;
mod callers;
mod expiry;
mod fingerprint;
mod history;
pub mod overrides;
pub mod store;
mod tally;

pub use breaker::Breaker;
pub use callers::{Accepted, Caller, Callers, Network, Part, Totals, View};
pub use expiry::{Expiring, ExpiryNotice, ExpiryNotices, ExpiryStage};
pub use fingerprint::{Fingerprint, Key};
pub use history::{History, Order, Record, Revision, UndoError};
pub use store::Store;
pub use tally::Tally;
