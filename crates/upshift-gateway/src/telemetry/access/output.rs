//! The destinations of access records: stdout, a file, a syslog daemon.

use std::io::{self, Write};

use upshift_config::RecordDestination;

use super::record_file::{FailedLine, RecordFile};
use super::syslog::SyslogSocket;

/// An open destination.
pub(crate) enum AccessOutput {
    /// Standard output, or an embedder's own.
    Stream(Box<dyn Write + Send>),
    /// A file, which is appended to.
    File(RecordFile),
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
            RecordDestination::File(path) => RecordFile::open(path).map(Self::File),
            RecordDestination::Syslog(path) => SyslogSocket::connect(path).map(Self::Syslog),
        }
    }

    /// Writes a line. `after_cut`: the line before it lacks its end.
    pub(super) fn write_line(&mut self, line: &[u8], after_cut: bool) -> Result<(), FailedLine> {
        if after_cut {
            let ended = self.write_bytes(b"\n");
            ended.map_err(|failed| FailedLine { left_part: true, ..failed })?;
        }
        self.write_bytes(line)
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), FailedLine> {
        match self {
            // A stream does not tell how much of a line it took.
            Self::Stream(stream) => {
                stream.write_all(bytes).map_err(|error| FailedLine { error, left_part: true })
            }
            Self::File(file) => file.append(bytes),
            // A datagram is sent whole or not at all.
            Self::Syslog(socket) => {
                socket.send_line(bytes).map_err(|error| FailedLine { error, left_part: false })
            }
        }
    }

    /// Hands over what is buffered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.flush(),
            // Neither is buffered.
            Self::File(_) | Self::Syslog(_) => Ok(()),
        }
    }

    /// Opens the destination again: the file may be another one by now, and the daemon may have
    /// been restarted. If that fails, the old one stays.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(_) => Ok(()),
            Self::File(file) => file.reopen(),
            Self::Syslog(socket) => socket.reconnect(),
        }
    }
}
