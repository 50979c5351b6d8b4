//! The client of an exchange over HTTP/1: state that `Request` and `Response` cannot carry.

use std::cell::RefCell;

use http::{HeaderMap, StatusCode};

use crate::fields::names::{KeptNames, ReceivedNames};

/// The client of one exchange over HTTP/1. Clients over other versions have none.
pub(crate) struct Http1Client<'r> {
    /// The names of the request's fields.
    names: ReceivedNames<'r>,
    /// An interim response that was not written yet.
    interim: RefCell<Option<InterimResponse>>,
}

/// An interim response (1xx, but not 101) with the fields of this hop.
pub(crate) struct InterimResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The names of its fields.
    pub(crate) names: Option<Box<KeptNames>>,
}

impl<'r> Http1Client<'r> {
    /// The client that has sent a request with these names.
    pub(crate) fn new(names: ReceivedNames<'r>) -> Self {
        Self { names, interim: RefCell::new(None) }
    }

    /// The names of the request's fields.
    pub(crate) fn names(&self) -> ReceivedNames<'r> {
        self.names
    }

    /// Passes an interim response on. The connection writes it after this poll of the exchange,
    /// which adds no other one before.
    pub(crate) fn pass_interim(&self, response: InterimResponse) {
        let replaced = self.interim.replace(Some(response));
        debug_assert!(replaced.is_none(), "an interim response is lost");
    }

    /// Returns true if an interim response was passed on and not taken.
    pub(crate) fn has_interim(&self) -> bool {
        self.interim.borrow().is_some()
    }

    /// Takes the interim response that was passed on since the last call.
    pub(crate) fn take_interim(&self) -> Option<InterimResponse> {
        self.interim.take()
    }
}
