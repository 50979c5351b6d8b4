//! A server that reads requests, and answers each with a status and nothing else.

use upshift_http1::{Framing, Limits, RequestEvent, ResponseStart, ServerConnection, Wants};

use crate::transcript::{Reading, Transcript, Unread, text_of};

/// The behaviour of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerRun {
    pub(crate) limits: Limits,
    /// The status of each response.
    pub(crate) respond: u16,
    /// Each response is sent before the content of its request is read.
    pub(crate) early: bool,
    /// The client sends nothing after the last piece.
    pub(crate) ends: bool,
}

impl Default for ServerRun {
    fn default() -> Self {
        Self { limits: Limits::default(), respond: 200, early: false, ends: false }
    }
}

impl ServerRun {
    /// Serves a connection on which these pieces arrive.
    pub(crate) fn serve(&self, pieces: &[&[u8]]) -> Transcript {
        let mut connection = ServerConnection::new(self.limits);
        let mut reading = Reading::default();
        let mut buffer = Unread::default();
        for (place, piece) in pieces.iter().enumerate() {
            buffer.add_piece(piece);
            let ended = self.ends && place + 1 == pieces.len();
            while self.take_event(&mut connection, &mut buffer, ended, &mut reading) {}
        }
        reading.into_transcript(connection.wants())
    }

    /// Handles an event; returns false if there is none until more bytes arrive.
    fn take_event(
        &self,
        connection: &mut ServerConnection,
        unread: &mut Unread,
        ended: bool,
        reading: &mut Reading,
    ) -> bool {
        let buffer = unread.bytes();
        let received = connection.receive(buffer, ended);
        assert!(received.consumed <= buffer.len(), "more was consumed than is there");
        let mut goes_on = true;
        match received.event {
            RequestEvent::Head(head) => {
                let start = format!(
                    "{} {}",
                    text_of(head.method(&buffer[..received.consumed])),
                    text_of(head.target(&buffer[..received.consumed]))
                );
                reading.begin(start);
                if self.early {
                    self.respond(connection, reading);
                }
            }
            RequestEvent::Data(range) => {
                assert!(range.end <= received.consumed);
                reading.add_content(&buffer[range]);
            }
            RequestEvent::Trailers(table) => reading.set_trailers(&table, buffer),
            RequestEvent::End => reading.end(),
            RequestEvent::Paused => self.respond(connection, reading),
            RequestEvent::Switched => {
                reading.rest = Some(buffer.to_vec());
                goes_on = false;
            }
            RequestEvent::Fault(fault) => {
                assert!(reading.fault.is_none_or(|earlier| earlier == fault), "not the same");
                reading.fault = Some(fault);
                answer_fault(connection, fault.status(), reading);
                goes_on = false;
            }
            RequestEvent::NeedMore | RequestEvent::Closed => goes_on = false,
        }
        reading.consumed += received.consumed;
        unread.consume(received.consumed);
        goes_on
    }

    fn respond(&self, connection: &mut ServerConnection, reading: &mut Reading) {
        let start = ResponseStart { status: self.respond, reason: b"" };
        connection.send_response(&mut reading.sent, start, [], Framing::None).unwrap();
    }
}

fn answer_fault(connection: &mut ServerConnection, status: Option<u16>, reading: &mut Reading) {
    if let (Wants::Write, Some(status)) = (connection.wants(), status) {
        let start = ResponseStart { status, reason: b"" };
        connection.send_response(&mut reading.sent, start, [], Framing::None).unwrap();
    }
}
