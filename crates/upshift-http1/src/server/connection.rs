//! The state of a connection on the server's side.

use crate::body::BodyReader;
use crate::driver::Wants;
use crate::fault::{Fault, Malformed, Party};
use crate::head::{RequestMethod, RequestReader};
use crate::limits::Limits;
use crate::version::Version;
use crate::write::ContentWriter;

/// The state of a connection on the server's side.
///
/// It handles one exchange at a time: the head of a pipelined request is not read until the
/// response to the previous request was sent.
#[derive(Debug)]
pub struct ServerConnection {
    pub(super) limits: Limits,
    pub(super) reading: Reading,
    pub(super) writing: Writing,
    pub(super) exchange: Exchange,
    /// The number of bytes that were consumed.
    pub(super) position: u64,
    /// The client has shut down its sending side.
    pub(super) ended: bool,
    /// All bytes of the client were consumed, and it sends no more.
    pub(super) exhausted: bool,
}

#[derive(Debug)]
pub(super) enum Reading {
    Head(RequestReader),
    Body(BodyReader),
    /// The request has ended.
    Done,
    Switched,
    Closed,
    Faulty(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// There is no request to respond to.
    NoRequest,
    /// A response may begin.
    Ready,
    Content(ContentWriter),
    Done,
    /// A response was aborted.
    Broken,
}

/// The exchange in progress.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exchange {
    pub(super) method: RequestMethod,
    pub(super) version: Version,
    /// So far, both sides let the connection persist.
    pub(super) keeps_alive: bool,
    pub(super) offers_switch: bool,
    pub(super) accepts_trailers: bool,
    /// The client waits for 100 (Continue) before it sends the content.
    pub(super) awaits_continue: bool,
    /// The response opens a tunnel.
    pub(super) switches: bool,
    /// The rest of the content is still read after the response.
    pub(super) reads_on: bool,
}

impl ServerConnection {
    /// A new connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            reading: Reading::Head(RequestReader::default()),
            writing: Writing::NoRequest,
            exchange: Exchange::default(),
            position: 0,
            ended: false,
            exhausted: false,
        }
    }

    /// The next action that the connection needs.
    pub fn wants(&self) -> Wants {
        match (&self.reading, self.writing) {
            (_, Writing::Broken) => Wants::Close,
            (Reading::Switched, _) => Wants::Switch,
            (Reading::Faulty(fault), writing) => self.wants_after(fault, writing),
            (Reading::Closed, Writing::Ready | Writing::Content(_)) => Wants::Write,
            (Reading::Closed, Writing::NoRequest) => Wants::Close,
            (Reading::Closed, Writing::Done) if self.ended => Wants::Close,
            (Reading::Closed, Writing::Done) => Wants::Linger,
            (Reading::Head(reader), _) if reader.is_pristine() => Wants::Idle,
            (Reading::Head(_) | Reading::Body(_), _) => Wants::Read,
            (Reading::Done, _) => Wants::Write,
        }
    }

    fn wants_after(&self, fault: &Fault, writing: Writing) -> Wants {
        match writing {
            Writing::NoRequest | Writing::Ready if fault.status().is_some() => Wants::Write,
            Writing::Done if !self.ended => Wants::Linger,
            _ => Wants::Close,
        }
    }

    /// Returns true while the client waits for 100 (Continue) before it sends its content.
    pub fn awaits_continue(&self) -> bool {
        self.exchange.awaits_continue
    }

    /// Returns true if, as far as is known, the connection takes another request after this
    /// exchange.
    pub fn keeps_alive(&self) -> bool {
        self.exchange.keeps_alive && !self.exhausted
    }

    /// Ends the connection after the exchange in progress, or at once if there is none.
    pub fn finish(&mut self) {
        self.exchange.keeps_alive = false;
        if let (Reading::Head(_), Writing::NoRequest | Writing::Done) =
            (&self.reading, self.writing)
        {
            self.reading = Reading::Closed;
        }
    }

    /// Keeps reading the content of the request if the response ends first, even if the connection
    /// does not persist. For content that is still being forwarded.
    pub fn read_on(&mut self) {
        self.exchange.reads_on = true;
    }

    /// Aborts the response because its content ended early.
    ///
    /// RFC 9112 §8: the client must be able to detect this, so no last chunk is sent.
    pub fn break_off(&mut self) {
        self.writing = Writing::Broken;
    }

    pub(super) fn fail(&mut self, malformed: Malformed) -> Fault {
        let offset = self.position + malformed.at as u64;
        let fault = Fault { party: Party::Client, class: malformed.class, offset };
        self.reading = Reading::Faulty(fault);
        self.exchange.keeps_alive = false;
        fault
    }

    /// Prepares for the next request, or ends the connection, once both messages have ended.
    pub(super) fn finish_exchange(&mut self) {
        if self.writing != Writing::Done {
            return;
        }
        match self.reading {
            Reading::Done if self.exchange.switches => self.reading = Reading::Switched,
            Reading::Done if self.exchange.keeps_alive => {
                self.reading = Reading::Head(RequestReader::default());
                self.writing = Writing::NoRequest;
            }
            // RFC 9112 §9.6: "The server MUST NOT process any further requests received on that
            // connection."
            Reading::Done => self.reading = Reading::Closed,
            // RFC 9112 §9.3: the rest of the content is read, or the connection is closed.
            Reading::Body(_) if !self.exchange.keeps_alive && !self.reads_on() => {
                self.reading = Reading::Closed;
            }
            _ => {}
        }
    }

    fn reads_on(&self) -> bool {
        self.exchange.switches || self.exchange.reads_on
    }
}
