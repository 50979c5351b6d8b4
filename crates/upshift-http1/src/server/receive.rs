//! The reading half of the server's side.

use crate::body::{BodyPiece, BodyReader};
use crate::driver::Received;
use crate::fault::{FaultClass, Malformed};
use crate::framing::Framing;
use crate::head::{Expectation, RequestHead, RequestMethod};
use crate::server::connection::{Exchange, Reading, ServerConnection, Writing};
use crate::server::event::RequestEvent;

impl ServerConnection {
    /// Reads the next event from `buffer`: all bytes that were received and not yet consumed.
    ///
    /// `ended` means that the client sends nothing after them. Call this until it returns
    /// [`RequestEvent::NeedMore`] or one of the last four events; it never waits.
    pub fn receive(&mut self, buffer: &[u8], ended: bool) -> Received<RequestEvent> {
        self.ended |= ended;
        let received = match &self.reading {
            Reading::Head(_) => self.receive_head(buffer),
            Reading::Body(_) => self.receive_body(buffer),
            Reading::Done => Received::new(0, RequestEvent::Paused),
            Reading::Switched => Received::new(0, RequestEvent::Switched),
            Reading::Closed => Received::new(buffer.len(), RequestEvent::Closed),
            Reading::Faulty(fault) => Received::new(0, RequestEvent::Fault(*fault)),
        };
        self.position += received.consumed as u64;
        self.exhausted = ended && received.consumed == buffer.len();
        received
    }

    fn receive_head(&mut self, buffer: &[u8]) -> Received<RequestEvent> {
        let Reading::Head(reader) = &mut self.reading else {
            return Received::new(0, RequestEvent::NeedMore);
        };
        match reader.read_head(buffer, &self.limits) {
            Ok(Some(read)) => {
                self.begin_exchange(&read.head, &buffer[..read.length]);
                Received::new(read.length, RequestEvent::Head(read.head))
            }
            Ok(None) if !self.ended => Received::new(0, RequestEvent::NeedMore),
            // RFC 9112 §9.6: the client has sent its last request.
            Ok(None) if is_blank(buffer) => {
                self.reading = Reading::Closed;
                Received::new(buffer.len(), RequestEvent::Closed)
            }
            Ok(None) => self.fault(Malformed::new(FaultClass::HeadCutShort, buffer.len())),
            Err(malformed) => self.fault(malformed),
        }
    }

    fn begin_exchange(&mut self, head: &RequestHead, bytes: &[u8]) {
        self.exchange = Exchange {
            method: RequestMethod::of(head.method(bytes)),
            version: head.version(),
            keeps_alive: head.keeps_alive(),
            offers_switch: head.offers_switch(),
            accepts_trailers: head.accepts_trailers(),
            awaits_continue: head.expectation() == Expectation::Continue,
            switches: false,
            reads_on: false,
        };
        self.writing = Writing::Ready;
        // The next call reports the end of a request without content, too.
        let framing = match head.framing() {
            Framing::None => Framing::Length(0),
            framing => framing,
        };
        self.reading = match BodyReader::for_framing(framing) {
            Some(reader) => Reading::Body(reader),
            None => Reading::Body(BodyReader::Length(0)),
        };
    }

    fn receive_body(&mut self, buffer: &[u8]) -> Received<RequestEvent> {
        let Reading::Body(reader) = &mut self.reading else {
            return Received::new(0, RequestEvent::NeedMore);
        };
        let read = match reader.read_piece(buffer, self.ended, &self.limits) {
            Ok(read) => read,
            Err(malformed) => return self.fault(malformed),
        };
        if read.consumed > 0 {
            // RFC 9110 §10.1.1: the client has stopped waiting and sends its content.
            self.exchange.awaits_continue = false;
        }
        let event = match read.piece {
            BodyPiece::Partial => RequestEvent::NeedMore,
            BodyPiece::Data(range) => RequestEvent::Data(range),
            BodyPiece::Trailers(table) => RequestEvent::Trailers(table),
            BodyPiece::End => {
                self.reading = Reading::Done;
                self.finish_exchange();
                RequestEvent::End
            }
        };
        Received::new(read.consumed, event)
    }

    fn fault(&mut self, malformed: Malformed) -> Received<RequestEvent> {
        let fault = self.fail(malformed);
        Received::new(0, RequestEvent::Fault(fault))
    }
}

/// Returns true if the buffer is empty or has only the empty lines before a request.
fn is_blank(buffer: &[u8]) -> bool {
    buffer.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}
