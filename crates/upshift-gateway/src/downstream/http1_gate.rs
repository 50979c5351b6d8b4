//! A gate in front of hyper, which checks every message of an HTTP/1 connection.
//!
//! hyper repairs some malformed messages, and answers the others without a body and without a
//! record in metrics and logs. So a header section is held back until it is complete and was
//! [examined](crate::downstream::preamble::examine_preamble), and the end of the content is
//! tracked. The gateway answers malformed messages itself, after the responses to earlier requests.
//!
//! The gate is pure: bytes in, bytes out.

use bytes::{Buf, BytesMut};

use crate::downstream::preamble::{ContentEnd, ExaminedHead, Preamble, examine_preamble};
use crate::framing::chunks::ChunkScanner;
use crate::local_reply::LocalReply;

/// The messages of one connection, as far as they have arrived.
#[derive(Debug)]
pub(crate) struct Http1Gate {
    limit: usize,
    state: GateState,
    /// The bytes that hyper has not read yet.
    buffer: BytesMut,
    /// The number of bytes in `buffer` that hyper may read.
    passed: usize,
    /// The number of header sections that passed.
    heads: u64,
    /// hyper was shown the end of the connection, because of a malformed message.
    ended: bool,
}

#[derive(Debug)]
enum GateState {
    /// Before the end of a header section.
    Head,
    Content {
        left: u64,
    },
    Chunked(ChunkScanner),
    /// A header section is malformed: nothing more is read.
    Refused(LocalReply),
    /// Content is malformed, and hyper has its header section: nothing more is read.
    BrokenContent,
}

impl Http1Gate {
    /// A gate for a connection from which `received` was read. Header sections may have `limit`
    /// bytes.
    pub(crate) fn new(received: BytesMut, limit: usize) -> Self {
        let mut gate = Self {
            limit,
            state: GateState::Head,
            buffer: received,
            passed: 0,
            heads: 0,
            ended: false,
        };
        gate.advance();
        gate
    }

    /// A gate for a connection whose first header section, `head`, was examined already.
    pub(crate) fn after_head(received: BytesMut, head: &ExaminedHead, limit: usize) -> Self {
        let (state, passed) = (GateState::after_head(head), head.length);
        let mut gate = Self { limit, state, buffer: received, passed, heads: 1, ended: false };
        gate.advance();
        gate
    }

    /// The bytes that hyper may read.
    pub(crate) fn passed_bytes(&self) -> &[u8] {
        &self.buffer[..self.passed]
    }

    /// Removes `length` bytes that hyper has read.
    pub(crate) fn consume_passed(&mut self, length: usize) {
        self.buffer.advance(length);
        self.passed -= length;
        if self.buffer.is_empty() {
            // An idle connection must hold no buffer.
            self.buffer = BytesMut::new();
        }
    }

    /// Adds bytes that were received.
    pub(crate) fn receive_bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        self.advance();
    }

    /// The number of bytes of content that hyper may read directly, without a copy through this
    /// gate; `None` if the buffer is not empty or the length is not known.
    pub(crate) fn direct_content(&self) -> Option<u64> {
        match self.state {
            GateState::Content { left } if self.buffer.is_empty() => Some(left),
            _ => None,
        }
    }

    /// Records `length` bytes of content that hyper has read directly.
    pub(crate) fn record_direct(&mut self, length: u64) {
        if let GateState::Content { left } = &mut self.state {
            *left -= length;
            if *left == 0 {
                self.state = GateState::Head;
            }
        }
    }

    /// Returns true if nothing more is read.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.state, GateState::Refused(_) | GateState::BrokenContent)
    }

    /// The number of requests that hyper has, or will have.
    pub(crate) fn passed_heads(&self) -> u64 {
        self.heads
    }

    /// Records that hyper was shown the end of the connection.
    pub(crate) fn mark_ended(&mut self) {
        self.ended = true;
    }

    /// Returns true if the content of the current request is malformed.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.state, GateState::BrokenContent)
    }

    /// Returns true within a header section.
    pub(crate) fn is_within_head(&self) -> bool {
        matches!(self.state, GateState::Head) && !self.buffer.is_empty()
    }

    /// Returns the fault to be answered, and the remaining bytes. If hyper ended by itself, it has
    /// answered the last request of the connection, and bytes after that one get no response.
    pub(crate) fn into_rest(self) -> (Option<LocalReply>, BytesMut) {
        match self.state {
            GateState::Refused(reply) if self.ended => (Some(reply), self.buffer),
            _ => (None, self.buffer),
        }
    }

    /// Examines the bytes that were not examined yet.
    fn advance(&mut self) {
        while self.passed < self.buffer.len() && self.advance_once() {}
    }

    /// Makes one step; returns false if more bytes are needed, or the gate is stopped.
    fn advance_once(&mut self) -> bool {
        let rest = &mut self.buffer[self.passed..];
        match &mut self.state {
            GateState::Head => match examine_preamble(rest, self.limit) {
                Preamble::Incomplete => return false,
                Preamble::Http1(head) => {
                    self.passed += head.length;
                    self.heads += 1;
                    self.state = GateState::after_head(&head);
                }
                Preamble::Faulty(reply) => self.state = GateState::Refused(reply),
                // Either protocol is possible only at the start of a connection.
                Preamble::Http2 | Preamble::Tls => {
                    self.state = GateState::Refused(LocalReply::NotHttp(
                        "The bytes after the first request are not an HTTP/1 request.",
                    ));
                }
            },
            GateState::Content { left } => {
                let length = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= length as u64;
                self.passed += length;
                if *left == 0 {
                    self.state = GateState::Head;
                }
            }
            GateState::Chunked(scanner) => match scanner.scan_bytes(rest) {
                Ok(length) => {
                    self.passed += length;
                    if scanner.is_done() {
                        self.state = GateState::Head;
                    }
                }
                // hyper has passed the head on, so this cannot be answered here: the request's body
                // fails instead.
                Err(_) => self.state = GateState::BrokenContent,
            },
            GateState::Refused(_) | GateState::BrokenContent => return false,
        }
        true
    }
}

impl GateState {
    fn after_head(head: &ExaminedHead) -> Self {
        match head.content {
            // Never `Content` with nothing left: `direct_content` would offer a read of no bytes.
            ContentEnd::Length(0) => Self::Head,
            ContentEnd::Length(left) => Self::Content { left },
            ContentEnd::LastChunk => Self::Chunked(ChunkScanner::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// The part of `bytes` that passes, and the fault; the same whole and byte by byte.
    fn through(bytes: &str) -> (String, Option<LocalReply>, bool) {
        let whole = pass(&[bytes.as_bytes()]);
        let parts: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
        assert_eq!(whole, pass(&parts), "{bytes:?}");
        whole
    }

    fn pass(parts: &[&[u8]]) -> (String, Option<LocalReply>, bool) {
        let mut gate = Http1Gate::new(BytesMut::new(), 1024);
        let mut passed = Vec::new();
        for part in parts {
            gate.receive_bytes(part);
            passed.extend_from_slice(gate.passed_bytes());
            gate.consume_passed(gate.passed_bytes().len());
        }
        let broken = gate.is_broken();
        gate.mark_ended();
        (String::from_utf8_lossy(&passed).into_owned(), gate.into_rest().0, broken)
    }

    #[test]
    fn good_messages_pass_whole() {
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let all = [GET, post, chunked, GET].concat();
        assert_eq!(through(&all), (all, None, false));
    }

    #[test]
    fn a_header_section_passes_when_it_is_whole() {
        let (passed, reply, _) = through(&[GET, "GET / HTTP/1.1\r\nHost:"].concat());
        assert_eq!((passed.as_str(), reply), (GET, None));
    }

    /// The checks apply to every message of a connection, not only to the first.
    #[test]
    fn a_length_in_doubt_is_refused_on_later_messages() {
        for fields in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: 0\r\nContent-Length: 7\r\n",
            "Transfer-Encoding: chunked, chunked\r\n",
        ] {
            let bad = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            let (passed, reply, _) = through(&[GET, &bad, GET].concat());
            assert_eq!(passed, GET);
            assert_eq!(reply.map(|reply| reply.status().as_u16()), Some(400), "{fields:?}");
        }
        assert!(through(&[GET, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"].concat()).1.is_some());
    }

    #[test]
    fn content_that_is_not_chunked_as_it_says_stops_the_connection() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (passed, reply, broken) = pass(&[[head, "x\r\n", GET].concat().as_bytes()]);
        assert_eq!((passed.as_str(), reply, broken), (head, None, true));
    }
}
