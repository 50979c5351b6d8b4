//! The record of a connection: the messages that were read, and how it ended.

use upshift_http1::{Fault, FieldTable, Wants};

/// The record of one side of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transcript {
    /// The messages: the start, and the content behind a space. One that did not end has `…`.
    pub(crate) messages: Vec<String>,
    /// The trailer fields of the last message.
    pub(crate) trailers: Vec<String>,
    pub(crate) fault: Option<Fault>,
    pub(crate) wants: Wants,
    /// The bytes that were left to another protocol.
    pub(crate) rest: Option<Vec<u8>>,
    /// The bytes that the side itself has sent.
    pub(crate) sent: Vec<u8>,
    /// The number of bytes that were consumed; 0 after a fault, where it does not matter.
    pub(crate) consumed: usize,
}

/// The messages, as they are being read.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    messages: Vec<String>,
    content: Vec<u8>,
    is_open: bool,
    pub(crate) trailers: Vec<String>,
    pub(crate) fault: Option<Fault>,
    pub(crate) rest: Option<Vec<u8>>,
    pub(crate) sent: Vec<u8>,
    pub(crate) consumed: usize,
}

impl Reading {
    pub(crate) fn begin(&mut self, start: String) {
        assert!(!self.is_open, "a message begins within another: {start}");
        self.messages.push(start);
        self.trailers.clear();
        self.is_open = true;
    }

    pub(crate) fn add_content(&mut self, content: &[u8]) {
        assert!(self.is_open && !content.is_empty(), "content of no message, or none");
        self.content.extend_from_slice(content);
    }

    pub(crate) fn set_trailers(&mut self, table: &FieldTable, bytes: &[u8]) {
        for field in table.iter(bytes) {
            self.trailers.push(format!("{}: {}", text_of(field.name()), text_of(field.value())));
        }
    }

    pub(crate) fn end(&mut self) {
        assert!(self.is_open, "no message to end");
        let content = text_of(&std::mem::take(&mut self.content));
        if !content.is_empty() {
            let last = self.messages.last_mut().unwrap();
            last.push(' ');
            last.push_str(&content);
        }
        self.is_open = false;
    }

    pub(crate) fn into_transcript(mut self, wants: Wants) -> Transcript {
        if self.is_open {
            let content = text_of(&self.content);
            self.messages.last_mut().unwrap().push_str(&format!(" {content}…"));
        }
        Transcript {
            messages: self.messages,
            trailers: self.trailers,
            fault: self.fault,
            wants,
            rest: self.rest,
            sent: self.sent,
            consumed: if self.fault.is_some() { 0 } else { self.consumed },
        }
    }
}

/// The bytes that were received and not consumed. Consuming moves none, so that a long input of
/// short events stays fast.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    bytes: Vec<u8>,
    start: usize,
}

impl Unread {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(crate) fn add_piece(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    pub(crate) fn consume(&mut self, length: usize) {
        self.start += length;
    }
}

/// The bytes as text, each as the character of its number.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
