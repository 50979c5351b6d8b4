//! The destinations of access records: stdout, a file, a syslog daemon.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use upshift_config::RecordDestination;

use super::path_error::with_path;
use super::syslog::SyslogSocket;

/// The permissions of a new file: records have addresses of people.
const FILE_MODE: u32 = 0o640;

/// An open destination.
pub(crate) enum AccessOutput {
    /// Standard output, or an embedder's own.
    Stream(Box<dyn Write + Send>),
    /// A file, which is appended to.
    File(PathBuf, File),
    /// A syslog daemon.
    Syslog(SyslogSocket),
}

impl AccessOutput {
    /// Opens a destination.
    ///
    /// # Errors
    /// If the file cannot be opened, or there is no syslog daemon.
    pub(crate) fn open(destination: &RecordDestination) -> io::Result<Self> {
        match destination {
            RecordDestination::Stdout => Ok(Self::Stream(Box::new(io::stdout()))),
            RecordDestination::File(path) => Ok(Self::File(path.clone(), open_file(path)?)),
            RecordDestination::Syslog(path) => SyslogSocket::connect(path).map(Self::Syslog),
        }
    }

    /// Writes a line. `after_cut`: the line before it may lack its end.
    pub(super) fn write_line(&mut self, line: &[u8], after_cut: bool) -> io::Result<()> {
        let stream: &mut dyn Write = match self {
            Self::Stream(stream) => stream,
            Self::File(_, file) => file,
            // A datagram is sent whole or not at all.
            Self::Syslog(socket) => return socket.send_line(line),
        };
        if after_cut {
            stream.write_all(b"\n")?;
        }
        stream.write_all(line)
    }

    /// Hands over what is buffered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.flush(),
            // Neither is buffered.
            Self::File(..) | Self::Syslog(_) => Ok(()),
        }
    }

    /// Opens the file of the same name, which may be another one by now. If that fails, the old one
    /// stays.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(_) => {}
            Self::File(path, file) => *file = open_file(path)?,
            Self::Syslog(socket) => socket.reconnect()?,
        }
        Ok(())
    }
}

fn open_file(path: &Path) -> io::Result<File> {
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
