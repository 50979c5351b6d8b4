//! Regular files: what the gateway reads again while it serves. A named pipe has one content for
//! one reader, and one that has no writer answers never.

use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// The content of a regular file. Links are followed.
///
/// # Errors
/// If it cannot be read, or is something else than a regular file.
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    check_regular(path)?;
    std::fs::read(path)
}

/// Sees that a regular file is there, without opening it.
///
/// # Errors
/// If there is none, or something else.
pub fn check_regular(path: &Path) -> io::Result<()> {
    match irregular(std::fs::metadata(path)?.file_type()) {
        Some(what) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("it is {what}, and not a regular file"),
        )),
        None => Ok(()),
    }
}

fn irregular(kind: FileType) -> Option<&'static str> {
    let kinds = [
        (kind.is_dir(), "a folder"),
        (kind.is_fifo(), "a pipe"),
        (kind.is_socket(), "a socket"),
        (kind.is_char_device() || kind.is_block_device(), "a device"),
    ];
    kinds.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
}
