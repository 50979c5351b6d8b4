//! Routes: which scenario answers for which hosts and paths.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use upshift_record::{Lane, RecordedRequest};

use super::event::ServedScenario;
use super::scenario::{Scenario, host_of};

/// The requests for which a scenario answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RouteKey {
    /// All requests.
    #[default]
    All,
    /// Those for a path and everything below it: `/a` is `/a`, `/a/b` and `/a?b`.
    Path(String),
    /// Those for a host, without regard to case and port.
    Host(String),
}

/// A scenario with the requests that it answers.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) key: RouteKey,
    pub(crate) scenario: Scenario,
    requests: AtomicU64,
}

/// The routes of a peer. The first that fits a request counts.
#[derive(Clone, Debug)]
pub(crate) struct Routes(Vec<Arc<Route>>);

impl Route {
    pub(crate) fn new(key: RouteKey, scenario: Scenario) -> Self {
        Self { key, scenario, requests: AtomicU64::new(0) }
    }

    /// Counts a request, and returns its number from 1.
    pub(crate) fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn fits(&self, request: &RecordedRequest) -> bool {
        match &self.key {
            RouteKey::All => true,
            RouteKey::Path(path) => is_below(path, request.target.as_bytes()),
            RouteKey::Host(host) => {
                host_of(request).is_some_and(|asked| asked.eq_ignore_ascii_case(host))
            }
        }
    }
}

impl Routes {
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        Self(routes.into_iter().map(Arc::new).collect())
    }

    /// The route for a request, if one fits.
    pub(crate) fn choose(&self, request: &RecordedRequest) -> Option<Arc<Route>> {
        self.0.iter().find(|route| route.fits(request)).map(Arc::clone)
    }

    /// The scenario whose settings hold for all connections, if one needs the ports for itself.
    pub(crate) fn connection_settings(&self) -> Option<&Scenario> {
        match &self.0[..] {
            [only] => Some(&only.scenario),
            _ => None,
        }
    }

    /// Returns true if a step may answer in HTTP/2 or HTTP/3 on this lane.
    pub(crate) fn answer_framed(&self, lane: Lane) -> bool {
        self.0.iter().any(|route| route.scenario.answers_framed(lane))
    }

    /// The scenarios, for the event of the start.
    pub(crate) fn served(&self) -> Vec<ServedScenario> {
        let mut served = Vec::new();
        for route in &self.0 {
            let mut one =
                ServedScenario { name: route.scenario.name().to_owned(), host: None, path: None };
            match &route.key {
                RouteKey::All => {}
                RouteKey::Path(path) => one.path = Some(path.clone()),
                RouteKey::Host(host) => one.host = Some(host.clone()),
            }
            served.push(one);
        }
        served
    }
}

fn is_below(path: &str, target: &[u8]) -> bool {
    let path = path.trim_end_matches('/');
    match target.strip_prefix(path.as_bytes()) {
        Some(rest) => matches!(rest.first(), None | Some(b'/' | b'?')),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_route_is_for_whole_segments() {
        for target in ["/a", "/a/", "/a/b", "/a?x"] {
            assert!(is_below("/a", target.as_bytes()), "{target}");
            assert!(is_below("/a/", target.as_bytes()), "{target}");
        }
        for target in ["/", "/ab", "/b/a"] {
            assert!(!is_below("/a", target.as_bytes()), "{target}");
        }
        assert!(is_below("/", b"/anything"));
    }
}
