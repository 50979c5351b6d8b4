//! The connection that an exchange belongs to.

use std::net::SocketAddr;
use std::rc::Rc;

use http::Version;
use upshift_core::client_info::ConnectionInfo;
use upshift_core::{Known, TlsState};
use upshift_http::http_version;

use crate::core_local::CoreLocal;
use crate::progress::activity::Activity;

/// The properties that all requests of one connection share.
#[derive(Clone)]
pub(crate) struct Connection {
    /// The core that serves it.
    pub(crate) core: Rc<CoreLocal>,
    /// The address of its other end.
    pub(crate) peer: SocketAddr,
    /// Its protection.
    pub(crate) tls: TlsState,
    /// The activity of its client.
    pub(crate) activity: Rc<Activity>,
}

impl Connection {
    /// The facts that the connection itself shows about a request of this version of HTTP.
    pub(crate) fn info(&self, version: Version) -> ConnectionInfo {
        ConnectionInfo {
            peer: Some(self.peer.ip()),
            http: http_version(version),
            tls: Known::Is(self.tls),
        }
    }
}
