//! The state of a connection on the client's side.

use crate::body::BodyReader;
use crate::driver::Wants;
use crate::fault::{Fault, Malformed, Party};
use crate::head::{RequestMethod, ResponseReader};
use crate::limits::Limits;
use crate::write::ContentWriter;

/// The state of a connection on the client's side. It sends one request at a time.
#[derive(Debug)]
pub struct ClientConnection {
    pub(super) limits: Limits,
    pub(super) reading: Reading,
    pub(super) writing: Writing,
    pub(super) exchange: Exchange,
    /// The number of bytes that were consumed.
    pub(super) position: u64,
    /// The server has shut down its sending side.
    pub(super) ended: bool,
}

#[derive(Debug)]
pub(super) enum Reading {
    /// No request was sent.
    Idle,
    Head(ResponseReader),
    Body(BodyReader),
    /// The response has ended.
    Done,
    Switched,
    Closed,
    Faulty(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    Idle,
    Content(ContentWriter),
    Done,
    /// A request was aborted.
    Broken,
}

/// The exchange in progress.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exchange {
    pub(super) method: RequestMethod,
    /// So far, both sides let the connection persist.
    pub(super) keeps_alive: bool,
    pub(super) offers_switch: bool,
    /// The content of the request waits for 100 (Continue).
    pub(super) awaits_continue: bool,
    /// The number of interim responses.
    pub(super) interim: usize,
    /// The response opens a tunnel.
    pub(super) switches: bool,
}

impl ClientConnection {
    /// A new connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            reading: Reading::Idle,
            writing: Writing::Idle,
            exchange: Exchange::default(),
            position: 0,
            ended: false,
        }
    }

    /// The next action that the connection needs. [`Wants::Idle`] means that it can take a request
    /// or be pooled.
    pub fn wants(&self) -> Wants {
        match (&self.reading, self.writing) {
            (_, Writing::Broken) | (Reading::Closed | Reading::Faulty(_), _) => Wants::Close,
            (Reading::Idle, _) if self.ended => Wants::Close,
            (Reading::Idle, _) => Wants::Idle,
            (Reading::Switched, Writing::Content(_)) => Wants::Write,
            (Reading::Switched, _) => Wants::Switch,
            (Reading::Done, _) => Wants::Write,
            (Reading::Head(_), Writing::Content(_)) if !self.exchange.awaits_continue => {
                Wants::Write
            }
            (Reading::Head(_) | Reading::Body(_), _) => Wants::Read,
        }
    }

    /// Returns true while the request's content is held back, because the request expects 100
    /// (Continue). RFC 9110 §10.1.1: a client must not wait for it indefinitely.
    pub fn awaits_continue(&self) -> bool {
        self.exchange.awaits_continue
    }

    /// Ends the wait for 100 (Continue): the content will be sent, even if a final response arrives
    /// first.
    pub fn stop_awaiting_continue(&mut self) {
        self.exchange.awaits_continue = false;
    }

    /// Aborts the request because its content ended early. The connection must be closed.
    pub fn break_off(&mut self) {
        self.writing = Writing::Broken;
    }

    pub(super) fn fail(&mut self, malformed: Malformed) -> Fault {
        let offset = self.position + malformed.at as u64;
        let fault = Fault { party: Party::Server, class: malformed.class, offset };
        self.reading = Reading::Faulty(fault);
        self.exchange.keeps_alive = false;
        fault
    }

    /// Prepares for the next request, or ends the connection, once both messages have ended.
    pub(super) fn finish_exchange(&mut self) {
        if !matches!(self.reading, Reading::Done) {
            return;
        }
        if self.exchange.switches {
            self.reading = Reading::Switched;
        } else if !self.exchange.keeps_alive {
            // RFC 9112 §9.6: a client that has received `close` MUST cease sending requests.
            self.reading = Reading::Closed;
        } else if self.writing == Writing::Done {
            self.reading = Reading::Idle;
            self.writing = Writing::Idle;
        }
    }
}
