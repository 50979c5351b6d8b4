//! The client of an exchange over HTTP/1: the parts of its messages that the types for a request and
//! a response have no place for.

use std::cell::Cell;

use http::{HeaderMap, StatusCode};

/// The client of one exchange over HTTP/1. Clients over other versions have none.
#[derive(Default)]
pub(crate) struct Http1Client {
    /// An interim response that was not written yet.
    interim: Cell<Option<InterimResponse>>,
}

/// An interim response (1xx, but not 101) with the fields of this hop.
pub(crate) struct InterimResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

impl Http1Client {
    /// Passes an interim response on. The connection writes it after this poll of the exchange,
    /// which adds no other one before.
    pub(crate) fn pass_interim(&self, response: InterimResponse) {
        self.interim.set(Some(response));
    }

    /// Takes the interim response that was passed on since the last call.
    pub(crate) fn take_interim(&self) -> Option<InterimResponse> {
        self.interim.take()
    }
}
