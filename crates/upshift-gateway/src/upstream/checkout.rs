//! The use of an upstream for one exchange, and the record of its outcome.

use http::StatusCode;

use super::endpoint::InFlightGuard;
use super::endpoint_health::EndpointFailure;

/// The use of an upstream for one exchange, from the head of its response on.
///
/// The outcome has to be recorded once: after the last byte of the response
/// ([`Checkout::complete`]), or when it broke off. If the checkout is dropped before, the client has
/// given up, which is not the endpoint's fault.
pub(crate) struct Checkout {
    guard: InFlightGuard,
    /// The exchange was already recorded as failed, because of its status.
    failed: bool,
}

impl Checkout {
    /// The exchange of `guard`, to which the endpoint responded with `status`.
    pub(crate) fn new(guard: InFlightGuard, status: StatusCode) -> Self {
        let failed = status.is_server_error();
        if failed {
            guard.endpoint().record_failure(EndpointFailure::Status);
        }
        Self { guard, failed }
    }

    /// Records an upgrade to another protocol. The in-flight guard remains and has to live as long
    /// as the tunnel.
    pub(crate) fn into_guard(self) -> InFlightGuard {
        self.guard.endpoint().record_success();
        self.guard
    }

    /// Records that the response failed after its head.
    pub(crate) fn fail_response(self, failure: EndpointFailure) {
        if !self.failed {
            self.guard.endpoint().record_failure(failure);
        }
    }

    /// Records the end of the response.
    pub(crate) fn complete(self) {
        if !self.failed {
            self.guard.endpoint().record_success();
        }
    }
}
