//! The tokio runtime that a verb blocks on.

use tokio::runtime::{Builder, Runtime};

use crate::verb_error::VerbError;

/// Builds a runtime with one thread: a verb talks to few peers at a time, and the gateway starts
/// the threads of its workers itself.
pub(crate) fn build_runtime() -> Result<Runtime, VerbError> {
    Builder::new_current_thread().enable_all().build().map_err(VerbError::environment)
}
