//! The reading half of the client's side.

use crate::body::{BodyPiece, BodyReader};
use crate::client::connection::{ClientConnection, Reading};
use crate::client::event::ResponseEvent;
use crate::driver::Received;
use crate::fault::{FaultClass, Malformed};
use crate::framing::Framing;
use crate::head::{ReadHead, ResponseHead};

impl ClientConnection {
    /// Reads the next event from `buffer`: all bytes that were received and not yet consumed.
    ///
    /// `ended` means that the server sends nothing after them. Call this until it returns
    /// [`ResponseEvent::NeedMore`] or one of the last four events; it never waits. Also call it
    /// before pooling a connection, and when bytes arrive on a pooled one.
    pub fn receive(&mut self, buffer: &[u8], ended: bool) -> Received<ResponseEvent> {
        self.ended |= ended;
        let received = match &self.reading {
            Reading::Idle => self.receive_idle(buffer),
            Reading::Head(_) => self.receive_head(buffer),
            Reading::Body(_) => self.receive_body(buffer),
            Reading::Done => Received::new(0, ResponseEvent::Paused),
            Reading::Switched => Received::new(0, ResponseEvent::Switched),
            Reading::Closed => Received::new(buffer.len(), ResponseEvent::Closed),
            Reading::Faulty(fault) => Received::new(0, ResponseEvent::Fault(*fault)),
        };
        self.position += received.consumed as u64;
        received
    }

    fn receive_idle(&mut self, buffer: &[u8]) -> Received<ResponseEvent> {
        // RFC 9112 §9.2: a client that receives data on a connection without an outstanding request
        // "MUST NOT consider that data to be a valid response".
        if !buffer.is_empty() {
            return self.fault(Malformed::new(FaultClass::Unsolicited, 0));
        }
        if self.ended {
            self.reading = Reading::Closed;
            return Received::new(0, ResponseEvent::Closed);
        }
        Received::new(0, ResponseEvent::NeedMore)
    }

    fn receive_head(&mut self, buffer: &[u8]) -> Received<ResponseEvent> {
        let Reading::Head(reader) = &mut self.reading else {
            return Received::new(0, ResponseEvent::NeedMore);
        };
        match reader.read_head(buffer, &self.limits, self.exchange.method) {
            Ok(Some(read)) => self.take_head(read),
            Ok(None) if !self.ended => Received::new(0, ResponseEvent::NeedMore),
            Ok(None) => {
                let class = match buffer {
                    [] => FaultClass::NoResponse,
                    _ => FaultClass::HeadCutShort,
                };
                self.fault(Malformed::new(class, buffer.len()))
            }
            Err(malformed) => self.fault(malformed),
        }
    }

    fn take_head(&mut self, read: ReadHead<ResponseHead>) -> Received<ResponseEvent> {
        let ReadHead { head, length } = read;
        match head.status() {
            // RFC 9110 §7.8: "A server MUST NOT switch to a protocol that was not indicated by the
            // client in the corresponding request's Upgrade header field."
            101 if !self.exchange.offers_switch => {
                self.fault(Malformed::new(FaultClass::SwitchNotOffered, 0))
            }
            100 | 102..=199 => self.take_interim(head, length),
            _ => {
                self.begin_response(&head);
                Received::new(length, ResponseEvent::Head(head))
            }
        }
    }

    /// RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior to
    /// a final response, even if the client does not expect one."
    fn take_interim(&mut self, head: ResponseHead, length: usize) -> Received<ResponseEvent> {
        self.exchange.interim += 1;
        if self.exchange.interim > self.limits.interim_responses {
            return self.fault(Malformed::new(FaultClass::TooManyInterim, 0));
        }
        if head.status() == 100 {
            self.exchange.awaits_continue = false;
        }
        self.reading = Reading::Head(Default::default());
        Received::new(length, ResponseEvent::Interim(head))
    }

    fn begin_response(&mut self, head: &ResponseHead) {
        self.exchange.keeps_alive &= head.keeps_alive();
        // Content that waits for 100 is not sent after a final response, so the request stays
        // incomplete.
        if self.exchange.awaits_continue {
            self.exchange.awaits_continue = false;
            self.exchange.keeps_alive = false;
        }
        self.exchange.switches = head.framing() == Framing::Tunnel;
        // The next call reports the end of a response without content, too.
        let reader = BodyReader::for_framing(head.framing());
        self.reading = Reading::Body(reader.unwrap_or(BodyReader::Length(0)));
    }

    fn receive_body(&mut self, buffer: &[u8]) -> Received<ResponseEvent> {
        let Reading::Body(reader) = &mut self.reading else {
            return Received::new(0, ResponseEvent::NeedMore);
        };
        let read = match reader.read_piece(buffer, self.ended, &self.limits) {
            Ok(read) => read,
            Err(malformed) => return self.fault(malformed),
        };
        let event = match read.piece {
            BodyPiece::Partial => ResponseEvent::NeedMore,
            BodyPiece::Data(range) => ResponseEvent::Data(range),
            BodyPiece::Trailers(table) => ResponseEvent::Trailers(table),
            BodyPiece::End => {
                self.reading = Reading::Done;
                self.finish_exchange();
                ResponseEvent::End
            }
        };
        Received::new(read.consumed, event)
    }

    fn fault(&mut self, malformed: Malformed) -> Received<ResponseEvent> {
        let fault = self.fail(malformed);
        Received::new(0, ResponseEvent::Fault(fault))
    }
}
