//! From facts and `now` to a decision.
//!
//! 1. Every rule that applies is decided; the strictest verdict wins (refuse over warn over admit).
//! 2. A list of requirements is met by any one of them. It is refused if none is met and one is
//!    certainly unmet.
//! 3. What is uncertain is admitted, unless the rule's `on` says otherwise.
//! 4. An exempted request is decided all the same, so that it is counted and, unless it is always
//!    exempt, warned.
//! 5. A path is decided in each of its readings, and the strictest ruling counts.

mod api_version;
mod cached_fields;
mod client_version;
mod decide;
mod evaluate;
mod outcome;
mod requirements;
mod ruling_text;

pub use outcome::{Decision, Observed, ObservedValue, ObservedValues, Ruling, Rulings};

pub use crate::policy::RequirementKind;
pub use crate::verdict::{Verdict, VerdictReason};
