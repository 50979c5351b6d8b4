//! The connection that an exchange belongs to.

use std::net::SocketAddr;
use std::rc::Rc;

use upshift_core::TlsState;

use crate::core_local::CoreLocal;
use crate::progress::activity::{ActiveRequest, Activity};

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
    /// After a switch to TLS, the activity of the cleartext connection, which stays busy.
    pub(crate) outer: Option<Rc<ActiveRequest>>,
}
