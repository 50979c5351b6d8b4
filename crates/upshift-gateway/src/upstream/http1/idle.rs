//! The idle connections of an endpoint.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Http1Connection;
use crate::upstream::connect::UpstreamConnector;

/// The number of idle connections that are kept per core and endpoint.
const MAX_IDLE: usize = 256;

/// The idle connections of an endpoint on one core. The most recently used is reused first.
pub(crate) struct IdleConnections {
    connections: RefCell<Vec<IdleConnection>>,
    connector: Rc<UpstreamConnector>,
}

struct IdleConnection {
    connection: Box<Http1Connection>,
    since: Instant,
}

impl IdleConnections {
    /// No connections.
    pub(crate) fn new(connector: Rc<UpstreamConnector>) -> Rc<Self> {
        Rc::new(Self { connections: RefCell::default(), connector })
    }

    /// Takes a connection that the upstream has not closed, and the time it was idle.
    pub(crate) fn take(&self) -> Option<(Box<Http1Connection>, Duration)> {
        loop {
            let mut idle = self.connections.borrow_mut().pop()?;
            let time = idle.since.elapsed();
            if idle.is_fit(time) {
                return Some((idle.connection, time));
            }
            idle.connection.close();
        }
    }

    /// Keeps a connection if it can be reused and there is room for it, or else closes it.
    pub(super) fn put(&self, mut connection: Box<Http1Connection>) {
        let mut connections = self.connections.borrow_mut();
        let has_room = connections.len() < MAX_IDLE && !self.connector.has_few_descriptors();
        if has_room && connection.is_reusable() {
            connection.park();
            connections.push(IdleConnection { connection, since: Instant::now() });
        } else {
            connection.close();
        }
    }

    /// Closes connections that the upstream has closed or is about to close, and those that have
    /// been idle for longer than `limit`.
    pub(crate) fn close_expired(&self, limit: Duration) {
        let mut connections = self.connections.borrow_mut();
        for mut idle in std::mem::take(&mut *connections) {
            let time = idle.since.elapsed();
            if time < limit && idle.is_fit(time) {
                connections.push(idle);
            } else {
                idle.connection.close();
            }
        }
    }
}

impl IdleConnection {
    /// Returns true if it can take a request after being idle for `time`.
    fn is_fit(&mut self, time: Duration) -> bool {
        let is_in_time = self.connection.idle_time.is_none_or(|limit| time < limit);
        is_in_time && self.connection.is_reusable()
    }
}
