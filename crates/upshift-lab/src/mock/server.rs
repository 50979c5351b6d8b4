//! The state of a peer that its connections share.

use std::net::SocketAddr;

use tokio::sync::watch;

use super::recorder::Recorder;
use super::routes::Routes;
use super::scenario::Placeholders;
use super::tls::TlsConfigs;

/// The parts of a peer that its connections share.
pub(crate) struct Server {
    pub(crate) routes: Routes,
    pub(crate) tls: TlsConfigs,
    pub(crate) recorder: Recorder,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Server {
    /// Resolves when the peer stops.
    pub(crate) async fn stopped(&self) {
        // Fails only if the sender is gone, and then the peer is stopping, too.
        let _ = self.stop.clone().wait_for(|stops| *stops).await;
    }

    /// The values of placeholders without a request.
    pub(crate) fn placeholders(&self) -> Placeholders {
        Placeholders {
            http_port: self.http.port(),
            https_port: self.https.port(),
            ..Placeholders::default()
        }
    }

    /// The authority of this peer in a URL.
    pub(crate) fn authority(&self, is_cleartext: bool) -> String {
        let address = if is_cleartext { self.http } else { self.https };
        address.to_string()
    }
}
