//! An upstream that records its requests and gives the answers that a test chooses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A request as it reached the upstream.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The first line.
    pub line: String,
    /// The field lines, in order.
    pub fields: Vec<(String, String)>,
    /// How many bytes of content came.
    pub length: usize,
}

/// An HTTP/1.1 server with one answer for everything.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Origin {
    /// Answers every request with this status and these field lines, and `origin` as content.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn start(status: u16, fields: &[(String, String)]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        let lines: String =
            fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&arrived);
        // It ends with the test's process; a thread that waits in `accept` costs nothing until
        // then.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (list, lines) = (Arc::clone(&list), lines.clone());
                thread::spawn(move || serve(stream, status, &lines, &list));
            }
        });
        Self { address, arrived }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has reached it, in order.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves the requests of one connection; it ends when the other side does, or breaks the rules.
fn serve(stream: TcpStream, status: u16, lines: &str, list: &Mutex<Vec<Arrived>>) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut arrived = head(&mut reader)?;
        let expects = joined(&arrived, "expect").eq_ignore_ascii_case("100-continue");
        if expects {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        arrived.length = content(&mut reader, &arrived)?;
        let head_request = arrived.line.starts_with("HEAD ");
        list.lock().unwrap_or_else(PoisonError::into_inner).push(arrived);
        let body = if head_request { "" } else { "origin" };
        let answer = format!("HTTP/1.1 {status} Told\r\n{lines}Content-Length: 6\r\n\r\n{body}");
        writer.write_all(answer.as_bytes()).ok()?;
    }
}

fn head(reader: &mut impl BufRead) -> Option<Arrived> {
    let line = next_line(reader).filter(|line| !line.is_empty())?;
    let mut fields = Vec::new();
    loop {
        let field = next_line(reader)?;
        let Some((name, value)) = field.split_once(':') else { break };
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
    Some(Arrived { line, fields, length: 0 })
}

fn content(reader: &mut impl BufRead, arrived: &Arrived) -> Option<usize> {
    if joined(arrived, "transfer-encoding").eq_ignore_ascii_case("chunked") {
        let mut total = 0;
        loop {
            let size =
                usize::from_str_radix(next_line(reader)?.split(';').next()?.trim(), 16).ok()?;
            if size == 0 {
                while !next_line(reader)?.is_empty() {}
                return Some(total);
            }
            skip(reader, size + 2)?;
            total += size;
        }
    }
    let length = joined(arrived, "content-length").parse().unwrap_or(0);
    skip(reader, length)?;
    Some(length)
}

fn skip(reader: &mut impl Read, length: usize) -> Option<()> {
    let copied = std::io::copy(&mut reader.take(length as u64), &mut std::io::sink()).ok()?;
    (copied == length as u64).then_some(())
}

fn next_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok()?;
    line.ends_with(b"\n").then(|| String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
}

fn joined(arrived: &Arrived, name: &str) -> String {
    let lines = arrived.fields.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name));
    lines.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
}
