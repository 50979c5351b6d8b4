//! The connection pool of one endpoint on one core.
//!
//! HTTP/1.1 connections are kept for the next request, the last used first; one HTTP/2 connection
//! carries all requests. There is no lock and no channel beyond hyper's own: a pool stays on its
//! core.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::Instant;

use super::body::UpstreamBody;
use super::connect::{ConnectError, UpstreamConnector, UpstreamStream};
use super::endpoint_health::EndpointHealth;
use crate::body::RequestBody;
use crate::local_executor::LocalExecutor;
use upshift_config::UpstreamHttp;

/// The number of idle connections that are kept per core and endpoint.
const MAX_IDLE: usize = 256;

/// The connections to one endpoint.
pub(crate) struct EndpointPool {
    endpoint: Arc<EndpointHealth>,
    connector: Rc<UpstreamConnector>,
    idle: IdlePool,
    http2: RefCell<Option<http2::SendRequest<RequestBody>>>,
}

/// The idle HTTP/1.1 connections of an endpoint.
type IdlePool = Rc<RefCell<Vec<IdleHttp1>>>;

/// An HTTP/1.1 connection that waits for the next request.
struct IdleHttp1 {
    sender: http1::SendRequest<RequestBody>,
    task: AbortHandle,
    since: Instant,
}

/// An HTTP/1.1 connection in use. It closes at once when dropped: hyper would first wait for an
/// upstream that reads nothing to take the rest of the request.
pub(crate) struct Http1Connection {
    sender: http1::SendRequest<RequestBody>,
    /// The pool that it returns to.
    idle: IdlePool,
    connector: Rc<UpstreamConnector>,
    task: ConnectionTask,
}

/// The task that runs a connection. It is aborted on drop.
struct ConnectionTask(Option<AbortHandle>);

/// A connection on which a request was answered.
pub(crate) struct UsedConnection {
    /// `None` for HTTP/2, whose connection stays in the pool.
    http1: Option<Http1Connection>,
}

impl EndpointPool {
    /// A pool without connections.
    pub(crate) fn new(endpoint: Arc<EndpointHealth>, connector: Rc<UpstreamConnector>) -> Self {
        Self { endpoint, connector, idle: Rc::default(), http2: RefCell::new(None) }
    }

    /// An open connection that can take a request, and the time for which it has been idle: one of
    /// HTTP/1.1 that is free, or the one of HTTP/2.
    pub(crate) fn reuse_connection(&self) -> Option<(PooledConnection, Duration)> {
        if let Some(sender) = &*self.http2.borrow()
            && !sender.is_closed()
        {
            return Some((PooledConnection::Http2(sender.clone()), Duration::ZERO));
        }
        let mut idle = self.idle.borrow_mut();
        while let Some(IdleHttp1 { sender, task, since }) = idle.pop() {
            if sender.is_ready() {
                let task = ConnectionTask(Some(task));
                return Some((self.http1_connection(sender, task), since.elapsed()));
            }
            task.abort();
        }
        None
    }

    /// Opens a connection.
    pub(crate) async fn open_connection(&self) -> Result<PooledConnection, ConnectError> {
        let (stream, http) = self.connect(self.endpoint.http).await?;
        let opened = match http {
            UpstreamHttp::V1_1 => self.open_http1(stream).await,
            UpstreamHttp::V2 => self.open_http2(stream).await,
        };
        opened.map_err(handshake_failed)
    }

    /// Opens an HTTP/1.1 connection that may be upgraded to another protocol. It is not reused.
    pub(crate) async fn open_for_upgrade(&self) -> Result<PooledConnection, ConnectError> {
        let (stream, _) = self.connect(UpstreamHttp::V1_1).await?;
        let handshake = http1_builder().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(handshake_failed)?;
        let task = ConnectionTask::spawn_connection(connection.with_upgrades());
        let (idle, connector) = (Rc::default(), Rc::clone(&self.connector));
        Ok(PooledConnection::Http1(Http1Connection { sender, idle, connector, task }))
    }

    async fn connect(
        &self,
        http: UpstreamHttp,
    ) -> Result<(UpstreamStream, UpstreamHttp), ConnectError> {
        let (stream, negotiated) = self.connector.connect(&self.endpoint.address, http).await?;
        Ok((stream.counted_at(&self.endpoint), negotiated))
    }

    async fn open_http1(&self, stream: UpstreamStream) -> hyper::Result<PooledConnection> {
        let (sender, connection) = http1_builder().handshake(TokioIo::new(stream)).await?;
        Ok(self.http1_connection(sender, ConnectionTask::spawn_connection(connection)))
    }

    async fn open_http2(&self, stream: UpstreamStream) -> hyper::Result<PooledConnection> {
        let connect_timeout = self.connector.connect_timeout();
        let (sender, connection) = http2::Builder::new(LocalExecutor)
            .adaptive_window(true)
            // A peer that vanished without a FIN or RST is noticed by nothing else: one that does
            // not answer a PING within the time that a new connection may take is given up.
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(connect_timeout))
            .keep_alive_timeout(connect_timeout)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await?;
        spawn_local(log_end(connection));
        self.http2.replace(Some(sender.clone()));
        Ok(PooledConnection::Http2(sender))
    }

    fn http1_connection(
        &self,
        sender: http1::SendRequest<RequestBody>,
        task: ConnectionTask,
    ) -> PooledConnection {
        let (idle, connector) = (Rc::clone(&self.idle), Rc::clone(&self.connector));
        PooledConnection::Http1(Http1Connection { sender, idle, connector, task })
    }

    /// Retires the HTTP/2 connection, if there is one: the next request opens another. Requests
    /// in flight on it continue.
    pub(crate) fn retire_http2(&self) {
        self.http2.replace(None);
    }

    /// Closes connections that have been idle for longer than `limit`.
    pub(crate) fn close_idle(&self, limit: Duration) {
        self.idle.borrow_mut().retain(|connection| {
            let keeps = !connection.sender.is_closed() && connection.since.elapsed() < limit;
            if !keeps && !connection.sender.is_ready() {
                // The upstream answered early and has not taken the rest of the upload, so hyper
                // would not close the connection by itself.
                connection.task.abort();
            }
            keeps
        });
    }
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.title_case_headers(true);
    builder
}

fn handshake_failed(error: hyper::Error) -> ConnectError {
    ConnectError::Failed(std::io::Error::other(error))
}

/// A connection that a request can be sent on.
pub(crate) enum PooledConnection {
    /// HTTP/1.1: one request at a time.
    Http1(Http1Connection),
    /// HTTP/2: shared by requests.
    Http2(http2::SendRequest<RequestBody>),
}

impl PooledConnection {
    /// Returns true if the connection speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::Http2(_))
    }

    /// Sends `request`. An error hands the request back if the connection was gone before it could
    /// be written.
    pub(super) async fn try_send_request(
        self,
        request: Request<RequestBody>,
    ) -> Result<(Response<UpstreamBody>, UsedConnection), TrySendError<Request<RequestBody>>> {
        match self {
            Self::Http1(mut http1) => {
                let response = http1.sender.try_send_request(request).await?;
                Ok((from_hyper(response), UsedConnection { http1: Some(http1) }))
            }
            Self::Http2(mut sender) => {
                let response = sender.try_send_request(request).await?;
                Ok((from_hyper(response), UsedConnection { http1: None }))
            }
        }
    }

    /// Sends a health check and returns the status of the response. The outcome is not counted as
    /// that of a request.
    pub(crate) async fn send_probe(self, request: Request<RequestBody>) -> hyper::Result<u16> {
        let sent = match self {
            Self::Http1(mut http1) => http1.sender.send_request(request).await,
            Self::Http2(mut sender) => sender.send_request(request).await,
        };
        Ok(sent?.status().as_u16())
    }
}

fn from_hyper(response: Response<Incoming>) -> Response<UpstreamBody> {
    let version = response.version();
    response.map(|body| UpstreamBody::from_hyper(body, version))
}

impl UsedConnection {
    /// Gives up the connection, which was upgraded to another protocol.
    pub(super) fn give_up_upgraded(mut self) {
        if let Some(http1) = &mut self.http1 {
            // The task hands the upgraded connection over, so it must not be aborted.
            http1.task.0 = None;
        }
    }

    /// Keeps the connection for the next request. The response must be complete.
    pub(super) fn return_to_pool(self) {
        let Some(Http1Connection { sender, idle, connector, mut task }) = self.http1 else {
            return;
        };
        // The response is complete, so the task is no longer aborted on drop: a connection that is
        // not kept closes in good order.
        let Some(task) = task.0.take() else { return };
        let mut idle = idle.borrow_mut();
        if !sender.is_closed() && idle.len() < MAX_IDLE && !connector.has_few_descriptors() {
            idle.push(IdleHttp1 { sender, task, since: Instant::now() });
        }
    }
}

impl ConnectionTask {
    fn spawn_connection(connection: impl Future<Output = hyper::Result<()>> + 'static) -> Self {
        Self(Some(spawn_local(log_end(connection)).abort_handle()))
    }
}

/// Runs a connection. Its failure is only logged: requests on it see it as their own.
async fn log_end(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an upstream connection ended");
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
