//! The steps of a period.

/// The length of a step, in seconds.
pub(super) const STEP: i64 = 3_600;
