//! A client that sends one request, and reads what the server answers.

use upshift_http1::{
    ClientConnection, Field, Framing, Limits, RequestStart, ResponseEvent, Version,
};

use crate::transcript::{Reading, Transcript, Unread};

/// The behaviour of the client.
#[derive(Clone, Debug)]
pub(crate) struct ClientRun {
    pub(crate) limits: Limits,
    pub(crate) method: String,
    /// The request offers to switch protocols.
    pub(crate) offers: bool,
    /// The number of bytes of content that the request has, and that are not sent.
    pub(crate) unsent: u64,
    /// The server sends nothing after the last piece.
    pub(crate) ends: bool,
}

impl Default for ClientRun {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            method: "GET".to_owned(),
            offers: false,
            unsent: 0,
            ends: false,
        }
    }
}

impl ClientRun {
    /// A connection that has sent the request.
    pub(crate) fn ask(&self, out: &mut Vec<u8>) -> ClientConnection {
        let mut connection = ClientConnection::new(self.limits);
        let target: &[u8] = if self.method == "CONNECT" { b"a:443" } else { b"/" };
        let start =
            RequestStart { method: self.method.as_bytes(), target, version: Version::Http11 };
        let mut fields = vec![Field::new(b"Host", b"a"), Field::new(b"TE", b"trailers")];
        if self.offers {
            fields.push(Field::new(b"Upgrade", b"x"));
        }
        let framing = match self.unsent {
            0 => Framing::None,
            length => Framing::Length(length),
        };
        connection.send_request(out, start, fields, framing).unwrap();
        connection
    }

    /// Reads a connection on which these pieces arrive.
    pub(crate) fn read(&self, pieces: &[&[u8]]) -> Transcript {
        let mut reading = Reading::default();
        let mut connection = self.ask(&mut reading.sent);
        let mut buffer = Unread::default();
        for (place, piece) in pieces.iter().enumerate() {
            buffer.add_piece(piece);
            let ended = self.ends && place + 1 == pieces.len();
            while take_event(&mut connection, &mut buffer, ended, &mut reading) {}
        }
        reading.into_transcript(connection.wants())
    }
}

/// Handles an event; returns false if there is none until more bytes arrive.
fn take_event(
    connection: &mut ClientConnection,
    unread: &mut Unread,
    ended: bool,
    reading: &mut Reading,
) -> bool {
    let buffer = unread.bytes();
    let received = connection.receive(buffer, ended);
    assert!(received.consumed <= buffer.len(), "more was consumed than is there");
    let mut goes_on = true;
    match received.event {
        ResponseEvent::Interim(head) => {
            reading.begin(head.status().to_string());
            reading.end();
        }
        ResponseEvent::Head(head) => reading.begin(head.status().to_string()),
        ResponseEvent::Data(range) => reading.add_content(&buffer[range]),
        ResponseEvent::Trailers(table) => reading.set_trailers(&table, buffer),
        ResponseEvent::End => reading.end(),
        ResponseEvent::Switched => {
            reading.rest = Some(buffer.to_vec());
            goes_on = false;
        }
        ResponseEvent::Fault(fault) => {
            assert!(reading.fault.is_none_or(|earlier| earlier == fault), "not the same");
            reading.fault = Some(fault);
            goes_on = false;
        }
        ResponseEvent::NeedMore | ResponseEvent::Paused | ResponseEvent::Closed => goes_on = false,
    }
    reading.consumed += received.consumed;
    unread.consume(received.consumed);
    goes_on
}
