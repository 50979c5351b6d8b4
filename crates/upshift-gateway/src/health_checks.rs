//! Health checks: requests that ask each endpoint whether it is well. One thread makes those of all
//! cores.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderValue, Request, Uri, header, uri};
use rustls::ClientConfig;
use tokio::task::spawn_local;
use tokio::time::{interval, timeout};
use upshift_config::HealthCheck;

use crate::body::RequestBody;
use crate::upstream::connect::{ConnectError, Connector};
use crate::upstream::health::EndpointHealth;
use crate::upstream::pool::Pool;
use crate::worker::Snapshot;

/// The time between two looks at what is due.
const EVERY: Duration = Duration::from_millis(100);

/// What a health check calls itself.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("upshift-health-check/", env!("CARGO_PKG_VERSION")));

/// Checks the endpoints of the snapshot in force, for ever.
pub(crate) async fn run(snapshot: &ArcSwap<Snapshot>) {
    let mut every = interval(EVERY);
    loop {
        every.tick().await;
        start_due(&snapshot.load());
    }
}

fn start_due(snapshot: &Snapshot) {
    for (upstream, tls) in snapshot.upstream_health.iter().zip(&snapshot.upstream_tls) {
        let Some(check) = &upstream.check else { continue };
        let due = upstream.endpoints.iter().filter(|endpoint| endpoint.take_check(check.interval));
        for endpoint in due {
            spawn_local(check_one(Arc::clone(endpoint), check.clone(), Arc::clone(tls)));
        }
    }
}

async fn check_one(endpoint: Arc<EndpointHealth>, check: HealthCheck, tls: Arc<ClientConfig>) {
    let result = match timeout(check.timeout, ask(&endpoint, &check, tls)).await {
        Ok(Ok(status)) if check.expects(status) => Ok(()),
        Ok(Ok(status)) => Err(format!("it answered {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it did not answer within {:?}", check.timeout)),
    };
    endpoint.checked(&check, result);
}

/// Asks on a connection of its own, and returns the status.
async fn ask(
    endpoint: &EndpointHealth,
    check: &HealthCheck,
    tls: Arc<ClientConfig>,
) -> io::Result<u16> {
    let connector = Rc::new(Connector::new(tls, check.timeout));
    let pool = Pool::new(endpoint.address.clone(), endpoint.http, connector);
    let link = pool.open().await.map_err(|error| match error {
        ConnectError::Failed(error) => error,
        ConnectError::Timeout => io::ErrorKind::TimedOut.into(),
        ConnectError::OutOfDescriptors => io::Error::other("this process has no descriptor left"),
    })?;
    let request = request(endpoint, &check.path, link.is_http2()).map_err(io::Error::other)?;
    link.probe(request).await.map_err(io::Error::other)
}

fn request(
    endpoint: &EndpointHealth,
    path: &str,
    http2: bool,
) -> Result<Request<RequestBody>, http::Error> {
    let origin = endpoint.name.parse::<Uri>()?.into_parts();
    let authority = origin.authority.as_ref().map_or("", uri::Authority::as_str);
    let builder = Request::get(path).header(header::USER_AGENT, USER_AGENT);
    let builder = if http2 {
        // RFC 9113 §8.3.1: `:authority` in place of `Host`.
        let target =
            Uri::builder().scheme(origin.scheme.unwrap_or(uri::Scheme::HTTP)).authority(authority);
        builder.uri(target.path_and_query(path).build()?)
    } else {
        builder.header(header::HOST, authority).header(header::CONNECTION, "close")
    };
    builder.body(RequestBody::empty())
}
