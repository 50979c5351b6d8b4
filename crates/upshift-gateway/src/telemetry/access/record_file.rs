//! A file of access records, which is appended to.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::path_error::with_path;

/// The permissions of a new file: records have addresses of people.
const FILE_MODE: u32 = 0o640;

/// An open file.
pub(crate) struct RecordFile {
    path: PathBuf,
    file: File,
    /// The expected length, as long as no other process writes to the file.
    length: u64,
}

/// A line that was not written.
#[derive(Debug)]
pub(super) struct FailedLine {
    /// The error.
    pub(super) error: io::Error,
    /// A part of the line was written, and is still there.
    pub(super) left_part: bool,
}

impl RecordFile {
    /// Opens the file at `path`, or makes it.
    ///
    /// # Errors
    /// If it cannot be opened, or is a pipe.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = open_for_appending(path)?;
        let length = file.metadata().map_err(|error| with_path(&error, path))?.len();
        Ok(Self { path: path.to_owned(), file, length })
    }

    /// Opens the file of the same name, which may be another one by now. If that fails, the old one
    /// stays.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path)?;
        Ok(())
    }

    /// Appends a line. If it does not fit, what was written of it is removed again.
    pub(super) fn append(&mut self, line: &[u8]) -> Result<(), FailedLine> {
        let mut rest = line;
        while !rest.is_empty() {
            let error = match self.file.write(rest) {
                Ok(0) => io::Error::from(ErrorKind::WriteZero),
                Ok(written) => {
                    rest = &rest[written..];
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let written = line.len() - rest.len();
            let left_part = written > 0 && !self.remove_end(written as u64);
            return Err(FailedLine { error, left_part });
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Removes what was written last. Returns false if it stays.
    fn remove_end(&mut self, written: u64) -> bool {
        let Ok(found) = self.file.metadata() else { return false };
        // Another process may append to the file, as during `--take-over`, or have shortened it. A
        // line that is not ours must not be cut.
        let is_alone = found.len() == self.length + written;
        if is_alone && self.file.set_len(self.length).is_ok() {
            return true;
        }
        self.length = found.len();
        false
    }
}

fn open_for_appending(path: &Path) -> io::Result<File> {
    // To open a pipe would wait for its reader.
    if let Ok(found) = path.metadata()
        && found.file_type().is_fifo()
    {
        let message = format!("{} is a pipe; expected a file", path.display());
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(FILE_MODE);
    options.open(path).map_err(|error| with_path(&error, path))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("upshift-record-{name}-{}", std::process::id()))
    }

    /// The first 50 bytes of a line stayed in the file, which a reader cannot parse.
    #[test]
    fn a_part_of_a_line_is_removed() {
        let path = path("part");
        let mut record = RecordFile::open(&path).unwrap();
        record.append(b"{\"a\":1}\n").unwrap();
        record.file.write_all(b"{\"b").unwrap();
        assert!(record.remove_end(3));
        record.append(b"{\"c\":3}\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"a\":1}\n{\"c\":3}\n");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn lines_of_another_process_are_never_removed() {
        let path = path("shared");
        let (mut record, mut other) =
            (RecordFile::open(&path).unwrap(), RecordFile::open(&path).unwrap());
        other.append(b"other\n").unwrap();
        record.file.write_all(b"{\"b").unwrap();
        assert!(!record.remove_end(3));
        assert_eq!(std::fs::read(&path).unwrap(), b"other\n{\"b");
        // From then on, the length is known again.
        record.append(b"\n").unwrap();
        record.file.write_all(b"{\"c").unwrap();
        assert!(record.remove_end(3));
        assert_eq!(std::fs::read(&path).unwrap(), b"other\n{\"b\n");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_line_that_does_not_fit_at_all_leaves_nothing() {
        let mut full = RecordFile::open(Path::new("/dev/full")).unwrap();
        let failed = full.append(b"{}\n").unwrap_err();
        assert!(!failed.left_part, "{failed:?}");
    }
}
