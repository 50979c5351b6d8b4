//! The counters of the breaker, the overrides by people and the breaker, and their store.
//!
//! 1. An identity becomes a [`Fingerprint`] as soon as it is read. The identity itself is never
//!    stored, logged or counted.
//! 2. Time is passed in as `now`. Only [`store::Store`] does I/O, and only on its own files.
//! 3. Each core counts into its own [`CallerTally`]; one [`Breaker`] per process reads them all.
//!    Nothing is shared between gateways: each one trips, and is reset, on its own.
//! 4. A change by a person or the breaker is a numbered revision. It is in force as soon as it is
//!    in the [`History`], and survives a restart once it is in the [`Store`]: callers who are
//!    locked out must not wait for a disk.
//!
//! ```
//! use jiff::Timestamp;
//! use upshift_adoption::overrides::{ChangeTarget, RolloutChange, Shares};
//! use upshift_adoption::{History, PendingChange, UndoError};
//!
//! let pause = RolloutChange::Pause(ChangeTarget::Rule("orders-v2".to_owned()));
//! let undo = RolloutChange::Undo(None);
//! let shares = Shares::new();
//! let by_ada = |change, id| PendingChange {
//!     change,
//!     id,
//!     at: Timestamp::UNIX_EPOCH,
//!     actor: "ada",
//!     reason: "too many calls to support",
//!     shares: &shares,
//! };
//! let mut history = History::default();
//! let made = history.make_change(by_ada(&pause, "1a")).unwrap();
//! assert_eq!(made.revision.summary(), "pause orders-v2 by ada");
//! history.make_change(by_ada(&undo, "2b")).unwrap();
//! assert!(history.overrides().is_empty());
//!
//! // No other change is left to undo.
//! assert_eq!(history.make_change(by_ada(&undo, "3c")).unwrap_err(), UndoError::Nothing);
//! ```

pub mod breaker;
mod callers;
mod callers_behind;
pub mod canary;
pub mod evidence;
mod expiry;
mod fingerprint;
pub mod fleet;
mod history;
pub mod ledger;
pub mod overrides;
pub mod projection;
mod recent_fingerprints;
pub mod report;
mod request_callers;
pub mod sketch;
pub mod store;
mod tally;
mod timestamp_text;
pub mod usage;

pub use breaker::Breaker;
pub use callers::{
    Accepted, CallerCount, CallerWindow, CountedCaller, Network, NetworkView, WindowTotals,
};
pub use callers_behind::list_callers_behind;
pub use expiry::{Expiring, ExpiryNotice, ExpiryNotices, ExpiryStage};
pub use fingerprint::{Fingerprint, IdentityKey};
pub use history::{History, PendingChange, Record, Revision, UndoError};
pub use request_callers::{Caller, RequestCallers};
pub use store::Store;
pub use tally::CallerTally;
