//! The codec as a reader. A program does not name the class of a fault; the codec does.

use upshift_http1::{
    ClientConnection, Fault, FaultClass, Field, Framing, Limits, RequestEvent, RequestStart,
    ResponseEvent, ResponseStart, ServerConnection, Version, Wants,
};

use super::outcome::{End, Outcome, join_message, text_of};

/// The codec's reading of a case.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) outcome: Outcome,
    /// The place behind each message.
    pub(super) ends: Vec<usize>,
    start: String,
    content: Vec<u8>,
}

impl Reading {
    fn end_message(&mut self, place: usize) {
        let content = std::mem::take(&mut self.content);
        self.outcome.messages.push(join_message(&self.start, &content));
        self.ends.push(place);
    }
}

/// Reads requests, and answers each with 200.
pub(super) fn read_requests(case: &[u8]) -> Reading {
    let mut connection = ServerConnection::new(Limits::default());
    let mut reading = Reading::default();
    let mut unread = case;
    loop {
        let received = connection.receive(unread, true);
        let (read, rest) = unread.split_at(received.consumed);
        match received.event {
            RequestEvent::Head(head) => {
                let (method, target) = (head.method(read), head.target(read));
                reading.start = format!("{} {}", text_of(method), text_of(target));
            }
            RequestEvent::Data(range) => reading.content.extend_from_slice(&read[range]),
            RequestEvent::Trailers(_) => {}
            RequestEvent::End => reading.end_message(case.len() - rest.len()),
            RequestEvent::Paused => answer(&mut connection),
            RequestEvent::Fault(fault) => {
                reading.outcome.end = end_of(fault);
                return reading;
            }
            RequestEvent::NeedMore | RequestEvent::Closed | RequestEvent::Switched => break,
        }
        unread = rest;
    }
    if connection.wants() == Wants::Close && !unread.is_empty() {
        reading.outcome.end = End::Closed;
    }
    reading
}

fn answer(connection: &mut ServerConnection) {
    let start = ResponseStart { status: 200, reason: b"" };
    let sent = connection.send_response(&mut Vec::new(), start, [], Framing::None);
    sent.unwrap_or_else(|error| panic!("{error:?}"));
}

/// Reads the final response to a GET. The server closes the connection behind the case.
pub(super) fn read_response(case: &[u8]) -> Reading {
    let mut connection = ask();
    let mut reading = Reading::default();
    let mut unread = case;
    loop {
        let received = connection.receive(unread, true);
        let (read, rest) = unread.split_at(received.consumed);
        match received.event {
            ResponseEvent::Head(head) => reading.start = head.status().to_string(),
            ResponseEvent::Data(range) => reading.content.extend_from_slice(&read[range]),
            ResponseEvent::Interim(_) | ResponseEvent::Trailers(_) => {}
            ResponseEvent::End => {
                reading.end_message(case.len() - rest.len());
                return reading;
            }
            ResponseEvent::Fault(fault) => {
                reading.outcome.end = end_of(fault);
                return reading;
            }
            ResponseEvent::NeedMore
            | ResponseEvent::Paused
            | ResponseEvent::Switched
            | ResponseEvent::Closed => return reading,
        }
        unread = rest;
    }
}

/// A connection that has sent a GET.
fn ask() -> ClientConnection {
    let mut connection = ClientConnection::new(Limits::default());
    let start = RequestStart { method: b"GET", target: b"/", version: Version::Http11 };
    let fields = [Field::new(b"Host", b"a")];
    let sent = connection.send_request(&mut Vec::new(), start, fields, Framing::None);
    sent.unwrap_or_else(|error| panic!("{error:?}"));
    connection
}

/// A message that the sender has cut short is not refused.
fn end_of(fault: Fault) -> End {
    match fault.class {
        FaultClass::HeadCutShort | FaultClass::BodyCutShort => End::Open,
        class => End::Refused(class.name().to_owned()),
    }
}
