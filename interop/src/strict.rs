//! A reader of HTTP/1.1 requests that allows nothing RFC 9112 forbids a sender.
//!
//! It represents the strictest upstream: if it can read a message in one way only, so can all
//! others.

/// A request that is complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The request line.
    pub line: String,
    /// The field lines, in order.
    pub fields: Vec<(String, String)>,
    /// The content, without its transfer coding.
    pub content: Vec<u8>,
    /// The trailer lines, in order.
    pub trailers: Vec<(String, String)>,
}

impl Message {
    /// The values of a field, one per line.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.fields.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str()).collect()
    }

    /// The path and query of the request line.
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// The bytes of one connection, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The requests that have come whole.
    pub complete: Vec<Message>,
    /// The number of bytes of these requests.
    pub consumed: usize,
    /// The request line of a message that has not come whole.
    pub begun: Option<String>,
    /// The reason for which the bytes are no HTTP/1.1 requests.
    pub fault: Option<String>,
}

/// Why a message cannot be read.
enum Stop {
    /// More bytes are to come.
    Incomplete,
    /// The sender broke a rule.
    Fault(String),
}

type Read<T> = Result<(T, usize), Stop>;

/// Reads all requests in `bytes`.
pub fn read_requests(bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    while reading.consumed < bytes.len() {
        let unread = &bytes[reading.consumed..];
        match read_message(unread) {
            Ok((message, length)) => {
                reading.complete.push(message);
                reading.consumed += length;
            }
            Err(Stop::Incomplete) => {
                let line = unread.split(|byte| *byte == b'\r').next().unwrap_or_default();
                reading.begun = Some(String::from_utf8_lossy(line).into_owned());
                break;
            }
            Err(Stop::Fault(why)) => {
                reading.fault = Some(format!("{why}: {}", unread.escape_ascii()));
                break;
            }
        }
    }
    reading
}

fn read_message(bytes: &[u8]) -> Read<Message> {
    let (line, mut at) = read_line(bytes)?;
    let mut message = Message { line, ..Message::default() };
    check_request_line(&message.line)?;
    (message.fields, at) = shifted(read_fields(&bytes[at..])?, at);
    match framing(&message)? {
        Framing::Length(length) => {
            message.content = bytes.get(at..at + length).ok_or(Stop::Incomplete)?.to_vec();
            at += length;
        }
        Framing::Chunked => {
            (message.content, at) = shifted(read_chunks(&bytes[at..])?, at);
            (message.trailers, at) = shifted(read_fields(&bytes[at..])?, at);
        }
    }
    Ok((message, at))
}

fn shifted<T>((value, length): (T, usize), at: usize) -> (T, usize) {
    (value, at + length)
}

/// RFC 9112 §2.2: a line ends in CRLF, and has no bare CR or LF in it.
fn read_line(bytes: &[u8]) -> Read<String> {
    let end = bytes.windows(2).position(|window| window == b"\r\n").ok_or(Stop::Incomplete)?;
    let line = &bytes[..end];
    if line.contains(&b'\r') || line.contains(&b'\n') {
        return Err(fault("a bare CR or LF"));
    }
    Ok((String::from_utf8_lossy(line).into_owned(), end + 2))
}

/// RFC 9112 §3.
fn check_request_line(line: &str) -> Result<(), Stop> {
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, "HTTP/1.1" | "HTTP/1.0"] = words.as_slice() else {
        return Err(fault("no request line"));
    };
    if is_token(method) && !target.is_empty() { Ok(()) } else { Err(fault("no request line")) }
}

/// RFC 9112 §5: up to the empty line, which is read too.
fn read_fields(bytes: &[u8]) -> Read<Vec<(String, String)>> {
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let (line, length) = read_line(&bytes[at..])?;
        at += length;
        if line.is_empty() {
            return Ok((fields, at));
        }
        match line.split_once(':') {
            Some((name, value)) if is_token(name) => {
                fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
            }
            _ => return Err(fault("no field line")),
        }
    }
}

enum Framing {
    Length(usize),
    Chunked,
}

/// RFC 9112 §6.3, for a sender: one of the two fields, once, with one value.
fn framing(message: &Message) -> Result<Framing, Stop> {
    let lengths = message.values("content-length");
    let codings = message.values("transfer-encoding");
    match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Ok(Framing::Length(0)),
        // RFC 9112 §7: names of codings are case-insensitive.
        ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        ([length], []) if is_number(length) => {
            length.parse().map(Framing::Length).map_err(|_| fault("a length beyond all bounds"))
        }
        _ => Err(fault(&format!("framed by {lengths:?} and {codings:?}"))),
    }
}

/// RFC 9110 §8.6: `Content-Length = 1*DIGIT`.
pub fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// RFC 9112 §7.1, up to and with the last chunk.
fn read_chunks(bytes: &[u8]) -> Read<Vec<u8>> {
    let mut content = Vec::new();
    let mut at = 0;
    loop {
        let (line, length) = read_line(&bytes[at..])?;
        at += length;
        let size = usize::from_str_radix(&line, 16).map_err(|_| fault("no size of a chunk"))?;
        if size == 0 {
            return Ok((content, at));
        }
        content.extend_from_slice(bytes.get(at..at + size).ok_or(Stop::Incomplete)?);
        match bytes.get(at + size..at + size + 2) {
            Some(b"\r\n") => at += size + 2,
            Some(_) => return Err(fault("a chunk that is longer than its size")),
            None => return Err(Stop::Incomplete),
        }
    }
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    const MARKS: &str = "!#$%&'*+-.^_`|~";
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || MARKS.contains(c))
}

fn fault(why: &str) -> Stop {
    Stop::Fault(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_apart() {
        let bytes = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
            3\r\nabc\r\n0\r\nx: 1\r\n\r\n\
            POST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /c HTTP/1.1\r\nHo";
        let reading = read_requests(bytes);
        assert_eq!(reading.complete.len(), 2);
        assert_eq!(reading.complete[0].content, b"abc");
        assert_eq!(reading.complete[1].content, b"hi");
        assert_eq!(reading.complete[0].trailers, [("x".to_owned(), "1".to_owned())]);
        assert_eq!((reading.begun.as_deref(), reading.fault), (Some("GET /c HTTP/1.1"), None));
    }

    #[test]
    fn framing_in_doubt_is_a_fault() {
        for lines in [
            "Content-Length: 5, 5",
            "Content-Length: 5\r\nContent-Length: 5",
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Content-Length: +5",
            "Content-Length:",
            "Transfer-Encoding: identity",
            "Content-Length : 5",
        ] {
            let request = format!("POST / HTTP/1.1\r\n{lines}\r\n\r\nhello");
            let reading = read_requests(request.as_bytes());
            assert!(reading.fault.is_some(), "{lines}: {reading:?}");
        }
    }
}
