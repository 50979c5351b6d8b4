//! The connections of one core to one replica.
//!
//! HTTP/1.1 connections are kept for the next request, the last used first; one HTTP/2 connection
//! carries all. No lock and no channel beyond the codec's own: everything here stays on its core.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::Instant;

use super::connect::{ConnectError, Connector, UpstreamStream};
use super::{Failure, Load};
use crate::body::RequestBody;
use crate::local_executor::LocalExecutor;
use upshift_config::{Address, UpstreamHttp};

/// As many resting connections as are kept per core and replica.
const MAX_RESTING: usize = 256;

/// The connections to one replica.
pub(crate) struct Pool {
    address: Address,
    http: UpstreamHttp,
    connector: Rc<Connector>,
    resting: Home,
    shared: RefCell<Option<http2::SendRequest<RequestBody>>>,
}

/// A connection that waits for the next request.
pub(crate) struct Resting {
    sender: http1::SendRequest<RequestBody>,
    task: AbortHandle,
    since: Instant,
}

/// An HTTP/1.1 connection in use. Dropped, it closes at once: its codec would wait until an
/// upstream that reads nothing has taken what is still to be written.
pub(crate) struct Own {
    sender: http1::SendRequest<RequestBody>,
    /// Where it is given back.
    home: Home,
    connector: Rc<Connector>,
    /// The task of its codec.
    task: ConnectionTask,
}

/// A task that is aborted on drop.
struct ConnectionTask(Option<AbortHandle>);

/// Where connections rest.
type Home = Rc<RefCell<Vec<Resting>>>;

/// Why a request got no answer.
pub(crate) enum SendError {
    /// The connection was gone before the request could be written; here it is again, with its
    /// place at the replica.
    Unsent(Box<(Request<RequestBody>, Load)>),
    /// The connection failed after that.
    Broken(hyper::Error),
}

impl Pool {
    /// No connections yet.
    pub(crate) fn new(address: Address, http: UpstreamHttp, connector: Rc<Connector>) -> Self {
        Self { address, http, connector, resting: Rc::default(), shared: RefCell::new(None) }
    }

    /// A connection that served before and is free, and the time for which it has rested.
    pub(crate) fn reuse(&self) -> Option<(Link, Duration)> {
        if let Some(sender) = self.shared.borrow().as_ref().filter(|sender| !sender.is_closed()) {
            return Some((Link::Shared(sender.clone()), Duration::ZERO));
        }
        let mut resting = self.resting.borrow_mut();
        while let Some(Resting { sender, task, since }) = resting.pop() {
            if sender.is_ready() {
                let (home, connector) = (Rc::clone(&self.resting), Rc::clone(&self.connector));
                let task = ConnectionTask(Some(task));
                return Some((Link::Own(Own { sender, home, connector, task }), since.elapsed()));
            }
            task.abort();
        }
        None
    }

    /// A new connection.
    pub(crate) async fn open(&self) -> Result<Link, ConnectError> {
        let (stream, http) = self.connector.connect(&self.address, self.http).await?;
        let failed = |error: hyper::Error| ConnectError::Failed(std::io::Error::other(error));
        match http {
            UpstreamHttp::V1_1 => self.open_http1(stream).await.map_err(failed),
            UpstreamHttp::V2 => self.open_http2(stream).await.map_err(failed),
        }
    }

    /// A new connection of HTTP/1.1 that may be switched to another protocol, and serves nothing
    /// else.
    pub(crate) async fn open_own(&self) -> Result<Link, ConnectError> {
        let (stream, _) = self.connector.connect(&self.address, UpstreamHttp::V1_1).await?;
        let handshake =
            http1::Builder::new().title_case_headers(true).handshake(TokioIo::new(stream)).await;
        let (sender, connection) =
            handshake.map_err(|error| ConnectError::Failed(std::io::Error::other(error)))?;
        let task = ConnectionTask::spawn(connection.with_upgrades());
        Ok(Link::Own(Own {
            sender,
            home: Rc::default(),
            connector: Rc::clone(&self.connector),
            task,
        }))
    }

    async fn open_http1(&self, stream: UpstreamStream) -> hyper::Result<Link> {
        let (sender, connection) =
            http1::Builder::new().title_case_headers(true).handshake(TokioIo::new(stream)).await?;
        let task = ConnectionTask::spawn(connection);
        Ok(Link::Own(Own {
            sender,
            home: Rc::clone(&self.resting),
            connector: Rc::clone(&self.connector),
            task,
        }))
    }

    async fn open_http2(&self, stream: UpstreamStream) -> hyper::Result<Link> {
        let limit = self.connector.limit();
        let (sender, connection) = http2::Builder::new(LocalExecutor)
            .adaptive_window(true)
            // A peer that is gone without a word shows in nothing else: one that does not answer a
            // PING within the time that a new connection may take is given up.
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(limit))
            .keep_alive_timeout(limit)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await?;
        spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an upstream connection ended");
            }
        });
        self.shared.replace(Some(sender.clone()));
        Ok(Link::Shared(sender))
    }

    /// Gives up the HTTP/2 connection, if there is one: the next request opens another. Requests
    /// that are under way on it go on.
    pub(crate) fn retire_shared(&self) {
        self.shared.replace(None);
    }

    /// Closes connections that have rested longer than `limit`.
    pub(crate) fn sweep(&self, limit: Duration) {
        self.resting.borrow_mut().retain(|resting| {
            let keeps = !resting.sender.is_closed() && resting.since.elapsed() < limit;
            if !keeps && !resting.sender.is_ready() {
                // It answered early, and has not taken the rest of the upload.
                resting.task.abort();
            }
            keeps
        });
    }
}

/// A connection that a request may be sent on.
pub(crate) enum Link {
    /// HTTP/1.1: it serves one request at a time.
    Own(Own),
    /// HTTP/2: requests share it.
    Shared(http2::SendRequest<RequestBody>),
}

impl Link {
    /// Tells whether requests on it are those of HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// Sends `request`; the lease is to be kept with the answer's body.
    pub(crate) async fn send(
        self,
        request: Request<RequestBody>,
        load: Load,
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        let (sent, own) = match self {
            Self::Own(mut own) => (own.sender.try_send_request(request).await, Some(own)),
            Self::Shared(mut sender) => (sender.try_send_request(request).await, None),
        };
        match sent {
            Ok(response) => {
                let lease = Lease::new(own, load, response.status());
                Ok((response, lease))
            }
            Err(mut error) => Err(match error.take_message() {
                Some(request) => SendError::Unsent(Box::new((request, load))),
                None => SendError::Broken(error.into_error()),
            }),
        }
    }
}

impl Link {
    /// Sends `request` for the status of its answer alone.
    pub(crate) async fn probe(self, request: Request<RequestBody>) -> hyper::Result<u16> {
        let sent = match self {
            Self::Own(mut own) => own.sender.send_request(request).await,
            Self::Shared(mut sender) => sender.send_request(request).await,
        };
        Ok(sent?.status().as_u16())
    }
}

/// The use of an upstream connection for one exchange.
///
/// Given back after the answer's last byte; dropped before, the connection closes.
pub(crate) struct Lease {
    own: Option<Own>,
    load: Load,
    /// The exchange counts as failed already.
    failed: bool,
}

impl Lease {
    fn new(own: Option<Own>, load: Load, status: StatusCode) -> Self {
        let failed = status.is_server_error();
        if failed {
            load.replica().failed(Failure::Status);
        }
        Self { own, load, failed }
    }

    /// The connection is no longer one of HTTP; what remains is that the replica is busy.
    pub(crate) fn into_load(mut self) -> Load {
        if let Some(own) = &mut self.own {
            own.task.0 = None;
        }
        self.load.replica().succeeded();
        self.load
    }

    /// The answer failed after its head: the connection closes.
    pub(crate) fn fail(self, failure: Failure) {
        if !self.failed {
            self.load.replica().failed(failure);
        }
    }

    /// The exchange is over: the connection may serve the next one.
    pub(crate) fn give_back(self) {
        if !self.failed {
            self.load.replica().succeeded();
        }
        let Some(Own { sender, home, connector, mut task }) = self.own else { return };
        // Everything is written: at rest, or closed in good order.
        let Some(task) = task.0.take() else { return };
        let mut resting = home.borrow_mut();
        if !sender.is_closed() && resting.len() < MAX_RESTING && !connector.has_few_descriptors() {
            resting.push(Resting { sender, task, since: Instant::now() });
        }
    }
}

impl ConnectionTask {
    fn spawn(connection: impl Future<Output = hyper::Result<()>> + 'static) -> Self {
        let task = spawn_local(async move {
            // The request on it learns of its failure from the answer.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an upstream connection ended");
            }
        });
        Self(Some(task.abort_handle()))
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
