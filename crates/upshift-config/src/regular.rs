//! Regular files, for what the gateway reads again at each reload.
//!
//! A named pipe gives its content to one reader only, and opening one without a writer blocks.

use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// Reads a regular file. Symbolic links are followed.
///
/// # Errors
/// If the file cannot be read or is not a regular file.
pub fn read_regular_file(path: &Path) -> io::Result<Vec<u8>> {
    // The file may be replaced in between. That is no matter: this catches mistakes, not attacks.
    require_regular_file(path)?;
    std::fs::read(path)
}

/// Checks that `path` is a regular file, without opening it.
///
/// # Errors
/// If there is no such file, or it is not a regular file.
pub fn require_regular_file(path: &Path) -> io::Result<()> {
    // `metadata` follows links: Kubernetes mounts secrets and config maps as symbolic links.
    let Some(kind) = irregular_kind(std::fs::metadata(path)?.file_type()) else { return Ok(()) };
    let message = format!("it is {kind}, not a regular file");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

fn irregular_kind(file_type: FileType) -> Option<&'static str> {
    if file_type.is_dir() {
        Some("a folder")
    } else if file_type.is_fifo() {
        Some("a pipe")
    } else if file_type.is_socket() {
        Some("a socket")
    } else if file_type.is_char_device() || file_type.is_block_device() {
        Some("a device")
    } else {
        None
    }
}
