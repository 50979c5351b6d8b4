//! HTTP/1.x by hand: sends bytes and reads what comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::{Count, PATIENCE, Reply, tally};

/// Sends `bytes` on a new connection, reads one final response, and tells whether the connection
/// then ends, once nothing more is sent on it.
pub fn exchange(to: SocketAddr, bytes: &[u8], head_only: bool) -> (Reply, bool) {
    let mut stream = send(to, bytes);
    let reply = read_reply(&mut stream, head_only);
    (reply, is_over(stream))
}

/// Reads one final response, or as much of it as comes before the connection ends.
///
/// # Panics
/// If neither comes in time.
pub fn read_reply(stream: &mut TcpStream, head_only: bool) -> Reply {
    let (reply, error) = read_reply_so_far(stream, head_only);
    if let Some(error) = error {
        panic!("no whole response: {error}; so far: {reply:?}");
    }
    reply
}

/// Sends `bytes` on a new connection and reads one final response; none if it does not come within
/// `patience`.
///
/// # Panics
/// If nothing listens there.
pub fn exchange_within(to: SocketAddr, bytes: &[u8], patience: Duration) -> Option<Reply> {
    let mut stream = send(to, bytes);
    stream.set_read_timeout(Some(patience)).unwrap_or_else(|error| panic!("{to}: {error}"));
    let (reply, error) = read_reply_so_far(&mut stream, false);
    error.is_none().then_some(reply)
}

/// The response, and the error that came before its end.
fn read_reply_so_far(stream: &mut TcpStream, head_only: bool) -> (Reply, Option<std::io::Error>) {
    let mut read = Vec::new();
    let mut failed = None;
    while !complete(&read, head_only) {
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => read.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let mut reply = Reply::read(&read);
    if reply.field("transfer-encoding").eq_ignore_ascii_case("chunked") {
        reply.body = dechunk(&reply.body).unwrap_or_default();
    }
    (reply, failed)
}

/// A connection for one request after the other. It is opened again when the server has closed it.
#[derive(Debug)]
pub struct Connection {
    to: SocketAddr,
    stream: Option<TcpStream>,
}

impl Connection {
    /// Connects with the first request only.
    pub fn new(to: SocketAddr) -> Self {
        Self { to, stream: None }
    }

    /// Sends a request and reads its response, or `None` if the server closes or stays silent.
    pub fn ask(&mut self, request: &[u8]) -> Option<Reply> {
        // The server may have closed a connection that rested.
        let rested = self.stream.is_some();
        let reply = self.ask_once(request);
        if reply.is_none() && rested { self.ask_once(request) } else { reply }
    }

    fn ask_once(&mut self, request: &[u8]) -> Option<Reply> {
        let mut stream = self.stream.take().or_else(|| TcpStream::connect(self.to).ok())?;
        stream.set_read_timeout(Some(A_WHILE)).ok()?;
        stream.write_all(request).ok()?;
        let mut read = Vec::new();
        while !complete(&read, false) {
            let mut buffer = [0; 16 * 1024];
            match stream.read(&mut buffer) {
                Ok(length) if length > 0 => read.extend_from_slice(&buffer[..length]),
                _ => break,
            }
        }
        let reply = Reply::read(&read);
        if lasts(&reply) {
            self.stream = Some(stream);
        }
        (reply.status != 0).then_some(reply)
    }
}

/// How long a server may take for one of many small responses.
const A_WHILE: Duration = Duration::from_secs(5);

/// Returns true if the response leaves its connection open with nothing more to read. It may not
/// after an error of the client.
fn lasts(reply: &Reply) -> bool {
    let whole = reply.field("content-length").parse() == Ok(reply.body.len());
    let open = reply.protocol == "HTTP/1.1" && !reply.connection_has("close");
    whole && open && reply.status != 400
}

/// Sends `bytes` on a new connection, which is given back.
///
/// # Panics
/// If nothing listens there.
pub fn send(to: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream =
        TcpStream::connect_timeout(&to, PATIENCE).unwrap_or_else(|error| panic!("{to}: {error}"));
    stream.set_read_timeout(Some(PATIENCE)).unwrap_or_else(|error| panic!("{to}: {error}"));
    tally(Count::Inputs, usize::from(!bytes.is_empty()));
    // A server that has answered and closed resets what is still on its way; its answer is read all
    // the same.
    let _ = stream.write_all(bytes);
    stream
}

/// Returns true if the other side closes by itself within a moment.
pub fn is_over(mut stream: TcpStream) -> bool {
    let a_moment = Duration::from_millis(300);
    stream.set_read_timeout(Some(a_moment)).ok();
    let mut buffer = [0; 1024];
    let over = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) => {
                break !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            }
        }
    };
    stream.shutdown(Shutdown::Both).ok();
    over
}

fn complete(read: &[u8], head_only: bool) -> bool {
    let reply = Reply::read(read);
    if reply.status == 0 || (!reply.interim.is_empty() && (100..200).contains(&reply.status)) {
        return false;
    }
    if head_only || matches!(reply.status, 101 | 204 | 304) {
        return true;
    }
    if reply.field("transfer-encoding").eq_ignore_ascii_case("chunked") {
        return dechunk(&reply.body).is_some();
    }
    match reply.field("content-length").parse() {
        Ok(length) => reply.body.len() >= length,
        Err(_) => false,
    }
}

/// The content of a chunked body; `None` while its last chunk has not come.
fn dechunk(mut coded: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let line_end = coded.windows(2).position(|window| window == b"\r\n")?;
        let line = std::str::from_utf8(&coded[..line_end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        let chunk = &coded[line_end + 2..];
        if size == 0 {
            let ended =
                chunk.starts_with(b"\r\n") || chunk.windows(4).any(|window| window == b"\r\n\r\n");
            return ended.then_some(content);
        }
        content.extend_from_slice(chunk.get(..size)?);
        coded = chunk.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(dechunk(b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n").as_deref(), Some(&b"abcd"[..]));
        assert_eq!(dechunk(b"3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n").as_deref(), Some(&b"abc"[..]));
        assert_eq!(dechunk(b"3\r\nab"), None);
    }
}
