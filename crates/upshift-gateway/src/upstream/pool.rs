//! The connection pool of one endpoint on one core.
//!
//! HTTP/1.1 connections are kept for the next request, the last used first; one HTTP/2 connection
//! carries all requests. There is no lock, and no channel but those of HTTP/2: a pool stays on its
//! core.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::spawn_local;
use upshift_config::UpstreamHttp;

use super::connect::{ConnectError, UpstreamConnector, UpstreamStream};
use super::endpoint_health::EndpointHealth;
use super::http1::{Http1Connection, IdleConnections};
use crate::body::RequestBody;
use crate::local_executor::LocalExecutor;

/// The connections to one endpoint.
pub(crate) struct EndpointPool {
    endpoint: Arc<EndpointHealth>,
    connector: Rc<UpstreamConnector>,
    idle: Rc<IdleConnections>,
    http2: RefCell<Option<Http2Sender>>,
}

/// A connection that a request can be sent on.
pub(crate) enum PooledConnection {
    /// HTTP/1.1: one request at a time. The pool is the one that it returns to, if it is kept.
    Http1(Box<Http1Connection>, Option<Rc<IdleConnections>>),
    /// HTTP/2: shared by requests.
    Http2(Http2Sender),
}

/// A handle that sends requests on a connection of HTTP/2.
pub(crate) type Http2Sender = http2::SendRequest<RequestBody>;

impl EndpointPool {
    /// A pool without connections.
    pub(crate) fn new(endpoint: Arc<EndpointHealth>, connector: Rc<UpstreamConnector>) -> Self {
        let idle = IdleConnections::new(Rc::clone(&connector));
        Self { endpoint, connector, idle, http2: RefCell::new(None) }
    }

    /// An open connection that can take a request, and the time for which it has been idle: one of
    /// HTTP/1.1 that is free, or the one of HTTP/2.
    pub(crate) fn reuse_connection(&self) -> Option<(PooledConnection, Duration)> {
        if let Some(sender) = &*self.http2.borrow()
            && !sender.is_closed()
        {
            return Some((PooledConnection::Http2(sender.clone()), Duration::ZERO));
        }
        let (connection, idle_time) = self.idle.take()?;
        Some((self.kept_connection(connection), idle_time))
    }

    /// Opens a connection.
    pub(crate) async fn open_connection(&self) -> Result<PooledConnection, ConnectError> {
        let (stream, http) = self.connect(self.endpoint.http).await?;
        match http {
            UpstreamHttp::V1_1 => Ok(self.kept_connection(Http1Connection::new(stream))),
            UpstreamHttp::V2 => {
                let opened = self.open_http2(stream).await;
                opened.map_err(|error| ConnectError::Failed(std::io::Error::other(error)))
            }
        }
    }

    /// Opens an HTTP/1.1 connection that may be upgraded to another protocol. It is not reused.
    pub(crate) async fn open_for_upgrade(&self) -> Result<PooledConnection, ConnectError> {
        let (stream, _) = self.connect(UpstreamHttp::V1_1).await?;
        Ok(PooledConnection::Http1(Http1Connection::new(stream), None))
    }

    async fn connect(
        &self,
        http: UpstreamHttp,
    ) -> Result<(UpstreamStream, UpstreamHttp), ConnectError> {
        let (stream, negotiated) = self.connector.connect(&self.endpoint.address, http).await?;
        Ok((stream.counted_at(&self.endpoint), negotiated))
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

    fn kept_connection(&self, connection: Box<Http1Connection>) -> PooledConnection {
        PooledConnection::Http1(connection, Some(Rc::clone(&self.idle)))
    }

    /// Retires the HTTP/2 connection, if there is one: the next request opens another. Requests
    /// in flight on it continue.
    pub(crate) fn retire_http2(&self) {
        self.http2.replace(None);
    }

    /// Closes connections that have been idle for longer than `limit`.
    pub(crate) fn close_idle(&self, limit: Duration) {
        self.idle.close_expired(limit);
    }
}

/// Runs a connection. Its failure is only logged: requests on it see it as their own.
async fn log_end(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an upstream connection ended");
    }
}
