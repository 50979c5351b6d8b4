//! Lines to a syslog daemon, as RFC 5424 has them, over its datagram socket.

use std::io::{self, ErrorKind, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::path_error::with_path;

/// RFC 5424 §6.2.1: the facility `daemon` (3) and the severity `informational` (6).
const PRIORITY: u8 = 3 * 8 + 6;

/// The time for the daemon to take a line.
const SEND_TIMEOUT: Duration = Duration::from_millis(100);

/// A connection to a syslog daemon.
pub(crate) struct SyslogSocket {
    path: PathBuf,
    socket: UnixDatagram,
    /// The header after the time: host, program, process and kind of message.
    origin: String,
}

impl SyslogSocket {
    /// Connects to the daemon whose socket is at `path`.
    ///
    /// # Errors
    /// If there is no daemon.
    pub(super) fn connect(path: &Path) -> io::Result<Self> {
        let uname = rustix::system::uname();
        // RFC 5424 §6.2.4: a host that does not know its name is `-`.
        let host = match uname.nodename().to_str() {
            Ok(name) if !name.is_empty() => name,
            _ => "-",
        };
        let origin = format!("{host} upshift {} access -", std::process::id());
        Ok(Self { path: path.to_owned(), socket: open_socket(path)?, origin })
    }

    /// Connects again: the daemon may have been restarted.
    pub(super) fn reconnect(&mut self) -> io::Result<()> {
        self.socket = open_socket(&self.path)?;
        Ok(())
    }

    /// Sends a line.
    pub(super) fn send_line(&mut self, line: &[u8]) -> io::Result<()> {
        let message = self.frame(line, jiff::Timestamp::now());
        match self.socket.send(&message) {
            Err(error) if is_of_lost_daemon(&error) => {
                self.reconnect()?;
                self.socket.send(&message).map(drop)
            }
            sent => sent.map(drop),
        }
    }

    /// RFC 5424 §6: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID SD MSG`.
    fn frame(&self, line: &[u8], now: jiff::Timestamp) -> Vec<u8> {
        let mut message = Vec::with_capacity(line.len() + 96);
        // §6.2.3: at most six digits after the point.
        let time = now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
        // Writing into a vector cannot fail.
        let _ = write!(message, "<{PRIORITY}>1 {time} {} ", self.origin);
        message.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        message
    }
}

fn open_socket(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path).map_err(|error| with_path(&error, path))?;
    socket.set_write_timeout(Some(SEND_TIMEOUT))?;
    Ok(socket)
}

/// Returns true if the daemon has closed its socket, and may have opened another one.
fn is_of_lost_daemon(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::NotConnected
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    fn socket_path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("upshift-syslog-{name}-{}", std::process::id()))
    }

    fn receive(daemon: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        let length = daemon.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// The daemon is restarted between two lines.
    #[test]
    fn a_line_is_a_datagram_and_a_new_daemon_gets_the_next() {
        let path = socket_path("daemon");
        let first = UnixDatagram::bind(&path).unwrap();
        let mut socket = SyslogSocket::connect(&path).unwrap();
        socket.send_line(b"{\"a\":1}\n").unwrap();
        let text = receive(&first);
        assert!(text.starts_with("<30>1 2"), "{text}");
        let end = format!(" upshift {} access - {{\"a\":1}}", std::process::id());
        assert!(text.ends_with(&end), "{text}");
        drop(first);
        assert!(socket.send_line(b"lost\n").is_err());
        std::fs::remove_file(&path).unwrap();
        let second = UnixDatagram::bind(&path).unwrap();
        socket.send_line(b"found\n").unwrap();
        assert!(receive(&second).ends_with(" - found"));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_time_has_six_digits_after_the_point() {
        let path = socket_path("time");
        let _daemon = UnixDatagram::bind(&path).unwrap();
        let socket = SyslogSocket::connect(&path).unwrap();
        let message = socket.frame(b"x\n", jiff::Timestamp::UNIX_EPOCH);
        let text = String::from_utf8(message).unwrap();
        assert!(text.starts_with("<30>1 1970-01-01T00:00:00.000000Z "), "{text}");
        std::fs::remove_file(&path).unwrap();
    }
}
