//! Requests of 200 callers, over a few connections, each with one request at a time.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::bench::http1::ResponseReader;

const CALLERS: usize = 200;
const CONNECTIONS: usize = 16;

/// The step from one caller to the next. It has no factor in common with their number, so that all
/// take turns, but in no simple order.
const STEP: usize = 79;

/// The longest wait for a response, within callgrind too.
const PATIENCE: Duration = Duration::from_secs(30);

/// The responses to the requests of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Responses {
    pub(super) refused: u64,
    pub(super) proxied: u64,
}

/// Sends requests to a gateway, and counts the responses.
///
/// # Errors
/// If a response does not come, or has another status than 200 or 426.
pub(super) fn send_requests(address: SocketAddr, requests: usize) -> io::Result<Responses> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        connections.push((stream, ResponseReader::default()));
    }
    let mut responses = Responses::default();
    for first in (0..requests).step_by(CONNECTIONS) {
        let last = requests.min(first + CONNECTIONS);
        for (number, (stream, _)) in (first..last).zip(&mut connections) {
            stream.write_all(&request_of(number * STEP % CALLERS, address))?;
        }
        for (_, (stream, reader)) in (first..last).zip(&mut connections) {
            match read_response(stream, reader)? {
                426 => responses.refused += 1,
                200 => responses.proxied += 1,
                other => return Err(io::Error::other(format!("a response has status {other}"))),
            }
        }
    }
    Ok(responses)
}

/// A request of one caller: four versions and twenty clients.
fn request_of(caller: usize, address: SocketAddr) -> Vec<u8> {
    let head = format!(
        "GET /orders/{caller} HTTP/1.1\r\nHost: {address}\r\nX-Api-Key: key-{caller}\r\n\
         X-Api-Version: 1.{}\r\nUser-Agent: AcmeApp/4.{} (Linux)\r\n\r\n",
        caller % 4,
        caller % 20
    );
    head.into_bytes()
}

fn read_response(stream: &mut TcpStream, reader: &mut ResponseReader) -> io::Result<u16> {
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(status) = reader.add_bytes(&buffer[..count])? {
            return Ok(status);
        }
    }
}
