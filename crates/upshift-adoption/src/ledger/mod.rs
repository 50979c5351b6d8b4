//! The ledger: the policies that were in force, as numbered revisions that are chained by hash.
//!
//! 1. A revision is recorded at each start, reload, change of an override, trip, and change of a
//!    phase by the calendar, and when the gateway stops.
//! 2. Its hash is made of the hash before it and of its own content, so that a revision cannot be
//!    changed, removed or inserted later without breaking the chain.
//! 3. A revision names its policy by digest; each policy is kept once. It names the change of the
//!    overrides that caused it by number and digest, and does not repeat it.
//! 4. Someone who can write the whole store can create another chain. Only a hash that was recorded
//!    elsewhere reveals that.

mod chain;
mod counted_times;
mod entry;
mod policy_text;
mod verify;

pub use chain::{ChainHead, sha256_hex};
pub use counted_times::CountedTimes;
pub use entry::{LedgerEntry, LinkedChange, NewEntry, PolicyInForce, RevisionCause};
pub use policy_text::PolicyText;
pub use verify::{StoredChain, StoredChange, StoredEntry, verify_chain};
