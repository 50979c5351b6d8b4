//! The use of an upstream connection for one exchange, and the record of its outcome.

use http::{Request, Response, StatusCode};

use super::body::UpstreamBody;
use super::endpoint::InFlightGuard;
use super::endpoint_health::EndpointFailure;
use super::pool::{PooledConnection, UsedConnection};
use crate::body::RequestBody;

/// A request that got no response.
pub(crate) enum SendError {
    /// The connection was gone before the request could be written. The request and its in-flight
    /// guard are handed back.
    Unsent(Box<(Request<RequestBody>, InFlightGuard)>),
    /// The connection failed after that.
    Broken(hyper::Error),
}

/// Sends `request` on `connection`. The checkout has to be kept with the body of the response.
pub(crate) async fn send_request(
    connection: PooledConnection,
    request: Request<RequestBody>,
    guard: InFlightGuard,
) -> Result<(Response<UpstreamBody>, Checkout), SendError> {
    match connection.try_send_request(request).await {
        Ok((response, connection)) => {
            let checkout = Checkout::new(connection, guard, response.status());
            Ok((response, checkout))
        }
        Err(mut error) => Err(match error.take_message() {
            Some(request) => SendError::Unsent(Box::new((request, guard))),
            None => SendError::Broken(error.into_error()),
        }),
    }
}

/// The use of an upstream connection for one exchange.
///
/// After the last byte of the response, [`Checkout::return_to_pool`] keeps the connection for the
/// next request. If the checkout is dropped before, the connection closes.
pub(crate) struct Checkout {
    connection: UsedConnection,
    guard: InFlightGuard,
    /// The exchange was already recorded as failed, because of its status.
    failed: bool,
}

impl Checkout {
    fn new(connection: UsedConnection, guard: InFlightGuard, status: StatusCode) -> Self {
        let failed = status.is_server_error();
        if failed {
            guard.endpoint().record_failure(EndpointFailure::Status);
        }
        Self { connection, guard, failed }
    }

    /// Gives up the connection, which was upgraded to another protocol. The in-flight guard remains
    /// and has to live as long as the tunnel.
    pub(crate) fn into_guard(self) -> InFlightGuard {
        self.connection.give_up_upgraded();
        self.guard.endpoint().record_success();
        self.guard
    }

    /// Records that the response failed after its head. The connection closes.
    pub(crate) fn fail_response(self, failure: EndpointFailure) {
        if !self.failed {
            self.guard.endpoint().record_failure(failure);
        }
    }

    /// Records the end of the response, and returns the connection to the pool.
    pub(crate) fn return_to_pool(self) {
        if !self.failed {
            self.guard.endpoint().record_success();
        }
        self.connection.return_to_pool();
    }
}
