//! Reads a store without writing to it or to a file beside it.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::layout::read_layout;
use super::queries::{StoreContent, read_content};
use super::schema::LAYOUT;

/// Checks that a gateway could read the store at `path`, if there is one.
pub(super) fn check_readable(path: &Path) -> Result<(), StoreError> {
    match File::open(path) {
        // SQLite treats an empty file as a new database.
        Ok(file) if file.metadata()?.len() == 0 => return Ok(()),
        Err(error) if is_missing(&error) => return Ok(()),
        opened => opened.map(drop)?,
    }
    // SQLite creates files beside a store that it opens for reading, unless it is opened as
    // immutable.
    let connection = match open_immutable(path) {
        Ok(connection) => connection,
        // Its latest changes are in the log, so the files beside it already exist.
        Err(_) => Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
    };
    match read_layout(&connection)? {
        found if found > LAYOUT => Err(StoreError::Newer { found }),
        // An older one is updated at the start.
        found if found < LAYOUT => Ok(()),
        _ => read_content(&connection).map(drop),
    }
}

/// Reads the store at `path`. `None` if there is none, or it is empty.
pub(super) fn read_without_writing(path: &Path) -> Result<Option<StoreContent>, StoreError> {
    match open_without_writing(path)? {
        Some(connection) => read_content(&connection).map(Some),
        None => Ok(None),
    }
}

/// Opens the store at `path`, which another process may be writing. `None` if there is none, or it
/// is empty.
pub(super) fn open_without_writing(path: &Path) -> Result<Option<Connection>, StoreError> {
    require_file(path)?;
    match std::fs::metadata(path) {
        Ok(file) if file.len() == 0 => return Ok(None),
        Err(error) if is_missing(&error) => return Ok(None),
        found => found?,
    };
    let connection = match Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        // SQLite opens lazily, so only a query shows whether the store can be read.
        Ok(connection) if read_layout(&connection).is_ok() => connection,
        _ => open_immutable(path)?,
    };
    match read_layout(&connection)? {
        // The default of SQLite: the tables were never created.
        0 => Ok(None),
        LAYOUT => Ok(Some(connection)),
        found if found > LAYOUT => Err(StoreError::Newer { found }),
        found => Err(StoreError::Older { found }),
    }
}

/// Checks that `path` is a file, if it exists. SQLite calls a directory a disk error, and opening a
/// pipe blocks.
pub(super) fn require_file(path: &Path) -> Result<(), StoreError> {
    let problem = match std::fs::metadata(path) {
        Ok(file) if file.is_file() => return Ok(()),
        Ok(file) if file.is_dir() => "it is a folder, not a file",
        Ok(_) => "it is not a regular file",
        Err(error) if is_missing(&error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    Err(std::io::Error::other(problem).into())
}

/// Opens a store in a directory where SQLite cannot create a file beside it. It fails if changes
/// are in such a file.
pub(super) fn open_immutable(path: &Path) -> Result<Connection, StoreError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // SQLite ignores the log of an immutable database, and would return old overrides.
    if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        let problem = "its latest changes are in the file ending in -wal, which cannot be read in a \
                       read-only folder";
        return Err(std::io::Error::other(problem).into());
    }
    let mut name = String::new();
    // In a URI, `?`, `#` and `%` in a path have another meaning.
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                name.push(char::from(*byte));
            }
            byte => name.push_str(&format!("%{byte:02X}")),
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?)
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}
