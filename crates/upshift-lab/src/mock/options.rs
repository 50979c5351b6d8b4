//! The settings of a peer, and its start.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::error::MockError;
use super::event::MockEvent;
use super::recorder::EventSink;
use super::routes::{Route, RouteKey};
use super::scenario::Scenario;
use super::tls::Identity;

/// The settings of a mock peer. Without others it listens on free ports of 127.0.0.1 and makes
/// itself a certificate.
#[derive(Clone)]
pub struct MockOptions {
    pub(crate) routes: Vec<(RouteKey, Scenario)>,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) identity: Option<Identity>,
    pub(crate) sink: Option<EventSink>,
    pub(crate) keeps_ended: bool,
}

impl Default for MockOptions {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            routes: Vec::new(),
            http: any_port,
            https: any_port,
            identity: None,
            sink: None,
            keeps_ended: true,
        }
    }
}

impl fmt::Debug for MockOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockOptions")
            .field("routes", &self.routes)
            .field("http", &self.http)
            .field("https", &self.https)
            .finish_non_exhaustive()
    }
}

impl MockOptions {
    /// The usual settings, without a scenario.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers all requests that no other scenario answers.
    #[must_use]
    pub fn scenario(self, scenario: Scenario) -> Self {
        self.route(RouteKey::All, scenario)
    }

    /// Answers the requests of `key`. The first route that fits a request counts.
    #[must_use]
    pub fn route(mut self, key: RouteKey, scenario: Scenario) -> Self {
        self.routes.push((key, scenario));
        self
    }

    /// Listens on this address for cleartext. Port 0 is a free one.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        Self { http: address, ..self }
    }

    /// Listens on this address for TLS, and on the same UDP port for HTTP/3 if a scenario answers
    /// there. Port 0 is a free one.
    #[must_use]
    pub fn tls_listen(self, address: SocketAddr) -> Self {
        Self { https: address, ..self }
    }

    /// Shows this certificate: the chain and the key in PEM (RFC 7468).
    #[must_use]
    pub fn certificate(self, chain: String, key: String) -> Self {
        Self { identity: Some(Identity { certificate: chain, key }), ..self }
    }

    /// Calls `sink` with each event, from the thread of the peer. It delays the peer while it runs.
    #[must_use]
    pub fn on_event(self, sink: impl Fn(&MockEvent) + Send + Sync + 'static) -> Self {
        Self { sink: Some(Arc::new(sink)), ..self }
    }

    /// Drops the record of a connection when the connection is over, for a peer that runs long and
    /// whose events suffice.
    #[must_use]
    pub fn forget_ended_connections(self) -> Self {
        Self { keeps_ended: false, ..self }
    }

    pub(crate) fn check_routes(&self) -> Result<(), MockError> {
        let [(_, first), rest @ ..] = &self.routes[..] else { return Err(MockError::NoScenario) };
        if rest.is_empty() {
            return Ok(());
        }
        let scenarios = std::iter::once(first).chain(rest.iter().map(|(_, scenario)| scenario));
        for scenario in scenarios {
            if scenario.needs_own_port() {
                return Err(MockError::NeedsOwnPort(scenario.name().to_owned()));
            }
        }
        Ok(())
    }

    pub(crate) fn take_routes(&mut self) -> Vec<Route> {
        let mut routes = Vec::new();
        for (key, scenario) in std::mem::take(&mut self.routes) {
            routes.push(Route::new(key, scenario));
        }
        routes
    }
}
