//! Errors of the system that name the path.

use std::io;
use std::path::Path;

/// The same error with the path in its text.
pub(super) fn with_path(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
